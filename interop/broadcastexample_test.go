package interop

import (
	"context"
	"testing"
)

// One page broadcasts; one watches from before it began, one comes late and has a
// picture soon, as a key frame is asked for. Both are told when it is over, and see
// the next broadcast without a click.
func TestABroadcastReachesEverybodyWhoWatches(t *testing.T) {
	url, lines := startExample(t, "broadcast")
	early := newTab(t, sharedBrowser(t), url+"/watch")
	click(t, early, "start")
	waitText(t, early, "headline", "^Nobody broadcasts yet$")
	on := func(broadcaster context.Context) {
		click(t, broadcaster, "start")
		waitText(t, broadcaster, "headline", "^Live$")
		waitLine(t, lines, "the broadcast begins")
	}
	first := newTab(t, sharedBrowser(t), url)
	on(first)
	waitText(t, early, "headline", "^Live$")
	receives(t, early, "VP8", 20, 40)

	late := newTab(t, sharedBrowser(t), url+"/watch")
	click(t, late, "start")
	waitText(t, late, "headline", "^Live$")
	waitFor(t, late, "a picture", "document.getElementById('screen').dataset.after")
	var after int
	if err := evaluate(late, "Number(document.getElementById('screen').dataset.after)", &after); err != nil {
		t.Fatal(err)
	}
	t.Logf("who came late had a picture after %d ms", after)
	if after > 5000 { // a camera's own key frames are minutes apart
		t.Errorf("who came late had a picture only after %d ms", after)
	}
	receives(t, late, "VP8", 20, 40)
	for _, tab := range []context.Context{early, late} {
		green(t, tab, "screen")
	}
	waitText(t, first, "watching", "^2$")
	waitText(t, late, "watching", "^2$")
	waitText(t, late, "numbers", `VP8 \d+ × \d+`)
	waitText(t, first, "numbers", `Sent\s+\d+ kbit/s`)
	looks(t, first, "broadcast")
	looks(t, late, "broadcast-watch")

	click(t, first, "stop")
	waitLine(t, lines, "the broadcast is over")
	for _, tab := range []context.Context{early, late} {
		waitText(t, tab, "headline", "^The broadcast is over$")
	}
	screenshot(t, late, "broadcast-over.png", 1100, "light")
	var frames int
	if err := evaluate(late, "pc.getStats().then(r => [...r.values()].find(s => s.type === 'inbound-rtp' && s.kind === 'video').framesDecoded)", &frames); err != nil {
		t.Fatal(err)
	}
	on(newTab(t, sharedBrowser(t), url))
	waitText(t, late, "headline", "^Live$")
	receives(t, late, "VP8", frames+20, 40)
	green(t, late, "screen")
}
