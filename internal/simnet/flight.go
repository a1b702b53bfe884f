package simnet

import (
	"container/heap"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// datagram is on its way: one of UDP, or a segment of a stream.
type datagram struct {
	at   time.Time // of arrival
	seq  uint64    // order of sending, for those that arrive at the same time
	from *Host     // nil: injected
	// home is set for a datagram that does not leave its host, else realm is
	// where dst is looked up.
	home     *Host
	realm    *realm
	src, dst netip.AddrPort
	segment  *segment // nil: UDP
	data     []byte   // never changed
	whole    bool     // must not be fragmented
}

// size is the length of the IP packet.
func (d *datagram) size() int {
	if d.segment != nil {
		return packetSize(d.dst.Addr(), tcpHeader+len(d.data))
	}
	return packetSize(d.dst.Addr(), udpHeader+len(d.data))
}

// flight is a heap of datagrams, the next to arrive first.
type flight []*datagram

func (f flight) Len() int { return len(f) }
func (f flight) Less(i, j int) bool {
	if f[i].at.Equal(f[j].at) {
		return f[i].seq < f[j].seq
	}
	return f[i].at.Before(f[j].at)
}
func (f flight) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flight) Push(x any)   { *f = append(*f, x.(*datagram)) }
func (f *flight) Pop() any {
	last := len(*f) - 1
	d := (*f)[last]
	(*f)[last] = nil
	*f = (*f)[:last]
	return d
}

// send puts a datagram of a host on its way; deliverDue must follow. data
// belongs to the network from now on.
func (n *Net) send(from *Host, src, dst netip.AddrPort, data []byte, whole bool) {
	n.post(&datagram{from: from, src: src, dst: dst, data: data, whole: whole})
}

// post puts what a host sends on its way.
func (n *Net) post(d *datagram) {
	now := time.Now()
	verdict := n.verdict(Packet{Time: now, Src: d.src, Dst: d.dst, Stream: d.segment != nil, Whole: d.whole, Data: d.data})
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.stats.Sent++
	n.stats.Bytes += uint64(len(d.data))
	d.from.stats.Sent++
	d.from.stats.SentBytes += uint64(len(d.data))
	if verdict == Drop {
		n.lose(d.from, &n.stats.Drops.Tap)
		return
	}
	n.transmit(now, d)
}

// transmit routes d, through the NAT of its sender if there is one, and has the
// link decide on its arrival. n.mu is held.
func (n *Net) transmit(now time.Time, d *datagram) {
	drops := &n.stats.Drops
	if d.from.owns(d.dst.Addr()) {
		d.home, d.at = d.from, now
		n.push(d, 1)
		return
	}
	source, ok := d.from.find(d.src.Addr())
	if !ok || !source.up() {
		n.lose(d.from, &drops.Unreachable)
		return
	}
	d.realm = source.realm
	to, ok := d.realm.owner[d.dst.Addr()]
	if router := d.realm.router; !ok && router != nil {
		if router.public.Is4() != d.dst.Addr().Is4() {
			n.lose(d.from, &drops.Unreachable)
			return
		}
		d.src = router.outbound(now, d)
		d.realm = &n.internet
		if to, ok = d.realm.owner[d.dst.Addr()]; to.router == router && !router.hairpin {
			n.lose(d.from, &drops.Filtered)
			return
		}
	}
	if !ok {
		n.lose(d.from, &drops.Unreachable)
		return
	}
	host := to.host
	if to.router != nil {
		host = to.router.behind(publicPort{d.segment != nil, d.dst.Port()})
	}
	at, copies, reason := n.schedule(n.path(d.from, host), now, d)
	if copies == 0 {
		n.lose(d.from, reason)
		return
	}
	d.at = at
	n.stats.Duplicated += uint64(copies - 1)
	n.push(d, copies)
}

func (n *Net) push(d *datagram, copies int) {
	for range copies {
		c := *d
		c.seq = n.stats.Sent + n.stats.Injected
		heap.Push(&n.flight, &c)
	}
}

