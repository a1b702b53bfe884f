package dtls

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/pion/dtls/v2"
)

// rawConn joins an unmodified endpoint of pion/dtls to a wire.
type rawConn struct {
	w        *wire
	role     Role
	mu       sync.Mutex
	in       [][]byte
	wake     chan struct{}
	closed   bool
	deadline bool
}

func newRawConn(w *wire, role Role) *rawConn {
	c := &rawConn{w: w, role: role, wake: make(chan struct{}, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends[role] = func(d []byte) {
		c.mu.Lock()
		c.in = append(c.in, d)
		c.mu.Unlock()
		c.poke()
	}
	return c
}

func (c *rawConn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *rawConn) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		switch {
		case c.closed:
			c.mu.Unlock()
			return 0, io.EOF
		case c.deadline:
			c.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case len(c.in) > 0:
			n := copy(b, c.in[0])
			c.in = c.in[1:]
			c.mu.Unlock()
			return n, nil
		}
		c.mu.Unlock()
		<-c.wake
	}
}

func (c *rawConn) Write(b []byte) (int, error) { c.w.send(c.role, b); return len(b), nil }
func (c *rawConn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.poke()
	return nil
}
func (c *rawConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = !t.IsZero()
	c.mu.Unlock()
	c.poke()
	return nil
}
func (c *rawConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *rawConn) SetWriteDeadline(time.Time) error { return nil }
func (c *rawConn) LocalAddr() net.Addr              { return innerAddr{} }
func (c *rawConn) RemoteAddr() net.Addr             { return innerAddr{} }

// raw is a running endpoint of pion/dtls.
type raw struct {
	done chan struct{}
	conn *engine.Conn
	err  error
}

// startRaw runs pion/dtls as role on the wire, configured as pion/webrtc does.
func startRaw(t *testing.T, w *wire, role Role, change func(*engine.Config)) *raw {
	cfg := &engine.Config{
		Certificates:            []tls.Certificate{certificate(t, "raw "+role.String())},
		SRTPProtectionProfiles:  []engine.SRTPProtectionProfile{1, 7, 8},
		ClientAuth:              engine.RequireAnyClientCert,
		InsecureSkipVerify:      true,
		InsecureSkipVerifyHello: true,
		LoggerFactory:           silent{},
		FlightInterval:          time.Second,
	}
	if change != nil {
		change(cfg)
	}
	r := &raw{done: make(chan struct{})}
	inner := newRawConn(w, role)
	go func() {
		defer close(r.done)
		if role == Client {
			r.conn, r.err = engine.Client(inner, cfg)
		} else {
			r.conn, r.err = engine.Server(inner, cfg)
		}
	}()
	return r
}

func TestWorksWithAnUnmodifiedPeer(t *testing.T) {
	suites := []engine.CipherSuiteID{0xc02b, 0xc02c, 0xc02f, 0xc030}
	for _, role := range []Role{Client, Server} {
		for _, suite := range suites {
			for _, hello := range []bool{false, true} {
				if role == Server && hello {
					continue // the raw end is then the client and does not ask for HelloVerify
				}
				t.Run(fmt.Sprintf("%v/%#x/hello verify %v", role, uint16(suite), hello), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { againstPion(t, role, suite, hello, false) })
				})
			}
		}
		t.Run(role.String()+"/lossy", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { againstPion(t, role, 0xc02b, false, true) })
		})
	}
}

