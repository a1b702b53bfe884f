package simnet

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/leak"
	"github.com/passerelle-rtc/webrtc/internal/netio"
)

func TestMain(m *testing.M) { leak.Main(m) }

// bubble runs a test on a fresh network in virtual time, and checks that no
// datagram is unaccounted for at the end.
func bubble(t *testing.T, seed uint64, test func(t *testing.T, n *Net)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := New(seed)
		test(t, n)
		s := n.Stats()
		if in, out := s.Sent+s.Injected+s.Duplicated, s.Delivered+s.Lost+s.InFlight; in != out {
			t.Errorf("%d datagrams in, %d accounted for: %+v", in, out, s)
		}
		d := s.Drops
		if sum := d.Tap + d.Loss + d.Down + d.Queue + d.TooBig + d.Filtered + d.Unreachable + d.ReceiveQueue; sum != s.Lost {
			t.Errorf("%d lost, %d with a reason: %+v", s.Lost, sum, d)
		}
		n.Close()
	})
}

// arrival is what a sink noted.
type arrival struct {
	after time.Duration // since the sink was made
	src   netip.AddrPort
	data  string
}

// sink reads a socket until it is closed.
type sink struct {
	netio.PacketConn
	t     *testing.T
	start time.Time
	got   []arrival // after synctest.Wait
}

func listen(t *testing.T, h *Host, addr string) *sink {
	t.Helper()
	conn, err := h.ListenUDP(netip.MustParseAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{PacketConn: conn, t: t, start: time.Now()}
	go func() {
		ds := make([]netio.Datagram, 8)
		for {
			n, err := conn.ReadBatch(ds)
			if err != nil {
				return
			}
			for _, d := range ds[:n] {
				s.got = append(s.got, arrival{time.Since(s.start), d.Addr, string(d.Buffer.Bytes())})
				d.Buffer.Release()
			}
		}
	}()
	return s
}

func (s *sink) send(dst netip.AddrPort, data string) {
	s.t.Helper()
	if err := s.trySend(dst, data); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sink) trySend(dst netip.AddrPort, data string) error {
	b := netio.GetBuffer()
	defer b.Release()
	b.SetLen(copy(b.Cap(), data))
	_, err := s.WriteBatch([]netio.Datagram{{Buffer: b, Addr: dst}})
	return err
}

// pass lets virtual time go by until everybody waits.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *sink) take() []arrival {
	synctest.Wait()
	got := s.got
	s.got = nil
	return got
}

func (s *sink) payloads() []string {
	var list []string
	for _, a := range s.take() {
		list = append(list, a.data)
	}
	return list
}

// want checks the payloads that arrived since the last look.
func (s *sink) want(payloads ...string) {
	s.t.Helper()
	if got := s.payloads(); !slices.Equal(got, payloads) {
		s.t.Errorf("got %q, want %q", got, payloads)
	}
}

func numbered(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	return list
}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
