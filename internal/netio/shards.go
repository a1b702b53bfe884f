package netio

import (
	"context"
	"net"
	"net/netip"
)

// maxShards bounds the sockets of one address.
const maxShards = 64

// ListenShards binds up to n sockets of the host to one address and port, among
// which the kernel distributes the senders, so that as many readers share the
// load (SO_REUSEPORT of socket(7)). Where the system cannot do that it binds one.
// A port of 0 is chosen by the system, and the same for all.
func ListenShards(addr netip.AddrPort, n int) ([]PacketConn, error) {
	n = min(max(n, 1), maxShards)
	if n == 1 || !canShard {
		conn, err := System().ListenUDP(addr)
		if err != nil {
			return nil, err
		}
		return []PacketConn{conn}, nil
	}
	var conns []PacketConn
	for range n {
		conn, err := listenShard(addr)
		if err != nil {
			for _, c := range conns {
				c.Close()
			}
			return nil, err
		}
		addr = conn.LocalAddr()
		conns = append(conns, conn)
	}
	return conns, nil
}

func listenShard(addr netip.AddrPort) (PacketConn, error) {
	network := "udp6"
	if addr.Addr().Is4() {
		network = "udp4"
	}
	config := net.ListenConfig{Control: reusePort}
	conn, err := config.ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, err
	}
	udp := conn.(*net.UDPConn)
	if err := setUp(udp); err != nil {
		udp.Close()
		return nil, err
	}
	return newPacketConn(udp)
}
