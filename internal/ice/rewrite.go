package ice

import "net/netip"

// rewriteStep separates the local preferences of the addresses that one socket is
// published under: more than there are sockets, in both families.
const rewriteStep = 2 * maxSockets

// At returns the candidate as others see it where a NAT maps its address one to
// one: at another address, the port the same. n counts the addresses of one
// candidate from 0, so that each has a priority of its own (RFC 8445 section
// 5.1.2.1). The path that it uses is the same.
func (c LocalCandidate) At(addr netip.Addr, n int) LocalCandidate {
	c.Addr = netip.AddrPortFrom(addr, c.Addr.Port())
	c.Priority -= uint32(n*rewriteStep) << 8 & 0x007fffff
	return c
}

// Mapped returns the server-reflexive candidate that a host candidate has behind
// such a NAT, as if a server had told it. n is as in At.
func (c LocalCandidate) Mapped(addr netip.Addr, n int) LocalCandidate {
	c.Type = ServerReflexive
	c.Foundation = "m" + c.Foundation
	c.Priority = c.Priority&0x00ffffff | ServerReflexive.preference()<<24
	c.Related = c.Base
	return c.At(addr, n)
}
