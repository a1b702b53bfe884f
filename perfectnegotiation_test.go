package webrtc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// perfectPeer is one end of W3C's perfect negotiation. A lock stands for
// JavaScript's one thread: an offer is made, or a message handled, as one step,
// so that the flags makingOffer and isSettingRemoteAnswerPending of W3C's code
// are not needed.
//
// See https://www.w3.org/TR/webrtc/#perfect-negotiation-example
type perfectPeer struct {
	t      testing.TB
	name   string
	pc     *PeerConnection
	polite bool
	out    *delayedWire

	mu          sync.Mutex
	ignoreOffer bool
	trace       []string
}

// signal is a message of the signalling channel: one of the two.
type signal struct {
	description *SessionDescription
	candidate   *ICECandidateInit
}

func newPerfectPeer(t testing.TB, name string, pc *PeerConnection, polite bool, out *delayedWire) *perfectPeer {
	p := &perfectPeer{t: t, name: name, pc: pc, polite: polite, out: out}
	pc.OnNegotiationNeeded(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.describe()
	})
	pc.OnICECandidate(func(c *ICECandidate) {
		p.mu.Lock() // a candidate must not overtake its description
		defer p.mu.Unlock()
		if c == nil {
			return
		}
		// While we waited, its offer may have been rolled back.
		candidate, d := c.ToJSON(), pc.LocalDescription()
		if d != nil && strings.Contains(d.SDP, "a=ice-ufrag:"+*candidate.UsernameFragment) {
			out.send(signal{candidate: &candidate})
		}
	})
	return p
}

// describe sends the offer or answer that the state asks for.
func (p *perfectPeer) describe() {
	p.check("setLocalDescription", p.pc.SetLocalDescription(SessionDescription{}))
	if d := p.pc.LocalDescription(); d != nil {
		p.note("sends " + d.Type.String())
		p.out.send(signal{description: d})
	}
}

func (p *perfectPeer) handle(m signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.candidate != nil {
		err := p.pc.AddICECandidate(*m.candidate)
		if !p.ignoreOffer && !(errors.Is(err, ErrOperation) && p.rejected(*m.candidate.SDPMid)) {
			p.check("addIceCandidate "+m.candidate.Candidate, err)
		}
		return
	}
	offer := m.description.Type == SDPTypeOffer
	p.ignoreOffer = !p.polite && offer && p.pc.SignalingState() != SignalingStateStable
	p.note(fmt.Sprintf("gets %v in %v, ignored: %v", m.description.Type, p.pc.SignalingState(), p.ignoreOffer))
	if p.ignoreOffer {
		return
	}
	p.check("setRemoteDescription "+m.description.SDP, p.pc.SetRemoteDescription(*m.description))
	if offer {
		p.describe()
	}
}

// rejected reports whether the m-line is rejected by now: then its candidates,
// which may come late, belong to no credentials, an OperationError.
//
// See https://www.w3.org/TR/webrtc/#dom-peerconnection-addicecandidate
func (p *perfectPeer) rejected(mid string) (rejected bool) {
	must(p.t, p.pc.do("look", func(time.Time) error {
		rejected = slices.ContainsFunc(p.pc.session.Sections(), func(s jsep.Section) bool { return s.MID == mid && s.Rejected })
		return nil
	}))
	return rejected
}

func (p *perfectPeer) check(what string, err error) {
	if err != nil {
		p.t.Errorf("%s: %s: %v", p.name, what, err)
	}
}

func (p *perfectPeer) note(s string) { p.trace = append(p.trace, p.name+" "+s) }

// delayedWire carries signals in their order, each at least a random time after
// it was sent.
type delayedWire struct {
	mu      sync.Mutex
	random  *rand.Rand
	free    time.Time // when the last one arrives
	deliver func(signal)
	queue   []signal
}

func newDelayedWire(seed, stream uint64) *delayedWire {
	return &delayedWire{random: rand.New(rand.NewPCG(seed, stream))}
}

func (w *delayedWire) send(m signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Now().Add(time.Duration(w.random.IntN(120)) * time.Millisecond)
	if at.Before(w.free) {
		at = w.free
	}
	w.free = at.Add(time.Microsecond)
	w.queue = append(w.queue, m)
	time.AfterFunc(time.Until(at), func() {
		w.mu.Lock()
		m := w.queue[0]
		w.queue = w.queue[1:]
		w.mu.Unlock()
		w.deliver(m)
	})
}

