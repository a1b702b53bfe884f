package netio

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// Socket buffers hold what arrives while the reader is not scheduled and what
// a burst sends faster than the link takes it. Reading wants much: 2 MiB is
// 16 ms of 1 Gbit/s. Writing wants little, because what waits there is late.
// The kernel may grant less (net.core.rmem_max, wmem_max).
const (
	readBufferSize  = 2 << 20
	writeBufferSize = 512 << 10
	minSocketBuffer = 64 << 10
)

// System is the host's real network.
func System() Network { return system{} }

type system struct{}

func (system) ListenUDP(addr netip.AddrPort) (PacketConn, error) {
	udp, err := listen(addr)
	if err != nil {
		return nil, err
	}
	return newPacketConn(udp)
}

func (system) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, err
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs, nil
}

func (system) LookupService(ctx context.Context, service, proto, domain string) ([]ServiceRecord, error) {
	_, all, err := net.DefaultResolver.LookupSRV(ctx, service, proto, domain)
	records := make([]ServiceRecord, 0, len(all))
	for _, r := range all { // what is malformed was left out, and tells in err
		records = append(records, ServiceRecord{Target: r.Target, Port: r.Port})
	}
	if len(records) > 0 {
		err = nil
	}
	return records, err
}

// listen binds a UDP socket of addr's family alone: the "udp6" network sets
// IPV6_V6ONLY, so that the same port stays free for an IPv4 socket.
func listen(addr netip.AddrPort) (*net.UDPConn, error) {
	if !addr.Addr().IsValid() {
		return nil, fmt.Errorf("netio: listen: invalid address %v", addr)
	}
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	network := "udp6"
	if addr.Addr().Is4() {
		network = "udp4"
	}
	udp, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	if err := setUp(udp); err != nil {
		udp.Close()
		return nil, err
	}
	return udp, nil
}

// setUp gives a socket the options of ours.
func setUp(udp *net.UDPConn) error {
	if err := refuseBroadcast(udp); err != nil {
		return fmt.Errorf("netio: listen on %v: refuse broadcast: %w", udp.LocalAddr(), err)
	}
	growBuffer(udp.SetReadBuffer, readBufferSize)
	growBuffer(udp.SetWriteBuffer, writeBufferSize)
	return nil
}

// growBuffer sets the largest size up to size that the system accepts. Linux
// cuts what is too much to its limit; BSD systems refuse it.
func growBuffer(set func(int) error, size int) {
	for ; size >= minSocketBuffer; size /= 2 {
		if set(size) == nil {
			return
		}
	}
}

func localAddr(addr net.Addr) netip.AddrPort {
	ap, _ := addrPortOf(addr)
	return ap
}
