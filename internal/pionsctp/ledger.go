package pionsctp

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"
	"sync"
)

// Chunk and parameter types (RFC 9260 section 3.2, RFC 6525 section 3).
const (
	chunkData             = 0
	chunkAbort            = 6
	chunkShutdownAck      = 8
	chunkShutdownComplete = 14
	chunkReconfig         = 130

	parameterOutgoingReset = 13
	parameterResponse      = 16

	resultNothingToDo = 0
	resultPerformed   = 1
	resultInProgress  = 6

	packetHeader = 12
	chunkHeader  = 4
	dataHeader   = 16 // of a DATA chunk
)

const (
	// maxRequests bounds the peer's unanswered reset requests; RFC 6525 section 5.1.1
	// allows one.
	maxRequests = 256
	// performedMemory is how many of the peer's requests are known to be repeats.
	performedMemory = 1024
	// noStream is an identifier that no association has.
	noStream = 0xffff
)

// ledger watches the packets that cross the border for stream resets (RFC 6525) and
// for how the association ends. It keeps our own requests to one at a time, makes
// repeats of the peer's harmless, and never takes a decision that pion/sctp takes.
type ledger struct {
	mu sync.Mutex

	// Ours. pion/sctp sends one request a RE-CONFIG and one RE-CONFIG a packet.
	current *request
	held    []*request // not sent yet, in the order of their sequence numbers
	answer  uint32     // result for current, in the packet that pion/sctp works on
	settled bool       // answer is valid

	// The peer's.
	pending   map[uint32][]uint16 // streams, by request sequence number
	performed map[uint32]struct{}
	oldest    []uint32 // performed, a ring
	at        int

	abort *AbortError // the peer's
	fault string      // the reason of pion/sctp's own ABORT
	final bool        // SHUTDOWN was answered
	gone  bool        // an ABORT was written
}

// request is an Outgoing SSN Reset Request of ours.
type request struct {
	sequence uint32
	streams  []uint16
	packet   []byte
}

func newLedger() ledger {
	return ledger{pending: make(map[uint32][]uint16), performed: make(map[uint32]struct{})}
}

// outbound looks at a packet of pion/sctp. pass: it may go now. reset: streams that
// the peer has reset and pion/sctp has forgotten.
func (l *ledger) outbound(p []byte) (pass bool, reset []uint16) {
	if len(p) < packetHeader+chunkHeader {
		return true, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch p[packetHeader] {
	case chunkAbort:
		l.gone = true
		for _, value := range chunks(p) {
			l.fault = causeText(value)
		}
	case chunkShutdownAck, chunkShutdownComplete:
		l.final = true
	case chunkReconfig:
		for _, value := range chunks(p) {
			for kind, value := range parameters(value) {
				switch {
				case kind == parameterOutgoingReset && len(value) >= 12:
					return l.request(p, value), nil
				case kind == parameterResponse && len(value) >= 8:
					reset = append(reset, l.respond(value)...)
				}
			}
		}
	}
	return true, reset
}

// request decides about a request of ours: RFC 6525 section 5.1.1, "there MUST NOT
// be more than one request in flight".
func (l *ledger) request(p, value []byte) bool {
	sequence := binary.BigEndian.Uint32(value)
	if l.current != nil && l.current.sequence == sequence {
		return true
	}
	for _, r := range l.held {
		if r.sequence == sequence {
			return false
		}
	}
	r := &request{sequence: sequence, streams: streamList(value)}
	if l.current == nil {
		l.current = r
		return true
	}
	r.packet = append([]byte(nil), p...)
	l.held = append(l.held, r)
	return false
}

// respond notes pion/sctp's answer to a request of the peer.
func (l *ledger) respond(value []byte) []uint16 {
	sequence, result := binary.BigEndian.Uint32(value), binary.BigEndian.Uint32(value[4:])
	if result == resultInProgress {
		return nil
	}
	streams := l.pending[sequence]
	delete(l.pending, sequence)
	if _, again := l.performed[sequence]; again || result != resultPerformed {
		return nil
	}
	if len(l.oldest) < performedMemory {
		l.oldest = append(l.oldest, sequence)
	} else {
		delete(l.performed, l.oldest[l.at])
		l.oldest[l.at] = sequence
		l.at = (l.at + 1) % performedMemory
	}
	l.performed[sequence] = struct{}{}
	return streams
}

// inbound looks at a packet for pion/sctp; false drops it. resets tells whether the
// peer's reset requests are taken at present.
func (l *ledger) inbound(p []byte, resets bool) bool {
	for kind, value := range chunks(p) {
		switch kind {
		case chunkAbort:
			abort := parseAbort(value)
			l.mu.Lock()
			l.abort = abort
			l.mu.Unlock()
		case chunkReconfig:
			if !l.reconfig(p, value, resets) {
				return false
			}
		}
	}
	return true
}

func (l *ledger) reconfig(p, value []byte, resets bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for kind, value := range parameters(value) {
		switch {
		case kind == parameterOutgoingReset && len(value) >= 12:
			if !l.peerRequest(p, value, resets) {
				return false
			}
		case kind == parameterResponse && len(value) >= 8:
			sequence, result := binary.BigEndian.Uint32(value), binary.BigEndian.Uint32(value[4:])
			if l.current != nil && sequence == l.current.sequence && result != resultInProgress {
				l.answer, l.settled = result, true
			}
		}
	}
	return true
}

// peerRequest takes a request of the peer. One that was performed and answered
// before comes again when the answer was lost; pion/sctp would perform it again, on
// streams that may have been opened anew, so it gets to see a request for a stream
// that does not exist, and answers that.
func (l *ledger) peerRequest(p, value []byte, resets bool) bool {
	sequence := binary.BigEndian.Uint32(value)
	if _, again := l.performed[sequence]; again {
		for at := 12; at+2 <= len(value); at += 2 {
			binary.BigEndian.PutUint16(value[at:], noStream)
		}
		sign(p)
		return true
	}
	if _, known := l.pending[sequence]; !known && (!resets || len(l.pending) >= maxRequests) {
		return false
	}
	l.pending[sequence] = streamList(value)
	return true
}

// settle is called when pion/sctp has dealt with the last packet: it returns the
// streams whose reset that packet acknowledged, and the request that may go next.
func (l *ledger) settle() (acked []uint16, next []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.settled {
		return nil, nil
	}
	if l.answer == resultPerformed || l.answer == resultNothingToDo {
		acked = l.current.streams
	}
	l.current, l.settled = nil, false
	if len(l.held) > 0 {
		l.current = l.held[0]
		l.held = l.held[1:]
		next, l.current.packet = l.current.packet, nil
	}
	return acked, next
}

// ending tells how the association has ended, if by an agreed way.
func (l *ledger) ending() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.abort != nil:
		return true, l.abort
	case l.gone:
		return true, fmt.Errorf("%w: %s", ErrProtocolViolation, l.fault)
	}
	return l.final, nil
}

