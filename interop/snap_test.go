package interop

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc"
	pion "github.com/pion/webrtc/v4"
)

// snapPeers are Chromium and pion/webrtc with the SCTP handshake in signaling, which they
// do not have by default, and without. prepare runs once for several peers.
var snapPeers = []struct {
	name    string
	signals bool
	prepare func(testing.TB) func(testing.TB) remote
}{
	{"Chromium", true, snapBrowser},
	{"pion/webrtc", true, func(testing.TB) func(testing.TB) remote {
		return func(t testing.TB) remote {
			return newPionPeerWith(t, func(e *pion.SettingEngine) { e.EnableSctpSnap(true) })
		}
	}},
	{"Chromium without it", false, func(testing.TB) func(testing.TB) remote { return newBrowserPeer }},
	{"pion/webrtc without it", false, func(testing.TB) func(testing.TB) remote { return newPionPeer }},
}

// snapBrowser makes peers in a Chromium of its own, behind the field trial.
func snapBrowser(t testing.TB) func(testing.TB) remote {
	browser, stop, err := startBrowser("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream",
		"force-fieldtrials=WebRTC-Sctp-Snap/Enabled/")
	if err != nil {
		missing(t, "Chromium: %v", err)
	}
	t.Cleanup(stop)
	return func(t testing.TB) remote { return inPage(t, "Chromium", tabOf(snapTab(t, browser)), "newPeer()") }
}

// snapTab is the page of harness in another browser.
func snapTab(t testing.TB, browser context.Context) context.Context {
	server := httptest.NewServer(http.FileServerFS(pageFiles))
	t.Cleanup(server.Close)
	return newTab(t, browser, server.URL+"/page/peer.html")
}

// draft-hancke-tsvwg-snap-00: where both ends signal their INIT chunks the association
// begins without SCTP's handshake, otherwise with it; channels carry messages both ways,
// whoever offers.
func TestTheSCTPHandshakeIsSignalled(t *testing.T) {
	for _, p := range snapPeers {
		t.Run(p.name, func(t *testing.T) {
			newPeer := p.prepare(t)
			for _, how := range []signalling{{weOffer: true}, {weOffer: false}} {
				t.Run(how.String(), func(t *testing.T) {
					var settings webrtc.SettingEngine
					settings.EnableSctpSnap(true)
					r, l := newPeer(t), newLocalWith(t, settings, webrtc.Configuration{})
					ours := l.create("ours", channelInit{})
					must(t, r.CreateChannel("theirs", channelInit{}))
					l.connect(r, how)
					open(t, l, r, ours)
					theirs := l.channel("theirs")
					open(t, l, r, theirs)
					roundTrip(t, l, r, ours, true)
					roundTrip(t, l, r, theirs, true)
					const attribute = "a=sctp-init:"
					if we := strings.Contains(l.LocalDescription().SDP, attribute); we != (p.signals || how.weOffer) {
						t.Errorf("we signal: %t", we)
					}
					if they := strings.Contains(l.RemoteDescription().SDP, attribute); they != p.signals {
						t.Errorf("they signal: %t", they)
					}
				})
			}
		})
	}
}
