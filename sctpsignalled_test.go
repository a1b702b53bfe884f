package webrtc

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

func withSnap(a, b bool) rigOption {
	return withEngines(func(ea, eb *SettingEngine) {
		ea.EnableSctpSnap(a)
		eb.EnableSctpSnap(b)
	})
}

var sctpInitLine = regexp.MustCompile(`a=sctp-init:(\S+)\r\n`)

// signalledInit is the value of the attribute in a description, "" for none.
func signalledInit(d *SessionDescription) string {
	if m := sctpInitLine.FindStringSubmatch(d.SDP); m != nil {
		return m[1]
	}
	return ""
}

// draft-hancke-tsvwg-snap-00: the handshake of TestConnectsInTheRoundTripsOfTheProtocols
// without the two round trips of SCTP's. With d one way:
//
//	6d  a has b's Finished: SCTP is up, the channel open, OPEN leaves behind a's own
//	7d  b has the channel
//
// If one of them does not signal its INIT chunk, all is as it is without.
func TestSignalledHandshakeSavesTwoRoundTrips(t *testing.T) {
	const d = 100 * time.Millisecond
	for name, c := range map[string]struct {
		a, b       bool
		open, have time.Duration
	}{
		"both":         {true, true, 6 * d, 7 * d},
		"the offerer":  {true, false, 10 * d, 11 * d},
		"the answerer": {false, true, 10 * d, 11 * d},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				atA, atB, open, have := r.timePair("x", nil)
				if open != c.open || have != c.have {
					t.Errorf("open after %v, want %v; accepted after %v, want %v", open, c.open, have, c.have)
				}
				exchangeOn(t, atA, atB)
				if offered, answered := signalledInit(r.a.LocalDescription()) != "", signalledInit(r.b.LocalDescription()) != ""; offered != c.a || answered != (c.a && c.b) {
					t.Errorf("in the offer %t, in the answer %t", offered, answered)
				}
			}, withLink(simnet.Link{Delay: d}), withSnap(c.a, c.b))
		})
	}
}

// exchangeOn has a message arrive each way.
func exchangeOn(t *testing.T, atA, atB *DataChannel) {
	t.Helper()
	heard := make(chan string, 2)
	for _, d := range []*DataChannel{atA, atB} {
		d.OnMessage(func(m DataChannelMessage) { heard <- string(m.Data) })
	}
	for _, d := range []*DataChannel{atA, atB} {
		must(t, d.SendText("hello"))
	}
	for range 2 {
		if got := wait(t, "message", heard, time.Minute); got != "hello" {
			t.Errorf("got %q", got)
		}
	}
}

// What the path loses is sent again, though there was no handshake to measure it.
func TestSignalledHandshakeOverARoughPath(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		exchangeOn(t, atA, atB)
	}, withSnap(true, true), withLink(simnet.Link{Delay: 50 * time.Millisecond, Loss: 0.2, Jitter: 20 * time.Millisecond}))
}

// Modifying the session: "Subsequent offers and answers MUST include the a=sctp-init
// line in the negotiated SDP with the same value", through a restart of ICE, whoever
// offers, and the association goes on.
func TestSignalledHandshakeStaysThroughRenegotiation(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		ofA, ofB := signalledInit(r.a.LocalDescription()), signalledInit(r.b.LocalDescription())
		if ofA == "" || ofB == "" || ofA == ofB {
			t.Fatalf("INIT chunks %q, %q", ofA, ofB)
		}
		for i := range 3 {
			if i > 0 {
				r.b.RestartICE()
			}
			negotiate(t, r.b, r.a)
			if a, b := signalledInit(r.a.LocalDescription()), signalledInit(r.b.LocalDescription()); a != ofA || b != ofB {
				t.Errorf("INIT chunks %q, %q in exchange %d, were %q, %q", a, b, i, ofA, ofB)
			}
			time.Sleep(time.Second)
			exchangeOn(t, atA, atB)
		}
	}, withSnap(true, true))
}

