package dtls

import (
	"errors"
	"sync"
	"time"

	engine "github.com/pion/dtls/v2"
	"github.com/pion/dtls/v2/pkg/protocol/handshake"
)

// opener is the receiving half of epoch 1: the peer's key and the replay window. Its lock is a leaf.
type opener struct {
	mu         sync.Mutex
	protection *protection // nil until there are keys
	window     replayWindow
}

// open authenticates a record of epoch 1, decrypts it in place and takes its number.
func (o *opener) open(h header, record []byte, c *counters) (plaintext []byte, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.protection == nil || h.version != versionDTLS12 {
		c.malformed.Add(1)
		return nil, false
	}
	// RFC 6347 section 4.1.2.6: the check comes before decryption, which it saves, the mark after.
	if !o.window.fresh(h.seq) {
		c.replayed.Add(1)
		return nil, false
	}
	if plaintext, ok = o.protection.open(record); !ok {
		// RFC 6347 section 4.1.2.7: "invalid records SHOULD be silently discarded, thus preserving the association".
		c.unauthenticated.Add(1)
		return nil, false
	}
	o.window.mark(h.seq)
	c.recordsReceived.Add(1)
	return plaintext, true
}

// HandleDatagram takes a datagram from the peer's transport address. It decrypts application data inside datagram and hands
// each record's plaintext to deliver, without a lock and without allocating; the plaintext is only valid during the call. It
// never blocks. Whatever is malformed, forged or late is dropped and counted (Stats).
func (a *Association) HandleDatagram(_ time.Time, datagram []byte, deliver func(plaintext []byte)) {
	slow := false
	for len(datagram) > 0 {
		h, record, rest, ok := nextRecord(datagram)
		if !ok {
			a.counts.malformed.Add(1)
			break
		}
		datagram = rest
		if h.epoch == 1 && h.typ == typeApplicationData && a.live.Load() {
			if plaintext, ok := a.opener.open(h, record, &a.counts); ok {
				a.counts.bytesReceived.Add(uint64(len(plaintext)))
				if len(plaintext) > 0 {
					deliver(plaintext)
				}
				if a.repeatable.Load() {
					a.MediaReceived()
				}
			}
			continue
		}
		a.mu.Lock()
		if !slow {
			slow, a.border.answered = true, false
		}
		a.handleRecord(h, record)
		a.mu.Unlock()
	}
	if slow {
		a.mu.Lock()
		a.flushToEngine()
		a.mu.Unlock()
		a.announce()
	}
}

// handleRecord is for every record but application data of a live association.
func (a *Association) handleRecord(h header, record []byte) {
	switch a.state {
	case Initial:
		if !a.border.hold(record) {
			a.counts.heldDropped.Add(1)
		}
	case Connecting, Connected:
		switch h.epoch {
		case 0:
			a.handlePlain(h, record[recordHeaderLen:])
		case 1:
			a.handleProtected(h, record)
		default:
			a.counts.malformed.Add(1)
		}
	case Failed:
		a.repeatAlert(h)
	}
}

// handlePlain takes a record of epoch 0, which anybody can have written.
func (a *Association) handlePlain(h header, body []byte) {
	if a.state == Connected {
		// Our Finished is answered, or will be by a Finished of epoch 1. RFC 6347 section 4.1: packets of earlier epochs
		// may be dropped; an alert here would let anybody close the association.
		a.counts.plainDropped.Add(1)
		return
	}
	switch h.typ {
	case typeHandshake:
		a.handleFragments(0, body)
	case typeAlert:
		a.doubt(body)
	case typeChangeCipherSpec:
		// It says nothing that the first record of epoch 1 does not say with proof; the engine is given one then.
	default:
		a.counts.plainDropped.Add(1)
	}
}

// handleProtected takes a record of epoch 1.
func (a *Association) handleProtected(h header, record []byte) {
	if a.secrets == nil {
		// The batch that brought the client's Finished comes before the engine has computed the keys, and reordering may
		// bring application data before Finished.
		if !a.border.hold(record) {
			a.counts.heldDropped.Add(1)
		}
		return
	}
	var sealed []byte
	if h.typ == typeHandshake {
		sealed = append(sealed, record...)
	}
	plaintext, ok := a.opener.open(h, record, &a.counts)
	if !ok {
		return
	}
	switch h.typ {
	case typeApplicationData:
		a.holdEarly(plaintext)
	case typeAlert:
		a.handleAlert(plaintext)
	case typeHandshake:
		if a.state == Connected {
			a.handleRepeatedFinished(plaintext)
			return
		}
		if len(a.border.finished) < maxFinishedParts {
			a.border.finished = append(a.border.finished, sealed)
		}
		a.handleFragments(1, plaintext)
	default:
		a.counts.malformed.Add(1)
	}
}

