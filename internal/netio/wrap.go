package netio

import (
	"fmt"
	"net"
	"net/netip"
)

// NewPacketConn makes a PacketConn of a socket of the application's, which is
// closed with it, and on an error. A *net.UDPConn has the fast path of its system,
// and may broadcast no more; anything else reads and writes one datagram a call, and
// its addresses must be IP addresses with a port.
func NewPacketConn(conn net.PacketConn) (PacketConn, error) {
	if _, err := addrPortOf(conn.LocalAddr()); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if udp, ok := conn.(*net.UDPConn); ok {
		if err := refuseBroadcast(udp); err != nil {
			_ = udp.Close()
			return nil, fmt.Errorf("netio: refuse broadcast on %v: %w", udp.LocalAddr(), err)
		}
		return newPacketConn(udp)
	}
	return newSingleConn(foreignConn{conn}), nil
}

// A foreignConn gives a net.PacketConn the methods of a *net.UDPConn.
type foreignConn struct{ net.PacketConn }

func (c foreignConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return n, netip.AddrPort{}, err
		}
		if addr, err := addrPortOf(from); err == nil {
			return n, addr, nil
		}
	}
}

func (c foreignConn) WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	return c.WriteTo(b, net.UDPAddrFromAddrPort(addr))
}

// addrPortOf is the IP address and port of a net.Addr.
func addrPortOf(addr net.Addr) (netip.AddrPort, error) {
	var ap netip.AddrPort
	if known, ok := addr.(interface{ AddrPort() netip.AddrPort }); ok {
		ap = known.AddrPort()
	} else if addr != nil {
		ap, _ = netip.ParseAddrPort(addr.String())
	}
	if !ap.IsValid() {
		return ap, fmt.Errorf("netio: %v is no IP address with a port", addr)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}
