package webrtc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/passerelle-rtc/webrtc/internal/turn"
)

// turnFront gives a host of the virtual network other streams to a TURN server, for TLS
// and as a proxy: what goes in comes out as the server's datagrams, padded as RFC 8656 section 12.5 asks.
type turnFront struct {
	*simnet.Host
	t      *testing.T
	server *simnet.TURNServer
	tls    *tls.Config // nil: plain
	work   sync.WaitGroup
	dialed []string
}

func (f *turnFront) DialTCP(_ context.Context, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	return f.Dial("tcp", remote.String())
}

// Dial makes the front an ICEProxyDialer too.
func (f *turnFront) Dial(_, addr string) (net.Conn, error) {
	f.dialed = append(f.dialed, addr)
	near, far := net.Pipe()
	conn, err := f.ListenUDP(netip.AddrPortFrom(f.Addr(), 0))
	if err != nil {
		return nil, err
	}
	var stream net.Conn = far
	if f.tls != nil {
		stream = tls.Server(far, f.tls)
	}
	f.work.Go(func() { f.forward(stream, conn) })
	f.work.Go(func() { f.back(stream, conn) })
	return near, nil
}

func (f *turnFront) forward(stream net.Conn, conn netio.PacketConn) {
	defer conn.Close()
	var s turn.Splitter
	for {
		frame, ok, err := s.Next()
		if err != nil {
			f.t.Error(err)
			return
		}
		if !ok {
			n, err := stream.Read(s.Free())
			if err != nil {
				return
			}
			s.Commit(n)
			continue
		}
		b := netio.GetBuffer()
		b.SetLen(copy(b.Cap(), frame))
		_, _ = conn.WriteBatch([]netio.Datagram{{Buffer: b, Addr: f.server.Addr()}})
		b.Release()
	}
}

func (f *turnFront) back(stream net.Conn, conn netio.PacketConn) {
	defer stream.Close()
	ds := make([]netio.Datagram, 1)
	for {
		if _, err := conn.ReadBatch(ds); err != nil {
			return
		}
		p := append([]byte(nil), ds[0].Buffer.Bytes()...)
		ds[0].Buffer.Release()
		if _, err := stream.Write(append(p, make([]byte, -len(p)&3)...)); err != nil {
			return
		}
	}
}

// selfSigned is the certificate of a server, and the roots to check it with.
func selfSigned(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// RFC 8656 section 3.1: TCP and TLS between client and server, UDP between the
// relays. A proxy gets the name, not the address (RFC 7065 section 3.1).
func TestConnectsThroughRelaysOverStreams(t *testing.T) {
	for _, kind := range []string{"tcp", "tls", "proxy"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := simnet.New(1)
				s := n.TURNServer("turn", "198.51.100.3")
				server := turnServer(s)
				server.URLs = []string{"turn:turn.example:3478?transport=tcp"}
				fronts := [2]*turnFront{}
				var pcs [2]*PeerConnection
				for i := range pcs {
					front := &turnFront{Host: n.Host(string(rune('a'+i)), netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)}).String()), t: t, server: s}
					front.SetDNS("turn.example", s.Addr().Addr())
					var e SettingEngine
					network := netio.Network(front)
					switch kind {
					case "tcp":
						network = front.Host
					case "tls":
						server.URLs = []string{"turns:turn.example:3478"}
						certificate, roots := selfSigned(t, "turn.example")
						front.tls = &tls.Config{Certificates: []tls.Certificate{certificate}}
						e.SetTURNTLSConfig(&tls.Config{RootCAs: roots})
					case "proxy":
						e.SetICEProxyDialer(front)
						network = front.Host // whose own TCP is not used
					}
					api := NewAPI(WithSettingEngine(e), withNetwork(network))
					pc, err := api.NewPeerConnection(relayOnly(server))
					must(t, err)
					fronts[i], pcs[i] = front, pc
				}
				r := &rig{t: t, net: n, a: pcs[0], b: pcs[1]}
				a, b := r.openPair("x", nil)
				got := make(chan int, 1)
				b.OnMessage(func(m DataChannelMessage) { got <- len(m.Data) })
				for size := range 8 {
					must(t, a.Send(make([]byte, 1000+size)))
					if n := wait(t, "message", got, time.Minute); n != 1000+size {
						t.Errorf("%d bytes arrived of %d", n, 1000+size)
					}
				}
				pair, err := r.a.ice.GetSelectedCandidatePair()
				must(t, err)
				protocol := map[string]string{"tcp": "tcp", "tls": "tls", "proxy": "tcp"}[kind]
				if pair.Local.Typ != ICECandidateTypeRelay || pair.Local.RelayProtocol != protocol || pair.Local.URL != server.URLs[0] {
					t.Errorf("selected %+v", pair.Local)
				}
				told := false
				for _, entry := range r.a.GetStats() {
					c, ok := entry.(ICECandidateStats)
					told = told || ok && c.Type == StatsTypeLocalCandidate && c.CandidateType == ICECandidateTypeRelay && c.RelayProtocol == protocol
				}
				if !told {
					t.Error("the statistics do not tell relayProtocol")
				}
				if kind == "proxy" && !slices.Equal(fronts[0].dialed, []string{"turn.example:3478"}) {
					t.Errorf("dialed %q", fronts[0].dialed)
				}
				must(t, r.a.Close())
				must(t, r.b.Close())
				time.Sleep(time.Second)
				if s.Allocations() != 0 {
					t.Errorf("allocations after Close: %v", s)
				}
				n.Close()
				for _, f := range fronts {
					f.work.Wait()
				}
			})
		})
	}
}

