package ice

import (
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Bounds of what a peer can make a generation hold.
const (
	maxLocalCandidates = 128
	maxEarlyRequests   = 32
	maxOthers          = 64 // transactions of one pair whose late answers count
)

// generation is everything that one set of credentials belongs to: candidates,
// checklist, valid pairs (RFC 8445 section 9). A restart begins a new one.
type generation struct {
	keys          keyring
	number        uint32 // counted from 1 in the agent
	locals        []*LocalCandidate
	remotes       []*remoteCandidate
	pairs         []*pair // the checklist, by falling priority
	triggered     []*pair // first in, first out (RFC 8445 section 6.1.4.1)
	transactions  map[transactionID]*transaction
	early         []earlyRequest
	unpaired      []pathRequests
	selected      *pair
	nominating    *pair // controlling: its nomination is under way
	nominationMax uint32
	firstValid    time.Time
	nominatedAt   time.Time // the latest nomination of this end
	nominations   uint32    // how many there were
	checkingSince time.Time
	recheckAt     time.Time // the other pairs are checked anew; zero: the selected one answers, or there is none
	localEnd      bool
	remoteEnd     bool
	// stopped: consent is lost for good with these credentials; requests are
	// answered, nothing else is done.
	stopped bool
	// answerUntil, of a generation that was replaced: requests of a peer that
	// has not switched yet are answered until then.
	answerUntil time.Time
}

// earlyRequest is a check that came before the peer's credentials (RFC 8445
// section 7.3: it is answered, and acted upon later).
type earlyRequest struct {
	local      LocalID
	remote     netip.AddrPort
	theirUfrag string
	priority   uint32
	use        bool
	nomination uint32
	reported   bool // RemoteValidated was
}

// pathRequests counts the requests that were answered on a path before there was
// a pair of it: they are the pair's once it is formed.
type pathRequests struct {
	local       LocalID
	remote      netip.AddrPort // normal
	n           uint64
	first, last time.Time
}

func newGeneration(keys keyring, number uint32) *generation {
	return &generation{keys: keys, number: number, transactions: make(map[transactionID]*transaction)}
}

// countRequest counts a request that is answered. Those of more paths without a
// pair than maxEarlyRequests are not counted.
func (g *generation) countRequest(now time.Time, p *pair, d *Datagram) {
	if p != nil {
		p.stats.RequestsReceived++
		p.stats.ResponsesSent++
		mark(&p.stats.FirstRequestReceived, &p.stats.LastRequestReceived, now)
		return
	}
	remote := normal(d.Remote)
	i := slices.IndexFunc(g.unpaired, func(u pathRequests) bool { return u.local == d.Local && u.remote == remote })
	if i < 0 {
		if len(g.unpaired) == maxEarlyRequests {
			return
		}
		i = len(g.unpaired)
		g.unpaired = append(g.unpaired, pathRequests{local: d.Local, remote: remote})
	}
	u := &g.unpaired[i]
	u.n++
	mark(&u.first, &u.last, now)
}

// claimRequests gives a new pair the requests that came before it.
func (g *generation) claimRequests(p *pair) {
	remote := normal(p.destination)
	i := slices.IndexFunc(g.unpaired, func(u pathRequests) bool { return u.local == p.local.ID && u.remote == remote })
	if i < 0 {
		return
	}
	u := g.unpaired[i]
	p.stats.RequestsReceived, p.stats.ResponsesSent = u.n, u.n
	p.stats.FirstRequestReceived, p.stats.LastRequestReceived = u.first, u.last
	g.unpaired = slices.Delete(g.unpaired, i, i+1)
}

func (g *generation) count(s PairState) int {
	n := 0
	for _, p := range g.pairs {
		if p.state == s {
			n++
		}
	}
	return n
}

// path returns the candidate whose base stands for a path, the host or relayed
// candidate where there is one.
func (g *generation) path(id LocalID) *LocalCandidate {
	for _, c := range g.locals {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (g *generation) remote(transport Transport, addr netip.AddrPort) *remoteCandidate {
	addr = normal(addr)
	for _, r := range g.remotes {
		if r.Transport == transport && normal(r.Addr) == addr {
			return r
		}
	}
	return nil
}

func (g *generation) pair(id LocalID, addr netip.AddrPort) *pair {
	addr = normal(addr)
	for _, p := range g.pairs {
		if p.local.ID == id && normal(p.destination) == addr {
			return p
		}
	}
	return nil
}

func (g *generation) sort() {
	slices.SortStableFunc(g.pairs, func(a, b *pair) int {
		switch {
		case a.priority > b.priority:
			return -1
		case a.priority < b.priority:
			return 1
		}
		return 0
	})
}

// reprioritize follows a change of role or of a candidate's priority.
func (g *generation) reprioritize(r Role) {
	for _, p := range g.pairs {
		p.priority = p.computePriority(r)
	}
	g.sort()
}

// unfreeze sets the Frozen pairs of a foundation Waiting (RFC 8445 section
// 7.2.5.3.3).
func (g *generation) unfreeze(foundation [2]string) {
	for _, p := range g.pairs {
		if p.state == PairFrozen && p.foundation() == foundation {
			p.state = PairWaiting
		}
	}
}

// unfreezeIdle sets the first Frozen pair of each foundation that has none
// Waiting or In-Progress to Waiting (RFC 8445 section 6.1.4.2).
func (g *generation) unfreezeIdle() {
	var busy map[[2]string]bool
	for _, p := range g.pairs {
		if p.state == PairWaiting || p.state == PairInProgress {
			if busy == nil {
				busy = make(map[[2]string]bool)
			}
			busy[p.foundation()] = true
		}
	}
	for _, p := range g.pairs {
		if p.state == PairFrozen && !busy[p.foundation()] {
			p.state = PairWaiting
			if busy == nil {
				busy = make(map[[2]string]bool)
			}
			busy[p.foundation()] = true
		}
	}
}

// enqueue puts a pair at the end of the triggered-check queue and sets it
// Waiting.
func (g *generation) enqueue(p *pair) {
	p.state = PairWaiting
	if !slices.Contains(g.triggered, p) {
		g.triggered = append(g.triggered, p)
	}
}

func (g *generation) dequeue(p *pair) {
	if i := slices.Index(g.triggered, p); i >= 0 {
		g.triggered = slices.Delete(g.triggered, i, i+1)
	}
}

// forget drops a transaction; an answer to it is unknown from now on.
func (g *generation) forget(t *transaction) {
	if t != nil {
		delete(g.transactions, t.id)
	}
}

// letBe keeps a transaction for a late answer, and forgets the oldest such one
// beyond the bound.
func (g *generation) letBe(p *pair, t *transaction) {
	if len(p.others) == maxOthers {
		g.forget(p.others[0])
		p.others = slices.Delete(p.others, 0, 1)
	}
	p.others = append(p.others, t)
}

// release ends all that is under way on a pair, and sets its state.
func (g *generation) release(p *pair, s PairState) {
	g.forget(p.check)
	g.forget(p.nomination)
	for _, t := range p.others {
		g.forget(t)
	}
	p.check, p.nomination, p.others = nil, nil, nil
	g.dequeue(p)
	if g.nominating == p {
		g.nominating = nil
	}
	p.state = s
}

// remove takes a pair out of the checklist.
func (g *generation) remove(p *pair) {
	g.release(p, PairFailed)
	if g.selected == p {
		g.selected = nil
	}
	if i := slices.Index(g.pairs, p); i >= 0 {
		g.pairs = slices.Delete(g.pairs, i, i+1)
	}
}

// stop ends everything but answering.
func (g *generation) stop() {
	for _, p := range g.pairs {
		g.release(p, PairFailed)
		p.nextKeepalive = time.Time{}
	}
	g.selected, g.nominating, g.early = nil, nil, nil
	g.stopped = true
}

// prune removes what selection has made needless: pairs that were not tried,
// and checks under way (RFC 8445 section 8.1.2). What the peer nominated as
// well and ranks above the selected pair stays, as an aggressively nominating
// peer (RFC 5245 section 8.1.1.2) means the best of its pairs. The pair objects
// of late requests come back as triggered checks.
func (g *generation) prune(r Role) {
	for _, p := range slices.Clone(g.pairs) {
		if !p.pending() || p.useCandidate && p.computePriority(r) > g.selected.validPriority(r) {
			continue
		}
		if p.state == PairInProgress {
			g.release(p, PairFailed)
		} else {
			g.remove(p)
		}
	}
}

// localFor finds or makes the local candidate that the peer sees a path as
// (RFC 8445 sections 7.2.5.3.1 and 7.2.5.3.2).
func (g *generation) localFor(p *pair, mapped netip.AddrPort) *LocalCandidate {
	for _, c := range g.locals {
		if c.ID == p.local.ID && normal(c.Addr) == normal(mapped) {
			return c
		}
	}
	if len(g.locals) >= maxLocalCandidates || p.local.TCPType == TCPActive && mapped.Addr().Unmap() == p.local.Base.Addr().Unmap() {
		return p.local // an active candidate's ports are all its own
	}
	c := &LocalCandidate{ID: p.local.ID, Base: p.local.Base, Candidate: Candidate{
		Foundation:       g.newFoundation(),
		Component:        p.local.Component,
		Transport:        p.local.Transport,
		TCPType:          p.local.TCPType,
		Priority:         peerReflexivePriority(&p.local.Candidate),
		Addr:             mapped,
		Type:             PeerReflexive,
		Related:          p.local.Base,
		UsernameFragment: g.keys.local.Ufrag,
	}}
	g.locals = append(g.locals, c)
	return c
}

// newFoundation returns one that no known candidate has (RFC 8445 section
// 7.3.1.3).
func (g *generation) newFoundation() string {
	for n := 1; ; n++ {
		f := "prflx" + strconv.Itoa(n)
		local := slices.ContainsFunc(g.locals, func(c *LocalCandidate) bool { return c.Foundation == f })
		remote := slices.ContainsFunc(g.remotes, func(c *remoteCandidate) bool { return c.Foundation == f })
		if !local && !remote {
			return f
		}
	}
}
