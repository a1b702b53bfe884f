package simnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// accepted is a stream between two hosts.
func accepted(t *testing.T, from, to *Host) (client, server net.Conn) {
	t.Helper()
	l, err := to.ListenTCP(netip.AddrPortFrom(to.Addr(), 0))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return dialed(t, from, l, l.Addr().(*net.TCPAddr).AddrPort())
}

func dialed(t *testing.T, from *Host, l net.Listener, addr netip.AddrPort) (client, server net.Conn) {
	t.Helper()
	client, err := from.DialTCP(context.Background(), netip.Addr{}, addr)
	if err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func streamPair(t *testing.T, n *Net, l Link) (client, server net.Conn) {
	t.Helper()
	a, b := n.Host("a", "192.0.2.1"), n.Host("b", "192.0.2.2")
	n.SetDefaultLink(l)
	return accepted(t, a, b)
}

// randomBytes has no two stretches that are alike.
func randomBytes(n int) []byte {
	r, b := rand.NewChaCha8([32]byte{}), make([]byte, n)
	_, _ = r.Read(b)
	return b
}

// RFC 9293 section 3.5: connecting takes a round trip, and a byte half of one.
func TestStreamsConnectInARoundTrip(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		a, b := n.Host("a", "192.0.2.1"), n.Host("b", "192.0.2.2")
		n.SetDefaultLink(Link{Delay: 10 * time.Millisecond})
		l, err := b.ListenTCP(ap("192.0.2.2:443"))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		client, err := a.DialTCP(context.Background(), a.Addr(), ap("192.0.2.2:443"))
		if took := time.Since(start); err != nil || took != 20*time.Millisecond {
			t.Fatalf("connected after %v: %v", took, err)
		}
		if _, err := client.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 16)
		got, err := server.Read(buf)
		if took := time.Since(start); string(buf[:got]) != "hello" || err != nil || took != 30*time.Millisecond {
			t.Errorf("read %q after %v: %v", buf[:got], took, err)
		}
		if server.LocalAddr().String() != "192.0.2.2:443" || server.RemoteAddr().String() != client.LocalAddr().String() ||
			client.RemoteAddr().String() != "192.0.2.2:443" {
			t.Errorf("%v to %v, %v to %v", client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr())
		}
	})
}

