package netio

import (
	"context"
	"net"
	"net/netip"
)

// A StreamDialer is a [Network] that makes TCP connections, as [System] does.
type StreamDialer interface {
	// DialTCP connects to remote, from local unless that is the zero Addr.
	DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
}

var _ StreamDialer = system{}

func (system) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	if local.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return d.DialContext(ctx, "tcp", remote.String())
}
