package webrtc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowdSize is how many connections share the port: 200, or as many as
// PASSERELLE_CROWD says, such as 5000 in CI.
func crowdSize(t *testing.T) int {
	text := os.Getenv("PASSERELLE_CROWD")
	if text == "" {
		return 200
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

// crowdPatience is how long anything may take on a machine that does other things.
const crowdPatience = 5 * time.Minute

// crowd is connections between clients with a UDP port each and servers that share one,
// on this machine's loopback.
type crowd struct {
	mux         *udpMux
	clients     []*udpMux // by member
	certificate Certificate
	server      *API
	members     []*crowdMember

	mu    sync.Mutex
	wrong []error
}

// crowdMember is both ends of one of the connections, whose messages are its name.
type crowdMember struct {
	name           string
	client, server *PeerConnection
	atClient       *DataChannel
	opened         chan struct{}
	heard          atomic.Int64 // messages that the server got
	echoed         chan string
}

// crowdSettings make consent requests rarer than by default: those of thousands of
// connections, both ends of which are in this process, are load enough for a machine.
func crowdSettings(mux UDPMux) SettingEngine {
	var e SettingEngine
	e.SetICEUDPMux(mux)
	e.SetICETimeouts(25*time.Second, 5*time.Second, 10*time.Second)
	return e
}

// newCrowd opens the sockets: the servers' and one for each client.
func newCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	listen := func() *net.UDPConn {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil { // such as a limit of the process's files
			t.Skipf("%d clients need as many sockets: %v", n, err)
		}
		return conn
	}
	share := func(conn *net.UDPConn) *udpMux {
		mux := NewICEUDPMux(nil, conn).(*udpMux)
		t.Cleanup(func() { _ = mux.Close() })
		return mux
	}
	certificate, err := newDefaultCertificate(time.Now())
	must(t, err)
	conn := listen()
	_ = conn.SetReadBuffer(4 << 20) // more than the default, where the system allows it
	c := &crowd{mux: share(conn), certificate: *certificate}
	c.server = NewAPI(WithSettingEngine(crowdSettings(c.mux)))
	for i := range n {
		c.clients = append(c.clients, share(listen()))
		c.members = append(c.members, &crowdMember{
			name: fmt.Sprint("member ", i), opened: make(chan struct{}), echoed: make(chan string, 16),
		})
	}
	return c
}

// fail notes what went wrong with a member.
func (c *crowd) fail(m *crowdMember, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, fmt.Errorf("connection %s: %w", m.name, err))
}

// each runs f for all members, 16 at a time, and ends the test when it fails.
func (c *crowd) each(t *testing.T, what string, f func(i int, m *crowdMember) error) {
	t.Helper()
	var workers sync.WaitGroup
	var next atomic.Int64
	for range 16 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(c.members)); i = next.Add(1) - 1 {
				if err := f(int(i), c.members[i]); err != nil {
					c.fail(c.members[i], err)
				}
			}
		})
	}
	workers.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range c.wrong[:min(len(c.wrong), 10)] {
		t.Error(err)
	}
	if len(c.wrong) > 0 {
		t.Fatalf("%s: %d failures", what, len(c.wrong))
	}
}

// join makes both ends of a member's connection, and connects them.
func (c *crowd) join(i int, m *crowdMember) error {
	config := Configuration{Certificates: []Certificate{c.certificate}}
	var err error
	if m.client, err = NewAPI(WithSettingEngine(crowdSettings(c.clients[i]))).NewPeerConnection(config); err != nil {
		return err
	}
	if m.server, err = c.server.NewPeerConnection(config); err != nil {
		return err
	}
	m.server.OnDataChannel(func(d *DataChannel) {
		d.OnMessage(func(got DataChannelMessage) {
			m.heard.Add(1)
			if string(got.Data) != m.name {
				c.fail(m, fmt.Errorf("the server got %q", got.Data))
			}
			if err := d.Send(got.Data); err != nil {
				c.fail(m, err)
			}
		})
	})
	if m.atClient, err = m.client.CreateDataChannel("crowd", nil); err != nil {
		return err
	}
	m.atClient.OnOpen(func() { close(m.opened) })
	m.atClient.OnMessage(func(got DataChannelMessage) { m.echoed <- string(got.Data) })
	ctx, cancel := context.WithTimeout(context.Background(), crowdPatience)
	defer cancel()
	if err := signalAll(ctx, m.client, m.server); err != nil {
		return err
	}
	select {
	case <-m.opened:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no open channel: client %v, server %v", m.client.ConnectionState(), m.server.ConnectionState())
	}
}

