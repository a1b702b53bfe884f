package webrtc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

func TestParametersReachThePeer(t *testing.T) {
	for _, test := range []struct {
		name string
		init DataChannelInit
	}{
		{"defaults", DataChannelInit{}},
		{"unordered", DataChannelInit{Ordered: ptr(false)}},
		{"retransmits", DataChannelInit{Ordered: ptr(false), MaxRetransmits: ptr(uint16(3))}},
		{"lifetime", DataChannelInit{MaxPacketLifeTime: ptr(uint16(1500)), Protocol: ptr("json")}},
		{"no retransmission", DataChannelInit{MaxRetransmits: ptr(uint16(0)), Priority: PriorityTypeHigh}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				atA, atB := r.openPair("étiquette", &test.init)
				if *atA.ID() != *atB.ID() {
					t.Errorf("IDs %d and %d", *atA.ID(), *atB.ID())
				}
				describe := func(d *DataChannel) string {
					number := func(p *uint16) string {
						if p == nil {
							return "nil"
						}
						return fmt.Sprint(*p)
					}
					return fmt.Sprintf("%q %q ordered=%v lifetime=%s retransmits=%s priority=%v negotiated=%v",
						d.Label(), d.Protocol(), d.Ordered(), number(d.MaxPacketLifeTime()), number(d.MaxRetransmits()), d.Priority(), d.Negotiated())
				}
				if a, b := describe(atA), describe(atB); a != b {
					t.Errorf("created %s\naccepted %s", a, b)
				}
			})
		})
	}
}

// RFC 8832 section 6: the DTLS client uses even identifiers, the server odd
// ones. The answerer is the client (RFC 8842 section 5.3 recommends active).
func TestIdentifiersFollowTheDTLSRole(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		early, err := r.a.CreateDataChannel("early", nil)
		must(t, err)
		if early.ID() != nil {
			t.Error("an ID before the DTLS role is known")
		}
		ready := opened(early)
		negotiate(t, r.a, r.b)
		wait(t, "open", ready, time.Minute)
		fromB, err := r.b.CreateDataChannel("late", nil)
		must(t, err)
		wait(t, "open", opened(fromB), time.Minute)
		if *early.ID()%2 != 1 || *fromB.ID()%2 != 0 {
			t.Errorf("server's ID %d, client's ID %d", *early.ID(), *fromB.ID())
		}
	})
}

func TestNegotiatedChannelsNeedNoAnnouncement(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.b.OnDataChannel(func(*DataChannel) { t.Error("announced") })
		init := &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(7))}
		atA, err := r.a.CreateDataChannel("n", init)
		must(t, err)
		atB, err := r.b.CreateDataChannel("n", init)
		must(t, err)
		got := make(chan DataChannelMessage, 1)
		atB.OnMessage(func(m DataChannelMessage) { got <- m })
		readyA, readyB := opened(atA), opened(atB)
		negotiate(t, r.a, r.b)
		wait(t, "open", readyA, time.Minute)
		wait(t, "open", readyB, time.Minute)
		must(t, atA.SendText("hello"))
		wait(t, "message", got, time.Minute)
		if _, err := r.a.CreateDataChannel("again", init); !errors.Is(err, ErrOperation) {
			t.Errorf("the same ID twice: %v", err)
		}
	})
}

// W3C section 6.2: an accepted channel is open when OnDataChannel runs, its open
// event follows, and messages come after that.
func TestEventsOfAnAcceptedChannelComeInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		events := make(chan string, 16)
		r.b.OnDataChannel(func(d *DataChannel) {
			events <- "datachannel " + d.ReadyState().String()
			d.OnOpen(func() { events <- "open" })
			d.OnMessage(func(m DataChannelMessage) { events <- "message " + string(m.Data) })
			d.OnClosing(func() { events <- "closing " + d.ReadyState().String() })
			d.OnClose(func() { events <- "close " + d.ReadyState().String() })
			d.OnError(func(err error) { events <- "error" })
		})
		atA, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		atA.OnOpen(func() {
			_ = atA.SendText("1")
			_ = atA.SendText("2")
			time.Sleep(time.Second)
			_ = atA.Close()
		})
		closed := make(chan struct{})
		atA.OnClose(func() { close(closed) })
		negotiate(t, r.a, r.b)
		wait(t, "closed", closed, time.Minute)
		time.Sleep(time.Second)
		var got []string
		for len(events) > 0 {
			got = append(got, <-events)
		}
		want := []string{"datachannel open", "open", "message 1", "message 2", "closing closing", "close closed"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if atA.ReadyState() != DataChannelStateClosed {
			t.Errorf("state %v", atA.ReadyState())
		}
	}, withLink(simnet.Link{Delay: 10 * time.Millisecond}))
}