// randomUser does at random what an application may do.
type randomUser struct {
	*perfectPeer
	random   *rand.Rand
	channels []*DataChannel
	tracks   int
}

func (u *randomUser) run(steps int) {
	for range steps {
		time.Sleep(time.Duration(u.random.IntN(150)) * time.Millisecond)
		for range 1 + u.random.IntN(2) {
			u.step()
		}
	}
}

func (u *randomUser) step() {
	kind := RTPCodecTypeAudio
	if u.random.IntN(2) == 0 {
		kind = RTPCodecTypeVideo
	}
	directions := []RTPTransceiverDirection{
		RTPTransceiverDirectionSendrecv, RTPTransceiverDirectionSendonly,
		RTPTransceiverDirectionRecvonly, RTPTransceiverDirectionInactive,
	}
	direction := directions[u.random.IntN(len(directions))]
	switch u.random.IntN(11) {
	case 0, 1:
		_, err := u.pc.AddTrack(u.track(kind))
		u.check("addTrack", err)
	case 2:
		if senders := u.pc.GetSenders(); len(senders) > 0 {
			u.check("removeTrack", u.pc.RemoveTrack(senders[u.random.IntN(len(senders))]))
		}
	case 3:
		_, err := u.pc.AddTransceiverFromKind(kind, RTPTransceiverInit{Direction: direction})
		u.check("addTransceiver", err)
	case 4:
		_, err := u.pc.AddTransceiverFromTrack(u.track(kind), RTPTransceiverInit{Direction: direction})
		u.check("addTransceiver", err)
	case 5:
		u.onTransceiver("direction", func(t *RTPTransceiver) error { return t.SetDirection(direction) })
	case 6:
		u.onTransceiver("stop", (*RTPTransceiver).Stop)
	case 7:
		stream := fmt.Sprintf("moved-%d", u.random.IntN(3))
		u.onTransceiver("setStreams", func(t *RTPTransceiver) error { return t.Sender().SetStreams(stream) })
	case 8:
		d, err := u.pc.CreateDataChannel("channel", nil)
		u.check("createDataChannel", err)
		if err == nil {
			u.channels = append(u.channels, d)
		}
	case 9:
		if len(u.channels) > 0 {
			u.check("close", u.channels[u.random.IntN(len(u.channels))].Close())
		}
	case 10:
		u.pc.RestartICE()
	}
}

func (u *randomUser) track(kind RTPCodecType) *silentTrack {
	u.tracks++
	return &silentTrack{
		id: fmt.Sprintf("%s-%d", u.name, u.tracks), kind: kind,
		stream: fmt.Sprintf("%s-stream-%d", u.name, u.random.IntN(3)),
	}
}

// onTransceiver does something to one of the transceivers. That the peer has
// stopped it meanwhile is the one error that W3C allows.
func (u *randomUser) onTransceiver(what string, f func(*RTPTransceiver) error) {
	all := u.pc.GetTransceivers()
	if len(all) == 0 {
		return
	}
	t := all[u.random.IntN(len(all))]
	err := f(t)
	if errors.Is(err, ErrInvalidState) && t.Direction() == RTPTransceiverDirectionStopped {
		return
	}
	u.check(what, err)
}

// W3C section 10.7, perfect negotiation: whatever both ends do, and whenever
// they do it, they end stable and of one mind, and no call fails.
func TestPerfectNegotiationEndsInAgreement(t *testing.T) {
	const groups = 4
	seeds := uint64(1000)
	if testing.Short() || raceEnabled {
		seeds = 60
	}
	for group := range uint64(groups) {
		t.Run(fmt.Sprint(group), func(t *testing.T) {
			t.Parallel()
			for seed := group; seed < seeds && !t.Failed(); seed += groups {
				synctest.Test(t, func(t *testing.T) { perfectNegotiation(t, seed) })
			}
		})
	}
}

func perfectNegotiation(t *testing.T, seed uint64) {
	r := newRig(t)
	defer r.close()
	aToB, bToA := newDelayedWire(seed, 1), newDelayedWire(seed, 2)
	a := newPerfectPeer(t, "impolite", r.a, false, aToB)
	b := newPerfectPeer(t, "polite", r.b, true, bToA)
	aToB.deliver, bToA.deliver = b.handle, a.handle
	var users sync.WaitGroup
	for i, p := range []*perfectPeer{a, b} {
		u := &randomUser{perfectPeer: p, random: rand.New(rand.NewPCG(seed, 3+uint64(i)))}
		users.Go(func() { u.run(2 + u.random.IntN(5)) })
	}
	users.Wait()
	time.Sleep(15 * time.Second) // for the exchanges under way, ICE and DTLS
	synctest.Wait()
	assertAgreement(t, r.a, r.b)
	if t.Failed() {
		t.Logf("seed %d\n%.1500q\n%.1500q", seed, strings.Join(a.trace, "; "), strings.Join(b.trace, "; "))
	}
}

