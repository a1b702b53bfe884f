package webrtc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// rebuildingExchange has a stop the m-section of the tag, and b answer as libwebrtc does: with new transports, the
// candidates of the old one left where they were. between runs when b's are new and a does not know it yet.
func rebuildingExchange(t *testing.T, r *rig, between func()) {
	t.Helper()
	must(t, r.a.GetTransceivers()[0].Stop())
	must(t, r.a.SetLocalDescription(SessionDescription{}))
	must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
	must(t, r.b.do("rebuild", func(time.Time) error { r.b.transports[0].anew = true; return nil }))
	must(t, r.b.SetLocalDescription(SessionDescription{}))
	between()
	answer := *r.b.LocalDescription()
	answer.SDP = strings.Replace(answer.SDP, "a=mid:0\r\n", "a=mid:0\r\na=candidate:1 1 udp 2122260223 192.0.2.2 9 typ host generation 0 network-id 1\r\n", 1)
	must(t, r.a.SetRemoteDescription(answer))
}

// A peer that makes new transports for a bundle whose tag moves is followed (RFC 9143 section 7.5.3 has both go on, which
// libwebrtc does not): ICE, DTLS and SCTP begin anew, channels live on with their identifiers, and what is sent meanwhile arrives.
func TestChannelsLiveOnWhenThePeerMakesNewTransports(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		_, err = r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		atA, atB := r.openPair("x", nil)
		heard := make(chan string, 8)
		atB.OnMessage(func(m DataChannelMessage) { heard <- string(m.Data) })
		for _, channel := range []*DataChannel{atA, atB} {
			channel.OnClose(func() { t.Error("a channel closed") })
			channel.OnError(func(err error) { t.Error(err) })
		}
		id, sctp, certificate := *atA.ID(), r.a.SCTP(), r.a.SCTP().Transport().GetRemoteCertificate()
		rebuildingExchange(t, r, func() { synctest.Wait() })
		if s := r.a.ConnectionState(); s != PeerConnectionStateConnecting || sctp.State() != SCTPTransportStateConnecting {
			t.Errorf("after the exchange: %v, SCTP %v", s, sctp.State())
		}
		must(t, atA.SendText("in the gap"))
		if n := atA.BufferedAmount(); n != uint64(len("in the gap")) {
			t.Errorf("%d bytes wait", n)
		}
		if got := wait(t, "message", heard, time.Minute); got != "in the gap" {
			t.Errorf("got %q", got)
		}
		must(t, atA.SendText("after"))
		if got := wait(t, "message", heard, time.Minute); got != "after" {
			t.Errorf("got %q", got)
		}
		time.Sleep(time.Second) // for the acknowledgement
		if *atA.ID() != id || r.a.SCTP() != sctp || atA.BufferedAmount() != 0 || !slices.Equal(sctp.Transport().GetRemoteCertificate(), certificate) {
			t.Errorf("ID %d, %d bytes wait", *atA.ID(), atA.BufferedAmount())
		}
		more, err := r.b.CreateDataChannel("more", nil)
		must(t, err)
		wait(t, "open", opened(more), time.Minute)
		for _, channel := range []*DataChannel{atA, atB} { // the test's end is one
			channel.OnClose(nil)
			channel.OnError(nil)
		}
	})
}