// A channel that its creator closes at once loses nothing.
func TestAChannelThatIsClosedAtOnceStillHasAllItsEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		events := make(chan string, 16)
		r.b.OnDataChannel(func(d *DataChannel) {
			events <- "datachannel"
			d.OnOpen(func() { events <- "open" })
			d.OnMessage(func(m DataChannelMessage) { events <- "message " + string(m.Data) })
			d.OnClose(func() { events <- "close" })
		})
		atA, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		atA.OnOpen(func() {
			_ = atA.SendText("1")
			_ = atA.Close()
		})
		negotiate(t, r.a, r.b)
		time.Sleep(time.Minute)
		for _, want := range []string{"datachannel", "open", "message 1", "close"} {
			if got := wait(t, want, events, time.Minute); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}, withLink(simnet.Link{Delay: 10 * time.Millisecond}))
}

func TestIdentifiersAreReusedAfterBothDirectionsAreReset(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		first, _ := r.openPair("first", nil)
		id := *first.ID()
		for i := range 50 {
			accepted := make(chan *DataChannel, 1)
			r.b.OnDataChannel(func(d *DataChannel) { accepted <- d })
			closed := make(chan struct{})
			first.OnClose(func() { close(closed) })
			must(t, first.Close())
			wait(t, "closed", closed, time.Minute)
			next, err := r.a.CreateDataChannel(fmt.Sprint(i), nil)
			must(t, err)
			if *next.ID() != id {
				t.Fatalf("round %d: ID %d, want %d again", i, *next.ID(), id)
			}
			atB := wait(t, "accepted", accepted, time.Minute)
			got := make(chan DataChannelMessage, 1)
			atB.OnMessage(func(m DataChannelMessage) { got <- m })
			must(t, next.SendText(fmt.Sprint(i)))
			if m := wait(t, "message", got, time.Minute); string(m.Data) != fmt.Sprint(i) {
				t.Fatalf("round %d: got %q", i, m.Data)
			}
			first = next
		}
	}, withLink(simnet.Link{Delay: 5 * time.Millisecond}))
}

func TestSendRefusesWhatThePeerDoesNotTake(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		limit := r.a.SCTP().MaxMessageSize()
		if limit != 100_000 {
			t.Errorf("limit %d, want what b announced", limit)
		}
		if err := atA.Send(make([]byte, limit+1)); !errors.Is(err, ErrType) {
			t.Errorf("one byte too many: %v", err)
		}
		got := make(chan int, 1)
		atB.OnMessage(func(m DataChannelMessage) { got <- len(m.Data) })
		must(t, atA.Send(make([]byte, limit)))
		if n := wait(t, "largest message", got, time.Minute); n != int(limit) {
			t.Errorf("got %d bytes", n)
		}
		must(t, atB.Send(make([]byte, 200_000))) // a's own limit is larger
	}, withEngines(func(_, b *SettingEngine) { b.SetSCTPMaxMessageSize(100_000) }))
}

