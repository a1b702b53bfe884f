package webrtc

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/pion/logging"
)

// Whoever waits for a transport ends with the gatherer that it stands on, and
// nothing of it is left (the leak check of TestMain).
func TestClosingTheGathererClosesTheWholeStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		s := newORTCStack(t, n.Host("a", "192.0.2.1"))
		d, err := s.sctp.api.NewDataChannel(s.sctp, &DataChannelParameters{Label: "x"})
		must(t, err)
		fingerprint := DTLSParameters{Fingerprints: []DTLSFingerprint{{Algorithm: "sha-256", Value: "00"}}}
		ended := make(chan error, 2)
		go func() { ended <- s.dtls.Start(fingerprint) }()
		go func() { ended <- s.sctp.Start(SCTPCapabilities{}) }()
		synctest.Wait()
		must(t, s.gatherer.Close())
		for range 2 {
			if err := wait(t, "end", ended, time.Second); !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v", err)
			}
		}
		if s.dtls.State() != DTLSTransportStateClosed || s.sctp.State() != SCTPTransportStateClosed || d.ReadyState() != DataChannelStateClosed {
			t.Errorf("states %v, %v, %v", s.dtls.State(), s.sctp.State(), d.ReadyState())
		}
	})
}

// A handler that does not return holds up messages, and no Close.
func TestClosingTheGathererFreesMessagesThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		a, b := newORTCStack(t, n.Host("a", "192.0.2.1")), newORTCStack(t, n.Host("b", "192.0.2.2"))
		must(t, a.gatherer.Gather())
		must(t, b.gatherer.Gather())
		time.Sleep(time.Second)
		go b.connect(t, a, ICERoleControlled)
		a.connect(t, b, ICERoleControlling)
		release := make(chan struct{})
		b.sctp.OnDataChannel(func(d *DataChannel) { d.OnMessage(func(DataChannelMessage) { <-release }) })
		d, err := a.sctp.api.NewDataChannel(a.sctp, &DataChannelParameters{Ordered: true})
		must(t, err)
		wait(t, "open", opened(d), time.Minute)
		for range 64 {
			must(t, d.Send(make([]byte, 64<<10)))
		}
		time.Sleep(10 * time.Second)
		must(t, b.gatherer.Close())
		must(t, a.gatherer.Close())
		close(release)
	})
}

// The application's filters run on a goroutine that nobody waits for.
func TestAFilterMayCloseTheConnectionOrBlock(t *testing.T) {
	for _, closes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			n := simnet.New(1)
			defer n.Close()
			var pc *PeerConnection
			release, called := make(chan struct{}), make(chan struct{}, 8)
			var e SettingEngine
			e.SetInterfaceFilter(func(string) bool {
				if closes {
					must(t, pc.Close())
				}
				called <- struct{}{}
				<-release
				return true
			})
			pc = connectionOn(t, n.Host("a", "192.0.2.1"), e, Configuration{})
			_, err := pc.CreateDataChannel("x", nil)
			must(t, err)
			must(t, pc.SetLocalDescription(SessionDescription{}))
			wait(t, "filter", called, time.Second)
			must(t, pc.Close())
			close(release)
		})
	}
}

// closingLogs is a logger of pion's kind that closes the connection.
type closingLogs struct {
	silentLogger
	scope, prefix string
	close         func()
	lines         *atomic.Int32
}

func (l closingLogs) NewLogger(scope string) logging.LeveledLogger {
	l.scope = scope
	return l
}

func (l closingLogs) Debug(line string) {
	l.lines.Add(1)
	if l.scope == "sctp" && strings.Contains(line, l.prefix) {
		l.close()
	}
}

func (l closingLogs) Debugf(format string, _ ...any) { l.Debug(format) }

func TestALoggerMayCloseTheConnection(t *testing.T) {
	for _, prefix := range []string{"INIT", "COOKIE", "SACK", "RECONFIG"} {
		t.Run(prefix, func(t *testing.T) {
			var r *rig
			closed := make(chan struct{})
			var lines atomic.Int32
			logs := closingLogs{prefix: prefix, lines: &lines, close: func() {
				must(t, r.a.Close())
				select {
				case <-closed:
					t.Error("logged after Close")
				default:
					close(closed)
				}
			}}
			inBubble(t, func(t *testing.T, rg *rig) {
				r = rg
				closed = make(chan struct{})
				d, err := r.a.CreateDataChannel("x", nil)
				must(t, err)
				d.OnOpen(func() {
					_ = d.Send(make([]byte, 5000))
					_ = d.Close()
				})
				negotiate(t, r.a, r.b)
				wait(t, "close", closed, time.Minute)
			}, withEngines(func(a, _ *SettingEngine) {
				a.LoggerFactory = logs
				a.SetSCTPEngine(SCTPEnginePion) // ours does not log
			}))
		})
	}
}

// A handler that does not return must not make the log grow without bound.
func TestLinesThatWaitAreBounded(t *testing.T) {
	lines := new(atomic.Int32)
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		before := lines.Load()
		release := make(chan struct{})
		r.a.loop.Deliver(func() { <-release })
		for range 3 * maxPendingLines {
			r.a.log.debug("line")
		}
		close(release)
		time.Sleep(time.Second)
		if n := lines.Load() - before; n > maxPendingLines+100 || n < maxPendingLines/2 {
			t.Errorf("%d lines were kept, want at most %d", n, maxPendingLines)
		}
	}, withEngines(func(a, _ *SettingEngine) {
		a.LoggerFactory = closingLogs{prefix: "never", lines: lines, close: func() {}}
	}))
}

