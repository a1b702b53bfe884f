package interop

import (
	"context"
	"testing"
)

// enter opens the page of e2ee with a passphrase and presses Start.
func enter(t *testing.T, url, passphrase string) context.Context {
	t.Helper()
	tab := newTab(t, sharedBrowser(t), url)
	if err := evaluate(tab, "document.getElementById('passphrase').value = '"+passphrase+"'", nil); err != nil {
		t.Fatal(err)
	}
	click(t, tab, "start")
	waitText(t, tab, "headline", "^Connected$")
	return tab
}

// Frames that Chromium's RTCRtpScriptTransform encrypts are decrypted by ours, and
// the other way round; with another key no picture is decoded.
func TestFramesAreEncryptedBetweenChromiumAndGo(t *testing.T) {
	url, lines := startExample(t, "e2ee", "-passphrase", "sesame")
	tab := enter(t, url, "sesame")
	waitLine(t, lines, "frames of .* are decrypted")
	receives(t, tab, "VP8", 30, 50)
	waitText(t, tab, "frames", `[1-9]\d* frames encrypted, [1-9]\d* decrypted`)
	comesBack(t, tab, "local", "remote")
	looks(t, tab, "e2ee")
	click(t, tab, "stop")
	waitText(t, tab, "headline", "^Stopped$")

	tab = enter(t, url, "another")
	waitLine(t, lines, "video: a frame cannot be decrypted")
	waitText(t, tab, "frames", `(?s)[2-9]\d\d frames encrypted, 0 decrypted.*is the passphrase the program`)
	var decoded int
	if err := evaluate(tab, `pc.getStats().then(r => [...r.values()].filter(s => s.type === 'inbound-rtp').reduce((n, s) => n + (s.framesDecoded ?? 0), 0))`, &decoded); err != nil || decoded != 0 {
		t.Errorf("%d frames are decoded with another key (%v)", decoded, err)
	}
	screenshot(t, tab, "e2ee-wrong-key.png", 1100, "light")
}

// Where one end alone encrypts, what arrives is noise to the other's decoder.
func TestChromiumDecodesNothingWithoutTheKey(t *testing.T) {
	url, _ := startExample(t, "e2ee", "-passphrase", "sesame")
	tab := newTab(t, sharedBrowser(t), url)
	const blind = `(() => {
		document.getElementById('passphrase').value = 'sesame';
		const set = Object.getOwnPropertyDescriptor(RTCRtpReceiver.prototype, 'transform').set;
		Object.defineProperty(RTCRtpReceiver.prototype, 'transform', { set() {} });
		return !!set;
	})()`
	var there bool
	if err := evaluate(tab, blind, &there); err != nil || !there {
		t.Fatalf("no transform of receivers (%v)", err)
	}
	click(t, tab, "start")
	waitText(t, tab, "headline", "^Connected$")
	waitFor(t, tab, "packets of video that cannot be decoded", `pc.getStats().then(r => {
		const video = [...r.values()].find(s => s.type === 'inbound-rtp' && s.kind === 'video');
		return video?.packetsReceived > 100;
	})`)
	var width int
	if err := evaluate(tab, "document.getElementById('remote').videoWidth", &width); err != nil {
		t.Fatal(err)
	}
	var decoded int
	if err := evaluate(tab, `pc.getStats().then(r => [...r.values()].find(s => s.type === 'inbound-rtp' && s.kind === 'video').framesDecoded)`, &decoded); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d frames decoded, %d wide", decoded, width)
	if decoded > 3 {
		t.Errorf("%d frames are decoded without the key", decoded)
	}
}