// holdEarly keeps authenticated application data until Connected was announced.
func (a *Association) holdEarly(plaintext []byte) {
	if len(plaintext) == 0 {
		return
	}
	if len(a.early) >= maxEarlyRecords || a.earlyBytes+len(plaintext) > maxEarlyBytes {
		a.counts.heldDropped.Add(1)
		return
	}
	a.early = append(a.early, append([]byte(nil), plaintext...))
	a.earlyBytes += len(plaintext)
	a.counts.bytesReceived.Add(uint64(len(plaintext)))
}

// handleAlert obeys an authenticated alert.
func (a *Association) handleAlert(body []byte) {
	if len(body) != 2 {
		a.counts.malformed.Add(1)
		return
	}
	switch {
	case body[1] == alertCloseNotify:
		// RFC 5246 section 7.2.1: "The other party MUST respond with a close_notify alert of its own".
		a.sendAlert(alertWarning, alertCloseNotify)
		if a.state == Connected {
			a.setState(Closed, nil)
		} else {
			a.fail(&AlertError{Description: alertCloseNotify, Authenticated: true})
		}
	case body[0] == alertFatal:
		a.notified = true // RFC 5246 section 7.2.2: both sides close at once, nothing is answered
		a.fail(&AlertError{Description: body[1], Authenticated: true})
	}
}

// handleRepeatedFinished answers a client that sends its Finished again, since it did not get ours, with our last flight. RFC 6347
// section 4.2.4 asks for that during at least twice the maximum segment lifetime; we do until the client proves that it has it.
func (a *Association) handleRepeatedFinished(plaintext []byte) {
	if f, _, ok := nextFragment(plaintext); ok && f.typ == messageFinished && a.repeatable.Load() {
		a.repeatFlight()
	}
}

// handleFragments puts the fragments of a record together and passes on the messages that this completes.
func (a *Association) handleFragments(epoch uint16, body []byte) {
	b := &a.border
	for len(body) > 0 {
		f, rest, ok := nextFragment(body)
		if !ok {
			a.counts.malformed.Add(1)
			return
		}
		body = rest
		if _, known := turn[a.cfg.Role][f.typ]; !known || (f.typ == messageFinished) != (epoch == 1) {
			a.counts.malformed.Add(1)
			continue
		}
		if b.in.add(epoch, f) {
			a.peerRepeats()
		}
	}
	for a.state == Connecting {
		m, ok := b.in.peek()
		if !ok {
			return
		}
		if !a.acceptMessage(m) {
			b.in.discard()
			a.counts.malformed.Add(1)
			return
		}
		b.in.take()
	}
}

// acceptMessage passes a whole message, the next in order, on to the engine, or refuses it.
func (a *Association) acceptMessage(m message) bool {
	b := &a.border
	place := turn[a.cfg.Role][m.typ]
	again := m.typ == messageHelloVerify && b.turn == place // RFC 6347 section 4.2.1 allows several
	if (place <= b.turn && !again) || b.bytes+m.length > maxHandshake || !a.readable(m) {
		return false
	}
	switch m.typ {
	case messageClientHello:
		if !a.handleClientHello(m) {
			return false
		}
	case messageServerHello:
		b.hello, _ = parseServerHello(m.body)
	case messageFinished:
		if a.cfg.Role == Server && !a.secrets.clientFinishedValid(b.transcript, m.body) {
			a.sendAlert(alertFatal, alertDecryptError)
			a.fail(errors.New("dtls: client's Finished does not fit the handshake"))
			return true
		}
		b.queueFinished()
		b.progress(m, place)
		return true
	}
	if a.cfg.Role == Server {
		b.transcript = append(b.transcript, m.bytes()...)
	}
	b.queueMessage(m)
	b.progress(m, place)
	return true
}

// readable reports whether the engine can parse a message. What it cannot would use up a sequence number and stop the handshake,
// and a panic of its parsers, on its own goroutine, would end the program.
func (a *Association) readable(m message) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	h := handshake.Handshake{KeyExchangeAlgorithm: engine.CipherSuiteKeyExchangeAlgorithmEcdhe}
	return h.Unmarshal(m.bytes()) == nil
}

// peerRepeats answers a peer that repeats an earlier message: it has not got our flight (RFC 6347 section 4.2.4, "Read
// retransmit"). At most one answer for a datagram and for half the interval, so that duplicates made by the network or by an
// attacker cost no more than the timer does.
func (a *Association) peerRepeats() {
	b := &a.border
	if b.answered || !b.flight.timed() || time.Since(b.sentAt) < b.interval/2 {
		return
	}
	b.answered = true
	a.repeatFlight()
	a.armRetransmit()
}
