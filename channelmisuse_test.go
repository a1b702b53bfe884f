package webrtc

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// W3C section 6.1.2: an identifier that is generated is not in use by another
// channel, whichever of the two was created first.
func TestChosenIdentifiersAreKeptClearOf(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var channels []*DataChannel
		for _, init := range []*DataChannelInit{nil, {Negotiated: ptr(true), ID: ptr(uint16(0))}, nil, {Negotiated: ptr(true), ID: ptr(uint16(2))}} {
			d, err := r.b.CreateDataChannel("x", init)
			must(t, err)
			channels = append(channels, d)
		}
		r.openPair("first", nil) // b answers, so b is the DTLS client and takes even ones
		var ids []uint16
		for _, d := range channels {
			ids = append(ids, *d.ID())
		}
		if want := []uint16{4, 0, 6, 2}; !slices.Equal(ids, want) {
			t.Errorf("identifiers %v, want %v", ids, want)
		}
	})
}

// W3C section 6.1.2: "If no available ID could be generated, throw an
// OperationError".
func TestAChannelWithoutAnIdentifierIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("first", nil)
		must(t, r.a.loop.Do(func(time.Time) { r.a.sctp.ids.SetLimit(2) }))
		if _, err := r.a.CreateDataChannel("x", nil); !errors.Is(err, ErrOperation) {
			t.Errorf("got %v", err)
		}
	})
}

// A message may be there before the loop has heard that the association is up:
// it waits for the open event.
func TestMessagesWaitForTheOpenEvent(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		init := &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(7))}
		atA, err := r.a.CreateDataChannel("n", init)
		must(t, err)
		atB, err := r.b.CreateDataChannel("n", init)
		must(t, err)
		events := make(chan string, 4)
		atA.OnOpen(func() { events <- "open" })
		atA.OnMessage(func(m DataChannelMessage) {
			time.Sleep(time.Millisecond) // OnOpen has a goroutine of its own
			events <- string(m.Data)
		})
		atB.OnOpen(func() { must(t, atB.SendText("early")) })
		r.a.dtls.OnStateChange(func(s DTLSTransportState) {
			if s == DTLSTransportStateConnected { // a's loop is behind
				r.a.loop.Post(func(time.Time) { time.Sleep(time.Second) })
			}
		})
		negotiate(t, r.a, r.b)
		for _, want := range []string{"open", "early"} {
			if got := wait(t, want, events, time.Minute); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}, withLink(simnet.Link{Delay: time.Millisecond}))
}

// controlMessage sends a DCEP message, good or bad.
func controlMessage(t *testing.T, pc *PeerConnection, id uint16, b []byte) {
	t.Helper()
	must(t, pc.sctp.engine.Load().Send(id, uint32(sctp.PPIDControl), b))
}

// RFC 8832 section 6: an OPEN on a stream in use, or one that is malformed,
// closes the channel, and is not acknowledged.
func TestAnOpenThatBreaksTheRulesClosesTheChannel(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			atA, atB := r.openPair("x", nil)
			closed := make(chan *DataChannel, 2)
			atA.OnClose(func() { closed <- atA })
			atB.OnClose(func() { closed <- atB })
			open, err := atA.openMessage().Marshal()
			must(t, err)
			controlMessage(t, r.a, *atA.ID(), open)
			wait(t, "close", closed, time.Minute)
			wait(t, "close", closed, time.Minute)
		})
	})
	t.Run("malformed", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.openPair("x", nil)
			streams := r.b.sctp.engine.Load().Stats().streams
			for _, message := range [][]byte{{3}, {3, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}} {
				must(t, r.a.sctp.engine.Load().Open(101, streamParams{}))
				controlMessage(t, r.a, 101, message)
				time.Sleep(time.Second)
				must(t, func() error { r.a.sctp.engine.Load().Reset(101); return nil }())
				time.Sleep(time.Second)
				if n := r.b.sctp.engine.Load().Stats().streams; n != streams {
					t.Errorf("%d streams after %v, want %d", n, message, streams)
				}
			}
		})
	})
}

