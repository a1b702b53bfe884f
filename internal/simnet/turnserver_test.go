package simnet

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/turn"
)

// relayed is a turn.Client on a host of the network.
type relayed struct {
	t       *testing.T
	server  *TURNServer
	conn    netio.PacketConn
	client  *turn.Client
	events  []turn.Event
	arrived []string // "peer payload"
}

func newRelayed(t *testing.T, h *Host, s *TURNServer, cfg turn.Config) *relayed {
	t.Helper()
	conn, err := h.ListenUDP(netip.AddrPortFrom(h.Addr(), 0))
	if err != nil {
		t.Fatal(err)
	}
	r := &relayed{t: t, server: s, conn: conn, client: turn.New(cfg)}
	r.client.Allocate(time.Now())
	return r
}

// run lets d pass, a millisecond or, when it is long, a second at a time.
func (r *relayed) run(d time.Duration) {
	step := time.Millisecond
	if d > time.Second {
		step = time.Second
	}
	for end := time.Now().Add(d); ; {
		r.drain()
		c := r.conn.(*conn)
		c.mu.Lock()
		queued := c.queue
		c.queue = nil
		c.mu.Unlock()
		for _, p := range queued {
			peer, payload, err := r.client.HandlePacket(time.Now(), p.data)
			if err != nil && !errors.Is(err, turn.ErrNotRelaying) {
				r.t.Error(err)
			}
			if peer.IsValid() {
				r.arrived = append(r.arrived, peer.String()+" "+string(payload))
			}
		}
		if !time.Now().Before(end) {
			r.drain()
			return
		}
		time.Sleep(step)
		if at := r.client.Deadline(); !at.IsZero() && !time.Now().Before(at) {
			r.client.Advance(time.Now())
		}
	}
}

func (r *relayed) send(p []byte) {
	b := netio.GetBuffer()
	b.SetLen(copy(b.Cap(), p))
	if _, err := r.conn.WriteBatch([]netio.Datagram{{Buffer: b, Addr: r.server.Addr()}}); err != nil {
		r.t.Error(err)
	}
	b.Release()
}

func (r *relayed) drain() {
	for {
		p, ok := r.client.NextPacket()
		if !ok {
			break
		}
		r.send(p)
	}
	for {
		e, ok := r.client.NextEvent()
		if !ok {
			return
		}
		r.events = append(r.events, e)
	}
}

func (r *relayed) sendTo(peer netip.AddrPort, payload string) error {
	p, err := r.client.AppendPacket(nil, time.Now(), peer, []byte(payload))
	if err == nil {
		r.send(p)
	}
	r.run(20 * time.Millisecond)
	return err
}

// RFC 8656 sections 7 to 12: an allocation after a challenge, a permission, an
// indication, then a channel, and refreshes for half an hour.
func TestTURNServerRelaysAndExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		defer n.Close()
		s := n.TURNServer("turn", "198.51.100.3", "2001:db8::3")
		r := newRelayed(t, n.Host("a", "192.0.2.1"), s, turn.Config{Username: TURNUser, Password: TURNPassword, Family: turn.DualStack})
		r.run(20 * time.Millisecond)
		a, ok := r.events[0].(*turn.Allocated)
		if !ok || len(a.Relayed) != 2 || a.Mapped != r.conn.LocalAddr() {
			t.Fatalf("events %+v", r.events[0])
		}
		peerHost := n.Host("b", "192.0.2.2", "2001:db8::2")
		for i, addr := range []string{"192.0.2.2", "2001:db8::2"} {
			peer, err := peerHost.ListenUDP(netip.AddrPortFrom(netip.MustParseAddr(addr), 7))
			if err != nil {
				t.Fatal(err)
			}
			at := peer.LocalAddr()
			if err := r.sendTo(at, "one"); !errors.Is(err, turn.ErrHeld) {
				t.Fatalf("first packet: %v", err)
			}
			for _, text := range []string{"two", "three"} {
				if err := r.sendTo(at, text); err != nil {
					t.Fatal(err)
				}
			}
			ds := make([]netio.Datagram, 8)
			if got, err := peer.ReadBatch(ds); got != 3 || err != nil || ds[0].Addr != a.Relayed[i] {
				t.Fatalf("%d datagrams, from %v, %v", got, ds[0].Addr, err)
			}
			echo := ds[2]
			echo.Addr = a.Relayed[i]
			if _, err := peer.WriteBatch([]netio.Datagram{echo}); err != nil {
				t.Fatal(err)
			}
			r.run(20 * time.Millisecond)
			if want := at.String() + " three"; len(r.arrived) != i+1 || r.arrived[i] != want {
				t.Errorf("arrived %q, want %q", r.arrived, want)
			}
		}
		if stats := s.Stats(); stats.ChannelData != 2 || stats.Indications != 4 || stats.Channels != 2 {
			t.Errorf("%+v", stats)
		}
		for range 30 {
			r.run(time.Minute)
			if err := r.sendTo(netip.MustParseAddrPort("192.0.2.2:7"), "still"); err != nil {
				t.Fatal(err)
			}
		}
		stats := s.Stats()
		if stats.Refreshed < 2 || stats.Channels < 4 || stats.NotPermitted != 0 || s.Allocations() != 1 {
			t.Errorf("%+v, %d allocations", stats, s.Allocations())
		}
		r.client.Close(time.Now())
		r.run(20 * time.Millisecond)
		if s.Allocations() != 0 || len(r.events) != 1 {
			t.Errorf("%d allocations, events %v", s.Allocations(), r.events)
		}
	})
}