// assertAgreement fails unless both ends are stable, want nothing, and say the
// same of every m-line.
func assertAgreement(t *testing.T, a, b *PeerConnection) {
	t.Helper()
	for _, pc := range []*PeerConnection{a, b} {
		if pc.SignalingState() != SignalingStateStable || pc.published.Load().negotiationNeeded {
			t.Errorf("ended %v, negotiation needed: %v", pc.SignalingState(), pc.published.Load().negotiationNeeded)
		}
	}
	type line struct {
		kind, mid string
		rejected  bool
	}
	lines := func(pc *PeerConnection) (all []line, live int) {
		for _, s := range pc.session.Sections() {
			all = append(all, line{s.Kind, s.MID, s.Rejected})
			if !s.Rejected {
				live++
			}
		}
		return all, live
	}
	atA, live := lines(a)
	atB, _ := lines(b)
	if !slices.Equal(atA, atB) {
		t.Errorf("m-lines %v and %v", atA, atB)
	}
	if live > 0 && (a.ConnectionState() != PeerConnectionStateConnected || b.ConnectionState() != PeerConnectionStateConnected) {
		t.Errorf("connection %v and %v", a.ConnectionState(), b.ConnectionState())
	}
	assertMirrored(t, a, b)
	assertMirrored(t, b, a)
}

// assertMirrored compares the transceivers of one end with those of the other.
func assertMirrored(t *testing.T, a, b *PeerConnection) {
	t.Helper()
	for _, at := range a.GetTransceivers() {
		i := slices.IndexFunc(b.GetTransceivers(), func(x *RTPTransceiver) bool { return x.Mid() == at.Mid() })
		if at.Mid() == "" || i < 0 {
			t.Errorf("transceiver %q (%v, %v) has no counterpart", at.Mid(), at.Kind(), at.CurrentDirection())
			continue
		}
		bt := b.GetTransceivers()[i]
		if at.Kind() != bt.Kind() || at.CurrentDirection().jsepDirection() != bt.CurrentDirection().jsepDirection().Reverse() {
			t.Errorf("transceiver %q: %v %v and %v %v", at.Mid(), at.Kind(), at.CurrentDirection(), bt.Kind(), bt.CurrentDirection())
		}
		want := jsep.DirectionOf(at.Direction().jsepDirection().Sends() && bt.Direction().jsepDirection().Receives(),
			at.Direction().jsepDirection().Receives() && bt.Direction().jsepDirection().Sends())
		if at.CurrentDirection().jsepDirection() != want {
			t.Errorf("transceiver %q is %v: %v is wanted here, %v there", at.Mid(), at.CurrentDirection(), at.Direction(), bt.Direction())
		}
		if got := bt.Receiver().Track().StreamIDs(); want.Sends() && !slices.Equal(got, at.Sender().streamIDs) {
			t.Errorf("transceiver %q: streams %q, sent as %q", at.Mid(), got, at.Sender().streamIDs)
		}
	}
}

// W3C section 4.4.1.4: the credentials to replace are forgotten once none of
// them is in the local description, also when that has no credentials at all.
func TestARestartEndsThoughEveryMLineIsRejected(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		exchange(t, r.a, r.b)
		must(t, transceiver.Stop())
		r.a.RestartICE()
		exchange(t, r.a, r.b)
		if r.a.published.Load().negotiationNeeded {
			t.Error("negotiation is needed after the exchange, and would be for ever")
		}
	})
}

// RFC 9429 section 4.1.10.2: after a rollback the m-lines are on the transports
// that they had.
func TestARolledBackOfferLeavesTheTransportsAsTheyWere(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		first, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		exchange(t, r.a, r.b)
		transport := first.Receiver().Transport()
		must(t, first.Stop()) // its m-line is the bundle's tag
		_, err = r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		r.a.OnICECandidate(nil)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		synctest.Wait()
		_, err = r.b.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		exchange(t, r.b, r.a)
		for _, x := range r.a.GetTransceivers() {
			if x.Mid() == "1" && x.Receiver().Transport() != transport {
				t.Error("the m-line that joined the bundle is on a transport of the offer that was rolled back")
			}
		}
	})
}
