package turn

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"time"

	"github.com/pion/stun"
)

// Why a payload was not put into a packet.
var (
	// ErrHeld says that the payload was kept, and comes from NextPacket as soon as
	// the server has given leave.
	ErrHeld        = errors.New("turn: waits for the permission")
	ErrTooManyHeld = errors.New("turn: too much waits for permissions")
	ErrRefused     = errors.New("turn: the server does not relay to this peer")
	ErrFamily      = errors.New("turn: no relayed address of the peer's family")
	ErrTooLong     = errors.New("turn: payload is too long")
	ErrNotRelaying = errors.New("turn: there is no allocation")
)

const (
	channelHeader = 4
	maxPayload    = 0xffff - 128
)

// AppendPacket appends to b the packet that carries payload to peer: ChannelData
// (RFC 8656 section 12.5) where a channel is bound, and a Send indication (section
// 11.1) before. The first data for a peer, in distinction to STUN, asks for the
// channel. A peer without permission is asked for first, and what is sent to it
// meanwhile is kept, bounded: see ErrHeld.
func (c *Client) AppendPacket(b []byte, now time.Time, peer netip.AddrPort, payload []byte) ([]byte, error) {
	peer = netip.AddrPortFrom(peer.Addr().Unmap().WithZone(""), peer.Port())
	switch {
	case c.state != allocated:
		return b, ErrNotRelaying
	case !usable(peer) || !c.relayed[familyIndex(peer.Addr())].IsValid():
		return b, ErrFamily
	case len(payload) > maxPayload:
		return b, ErrTooLong
	}
	p := c.permit(now, peer.Addr())
	switch {
	case p == nil:
		return b, ErrTooManyHeld
	case p.refused:
		return b, ErrRefused
	}
	if ch := c.channels[peer]; ch != nil && ch.bound && now.Before(ch.expires) {
		ch.used, c.lastSent = now, now
		return c.appendChannelData(b, ch.number, payload), nil
	}
	if !p.installed {
		return b, c.hold(p, peer, payload)
	}
	if len(payload) > 0 && payload[0] > 3 {
		c.bind(now, peer)
	}
	c.lastSent = now
	return c.appendIndication(b, peer, payload), nil
}

// appendChannelData pads on streams (RFC 8656 section 12.5).
func (c *Client) appendChannelData(b []byte, number uint16, payload []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, number)
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, payload...)
	if c.cfg.Stream {
		b = append(b, make([]byte, padding(len(payload)))...)
	}
	return b
}

func padding(n int) int { return -n & 3 }

// appendIndication encodes a Send indication.
func (c *Client) appendIndication(b []byte, peer netip.AddrPort, payload []byte) []byte {
	at := len(b)
	b = binary.BigEndian.AppendUint16(b, stun.NewType(stun.MethodSend, stun.ClassIndication).Value())
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint32(b, magicCookie)
	var id [stun.TransactionIDSize]byte
	_, _ = io.ReadFull(c.cfg.Random, id[:])
	b = append(b, id[:]...)
	key := b[at+4 : at+stunHeader]
	var address [20]byte
	value := appendXORAddress(address[:0], key, peer)
	b = appendAttribute(b, stun.AttrXORPeerAddress, value)
	b = appendAttribute(b, stun.AttrData, payload)
	binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at-stunHeader))
	return b
}

func appendAttribute(b []byte, t stun.AttrType, v []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(t))
	b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
	b = append(b, v...)
	return append(b, make([]byte, padding(len(v)))...)
}

// HandlePacket takes a packet of the server. Where it carries data of a peer, that
// is returned; payload shares p. The peer of anything else is unset. The error
// says why a packet was dropped.
func (c *Client) HandlePacket(now time.Time, p []byte) (peer netip.AddrPort, payload []byte, err error) {
	if !c.Alive() && c.state != releasing {
		return netip.AddrPort{}, nil, ErrNotRelaying
	}
	if len(p) > 0 && p[0]>>6 == 1 {
		return c.channelData(p)
	}
	m := &c.reader
	if err := decode(m, p); err != nil {
		return netip.AddrPort{}, nil, err
	}
	switch {
	case m.Type.Class == stun.ClassSuccessResponse || m.Type.Class == stun.ClassErrorResponse:
		return netip.AddrPort{}, nil, c.handleResponse(now, m)
	case m.Type == stun.NewType(stun.MethodData, stun.ClassIndication):
		return c.dataIndication(m)
	}
	return netip.AddrPort{}, nil, ErrUnexpected
}

// channelData reads a ChannelData message (RFC 8656 section 12.6). One may come
// before the answer to our ChannelBind request does.
func (c *Client) channelData(p []byte) (netip.AddrPort, []byte, error) {
	if len(p) < channelHeader {
		return netip.AddrPort{}, nil, ErrMalformed
	}
	n := int(binary.BigEndian.Uint16(p[2:]))
	if n > len(p)-channelHeader {
		return netip.AddrPort{}, nil, ErrMalformed
	}
	ch := c.byNumber[binary.BigEndian.Uint16(p)]
	if ch == nil || !ch.bound && !ch.pending {
		return netip.AddrPort{}, nil, ErrUnknownPeer
	}
	return ch.peer, p[channelHeader : channelHeader+n], nil
}

// dataIndication reads a Data indication (RFC 8656 section 11.4), which may come
// from addresses with a permission only. One about an ICMP message (section 11.6)
// has no DATA.
func (c *Client) dataIndication(m *stun.Message) (netip.AddrPort, []byte, error) {
	v, ok := attribute(m, stun.AttrXORPeerAddress)
	peer, valid := xorAddress(v, m.Raw[4:stunHeader])
	payload, hasData := attribute(m, stun.AttrData)
	if !ok || !valid || !hasData {
		return netip.AddrPort{}, nil, ErrMalformed
	}
	if c.permissions[peer.Addr()] == nil {
		return netip.AddrPort{}, nil, ErrUnknownPeer
	}
	return peer, payload, nil
}
