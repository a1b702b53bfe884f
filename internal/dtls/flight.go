package dtls

import "time"

// flightKind names the flights that one side sends (RFC 6347 section 4.2.4, figure 1).
type flightKind uint8

const (
	flightNone  flightKind = iota
	flightHello            // the client's ClientHello, with or without a cookie
	flightReply            // the server's ServerHello to ServerHelloDone
	flightKeys             // the client's Certificate to Finished
	flightLast             // the server's ChangeCipherSpec and Finished
)

// flightItem is the content of one record, kept in the clear: each time it is sent it gets a new sequence number.
type flightItem struct {
	typ     uint8
	epoch   uint16
	payload []byte
}

// flight is what we sent last and must be able to send again.
type flight struct {
	kind     flightKind
	items    []flightItem
	repeated bool
}

// timed reports whether the flight awaits an answer. The server's last flight is only repeated on demand.
func (f *flight) timed() bool {
	return f.kind == flightHello || f.kind == flightReply || f.kind == flightKeys
}

// kindOf tells which flight of ours a record of the engine belongs to.
func (a *Association) kindOf(typ uint8, epoch uint16, payload []byte) flightKind {
	switch {
	case a.cfg.Role == Client && typ == typeHandshake && epoch == 0 && payload[0] == messageClientHello:
		return flightHello
	case a.cfg.Role == Client:
		return flightKeys
	case typ == typeHandshake && epoch == 0:
		return flightReply
	default:
		return flightLast
	}
}

// beginFlight starts a new flight if the kind says so. A ClientHello always begins one: the second carries the cookie.
func (a *Association) beginFlight(kind flightKind, first bool) {
	b := &a.border
	if kind == b.flight.kind && !(kind == flightHello && first) {
		return
	}
	// RFC 6347 section 4.2.4.1: "Implementations SHOULD retain the current timer value until a transmission without loss
	// occurs, at which time the value may be reset to the initial value."
	if !b.flight.repeated || b.interval == 0 {
		b.interval = a.cfg.RetransmitInterval
	}
	b.flight = flight{kind: kind}
	if kind == flightLast {
		a.repeatable.Store(true)
	}
}

// sendItems puts records into as few datagrams as the MTU allows and sends them.
func (a *Association) sendItems(items []flightItem) {
	for len(items) > 0 {
		n, size := 0, 0
		for n < len(items) {
			more := len(items[n].payload) + a.itemOverhead(items[n])
			if n > 0 && size+more > a.cfg.MTU {
				break
			}
			size += more
			n++
		}
		datagram := a.cfg.Output.Buffer(size)[:0]
		for _, item := range items[:n] {
			datagram = a.appendRecord(datagram, item)
		}
		items = items[n:]
		a.cfg.Output.Send(datagram, len(items) > 0)
	}
}

func (a *Association) itemOverhead(item flightItem) int {
	if item.epoch == 0 {
		return recordHeaderLen
	}
	return a.protection.overhead()
}

// appendRecord gives an item its sequence number and appends it as a record. The capacity is there.
func (a *Association) appendRecord(b []byte, item flightItem) []byte {
	at := len(b)
	if item.epoch == 1 {
		return b[:at+len(a.sealTo(b[at:at:cap(b)], item.typ, item.payload))]
	}
	b = b[:at+recordHeaderLen]
	putHeader(b[at:], item.typ, 0, a.epoch0Seq, len(item.payload))
	a.epoch0Seq++
	return append(b, item.payload...)
}

// sendFlight sends items that were added to the flight, and arms the timer for it.
func (a *Association) sendFlight(items []flightItem) {
	if len(items) == 0 {
		return
	}
	a.sendItems(items)
	a.border.sentAt = time.Now()
	a.armRetransmit()
}

// repeatFlight sends the whole flight again with new sequence numbers.
func (a *Association) repeatFlight() {
	b := &a.border
	b.flight.repeated = true
	a.counts.retransmissions.Add(1)
	a.sendItems(b.flight.items)
	b.sentAt = time.Now()
}

// armRetransmit sets the timer for the current flight.
func (a *Association) armRetransmit() {
	b := &a.border
	if !b.flight.timed() || a.state != Connecting {
		b.retransmitAt = time.Time{}
		return
	}
	b.retransmitAt = time.Now().Add(b.interval)
	if b.retransmit == nil {
		b.retransmit = time.AfterFunc(b.interval, a.retransmitDue)
	} else {
		b.retransmit.Reset(b.interval)
	}
}

// retransmitDue repeats the flight and doubles the interval (RFC 6347 section 4.2.4.1).
func (a *Association) retransmitDue() {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := &a.border
	if a.state != Connecting || b.retransmitAt.IsZero() || time.Now().Before(b.retransmitAt) {
		return
	}
	b.interval = min(2*b.interval, max(maxRetransmitInterval, a.cfg.RetransmitInterval))
	a.repeatFlight()
	a.armRetransmit()
}

// doubt takes an alert of epoch 0 during the handshake, which anybody who can send from the peer's address could have made.
// A fatal one, or close_notify, is only believed when the peer was heard of or we have spoken, and then says nothing more for
// alertGrace while we repeat our flight: a forger cannot keep a peer that is there from going on.
func (a *Association) doubt(body []byte) {
	b := &a.border
	if len(body) != 2 || (body[0] != alertFatal && body[1] != alertCloseNotify) || b.flight.kind == flightNone || b.doubted {
		a.counts.plainDropped.Add(1)
		return
	}
	b.doubted, b.doubtAlert = true, body[1]
	b.doubtAt = time.Now().Add(alertGrace)
	if b.doubtTimer == nil {
		b.doubtTimer = time.AfterFunc(alertGrace, a.doubtDue)
	} else {
		b.doubtTimer.Reset(alertGrace)
	}
}

// doubtDue believes the alert if nothing contradicted it.
func (a *Association) doubtDue() {
	a.mu.Lock()
	b := &a.border
	if a.state != Connecting || !b.doubted || time.Now().Before(b.doubtAt) {
		a.mu.Unlock()
		return
	}
	a.notified = true
	a.fail(&AlertError{Description: b.doubtAlert})
	a.mu.Unlock()
	a.announce()
}

// repeatAlert tells a peer that goes on with a handshake that failed here why it ends: the first alert may have been lost.
func (a *Association) repeatAlert(h header) {
	b := &a.border
	if h.typ != typeHandshake || len(b.fatal.payload) == 0 || b.fatalSent >= maxAlertRepeats ||
		time.Since(b.sentAt) < a.cfg.RetransmitInterval/2 {
		return
	}
	b.fatalSent++
	b.sentAt = time.Now()
	a.sendItems([]flightItem{b.fatal})
}
