package webrtc

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

func TestTwoConnectionsExchangeMessages(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("chat", nil)
		fromA, fromB := make(chan DataChannelMessage, 4), make(chan DataChannelMessage, 4)
		atB.OnMessage(func(m DataChannelMessage) { fromA <- m })
		atA.OnMessage(func(m DataChannelMessage) { fromB <- m })
		must(t, atA.SendText("bonjour"))
		must(t, atA.Send(nil))
		must(t, atA.SendText(""))
		must(t, atB.Send([]byte{1, 2, 3}))
		for _, want := range []DataChannelMessage{
			{IsString: true, Data: []byte("bonjour")}, {Data: []byte{}}, {IsString: true, Data: []byte{}},
		} {
			got := wait(t, "message at b", fromA, time.Second)
			if got.IsString != want.IsString || !bytes.Equal(got.Data, want.Data) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		if got := wait(t, "message at a", fromB, time.Second); got.IsString || !bytes.Equal(got.Data, []byte{1, 2, 3}) {
			t.Errorf("got %v", got)
		}
		for _, pc := range []*PeerConnection{r.a, r.b} {
			if pc.ConnectionState() != PeerConnectionStateConnected || pc.SignalingState() != SignalingStateStable {
				t.Errorf("states %v, %v", pc.ConnectionState(), pc.SignalingState())
			}
		}
	})
}

// The least that the protocols allow, with d one way and signalling in no time:
// check and answer (RFC 8445 section 7.2), nomination (section 8.1.1), the four
// flights of DTLS 1.2 without a cookie (RFC 6347 section 4.2.4), and SCTP's
// four-way handshake (RFC 9260 section 5.1), of which the first packet rides
// behind the last flight of DTLS.
//
//	2d  a's check is answered, a nominates
//	3d  b selects the pair, sends ClientHello
//	4d  a answers; 5d b sends its Finished; 6d a is connected, sends INIT
//	7d  b is connected, INIT ACK; 8d COOKIE ECHO; 9d b up; 10d a up, OPEN
//	11d b has the channel
func TestConnectsInTheRoundTripsOfTheProtocols(t *testing.T) {
	const d = 100 * time.Millisecond
	inBubble(t, func(t *testing.T, r *rig) {
		if _, _, open, accepted := r.timePair("x", nil); open != 10*d || accepted != 11*d {
			t.Errorf("open after %v, want %v; accepted after %v, want %v", open, 10*d, accepted, 11*d)
		}
	}, withLink(simnet.Link{Delay: d}))
}

func TestSurvivesARoughPath(t *testing.T) {
	link := simnet.Link{Delay: 200 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.10, Duplicate: 0.05, Reorder: 0.05}
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				atA, atB := r.openPair("rough", nil)
				random := rand.New(rand.NewPCG(seed, 1))
				sent, got := sha256.New(), sha256.New()
				done := make(chan struct{})
				const count = 100
				received := 0
				atB.OnMessage(func(m DataChannelMessage) {
					got.Write(m.Data)
					if received++; received == count {
						close(done)
					}
				})
				for range count {
					message := make([]byte, 1+random.IntN(4000))
					sent.Write(message)
					must(t, atA.Send(message))
				}
				wait(t, "all messages", done, 10*time.Minute)
				if !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
					t.Error("hashes differ")
				}
			}, withLink(link), func(c *rigConfig) { c.seed = seed })
		})
	}
}

func TestADeadPathIsDisconnectedAndFailsOnTime(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		type change struct {
			state ICEConnectionState
			at    time.Time
		}
		changes := make(chan change, 8)
		r.a.OnICEConnectionStateChange(func(s ICEConnectionState) { changes <- change{s, time.Now()} })
		time.Sleep(10 * time.Second)
		// A sign of life is an answer to a check, or data; a check of the peer's
		// says nothing of the path to it.
		var last atomic.Int64
		start := time.Now()
		r.net.Tap(func(p simnet.Packet) simnet.Verdict {
			answer := p.Data[0] == 1 && p.Data[1] == 1
			if p.Dst.Addr() == r.hostA.Addr() && (answer || p.Data[0] >= 20) {
				last.Store(int64(p.Time.Sub(start)))
			}
			return simnet.Pass
		})
		time.Sleep(10 * time.Second)
		r.net.SetDefaultLink(simnet.Link{Down: true})
		heard := start.Add(time.Duration(last.Load()))
		first := wait(t, "disconnected", changes, time.Minute)
		if first.state != ICEConnectionStateDisconnected || first.at.Sub(heard) != 5*time.Second {
			t.Errorf("%v %v after the last sign of life, want disconnected after 5s", first.state, first.at.Sub(heard))
		}
		second := wait(t, "failed", changes, time.Minute)
		if second.state != ICEConnectionStateFailed || second.at.Sub(first.at) != 25*time.Second {
			t.Errorf("%v %v after disconnected, want failed after 25s", second.state, second.at.Sub(first.at))
		}
		if r.a.ConnectionState() != PeerConnectionStateFailed || r.a.FailureReason() == nil {
			t.Errorf("state %v, reason %v", r.a.ConnectionState(), r.a.FailureReason())
		}
	})
}

func TestRecoversWhenThePathComesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		states := make(chan PeerConnectionState, 8)
		r.a.OnConnectionStateChange(func(s PeerConnectionState) { states <- s })
		r.net.SetDefaultLink(simnet.Link{Down: true})
		if s := wait(t, "disconnected", states, time.Minute); s != PeerConnectionStateDisconnected {
			t.Fatalf("got %v", s)
		}
		got := make(chan DataChannelMessage, 1)
		atB.OnMessage(func(m DataChannelMessage) { got <- m })
		must(t, atA.SendText("held"))
		time.Sleep(10 * time.Second)
		r.net.SetDefaultLink(simnet.Link{})
		if s := wait(t, "connected", states, time.Minute); s != PeerConnectionStateConnected {
			t.Fatalf("got %v", s)
		}
		wait(t, "message", got, time.Minute)
	})
}

func TestAWrongFingerprintFailsTheConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		other, err := newDefaultCertificate(time.Now())
		must(t, err)
		wrong, err := other.GetFingerprints()
		must(t, err)
		_, err = r.a.CreateDataChannel("x", nil)
		must(t, err)
		failed := make(chan PeerConnectionState, 4)
		r.a.OnConnectionStateChange(func(s PeerConnectionState) {
			if s == PeerConnectionStateFailed {
				failed <- s
			}
		})
		toB, toA := newTrickle(t, r.a, r.b), newTrickle(t, r.b, r.a)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		toB.open()
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		answer := *r.b.LocalDescription()
		own, err := r.b.config.Certificates[0].GetFingerprints()
		must(t, err)
		changed := strings.Replace(answer.SDP, strings.ToUpper(own[0].Value), strings.ToUpper(wrong[0].Value), 1)
		if changed == answer.SDP {
			t.Fatal("the answer does not hold the fingerprint")
		}
		answer.SDP = changed
		must(t, r.a.SetRemoteDescription(answer))
		toA.open()
		wait(t, "failed", failed, time.Minute)
		synctest.Wait()
		if r.a.dtls.State() != DTLSTransportStateFailed {
			t.Errorf("DTLS state %v", r.a.dtls.State())
		}
		t.Logf("reason: %v", r.a.FailureReason())
		if r.a.FailureReason() == nil {
			t.Error("no reason")
		}
	})
}
