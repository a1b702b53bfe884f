// Package netio is the library's border to the operating system's network:
// interfaces, UDP sockets that read and write in batches, and the pooled
// buffers that carry datagrams through the library.
//
// A [Network] makes [PacketConn]s; a [Socket] puts a reader goroutine and an
// egress on one PacketConn. Tests put a virtual network in the place of
// [System].
package netio

import (
	"context"
	"net/netip"
)

// A Datagram is one UDP payload with the address at its other end.
type Datagram struct {
	// Buffer holds the payload. It belongs to whoever holds the Datagram.
	Buffer *Buffer
	// Addr is the source of a datagram that was read, the destination of one
	// that is written. IPv4 is never in its IPv6-mapped form after a read;
	// IPv6 link-local addresses carry a zone.
	Addr netip.AddrPort
	// Local is the address of this host that a datagram came to, or leaves from.
	// It is told, and obeyed, by sockets that are bound to no address of their own
	// where the system can (Linux); elsewhere it is the zero Addr, which stands
	// for the socket's own, or for the one that the system chooses.
	Local netip.Addr
}

// A PacketConn is one bound UDP socket of one address family.
//
// ReadBatch is called by one goroutine at a time. The other methods are safe
// for concurrent use.
type PacketConn interface {
	// LocalAddr is the address that the socket is bound to, with the port
	// that it was given.
	LocalAddr() netip.AddrPort

	// ReadBatch blocks until there is a datagram, then fills ds with as many
	// as are there and fit, and returns how many. What ds held is overwritten,
	// not released; the caller owns the new buffers. Errors that concern one
	// datagram or one destination (an ICMP message, a datagram longer than
	// MaxDatagram) do not end it. After Close it returns an error that is
	// net.ErrClosed; any error is final.
	ReadBatch(ds []Datagram) (int, error)

	// WriteBatch sends the datagrams of ds in order and returns how many were
	// handed to the network. It never blocks (a portable implementation may
	// wait some milliseconds). n < len(ds) with a nil error says that the
	// socket takes no more now; an error concerns ds[n] alone, and the
	// datagrams after it may be tried again. Buffers stay the caller's.
	WriteBatch(ds []Datagram) (int, error)

	// Close frees the socket and unblocks ReadBatch. It is idempotent.
	Close() error
}

// A WholeSender is a PacketConn that can forbid the path to fragment single datagrams:
// those whose Buffer says so ([Buffer.KeepWhole]). The others stay fragmentable.
type WholeSender interface {
	PacketConn
	// SendsWhole reports whether it can.
	SendsWhole() bool
}

// An Interface is one address of a network interface that is up.
type Interface struct {
	Name  string
	Index int
	// Addr is the address itself, with the interface's name as zone when it
	// is IPv6 link-local.
	Addr netip.Addr
	// Bits is the length of the on-link prefix: 0 to 32 or 0 to 128.
	Bits         int
	Loopback     bool
	PointToPoint bool
}

// A Network is where sockets come from: the host's own ([System]) or a
// virtual one. Its methods are safe for concurrent use.
type Network interface {
	// Interfaces lists the usable addresses of the interfaces that are up,
	// one entry per address: no unspecified, multicast, IPv4-compatible or
	// site-local address (RFC 8445 section 5.1.1.1), and none that is known to
	// be deprecated or not yet assigned. Loopback addresses are listed.
	Interfaces() ([]Interface, error)

	// ListenUDP binds a socket of addr's family. Port 0 takes any free port;
	// an unspecified address takes all addresses of its family only.
	ListenUDP(addr netip.AddrPort) (PacketConn, error)

	// LookupNetIP resolves host. network is "ip", "ip4" or "ip6". IPv4
	// addresses come unmapped.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A ServiceResolver is a Network that can find where a service is (RFC 2782).
type ServiceResolver interface {
	// LookupService returns the servers of a service of a domain, as "turn" over
	// "udp", in the order that they are to be tried in: by priority, and at random
	// by weight. A service that the domain is said not to have is one record with
	// the target ".".
	LookupService(ctx context.Context, service, proto, domain string) ([]ServiceRecord, error)
}

// A ServiceRecord is an SRV record that was put in its order.
type ServiceRecord struct {
	Target string // a name, with or without the final dot
	Port   uint16
}
