package webrtc

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// muxHost is a host of a virtual network with one UDP port for its connections.
func muxHost(t *testing.T, h *simnet.Host, port uint16) (*udpMux, SettingEngine) {
	t.Helper()
	conn, err := h.ListenUDP(netip.AddrPortFrom(h.Addr(), port))
	must(t, err)
	mux := newUDPMux(conn)
	var e SettingEngine
	e.SetICEUDPMux(mux)
	return mux, e
}

// talk connects two peers, and sends a message each way.
func talk(t *testing.T, a, b *PeerConnection) (atA, atB *DataChannel) {
	t.Helper()
	accepted := make(chan *DataChannel, 1)
	b.OnDataChannel(func(d *DataChannel) { accepted <- d })
	atA, err := a.CreateDataChannel("x", nil)
	must(t, err)
	ready := opened(atA)
	negotiate(t, a, b)
	wait(t, "open", ready, time.Minute)
	atB = wait(t, "channel", accepted, time.Minute)
	bothWays(t, atA, atB)
	return atA, atB
}

// bothWays sends a message each way.
func bothWays(t *testing.T, atA, atB *DataChannel) {
	t.Helper()
	for _, ends := range [][2]*DataChannel{{atA, atB}, {atB, atA}} {
		got := make(chan DataChannelMessage, 1)
		ends[1].OnMessage(func(m DataChannelMessage) { got <- m })
		must(t, ends[0].SendText("hello"))
		wait(t, "message", got, time.Minute)
	}
}

// The candidates of all connections have one port, and close with it.
func TestConnectionsShareAUDPPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(1)
		defer network.Close()
		server := network.Host("server", "192.0.2.1")
		mux, engine := muxHost(t, server, 8443)
		var all []*PeerConnection
		for i := range 8 {
			client := network.Host(fmt.Sprint("client", i), fmt.Sprintf("192.0.2.%d", 10+i))
			a, b := connectionOn(t, client, SettingEngine{}, Configuration{}), connectionOn(t, server, engine, Configuration{})
			talk(t, a, b)
			pair, err := b.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
			must(t, err)
			if pair.Local.Port != 8443 {
				t.Errorf("connection %d is on port %d, want 8443", i, pair.Local.Port)
			}
			all = append(all, a, b)
		}
		if s := mux.mux.Stats(); s.Paths != 8 || s.Bindings != 8 {
			t.Errorf("%d paths, %d bindings; want 8, 8", s.Paths, s.Bindings)
		}
		for _, pc := range all {
			must(t, pc.Close())
		}
		if s := mux.mux.Stats(); s.Paths+s.Bindings+s.Transactions != 0 {
			t.Errorf("left behind: %+v", s)
		}
		must(t, mux.Close())
	})
}

// Two servers with one port each, and several connections between them: the
// addresses of both ends are the same for all, so that nothing but fragments,
// transactions and keys tells the connections apart.
func TestConnectionsBetweenTwoMuxesShareBothAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(1)
		defer network.Close()
		left, right := network.Host("left", "192.0.2.1"), network.Host("right", "192.0.2.2")
		leftMux, leftEngine := muxHost(t, left, 4000)
		rightMux, rightEngine := muxHost(t, right, 5000)
		var all []*PeerConnection
		var channels [][2]*DataChannel
		for range 8 {
			a, b := connectionOn(t, left, leftEngine, Configuration{}), connectionOn(t, right, rightEngine, Configuration{})
			atA, atB := talk(t, a, b)
			all = append(all, a, b)
			channels = append(channels, [2]*DataChannel{atA, atB})
		}
		for range 10 { // consent moves the newest owner about
			time.Sleep(3 * time.Second)
			for _, c := range channels {
				start := time.Now()
				bothWays(t, c[0], c[1])
				if took := time.Since(start); took != 0 {
					t.Errorf("a message each way took %v: it was sent again, as another connection had got it", took)
				}
			}
		}
		for _, pc := range all {
			if state := pc.ICEConnectionState(); state != ICEConnectionStateConnected && state != ICEConnectionStateCompleted {
				t.Errorf("state %v", state)
			}
			must(t, pc.Close())
		}
		must(t, leftMux.Close())
		must(t, rightMux.Close())
	})
}

// A restart changes the fragment, not the port (RFC 8445 section 9).
func TestARestartStaysOnTheSharedPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(1)
		defer network.Close()
		server, client := network.Host("server", "192.0.2.1"), network.Host("client", "192.0.2.2")
		mux, engine := muxHost(t, server, 8443)
		a, b := connectionOn(t, client, SettingEngine{}, Configuration{}), connectionOn(t, server, engine, Configuration{})
		atA, atB := talk(t, a, b)
		for range 3 {
			a.RestartICE()
			negotiate(t, a, b)
			time.Sleep(5 * time.Second)
			bothWays(t, atA, atB)
		}
		if s := mux.mux.Stats(); s.Paths != 1 {
			t.Errorf("%d paths after restarts, want 1", s.Paths)
		}
		must(t, a.Close())
		must(t, b.Close())
		must(t, mux.Close())
	})
}