// A certificate that the roots do not know is a server that cannot be used.
func TestACertificateOfNobodyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		s := n.TURNServer("turn", "198.51.100.3")
		certificate, _ := selfSigned(t, "turn.example")
		_, others := selfSigned(t, "turn.example")
		front := &turnFront{Host: n.Host("a", "192.0.2.1"), t: t, server: s, tls: &tls.Config{Certificates: []tls.Certificate{certificate}}}
		front.SetDNS("turn.example", s.Addr().Addr())
		var e SettingEngine
		e.SetTURNTLSConfig(&tls.Config{RootCAs: others})
		server := turnServer(s)
		server.URLs = []string{"turns:turn.example"}
		pc, err := NewAPI(WithSettingEngine(e), withNetwork(front)).NewPeerConnection(relayOnly(server))
		must(t, err)
		candidates, failures := gatherAll(t, pc)
		if len(candidates) != 0 || len(failures) != 1 || failures[0].ErrorCode != 701 || !strings.Contains(failures[0].ErrorText, "certificate") {
			t.Errorf("candidates %v, failures %+v", candidates, failures)
		}
		must(t, pc.Close())
		n.Close()
		front.work.Wait()
	})
}

// A server that does not read holds up nobody: what finds the queue full is
// dropped, and Close does not wait for it.
func TestASlowStreamBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe() // has no buffer at all
		defer far.Close()
		conn := newStreamConn(near, near, netip.AddrPort{})
		b := netio.GetBuffer()
		b.SetLen(1200)
		taken := 0
		for range 1000 {
			n, err := conn.WriteBatch([]netio.Datagram{{Buffer: b}})
			must(t, err)
			taken += n
		}
		b.Release()
		if most := 2 * streamQueue / 1200; taken > most || taken < streamQueue/1200 {
			t.Errorf("took %d packets", taken)
		}
		began := time.Now()
		must(t, conn.Close())
		if waited := time.Since(began); waited > streamLinger {
			t.Errorf("Close took %v", waited)
		}
		if _, err := conn.WriteBatch(nil); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := conn.ReadBatch(make([]netio.Datagram, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// A server that stops reading costs its relay, in bounded time, though it keeps the
// connection open: reader and writer end with the reason.
func TestAStreamThatIsNotReadFails(t *testing.T) {
	for _, queued := range []int{1, 100} { // less and more than one piece
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			conn := newStreamConn(near, near, netip.AddrPort{})
			b := netio.GetBuffer()
			b.SetLen(1200)
			for range queued {
				_, err := conn.WriteBatch([]netio.Datagram{{Buffer: b}})
				must(t, err)
			}
			began := time.Now()
			if _, err := conn.ReadBatch(make([]netio.Datagram, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the reader ends with %v", err)
			}
			if waited := time.Since(began); waited > streamStall {
				t.Errorf("after %v", waited)
			}
			if _, err := conn.WriteBatch([]netio.Datagram{{Buffer: b}}); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the writer fails with %v", err)
			}
			b.Release()
			must(t, conn.Close())
		})
	}
}

