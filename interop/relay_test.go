package interop

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A lossyRelay stands between a peer and us and drops datagrams, of media and
// everything else alike, both ways.
type lossyRelay struct {
	front *net.UDPConn // where the peer sends to
	back  *net.UDPAddr // where we are
	loss  atomic.Uint64

	mu      sync.Mutex
	random  *rand.Rand
	sockets map[netip.AddrPort]*net.UDPConn // towards us, for each address of the peer
	dropped int
	closed  bool
	running sync.WaitGroup
}

func newLossyRelay(t testing.TB, to netip.AddrPort) *lossyRelay {
	t.Helper()
	front, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(to.Addr(), 0)))
	if err != nil {
		t.Fatal(err)
	}
	r := &lossyRelay{
		front: front, back: net.UDPAddrFromAddrPort(to), random: rand.New(rand.NewPCG(1, 2)),
		sockets: make(map[netip.AddrPort]*net.UDPConn),
	}
	r.running.Go(r.forward)
	t.Cleanup(r.close)
	return r
}

// setLoss sets how many of 1000 datagrams are lost.
func (r *lossyRelay) setLoss(permille uint64) { r.loss.Store(permille) }

func (r *lossyRelay) drops() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := r.random.Uint64N(1000) < r.loss.Load()
	if lost {
		r.dropped++
	}
	return lost
}

func (r *lossyRelay) forward() {
	buffer := make([]byte, 2048)
	for {
		n, from, err := r.front.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		if socket := r.socket(from); socket != nil && !r.drops() {
			_, _ = socket.Write(buffer[:n])
		}
	}
}

// socket is the one that stands for an address of the peer.
func (r *lossyRelay) socket(from netip.AddrPort) *net.UDPConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sockets[from]; s != nil || r.closed {
		return s
	}
	s, err := net.DialUDP("udp4", nil, r.back)
	if err != nil {
		return nil
	}
	r.sockets[from] = s
	r.running.Go(func() {
		buffer := make([]byte, 2048)
		for {
			n, err := s.Read(buffer)
			if err != nil {
				return
			}
			if !r.drops() {
				_, _ = r.front.WriteToUDPAddrPort(buffer[:n], from)
			}
		}
	})
	return s
}

func (r *lossyRelay) close() {
	r.mu.Lock()
	r.closed = true
	r.front.Close()
	for _, s := range r.sockets {
		s.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
}

// through replaces the candidates of a description of ours by the relay, which it
// makes in front of the one on the loopback interface, or in front of another, for peers
// that speak to nothing on loopback.
func through(t testing.TB, sdp string, loopback bool) (*lossyRelay, string) {
	t.Helper()
	var relay *lossyRelay
	var lines []string
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=candidate:") {
			lines = append(lines, line)
			continue
		}
		fields := strings.Fields(line)
		address, err := netip.ParseAddrPort(fields[4] + ":" + fields[5])
		if err != nil || !address.Addr().Is4() || address.Addr().IsLoopback() != loopback || fields[2] != "udp" || relay != nil {
			continue
		}
		relay = newLossyRelay(t, address)
		fields[5] = strconv.Itoa(relay.front.LocalAddr().(*net.UDPAddr).Port)
		lines = append(lines, strings.Join(fields, " ")+"\r\n")
	}
	if relay == nil {
		t.Fatalf("no candidate to stand before (on loopback: %v) in\n%s", loopback, sdp)
	}
	return relay, strings.Join(lines, "")
}

// withoutCandidates takes them from a description.
func withoutCandidates(sdp string) string {
	var lines []string
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=candidate:") && !strings.HasPrefix(line, "a=end-of-candidates") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