// No handler is called after Close, one that is set late included.
func TestAnOpenEventIsNotHeardAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, atB := r.openPair("x", nil)
		time.Sleep(time.Second)
		must(t, r.b.Close())
		atB.OnOpen(func() { t.Error("open after Close") })
		synctest.Wait()
	})
}

// Data that is rejected ends the association at both ends.
func TestTheEndOfTheTransportReachesThePeer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, atB := r.openPair("x", nil)
		closed := make(chan struct{})
		atB.OnClose(func() { close(closed) })
		must(t, r.a.loop.Do(func(now time.Time) { r.a.sctp.ended(now, errDataRejected) }))
		wait(t, "close at the peer", closed, time.Minute)
	})
}

// ICETransport.Stop: nothing is sent any more.
func TestAStoppedICETransportSendsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, _ := r.openPair("x", nil)
		time.Sleep(time.Minute)
		before := r.a.ice.GetRemoteCandidates()
		must(t, r.a.ice.Stop())
		var sent atomic.Int32
		r.net.Tap(func(p simnet.Packet) simnet.Verdict {
			if p.Src.Addr() == r.hostA.Addr() {
				sent.Add(1)
			}
			return simnet.Pass
		})
		_ = atA.SendText("x")
		time.Sleep(20 * time.Second)
		if n := sent.Load(); n != 0 {
			t.Errorf("%d datagrams", n)
		}
		if after := r.a.ice.GetRemoteCandidates(); len(after) != len(before) {
			t.Errorf("%d candidates, before there were %d", len(after), len(before))
		}
		if err := r.a.ice.AddRemoteCandidate(&before[0]); !errors.Is(err, net.ErrClosed) {
			t.Errorf("add candidate: %v", err)
		}
	})
}

// mortalNetwork is a network whose sockets can die.
type mortalNetwork struct {
	netio.Network
	conns chan *mortalConn
}

type mortalConn struct {
	netio.PacketConn
	dead atomic.Bool
}

var errSocketDied = errors.New("the interface went away")

func (n mortalNetwork) ListenUDP(addr netip.AddrPort) (netio.PacketConn, error) {
	conn, err := n.Network.ListenUDP(addr)
	if err != nil {
		return nil, err
	}
	mortal := &mortalConn{PacketConn: conn}
	n.conns <- mortal
	return mortal, nil
}

func (c *mortalConn) ReadBatch(ds []netio.Datagram) (int, error) {
	n, err := c.PacketConn.ReadBatch(ds)
	if err != nil && c.dead.Load() {
		err = errSocketDied
	}
	return n, err
}

func (c *mortalConn) die() {
	c.dead.Store(true)
	_ = c.PacketConn.Close()
}

func TestICEGoesOnWithTheOtherSocketsWhenOneDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, net: simnet.New(1)}
		defer r.close()
		r.hostA, r.hostB = r.net.Host("a", "eth0=192.0.2.1", "eth1=192.0.2.7"), r.net.Host("b", "192.0.2.2")
		conns := make(chan *mortalConn, 2)
		api := NewAPI(withNetwork(mortalNetwork{r.hostA, conns}))
		var err error
		r.a, err = api.NewPeerConnection(Configuration{})
		must(t, err)
		r.b = connectionOn(t, r.hostB, SettingEngine{}, Configuration{})
		atA, atB := r.openPair("x", nil)
		got := make(chan DataChannelMessage, 1)
		atB.OnMessage(func(m DataChannelMessage) { got <- m })
		time.Sleep(time.Second)
		pair, err := r.a.ice.GetSelectedCandidatePair()
		must(t, err)
		for range 2 {
			if conn := <-conns; conn.LocalAddr().Addr().String() == pair.Local.Address {
				conn.die()
			}
		}
		time.Sleep(10 * time.Second)
		must(t, atA.SendText("over the other one"))
		wait(t, "message", got, time.Minute)
		if next, _ := r.a.ice.GetSelectedCandidatePair(); next.Local.Address == pair.Local.Address {
			t.Error("the dead socket is still in use")
		}
	})
}

// ICETransportPolicyNoHost: no address of this host is signalled or used.
func TestTheNoHostPolicyHidesHostCandidates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		n.STUNServer("stun", "198.51.100.1:3478")
		h := n.NAT("nat", "203.0.113.5", simnet.PortRestricted).Host("h", "10.0.0.2")
		pc := connectionOn(t, h, SettingEngine{}, Configuration{
			ICETransportPolicy: ICETransportPolicyNoHost,
			ICEServers:         []ICEServer{{URLs: []string{"stun:198.51.100.1"}}},
		})
		defer pc.Close()
		candidates, _ := gatherAll(t, pc)
		if got := summary(candidates); len(got) != 1 || got[0] != "srflx 203.0.113.5" {
			t.Errorf("candidates %q", got)
		}
		for _, line := range strings.Split(pc.LocalDescription().SDP, "\r\n") {
			if strings.Contains(line, " typ host") {
				t.Error(line)
			}
		}
	})
}
