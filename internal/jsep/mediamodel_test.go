package jsep

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mediaEnd is one of two Sessions that negotiate media as W3C's perfect negotiation does (webrtc-pc section 10.7).
type mediaEnd struct {
	name   string
	s      *Session
	in     LocalInput
	polite bool
	inbox  []signal
	owes   bool // an answer to the pending remote offer

	// What the track events said, by transceiver.
	live    map[TransceiverID]bool
	streams map[TransceiverID][]string
	gone    map[TransceiverID]bool
}

type mediaWorld struct {
	t     *testing.T
	r     *rand.Rand
	seed  int
	ends  [2]*mediaEnd
	n     int // names of tracks and streams
	trace []string

	glares, rollbacks, pranswers int
}

func newMediaWorld(t *testing.T, seed int) *mediaWorld {
	w := &mediaWorld{t: t, r: rand.New(rand.NewPCG(uint64(seed), 3)), seed: seed}
	policy := BundlePolicy(w.r.IntN(3))
	for i, in := range []LocalInput{mediaInput(), mediaPeerInput()} {
		cfg := mediaConfig(uint64(i + 1))
		cfg.Video.Codecs = cfg.Video.Codecs[:2]
		if i == 1 && w.r.IntN(2) == 0 {
			// The other end prefers other numbers.
			cfg.Audio.Codecs = slices.Clone(cfg.Audio.Codecs)
			cfg.Audio.Codecs[0].PayloadType = 96
			cfg.Audio.Extensions = []Extension{{URI: cfg.Audio.Extensions[0].URI, ID: 5}, {URI: cfg.Audio.Extensions[1].URI, ID: 1}}
		}
		cfg.BundlePolicy = policy
		w.ends[i] = &mediaEnd{
			name: []string{"polite", "impolite"}[i], s: New(cfg), in: in, polite: i == 0,
			live: map[TransceiverID]bool{}, streams: map[TransceiverID][]string{}, gone: map[TransceiverID]bool{},
		}
	}
	return w
}

func (w *mediaWorld) fail(format string, args ...any) {
	w.t.Helper()
	for _, l := range w.trace {
		w.t.Log(l)
	}
	for _, e := range w.ends {
		for _, t := range e.s.Transceivers() {
			w.t.Logf("%s: %d %v mid=%q %v now=%v stopping=%v %+v", e.name, t.ID, t.Kind, t.MID, t.Direction, t.CurrentDirection, t.Stopping, t.Remote)
		}
		d, _ := e.s.CurrentLocal()
		w.t.Logf("%s %v:\n%s", e.name, d.Type, d.SDP)
	}
	w.t.Fatalf("seed %d: %s", w.seed, fmt.Sprintf(format, args...))
}

func (w *mediaWorld) log(e *mediaEnd, format string, args ...any) {
	w.trace = append(w.trace, e.name+": "+fmt.Sprintf(format, args...))
}

// do applies a description; no error is allowed.
func (w *mediaWorld) do(e *mediaEnd, from side, typ Type, sdp string) {
	w.t.Helper()
	set := e.s.SetLocal
	if from == remote {
		set = e.s.SetRemote
	}
	state := e.s.State()
	a, err := set(typ, sdp)
	if err != nil {
		w.fail("%s in %v: %v %v: %v\n%s", e.name, state, from, typ, err, sdp)
	}
	w.log(e, "%v %v: %v -> %v created %v stopped %v removed %v tracks %+v", from, typ, a.From, a.To, a.Created, a.Stopped, a.Removed, a.Tracks)
	w.take(e, a)
	w.invariants(e)
}

