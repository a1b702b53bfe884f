package interop

import (
	"context"
	"fmt"
	"testing"
)

// Chromium's three layers come back side by side, each in its size; the picture
// that changes takes the size of whichever is chosen, and goes on.
func TestSimulcastComesBackInThreeSizesAndChanges(t *testing.T) {
	url, lines := startExample(t, "simulcast")
	tab := newTab(t, sharedBrowser(t), url)
	click(t, tab, "start")
	waitText(t, tab, "headline", "^Connected$")
	waitLong(t, tab, "three pictures, each twice as wide as the one before",
		"(([q, h, f]) => q > 0 && 2 * q === h && 2 * h === f)(['q', 'h', 'f'].map(id => document.getElementById(id).videoWidth))")
	for _, rid := range []string{"f", "q", "h"} {
		click(t, tab, "choose-"+rid)
		waitLine(t, lines, "the choice is layer "+rid)
		waitFor(t, tab, "the size of layer "+rid, fmt.Sprintf(`document.getElementById('choice').dataset.layer === %[1]q &&
			document.getElementById('choice').videoWidth === document.getElementById(%[1]q).videoWidth`, rid))
		moves(t, tab, "choice")
	}
	for _, id := range []string{"q", "h", "f", "choice"} {
		green(t, tab, id)
	}
	waitText(t, tab, "f-numbers", `^\d+ × \d+, [1-9]\d* kbit/s$`)
	looks(t, tab, "simulcast")
	click(t, tab, "stop")
	waitLine(t, lines, "the page hung up")
}

// moves waits until a video has shown ten more frames.
func moves(t *testing.T, tab context.Context, id string) {
	t.Helper()
	frames := fmt.Sprintf("document.getElementById(%q).getVideoPlaybackQuality().totalVideoFrames", id)
	var before int
	if err := evaluate(tab, frames, &before); err != nil {
		t.Fatal(err)
	}
	waitFor(t, tab, "more frames of "+id, fmt.Sprintf("%s > %d", frames, before+10))
}
