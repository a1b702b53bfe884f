package webrtc

import (
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// loopbackOnly makes a connection gather on 127.0.0.1 and nothing else.
func loopbackOnly(e *SettingEngine) {
	e.SetIncludeLoopbackCandidate(true)
	e.SetNetworkTypes([]NetworkType{NetworkTypeUDP4})
	e.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
}

// The flood of the test above on a real socket: for two seconds garbage comes as fast
// as one goroutine can write it, while messages go both ways over four connections on
// the port. What the kernel has no room for is lost, messages among it, and sent again:
// every message arrives, no connection fails, and the sender is answered nothing.
func TestAFloodOnARealSocketLosesNoConnection(t *testing.T) {
	if testing.Short() {
		t.Skip("floods a socket for two seconds")
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	mux := NewICEUDPMux(nil, conn)
	var client, server SettingEngine
	loopbackOnly(&client)
	server.SetICEUDPMux(mux)
	server.SetIncludeLoopbackCandidate(true)
	var all []*PeerConnection
	var channels [][2]*DataChannel
	for range 4 {
		a, err := NewAPI(WithSettingEngine(client)).NewPeerConnection(Configuration{})
		must(t, err)
		b, err := NewAPI(WithSettingEngine(server)).NewPeerConnection(Configuration{})
		must(t, err)
		atA, atB := talk(t, a, b)
		all = append(all, a, b)
		channels = append(channels, [2]*DataChannel{atA, atB})
	}
	for _, pc := range all {
		pc.OnConnectionStateChange(func(s PeerConnectionState) {
			if s == PeerConnectionStateFailed {
				t.Error("a connection failed")
			}
		})
	}
	credentials, err := all[1].SCTP().Transport().ICETransport().GetLocalParameters()
	must(t, err)
	before := mux.(*udpMux).mux.Stats()

	attacker, err := net.DialUDP("udp4", nil, conn.LocalAddr().(*net.UDPAddr))
	must(t, err)
	sent := make(chan int, 1)
	go func() {
		f := &flood{fragment: credentials.UsernameFragment, random: rand.New(rand.NewPCG(1, 2))}
		var b [2048]byte
		n := 0
		for until := time.Now().Add(2 * time.Second); time.Now().Before(until); {
			for range 100 {
				if _, err := attacker.Write(f.packet(b[:])); err == nil {
					n++
				}
			}
		}
		sent <- n
	}()
	total, rounds := 0, 0
	for flooding := true; flooding; rounds++ {
		for _, c := range channels {
			bothWays(t, c[0], c[1])
		}
		select {
		case total = <-sent:
			flooding = false
		default:
		}
	}
	for _, c := range channels {
		bothWays(t, c[0], c[1])
	}
	after := mux.(*udpMux).mux.Stats()
	t.Logf("%d datagrams in 2 s, the mux took %d with those of the connections; %d messages meanwhile",
		total, after.DatagramsReceived-before.DatagramsReceived, rounds*2*len(channels))
	if after.Paths != 4 || after.Bindings != 4 {
		t.Errorf("%d paths and %d bindings after the flood, want 4 and 4", after.Paths, after.Bindings)
	}
	must(t, attacker.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	if n, err := attacker.Read(make([]byte, 2048)); err == nil {
		t.Errorf("the attacker was sent %d octets", n)
	}
	must(t, attacker.Close())
	for _, pc := range all {
		must(t, pc.Close())
	}
	must(t, mux.Close())
}
