package interop

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mediaStacks are the stacks with transceivers.
var mediaStacks = []struct {
	name string
	new  func(testing.TB) mediaRemote
}{
	{"Chromium", func(t testing.TB) mediaRemote { return newBrowserMedia(t, nil) }},
	{"pion", newPionMedia},
}

func eachMedia(t *testing.T, test func(t *testing.T, newPeer func(testing.TB) mediaRemote)) {
	for _, s := range mediaStacks {
		t.Run(s.name, func(t *testing.T) { test(t, s.new) })
	}
}

// logged shows the other end's events when a test fails.
func logged(t *testing.T, r remote) {
	t.Cleanup(func() {
		if t.Failed() {
			events, err := r.Events()
			t.Logf("their events: %s %v", strings.Join(events, ", "), err)
		}
	})
}

// withMedia connects two ends that both have a channel, audio and video.
func withMedia(t *testing.T, r mediaRemote, how signalling) (*localMedia, *localChannel) {
	t.Helper()
	l := newLocalMedia(t)
	logged(t, r)
	ours := l.create("ours", channelInit{})
	must(t, r.CreateChannel("theirs", channelInit{}))
	for _, end := range []negotiator{l, r} {
		must(t, end.AddTrack("audio"))
		must(t, end.AddTrack("video"))
	}
	l.connect(r, how)
	return l, ours
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sameSession compares the descriptions and transceivers of both ends.
func sameSession(t *testing.T, l *localMedia, r mediaRemote) {
	t.Helper()
	agree(t, l, r)
	local, remote := l.CurrentLocalDescription(), l.CurrentRemoteDescription()
	sameLines(t, local.SDP, remote.SDP)
	for _, d := range []string{local.SDP, remote.SDP} {
		for _, transceiver := range l.GetTransceivers() {
			if !strings.Contains(d, "\r\na=mid:"+transceiver.Mid()+"\r\n") {
				t.Errorf("no m-line has the mid %q of a transceiver", transceiver.Mid())
			}
		}
	}
}

// RFC 9429 sections 5.2.1 and 5.3.1: the first exchange, from either end.
func TestMediaIsNegotiatedFromEitherSide(t *testing.T) {
	eachMedia(t, func(t *testing.T, newPeer func(testing.TB) mediaRemote) {
		for _, how := range []signalling{{true, true}, {false, true}, {true, false}, {false, false}} {
			t.Run(how.String(), func(t *testing.T) {
				r := newPeer(t)
				l, ours := withMedia(t, r, how)
				open(t, l.local, r, ours)
				sameSession(t, l, r)
				if n := len(l.GetTransceivers()); n != 2 {
					t.Errorf("%d transceivers, want that both ends' tracks share two", n)
				}
				for _, transceiver := range l.GetTransceivers() {
					if d := transceiver.CurrentDirection().String(); d != "sendrecv" {
						t.Errorf("%v: %s", transceiver.Kind(), d)
					}
					if transceiver.Receiver().Transport() != l.SCTP().Transport() {
						t.Errorf("%v is not bundled with the data", transceiver.Kind())
					}
					l.until("track of mid "+transceiver.Mid(), func() bool {
						return slices.ContainsFunc(l.log, func(event string) bool {
							return strings.HasPrefix(event, fmt.Sprintf("track %v %s of ", transceiver.Kind(), transceiver.Mid()))
						})
					})
				}
				echo(t, l.local, r, ours)
			})
		}
	})
}

// A round changes one end or both. mids are those of the live transceivers, in
// the order of the m-lines.
type round struct {
	name   string
	change func(actor, other negotiator, mids []string) error
}

var rounds = []round{
	{"media comes", func(actor, other negotiator, mids []string) error { return nil }},
	{"nothing changes", func(actor, other negotiator, mids []string) error { return nil }},
	{"a track is added", func(actor, other negotiator, mids []string) error { return actor.AddTrack("video") }},
	{"the other end adds its own", func(actor, other negotiator, mids []string) error { return other.AddTrack("video") }},
	{"a track is removed", func(actor, other negotiator, mids []string) error { return actor.RemoveTrack(mids[1]) }},
	{"a track is replaced", func(actor, other negotiator, mids []string) error {
		return errors.Join(actor.ReplaceTrack(mids[0]), other.ReplaceTrack(mids[0]))
	}},
	{"a track is added again", func(actor, other negotiator, mids []string) error { return actor.AddTrack("video") }},
	{"sendonly and recvonly", func(actor, other negotiator, mids []string) error {
		return errors.Join(actor.SetDirection(mids[0], "sendonly"), actor.SetDirection(mids[1], "recvonly"))
	}},
	{"inactive at the other end", func(actor, other negotiator, mids []string) error {
		return other.SetDirection(mids[2], "inactive")
	}},
	{"both ends change direction", func(actor, other negotiator, mids []string) error {
		return errors.Join(actor.SetDirection(mids[0], "recvonly"), other.SetDirection(mids[0], "sendrecv"),
			actor.SetDirection(mids[2], "sendonly"), other.SetDirection(mids[2], "recvonly"))
	}},
	{"a transceiver that receives", func(actor, other negotiator, mids []string) error {
		return actor.AddTransceiver("audio", "recvonly")
	}},
	{"the other end sends into it", func(actor, other negotiator, mids []string) error { return other.AddTrack("audio") }},
	{"a transceiver that sends", func(actor, other negotiator, mids []string) error {
		return actor.AddTransceiver("video", "sendonly")
	}},
	{"the first transceiver is stopped", func(actor, other negotiator, mids []string) error { return actor.Stop(mids[0]) }},
	{"its m-line is used again", func(actor, other negotiator, mids []string) error {
		return actor.AddTransceiver("video", "sendrecv")
	}},
	{"each end stops one", func(actor, other negotiator, mids []string) error {
		return errors.Join(actor.Stop(mids[0]), other.Stop(mids[1]))
	}},
	{"two are added at once", func(actor, other negotiator, mids []string) error {
		return errors.Join(actor.AddTrack("audio"), actor.AddTransceiver("audio", "recvonly"))
	}},
	{"everything sends and receives", func(actor, other negotiator, mids []string) error {
		var errs []error
		for _, mid := range mids {
			errs = append(errs, actor.SetDirection(mid, "sendrecv"), other.SetDirection(mid, "sendrecv"))
		}
		return errors.Join(errs...)
	}},
	{"all but one are stopped", func(actor, other negotiator, mids []string) error {
		var errs []error
		for _, mid := range mids[1:] {
			errs = append(errs, other.Stop(mid))
		}
		return errors.Join(errs...)
	}},
	{"both ends add", func(actor, other negotiator, mids []string) error {
		return errors.Join(actor.AddTransceiver("video", "sendrecv"), other.AddTransceiver("audio", "sendonly"))
	}},
}

func TestTwentyRoundsOfRenegotiationKeepTheEndsAlike(t *testing.T) {
	eachMedia(t, func(t *testing.T, newPeer func(testing.TB) mediaRemote) {
		for _, weBegin := range []bool{true, false} {
			name := "they begin"
			if weBegin {
				name = "we begin"
			}
			t.Run(name, func(t *testing.T) {
				r, l := newPeer(t), newLocalMedia(t)
				logged(t, r)
				ours := l.create("ours", channelInit{})
				must(t, r.CreateChannel("theirs", channelInit{}))
				for _, end := range []negotiator{l, r} {
					must(t, end.AddTrack("audio"))
					must(t, end.AddTrack("video"))
				}
				l.connect(r, signalling{weOffer: weBegin, trickle: true})
				open(t, l.local, r, ours)
				keepTrickling(t, l.local, r)
				for i, round := range rounds {
					we := (i%2 == 0) == weBegin // turns
					runRound(t, l, r, i, round, we)
					ping(t, l.local, r, fmt.Sprintf("round %d", i), we)
					echo(t, l.local, r, ours)
					if t.Failed() {
						t.Fatalf("round %d, %s: see above", i, round.name)
					}
				}
				if state := l.ConnectionState().String(); state != "connected" {
					t.Errorf("connection state %s", state)
				}
			})
		}
	})
}

// runRound makes the change, exchanges descriptions from the actor, and from the
// other end too where the change left it something to offer.
func runRound(t *testing.T, l *localMedia, r mediaRemote, i int, round round, we bool) {
	t.Helper()
	actor, other := negotiator(l), negotiator(r)
	if !we {
		actor, other = other, actor
	}
	var mids []string
	for section := range strings.SplitSeq(l.CurrentLocalDescription().SDP, "\r\na=mid:") {
		mid, _, _ := strings.Cut(section, "\r\n")
		if _, err := l.transceiver(mid); err == nil {
			mids = append(mids, mid)
		}
	}
	err := round.change(actor, other, mids)
	if errors.Is(err, errCannot) {
		return
	}
	if err != nil {
		t.Fatalf("round %d, %s: %v", i, round.name, err)
	}
	exchange(t, actor, other)
	if wantsOffer(t, other) {
		exchange(t, other, actor)
	}
	sameSession(t, l, r)
}

// wantsOffer reports whether an end has a transceiver that no m-line is for yet.
func wantsOffer(t *testing.T, end negotiator) bool {
	list, err := end.Transceivers()
	must(t, err)
	return slices.ContainsFunc(list, func(i transceiverInfo) bool { return i.MID == "" || i.Direction == "stopped" })
}

// RFC 9143 section 7.5.3: the m-line whose mid is the bundle's tag leaves, at either end's wish. The transport goes on
// with the others; Chromium makes a new one, and the channels live on all the same.
func TestTheFirstOfTheBundleMayLeave(t *testing.T) {
	eachMedia(t, func(t *testing.T, newPeer func(testing.TB) mediaRemote) {
		for _, we := range []bool{true, false} {
			name := "they stop it"
			if we {
				name = "we stop it"
			}
			t.Run(name, func(t *testing.T) {
				r := newPeer(t)
				l, ours := withMedia(t, r, signalling{weOffer: true, trickle: true})
				open(t, l.local, r, ours)
				keepTrickling(t, l.local, r)
				transport, sctp := l.SCTP().Transport(), l.SCTP()
				actor, other := negotiator(l), negotiator(r)
				if !we {
					actor, other = other, actor
				}
				for i, mid := range []string{"0", "1"} {
					if err := actor.Stop(mid); errors.Is(err, errCannot) {
						t.Skip("this stack cannot stop transceivers")
					} else if err != nil {
						t.Fatal(err)
					}
					exchange(t, actor, other)
					sameSession(t, l, r)
					echo(t, l.local, r, ours)
					ping(t, l.local, r, fmt.Sprintf("we %d", i), true)
					ping(t, l.local, r, fmt.Sprintf("they %d", i), false)
				}
				must(t, r.AddTrack("video"))
				exchange(t, r, l)
				sameSession(t, l, r)
				echo(t, l.local, r, ours)
				if l.SCTP().Transport() != transport || l.SCTP() != sctp {
					t.Error("the data channels have moved to another transport")
				}
				for _, event := range l.events() {
					if strings.HasPrefix(event, "channel ours clos") || strings.HasPrefix(event, "channel theirs clos") {
						t.Error(event)
					}
				}
			})
		}
	})
}
