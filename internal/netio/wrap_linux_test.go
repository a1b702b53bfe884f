package netio

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// Package net lets its sockets broadcast; where a peer says that datagrams go must
// never be a whole network, on the application's socket no more than on ours.
func TestASocketOfTheApplicationsMustNotBroadcast(t *testing.T) {
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := NewPacketConn(udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := udp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value int
	if cerr := raw.Control(func(fd uintptr) {
		value, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST)
	}); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	if value != 0 {
		t.Errorf("SO_BROADCAST is %d, want 0", value)
	}
}

// NewPacketConn owns the socket whatever it returns.
func TestASocketThatCannotBeUsedIsClosed(t *testing.T) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: t.TempDir() + "/s", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewPacketConn(conn); err == nil {
		t.Error("a socket without an IP address was taken")
	}
	if err := conn.Close(); !isClosed(err) {
		t.Errorf("closing again: %v, want that it is closed", err)
	}
}