// The end of the old association may come before the description that says why: then channels wait for that, but not
// for ever.
func TestChannelsWaitForThePeersNewTransports(t *testing.T) {
	for name, arrives := range map[string]bool{"the description comes": true, "it never comes": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				for range 2 {
					_, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
					must(t, err)
				}
				atA, _ := r.openPair("x", nil)
				ended := make(chan error, 1)
				atA.OnError(func(err error) { ended <- err })
				if arrives {
					rebuildingExchange(t, r, func() {
						must(t, r.a.loop.Do(func(now time.Time) { r.a.sctp.lost(now, errors.New("aborted")) }))
						time.Sleep(3 * time.Second)
						if s := atA.ReadyState(); s != DataChannelStateOpen {
							t.Errorf("before the answer: %v", s)
						}
					})
					time.Sleep(time.Minute)
					if s := atA.ReadyState(); s != DataChannelStateOpen || r.a.ConnectionState() != PeerConnectionStateConnected {
						t.Errorf("%v, connection %v", s, r.a.ConnectionState())
					}
					return
				}
				must(t, r.a.GetTransceivers()[0].Stop())
				must(t, r.a.SetLocalDescription(SessionDescription{}))
				start := time.Now()
				must(t, r.a.loop.Do(func(now time.Time) { r.a.sctp.lost(now, errors.New("aborted")) }))
				wait(t, "end", ended, time.Minute)
				if waited := time.Since(start); waited != exchangeGrace {
					t.Errorf("waited %v, want %v", waited, exchangeGrace)
				}
			})
		})
	}
}

// What is sent between two associations is bounded.
func TestTheGapHoldsABoundedAmount(t *testing.T) {
	gap := &sctpGap{}
	message := make([]byte, 1<<20)
	for i := range maxGapBytes / len(message) {
		if err := gap.Send(uint16(i%2), 53, message); err != nil {
			t.Fatal(err)
		}
	}
	if err := gap.Send(0, 53, []byte{0}); !errors.Is(err, errGapFull) {
		t.Errorf("got %v", err)
	}
	if got := fmt.Sprint(gap.BufferedAmount(0), gap.BufferedAmount(1), gap.BufferedAmount(2)); got != fmt.Sprint(maxGapBytes/2, maxGapBytes/2, 0) {
		t.Errorf("amounts %s", got)
	}
}

// idleEngine takes everything and does nothing.
type idleEngine struct{ sctpEngine }

func (idleEngine) Open(uint16, streamParams) error              { return nil }
func (idleEngine) Send(uint16, uint32, []byte) error            { return nil }
func (idleEngine) BufferedAmount(uint16) uint64                 { return 0 }
func (idleEngine) SetBufferedAmountLowThreshold(uint16, uint64) {}
func (idleEngine) Reset(uint16)                                 {}
func (idleEngine) Close()                                       {}
func (idleEngine) Stats() sctpStats                             { return sctpStats{} }

// Send on another goroutine finds the old association, the gap or the new association at every moment.
func TestASenderAlwaysFindsWhatTakesItsMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, _ := r.openPair("x", nil)
		sctp, over, lost := r.a.SCTP(), make(chan struct{}), make(chan int)
		go func() {
			n := 0
			for {
				select {
				case <-over:
					lost <- n
					return
				default:
					if atA.sending.engine() == nil {
						n++
					}
				}
			}
		}()
		for range 100 {
			must(t, r.a.loop.Do(func(now time.Time) {
				for range 200 {
					sctp.goOn(now)
					sctp.engine.store(idleEngine{})
					sctp.resume()
				}
			}))
		}
		close(over)
		if n := <-lost; n > 0 {
			t.Errorf("%d times there was nothing to send by", n)
		}
	})
}

// A message of the old association that comes when it has been given up opens no channel on the next one, which is not
// up yet, and which there may not even be.
func TestAMessageOfTheOldAssociationOpensNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, _ := r.openPair("x", nil)
		sctp := r.a.SCTP()
		old := &sctpEvents{t: sctp, engine: sctp.engine.Load()}
		for name, next := range map[string]sctpEngine{"before the next one": nil, "with the next one": idleEngine{}} {
			atA.announced.Store(false) // its first message
			must(t, r.a.loop.Do(func(now time.Time) {
				sctp.goOn(now)
				if next != nil {
					sctp.engine.store(next)
				}
			}))
			old.Message(*atA.ID(), 53, []byte("late"))
			if s := sctp.State(); s != SCTPTransportStateConnecting {
				t.Errorf("%s: %v", name, s)
			}
			must(t, r.a.loop.Do(func(time.Time) {
				sctp.engine.store(idleEngine{})
				sctp.announceAll()
			}))
		}
	})
}