// Who is there and has no such port refuses at once; who is not, or is behind a
// firewall, lets the caller wait.
func TestStreamsAreRefusedOrTimeOut(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		a, b := n.Host("a", "192.0.2.1"), n.Host("b", "192.0.2.2")
		n.SetDefaultLink(Link{Delay: 10 * time.Millisecond})
		start := time.Now()
		if _, err := a.DialTCP(context.Background(), netip.Addr{}, ap("192.0.2.2:443")); !errors.Is(err, syscall.ECONNREFUSED) || time.Since(start) != 20*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if _, err := a.DialTCP(context.Background(), netip.Addr{}, ap("[2001:db8::1]:443")); !errors.Is(err, syscall.ENETUNREACH) {
			t.Error(err)
		}
		l, _ := b.ListenTCP(ap("192.0.2.2:443"))
		defer l.Close()
		n.Tap(func(p Packet) Verdict {
			if p.Stream && p.Dst == ap("192.0.2.2:443") {
				return Drop
			}
			return Pass
		})
		start = time.Now()
		if _, err := a.DialTCP(context.Background(), netip.Addr{}, ap("192.0.2.2:443")); !errors.Is(err, syscall.ETIMEDOUT) || time.Since(start) != 127*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start = time.Now()
		if _, err := a.DialTCP(ctx, netip.Addr{}, ap("192.0.2.2:443")); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// RFC 5382 sections 4.1 and 4.3: what is behind a NAT gets out, from one public port
// or several, and who was not asked does not get in, nor an answer.
func TestStreamsPassNATsFromInsideOnly(t *testing.T) {
	for kind, same := range map[NATKind]bool{FullCone: true, PortRestricted: true, Symmetric: false} {
		bubble(t, 1, func(t *testing.T, n *Net) {
			r := n.NAT("nat", "203.0.113.1", kind)
			inside := r.Host("inside", "10.0.0.2")
			first, second := n.Host("first", "192.0.2.1"), n.Host("second", "192.0.2.2")
			var seen [2]netip.AddrPort
			for i, to := range []*Host{first, second} {
				inside.nextStream = firstPort // the same socket
				client, server := accepted(t, inside, to)
				if seen[i] = server.RemoteAddr().(*net.TCPAddr).AddrPort(); seen[i].Addr() != r.Addr() {
					t.Errorf("seen at %v", seen[i])
				}
				if _, err := server.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				if got, err := client.Read(make([]byte, 8)); got != 1 || err != nil {
					t.Error(got, err)
				}
			}
			if (seen[0] == seen[1]) != same {
				t.Errorf("NAT %d: seen at %v and %v", kind, seen[0], seen[1])
			}
			third := n.Host("third", "192.0.2.3")
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			want := error(context.DeadlineExceeded) // nobody answers
			if kind == FullCone {
				want = syscall.ECONNREFUSED // the host does
			}
			if _, err := third.DialTCP(ctx, netip.Addr{}, seen[0]); !errors.Is(err, want) {
				t.Errorf("NAT %d: from outside: %v", kind, err)
			}
		})
	}
}

// RFC 5382 section 4.1 and its section on hairpinning, for a listener that the NAT
// has a public port for.
func TestStreamsComeBackThroughTheirNAT(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		r := n.NAT("nat", "203.0.113.1", OneToOne)
		inside, outside := r.Host("inside", "10.0.0.2"), n.Host("outside", "192.0.2.1")
		l, err := inside.ListenTCP(ap("0.0.0.0:443"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for _, from := range []*Host{outside, inside} {
			if _, server := dialed(t, from, l, ap("203.0.113.1:443")); server.LocalAddr().String() != "10.0.0.2:443" {
				t.Errorf("accepted at %v", server.LocalAddr())
			}
		}
		r.SetHairpin(false)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := inside.DialTCP(ctx, netip.Addr{}, ap("203.0.113.1:443")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without hairpinning: %v", err)
		}
	})
}

// What is written comes out once and in order, whatever the path does to segments,
// and the same seed takes the same time.
func TestStreamsAreReliable(t *testing.T) {
	sent := randomBytes(300_000)
	for name, link := range map[string]Link{
		"loss":      {Delay: 10 * time.Millisecond, Loss: 0.05},
		"reorder":   {Delay: 10 * time.Millisecond, Reorder: 0.2},
		"duplicate": {Delay: 10 * time.Millisecond, Duplicate: 0.2},
		"all":       {Delay: 5 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.1, Reorder: 0.1, Duplicate: 0.1, Bandwidth: 10e6},
	} {
		t.Run(name, func(t *testing.T) {
			var took [2]time.Duration
			for i := range took {
				bubble(t, 7, func(t *testing.T, n *Net) {
					start := time.Now()
					client, server := streamPair(t, n, link)
					go func() {
						_, _ = client.Write(sent)
						_ = client.Close()
					}()
					got, err := io.ReadAll(server)
					if err != nil || !bytes.Equal(got, sent) {
						t.Errorf("%d octets of %d, %v", len(got), len(sent), err)
					}
					took[i] = time.Since(start)
					_ = server.Close()
					pass(5 * time.Minute)
					if left := len(n.hosts[0].streams) + len(n.hosts[1].streams); left != 0 {
						t.Errorf("%d ends of streams are left", left)
					}
				})
			}
			if took[0] != took[1] {
				t.Errorf("took %v, then %v", took[0], took[1])
			}
		})
	}
}

// loseFirstData drops the first segment that carries something.
func loseFirstData(n *Net) {
	first := true
	n.Tap(func(p Packet) Verdict {
		if first && len(p.Data) > 0 {
			first = false
			return Drop
		}
		return Pass
	})
}

// A lost segment holds up those after it until it has come again, a timeout later.
func TestALostSegmentHoldsUpTheOthers(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		client, server := streamPair(t, n, Link{Delay: 10 * time.Millisecond})
		loseFirstData(n)
		start := time.Now()
		for _, text := range []string{"one", "two"} {
			if _, err := client.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		buf := make([]byte, 16)
		got, err := io.ReadFull(server, buf[:6])
		if took := time.Since(start); string(buf[:got]) != "onetwo" || err != nil || took != minRTO+10*time.Millisecond {
			t.Errorf("%q after %v: %v", buf[:got], took, err)
		}
	})
}

// RFC 5681 section 3.2: three acknowledgments of the same are a loss, a round trip
// later instead of a timeout.
func TestALossAmongManySegmentsIsRepairedInARoundTrip(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		client, server := streamPair(t, n, Link{Delay: 10 * time.Millisecond})
		loseFirstData(n)
		start := time.Now()
		if _, err := client.Write(make([]byte, 8*maxSegment)); err != nil {
			t.Fatal(err)
		}
		_, err := io.ReadFull(server, make([]byte, 8*maxSegment))
		if took := time.Since(start); err != nil || took != 30*time.Millisecond {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// A stream takes the path's bandwidth, and hardly less.
func TestStreamsFillTheLink(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		client, server := streamPair(t, n, Link{Delay: 5 * time.Millisecond, Bandwidth: 8e6})
		const size = 2_000_000
		start := time.Now()
		go func() {
			_, _ = client.Write(make([]byte, size))
			_ = client.Close()
		}()
		got, err := io.Copy(io.Discard, server)
		if took := time.Since(start); err != nil || got != size || took < 2*time.Second || took > 2200*time.Millisecond {
			t.Errorf("%d octets in %v: %v", got, took, err)
		}
	})
}

