package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/passerelle-rtc/webrtc"
)

// Servers of ours with one port for all their connections, UDP or TCP, and Chromium
// as all their clients.

// echoServer answers offers, and sends every message back.
type echoServer struct {
	t   testing.TB
	api *webrtc.API
}

func (s echoServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var offer webrtc.SessionDescription
	if err := json.NewDecoder(r.Body).Decode(&offer); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest) // the page tries again
		return
	}
	answer, err := s.answer(offer)
	if err != nil {
		s.t.Error(err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (s echoServer) answer(offer webrtc.SessionDescription) (*webrtc.SessionDescription, error) {
	pc, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	s.t.Cleanup(func() { pc.Close() })
	pc.OnDataChannel(func(d *webrtc.DataChannel) {
		d.OnMessage(func(m webrtc.DataChannelMessage) { _ = d.SendText(string(m.Data)) })
	})
	if err := pc.SetRemoteDescription(offer); err != nil {
		return nil, err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(webrtc.SessionDescription{}); err != nil {
		return nil, err
	}
	<-gathered
	return pc.LocalDescription(), nil
}

// echoedClient is what a connection of the page came to.
type echoedClient struct {
	Echo      string
	Protocol  string
	LocalTCP  string
	RemoteTCP string
	Port      uint16
}

const echoPage = `window.echo = {
	pcs: [],
	// Chromium ends requests when it sees the network change, as it does soon after
	// its start in a namespace that is new.
	async post(body) {
		for (let tries = 1; ; tries++) {
			try {
				return await (await fetch('/offer', {method: 'POST', body})).json()
			} catch (e) {
				if (tries === 10) throw e
				await new Promise(r => setTimeout(r, 200))
			}
		}
	},
	async one(i) {
		const pc = new RTCPeerConnection()
		echo.pcs.push(pc)
		const channel = pc.createDataChannel('c' + i)
		const echoed = new Promise((ok, no) => {
			channel.onopen = () => channel.send('message ' + i)
			channel.onmessage = e => ok(e.data)
			pc.onconnectionstatechange = () => { if (pc.connectionState === 'failed') no(new Error('connection ' + i + ' failed')) }
			setTimeout(() => no(new Error('connection ' + i + ' is ' + pc.connectionState + ', ICE ' + pc.iceConnectionState)), 60000)
		})
		await pc.setLocalDescription()
		await pc.setRemoteDescription(await echo.post(JSON.stringify(pc.localDescription)))
		const Echo = await echoed
		const pair = pc.sctp.transport.iceTransport.getSelectedCandidatePair()
		return {Echo, Protocol: pair.remote.protocol, LocalTCP: pair.local.tcpType || '', RemoteTCP: pair.remote.tcpType || '', Port: pair.remote.port}
	},
	async all(n, together) {
		const results = []
		for (let i = 0; i < n; i += together)
			results.push(...await Promise.all(Array.from({length: Math.min(together, n - i)}, (_, k) => echo.one(i + k))))
		return results
	},
	connected: () => echo.pcs.filter(pc => pc.connectionState === 'connected').length,
	close: () => echo.pcs.forEach(pc => pc.close()),
}; 0`

// echoes makes n connections of a tab to a server, and checks what came back.
func echoes(t *testing.T, settings webrtc.SettingEngine, n int) (context.Context, []echoedClient) {
	t.Helper()
	routes := http.NewServeMux()
	routes.Handle("/offer", echoServer{t, webrtc.NewAPI(webrtc.WithSettingEngine(settings))})
	routes.Handle("/page/", http.FileServerFS(pageFiles))
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	tab := newTab(t, sharedBrowser(t), server.URL+"/page/peer.html")
	do(t, tab, echoPage, nil)
	var clients []echoedClient
	do(t, tab, fmt.Sprintf("echo.all(%d, 10)", n), &clients)
	if len(clients) != n {
		t.Fatalf("%d connections, want %d", len(clients), n)
	}
	for i, c := range clients {
		if c.Echo != fmt.Sprint("message ", i) {
			t.Errorf("connection %d got %q back", i, c.Echo)
		}
	}
	return tab, clients
}

// 200 connections of Chromium to one UDP port of an ICE-lite server, on all
// addresses of the machine.
func TestTwoHundredChromiumConnectionsOnOneUDPPort(t *testing.T) {
	const n = 200
	socket, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = socket.SetReadBuffer(2 << 20)
	mux := webrtc.NewICEUDPMux(nil, socket)
	t.Cleanup(func() { mux.Close() }) // after the connections
	var settings webrtc.SettingEngine
	settings.SetICEUDPMux(mux)
	settings.SetLite(true)
	settings.SetIncludeLoopbackCandidate(true)
	tab, clients := echoes(t, settings, n)
	port := socket.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	for i, c := range clients {
		if c.Protocol != "udp" || c.Port != port {
			t.Fatalf("connection %d goes to %s port %d, want udp port %d", i, c.Protocol, c.Port, port)
		}
	}
	var connected int
	do(t, tab, "echo.connected()", &connected)
	if connected != n {
		t.Errorf("%d of %d connections are connected at the end", connected, n)
	}
	do(t, tab, "echo.close()", nil)
	t.Logf("%d connections on UDP port %d", connected, port)
}

// Chromium's active candidates connect to the passive ones of a server, all of whose
// connections are on one TCP port (RFC 6544 section 6.2).
func TestChromiumConnectsOverTCP(t *testing.T) {
	const n = 5
	listener, err := net.ListenTCP("tcp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := webrtc.NewICETCPMux(nil, listener, 8)
	t.Cleanup(func() { mux.Close() })
	var settings webrtc.SettingEngine
	settings.SetICETCPMux(mux)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	settings.SetIncludeLoopbackCandidate(true)
	tab, clients := echoes(t, settings, n)
	port := listener.Addr().(*net.TCPAddr).AddrPort().Port()
	for i, c := range clients {
		if c.Protocol != "tcp" || c.RemoteTCP != "passive" || c.Port != port {
			t.Errorf("connection %d: %+v, want passive TCP on port %d", i, c, port)
		}
	}
	do(t, tab, "echo.close()", nil)
}

// pion's ice-tcp and ice-single-port, with their own pages: the one on our mux, the
// other on one of pion/ice, which the program makes itself.
func TestPionExamplesOfSharedPortsRunWithChromium(t *testing.T) {
	for name, shown := range map[string]string{
		"ice-tcp": `document.querySelectorAll('#inboundDataChannelMessages p').length`,
		"ice-single-port": `[...document.querySelectorAll('#iceSelectedPairs li:last-child')]
			.filter(li => / udp .* 8443 typ host/.test(li.textContent)).length === 10`,
	} {
		t.Run(name, func(t *testing.T) {
			e := startPionExample(t, name, map[string]string{"index.html": "EXAMPLE/index.html"})
			e.says("Open http://localhost:8080")
			const url = "http://127.0.0.1:8080/"
			post(t, url, "") // once it listens
			page := newTab(t, sharedBrowser(t), url)
			do(t, page, pastedPage, nil)
			do(t, page, fmt.Sprintf("ex.until(%q, () => %s).then(() => 0)", name, shown), nil)
		})
	}
}