// take follows the events as an application would.
func (w *mediaWorld) take(e *mediaEnd, a *Applied) {
	for i, c := range a.Tracks {
		if i > 0 && a.Tracks[i-1].Kind > c.Kind {
			w.fail("%s: track changes out of order: %+v", e.name, a.Tracks)
		}
		if e.gone[c.ID] {
			w.fail("%s: %v of a transceiver that was removed", e.name, c)
		}
		has := e.streams[c.ID]
		switch c.Kind {
		case TrackMuted:
			if !e.live[c.ID] {
				w.fail("%s: %v, but it was not live", e.name, c)
			}
			e.live[c.ID] = false
		case StreamRemoved:
			for _, id := range c.StreamIDs {
				i := slices.Index(has, id)
				if i < 0 {
					w.fail("%s: %+v, but it is in %q", e.name, c, has)
				}
				has = slices.Delete(has, i, i+1)
			}
			e.streams[c.ID] = has
		case StreamAdded:
			for _, id := range c.StreamIDs {
				if slices.Contains(has, id) {
					w.fail("%s: %+v twice", e.name, c)
				}
			}
			e.streams[c.ID] = append(has, c.StreamIDs...)
		case TrackAdded:
			e.live[c.ID] = true
			if !sameSet(c.StreamIDs, has) {
				w.fail("%s: %+v, but it is in %q", e.name, c, has)
			}
		}
	}
	for _, id := range a.Stopped {
		e.live[id], e.streams[id] = false, nil
	}
	for _, id := range a.Removed {
		e.gone[id] = true
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// invariants hold after every step.
func (w *mediaWorld) invariants(e *mediaEnd) {
	w.t.Helper()
	secs := e.s.Sections()
	mids := map[string]bool{}
	for _, st := range e.s.Transceivers() {
		if e.gone[st.ID] {
			w.fail("%s: transceiver %d came back", e.name, st.ID)
		}
		if st.MID == "" {
			if st.HasCurrent && !st.Stopped || st.Index >= 0 {
				w.fail("%s: %+v without MID", e.name, st)
			}
			continue
		}
		if mids[st.MID] {
			w.fail("%s: two transceivers with mid %s", e.name, st.MID)
		}
		mids[st.MID] = true
		if st.Index < 0 || secs[st.Index].MID != st.MID || secs[st.Index].Kind != st.Kind.String() || secs[st.Index].Transceiver != st.ID {
			w.fail("%s: %+v is not in the sections", e.name, st)
		}
		if e.s.State() == Stable && !st.Stopping && secs[st.Index].Rejected {
			w.fail("%s: %+v is rejected and not stopped", e.name, st)
		}
	}
	if e.s.State() != Stable {
		return
	}
	for i, sec := range secs {
		if !sec.Rejected && !mids[sec.MID] && sec.Kind != "application" {
			w.fail("%s: m-line %d has no transceiver", e.name, i)
		}
	}
	for _, st := range e.s.Transceivers() {
		receives := st.HasCurrent && st.CurrentDirection.Receives()
		if e.live[st.ID] != receives && !st.Stopped {
			w.fail("%s: events say live=%v, negotiated %v", e.name, e.live[st.ID], st.CurrentDirection)
		}
		if receives && !sameSet(e.streams[st.ID], st.Remote.StreamIDs) {
			w.fail("%s: events say %q, the peer %q", e.name, e.streams[st.ID], st.Remote.StreamIDs)
		}
	}
}

// change is something the application does.
func (w *mediaWorld) change(e *mediaEnd) {
	w.n++
	ts := e.s.Transceivers()
	kind := Audio + MediaKind(w.r.IntN(2))
	name := strconv.Itoa(w.n)
	var id TransceiverID
	if len(ts) > 0 {
		id = ts[w.r.IntN(len(ts))].ID
	}
	what := w.r.IntN(10)
	if len(ts) > 6 && what < 4 {
		what = 9
	}
	switch what {
	case 0, 1:
		id, reused := e.s.AddTrack(kind, "track"+name, []string{"s" + strconv.Itoa(w.r.IntN(3)), "s" + name}[:1+w.r.IntN(2)])
		w.log(e, "add %v track to %d, reused %v", kind, id, reused)
	case 2:
		init := TransceiverInit{Kind: kind, Direction: Direction(w.r.IntN(4))}
		if kind == Video && w.r.IntN(3) == 0 {
			init.SendRIDs = []string{"q", "h", "f"}
		}
		w.log(e, "add %v transceiver %d %v", kind, e.s.AddTransceiver(init), init.Direction)
	case 3:
		e.in.Data = true
	case 4:
		e.s.RemoveTrack(id)
		w.log(e, "remove track of %d", id)
	case 5, 6:
		d := Direction(w.r.IntN(4))
		w.log(e, "direction of %d: %v: %v", id, d, e.s.SetDirection(id, d))
	case 7:
		w.log(e, "set sender of %d: %v", id, e.s.SetSender(id, "track"+name, []string{"s" + name}))
	case 8:
		e.s.StopTransceiver(id)
		w.log(e, "stop %d", id)
	case 9:
		if len(ts) > 0 && w.r.IntN(3) == 0 {
			// Two ends that insist on different codecs reject the m-line.
			st, _ := e.s.Transceiver(id)
			all := e.s.support(st.Kind).Codecs
			n := w.r.IntN(len(all) + 1)
			w.log(e, "prefer %v of %d: %v", all[:n], id, e.s.SetCodecPreferences(id, slices.Concat(all[n:], all[:n])[:len(all)-w.r.IntN(2)]))
		}
		if w.r.IntN(4) == 0 {
			e.in.Ufrag = fmt.Sprintf("u%03d", w.n) // ICE restart
		}
	}
	w.invariants(e)
}

func (w *mediaWorld) offer(e, to *mediaEnd) {
	if e.s.State() != Stable || !e.s.NegotiationNeeded(e.in) {
		return
	}
	sdp, err := e.s.CreateOffer(e.in)
	if err != nil {
		w.fail("%s: CreateOffer: %v", e.name, err)
	}
	if w.r.IntN(4) == 0 {
		w.change(e) // between creation and application
	}
	w.do(e, local, Offer, sdp)
	if w.r.IntN(8) == 0 {
		w.rollbacks++
		w.do(e, local, Rollback, "")
		return
	}
	if w.r.IntN(8) == 0 {
		w.change(e)
		if sdp, err = e.s.CreateOffer(e.in); err != nil {
			w.fail("%s: CreateOffer again: %v", e.name, err)
		}
		w.do(e, local, Offer, sdp)
	}
	to.inbox = append(to.inbox, signal{typ: Offer, sdp: sdp})
}

func (w *mediaWorld) deliver(e, to *mediaEnd) {
	if len(e.inbox) == 0 || e.owes {
		return
	}
	m := e.inbox[0]
	e.inbox = e.inbox[1:]
	if m.typ != Offer {
		w.do(e, remote, m.typ, m.sdp)
		return
	}
	if e.s.State() != Stable {
		w.glares++
		if !e.polite {
			w.log(e, "ignores the offer")
			return
		}
		if w.r.IntN(2) == 0 {
			w.do(e, local, Rollback, "")
		}
	}
	w.do(e, remote, Offer, m.sdp)
	if w.r.IntN(6) == 0 {
		// The offer is looked at, put back, and taken again.
		w.rollbacks++
		if w.r.IntN(2) == 0 {
			w.change(e)
		}
		w.do(e, remote, Rollback, "")
		if w.r.IntN(2) == 0 {
			w.change(e)
		}
		w.do(e, remote, Offer, m.sdp)
	}
	e.owes = true
}

func (w *mediaWorld) answer(e, to *mediaEnd) {
	if !e.owes {
		return
	}
	sdp, err := e.s.CreateAnswer(e.in)
	if err != nil {
		w.fail("%s: CreateAnswer: %v", e.name, err)
	}
	typ := Answer
	if w.r.IntN(4) == 0 {
		typ = Pranswer
		w.pranswers++
	}
	if w.r.IntN(4) == 0 {
		w.change(e)
	}
	w.do(e, local, typ, sdp)
	to.inbox = append(to.inbox, signal{typ: typ, sdp: sdp})
	e.owes = typ != Answer
}

// agree compares the ends when both are stable.
func (w *mediaWorld) agree() {
	a, b := w.ends[0].s, w.ends[1].s
	as, bs := a.Sections(), b.Sections()
	if len(as) != len(bs) {
		w.fail("%d and %d m-lines", len(as), len(bs))
	}
	for i := range as {
		x, y := as[i], bs[i]
		if x.MID != y.MID || x.Kind != y.Kind || x.Rejected != y.Rejected || x.BundleTag != y.BundleTag {
			w.fail("m-line %d: %+v and %+v", i, x, y)
		}
		if x.Rejected {
			if x.Transceiver != 0 || y.Transceiver != 0 {
				w.fail("m-line %d is rejected and has transceivers: %+v %+v", i, x, y)
			}
			continue
		}
		if x.LocalSetup != y.LocalSetup.opposite() || x.LocalSetup == SetupNone {
			w.fail("m-line %d: roles %v and %v", i, x.LocalSetup, y.LocalSetup)
		}
		if x.Kind == "application" {
			continue
		}
		t, u := state(w.t, a, x.Transceiver), state(w.t, b, y.Transceiver)
		if t.CurrentDirection != u.CurrentDirection.Reverse() || !t.HasCurrent || !u.HasCurrent || t.Kind != u.Kind {
			w.fail("m-line %d: %+v and %+v", i, t, u)
		}
		w.sameParameters(i, t.Send, u.Receive)
		w.sameParameters(i, u.Send, t.Receive)
	}
}

// sameParameters: what one sends is what the other expects.
func (w *mediaWorld) sameParameters(i int, send, receive MediaParameters) {
	for _, c := range send.Codecs {
		if !slices.ContainsFunc(receive.Codecs, func(o Codec) bool {
			return o.PayloadType == c.PayloadType && strings.EqualFold(o.Name, c.Name)
		}) {
			w.fail("m-line %d: %+v is sent, expected are %+v", i, c, receive.Codecs)
		}
	}
	for _, e := range send.Extensions {
		if !slices.Contains(receive.Extensions, e) {
			w.fail("m-line %d: extension %+v is sent, expected are %+v", i, e, receive.Extensions)
		}
	}
	if len(send.Codecs) != len(receive.Codecs) || len(send.Extensions) != len(receive.Extensions) ||
		!slices.Equal(ridIDs(send.RIDs), ridIDs(receive.RIDs)) {
		w.fail("m-line %d: %+v sent, %+v expected", i, send, receive)
	}
}

// finish lets the ends negotiate until neither needs to.
func (w *mediaWorld) finish() {
	for range 60 {
		for i := range 2 {
			e, to := w.ends[i], w.ends[1-i]
			w.deliver(e, to)
			w.answer(e, to)
			w.offer(e, to)
		}
		done := true
		for _, e := range w.ends {
			done = done && e.s.State() == Stable && len(e.inbox) == 0 && !e.s.NegotiationNeeded(e.in)
		}
		if done {
			w.agree()
			return
		}
	}
	w.fail("the ends negotiate without end: %v %v", w.ends[0].s.State(), w.ends[1].s.State())
}

// Two ends add, remove, redirect and stop at random, with glare, rollbacks, provisional answers and slow signaling: no call
// fails, and in the end both are stable, need no negotiation and agree on every m-line.
func TestTwoEndsWithMediaAlwaysAgree(t *testing.T) {
	seeds := 1000
	if testing.Short() || slowdown > 1 {
		seeds = 100
	}
	var glares, recycled, rollbacks, pranswers, lines int
	for seed := range seeds {
		w := newMediaWorld(t, seed)
		for range 40 {
			i := w.r.IntN(2)
			e, to := w.ends[i], w.ends[1-i]
			switch n := w.r.IntN(10); {
			case n < 3:
				w.change(e)
			case n < 5:
				w.offer(e, to)
			case n < 8:
				w.deliver(e, to)
			default:
				w.answer(e, to)
			}
		}
		w.finish()
		secs := w.ends[0].s.Sections()
		for _, sec := range secs {
			if n, err := strconv.Atoi(sec.MID); err == nil && n >= len(secs) {
				recycled++
			}
		}
		lines += len(secs)
		glares, rollbacks, pranswers = glares+w.glares, rollbacks+w.rollbacks, pranswers+w.pranswers
	}
	t.Logf("%d m-lines, %d recycled, %d glares, %d rollbacks, %d provisional answers", lines, recycled, glares, rollbacks, pranswers)
	if min(lines/4, recycled, glares, rollbacks, pranswers) < seeds/10 {
		t.Error("the test is too weak")
	}
}
