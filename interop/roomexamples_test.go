package interop

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// framesOf is a script for how many frames were decoded of each of the others.
const framesOf = `pc === null ? [] : (async () => [...(await pc.getStats()).values()]
	.filter(s => s.type === 'inbound-rtp' && s.kind === 'video').map(s => s.framesDecoded ?? 0))()`

func joinRoom(t *testing.T, url, name string) context.Context {
	t.Helper()
	tab := newTab(t, sharedBrowser(t), url)
	if err := chromedp.Do(tab, chromedp.SendKeys(chromedp.CSS("#name"), name)); err != nil {
		t.Fatal(err)
	}
	click(t, tab, "enter")
	waitText(t, tab, "people", name)
	return tab
}

// Three tabs see one another; one leaves; a choice of the page changes the size.
func TestTheRoomShowsEverybodyToEverybody(t *testing.T) {
	url, lines := startExample(t, "sfu")
	names := []string{"Ann", "Bob", "Cid"}
	var tabs []context.Context
	for _, name := range names {
		tabs = append(tabs, joinRoom(t, url, name))
		waitLine(t, lines, name+" joined")
	}
	frames := func(tab context.Context) (counts []int) {
		if err := evaluate(tab, framesOf, &counts); err != nil {
			t.Fatal(err)
		}
		return counts
	}
	for i, tab := range tabs {
		waitText(t, tab, "headline", "You and 2 others")
		for range 2 { // they go on
			before := map[int]int{}
			for n, count := range frames(tab) {
				before[n] = count
			}
			until(t, fmt.Sprintf("frames at %s of the two others", names[i]), func() []int { return frames(tab) }, func(now []int) bool {
				return len(now) == 2 && now[0] > before[0]+5 && now[1] > before[1]+5
			})
		}
	}
	waitText(t, tabs[0], "people", `(small|medium|large), \d+ × \d+, \d+ kbit/s`)
	screenshot(t, tabs[0], "sfu.png", 1100, "light")
	screenshot(t, tabs[0], "sfu-dark.png", 1100, "dark")
	screenshot(t, tabs[0], "sfu-phone.png", 390, "light")
	choose := func(size string) {
		script := fmt.Sprintf(`(() => { const s = document.querySelector('.tile:not(.mine) select'); s.value = %q; s.dispatchEvent(new Event('change')); return s.value })()`, size)
		if err := evaluate(tabs[0], script, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ rid, text string }{{"q", `small, \d+ × (180|90|45)\b`}, {"h", `medium, \d+ ×`}, {"q", `small, \d+ ×`}} {
		choose(c.rid)
		waitText(t, tabs[0], "people", c.text)
	}
	click(t, tabs[1], "leave")
	waitLine(t, lines, "Bob left")
	waitText(t, tabs[0], "headline", "You and one other")
	// Bob is gone from the page, and the picture of who stayed goes on.
	const stayed = "[...document.querySelectorAll('.tile:not(.mine)')].map(tile => [tile.querySelector('b').textContent, tile.querySelector('video').getVideoPlaybackQuality().totalVideoFrames])"
	var before [][2]any
	if err := evaluate(tabs[0], stayed, &before); err != nil {
		t.Fatal(err)
	}
	if len(before) != 1 || before[0][0] != "Cid" {
		t.Fatalf("Ann sees %v, want Cid alone", before)
	}
	waitFor(t, tabs[0], "frames of who stayed", fmt.Sprintf("(list => list.length === 1 && list[0][0] === 'Cid' && list[0][1] > %v + 10)(%s)", before[0][1], stayed))
}

// The estimate of the path (OnTargetBitrate) grows, and with it the layer that is
// sent, up to the largest: nobody chooses.
func TestTheRoomSendsLargerLayersAsTheNetworkProvesToCarryThem(t *testing.T) {
	url, _ := startExample(t, "sfu")
	ann := joinRoom(t, url, "Ann")
	joinRoom(t, url, "Bob")
	waitText(t, ann, "headline", "You and one other")
	waitLong(t, ann, "the largest layer", `(tile => tile?.dataset.layer === 'f' && tile.querySelector('select').value === '' &&
		tile.querySelector('video').videoWidth > 640)(document.querySelector('.tile:not(.mine)'))`)
	waitText(t, ann, "people", `large, \d+ × \d+, \d+ kbit/s`)
}