// signalAll runs one exchange with all candidates in the descriptions.
func signalAll(ctx context.Context, offerer, answerer *PeerConnection) error {
	for _, ends := range [][2]*PeerConnection{{offerer, answerer}, {answerer, offerer}} {
		gathered := GatheringCompletePromise(ends[0])
		if err := ends[0].SetLocalDescription(SessionDescription{}); err != nil {
			return err
		}
		select {
		case <-gathered:
		case <-ctx.Done():
			return errors.New("gathering does not end")
		}
		if err := ends[1].SetRemoteDescription(*ends[0].LocalDescription()); err != nil {
			return err
		}
	}
	return nil
}

// talk sends a message over a member's connection, its round-th, and waits for the echo.
func (m *crowdMember) talk(round int) error {
	if err := m.atClient.SendText(m.name); err != nil {
		return err
	}
	select {
	case got := <-m.echoed:
		if got != m.name {
			return fmt.Errorf("the client got %q", got)
		}
	case <-time.After(crowdPatience):
		return fmt.Errorf("no echo: client %v, server %v", m.client.ConnectionState(), m.server.ConnectionState())
	}
	if heard := m.heard.Load(); heard != int64(round) || len(m.echoed) > 0 {
		return fmt.Errorf("after %d messages the server has got %d, and the client %d more", round, heard, len(m.echoed))
	}
	return nil
}

// onThePort returns an error unless both ends of a member use the servers' port.
func (c *crowd) onThePort(_ int, m *crowdMember) error {
	atServer, err := m.server.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		return err
	}
	atClient, err := m.client.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil {
		return err
	}
	port := c.mux.listeners()[0].Addr.Port()
	if atServer == nil || atServer.Local.Port != port || atClient == nil || atClient.Remote.Port != port {
		return fmt.Errorf("selected pairs %v at the server, %v at the client; want port %d", atServer, atClient, port)
	}
	return nil
}

// Thousands of connections on one UDP port, all there at once: each carries its own
// messages and no other's, and nothing is left of any when it has closed.
func TestACrowdOfConnectionsSharesAPort(t *testing.T) {
	n := crowdSize(t)
	before, began := runtime.NumGoroutine(), time.Now()
	c := newCrowd(t, n)
	empty := measure()
	c.each(t, "connecting", c.join)
	connected := time.Since(began)
	for round := 1; round <= 2; round++ {
		c.each(t, "messages", func(_ int, m *crowdMember) error { return m.talk(round) })
	}
	c.each(t, "selected pairs", c.onThePort)
	used, stats := measure().less(empty), c.mux.mux.Stats()
	if stats.Paths != n || stats.Bindings != n {
		t.Errorf("%d paths and %d bindings, want %d of each", stats.Paths, stats.Bindings, n)
	}
	c.each(t, "closing", func(_ int, m *crowdMember) error { return errors.Join(m.client.Close(), m.server.Close()) })
	for _, mux := range append(c.clients, c.mux) {
		if s := mux.mux.Stats(); s.Paths+s.Bindings+s.Transactions != 0 {
			t.Errorf("left behind: %+v", s)
		}
		must(t, mux.Close())
	}
	for limit := time.Now().Add(crowdPatience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
	t.Logf("%d connections on one UDP port: connected in %v, closed after %v; an end of one has %d KiB of heap, %d KiB of stacks, %.2f goroutines; %d datagrams came",
		n, connected.Round(time.Millisecond), time.Since(began).Round(time.Millisecond),
		used.heap/(2*n)>>10, used.stacks/(2*n)>>10, float64(used.goroutines)/float64(2*n), stats.DatagramsReceived)
}