func TestSendBeforeOpenAndAfterCloseIsAnInvalidStateError(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		early, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		if err := early.SendText("x"); !errors.Is(err, ErrInvalidState) {
			t.Errorf("before open: %v", err)
		}
		atA, _ := r.openPair("y", nil)
		must(t, atA.Close())
		if err := atA.SendText("x"); !errors.Is(err, ErrInvalidState) {
			t.Errorf("after close: %v", err)
		}
		must(t, r.a.Close())
		if err := early.SendText("x"); !errors.Is(err, net.ErrClosed) || !errors.Is(err, ErrInvalidState) {
			t.Errorf("after the connection's close: %v", err)
		}
		if _, err := r.a.CreateDataChannel("z", nil); !errors.Is(err, ErrInvalidState) {
			t.Errorf("create after close: %v", err)
		}
	})
}

// W3C section 6.2: bufferedAmount counts the application's bytes alone.
func TestBufferedAmountCountsTheApplicationsBytes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, _ := r.openPair("a label that is longer than nothing", nil)
		if n := atA.BufferedAmount(); n != 0 {
			t.Errorf("%d bytes before anything was sent", n)
		}
		low := make(chan uint64, 4)
		atA.OnBufferedAmountLow(func() { low <- atA.BufferedAmount() })
		atA.SetBufferedAmountLowThreshold(1000)
		must(t, atA.Send(make([]byte, 5000)))
		must(t, atA.Send(nil))
		if n := atA.BufferedAmount(); n != 5000 {
			t.Errorf("%d bytes wait, want 5000", n)
		}
		if n := wait(t, "low", low, time.Minute); n > 1000 {
			t.Errorf("low at %d bytes", n)
		}
		time.Sleep(time.Minute)
		if n := atA.BufferedAmount(); n != 0 {
			t.Errorf("%d bytes at the end", n)
		}
		if len(low) != 0 {
			t.Error("more than one event for one fall")
		}
	}, withLink(simnet.Link{Delay: 20 * time.Millisecond}),
		// It keeps what is not acknowledged: enough for all that is sent here.
		withEngines(func(a, _ *SettingEngine) { a.SetSCTPEngine(SCTPEnginePion) }))
}

// W3C section 6.2, bufferedAmount: bytes "that have been queued using send but that
// ... had not been transmitted to the network".
func TestBufferedAmountFallsAsBytesAreTransmitted(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, _ := r.openPair("x", nil)
		must(t, atA.Send(make([]byte, 1000)))
		if n := atA.BufferedAmount(); n != 0 {
			t.Errorf("%d bytes wait where the congestion window is open", n)
		}
		synctest.Wait() // the event of that message
		const size = 500_000
		must(t, atA.Send(make([]byte, size)))
		n := atA.BufferedAmount()
		if n < size/2 || n >= size {
			t.Errorf("%d of %d bytes wait where one window could go", n, size)
		}
		low := make(chan uint64, 4)
		atA.OnBufferedAmountLow(func() { low <- atA.BufferedAmount() })
		atA.SetBufferedAmountLowThreshold(1000)
		if n := wait(t, "low", low, time.Minute); n > 1000 {
			t.Errorf("low at %d bytes", n)
		}
		time.Sleep(time.Minute)
		if n := atA.BufferedAmount(); n != 0 || len(low) != 0 {
			t.Errorf("%d bytes at the end, %d more events", n, len(low))
		}
	}, withLink(simnet.Link{Delay: 20 * time.Millisecond}),
		withEngines(func(a, _ *SettingEngine) { a.SetSCTPEngine(SCTPEngineNative) }))
}

func TestSendContextGoesAtThePaceOfThePath(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		var received atomic.Int64
		atB.OnMessage(func(m DataChannelMessage) { received.Add(int64(len(m.Data))) })
		message := make([]byte, 64<<10)
		const total = 8 << 20
		for sent := 0; sent < total; sent += len(message) {
			must(t, atA.SendContext(t.Context(), message))
			if n := atA.BufferedAmount(); n > sendHighWater+uint64(len(message)) {
				t.Fatalf("%d bytes wait", n)
			}
		}
		time.Sleep(time.Minute)
		if received.Load() != total {
			t.Errorf("received %d of %d", received.Load(), total)
		}
	}, withLink(simnet.Link{Delay: 5 * time.Millisecond}))
}

func TestSendContextEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, _ := r.openPair("x", nil)
		r.net.SetDefaultLink(simnet.Link{Down: true})
		must(t, atA.Send(make([]byte, 256<<10)))
		for range 4 {
			must(t, atA.Send(make([]byte, 256<<10)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := atA.SendContext(ctx, []byte("x")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		ended := make(chan error, 1)
		go func() { ended <- atA.SendContext(context.Background(), []byte("x")) }()
		synctest.Wait()
		must(t, r.a.Close())
		if err := wait(t, "end", ended, time.Second); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
}

// A handler that does not return stops the sender: what waits at the receiver is
// bounded by deliveryWindow and the SCTP window, the rest stays at the sender.
func TestASlowHandlerSlowsTheSender(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		release := make(chan struct{})
		var handled atomic.Int64
		atB.OnMessage(func(m DataChannelMessage) {
			<-release
			handled.Add(int64(len(m.Data)))
		})
		const total = 16 << 20
		sent := make(chan error, 1)
		go func() {
			for range total / (64 << 10) {
				if err := atA.SendContext(context.Background(), make([]byte, 64<<10)); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		time.Sleep(time.Minute)
		select {
		case err := <-sent:
			t.Fatalf("everything was sent to a peer that reads nothing: %v", err)
		default:
		}
		r.b.sctp.window.mu.Lock()
		waiting := r.b.sctp.window.used
		r.b.sctp.window.mu.Unlock()
		if waiting > maxUndelivered+(64<<10)+messageOverhead {
			t.Errorf("%d bytes wait for the handler", waiting)
		}
		close(release)
		must(t, wait(t, "rest", sent, 10*time.Minute))
		time.Sleep(time.Minute)
		if handled.Load() != total {
			t.Errorf("handled %d of %d", handled.Load(), total)
		}
	}, withLink(simnet.Link{Delay: 2 * time.Millisecond}))
}

func TestThePeersCloseEndsTheChannels(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, atB := r.openPair("x", nil)
		events := make(chan string, 8)
		atB.OnClosing(func() { events <- "closing" })
		atB.OnError(func(error) { events <- "error" })
		atB.OnClose(func() { events <- "close" })
		must(t, r.a.Close())
		for _, want := range []string{"closing", "error", "close"} {
			if got := wait(t, want, events, time.Minute); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if r.b.SCTP().State() != SCTPTransportStateClosed {
			t.Errorf("SCTP %v", r.b.SCTP().State())
		}
	})
}

func TestDetachedChannelsReadAndWriteMessages(t *testing.T) {
	detach := func(a, b *SettingEngine) { a.DetachDataChannels(); b.DetachDataChannels() }
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		a, err := atA.DetachWithDeadline()
		must(t, err)
		b, err := atB.Detach()
		must(t, err)
		if n, err := a.WriteDataChannel([]byte("text"), true); n != 4 || err != nil {
			t.Errorf("write: %d, %v", n, err)
		}
		if _, err := a.Write([]byte("binary")); err != nil {
			t.Error(err)
		}
		buffer := make([]byte, 5)
		n, text, err := b.ReadDataChannel(buffer)
		if string(buffer[:n]) != "text" || !text || err != nil {
			t.Errorf("got %q, %v, %v", buffer[:n], text, err)
		}
		if _, err := b.Read(buffer); !errors.Is(err, io.ErrShortBuffer) {
			t.Errorf("short buffer: %v", err)
		}
		buffer = make([]byte, 10)
		if n, err := b.Read(buffer); string(buffer[:n]) != "binary" || err != nil {
			t.Errorf("got %q, %v", buffer[:n], err)
		}
		must(t, a.SetReadDeadline(time.Now().Add(time.Second)))
		if _, err := a.Read(buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("deadline: %v", err)
		}
		must(t, a.SetReadDeadline(time.Time{}))
		must(t, b.Close())
		if _, err := a.Read(buffer); !errors.Is(err, io.EOF) {
			t.Errorf("after the peer's close: %v", err)
		}
	}, withEngines(detach))
}

