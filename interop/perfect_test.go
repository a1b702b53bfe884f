package interop

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// signal is a message of the signalling channel: a description or a candidate.
type signal struct {
	Description *description             `json:"description,omitempty"`
	Candidate   *webrtc.ICECandidateInit `json:"candidate,omitempty"`
}

// perfect is our end of W3C's perfect negotiation (webrtc-pc section 10.7). Its
// lock stands for JavaScript's one thread: what follows from an event is one step.
type perfect struct {
	*localMedia
	polite bool
	glare  int // offers that met one of ours

	lock    sync.Mutex
	ignored bool
	out     []signal
}

func newPerfect(t *testing.T, polite bool) *perfect {
	p := &perfect{localMedia: newLocalMedia(t), polite: polite}
	p.OnNegotiationNeeded(func() {
		p.lock.Lock()
		defer p.lock.Unlock()
		p.describe()
	})
	p.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil {
			candidate := c.ToJSON()
			p.lock.Lock()
			defer p.lock.Unlock()
			p.out = append(p.out, signal{Candidate: &candidate})
		}
	})
	return p
}

// describe sends the offer or answer that the state asks for.
func (p *perfect) describe() {
	if err := p.SetLocalDescription(webrtc.SessionDescription{}); err != nil {
		p.note("negotiate: " + err.Error())
		return
	}
	d := p.LocalDescription()
	p.out = append(p.out, signal{Description: &description{d.Type.String(), d.SDP}})
}

// take is what arrives.
func (p *perfect) take(m signal) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if m.Candidate != nil {
		if err := p.AddICECandidate(*m.Candidate); err != nil && !p.ignored {
			p.note("candidate: " + err.Error())
		}
		return
	}
	offer := m.Description.Type == "offer"
	collision := offer && p.SignalingState() != webrtc.SignalingStateStable
	if collision {
		p.glare++
	}
	if p.ignored = collision && !p.polite; p.ignored {
		return
	}
	if err := p.SetRemote(*m.Description); err != nil {
		p.note("set remote: " + err.Error())
		return
	}
	if offer {
		p.describe()
	}
}

// takeSignals empties our side of the channel.
func (p *perfect) takeSignals() []signal {
	p.lock.Lock()
	defer p.lock.Unlock()
	out := p.out
	p.out = nil
	return out
}

// signals empties Chromium's side.
func (b browserMedia) signals() (list []signal, err error) {
	err = b.call(&list, "nextSignals")
	return
}

func hasOffer(list []signal) bool {
	return slices.ContainsFunc(list, func(m signal) bool { return m.Description != nil && m.Description.Type == "offer" })
}

// relay carries the signals of both ends until nothing has come for a while and
// both are stable. With collide it holds them back until both ends have offered.
func relay(t *testing.T, p *perfect, b browserMedia, collide bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var ours, theirs []signal
	for quiet := 0; quiet < 25; {
		list, err := b.signals()
		must(t, err)
		ours, theirs = append(ours, p.takeSignals()...), append(theirs, list...)
		if collide && hasOffer(ours) && hasOffer(theirs) {
			collide = false
		}
		state, err := b.Signaling()
		must(t, err)
		if collide || len(ours)+len(theirs) > 0 || state != "stable" || p.SignalingState() != webrtc.SignalingStateStable {
			quiet = 0
		} else {
			quiet++
		}
		if !collide {
			for _, m := range ours {
				must(t, b.call(nil, "signal", m))
			}
			for _, m := range theirs {
				p.take(m)
			}
			ours, theirs = nil, nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the ends did not settle: we are %v, they %s", p.SignalingState(), state)
		}
	}
}

// Webrtc-pc section 10.7: both ends run the same code, and change at one time.
func TestPerfectNegotiationSolvesGlare(t *testing.T) {
	for _, polite := range []bool{true, false} {
		name := "we are impolite"
		if polite {
			name = "we are polite"
		}
		t.Run(name, func(t *testing.T) {
			b := newBrowserMedia(t, nil).(browserMedia)
			logged(t, b)
			must(t, b.call(nil, "perfect", !polite))
			p := newPerfect(t, polite)
			ours := p.create("ours", channelInit{})
			must(t, b.CreateChannel("theirs", channelInit{}))
			relay(t, p, b, true)
			p.saw("connection connected")
			open(t, p.local, b, ours)
			steps := []func(end negotiator) error{
				func(end negotiator) error { return end.AddTrack("audio") },
				func(end negotiator) error { return end.AddTrack("video") },
				func(end negotiator) error { return end.AddTransceiver("video", "sendonly") },
				func(end negotiator) error { return end.AddTransceiver("audio", "recvonly") },
			}
			for i := range 3 { // then directions flip
				steps = append(steps, func(end negotiator) error {
					list, err := end.Transceivers()
					if err != nil {
						return err
					}
					direction := []string{"sendonly", "recvonly", "sendrecv"}[i]
					if _, they := end.(browserMedia); they {
						direction = []string{"sendonly", "sendrecv", "inactive"}[i]
					}
					return end.SetDirection(list[i].MID, direction)
				})
			}
			for i, step := range steps {
				must(t, step(p))
				must(t, step(b))
				relay(t, p, b, i < 4)
				sameSession(t, p.localMedia, b)
				echo(t, p.local, b, ours)
				if t.Failed() {
					t.Fatalf("step %d: see above", i)
				}
			}
			p.lock.Lock()
			defer p.lock.Unlock()
			if p.glare == 0 {
				t.Error("no offers met")
			}
			events, err := b.Events()
			must(t, err)
			for _, event := range append(events, p.events()...) {
				for _, mistake := range []string{"negotiate: ", "signal: ", "set remote: ", "candidate: "} {
					if strings.HasPrefix(event, mistake) {
						t.Error(event)
					}
				}
			}
			if ignored := slices.Contains(events, "ignored an offer"); ignored != polite {
				t.Errorf("Chromium ignored an offer: %v", ignored)
			}
			t.Logf("%d offers met ours", p.glare)
		})
	}
}