// A peer that makes new transports begins a new association with the same INIT chunks, as
// a libwebrtc does, and the channels live on.
func TestSignalledHandshakeOfNewTransports(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for range 2 {
			_, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
			must(t, err)
		}
		atA, atB := r.openPair("x", nil)
		rebuildingExchange(t, r, func() { synctest.Wait() })
		exchangeOn(t, atA, atB)
		if signalledInit(r.a.LocalDescription()) == "" {
			t.Error("no a=sctp-init any more")
		}
	}, withSnap(true, true))
}

// A new DTLS association brings a new one of SCTP (RFC 8842 section 5.5), whose INIT
// chunks are those of the exchange that brings it.
func TestSignalledHandshakeWithAnotherEnd(t *testing.T) {
	for name, exchange := range map[string]func(t *testing.T, r *rig, c *PeerConnection){
		"it answers": func(t *testing.T, r *rig, c *PeerConnection) { negotiate(t, r.a, c) },
		"it offers": func(t *testing.T, r *rig, c *PeerConnection) {
			_, err := c.CreateDataChannel("of c", nil)
			must(t, err)
			negotiate(t, c, r.a)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.openPair("x", nil)
				var e SettingEngine
				e.EnableSctpSnap(true)
				c := connectionOn(t, r.net.Host("c", "192.0.2.3"), e, Configuration{})
				defer c.Close()
				accepted := make(chan *DataChannel, 1)
				c.OnDataChannel(func(d *DataChannel) { accepted <- d })
				exchange(t, r, c)
				atA, err := r.a.CreateDataChannel("second", nil)
				must(t, err)
				wait(t, "open", opened(atA), time.Minute)
				exchangeOn(t, atA, wait(t, "channel", accepted, time.Minute))
			}, withSnap(true, true))
		})
	}
}

// Data that is rejected and wanted again is another association: its INIT chunk is new,
// so that nothing of the old one can be taken for it.
func TestSignalledHandshakeOfDataThatIsReopened(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		r.openPair("x", nil)
		was := signalledInit(r.a.LocalDescription())
		rejectData(t, r)
		atA, atB := r.openPair("again", nil)
		if now := signalledInit(r.a.LocalDescription()); now == "" || now == was {
			t.Errorf("INIT chunk %q, was %q", now, was)
		}
		exchangeOn(t, atA, atB)
	}, withSnap(true, true))
}

// "If the data is not properly base64-encoded this results in an error", and so does what
// is not a valid INIT chunk; each is named, and can be told by its kind.
func TestBadSignalledHandshakesAreErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		offer := *r.a.LocalDescription()
		for value, want := range map[string]error{
			"no base64": ErrSDPSyntax,
			base64.StdEncoding.EncodeToString([]byte{1, 0, 0, 4}): sctp.ErrInvalidInit,
		} {
			bad := offer
			bad.SDP = sctpInitLine.ReplaceAllString(bad.SDP, "a=sctp-init:"+value+"\r\n")
			if err := r.b.SetRemoteDescription(bad); !errors.Is(err, want) || !strings.Contains(err.Error(), "a=sctp-init") {
				t.Errorf("%q: %v", value, err)
			}
		}
		must(t, r.b.SetRemoteDescription(offer))
	}, withSnap(true, true))
}

// Without the setting a description has nothing of it; nor with pion/sctp.
func TestTheHandshakeIsSignalledOnlyWhereItIsAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, pc := range []*PeerConnection{r.a, r.b} {
			_, err := pc.CreateDataChannel("x", nil)
			must(t, err)
			offer, err := pc.CreateOffer(nil)
			must(t, err)
			if signalledInit(&offer) != "" {
				t.Errorf("%s", offer.SDP)
			}
		}
	}, withEngines(func(_, b *SettingEngine) {
		b.EnableSctpSnap(true)
		b.SetSCTPEngine(SCTPEnginePion)
	}))
}