func TestDetachNeedsTheSettingAndAnOpenChannel(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, _ := r.openPair("x", nil)
		if _, err := atA.Detach(); !errors.Is(err, ErrInvalidState) || !strings.Contains(err.Error(), "DetachDataChannels") {
			t.Errorf("got %v", err)
		}
	})
	inBubble(t, func(t *testing.T, r *rig) {
		early, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		if _, err := early.Detach(); !errors.Is(err, ErrInvalidState) {
			t.Errorf("got %v", err)
		}
	}, withEngines(func(a, _ *SettingEngine) { a.DetachDataChannels() }))
}

func TestADetachedStreamCarriesMoreThanAMessage(t *testing.T) {
	detach := func(a, b *SettingEngine) { a.DetachDataChannels(); b.DetachDataChannels() }
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		a, err := atA.DetachStream()
		must(t, err)
		b, err := atB.DetachStream()
		must(t, err)
		sent := bytes.Repeat([]byte("0123456789abcdef"), 3<<16)
		go func() {
			_, err := a.Write(sent)
			if err == nil {
				err = a.Close()
			}
			if err != nil {
				t.Error(err)
			}
		}()
		got, err := io.ReadAll(b)
		must(t, err)
		if !bytes.Equal(got, sent) {
			t.Errorf("got %d bytes, sent %d", len(got), len(sent))
		}
	}, withEngines(detach), withLink(simnet.Link{Delay: time.Millisecond}))
}

// W3C section 6.1.3.2: the message size is what the peer announces.
func TestAPeerMayTakeMessagesOfFourMegabytes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		if n := r.a.SCTP().MaxMessageSize(); n != 4<<20 {
			t.Errorf("%d bytes", n)
		}
		got := make(chan []byte, 2)
		atB.OnMessage(func(m DataChannelMessage) { got <- m.Data })
		for range 2 {
			message := make([]byte, 4<<20)
			for i := range message {
				message[i] = byte(i * i >> 7)
			}
			must(t, atA.Send(message))
			if data := wait(t, "message", got, time.Minute); !bytes.Equal(data, message) {
				t.Errorf("%d bytes arrived, not those that were sent", len(data))
			}
		}
		if err := atA.Send(make([]byte, 4<<20+1)); err == nil {
			t.Error("a larger one was taken")
		}
	}, withLink(simnet.Link{Delay: 10 * time.Millisecond}), withEngines(func(a, b *SettingEngine) {
		a.SetSCTPEngine(SCTPEngineNative)
		b.SetSCTPEngine(SCTPEngineNative)
		b.SetSCTPMaxMessageSize(8 << 20) // reduced to what the window allows
	}))
}

// RFC 8831 section 6.7: an identifier is free once both directions are reset. Channels
// come and go, over a path that loses packets, with the identifiers of those before.
func TestAThousandChannelsComeAndGo(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("first", nil)
		arrived := make(chan string, 100)
		r.b.OnDataChannel(func(d *DataChannel) {
			d.OnMessage(func(m DataChannelMessage) { arrived <- string(m.Data) })
		})
		highest := uint16(0)
		for round := range 10 {
			closed := make(chan struct{}, 100)
			for i := range 100 {
				d, err := r.a.CreateDataChannel("x", nil)
				must(t, err)
				highest = max(highest, *d.ID())
				d.OnClose(func() { closed <- struct{}{} })
				text := fmt.Sprint(round, i)
				d.OnOpen(func() {
					must(t, d.SendText(text))
					must(t, d.Close())
				})
			}
			seen := make(map[string]bool)
			for range 100 {
				seen[wait(t, "message", arrived, time.Minute)] = true
				wait(t, "close", closed, time.Minute)
			}
			if len(seen) != 100 {
				t.Fatalf("round %d: %d of 100 messages", round, len(seen))
			}
		}
		if highest > 2*110 {
			t.Errorf("identifier %d: those of closed channels were not used again", highest)
		}
	}, withLink(simnet.Link{Delay: 10 * time.Millisecond, Loss: 0.02}),
		withEngines(func(a, b *SettingEngine) { a.SetSCTPEngine(SCTPEngineNative); b.SetSCTPEngine(SCTPEngineNative) }))
}
