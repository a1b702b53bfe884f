package dtls

import (
	"time"
)

// border is what stands between the wire and the engine during the handshake. All of it is guarded by Association.mu, and none of
// it is needed after the handshake but the server's last flight.
type border struct {
	// From the peer.
	in         assembler
	turn       int      // place of the last message that was passed on
	bytes      int      // of all messages that were passed on
	held       [][]byte // records from before Start, or of epoch 1 from before the keys
	heldBytes  int
	finished   [][]byte // records of epoch 1 that the peer's Finished came in, still sealed, for the engine
	toEngine   [][]byte // plain records for the engine, to be flushed
	engineSeq  uint64   // number of the next record of epoch 0 for the engine
	answered   bool     // this datagram made us repeat our flight
	hello      serverHello
	transcript []byte // as server: all messages so far, for the client's Finished

	// To the peer.
	outNext      uint16 // number of the engine's next message: what is below is a repetition
	finishedSent bool
	flight       flight
	interval     time.Duration
	sentAt       time.Time
	retransmitAt time.Time
	retransmit   *time.Timer
	fatal        flightItem // the fatal alert that we sent
	fatalSent    int        // times that it was sent again

	// A fatal alert of epoch 0 that is not believed yet.
	doubted    bool
	doubtAlert uint8
	doubtAt    time.Time
	doubtTimer *time.Timer
}

// hold keeps a copy of a record for later, within limits.
func (b *border) hold(record []byte) bool {
	if len(b.held) >= maxHeldRecords || b.heldBytes+len(record) > maxHeldBytes {
		return false
	}
	b.held = append(b.held, append([]byte(nil), record...))
	b.heldBytes += len(record)
	return true
}

func (b *border) takeHeld() [][]byte {
	held := b.held
	b.held, b.heldBytes = nil, 0
	return held
}

// progress notes that the peer went on.
func (b *border) progress(m message, place int) {
	b.turn = place
	b.bytes += m.length
	b.doubted = false
}

// queueMessage cuts a message into records that the engine's buffer holds, with numbers of our own: those on the wire are not
// authenticated, and one forged high number would make the engine's replay window refuse all that follows.
func (b *border) queueMessage(m message) {
	for offset := 0; ; {
		n := min(len(m.body)-offset, engineRecord)
		record := make([]byte, recordHeaderLen, recordHeaderLen+messageHeaderLen+n)
		putHeader(record, typeHandshake, 0, b.engineSeq, messageHeaderLen+n)
		b.engineSeq++
		record = appendMessageHeader(record, m.fragment, offset, n)
		b.toEngine = append(b.toEngine, append(record, m.body[offset:offset+n]...))
		offset += n
		if offset >= len(m.body) {
			return
		}
	}
}

// queueFinished gives the engine the peer's Finished as it came, under the key that the engine has too, after a ChangeCipherSpec of
// ours: the peer's may have been lost or overtaken, and that Finished authenticates proves that it was sent.
func (b *border) queueFinished() {
	spec := make([]byte, recordHeaderLen, recordHeaderLen+1)
	putHeader(spec, typeChangeCipherSpec, 0, b.engineSeq, 1)
	b.engineSeq++
	b.toEngine = append(b.toEngine, append(spec, 1))
	b.toEngine = append(b.toEngine, b.finished...)
	b.finished = nil
}

// end stops the timers and forgets what only a handshake needs.
func (b *border) end() {
	b.concluded()
	b.flight = flight{kind: b.flight.kind}
}

// concluded is the end of the handshake: only the flight stays.
func (b *border) concluded() {
	if b.retransmit != nil {
		b.retransmit.Stop()
	}
	if b.doubtTimer != nil {
		b.doubtTimer.Stop()
	}
	b.retransmitAt, b.doubted = time.Time{}, false
	b.in, b.finished, b.toEngine, b.transcript = assembler{}, nil, nil, nil
	b.held, b.heldBytes = nil, 0
}

// flushToEngine hands queued records to the engine, several in one datagram where they fit, so that a flight that came whole
// is parsed once.
func (a *Association) flushToEngine() {
	b := &a.border
	if a.engine == nil || len(b.toEngine) == 0 {
		return
	}
	var datagram []byte
	for _, record := range b.toEngine {
		if len(datagram)+len(record) > engineDatagram {
			a.engine.conn.push(datagram)
			datagram = nil
		}
		datagram = append(datagram, record...)
	}
	a.engine.conn.push(datagram)
	b.toEngine = nil
}

// fromEngine takes a datagram that the engine wrote, and sends what is in it by our rules.
func (a *Association) fromEngine(datagram []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state != Connecting {
		return
	}
	var items []flightItem
	for len(datagram) > 0 {
		h, record, rest, ok := nextRecord(datagram)
		if !ok {
			a.counts.engineDropped.Add(1)
			break
		}
		datagram = rest
		payload, ok := a.fromEngineRecord(h, record)
		if !ok {
			a.counts.engineDropped.Add(1)
			continue
		}
		item := flightItem{typ: h.typ, epoch: h.epoch, payload: append([]byte(nil), payload...)}
		if h.typ == typeAlert {
			a.sendFlight(items)
			items = nil
			a.alertFromEngine(item)
		} else if a.addToFlight(&item) {
			items = append(items, item)
		}
	}
	a.sendFlight(items)
}

// fromEngineRecord returns the plaintext of a record that the engine wrote. In epoch 1 it seals with the key that we have and a
// nonce of its own, except for an alert before it is done, which it labels as epoch 1 and forgets to seal.
func (a *Association) fromEngineRecord(h header, record []byte) ([]byte, bool) {
	body := record[recordHeaderLen:]
	switch {
	case h.typ == typeApplicationData || h.epoch > 1 || len(body) == 0:
		return nil, false
	case h.epoch == 0:
		return body, true
	case a.protection == nil:
		return nil, false
	case h.typ == typeAlert && len(body) == 2:
		return body, true
	}
	return a.protection.open(record)
}

// alertFromEngine sends the engine's verdict on the handshake.
func (a *Association) alertFromEngine(item flightItem) {
	if len(item.payload) != 2 || a.notified {
		return
	}
	if item.payload[0] == alertFatal {
		a.border.fatal = item
	}
	a.notified = true
	a.sendItems([]flightItem{item})
	a.border.sentAt = time.Now()
}

// addToFlight adds a record of the engine to the current flight or begins the next one with it. It reports false for what the
// flight has already.
func (a *Association) addToFlight(item *flightItem) bool {
	b := &a.border
	if item.typ == typeHandshake && item.epoch == 0 {
		f, _, ok := nextFragment(item.payload)
		if !ok || int16(f.seq-b.outNext) < 0 {
			return false
		}
		a.beginFlight(a.kindOf(item.typ, item.epoch, item.payload), f.offset == 0)
		if f.offset+len(f.body) == f.length {
			b.outNext = f.seq + 1
		}
		if a.cfg.Role == Server {
			if f.typ == messageServerHello && f.offset == 0 {
				b.hello, _ = parseServerHello(f.body)
			}
			if f.offset == 0 {
				b.transcript = appendMessageHeader(b.transcript, f, 0, f.length)
			}
			b.transcript = append(b.transcript, f.body...)
		}
	} else {
		a.beginFlight(a.kindOf(item.typ, item.epoch, item.payload), false)
		for _, have := range b.flight.items {
			if have.typ == item.typ && have.epoch == item.epoch {
				return false
			}
		}
		if item.epoch == 1 {
			b.finishedSent = true
		}
	}
	b.flight.items = append(b.flight.items, *item)
	return true
}
