package interop

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// green waits until a video shows the fake camera, which is green but for a pacman
// and a clock.
func green(t *testing.T, tab context.Context, id string) {
	t.Helper()
	becomes(t, "corners of "+id, func() ([]colour, bool) {
		got := pixels(t, tab, id, cameraCorners...)
		return got, !slices.ContainsFunc(got, notGreen)
	})
}

// A page publishes over WHIP, two watch over WHEP; the first of them came too early
// and waits. A restart of ICE on both sides goes unnoticed. With the publisher the
// stream ends.
func TestAPagePublishesOverWHIPAndOthersWatchOverWHEP(t *testing.T) {
	url, lines := startExample(t, "whip-whep", "-token", "secret")
	early := newTab(t, sharedBrowser(t), url+"/watch")
	click(t, early, "start")
	waitText(t, early, "headline", "^Nobody publishes this$")
	waitText(t, early, "requests", `POST\s+/whep/live\s+application/sdp\s+409 Conflict`)

	publisher := newTab(t, sharedBrowser(t), url)
	click(t, publisher, "start")
	waitText(t, publisher, "why", "refused with 401: a bearer token is needed")
	screenshot(t, publisher, "whip-whep-refused.png", 1100, "light")
	if err := evaluate(publisher, "document.getElementById('token').value = 'secret'", nil); err != nil {
		t.Fatal(err)
	}
	click(t, publisher, "start")
	waitText(t, publisher, "headline", "^Live$")
	waitText(t, publisher, "requests", `PATCH\s+/session/\S+\s+application/trickle-ice-sdpfrag, If-Match: "\S+\s+204 No Content`)

	waitText(t, early, "headline", "^Watching$") // by itself
	late := newTab(t, sharedBrowser(t), url+"/watch?stream=live")
	click(t, late, "start")
	for _, tab := range []context.Context{early, late} {
		waitText(t, tab, "headline", "^Watching$")
		receives(t, tab, "VP8", 20, 40)
		green(t, tab, "screen")
	}
	for _, tab := range []context.Context{publisher, late} {
		var frames int
		const decoded = "pc.getStats().then(r => [...r.values()].find(s => /bound-rtp/.test(s.type) && s.kind === 'video').framesDecoded ?? 0)"
		if err := evaluate(tab, "current.restart().then(() => 0)", nil); err != nil {
			t.Fatal(err)
		}
		waitText(t, tab, "requests", `PATCH\s+/session/\S+\s+application/trickle-ice-sdpfrag, If-Match: \*\s+200 OK`)
		waitLine(t, lines, "ICE restarts")
		waitFor(t, tab, "a path after the restart", "pc.iceConnectionState === 'connected' && pc.signalingState === 'stable'")
		if err := evaluate(late, decoded, &frames); err != nil {
			t.Fatal(err)
		}
		receives(t, late, "VP8", frames+20, 40)
	}
	green(t, late, "screen")
	waitText(t, publisher, "numbers", `Sent\s+\d+ kbit/s`)
	looks(t, publisher, "whip-whep-publish")
	looks(t, late, "whip-whep-watch")

	click(t, publisher, "stop")
	waitLine(t, lines, "whip/live: somebody has stopped publishing")
	for _, tab := range []context.Context{early, late} {
		waitText(t, tab, "headline", "^It is over$")
	}
	screenshot(t, late, "whip-whep-over.png", 1100, "light")
}

// GStreamer publishes, with an offer that holds its candidates; a page watches.
func TestGStreamerPublishesOverWHIP(t *testing.T) {
	for _, codec := range []string{"VP8", "H264"} {
		t.Run(codec, func(t *testing.T) {
			peer := gstreamer.newPeer(t)
			url, lines := startExample(t, "whip-whep")
			must(t, peer.AddMedia(codec))
			_, err := peer.Offer()
			must(t, err)
			offer, err := peer.Gathered()
			must(t, err)
			response, err := http.Post(url+"/whip/studio", "application/sdp", strings.NewReader(offer))
			must(t, err)
			answer, err := io.ReadAll(response.Body)
			must(t, err)
			response.Body.Close()
			if response.StatusCode != http.StatusCreated {
				t.Fatalf("%s: %s\n%s", response.Status, answer, offer)
			}
			must(t, peer.Accept(string(answer)))
			waitLine(t, lines, "whip/studio: somebody publishes")
			tab := newTab(t, sharedBrowser(t), url+"/watch?stream=studio")
			click(t, tab, "start")
			waitText(t, tab, "headline", "^Watching$")
			receives(t, tab, codec, 20, 40)
			bars(t, tab, "screen")
			end, err := http.NewRequest("DELETE", url+response.Header.Get("Location"), nil)
			must(t, err)
			gone, err := http.DefaultClient.Do(end)
			must(t, err)
			gone.Body.Close()
			if gone.StatusCode != http.StatusOK {
				t.Errorf("DELETE: %s", gone.Status)
			}
			waitText(t, tab, "headline", "^It is over$")
		})
	}
}

// bars waits until a video shows videotestsrc's colour bars: white, yellow, cyan,
// green, magenta, red, blue.
func bars(t *testing.T, tab context.Context, id string) {
	t.Helper()
	var points [][2]float64
	for i := range 7 {
		points = append(points, [2]float64{(float64(i) + .5) / 7, .3})
	}
	bright := [][3]bool{{true, true, true}, {true, true, false}, {false, true, true}, {false, true, false}, {true, false, true}, {true, false, false}, {false, false, true}}
	becomes(t, "the bars", func() ([]colour, bool) {
		got := pixels(t, tab, id, points...)
		return got, slices.EqualFunc(got, bright, func(c colour, want [3]bool) bool {
			return [3]bool{c[0] > 110, c[1] > 110, c[2] > 110} == want
		})
	})
}
