package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

func ptr[T any](v T) *T { return &v }

// connected makes both peers, each with one channel ("ours", "theirs").
func connected(t *testing.T, newPeer func(testing.TB) remote, how signalling) (l *local, r remote, ours *localChannel) {
	t.Helper()
	r, l = newPeer(t), newLocal(t)
	t.Cleanup(func() {
		if t.Failed() {
			events, err := r.Events()
			t.Logf("their events: %s %v", strings.Join(events, ", "), err)
		}
	})
	ours = l.create("ours", channelInit{})
	if err := r.CreateChannel("theirs", channelInit{}); err != nil {
		t.Fatal(err)
	}
	l.connect(r, how)
	return l, r, ours
}

// open waits until a channel is open on both ends and checks that they agree.
func open(t *testing.T, l *local, r remote, channel *localChannel) channelInfo {
	t.Helper()
	l.saw("channel " + channel.Label() + " open")
	info, err := r.WaitChannel(channel.Label(), "open")
	if err != nil {
		t.Fatal(err)
	}
	if ours := channel.info(); ours.String() != info.String() {
		t.Errorf("the ends differ\nours   %v\ntheirs %v", ours, info)
	}
	return info
}

// roundTrip has messages of every kind echoed by them, then by us.
func roundTrip(t *testing.T, l *local, r remote, channel *localChannel, ordered bool) {
	t.Helper()
	plan := []message{{true, 12}, {false, 1}, {false, 0}, {true, 0}, {false, 70_000}, {true, largest}, {false, largest}}
	if err := r.Echo(channel.Label()); err != nil {
		t.Fatal(err)
	}
	sent, err := l.send(channel, plan)
	if err != nil {
		t.Fatal(err)
	}
	received, err := channel.inbox.wait(len(plan))
	if err != nil {
		t.Fatal(err)
	}
	sameMessages(t, "echoed by them on "+channel.Label(), ordered, sent, received)
}

func TestPeersConnectAndChannelsOpenFromBothSides(t *testing.T) {
	each(t, func(t *testing.T, newPeer func(testing.TB) remote) {
		for _, how := range []signalling{{true, true}, {false, true}, {true, false}, {false, false}} {
			t.Run(how.String(), func(t *testing.T) {
				l, r, ours := connected(t, newPeer, how)
				theirs := l.channel("theirs")
				a, b := open(t, l, r, ours), open(t, l, r, theirs)
				// RFC 8832 section 6: the DTLS client uses even stream identifiers.
				if a.ID%2 == b.ID%2 {
					t.Errorf("channels of different ends have IDs %d and %d: one must be even, one odd", a.ID, b.ID)
				}
				roundTrip(t, l, r, ours, true)
				roundTrip(t, l, r, theirs, true)
				for _, event := range []string{"signaling stable", "gathering complete", "ice checking", "ice connected", "connection connecting"} {
					l.saw(event)
				}
			})
		}
	})
}

func TestChannelsKeepTheirParameters(t *testing.T) {
	inits := map[string]channelInit{
		"unordered":   {Ordered: ptr(false)},
		"retransmits": {MaxRetransmits: ptr(uint16(3)), Protocol: ptr("chat.v1")},
		"no-retries":  {Ordered: ptr(false), MaxRetransmits: ptr(uint16(0))},
		"lifetime":    {MaxPacketLifeTime: ptr(uint16(500)), Protocol: ptr("größe")},
		"brief":       {Ordered: ptr(false), MaxPacketLifeTime: ptr(uint16(65535))},
		"Étiquette 橋": {},
	}
	each(t, func(t *testing.T, newPeer func(testing.TB) remote) {
		l, r, _ := connected(t, newPeer, signalling{weOffer: true, trickle: true})
		for name, init := range inits {
			for _, side := range []string{"our ", "their "} {
				label := side + name
				var channel *localChannel
				if side == "our " {
					channel = l.create(label, init)
				} else {
					if err := r.CreateChannel(label, init); err != nil {
						t.Fatal(err)
					}
					channel = l.channel(label)
				}
				open(t, l, r, channel)
				want := channelInfo{Label: label, ID: *channel.ID(), Ordered: true, MaxRetransmits: init.MaxRetransmits, MaxPacketLifeTime: init.MaxPacketLifeTime}
				if init.Ordered != nil {
					want.Ordered = *init.Ordered
				}
				if init.Protocol != nil {
					want.Protocol = *init.Protocol
				}
				if got := channel.info(); got.String() != want.String() {
					t.Errorf("channel %q\nis   %v\nwant %v", label, got, want)
				}
			}
		}
	})
}

func TestNegotiatedChannelsNeedNoHandshake(t *testing.T) {
	each(t, func(t *testing.T, newPeer func(testing.TB) remote) {
		for _, when := range []string{"before", "after"} {
			t.Run("created "+when+" connecting", func(t *testing.T) {
				r, l := newPeer(t), newLocal(t)
				init := channelInit{Negotiated: ptr(true), ID: ptr(uint16(100)), Ordered: ptr(false), Protocol: ptr("agreed")}
				create := func() *localChannel {
					if err := r.CreateChannel("agreed", init); err != nil {
						t.Fatal(err)
					}
					return l.create("agreed", init)
				}
				var channel *localChannel
				if when == "before" {
					channel = create()
				}
				l.create("first", channelInit{})
				l.connect(r, signalling{weOffer: true, trickle: true})
				if when == "after" {
					channel = create()
				}
				if info := open(t, l, r, channel); info.ID != 100 || !info.Negotiated {
					t.Errorf("want a negotiated channel with ID 100: %v", info)
				}
				roundTrip(t, l, r, channel, false)
				if slices.Contains(l.events(), "datachannel agreed") {
					t.Error("a negotiated channel was announced")
				}
			})
		}
	})
}

