package simnet

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// service answers the datagrams to one address and port of a server. It runs with
// net.mu held.
type service func(src netip.AddrPort, data []byte) []outgoing

// outgoing is a datagram that a service sends.
type outgoing struct {
	src, dst netip.AddrPort
	data     []byte
}

// Server is a public STUN server (RFC 8489). It answers Binding requests and
// nothing else, without authentication.
type Server struct {
	host     *Host
	addr     netip.AddrPort
	requests int // host.net.mu
}

const stunPort = "3478" // RFC 8489 section 8.1

// STUNServer adds a server at "192.0.2.1:3478", "192.0.2.1" or "[2001:db8::1]:3478".
// Its host has the server's name.
func (n *Net) STUNServer(name, addr string) *Server {
	if _, err := netip.ParseAddr(addr); err == nil {
		if strings.Contains(addr, ":") {
			addr = "[" + addr + "]"
		}
		addr += ":" + stunPort
	}
	s := &Server{addr: netip.MustParseAddrPort(addr)}
	s.host = n.Host(name, s.addr.Addr().String())
	n.mu.Lock()
	defer n.mu.Unlock()
	s.host.services[s.addr] = func(src netip.AddrPort, data []byte) []outgoing {
		reply := bindingResponse(src, data)
		if reply == nil {
			return nil
		}
		s.requests++
		return []outgoing{{src: s.addr, dst: src, data: reply}}
	}
	return s
}

// Addr is where the server listens.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Host is the host that the server runs on, for links and DNS.
func (s *Server) Host() *Host { return s.host }

// Requests is how many Binding requests were answered.
func (s *Server) Requests() int {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	return s.requests
}

const (
	stunHeader       = 20
	stunCookie       = 0x2112a442
	bindingRequest   = 0x0001
	bindingSuccess   = 0x0101
	xorMappedAddress = 0x0020
)

// bindingResponse answers a Binding request with the address that it came from
// (RFC 8489 sections 5 and 14.2), anything else with nil.
func bindingResponse(src netip.AddrPort, request []byte) []byte {
	if len(request) < stunHeader ||
		binary.BigEndian.Uint16(request) != bindingRequest ||
		int(binary.BigEndian.Uint16(request[2:])) != len(request)-stunHeader ||
		len(request)%4 != 0 ||
		binary.BigEndian.Uint32(request[4:]) != stunCookie {
		return nil
	}
	ip, family := src.Addr().AsSlice(), byte(1)
	if len(ip) == 16 {
		family = 2
	}
	b := make([]byte, 0, stunHeader+8+len(ip))
	b = binary.BigEndian.AppendUint16(b, bindingSuccess)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(ip)))
	b = append(b, request[4:stunHeader]...) // cookie and transaction ID
	b = binary.BigEndian.AppendUint16(b, xorMappedAddress)
	b = binary.BigEndian.AppendUint16(b, uint16(4+len(ip)))
	b = append(b, 0, family)
	b = binary.BigEndian.AppendUint16(b, src.Port()^stunCookie>>16)
	for i, v := range ip {
		b = append(b, v^request[4+i]) // the cookie, then the transaction ID
	}
	return b
}