// The mux asks STUN servers from its own port, so that what they see is the address
// that peers can reach; many connections ask one server.
func TestSharedPortIsWhatSTUNServersSee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(1)
		defer network.Close()
		network.STUNServer("stun", "198.51.100.1:3478")
		server := network.Host("server", "192.0.2.1")
		mux, engine := muxHost(t, server, 8443)
		var all []*PeerConnection
		var done []<-chan struct{}
		for range 5 {
			pc := connectionOn(t, server, engine, Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:198.51.100.1"}}}})
			_, err := pc.CreateDataChannel("x", nil)
			must(t, err)
			done = append(done, GatheringCompletePromise(pc))
			must(t, pc.SetLocalDescription(SessionDescription{}))
			all = append(all, pc)
		}
		for i, pc := range all {
			wait(t, "gathering", done[i], time.Minute)
			if took := strings.Count(pc.LocalDescription().SDP, " 8443 typ "); took == 0 {
				t.Errorf("connection %d has no candidate on the port", i)
			}
			must(t, pc.Close())
		}
		if s := mux.mux.Stats(); s.Unknown != 0 {
			t.Errorf("%d answers found no connection", s.Unknown)
		}
		must(t, mux.Close())
	})
}

// Closing the mux takes the path away from its connections, and they say so.
func TestConnectionsHearOfTheMuxClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(1)
		defer network.Close()
		server, client := network.Host("server", "192.0.2.1"), network.Host("client", "192.0.2.2")
		mux, engine := muxHost(t, server, 8443)
		a, b := connectionOn(t, client, SettingEngine{}, Configuration{}), connectionOn(t, server, engine, Configuration{})
		talk(t, a, b)
		must(t, mux.Close())
		synctest.Wait()
		if state := b.ICEConnectionState(); state != ICEConnectionStateDisconnected {
			t.Errorf("state %v at once after the mux has closed, want disconnected", state)
		}
		must(t, a.Close())
		must(t, b.Close())
	})
}

// A slow application stops its own connection, not the others on the port.
func TestASlowApplicationDoesNotStopOthersOnThePort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(1)
		defer network.Close()
		server := network.Host("server", "192.0.2.1")
		mux, engine := muxHost(t, server, 8443)
		var all []*PeerConnection
		var channels [][2]*DataChannel
		for i := range 2 {
			client := network.Host(fmt.Sprint("client", i), fmt.Sprintf("192.0.2.%d", 10+i))
			a, b := connectionOn(t, client, SettingEngine{}, Configuration{}), connectionOn(t, server, engine, Configuration{})
			atA, atB := talk(t, a, b)
			all = append(all, a, b)
			channels = append(channels, [2]*DataChannel{atA, atB})
		}
		stuck := make(chan struct{})
		channels[0][1].OnMessage(func(DataChannelMessage) { <-stuck })
		for range 200 {
			must(t, channels[0][0].Send(make([]byte, 64<<10)))
		}
		time.Sleep(10 * time.Second)
		for range 5 {
			bothWays(t, channels[1][0], channels[1][1])
		}
		close(stuck)
		for _, pc := range all {
			must(t, pc.Close())
		}
		must(t, mux.Close())
	})
}

// On the host's own network: a socket of the application's, and ports of the
// library's on every address, in shards.
func TestMuxesOnTheHostsNetwork(t *testing.T) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	given := NewICEUDPMux(nil, socket)
	own, err := NewMultiUDPMuxFromPort(0, UDPMuxFromPortWithLoopback(), UDPMuxFromPortWithShards(2),
		UDPMuxFromPortWithIPFilter(func(ip net.IP) bool { return ip.IsLoopback() }), UDPMuxFromPortWithNetworks(NetworkTypeUDP4))
	must(t, err)
	for _, mux := range []UDPMux{given, own, NewMultiUDPMuxDefault(given, own)} {
		var engine, plain SettingEngine
		engine.SetIncludeLoopbackCandidate(true)
		plain.SetIncludeLoopbackCandidate(true)
		engine.SetICEUDPMux(mux)
		a, err := NewAPI(WithSettingEngine(plain)).NewPeerConnection(Configuration{})
		must(t, err)
		b, err := NewAPI(WithSettingEngine(engine)).NewPeerConnection(Configuration{})
		must(t, err)
		talk(t, a, b)
		pair, err := b.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
		must(t, err)
		ports := []uint16{}
		for _, addr := range mux.GetListenAddresses() {
			ports = append(ports, addr.(*net.UDPAddr).AddrPort().Port())
		}
		if !slices.Contains(ports, pair.Local.Port) {
			t.Errorf("on port %d, which is none of the mux's %v", pair.Local.Port, ports)
		}
		must(t, a.Close())
		must(t, b.Close())
	}
	must(t, given.Close())
	must(t, own.Close())
	if NewICEUDPMux(nil, nowhere{}).GetListenAddresses() != nil {
		t.Error("a socket without an IP address listens somewhere")
	}
	if _, err := NewMultiUDPMuxFromPort(70000); err == nil {
		t.Error("70000 is a port")
	}
}

// nowhere is a socket that is not of IP.
type nowhere struct{ net.PacketConn }

func (nowhere) LocalAddr() net.Addr { return &net.UnixAddr{Name: "nowhere", Net: "unixgram"} }

func (nowhere) Close() error { return nil }