// chunks yields the type and value of each chunk, up to the first malformed one.
func chunks(p []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for at := packetHeader; at+chunkHeader <= len(p); {
			n := int(binary.BigEndian.Uint16(p[at+2:]))
			if n < chunkHeader || at+n > len(p) || !yield(p[at], p[at+chunkHeader:at+n]) {
				return
			}
			at += (n + 3) &^ 3
		}
	}
}

// smallMessages counts the DATA chunks that hold a whole message of at most
// smallMessage bytes (RFC 9260 section 3.3.1).
func smallMessages(p []byte) int {
	const begin, end = 2, 1
	n := 0
	at := packetHeader
	for at+dataHeader <= len(p) {
		length := int(binary.BigEndian.Uint16(p[at+2:]))
		if p[at] == chunkData && p[at+1]&(begin|end) == begin|end && length <= dataHeader+smallMessage {
			n++
		}
		at += max((length+3)&^3, chunkHeader)
	}
	return n
}

// parameters yields the type and value of each parameter or error cause.
func parameters(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for at := 0; at+4 <= len(b); {
			n := int(binary.BigEndian.Uint16(b[at+2:]))
			if n < 4 || at+n > len(b) || !yield(binary.BigEndian.Uint16(b[at:]), b[at+4:at+n]) {
				return
			}
			at += (n + 3) &^ 3
		}
	}
}

// streamList reads the streams of an Outgoing SSN Reset Request.
func streamList(value []byte) []uint16 {
	var ids []uint16
	for at := 12; at+2 <= len(value); at += 2 {
		ids = append(ids, binary.BigEndian.Uint16(value[at:]))
	}
	return ids
}

func parseAbort(value []byte) *AbortError {
	for code, info := range parameters(value) {
		const userInitiated = 12
		abort := &AbortError{Code: code}
		if code == userInitiated {
			abort.Reason = string(info)
		}
		return abort
	}
	return &AbortError{}
}

// causeText is the text of the first error cause.
func causeText(value []byte) string {
	for _, info := range parameters(value) {
		return string(info)
	}
	return ""
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sign writes the checksum of a changed packet (RFC 9260 appendix A), unless the
// packet goes without one (RFC 9653).
func sign(p []byte) {
	sum := p[8:packetHeader]
	if binary.LittleEndian.Uint32(sum) == 0 {
		return
	}
	clear(sum)
	binary.LittleEndian.PutUint32(sum, crc32.Checksum(p, castagnoli))
}
