package jsep

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// end is one of two Sessions that negotiate, with a model of it that knows the state table in
// words (wantTable) and who holds which description, by a number that each offer gets.
type end struct {
	name   string
	s      *Session
	in     LocalInput
	polite bool

	state          string
	current, offer int  // the offer that is in force, and the one that is pending; 0: none
	data           bool // the negotiation in force has data
	offerData      bool // the pending offer has
	inbox          []signal
}

// signal is what goes over the signaling channel.
type signal struct {
	typ   Type
	sdp   string
	offer int
	data  bool
}

type world struct {
	t      *testing.T
	r      *rand.Rand
	table  map[string]string
	ends   [2]*end
	offers int
	trace  []string
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	for _, l := range w.trace {
		w.t.Log(l)
	}
	w.t.Fatalf(format, args...)
}

// step has the model predict an application and compares. It reports whether it was allowed.
func (w *world) step(e *end, from side, typ Type, sdp string) bool {
	w.t.Helper()
	key := fmt.Sprintf("%s %v %v", e.state, from, typ)
	next, ok := w.table[key]
	before := snapshot(e.s)
	set := e.s.SetLocal
	if from == remote {
		set = e.s.SetRemote
	}
	a, err := set(typ, sdp)
	w.trace = append(w.trace, fmt.Sprintf("%s: %s -> %v", e.name, key, err))
	if ok != (err == nil) {
		w.fail("%s: model allows %v, got %v", key, ok, err)
	}
	if err != nil {
		if snapshot(e.s) != before {
			w.fail("%s: the error changed the session", key)
		}
		return false
	}
	if a.From.String() != e.state || a.To.String() != next || e.s.State() != a.To {
		w.fail("%s: %v -> %v, want %s", key, a.From, a.To, next)
	}
	e.state = next
	return true
}

// check compares the descriptions that there are with the model, and the ends with each other when both
// have the same negotiation in force.
func (w *world) check() {
	w.t.Helper()
	for _, e := range w.ends {
		_, pl := e.s.PendingLocal()
		_, pr := e.s.PendingRemote()
		_, cl := e.s.CurrentLocal()
		_, cr := e.s.CurrentRemote()
		if cl != (e.current != 0) || cr != cl {
			w.fail("%s: current descriptions %v %v, model %d", e.name, cl, cr, e.current)
		}
		wantL := e.state == "have-local-offer" || e.state == "have-local-pranswer" || e.state == "have-remote-pranswer"
		wantR := e.state == "have-remote-offer" || e.state == "have-local-pranswer" || e.state == "have-remote-pranswer"
		if pl != wantL || pr != wantR {
			w.fail("%s in %s: pending %v %v", e.name, e.state, pl, pr)
		}
		live := 0
		for _, sec := range e.s.Sections() {
			if !sec.Rejected {
				live++
			}
		}
		want := e.data
		if e.state != "stable" {
			want = e.offerData
		}
		if (live == 1) != want || live > 1 {
			w.fail("%s in %s: %d data m-lines, model %v", e.name, e.state, live, want)
		}
		if needed := e.s.NegotiationNeeded(e.in); needed != (e.in.Data && !e.data) {
			w.fail("%s: negotiation needed %v, data %v", e.name, needed, e.data)
		}
	}
	a, b := w.ends[0], w.ends[1]
	if a.state != "stable" || b.state != "stable" || a.current != b.current {
		return
	}
	as, bs := a.s.Sections(), b.s.Sections()
	if len(as) != len(bs) {
		w.fail("%d and %d m-lines", len(as), len(bs))
	}
	for i := range as {
		x, y := as[i], bs[i]
		if x.MID != y.MID || x.Kind != y.Kind || x.Rejected != y.Rejected || x.BundleTag != y.BundleTag || x.Index != i {
			w.fail("m-line %d: %+v and %+v", i, x, y)
		}
		if x.Local.Ufrag != y.Remote.Ufrag || x.Remote.Ufrag != y.Local.Ufrag || x.LocalSetup.opposite() != y.LocalSetup || x.LocalSetup == SetupNone {
			w.fail("m-line %d: transports %+v and %+v", i, x, y)
		}
	}
}

func (w *world) offerFrom(e, to *end) {
	e.in.Data = e.in.Data || w.r.IntN(2) == 0
	if w.r.IntN(4) == 0 {
		e.in.Ufrag = fmt.Sprintf("%s%d", e.name, w.r.IntN(1e6)) // ICE restart
	}
	again := e.state == "have-local-offer"
	if again && !w.unanswered(e, to) {
		return
	}
	sdp, err := e.s.CreateOffer(e.in)
	if ok := e.state == "stable" || e.state == "have-local-offer"; ok != (err == nil) {
		w.fail("%s: CreateOffer in %s: %v", e.name, e.state, err)
	}
	if err != nil {
		return
	}
	if !w.step(e, local, Offer, sdp) {
		return
	}
	before := e.offer
	w.offers++
	e.offer, e.offerData = w.offers, e.data || e.in.Data
	m := signal{Offer, sdp, e.offer, e.offerData}
	switch {
	case again && to.offer == before:
		w.step(to, remote, Offer, sdp)
		to.offer, to.offerData = m.offer, m.data
	case again:
		to.drop(before)
		fallthrough
	default:
		to.inbox = append(to.inbox, m)
	}
}