// A slow server is no dead one: what it reads piece by piece counts.
func TestASlowReaderKeepsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn := newStreamConn(near, near, netip.AddrPort{})
		b := netio.GetBuffer()
		b.SetLen(1200)
		for range 100 {
			_, err := conn.WriteBatch([]netio.Datagram{{Buffer: b}})
			must(t, err)
		}
		b.Release()
		began, piece := time.Now(), make([]byte, streamPiece)
		for left := 100 * 1200; left > 0; {
			time.Sleep(streamStall / 2)
			n, err := io.ReadFull(far, piece[:min(left, len(piece))])
			must(t, err)
			left -= n
		}
		if time.Since(began) < 2*streamStall {
			t.Error("too quick to show anything")
		}
		must(t, conn.Close())
		must(t, far.Close())
	})
}

// webrtc-pc section 4.2.3: with the policy relay and no usable server there is no
// path, and the error says why.
func TestAConnectionWithoutARelaySaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *simnet.TURNServer
		r := relayRig(t, func(n *simnet.Net) (a, b Configuration) {
			s = n.TURNServer("turn", "198.51.100.3")
			s.Refuse(simnet.Allocate, simnet.TURNRefusal{Code: 486, Reason: "Allocation Quota Reached"})
			return relayOnly(turnServer(s)), relayOnly(turnServer(s))
		})
		defer r.close()
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		failed := make(chan struct{})
		r.a.OnConnectionStateChange(func(s PeerConnectionState) {
			if s == PeerConnectionStateFailed {
				close(failed)
			}
		})
		negotiate(t, r.a, r.b)
		wait(t, "failure", failed, 2*time.Minute)
		reason := r.a.FailureReason()
		if reason == nil || !strings.Contains(reason.Error(), "no TURN server gave a relayed address") {
			t.Errorf("reason %v", reason)
		}
	})
}

// A TURN server that forgets an allocation costs the path. An ICE restart finds that
// out (437, RFC 8656 section 8.3) and makes a new one, on the same server where there
// is no other.
func TestARestartReplacesALostAllocation(t *testing.T) {
	for _, silent := range []bool{false, true} { // the server has forgotten, or lost, the client's address
		synctest.Test(t, func(t *testing.T) {
			var s, other *simnet.TURNServer
			r := relayRig(t, func(n *simnet.Net) (a, b Configuration) {
				s, other = n.TURNServer("turn", "198.51.100.3"), n.TURNServer("other", "198.51.100.4")
				return relayOnly(turnServer(s)), relayOnly(turnServer(other))
			})
			defer r.close()
			a, b := r.openPair("x", nil)
			if silent {
				s.Refuse(simnet.Refresh, simnet.TURNRefusal{Code: 500})
			}
			s.Forget()
			got := make(chan string, 1)
			b.OnMessage(func(m DataChannelMessage) { got <- string(m.Data) })
			time.Sleep(40 * time.Second) // RFC 7675 section 5.1: consent has expired
			r.a.RestartICE()
			negotiate(t, r.a, r.b)
			must(t, a.SendText("here"))
			wait(t, "message", got, time.Minute)
			if n := s.Stats().Allocated; n != 2 {
				t.Errorf("%d allocations were made", n)
			}
			if n := other.Stats().Allocated; n != 1 {
				t.Errorf("%d allocations where one lives", n)
			}
		})
	}
}

// The same where there is another server: that one takes over, before any restart.
func TestALostAllocationIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := map[string]*simnet.TURNServer{}
		r := relayRig(t, func(n *simnet.Net) (a, b Configuration) {
			for name, addr := range map[string]string{"first": "198.51.100.3", "second": "198.51.100.4", "third": "198.51.100.5"} {
				servers[addr] = n.TURNServer(name, addr)
			}
			return relayOnly(turnServer(servers["198.51.100.3"]), turnServer(servers["198.51.100.4"])), relayOnly(turnServer(servers["198.51.100.5"]))
		})
		defer r.close()
		a, b := r.openPair("x", nil)
		pair, err := r.a.ice.GetSelectedCandidatePair()
		must(t, err)
		lost := pair.Local.Address
		servers[lost].Forget()
		got := make(chan string, 1)
		b.OnMessage(func(m DataChannelMessage) { got <- string(m.Data) })
		time.Sleep(40 * time.Second) // RFC 7675 section 5.1: consent has expired
		if state := r.a.ICEConnectionState(); state != ICEConnectionStateCompleted {
			t.Errorf("state %v", state)
		}
		r.a.RestartICE()
		negotiate(t, r.a, r.b)
		must(t, a.SendText("here"))
		wait(t, "message", got, time.Minute)
		pair, err = r.a.ice.GetSelectedCandidatePair()
		must(t, err)
		if pair.Local.Address == lost || pair.Local.Typ != ICECandidateTypeRelay {
			t.Errorf("selected %v", pair)
		}
	})
}
