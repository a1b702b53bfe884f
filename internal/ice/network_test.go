package ice

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// network joins agents in virtual time: each datagram arrives delay later, if
// the rules let it. Every input is followed by checkInvariants.
type network struct {
	t      testing.TB
	now    time.Time
	delay  time.Duration
	loss   float64
	jitter time.Duration // up to so much more delay, so that datagrams overtake each other
	twice  float64       // share of datagrams that arrive twice
	random *rand.Rand
	nodes  []*node
	flying []flight
	drop   func(from, to netip.AddrPort, data []byte) bool
	tap    func(at time.Time, from, to netip.AddrPort, data []byte)
	sent   int
}

type flight struct {
	at       time.Time
	from, to netip.AddrPort
	data     []byte
}

// node is an agent with its paths. A path behind a NAT has a public address
// that is not its own.
type node struct {
	net    *network
	name   string
	agent  *Agent
	local  Credentials
	paths  []*testPath
	events []stamped
	onSend func(d Datagram) bool // false: swallow
}

type testPath struct {
	id       LocalID
	private  netip.AddrPort
	public   netip.AddrPort // what others see
	open     map[netip.AddrPort]bool
	filtered bool // takes datagrams only from where it has sent to
}

type stamped struct {
	at    time.Duration
	event AgentEvent
}

func newNetwork(t testing.TB, delay time.Duration) *network {
	return &network{t: t, now: epoch, delay: delay, random: rand.New(rand.NewPCG(1, 2))}
}

// seeded is a reproducible io.Reader.
type seeded struct{ r *rand.Rand }

func (s seeded) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s.r.Uint32())
	}
	return len(b), nil
}

func (n *network) node(name string, cfg AgentConfig) *node {
	source := seeded{rand.New(rand.NewPCG(uint64(len(n.nodes))+7, 3))}
	if cfg.Random == nil {
		cfg.Random = source
	}
	if cfg.Local == (Credentials{}) {
		cfg.Local = NewCredentials(source)
	}
	x := &node{net: n, name: name, agent: NewAgent(cfg), local: cfg.Local}
	n.nodes = append(n.nodes, x)
	return x
}

// pairOf makes a controlling and a controlled node.
func (n *network) pairOf(change ...func(*AgentConfig)) (*node, *node) {
	a := AgentConfig{Role: Controlling, TieBreaker: 1}
	b := AgentConfig{Role: Controlled, TieBreaker: 2}
	for _, f := range change {
		f(&a)
		f(&b)
	}
	return n.node("a", a), n.node("b", b)
}

// path gives the node a socket; public "" means no NAT.
func (x *node) path(private, public string) *testPath {
	p := &testPath{
		id: LocalID(len(x.paths) + 1), private: netip.MustParseAddrPort(private), open: map[netip.AddrPort]bool{},
	}
	p.public = p.private
	if public != "" {
		p.public = netip.MustParseAddrPort(public)
		p.filtered = true
	}
	x.paths = append(x.paths, p)
	return p
}

// host is the host candidate of a path.
func (p *testPath) host() LocalCandidate {
	return LocalCandidate{ID: p.id, Base: p.private, Candidate: Candidate{
		Foundation: fmt.Sprint(p.id), Component: 1, Type: Host, Addr: p.private,
		Priority: candidatePriority(Host, uint16(0xffff-p.id), 1),
	}}
}

// reflexive is the server-reflexive candidate of a path behind a NAT.
func (p *testPath) reflexive() LocalCandidate {
	return LocalCandidate{ID: p.id, Base: p.private, Candidate: Candidate{
		Foundation: fmt.Sprint("s", p.id), Component: 1, Type: ServerReflexive, Addr: p.public, Related: p.private,
		Priority: candidatePriority(ServerReflexive, uint16(0xffff-p.id), 1),
	}}
}

// candidates are all the paths' candidates.
func (x *node) candidates() []LocalCandidate {
	var all []LocalCandidate
	for _, p := range x.paths {
		all = append(all, p.host())
		if p.public != p.private {
			all = append(all, p.reflexive())
		}
	}
	return all
}

// do gives the agent an input, checks it, and carries off its output.
func (x *node) do(f func(a *Agent)) {
	x.net.t.Helper()
	f(x.agent)
	x.settle()
}

func (x *node) settle() {
	x.net.t.Helper()
	x.agent.checkInvariants(x.net.t)
	for {
		e, ok := x.agent.NextEvent()
		if !ok {
			break
		}
		x.events = append(x.events, stamped{x.net.now.Sub(epoch), e})
	}
	for {
		d, ok := x.agent.NextDatagram()
		if !ok {
			break
		}
		x.send(d)
	}
}

func (x *node) send(d Datagram) {
	if x.onSend != nil && !x.onSend(d) {
		return
	}
	n := x.net
	i := slices.IndexFunc(x.paths, func(p *testPath) bool { return p.id == d.Local })
	if i < 0 {
		n.t.Fatalf("%s sends on unknown path %d", x.name, d.Local)
	}
	p := x.paths[i]
	p.open[d.Remote] = true
	n.sent++
	if n.tap != nil {
		n.tap(n.now, p.public, d.Remote, d.Data)
	}
	if n.drop != nil && n.drop(p.public, d.Remote, d.Data) || n.random.Float64() < n.loss {
		return
	}
	copies := 1
	if n.random.Float64() < n.twice {
		copies++
	}
	for range copies {
		delay := n.delay
		if n.jitter > 0 {
			delay += time.Duration(n.random.Int64N(int64(n.jitter)))
		}
		n.flying = append(n.flying, flight{n.now.Add(delay), p.public, d.Remote, slices.Clone(d.Data)})
	}
}

