package webrtc

import (
	"net/netip"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// localPath is what an ice.LocalID stands for: a way out of this host, such as a
// socket. Its methods may be called on any goroutine; none but Close blocks.
type localPath interface {
	// LocalAddr is the base of the candidates on it (RFC 8445 section 5.1.1.2).
	LocalAddr() netip.AddrPort
	// Send and SendAll are those of netio.Socket: they take the buffers.
	Send(b *netio.Buffer, dst netip.AddrPort, more bool)
	SendAll(bs []*netio.Buffer, dst netip.AddrPort)
	// Close sends what is queued and ends the path. It may wait for its reader,
	// so it is not called on the loop.
	Close() error
}

// queuedPath is a localPath that parts what keeps packets in order from the system
// call.
type queuedPath interface {
	localPath
	QueueAll(bs []*netio.Buffer, dst netip.AddrPort)
	Flush()
}

var (
	_ queuedPath = (*netio.Socket)(nil)
	_ queuedPath = (*netio.MuxPath)(nil)
)

// sharedPath is a localPath whose socket other connections use too, or which takes
// TCP connections from whoever comes, so that it has to know what is for this one.
type sharedPath interface {
	localPath
	// Name adds a user name fragment, which requests have.
	Name(fragment string)
	// Bind makes what comes from an address the connection's: a message from there
	// has proved to be its peer's.
	Bind(remote netip.AddrPort)
	// Keep says which of those addresses carries the data.
	Keep(remote netip.AddrPort)
}

var (
	_ sharedPath = (*netio.MuxPath)(nil)
	_ sharedPath = (*netio.TCPPath)(nil)
)
