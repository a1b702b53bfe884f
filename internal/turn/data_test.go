package turn

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun"
)

// RFC 8656 sections 9 and 11: what is sent to a peer without permission waits for
// it, bounded, and leaves in order as Send indications.
func TestPacketsWaitForThePermission(t *testing.T) {
	s := newScript(t, Config{})
	s.allocate(600 * time.Second)
	held := 0
	for i := range 20 {
		_, err := s.c.AppendPacket(nil, s.now, peer, []byte{0, byte(i)})
		if errors.Is(err, ErrHeld) {
			held++
		} else if !errors.Is(err, ErrTooManyHeld) {
			t.Fatal(err)
		}
	}
	s.drain()
	if held != maxHeldPerPeer || s.count(stun.MethodCreatePermission) != 1 {
		t.Errorf("%d held, %d requests", held, s.count(stun.MethodCreatePermission))
	}
	s.must(s.answer(s.last(stun.MethodCreatePermission), stun.ClassSuccessResponse, key()))
	var got []byte
	for _, p := range s.sent {
		m := &stun.Message{Raw: p.raw}
		if m.Decode() == nil && m.Type.Method == stun.MethodSend {
			data, _ := m.Get(stun.AttrData)
			got = append(got, data[1])
		}
	}
	if !bytes.Equal(got, []byte{0, 1, 2, 3, 4, 5, 6, 7}) {
		t.Errorf("sent %v", got)
	}
}

// RFC 8656 section 12: data asks for a channel, STUN does not; indications go on
// until it is bound, and ChannelData is padded on streams only (section 12.5).
func TestDataGoesByChannelOnceItIsBound(t *testing.T) {
	for _, stream := range []bool{false, true} {
		s := newScript(t, Config{Stream: stream})
		s.allocate(600 * time.Second)
		s.permit()
		send := func(payload ...byte) []byte {
			p, err := s.c.AppendPacket(nil, s.now, peer, payload)
			s.must(err)
			s.drain()
			return p
		}
		if send(0, 1); s.count(stun.MethodChannelBind) != 0 {
			t.Error("STUN asks for a channel")
		}
		if p := send(22, 254, 253); p[0]>>6 != 0 || s.count(stun.MethodChannelBind) != 1 {
			t.Error("no indication, or no ChannelBind request")
		}
		bind := s.last(stun.MethodChannelBind)
		number, _ := bind.Get(stun.AttrChannelNumber)
		if number[0] != 0x40 {
			t.Errorf("channel %x (RFC 8656 section 12: 0x4000 to 0x4FFF)", number)
		}
		early := append([]byte{number[0], number[1], 0, 1}, 'x', 0, 0, 0)
		if from, data, err := s.c.HandlePacket(s.now, early); err != nil || from != peer || string(data) != "x" {
			t.Errorf("ChannelData before the answer: %v %q %v", from, data, err)
		}
		s.must(s.answer(bind, stun.ClassSuccessResponse, key()))
		want := []byte{number[0], number[1], 0, 3, 22, 254, 253}
		if stream {
			want = append(want, 0)
		}
		if p := send(22, 254, 253); !bytes.Equal(p, want) {
			t.Errorf("stream %v: sent %x, want %x", stream, p, want)
		}
	}
}

// RFC 8656 sections 9 and 12: what is used is refreshed in time, what is not is let
// go.
func TestPermissionsAndChannelsAreRefreshedWhileUsed(t *testing.T) {
	s := newScript(t, Config{})
	s.allocate(time.Hour)
	s.permit()
	send := func() {
		_, err := s.c.AppendPacket(nil, s.now, peer, []byte{128})
		s.must(err)
		s.drain()
	}
	send()
	s.must(s.answer(s.last(stun.MethodChannelBind), stun.ClassSuccessResponse, key()))
	permissions, channels := s.count(stun.MethodCreatePermission), s.count(stun.MethodChannelBind)
	for range 40 {
		s.run(30 * time.Second)
		send()
		if s.count(stun.MethodCreatePermission) > permissions {
			permissions = s.count(stun.MethodCreatePermission)
			s.must(s.answer(s.last(stun.MethodCreatePermission), stun.ClassSuccessResponse, key()))
		}
		if s.count(stun.MethodChannelBind) > channels {
			channels = s.count(stun.MethodChannelBind)
			s.must(s.answer(s.last(stun.MethodChannelBind), stun.ClassSuccessResponse, key()))
		}
	}
	if permissions < 4 || permissions > 8 || channels != 3 {
		t.Errorf("%d CreatePermission and %d ChannelBind requests in 20 minutes", permissions, channels)
	}
	s.run(25 * time.Minute)
	if len(s.c.permissions) != 0 || s.c.channels[peer].bound {
		t.Error("kept what nobody uses")
	}
}

