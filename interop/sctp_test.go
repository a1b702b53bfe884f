package interop

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
	pion "github.com/pion/webrtc/v4"
)

// ofEach runs a method of a remote for each of many channels: in one call where it
// is driven from here, by one otherwise.
func ofEach[T any](t testing.TB, r remote, labels []string, one func(label string) (T, error), method string, args ...any) (list []T) {
	t.Helper()
	var err error
	if d, ok := r.(*drivenPeer); ok {
		calls := make([][]any, len(labels))
		for i, label := range labels {
			calls[i] = append([]any{label}, args...)
		}
		err = d.call(&list, "each", method, calls)
	} else {
		list = make([]T, len(labels))
		for i, label := range labels {
			if list[i], err = one(label); err != nil {
				break
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// RFC 8831 section 6.7: closing resets the streams, and their identifiers are used
// again. With each stack a thousand channels come and go in waves of a hundred, half of
// them opened by either end and half of those closed by it; a message goes each way on
// each one.
func TestAThousandChannelsComeAndGoOnTheSameIdentifiers(t *testing.T) {
	const waves, channels = 10, 100
	for _, s := range everyStack() {
		t.Run(s.name, func(t *testing.T) {
			l, r, _ := connected(t, s.newPeer, signalling{weOffer: true})
			// GStreamer sometimes opens a channel twice that is made while the association comes
			// up, and the second DATA_CHANNEL_OPEN closes it (RFC 8832 section 6).
			for _, label := range []string{"ours", "theirs"} {
				_, err := r.WaitChannel(label, "open")
				must(t, err)
			}
			ours := map[uint16]bool{} // the identifiers of the channels that we opened
			for wave := range waves {
				labels := make([]string, channels)
				for i := range labels {
					labels[i] = fmt.Sprintf("wave %d channel %d", wave, i)
				}
				for _, id := range comeAndGo(t, l, r, labels)[:channels/2] {
					ours[id] = true
				}
			}
			if len(ours) > channels/2 {
				t.Errorf("%d channels of ours, %d at a time, used %d identifiers", waves*channels/2, channels/2, len(ours))
			}
		})
	}
}

// comeAndGo has channels of these labels opened, used and closed, and returns their
// identifiers.
func comeAndGo(t *testing.T, l *local, r remote, labels []string) (ids []uint16) {
	t.Helper()
	half := len(labels) / 2
	channels := make([]*localChannel, len(labels))
	for i, label := range labels[:half] {
		channels[i] = l.create(label, channelInit{})
	}
	ofEach(t, r, labels[half:], func(label string) (bool, error) { return true, r.CreateChannel(label, channelInit{}) }, "createChannel", channelInit{})
	for i, label := range labels[half:] {
		channels[half+i] = l.channel(label)
	}
	all := func(state webrtc.DataChannelState) {
		t.Helper()
		l.until("all of the wave "+state.String(), func() bool {
			return !slices.ContainsFunc(channels, func(c *localChannel) bool { return c.ReadyState() != state })
		})
	}
	all(webrtc.DataChannelStateOpen)
	infos := ofEach(t, r, labels, func(label string) (channelInfo, error) { return r.WaitChannel(label, "open") }, "waitChannel", "open")
	for i, channel := range channels {
		if channel.info().ID != infos[i].ID {
			t.Errorf("%s has ID %d here and %d there", channel.Label(), channel.info().ID, infos[i].ID)
		}
		ids = append(ids, infos[i].ID)
	}
	oneEachWay(t, l, r, labels, channels)

	// The first quarter of either end's channels is closed by us.
	var theyClose []string
	for i, channel := range channels {
		if i%half >= half/2 {
			theyClose = append(theyClose, channel.Label())
		} else if err := channel.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ofEach(t, r, theyClose, func(label string) (bool, error) { return true, r.CloseChannel(label) }, "closeChannel")
	all(webrtc.DataChannelStateClosed)
	ofEach(t, r, labels, func(label string) (channelInfo, error) { return r.WaitChannel(label, "closed") }, "waitChannel", "closed")
	return ids
}

// oneEachWay sends a message each way on each of the channels.
func oneEachWay(t *testing.T, l *local, r remote, labels []string, channels []*localChannel) {
	t.Helper()
	plan := []message{{Size: 300}}
	theirs := ofEach(t, r, labels, func(label string) ([]string, error) { return r.Send(label, plan) }, "send", plan)
	ours := make([][]string, len(channels))
	for i, channel := range channels {
		payload := message{Size: 300}.content(i) // another one on each channel
		ours[i] = []string{fingerprint(false, payload)}
		if err := channel.SendContext(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
	}
	atThem := ofEach(t, r, labels, func(label string) ([]string, error) { return r.Received(label, 1) }, "received", 1)
	for i, channel := range channels {
		sameMessages(t, "from us to them on "+labels[i], true, ours[i], atThem[i])
		atUs, err := channel.inbox.wait(1)
		if err != nil {
			t.Fatal(err)
		}
		sameMessages(t, "from them to us on "+labels[i], true, theirs[i], atUs)
	}
}

// RFC 3758 sections 3.5 and 3.6, RFC 8831 section 6.6: over a path that loses a
// twentieth of all datagrams, an ordered channel of partial reliability drops messages, keeps the
// order of the others and brings none twice; when the path is whole again, it goes on.
// So it is with every stack, both ways.
func TestPartialReliabilityOverALossyPath(t *testing.T) {
	for _, s := range everyStack() {
		for name, init := range map[string]channelInit{
			"no retransmission": {MaxRetransmits: ptr(uint16(0))},
			"100 ms":            {MaxPacketLifeTime: ptr(uint16(100))},
		} {
			t.Run(s.name+"/"+name, func(t *testing.T) {
				r, l := s.newPeer(t), newLocal(t)
				channel := l.create("partial", init)
				relay := connectThrough(t, l, r, s.name == "Chromium" || s.name == "pion")
				l.saw("channel partial open")
				_, err := r.WaitChannel("partial", "open")
				must(t, err)
				lost := 0
				fragments := 3
				if s.name == aiortc.name || s.name == werift.name {
					// Both, one the other's model, take for abandoned what they have up to the
					// first gap after a FORWARD-TSN: also the beginning of a message whose end is
					// to come, and then they wait for that beginning for ever.
					fragments = 1
				}
				for _, way := range []*lossyWay{
					{name: "from us to them", fromUs: true, fragments: fragments, send: func(plan []message) ([]string, error) { return l.send(channel, plan) },
						received: func() ([]string, error) { return r.Received("partial", 0) }},
					{name: "from them to us", fragments: 3, send: func(plan []message) ([]string, error) { return r.Send("partial", plan) },
						received: func() ([]string, error) { return channel.inbox.wait(0) }},
				} {
					relay.setLoss(50)
					// Our end must be seen to drop a message that is lost. (werift sends it again.)
					wait := init.MaxRetransmits != nil && way.fromUs
					for began := time.Now(); (wait || way.arrived(t) < 80) && time.Since(began) < patience; {
						if way.round(t, 40, 300*time.Millisecond) && way.arrived(t) < len(way.sent) {
							wait = false // as what comes after it has arrived
						}
					}
					relay.setLoss(0)
					for began := time.Now(); !way.round(t, 5, 5*time.Second); {
						if time.Since(began) > patience {
							t.Fatalf("%s: nothing arrives any more", way.name)
						}
					}
					if way.arrived(t) < 80 {
						t.Errorf("%s: %d of %d messages arrived", way.name, way.arrived(t), len(way.sent))
					}
					lost += len(way.sent) - way.arrived(t)
				}
				if init.MaxRetransmits != nil && lost == 0 {
					t.Error("no message was lost, though none is sent again")
				}
				t.Logf("%d messages lost both ways", lost)
			})
		}
	}
}

// A lossyWay sends messages in rounds, some of which do not arrive.
type lossyWay struct {
	name      string
	fromUs    bool
	fragments int // of the largest message
	send      func([]message) ([]string, error)
	received  func() ([]string, error)
	sent      []string
	rounds    int
}

// arrived says how many messages have, all of which must have been sent, in this order.
func (w *lossyWay) arrived(t *testing.T) int {
	t.Helper()
	received, err := w.received()
	must(t, err)
	next := 0
	for i, print := range received {
		at := slices.Index(w.sent[next:], print)
		if at < 0 {
			t.Fatalf("%s: message %d of %d that arrived was not sent after the one before it, or came twice", w.name, i, len(received))
		}
		next += at + 1
	}
	return len(received)
}

// round sends n messages of one packet up to those of all fragments, and says whether
// the last of them arrives within patience.
func (w *lossyWay) round(t *testing.T, n int, patience time.Duration) bool {
	t.Helper()
	w.rounds++
	plan := make([]message, n)
	for i := range plan {
		plan[i].Size = 500 + i*(w.fragments*1000-500)/n + w.rounds // the contents of no two messages are alike
	}
	prints, err := w.send(plan)
	must(t, err)
	w.sent = append(w.sent, prints...)
	for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
		w.arrived(t)
		received, err := w.received()
		must(t, err)
		if slices.Contains(received, prints[n-1]) {
			return true
		}
	}
	return false
}

// connectThrough connects to a remote, which answers, by a relay that loses datagrams
// when it is told to.
func connectThrough(t *testing.T, l *local, r remote, onLoopback bool) *lossyRelay {
	t.Helper()
	offer, err := l.CreateOffer(nil)
	must(t, err)
	must(t, l.SetLocalDescription(offer))
	relay, text := through(t, l.description(signalling{weOffer: true}), onLoopback)
	_, err = r.Answer(text)
	must(t, err)
	answer, err := r.Gathered()
	must(t, err)
	must(t, l.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: withoutCandidates(answer)}))
	l.saw("connection connected")
	return relay
}

// RFC 8841 section 6: a message may be as large as the other end says that it takes. We
// take 4 MiB, and get that much of each stack that sends it; those that say that they
// take it get it of us, Firefox and those that say less what we send them at most.
func TestMessagesOfFourMebibytes(t *testing.T) {
	const large = 4 << 20
	for _, s := range []struct {
		stack
		takes int
	}{
		{stack{"pion", func(t testing.TB) remote {
			return newPionPeerWith(t, func(settings *pion.SettingEngine) {
				settings.SetSCTPMaxMessageSize(large)
				settings.SetSCTPMaxReceiveBufferSize(4 * large)
			})
		}}, large},
		{stack{nodeDataChannel.name, func(t testing.TB) remote { return nodeDataChannel.newPeer(t, large) }}, large},
		{stack{"Firefox", newFirefoxPeer}, 512 << 10}, // it says 1 GiB, which no window holds
		{aiortc.stack(), 64 << 10},
		{werift.stack(), 64 << 10},
	} {
		t.Run(s.name, func(t *testing.T) {
			var settings webrtc.SettingEngine
			settings.SetSCTPMaxMessageSize(large)
			r, l := s.newPeer(t), newLocalWith(t, settings, webrtc.Configuration{})
			channel := l.create("large", channelInit{})
			l.connect(r, signalling{weOffer: true})
			l.saw("channel large open")
			_, err := r.WaitChannel("large", "open")
			must(t, err)
			if limit := int(l.SCTP().MaxMessageSize()); limit != s.takes {
				t.Fatalf("it takes %d bytes, want %d", limit, s.takes)
			}

			plan := []message{{false, s.takes}, {true, s.takes}, {false, 1}}
			sent, err := l.send(channel, plan)
			must(t, err)
			received, err := r.Received("large", len(plan))
			must(t, err)
			sameMessages(t, "from us to them", true, sent, received)

			plan = []message{{false, large}, {true, large}, {false, 1}}
			sent, err = r.Send("large", plan)
			must(t, err)
			received, err = channel.inbox.wait(len(plan))
			must(t, err)
			sameMessages(t, "from them to us", true, sent, received)
		})
	}
}
