package interop

import "testing"

// A call goes on with every stack when an m-line is added, and when ICE restarts.
// libdatachannel refuses new credentials; werift answers an m-line that it has rejected
// as one of the bundle in the next exchange, so that the two are not in one session.
func TestACallGoesOnWithEveryStack(t *testing.T) {
	for _, c := range callers {
		t.Run(c.name, func(t *testing.T) {
			r, l := c.newPeer(t), newLocalCall(t, "VP8")
			must(t, r.AddMedia("VP8"))
			how := signalling{weOffer: true}
			l.connect(r, how)
			flows(t, l, r)
			goesOn := func(what string) {
				t.Helper()
				before, ours := countsOf(t, r), l.counts()
				until(t, "media both ways after "+what, func() [2]counts { return [2]counts{l.counts(), countsOf(t, r)} }, func(now [2]counts) bool {
					return now[0].Audio > ours.Audio+enough.Audio && now[0].Video > ours.Video+enough.Video &&
						now[1].Audio > before.Audio+enough.Audio && now[1].Video > before.Video+enough.Video
				})
			}
			if c.name != werift.name {
				must(t, l.AddTransceiver("video", "recvonly"))
				l.connect(r, how)
				goesOn("another m-line")
			}
			if c.name != nodeDataChannel.name {
				l.RestartICE()
				l.connect(r, how)
				goesOn("an ICE restart")
			}
		})
	}
}

// With 5 % of all datagrams lost, media goes on both ways with every stack.
func TestACallWithEveryStackSurvivesLoss(t *testing.T) {
	for _, c := range callers {
		t.Run(c.name, func(t *testing.T) {
			r, l := c.newPeer(t), newWatching(t, "VP8")
			must(t, r.AddMedia("VP8"))
			relay := connectThrough(t, l.local, r, c.name == "Chromium" || c.name == "pion")
			relay.setLoss(50)
			began := countsOf(t, r)
			until(t, "media both ways under loss", func() [3]int {
				theirs := countsOf(t, r)
				return [3]int{l.video.count(), theirs.Audio - began.Audio, theirs.Video - began.Video}
			}, func(n [3]int) bool { return n[0] > 200 && n[1] > 100 && n[2] > 60 })
			relay.setLoss(0)
			missing, of := until2(t, &l.video)
			t.Logf("%d of %d packets of its video are missing here", missing, of)
		})
	}
}

func countsOf(t testing.TB, r callPeer) counts {
	t.Helper()
	c, err := r.Counts()
	must(t, err)
	return c
}