// inject delivers a datagram to a node at once.
func (x *node) inject(p *testPath, from netip.AddrPort, data []byte) error {
	x.net.t.Helper()
	var err error
	x.do(func(a *Agent) {
		err = a.HandleDatagram(x.net.now, Datagram{Local: p.id, Remote: from, Data: slices.Clone(data)})
	})
	return err
}

func (n *network) deliver(f flight) {
	n.t.Helper()
	for _, x := range n.nodes {
		for _, p := range x.paths {
			if p.public != f.to || p.filtered && !p.open[f.from] {
				continue
			}
			d := Datagram{Local: p.id, Remote: f.from, Data: f.data}
			// As in life, the reader's verdict goes along; it must agree.
			d.Verified = x.agent.Verifier().Verify(f.data) && n.random.IntN(2) == 0
			x.do(func(a *Agent) { _ = a.HandleDatagram(n.now, d) })
			return
		}
	}
}

// run lets virtual time pass, up to a point.
func (n *network) run(until time.Duration) {
	n.t.Helper()
	end := epoch.Add(until)
	for range 1_000_000 {
		next := end
		for _, f := range n.flying {
			if f.at.Before(next) {
				next = f.at
			}
		}
		for _, x := range n.nodes {
			if d := x.agent.Deadline(); !d.IsZero() && d.Before(next) {
				next = d
			}
		}
		if next.After(n.now) {
			n.now = next
		}
		if !n.turn() && !n.now.Before(end) {
			return
		}
	}
	n.t.Fatalf("an agent does not move on: deadlines %v %v", n.nodes[0].agent.Deadline(), n.nodes[len(n.nodes)-1].agent.Deadline())
}

// turn does what is due now.
func (n *network) turn() bool {
	n.t.Helper()
	moved := false
	flying := n.flying
	n.flying = nil
	for _, f := range flying {
		if f.at.After(n.now) {
			n.flying = append(n.flying, f)
			continue
		}
		moved = true
		n.deliver(f)
	}
	for _, x := range n.nodes {
		if d := x.agent.Deadline(); due(n.now, d) {
			moved = true
			x.do(func(a *Agent) { a.Advance(n.now) })
			if d := x.agent.Deadline(); due(n.now, d) && d.Before(n.now) {
				n.t.Fatalf("%s: Advance at %v left %v due", x.name, n.now.Sub(epoch), d.Sub(epoch))
			}
		}
	}
	return moved
}

// signal gives each the other's credentials and candidates, as a description
// with all of them does.
func signal(a, b *node) {
	a.net.t.Helper()
	for _, x := range [][2]*node{{a, b}, {b, a}} {
		x[0].gathered()
	}
	a.learn(b)
	b.learn(a)
}

// gathered gives the node its local candidates.
func (x *node) gathered() {
	x.net.t.Helper()
	for _, c := range x.candidates() {
		x.do(func(a *Agent) { a.AddLocalCandidate(x.net.now, c) })
	}
	x.do(func(a *Agent) { a.LocalEnd(x.net.now) })
}

// learn gives the node what the other signals.
func (x *node) learn(other *node) {
	x.net.t.Helper()
	x.do(func(a *Agent) { a.SetRemoteCredentials(x.net.now, other.local) })
	for _, c := range other.candidates() {
		x.add(c.Candidate)
	}
	x.do(func(a *Agent) { a.RemoteEnd(x.net.now) })
}

// add signals one candidate to the node, through its text.
func (x *node) add(c Candidate) {
	x.net.t.Helper()
	parsed, err := ParseCandidate(c.String())
	if err != nil {
		x.net.t.Fatal(err)
	}
	x.do(func(a *Agent) {
		if err := a.AddRemoteCandidate(x.net.now, parsed); err != nil {
			x.net.t.Fatal(err)
		}
	})
}

// when returns when the node first entered a state, or -1.
func (x *node) when(s State) time.Duration {
	for _, e := range x.events {
		if c, ok := e.event.(*StateChanged); ok && c.State == s {
			return e.at
		}
	}
	return -1
}

// states lists the states entered.
func (x *node) states() []State {
	var all []State
	for _, e := range x.events {
		if c, ok := e.event.(*StateChanged); ok {
			all = append(all, c.State)
		}
	}
	return all
}

func (x *node) wantStates(want ...State) {
	x.net.t.Helper()
	if got := x.states(); !slices.Equal(got, want) {
		x.net.t.Errorf("%s went through %v, want %v", x.name, got, want)
	}
}

func (x *node) wantSelected(local, remote string) {
	x.net.t.Helper()
	p, ok := x.agent.Selected()
	if !ok || p.Local.Addr.String() != local || p.Remote.Addr.String() != remote {
		x.net.t.Errorf("%s selected %v %v-%v (%v), want %s-%s", x.name, p.Local.Type, p.Local.Addr, p.Remote.Addr, ok, local, remote)
	}
}

// count counts the node's events of a kind.
func countEvents[E AgentEvent](x *node) int {
	n := 0
	for _, e := range x.events {
		if _, ok := e.event.(E); ok {
			n++
		}
	}
	return n
}

// lastEvent returns the latest event of a kind.
func lastEvent[E AgentEvent](x *node) (e E) {
	for _, s := range x.events {
		if v, ok := s.event.(E); ok {
			e = v
		}
	}
	return e
}
