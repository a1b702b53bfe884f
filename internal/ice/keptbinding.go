package ice

import (
	"time"

	"github.com/pion/stun"
)

// bindingInterval is how often a binding is refreshed: Tr of RFC 8445 section 11.
// NATs keep bindings for two minutes at least (RFC 4787 section 4.3), and some for
// 30 s.
const bindingInterval = 15 * time.Second

// maxBindings bounds the bindings that are kept alive.
const maxBindings = 64

// keptBinding is what a server-reflexive candidate stands for in a NAT. The peer may
// take minutes until its checks come: the binding is kept alive by further requests
// to the server (RFC 8445 section 5.1.1.4). Nobody waits for the answers.
type keptBinding struct {
	socket LocalID
	server server
	next   time.Time
}

// keep begins to keep the binding of a candidate alive that a query has found.
func (g *Gatherer) keep(now time.Time, q *query) {
	if !g.concluded && len(g.kept) < maxBindings {
		g.kept = append(g.kept, keptBinding{q.socket.ID, q.server, now.Add(bindingInterval)})
	}
}

// Conclude says that ICE has ended with the candidates gathered here, by a selected
// pair or by failure: bindings are kept alive no more (RFC 8445 section 8.3).
func (g *Gatherer) Conclude() { g.kept, g.concluded = nil, true }

// refreshBindings sends what is due, one request each Ta (RFC 8445 section 14).
func (g *Gatherer) refreshBindings(now time.Time) {
	b := g.firstBinding()
	if b == nil || now.Before(b.next) || now.Before(g.nextSlot) {
		return
	}
	var id transactionID
	randomBytes(g.cfg.Random, id[:])
	b.next = now.Add(bindingInterval)
	g.nextSlot = now.Add(g.cfg.Ta)
	m, err := stun.Build(stun.NewTransactionIDSetter(id), stun.BindingRequest)
	if err == nil && g.out.len() < maxQueuedDatagrams {
		g.out.push(Datagram{Local: b.socket, Remote: b.server.addr, Data: m.Raw})
	}
}

// bindingsDue is when refreshBindings has something to send; zero: never.
func (g *Gatherer) bindingsDue() time.Time {
	b := g.firstBinding()
	if b == nil {
		return time.Time{}
	}
	if g.nextSlot.After(b.next) {
		return g.nextSlot
	}
	return b.next
}

// firstBinding is the one that is due first; nil: none.
func (g *Gatherer) firstBinding() (first *keptBinding) {
	for i := range g.kept {
		if first == nil || g.kept[i].next.Before(first.next) {
			first = &g.kept[i]
		}
	}
	return first
}