// A server that refuses a peer is asked again after a while only.
func TestRefusedPeersAreNotAskedForAgainAtOnce(t *testing.T) {
	s := newScript(t, Config{})
	s.allocate(time.Hour)
	if _, err := s.c.AppendPacket(nil, s.now, peer, []byte{0}); !errors.Is(err, ErrHeld) {
		t.Fatal(err)
	}
	s.drain()
	s.must(s.answer(s.last(stun.MethodCreatePermission), stun.ClassErrorResponse, code(403, "Forbidden"), key()))
	if e, ok := s.events[1].(*PeerRefused); !ok || e.Peer != peer.Addr() {
		t.Errorf("events %+v", s.events)
	}
	for range 100 {
		if _, err := s.c.AppendPacket(nil, s.now, peer, []byte{0}); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
	}
	s.drain()
	if s.count(stun.MethodCreatePermission) != 1 {
		t.Error("asked again at once")
	}
	s.run(time.Minute)
	if _, err := s.c.AppendPacket(nil, s.now, peer, []byte{0}); !errors.Is(err, ErrHeld) {
		t.Error(err)
	}
}

// RFC 8656 section 11.4: data is taken from peers with a permission only.
func TestDataOfStrangersIsDropped(t *testing.T) {
	s := newScript(t, Config{})
	s.allocate(time.Hour)
	s.permit()
	data := func(from netip.AddrPort, setters ...stun.Setter) (netip.AddrPort, []byte, error) {
		all := append([]stun.Setter{stun.TransactionID, stun.NewType(stun.MethodData, stun.ClassIndication), xor(stun.AttrXORPeerAddress, from)}, setters...)
		return s.c.HandlePacket(s.now, stun.MustBuild(all...).Raw)
	}
	payload := stun.RawAttribute{Type: stun.AttrData, Value: []byte("hello")}
	if from, got, err := data(netip.AddrPortFrom(peer.Addr(), 1), payload); err != nil || from.Port() != 1 || string(got) != "hello" {
		t.Errorf("%v %q %v", from, got, err)
	}
	if _, _, err := data(netip.MustParseAddrPort("192.0.2.66:7"), payload); !errors.Is(err, ErrUnknownPeer) {
		t.Error(err)
	}
	if _, _, err := data(peer); !errors.Is(err, ErrMalformed) { // section 11.6: about an ICMP message
		t.Error(err)
	}
	for _, p := range [][]byte{{0x40}, {0x40, 0, 0, 1}, {0x4f, 0xff, 0, 0}, {0x80, 0, 0, 0}, {}} {
		if from, _, err := s.c.HandlePacket(s.now, p); err == nil || from.IsValid() {
			t.Errorf("%x was taken", p)
		}
	}
	if _, err := s.c.AppendPacket(nil, s.now, netip.MustParseAddrPort("[2001:db8::1]:1"), nil); !errors.Is(err, ErrFamily) {
		t.Error(err)
	}
}

// However many peers there are, memory stays bounded.
func TestPeersAreBounded(t *testing.T) {
	s := newScript(t, Config{})
	s.allocate(time.Hour)
	for i := range 2000 {
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 9)
		_, _ = s.c.AppendPacket(nil, s.now, to, bytes.Repeat([]byte{128}, 1200))
		s.drain()
		if i%2 == 0 {
			_ = s.answer(s.last(stun.MethodCreatePermission), stun.ClassSuccessResponse, key())
			_, _ = s.c.AppendPacket(nil, s.now, to, []byte{128})
		}
	}
	s.drain()
	if len(s.c.permissions) > maxPermissions || len(s.c.channels) > maxChannels || s.c.held > maxHeld {
		t.Errorf("%d permissions, %d channels, %d held", len(s.c.permissions), len(s.c.channels), s.c.held)
	}
}

// checkInvariants holds for every state.
func (c *Client) checkInvariants(t testing.TB) {
	t.Helper()
	held := 0
	for addr, p := range c.permissions {
		held += len(p.held)
		if p.addr != addr || p.installed && p.refused || len(p.held) > maxHeldPerPeer || len(p.held) > 0 && !p.pending {
			t.Fatalf("permission %+v", p)
		}
	}
	err := ""
	switch {
	case held != c.held:
		err = fmt.Sprintf("%d packets held, %d counted", held, c.held)
	case len(c.permissions) > maxPermissions || len(c.channels) > maxChannels || len(c.channels) != len(c.byNumber):
		err = "too many peers"
	case len(c.transactions) > maxTransactions+1:
		err = "too many transactions"
	case c.Alive() && c.Deadline().IsZero():
		err = "alive without a deadline"
	case c.state == releasing && (len(c.transactions) != 1 || c.Deadline().IsZero() || len(c.permissions)+len(c.channels) > 0):
		err = "releases without a request"
	case !c.Alive() && c.state != releasing && len(c.transactions)+len(c.permissions)+len(c.channels) > 0:
		err = "ended, but not empty"
	case c.state == allocated && !c.relayed[0].IsValid() && !c.relayed[1].IsValid():
		err = "allocated without an address"
	}
	for peer, ch := range c.channels {
		if c.byNumber[ch.number] != ch || ch.peer != peer || ch.number < firstChannel || ch.number > 0x4fff {
			err = fmt.Sprintf("channel %+v", ch)
		}
	}
	if err != "" {
		t.Fatal(err)
	}
}