// deliverDue sends what streams have to say, delivers what has arrived, in order,
// wakes the streams that wait for a time, and sets the timer for the rest. Replies of
// servers join the flight and are delivered by the same loop, however short the links
// are: nothing recurses.
func (n *Net) deliverDue() {
	for {
		n.mu.Lock()
		now := time.Now()
		switch at, ok := n.nextArrival(); {
		case len(n.outbox) > 0 && !n.posting:
			// One at a time, so that a stream's segments leave in order.
			d := n.outbox[0]
			n.outbox = n.outbox[1:]
			n.posting = true
			n.mu.Unlock()
			n.post(d)
			n.mu.Lock()
			n.posting = false
		case ok && !at.After(now) && !n.alarms.before(at):
			d := heap.Pop(&n.flight).(*datagram)
			server, replies := n.arrive(now, d)
			n.mu.Unlock()
			for _, r := range replies {
				n.send(server, r.src, r.dst, r.data, false)
			}
			continue
		case n.alarms.before(now.Add(1)):
			n.alarms.ring(now)
		default:
			for _, waiting := range n.stirred {
				waiting.Broadcast()
			}
			n.stirred = nil
			n.arm(now)
			n.mu.Unlock()
			return
		}
		n.mu.Unlock()
	}
}

// stir wakes who waits for something of a stream, once all has arrived that arrives
// at the same time: what they do then depends on no order of goroutines. n.mu is held.
func (n *Net) stir(waiting *sync.Cond) {
	if n.closed {
		waiting.Broadcast() // nothing arrives any more
	} else if !slices.Contains(n.stirred, waiting) {
		n.stirred = append(n.stirred, waiting)
	}
}

func (n *Net) nextArrival() (at time.Time, ok bool) {
	if len(n.flight) == 0 {
		return at, false
	}
	return n.flight[0].at, true
}

// arm sets the timer to the next arrival or alarm. n.mu is held.
func (n *Net) arm(now time.Time) {
	at, ok := n.nextArrival()
	if !ok && len(n.alarms) == 0 || n.closed {
		return
	}
	if !ok || n.alarms.before(at) {
		at = n.alarms[0].at
	}
	switch {
	case at.Equal(n.armed):
		return
	case n.timer == nil:
		n.timer = time.AfterFunc(at.Sub(now), n.fire)
	default:
		n.timer.Reset(at.Sub(now))
	}
	n.armed = at
}

func (n *Net) fire() {
	n.mu.Lock()
	n.armed = time.Time{}
	n.mu.Unlock()
	n.deliverDue()
}

// arrive hands d to the socket or the server that it is for; what a server sends
// on that is the second result. n.mu is held.
func (n *Net) arrive(now time.Time, d *datagram) (*Host, []outgoing) {
	drops := &n.stats.Drops
	host, dst := d.home, d.dst
	if host == nil {
		to := d.realm.owner[dst.Addr()]
		host = to.host
		if to.router != nil {
			inner, ok := to.router.inbound(now, d.src, publicPort{d.segment != nil, dst.Port()})
			if !ok {
				n.lose(d.from, &drops.Filtered)
				return nil, nil
			}
			host, dst = inner.host, inner.addr
		}
	}
	at, ok := host.find(dst.Addr())
	if !ok || !at.up() {
		n.lose(d.from, &drops.Unreachable)
		return nil, nil
	}
	src := d.src
	if src.Addr().Is6() && src.Addr().IsLinkLocalUnicast() {
		src = netip.AddrPortFrom(src.Addr().WithZone(at.iface.name), src.Port())
	}
	if d.segment != nil {
		n.received(host, d)
		host.takeSegment(now, src, dst, d)
		return nil, nil
	}
	if serve := host.services[dst]; serve != nil {
		n.received(host, d)
		return host, serve(src, d.data)
	}
	c := host.conns[dst]
	if c == nil {
		c = host.conns[netip.AddrPortFrom(unspecified(dst.Addr()), dst.Port())]
	}
	switch {
	case c == nil:
		n.lose(d.from, &drops.Unreachable)
	case len(d.data) > maxPayload:
		n.lose(d.from, &drops.TooBig)
	case !c.receive(received{src: src, data: d.data}, host.receiveQueue):
		n.lose(d.from, &drops.ReceiveQueue)
	default:
		n.received(host, d)
	}
	return nil, nil
}

func (n *Net) received(host *Host, d *datagram) {
	n.stats.Delivered++
	n.stats.DeliveredBytes += uint64(len(d.data))
	host.stats.Received++
	host.stats.ReceivedBytes += uint64(len(d.data))
}

// Inject delivers a datagram to the public address dst at once, as if it came
// from src, whoever that belongs to: what an attacker off the path can do.
// Taps do not see it.
func (n *Net) Inject(src, dst netip.AddrPort, data []byte) {
	n.mu.Lock()
	if !n.closed {
		n.stats.Injected++
		d := &datagram{at: time.Now(), realm: &n.internet, src: src, dst: dst, data: append([]byte(nil), data...)}
		if _, ok := n.internet.owner[dst.Addr()]; ok {
			n.push(d, 1)
		} else {
			n.lose(nil, &n.stats.Drops.Unreachable)
		}
	}
	n.mu.Unlock()
	n.deliverDue()
}
