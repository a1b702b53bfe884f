package simnet

import (
	"encoding/binary"
	"net/netip"
)

// turnClient is where a request came from: an address, and the stream from it where
// it was not UDP. Each has an allocation of its own (RFC 8656 section 3.2).
type turnClient struct {
	addr   netip.AddrPort
	stream *stream
}

// turnStream is the server's end of a client's stream.
type turnStream struct {
	turn   *TURNServer
	client turnClient
	buf    []byte
}

func (s *TURNServer) accept(stream *stream) streamServer {
	return &turnStream{turn: s, client: turnClient{stream.key.remote, stream}}
}

// take splits what comes into messages (RFC 8656 section 12.5 for the padding).
func (t *turnStream) take(data []byte) {
	t.buf = append(t.buf, data...)
	for len(t.buf) >= 4 {
		n := int(binary.BigEndian.Uint16(t.buf[2:]))
		whole := stunHeader + n
		if t.buf[0]>>6 == 1 {
			whole = 4 + (n+3)&^3
		}
		if t.buf[0]>>6 > 1 {
			t.client.stream.abort() // what follows cannot be found
			return
		}
		if len(t.buf) < whole {
			return
		}
		// What goes to peers is a datagram of the server's; replies take the stream.
		for _, r := range t.turn.fromClient(t.client, t.buf[:whole:whole]) {
			host := t.turn.host
			host.net.outbox = append(host.net.outbox, &datagram{from: host, src: r.src, dst: r.dst, data: r.data})
		}
		t.buf = t.buf[whole:]
	}
}

// ended gives the client's allocation up, as nothing reaches it any more.
func (t *turnStream) ended() {
	if a := t.turn.allocations[t.client]; a != nil {
		t.turn.release(a)
	}
}

// reply sends to a client: what a stream has no room for is dropped.
func (s *TURNServer) reply(client turnClient, data []byte) []outgoing {
	if client.stream == nil {
		return []outgoing{{s.listens(client.addr.Addr()), client.addr, data}}
	}
	data = append(data, make([]byte, -len(data)&3)...)
	if len(data) <= client.stream.out.room() {
		client.stream.push(data)
	}
	return nil
}
