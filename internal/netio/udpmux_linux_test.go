package netio

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// What the connections of one socket have queued leaves in one system call, whatever
// the peers, the sizes and, on a socket of all addresses, the sources.
func TestOneSystemCallSendsForManyConnections(t *testing.T) {
	for _, test := range []struct {
		network string
		listen  string
		locals  []string
	}{
		{"udp4", "127.0.0.1", []string{"127.0.0.1", "127.0.0.1", "127.0.0.1"}},
		{"udp4", "0.0.0.0", []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}},
		{"udp6", "::1", []string{"::1", "::1", "::1"}},
	} {
		t.Run(test.listen, func(t *testing.T) {
			mux, port := realMux(t, test.network, net.ParseIP(test.listen))
			var paths []*MuxPath
			var peers []*net.UDPConn
			for _, local := range test.locals {
				p, err := mux.Open(MuxConfig{
					Local: netip.AddrPortFrom(netip.MustParseAddr(local), port), Fragment: "same",
					Handle: func(*MuxPath, time.Time, []Datagram) {}, Failed: func(error) {},
				})
				if err != nil {
					t.Fatal(err)
				}
				peer, err := net.ListenUDP(test.network, &net.UDPAddr{IP: net.ParseIP(local)})
				if err != nil {
					t.Fatal(err)
				}
				defer peer.Close()
				paths, peers = append(paths, p), append(peers, peer)
				p.QueueAll([]*Buffer{buffer("one"), buffer("three"), buffer("seven")}, peer.LocalAddr().(*net.UDPAddr).AddrPort())
			}
			if calls := mux.Stats().SendCalls; calls != 0 {
				t.Errorf("%d calls before the flush", calls)
			}
			paths[0].Flush()
			for i, peer := range peers {
				peer.SetReadDeadline(time.Now().Add(10 * time.Second))
				for _, want := range []string{"one", "three", "seven"} {
					b := make([]byte, 100)
					n, from, err := peer.ReadFromUDPAddrPort(b)
					if err != nil || string(b[:n]) != want || from != netip.AddrPortFrom(netip.MustParseAddr(test.locals[i]), port) {
						t.Fatalf("got %q of %v, %v; want %q of %s", b[:n], from, err, want, test.locals[i])
					}
				}
			}
			if s := mux.Stats(); s.SendCalls != 1 || s.DatagramsSent != 9 {
				t.Errorf("%d datagrams in %d calls, want 9 in 1", s.DatagramsSent, s.SendCalls)
			}
		})
	}
}