func TestAChannelClosedOnOneSideClosesOnTheOther(t *testing.T) {
	each(t, func(t *testing.T, newPeer func(testing.TB) remote) {
		for _, closer := range []string{"we close", "they close"} {
			t.Run(closer, func(t *testing.T) {
				l, r, ours := connected(t, newPeer, signalling{weOffer: true, trickle: true})
				theirs := l.channel("theirs")
				for _, channel := range []*localChannel{ours, theirs} {
					open(t, l, r, channel)
					label := channel.Label()
					// What was sent before the close still arrives.
					plan := []message{{false, 100_000}, {true, 10}}
					var sent []string
					var err error
					if closer == "we close" {
						if sent, err = l.send(channel, plan); err == nil {
							err = channel.Close()
						}
					} else {
						if sent, err = r.Send(label, plan); err == nil {
							err = r.CloseChannel(label)
						}
					}
					if err != nil {
						t.Fatal(err)
					}
					l.saw("channel " + label + " close")
					if state := channel.ReadyState(); state != webrtc.DataChannelStateClosed {
						t.Errorf("%s: our state after the close event is %v", label, state)
					}
					if err := channel.SendText("late"); err == nil {
						t.Errorf("%s: Send works after the channel closed", label)
					}
					if _, err := r.WaitChannel(label, "closed"); err != nil {
						t.Error(err)
					}
					var received []string
					if closer == "we close" {
						received, err = r.Received(label, len(plan))
					} else {
						received, err = channel.inbox.wait(len(plan))
					}
					if err != nil {
						t.Fatal(err)
					}
					sameMessages(t, label+" before the close", true, sent, received)
				}
				// The connection goes on, and the stream identifiers are free again.
				for i := range 3 {
					again := l.create(fmt.Sprintf("again %d", i), channelInit{})
					open(t, l, r, again)
					roundTrip(t, l, r, again, true)
					if err := again.Close(); err != nil {
						t.Error(err)
					}
					l.saw("channel " + again.Label() + " close")
				}
			})
		}
	})
}

func TestAClosedConnectionClosesTheOtherEndsChannels(t *testing.T) {
	each(t, func(t *testing.T, newPeer func(testing.TB) remote) {
		t.Run("we close", func(t *testing.T) {
			l, r, ours := connected(t, newPeer, signalling{weOffer: true, trickle: true})
			open(t, l, r, ours)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := r.WaitChannel("ours", "closed"); err != nil {
				t.Error(err)
			}
			if state, err := r.WaitState("closed", "disconnected", "failed"); err != nil {
				t.Error(err)
			} else {
				t.Logf("their connection state: %s", state)
			}
			if state := l.ConnectionState(); state != webrtc.PeerConnectionStateClosed {
				t.Errorf("our connection state is %v", state)
			}
		})
		t.Run("they close", func(t *testing.T) {
			l, r, ours := connected(t, newPeer, signalling{weOffer: true, trickle: true})
			open(t, l, r, ours)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			l.saw("channel ours close")
			if state := ours.ReadyState(); state != webrtc.DataChannelStateClosed {
				t.Errorf("our channel's state is %v", state)
			}
		})
	})
}

func TestBufferedAmountLowTellsOfRoom(t *testing.T) {
	const size, threshold = 4 << 20, 256 << 10
	each(t, func(t *testing.T, newPeer func(testing.TB) remote) {
		l, r, ours := connected(t, newPeer, signalling{weOffer: true, trickle: true})
		open(t, l, r, ours)
		low := make(chan uint64, 1)
		ours.SetBufferedAmountLowThreshold(threshold)
		ours.OnBufferedAmountLow(func() {
			select {
			case low <- ours.BufferedAmount():
			default:
			}
		})
		for range size / 65536 {
			if err := ours.Send(make([]byte, 65536)); err != nil {
				t.Fatal(err)
			}
		}
		if queued := ours.BufferedAmount(); queued <= threshold || queued > size {
			t.Errorf("after sending %d bytes at once, BufferedAmount is %d", size, queued)
		}
		select {
		case amount := <-low:
			if amount > threshold {
				t.Errorf("OnBufferedAmountLow came at %d, the threshold is %d", amount, threshold)
			}
		case <-time.After(patience):
			t.Error("OnBufferedAmountLow did not come")
		}
		if _, err := r.Received("ours", size/65536); err != nil {
			t.Error(err)
		}
		got, err := r.Fill("ours", size, threshold)
		if err != nil {
			t.Fatal(err)
		}
		if got.Queued <= threshold || got.Low > threshold {
			t.Errorf("their bufferedAmount: %d queued, %d at the event, threshold %d", got.Queued, got.Low, threshold)
		}
	})
}