func againstPion(t *testing.T, role Role, suite engine.CipherSuiteID, helloVerify, lossy bool) {
	rsa := suite == 0xc02f || suite == 0xc030
	w := newWire(10 * time.Millisecond)
	if lossy {
		w.tap = func(_ Role, d []byte) [][]byte {
			if w.rng.Float64() < 0.3 {
				return nil
			}
			return [][]byte{d}
		}
	}
	peer := startRaw(t, w, 1-role, func(c *engine.Config) {
		c.CipherSuites = []engine.CipherSuiteID{suite}
		c.InsecureSkipVerifyHello = !helloVerify
		if rsa {
			c.Certificates = []tls.Certificate{certificate(t, "rsa raw")}
		}
	})
	us := newEnd(t, w, role, func(c *Config) {
		if rsa {
			c.Certificate = certificate(t, "rsa ours")
		}
	})
	start(t, us)
	eventually(t, "we are connected", time.Minute, connected(us))
	<-peer.done
	if peer.err != nil {
		t.Fatalf("peer: %v", peer.err)
	}
	if us.CipherSuite() != uint16(suite) {
		t.Errorf("suite %#x", us.CipherSuite())
	}
	w.mu.Lock()
	w.tap = nil
	w.mu.Unlock()
	state := peer.conn.ConnectionState()
	theirs, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 60)
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := us.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", 60); err != nil || !bytes.Equal(ours, theirs) {
		t.Errorf("exported keys differ (%v)", err)
	}
	profile, _ := peer.conn.SelectedSRTPProtectionProfile()
	if ours, ok := us.SelectedSRTPProfile(); !ok || uint16(ours) != uint16(profile) {
		t.Errorf("profiles %v, peer %v", ours, profile)
	} else if role == Server && ours != AEAD_AES_256_GCM {
		t.Errorf("as server we chose %d of the client's list, which begins with AES128_CM_SHA1_80; want ours, AEAD_AES_256_GCM", ours)
	}
	buf := make([]byte, 2048)
	for i := range 20 {
		if err := us.Write(fmt.Appendf(nil, "ping %d", i), false); err != nil {
			t.Fatal(err)
		}
		n, err := peer.conn.Read(buf)
		if err != nil || string(buf[:n]) != fmt.Sprintf("ping %d", i) {
			t.Fatalf("peer read %q, %v", buf[:n], err)
		}
		if _, err := peer.conn.Write(buf[:n]); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second)
	if got := us.received(); len(got) != 20 || got[19] != "ping 19" {
		t.Errorf("received %q", got)
	}
	if role == Client {
		us.Close()
		if _, err := peer.conn.Read(buf); !errors.Is(err, io.EOF) && !strings.Contains(fmt.Sprint(err), "CloseNotify") {
			t.Errorf("peer reads %v after our close_notify", err)
		}
		_ = peer.conn.Close()
	} else {
		// pion/dtls sometimes closes the wire before its close_notify is written.
		var told bool
		w.mu.Lock()
		w.tap = func(from Role, d []byte) [][]byte {
			told = told || from != role && d[0] == 21
			return [][]byte{d}
		}
		w.mu.Unlock()
		_ = peer.conn.Close()
		w.mu.Lock()
		written := told
		w.mu.Unlock()
		if written {
			eventually(t, "closed by the peer", time.Second, func() bool { return us.State() == Closed })
		}
		us.Close()
	}
	time.Sleep(5 * time.Second) // its goroutines end within a retransmission interval
}

func TestUnmodifiedPeerSeesAFatalAlert(t *testing.T) {
	for _, role := range []Role{Client, Server} {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire(10 * time.Millisecond)
				peer := startRaw(t, w, 1-role, nil)
				us := newEnd(t, w, role, func(c *Config) { c.VerifyPeer = func([][]byte) error { return errRefused } })
				start(t, us)
				<-peer.done
				if peer.err == nil || !strings.Contains(peer.err.Error(), "Fatal: BadCertificate") {
					t.Errorf("peer ends with %v, want the alert bad_certificate", peer.err)
				}
				if !errors.Is(us.Err(), errRefused) {
					t.Errorf("Err = %v", us.Err())
				}
				us.Close()
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestClientWithoutCertificateIsRefused(t *testing.T) {
	// RFC 8827 section 6.5: both ends authenticate by certificate.
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		peer := startRaw(t, w, Client, func(c *engine.Config) { c.Certificates = nil })
		us := newEnd(t, w, Server, func(c *Config) {
			c.VerifyPeer = func([][]byte) error { t.Error("VerifyPeer asked about no certificate"); return nil }
		})
		start(t, us)
		<-peer.done
		if us.State() != Failed || peer.err == nil {
			t.Errorf("state %v, peer %v; want both to fail", us.State(), peer.err)
		}
		us.Close()
		time.Sleep(time.Minute)
	})
}

func TestExtendedMasterSecretIsUsedWhenOffered(t *testing.T) {
	// RFC 7627. The engine derives the same master secret as its peer in each case, or the handshake would fail.
	for _, role := range []Role{Client, Server} {
		for name, policy := range map[string]engine.ExtendedMasterSecretType{
			"required": engine.RequireExtendedMasterSecret, "disabled": engine.DisableExtendedMasterSecret,
		} {
			t.Run(role.String()+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWire(time.Millisecond)
					peer := startRaw(t, w, 1-role, func(c *engine.Config) { c.ExtendedMasterSecret = policy })
					us := newEnd(t, w, role, nil)
					start(t, us)
					eventually(t, "connected", time.Second, connected(us))
					<-peer.done
					if peer.err != nil {
						t.Fatal(peer.err)
					}
					us.Close()
					_ = peer.conn.Close()
					time.Sleep(time.Minute)
				})
			})
		}
	}
}