// RFC 8831 section 6.7: an incoming reset is answered by one of our own, also on
// a stream that nobody here knows.
func TestAnUnknownStreamIsClosedWithThePeer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		d, err := r.a.CreateDataChannel("alone", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(20))})
		must(t, err)
		closed := make(chan struct{})
		d.OnClose(func() { close(closed) })
		must(t, d.SendText("is anybody there?"))
		synctest.Wait()
		must(t, d.Close())
		wait(t, "close", closed, time.Minute)
		_, err = r.a.CreateDataChannel("again", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(20))})
		must(t, err)
	})
}

// W3C section 6.2: an error event tells of a failure; an association that is
// shut down in order closes its channels without one.
func TestTheEndOfTheAssociationSaysWhy(t *testing.T) {
	type end struct{ channel, transport error }
	run := func(t *testing.T, abort bool) (got end) {
		inBubble(t, func(t *testing.T, r *rig) {
			_, atB := r.openPair("x", nil)
			closed := make(chan error, 1)
			atB.OnError(func(err error) { got.channel = err })
			r.b.SCTP().OnClose(func(err error) { closed <- err })
			if abort {
				r.a.sctp.engine.Load().Close()
			} else {
				lane := r.a.sctp.engine.Load().(*sctpLane)
				must(t, lane.do(func(now time.Time) error { lane.machine.Shutdown(now); return nil }))
			}
			got.transport = wait(t, "end", closed, time.Minute)
			if s := atB.ReadyState(); s != DataChannelStateClosed {
				t.Errorf("channel %v", s)
			}
		})
		return got
	}
	if got := run(t, false); got.channel != nil || got.transport != nil {
		t.Errorf("after a shutdown: %v, %v", got.channel, got.transport)
	}
	got := run(t, true)
	var e *Error
	if !errors.As(got.channel, &e) || e.Kind != KindSCTPFailure || e.SCTPCauseCode == nil || *e.SCTPCauseCode != 12 {
		t.Errorf("after an abort: %#v", got.channel)
	}
	if !errors.Is(got.transport, ErrOperation) {
		t.Errorf("the transport says %v", got.transport)
	}
}

// A handler that does not return holds up the channels that the peer opens, as
// it does messages.
func TestChannelsThatWaitForTheirHandlerAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		release := make(chan struct{})
		announced := make(chan struct{}, 2000)
		r.b.OnDataChannel(func(*DataChannel) { <-release; announced <- struct{}{} })
		const count = 1000
		for range count {
			_, err := r.a.CreateDataChannel("more", nil)
			must(t, err)
		}
		time.Sleep(10 * time.Second)
		accepted := 0
		must(t, r.b.loop.Do(func(time.Time) { accepted = len(r.b.sctp.channels) }))
		if accepted > maxUndelivered/channelOverhead+1 {
			t.Errorf("%d channels wait for the handler", accepted)
		}
		close(release)
		for range count {
			wait(t, "channel", announced, time.Minute)
		}
	}, withLink(simnet.Link{Delay: time.Millisecond}))
}

// RFC 8832 section 6: until the peer has answered the OPEN, an unordered channel
// sends in order, and afterwards it does not.
func TestAnUnorderedChannelBeginsInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("first", nil)
		var mu sync.Mutex
		var unordered []bool // of each DATA chunk that b gets, the U bit (RFC 9260 section 3.3.1)
		sink := *r.b.dtls.data.sink.Load()
		tapped := packetSink(func(now time.Time, packet []byte) {
			for at := 12; at+4 <= len(packet); {
				length := int(packet[at+2])<<8 | int(packet[at+3])
				if packet[at] == 0 || packet[at] == 64 { // DATA, I-DATA
					mu.Lock()
					unordered = append(unordered, packet[at+1]&4 != 0)
					mu.Unlock()
				}
				if length < 4 {
					break
				}
				at += (length + 3) &^ 3
			}
			sink(now, packet)
		})
		r.b.dtls.data.sink.Store(&tapped)
		d, err := r.a.CreateDataChannel("x", &DataChannelInit{Ordered: ptr(false)})
		must(t, err)
		<-opened(d)
		must(t, d.SendText("before the answer"))
		time.Sleep(time.Second)
		must(t, d.SendText("after it"))
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if want := []bool{false, false, true}; !slices.Equal(unordered, want) {
			t.Errorf("the OPEN and two messages are unordered: %v, want %v", unordered, want)
		}
	}, withLink(simnet.Link{Delay: 50 * time.Millisecond}))
}
