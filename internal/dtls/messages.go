package dtls

import "encoding/binary"

// Handshake message types (RFC 5246 section 7.4, RFC 6347 section 4.3.2).
const (
	messageClientHello        = 1
	messageServerHello        = 2
	messageHelloVerify        = 3
	messageCertificate        = 11
	messageServerKeyExchange  = 12
	messageCertificateRequest = 13
	messageServerHelloDone    = 14
	messageCertificateVerify  = 15
	messageClientKeyExchange  = 16
	messageFinished           = 20
)

const messageHeaderLen = 12 // RFC 6347 section 4.2.2

// fragment is one piece of a handshake message.
type fragment struct {
	typ    uint8
	length int // of the whole message's body
	seq    uint16
	offset int
	body   []byte
}

// nextFragment splits the first fragment off the body of a handshake record, which may hold several (RFC 6347 section 4.2.3).
func nextFragment(b []byte) (f fragment, rest []byte, ok bool) {
	if len(b) < messageHeaderLen {
		return fragment{}, nil, false
	}
	f = fragment{typ: b[0], length: uint24(b[1:]), seq: binary.BigEndian.Uint16(b[4:]), offset: uint24(b[6:])}
	n := uint24(b[9:])
	if n > len(b)-messageHeaderLen || f.offset+n > f.length {
		return fragment{}, nil, false
	}
	f.body = b[messageHeaderLen : messageHeaderLen+n]
	return f, b[messageHeaderLen+n:], true
}

func uint24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

func putUint24(b []byte, v int) { b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v) }

// appendMessageHeader appends the header of a fragment of n bytes at offset.
func appendMessageHeader(b []byte, f fragment, offset, n int) []byte {
	var h [messageHeaderLen]byte
	h[0] = f.typ
	putUint24(h[1:], f.length)
	binary.BigEndian.PutUint16(h[4:], f.seq)
	putUint24(h[6:], offset)
	putUint24(h[9:], n)
	return append(b, h[:]...)
}

// message is a whole handshake message, with the header that the Finished hash wants: as if it had come in one fragment
// (RFC 6347 section 4.2.6).
type message struct {
	fragment
	epoch uint16
}

// bytes is the message with its header.
func (m message) bytes() []byte {
	return append(appendMessageHeader(make([]byte, 0, messageHeaderLen+m.length), m.fragment, 0, m.length), m.body...)
}

// turn is the place of each message in a full handshake; what is absent is not for that side to send. A message is only taken
// when its turn is later than that of the one before, so that a stray or forged one cannot use up a sequence number.
var turn = map[Role]map[uint8]int{
	Client: { // what a client is sent
		messageHelloVerify: 1, messageServerHello: 2, messageCertificate: 3, messageServerKeyExchange: 4,
		messageCertificateRequest: 5, messageServerHelloDone: 6, messageFinished: 7,
	},
	Server: {
		messageClientHello: 1, messageCertificate: 2, messageClientKeyExchange: 3, messageCertificateVerify: 4,
		messageFinished: 5,
	},
}

// assembler puts handshake messages together from fragments that come in any order, twice, or overlapping, in time linear in
// their bytes, and hands them out in order, each once. The engine's own reassembly takes quadratic time and keeps all copies.
type assembler struct {
	next    uint16              // sequence number of the next message to hand out
	partial map[uint16]*partial // of messages from next on
	held    int                 // bytes of all partial messages
}

// partial is a message of which some bytes are here.
type partial struct {
	message
	have    []bool // which bytes of the body
	missing int
}

// add takes a fragment. It reports whether the fragment repeats a message that was handed out before.
func (a *assembler) add(epoch uint16, f fragment) (repeat bool) {
	if int16(f.seq-a.next) < 0 {
		return true
	}
	if f.seq-a.next >= maxAhead {
		return false
	}
	p := a.partial[f.seq]
	if p == nil {
		if f.length > maxMessage {
			return false
		}
		if a.held+f.length > maxHandshake {
			if f.seq != a.next {
				return false
			}
			// What was claimed ahead of its turn must not keep out the message whose turn it is.
			clear(a.partial)
			a.held = 0
		}
		p = &partial{message: message{f, epoch}, have: make([]bool, f.length), missing: f.length}
		p.body = make([]byte, f.length)
		if a.partial == nil {
			a.partial = make(map[uint16]*partial)
		}
		a.partial[f.seq] = p
		a.held += f.length
	}
	if p.typ != f.typ || p.length != f.length || p.epoch != epoch {
		return false
	}
	for i, c := range f.body {
		if at := f.offset + i; !p.have[at] {
			p.have[at], p.body[at] = true, c
			p.missing--
		}
	}
	return false
}

// peek returns the next message if all of it is here.
func (a *assembler) peek() (message, bool) {
	p := a.partial[a.next]
	if p == nil || p.missing != 0 {
		return message{}, false
	}
	return p.message, true
}

// take removes the message that peek returned and moves on.
func (a *assembler) take() {
	a.discard()
	a.next++
}

// discard forgets the message that peek returned, so that another may come in its place.
func (a *assembler) discard() {
	if p := a.partial[a.next]; p != nil {
		a.held -= p.length
		delete(a.partial, a.next)
	}
}
