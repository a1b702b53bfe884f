package netio

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// Who watches a socket's end takes none of its counts: neither those of a PacketConn
// of ours nor, with another, the Socket's own.
func TestASocketWhoseEndIsWatchedCounts(t *testing.T) {
	udp, err := System().ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	for name, conn := range map[string]PacketConn{"ours": udp, "another's": newMemConn()} {
		ended := make(chan error, 1)
		s := NewSocket(Ending(conn, func(err error) { ended <- err }), func(time.Time, []Datagram) {})
		s.Send(buffer("one"), s.LocalAddr(), false)
		if calls := s.Stats().SendCalls; calls != 1 {
			t.Errorf("%s: %d calls to send one datagram, want 1", name, calls)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !isClosed(err) {
			t.Errorf("%s: ended with %v, want %v", name, err, net.ErrClosed)
		}
	}
}
