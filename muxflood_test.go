package webrtc

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// flood writes datagrams of every kind that a stranger can make to a mux, who may
// know a connection's user name fragment: it was in the clear.
type flood struct {
	conn     netio.PacketConn
	target   netip.AddrPort
	fragment string
	random   *rand.Rand
}

func (f *flood) packet(b []byte) []byte {
	for i := range 60 {
		b[i] = byte(f.random.Uint32())
	}
	n := 20 + f.random.IntN(40)
	switch f.random.IntN(6) {
	case 0: // a check without integrity, to a connection that there is
		binary.BigEndian.PutUint16(b, 1)
		binary.BigEndian.PutUint32(b[4:], 0x2112a442)
		name := f.fragment + ":peer"
		binary.BigEndian.PutUint16(b[20:], 6)
		binary.BigEndian.PutUint16(b[22:], uint16(len(name)))
		copy(b[24:], name)
		n = 24 + (len(name)+3)&^3
		binary.BigEndian.PutUint16(b[2:], uint16(n-20))
	case 1: // an answer to nothing
		binary.BigEndian.PutUint16(b, 0x0101)
		binary.BigEndian.PutUint32(b[4:], 0x2112a442)
	case 2: // DTLS
		b[0] = 22 + byte(f.random.IntN(2))
	case 3: // RTP and RTCP
		b[0] = 0x80
	}
	return b[:n]
}

// send writes n datagrams.
func (f *flood) send(t *testing.T, n int) {
	for n > 0 {
		var ds []netio.Datagram
		for range min(n, 64) {
			b := netio.GetBuffer()
			b.SetLen(len(f.packet(b.Cap())))
			ds = append(ds, netio.Datagram{Buffer: b, Addr: f.target})
		}
		_, err := f.conn.WriteBatch(ds)
		must(t, err)
		for _, d := range ds {
			d.Buffer.Release()
		}
		n -= len(ds)
	}
}

// 100,000 garbage datagrams in a second leave the connections on the port unharmed:
// messages come both ways in one round trip and no state changes. The sender gets
// nothing for them.
func TestAFloodOfGarbageLeavesTheConnectionsOnThePortAlone(t *testing.T) {
	const d = 10 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New(1)
		defer network.Close()
		network.SetDefaultLink(simnet.Link{Delay: d})
		server, client, attacker := network.Host("server", "192.0.2.1"), network.Host("client", "192.0.2.2"), network.Host("attacker", "192.0.2.66")
		mux, engine := muxHost(t, server, 8443)
		a, b := connectionOn(t, client, SettingEngine{}, Configuration{}), connectionOn(t, server, engine, Configuration{})
		atA, atB := talk(t, a, b)
		for _, pc := range []*PeerConnection{a, b} {
			pc.OnICEConnectionStateChange(func(s ICEConnectionState) {
				if s != ICEConnectionStateCompleted && s != ICEConnectionStateClosed {
					t.Errorf("changed to %v", s)
				}
			})
		}
		credentials, err := b.SCTP().Transport().ICETransport().GetLocalParameters()
		must(t, err)
		conn, err := attacker.ListenUDP(netip.AddrPortFrom(attacker.Addr(), 666))
		must(t, err)
		answers := 0
		listener := netio.NewSocket(conn, func(_ time.Time, ds []netio.Datagram) { answers += len(ds) })
		f := &flood{conn, netip.AddrPortFrom(server.Addr(), 8443), credentials.UsernameFragment, rand.New(rand.NewPCG(1, 2))}

		before := mux.mux.Stats()
		const total, each = 100_000, 1000
		for sent := 0; sent < total; sent += each { // 1,000 in 10 ms
			f.send(t, each)
			if sent%(10*each) == 0 {
				start := time.Now()
				bothWays(t, atA, atB)
				if took := time.Since(start); took != 2*d {
					t.Errorf("a message each way took %v, want %v", took, 2*d)
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		after := mux.mux.Stats()
		if got := after.DatagramsReceived - before.DatagramsReceived; got < total {
			t.Errorf("the mux took %d datagrams of %d", got, total)
		}
		if after.Paths != 1 || after.Bindings != 1 {
			t.Errorf("%d paths and %d bindings after the flood, want 1 and 1", after.Paths, after.Bindings)
		}
		must(t, listener.Close())
		if answers != 0 {
			t.Errorf("the attacker was sent %d datagrams", answers)
		}
		must(t, a.Close())
		must(t, b.Close())
		must(t, mux.Close())
	})
}