// unanswered reports whether the pending offer of e can still be taken back or changed without the peer
// going on with it: the signaling of this test is free of that race, as an application's has to be.
func (w *world) unanswered(e, to *end) bool {
	return to.holds(e.offer) || (to.offer == e.offer && to.state == "have-remote-offer")
}

func (e *end) holds(offer int) bool {
	return slices.ContainsFunc(e.inbox, func(m signal) bool { return m.typ == Offer && m.offer == offer })
}

func (e *end) drop(offer int) {
	e.inbox = slices.DeleteFunc(e.inbox, func(m signal) bool { return m.offer == offer })
}

// withdraw takes the offer of e, which e has rolled back, from the peer.
func (w *world) withdraw(e, to *end) {
	to.drop(e.offer)
	if to.offer == e.offer && to.state == "have-remote-offer" {
		w.step(to, remote, Rollback, "")
		to.offer = 0
	}
	e.offer = 0
}

func (w *world) answerFrom(e, to *end) {
	typ := Answer
	if w.r.IntN(3) == 0 {
		typ = Pranswer
	}
	if w.r.IntN(4) == 0 {
		e.in.AnsweringRole = Setup(w.r.IntN(2)) + Active
	}
	sdp, err := e.s.CreateAnswer(e.in)
	if ok := e.state == "have-remote-offer" || e.state == "have-local-pranswer"; ok != (err == nil) {
		w.fail("%s: CreateAnswer in %s: %v", e.name, e.state, err)
	}
	if err != nil {
		return
	}
	w.step(e, local, typ, sdp)
	to.inbox = append(to.inbox, signal{typ: typ, sdp: sdp, offer: e.offer})
	if typ == Answer {
		e.current, e.data, e.offer = e.offer, e.offerData, 0
	}
}

func (w *world) rollbackAt(e, to *end) {
	from := side(w.r.IntN(2))
	if from == local && e.state == "have-local-offer" && !w.unanswered(e, to) {
		return
	}
	refused := e.offer
	if !w.step(e, from, Rollback, "") {
		return
	}
	if from == local {
		w.withdraw(e, to)
		return
	}
	// The offerer is told that its offer was refused.
	e.offer = 0
	if to.offer == refused && w.step(to, local, Rollback, "") {
		to.offer = 0
	}
}

// deliver takes one signal as an application would: what is about another offer is dropped, and glare is
// solved as W3C's perfect negotiation does.
func (w *world) deliver(e, to *end) {
	if len(e.inbox) == 0 {
		return
	}
	m := e.inbox[0]
	e.inbox = e.inbox[1:]
	switch {
	case m.typ == Offer && (e.state == "have-local-offer" && !e.polite || e.state == "have-local-pranswer" || e.state == "have-remote-pranswer"):
		// The impolite end ignores it: the polite one rolls back.
		if e.state != "have-local-offer" {
			w.step(e, remote, Offer, m.sdp)
		}
		if to.offer == m.offer && w.step(to, local, Rollback, "") {
			to.offer = 0
		}
	case m.typ == Offer:
		glare := e.state == "have-local-offer"
		if glare && w.r.IntN(2) == 0 {
			w.step(e, local, Rollback, "")
		}
		if glare {
			e.in.Data = e.in.Data || e.offerData
			to.drop(e.offer)
		}
		if w.step(e, remote, Offer, m.sdp) {
			e.offer, e.offerData = m.offer, m.data
		}
	case e.offer == m.offer && e.state != "stable":
		if w.step(e, remote, m.typ, m.sdp) && m.typ == Answer {
			e.current, e.data, e.offer = e.offer, e.offerData, 0
		}
	}
}

// Two ends negotiate at random; the model always knows which calls are allowed, an error never changes
// anything, and whenever both are stable on the same offer they agree on every m-line.
func TestTwoEndsAlwaysAgree(t *testing.T) {
	seeds := 300
	if testing.Short() {
		seeds = 50
	}
	agreed := 0
	for seed := range seeds {
		w := &world{t: t, r: rand.New(rand.NewPCG(uint64(seed), 1)), table: table()}
		for i, in := range []LocalInput{input(), peerInput()} {
			in.Data = false
			in.Ufrag = []string{"aaaa", "bbbb"}[i]
			w.ends[i] = &end{name: []string{"aaaa", "bbbb"}[i], s: New(Config{SessionID: uint64(i + 1)}), in: in, polite: i == 0, state: "stable"}
		}
		for range 120 {
			i := w.r.IntN(2)
			e, to := w.ends[i], w.ends[1-i]
			switch n := w.r.IntN(10); {
			case n < 1:
				w.offerFrom(e, to)
			case n < 3:
				w.answerFrom(e, to)
			case n < 4:
				w.rollbackAt(e, to)
			case n < 5:
				// A call out of turn.
				if typ := Type(w.r.IntN(4)); typ == Answer || typ == Pranswer {
					if e.state != "have-local-offer" && e.state != "have-remote-pranswer" {
						w.step(e, remote, typ, must(newSession().CreateOffer(e.in)))
					}
				} else if typ == Offer && e.state != "stable" && e.state != "have-local-offer" {
					w.step(e, local, typ, "")
				}
			default:
				w.deliver(e, to)
			}
			w.check()
		}
		if w.ends[0].current == w.ends[1].current && w.ends[0].current > 0 {
			agreed++
		}
	}
	if agreed < seeds/10 {
		t.Errorf("only %d of %d runs agreed on something: the test is too weak", agreed, seeds)
	}
	t.Logf("%d of %d runs ended with the same negotiation in force", agreed, seeds)
}