// Who does not read holds up who writes, until a deadline, and lets it go on.
func TestAFullStreamHoldsTheWriter(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		client, server := streamPair(t, n, Link{Delay: 10 * time.Millisecond})
		sent := randomBytes(300_000)
		_ = client.SetWriteDeadline(time.Now().Add(time.Minute))
		start := time.Now()
		wrote, err := client.Write(sent)
		if !errors.Is(err, os.ErrDeadlineExceeded) || wrote != 2*streamBuffer || time.Since(start) != time.Minute {
			t.Fatalf("wrote %d in %v: %v", wrote, time.Since(start), err)
		}
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
		_ = client.SetWriteDeadline(time.Time{})
		go func() {
			_, _ = client.Write(sent[wrote:])
			_ = client.Close()
		}()
		start = time.Now()
		got, err := io.ReadAll(server)
		if err != nil || !bytes.Equal(got, sent) || time.Since(start) > time.Second {
			t.Errorf("%d octets in %v: %v", len(got), time.Since(start), err)
		}
	})
}

// RFC 9293 section 3.6: one direction closes, the other goes on.
func TestAHalfClosedStreamGoesOn(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		client, server := streamPair(t, n, Link{Delay: 10 * time.Millisecond})
		if _, err := client.Write([]byte("question")); err != nil {
			t.Fatal(err)
		}
		if err := client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write([]byte("?")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write after CloseWrite: %v", err)
		}
		if got, err := io.ReadAll(server); string(got) != "question" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := server.Write([]byte("answer")); err != nil {
			t.Fatal(err)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(client); string(got) != "answer" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if err := client.Close(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		pass(time.Minute)
		if left := len(n.hosts[0].streams) + len(n.hosts[1].streams); left != 0 {
			t.Errorf("%d ends of streams are left", left)
		}
	})
}

// A reset, a writer into what is closed, and a peer that has vanished.
func TestStreamsBreak(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		client, server := streamPair(t, n, Link{Delay: 10 * time.Millisecond})
		_ = server.(interface{ SetLinger(int) error }).SetLinger(0)
		_ = server.Close()
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after a reset: %v", err)
		}
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}

		client, server = accepted(t, n.hosts[0], n.hosts[1])
		_ = server.Close()
		pass(time.Second)
		_, _ = client.Write([]byte("into the void"))
		pass(time.Second)
		if _, err := client.Write([]byte("again")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("write to who has closed: %v", err)
		}

		client, _ = accepted(t, n.hosts[0], n.hosts[1])
		n.SetDefaultLink(Link{Down: true})
		_, _ = client.Write([]byte("anybody?"))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
			t.Errorf("on a dead path: %v", err)
		}
	})
}

// net.Conn: a deadline ends a Read that waits, Close too, and neither loses data.
func TestDeadlinesAndCloseEndWaiting(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		client, server := streamPair(t, n, Link{Delay: 10 * time.Millisecond})
		start := time.Now()
		_ = client.SetDeadline(time.Now().Add(time.Second))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		_ = client.SetDeadline(time.Time{})
		_, _ = server.Write([]byte("late"))
		buf := make([]byte, 8)
		if got, err := client.Read(buf); string(buf[:got]) != "late" || err != nil {
			t.Errorf("%q, %v", buf[:got], err)
		}
		time.AfterFunc(time.Second, func() { client.Close() })
		if _, err := client.Read(buf); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		l, err := n.hosts[0].ListenTCP(ap("192.0.2.1:80"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.hosts[0].ListenTCP(ap("0.0.0.0:80")); !errors.Is(err, syscall.EADDRINUSE) {
			t.Error(err)
		}
		time.AfterFunc(time.Second, func() { l.Close() })
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// What nobody accepts is bounded, and waits or is reset with its listener.
func TestABacklogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		defer n.Close()
		a, b := n.Host("a", "192.0.2.1"), n.Host("b", "192.0.2.2")
		l, err := b.ListenTCP(ap("192.0.2.2:80"))
		if err != nil {
			t.Fatal(err)
		}
		var first net.Conn
		for i := range backlog {
			c, err := a.DialTCP(context.Background(), netip.Addr{}, ap("192.0.2.2:80"))
			if err != nil {
				t.Fatal(i, err)
			}
			if first == nil {
				first = c
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := a.DialTCP(ctx, netip.Addr{}, ap("192.0.2.2:80")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		_ = l.Close()
		if _, err := first.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	})
}