// RFC 8656 section 19 and RFC 8489 sections 9.2.4 and 14.15.
func TestTURNServerRefusesWhatItIsToldTo(t *testing.T) {
	for _, want := range []TURNRefusal{
		{Code: 486, Reason: "Allocation Quota Reached"}, {Code: 508}, {Code: 442}, {Code: 441},
		{Code: 300, Alternate: netip.MustParseAddrPort("198.51.100.4:3478")},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := New(1)
			defer n.Close()
			s := n.TURNServer("turn", "198.51.100.3")
			s.Refuse(Allocate, want)
			r := newRelayed(t, n.Host("a", "192.0.2.1"), s, turn.Config{Username: TURNUser, Password: TURNPassword})
			r.run(20 * time.Millisecond)
			var got *turn.ErrorResponse
			if len(r.events) != 1 || !errors.As(r.events[0].(*turn.Failed).Err, &got) ||
				got.Code != want.Code || got.Reason != want.Reason || got.Alternate != want.Alternate {
				t.Errorf("events %+v, want %+v", r.events, want)
			}
		})
	}
}

// RFC 8489 section 9.2.5: a stale nonce costs a round trip, a wrong password the
// allocation.
func TestTURNServerChecksCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		defer n.Close()
		s := n.TURNServer("turn", "198.51.100.3")
		h := n.Host("a", "192.0.2.1")
		wrong := newRelayed(t, h, s, turn.Config{Username: TURNUser, Password: "guess"})
		wrong.run(20 * time.Millisecond)
		var refused *turn.ErrorResponse
		if len(wrong.events) != 1 || !errors.As(wrong.events[0].(*turn.Failed).Err, &refused) || refused.Code != 401 {
			t.Errorf("events %+v", wrong.events)
		}
		r := newRelayed(t, h, s, turn.Config{Username: TURNUser, Password: TURNPassword})
		r.run(20 * time.Millisecond)
		s.ExpireNonce()
		_ = r.sendTo(netip.MustParseAddrPort("192.0.2.9:9"), "x")
		if stats := s.Stats(); stats.Permissions != 1 || stats.Indications != 1 {
			t.Errorf("%+v", stats)
		}
		s.Forget()
		r.run(10 * time.Minute)
		if e, ok := r.events[len(r.events)-1].(*turn.Failed); !ok || !errors.As(e.Err, &refused) || refused.Code != 437 {
			t.Errorf("events %+v", r.events)
		}
	})
}

// RFC 8656 sections 3.1 and 12.5: over TCP the messages are those of UDP, ChannelData
// padded; the allocation goes with the stream.
func TestTURNServerTakesStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		defer n.Close()
		n.SetDefaultLink(Link{Delay: time.Millisecond})
		s := n.TURNServer("turn", "198.51.100.3")
		h, peer := n.Host("a", "192.0.2.1"), listen(t, n.Host("b", "192.0.2.2"), "192.0.2.2:7")
		stream, err := h.DialTCP(context.Background(), netip.Addr{}, s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		client, split := turn.New(turn.Config{Username: TURNUser, Password: TURNPassword, Stream: true}), turn.Splitter{}
		var arrived []string
		var relayed netip.AddrPort
		run := func() {
			for end := time.Now().Add(20 * time.Millisecond); time.Now().Before(end); {
				for p, ok := client.NextPacket(); ok; p, ok = client.NextPacket() {
					for _, b := range p { // a message may come in any pieces
						_, _ = stream.Write([]byte{b})
					}
				}
				_ = stream.SetReadDeadline(time.Now().Add(time.Millisecond))
				got, _ := stream.Read(split.Free())
				split.Commit(got)
				for frame, ok, err := split.Next(); ok; frame, ok, err = split.Next() {
					if err != nil {
						t.Fatal(err)
					}
					from, payload, _ := client.HandlePacket(time.Now(), frame)
					if from.IsValid() {
						arrived = append(arrived, string(payload))
					}
				}
				for e, ok := client.NextEvent(); ok; e, ok = client.NextEvent() {
					if a, ok := e.(*turn.Allocated); ok {
						relayed = a.Relayed[0]
						if a.Mapped.String() != stream.LocalAddr().String() {
							t.Errorf("mapped to %v", a.Mapped)
						}
					}
				}
			}
		}
		client.Allocate(time.Now())
		run()
		for _, text := range []string{"one", "two", "three"} {
			if p, err := client.AppendPacket(nil, time.Now(), peer.LocalAddr(), []byte(text)); err == nil {
				_, _ = stream.Write(p)
			}
			run()
		}
		peer.want("one", "two", "three")
		for _, text := range []string{"a", "bcdef"} {
			peer.send(relayed, text)
			run()
		}
		if !slices.Equal(arrived, []string{"a", "bcdef"}) {
			t.Errorf("arrived %q", arrived)
		}
		if stats := s.Stats(); stats.ChannelData == 0 || stats.Indications == 0 || stats.ToClients != 2 {
			t.Errorf("%+v", stats)
		}
		_ = stream.Close()
		pass(10 * time.Millisecond)
		if s.Allocations() != 0 {
			t.Error("the allocation outlives its stream")
		}
		peer.Close()
	})
}
