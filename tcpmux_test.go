package webrtc

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// tcpPair is a client with active candidates only, and a server whose connections
// share a TCP port, on this machine's loopback.
func tcpPair(t *testing.T, count int) (mux TCPMux, port uint16, clients, servers []*PeerConnection) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	mux = NewICETCPMux(nil, listener, 8)
	t.Cleanup(func() { mux.Close() })
	var client, server SettingEngine
	for _, e := range []*SettingEngine{&client, &server} {
		e.SetIncludeLoopbackCandidate(true)
		e.SetNetworkTypes([]NetworkType{NetworkTypeTCP4})
	}
	server.SetICETCPMux(mux)
	for range count {
		a, err := NewAPI(WithSettingEngine(client), withNetwork(&dialedNetwork{Network: netio.System()})).NewPeerConnection(Configuration{})
		must(t, err)
		b, err := NewAPI(WithSettingEngine(server)).NewPeerConnection(Configuration{})
		must(t, err)
		t.Cleanup(func() { a.Close(); b.Close() })
		clients, servers = append(clients, a), append(servers, b)
	}
	return mux, listener.Addr().(*net.TCPAddr).AddrPort().Port(), clients, servers
}

// dialedNetwork is the host's network, which shows the TCP connections that it makes.
type dialedNetwork struct {
	netio.Network
	made chan net.Conn // nil: nobody looks
}

func (n *dialedNetwork) DialTCP(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	conn, err := n.Network.(netio.StreamDialer).DialTCP(ctx, local, remote)
	if err == nil && n.made != nil {
		n.made <- conn
	}
	return conn, err
}

// RFC 6544 section 4.5: an active candidate has port 9, a passive one the port that
// it listens on; what is selected is a pair of them.
func TestConnectsOverTCPThroughOnePort(t *testing.T) {
	_, port, clients, servers := tcpPair(t, 3)
	for i := range clients {
		talk(t, clients[i], servers[i])
		for _, test := range []struct {
			pc            *PeerConnection
			tcpType       string
			port          uint16
			offered, text string
		}{
			{clients[i], "active", 9, " 9 typ host tcptype active", "client"},
			{servers[i], "passive", port, " typ host tcptype passive", "server"},
		} {
			pair, err := test.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
			must(t, err)
			if l := pair.Local; l.Protocol != ICEProtocolTCP || l.TCPType != test.tcpType || l.Port != test.port {
				t.Errorf("%s: selected local candidate %v, tcptype %q; want %s on port %d", test.text, l, l.TCPType, test.tcpType, test.port)
			}
			sdp := test.pc.LocalDescription().SDP
			if !strings.Contains(sdp, test.offered) || strings.Contains(sdp, " udp ") {
				t.Errorf("%s describes\n%s\nwant %q and no UDP", test.text, sdp, test.offered)
			}
		}
	}
}

// A closed TCP connection is noticed at once, and the active end makes another: the
// data goes on without a restart.
func TestConnectsAnewWhenTheTCPConnectionBreaks(t *testing.T) {
	_, _, clients, servers := tcpPair(t, 1)
	made := make(chan net.Conn, 16)
	clients[0].api.network.(*dialedNetwork).made = made
	atA, atB := talk(t, clients[0], servers[0])
	changed := make(chan ICEConnectionState, 16)
	clients[0].OnICEConnectionStateChange(func(s ICEConnectionState) { changed <- s })
	must(t, wait(t, "TCP connection", made, time.Minute).Close())
	for wait(t, "disconnected", changed, time.Minute) != ICEConnectionStateDisconnected {
		// completed, which may have been on its way
	}
	if s := wait(t, "connected", changed, time.Minute); s != ICEConnectionStateConnected && s != ICEConnectionStateCompleted {
		t.Errorf("then %v, want connected", s)
	}
	bothWays(t, atA, atB)
}

// An unauthenticated sender gets no octet, and its connection does not stay.
func TestTCPMuxAnswersNobodyUnproved(t *testing.T) {
	mux, _, clients, servers := tcpPair(t, 1)
	talk(t, clients[0], servers[0])
	pair, err := servers[0].SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	must(t, err)
	credentials, err := servers[0].SCTP().Transport().ICETransport().GetLocalParameters()
	must(t, err)
	request := func(username string) []byte {
		b := []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
		if username != "" {
			b = append(b, 0, 6, 0, byte(len(username)))
			b = append(b, username...)
			b = append(b, make([]byte, (4-len(username)%4)%4)...)
		}
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)-20))
		return b
	}
	for name, packet := range map[string][]byte{
		"no STUN":               []byte("GET / HTTP/1.1\r\n\r\n"),
		"no username":           request(""),
		"an unknown fragment":   request("nobody:there"),
		"without integrity":     request(credentials.UsernameFragment + ":peer"),
		"of DTLS":               append([]byte{22, 254, 253}, make([]byte, 50)...),
		"more than a full size": make([]byte, 60000),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(pair.Local.Port)))
			must(t, err)
			defer conn.Close()
			frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
			for range 200 { // beyond what an unproved one may send
				if _, err := conn.Write(frame); err != nil {
					break
				}
			}
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			if got, _ := io.ReadAll(conn); len(got) != 0 {
				t.Errorf("was sent %d octets", len(got))
			}
		})
	}
	for limit := time.Now().Add(30 * time.Second); mux.listener().Stats().Pending > 0; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d connections are still to prove themselves", mux.listener().Stats().Pending)
		}
	}
}
