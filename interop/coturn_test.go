package interop

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// coturn is a TURN server (RFC 8656) of its own for one test.
type coturn struct {
	host      string
	port, tls int
	secret    string // of time-limited credentials; empty: alice has one for good
	roots     *x509.CertPool
	log       lockedBuffer
}

// coturnVersion is set by the first test that needs coturn.
var coturnVersion string

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newCoturn starts coturn on an address that every peer reaches.
func newCoturn(t testing.TB, timeLimited bool, arguments ...string) *coturn {
	t.Helper()
	path, err := exec.LookPath("turnserver")
	if err != nil {
		missing(t, "coturn: %v", err)
	}
	if version, err := exec.Command(path, "--version").Output(); err == nil {
		coturnVersion = "coturn " + strings.TrimSpace(string(version))
	}
	c := &coturn{host: "127.0.0.1", roots: x509.NewCertPool()}
	if networkKind() == "own namespace" {
		c.host = "10.78.0.1" // Chromium asks no server on loopback from elsewhere
	}
	c.port, c.tls = freePort(), freePort()
	folder := t.TempDir()
	c.certify(t, folder)
	all := append([]string{"-n", "--no-cli", "--no-dtls", "--log-file=stdout", "-v", "--fingerprint", "--realm=test", "--allow-loopback-peers",
		"--listening-ip=" + c.host, "--relay-ip=" + c.host, "--listening-port=" + strconv.Itoa(c.port), "--tls-listening-port=" + strconv.Itoa(c.tls),
		"--cert=" + filepath.Join(folder, "cert.pem"), "--pkey=" + filepath.Join(folder, "key.pem"),
		"--pidfile=" + filepath.Join(folder, "pid"), "--userdb=" + filepath.Join(folder, "db")}, arguments...)
	if timeLimited {
		c.secret = "s3cr3t"
		all = append(all, "--use-auth-secret", "--static-auth-secret="+c.secret)
	} else {
		all = append(all, "--lt-cred-mech", "--user=alice:secret")
	}
	cmd := exec.Command(path, all...)
	cmd.Stdout, cmd.Stderr = &c.log, &c.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("coturn: %s", c.log.String())
		}
	})
	for _, port := range []int{c.port, c.tls} {
		c.listens(t, port)
	}
	return c
}

func (c *coturn) listens(t testing.TB, port int) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", net.JoinHostPort(c.host, strconv.Itoa(port)))
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("coturn does not listen: %v; %s", err, c.log.String())
		}
		<-time.After(20 * time.Millisecond)
	}
}

// certify makes the server's certificate, and the roots that it is checked with.
func (c *coturn) certify(t testing.TB, folder string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "turn"}, IPAddresses: []net.IP{net.ParseIP(c.host)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	c.roots.AddCert(certificate)
}

// server is the entry of a configuration, for a transport: "udp", "tcp" or "tls".
func (c *coturn) server(transport string) webrtc.ICEServer {
	url := fmt.Sprintf("turn:%s:%d?transport=%s", c.host, c.port, transport)
	if transport == "tls" {
		url = fmt.Sprintf("turns:%s:%d?transport=tcp", c.host, c.tls)
	}
	s := webrtc.ICEServer{URLs: []string{url}, Username: "alice", Credential: "secret"}
	if c.secret != "" {
		// The time-limited credentials of the "REST API for access to TURN services".
		s.Username = fmt.Sprint(time.Now().Add(time.Hour).Unix(), ":alice")
		mac := hmac.New(sha1.New, []byte(c.secret))
		mac.Write([]byte(s.Username))
		s.Credential = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return s
}

func (c *coturn) settings() webrtc.SettingEngine {
	var settings webrtc.SettingEngine
	settings.SetTURNTLSConfig(&tls.Config{RootCAs: c.roots})
	return settings
}

// logged waits until the server has logged text n times.
func (c *coturn) logged(t testing.TB, text string, n int) {
	t.Helper()
	for end := time.Now().Add(patience); strings.Count(c.log.String(), text) < n; {
		if time.Now().After(end) {
			t.Fatalf("coturn has not logged %q %d times", text, n)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func relayOnly(servers ...webrtc.ICEServer) webrtc.Configuration {
	return webrtc.Configuration{ICETransportPolicy: webrtc.ICETransportPolicyRelay, ICEServers: servers}
}

// relayedPair connects two of ours through the server, and sends messages.
func relayedPair(t *testing.T, c *coturn, transport string) (a, b *local) {
	t.Helper()
	a = newLocalWith(t, c.settings(), relayOnly(c.server(transport)))
	b = newLocalWith(t, c.settings(), relayOnly(c.server(transport)))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	a.OnICECandidateError(func(e *webrtc.ICECandidateError) { a.note(fmt.Sprintf("error %+v", *e)) })
	whole := signalling{weOffer: true}
	channel := a.create("ours", channelInit{})
	offer, err := a.CreateOffer(nil)
	must(err)
	must(a.SetLocalDescription(offer))
	must(b.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: a.description(whole)}))
	answer, err := b.CreateAnswer(nil)
	must(err)
	must(b.SetLocalDescription(answer))
	must(a.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: b.description(whole)}))
	a.saw("connection connected")
	b.saw("connection connected")
	a.saw("channel ours open")
	b.saw("channel ours open")
	theirs := b.channel("ours")
	plan := []message{{true, 12}, {false, 1}, {false, 0}, {true, 3}, {false, 70_000}, {true, largest}}
	sent, err := a.send(channel, plan)
	must(err)
	received, err := theirs.inbox.wait(len(plan))
	must(err)
	sameMessages(t, "through coturn", true, sent, received)
	return a, b
}

// RFC 8656 with a real server: allocation, permissions, channels and the end of it
// (section 8), over UDP, TCP and TLS, with both kinds of credentials.
func TestTwoOfOursThroughCoturn(t *testing.T) {
	for name, timeLimited := range map[string]bool{"long-term credentials": false, "time-limited credentials": true} {
		c := newCoturn(t, timeLimited)
		allocations := 0
		for _, transport := range []string{"udp", "tcp", "tls"} {
			t.Run(name+", "+transport, func(t *testing.T) {
				a, b := relayedPair(t, c, transport)
				pair, err := a.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
				if err != nil || pair == nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay || pair.Local.RelayProtocol != transport {
					t.Errorf("selected %+v, %v", pair, err)
				}
				for _, l := range []*local{a, b} {
					if err := l.Close(); err != nil {
						t.Error(err)
					}
				}
				allocations += 2
				// By a Refresh with lifetime 0, which is repeated, and on a stream waited
				// for, until coturn has answered.
				c.logged(t, "lifetime=0", allocations)
				c.logged(t, "delete: realm=<test>, username=<", allocations)
			})
		}
	}
}

// webrtc-pc section 4.8.3: what coturn answers becomes the errorCode.
func TestCoturnRefusesWrongCredentials(t *testing.T) {
	c := newCoturn(t, false)
	wrong := c.server("udp")
	wrong.Credential = "guess"
	l := newLocalWith(t, c.settings(), relayOnly(wrong))
	l.OnICECandidateError(func(e *webrtc.ICECandidateError) { l.note(fmt.Sprintf("error %d", e.ErrorCode)) })
	l.create("x", channelInit{})
	offer, err := l.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	l.saw("error 401")
	l.saw("gathering complete")
}

// RFC 8656 section 18.11: coturn gives an IPv6 address beside the IPv4 one, in one
// allocation.
func TestCoturnRelaysBothFamilies(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skipf("this host has no IPv6: %v", err)
	} else {
		l.Close()
	}
	c := newCoturn(t, false, "--relay-ip=::1")
	a, _ := relayedPair(t, c, "udp")
	text := a.LocalDescription().SDP
	if !strings.Contains(text, " "+c.host+" ") || !strings.Contains(text, " ::1 ") || strings.Count(text, "typ relay") < 2 {
		t.Errorf("candidates of\n%s", text)
	}
	for _, line := range strings.Split(c.log.String(), "\n") {
		if strings.Contains(line, "error 4") && !strings.Contains(line, "error 401") {
			t.Error(line)
		}
	}
}

// Chromium and we meet on coturn only, over UDP and TCP.
func TestChromiumThroughCoturn(t *testing.T) {
	tab := harness(t)
	c := newCoturn(t, false)
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			server := c.server(transport)
			page, err := json.Marshal(map[string]any{"iceTransportPolicy": "relay", "iceServers": []any{
				map[string]any{"urls": server.URLs, "username": server.Username, "credential": server.Credential}}})
			if err != nil {
				t.Fatal(err)
			}
			r := inPage(t, "Chromium", tabOf(tab), fmt.Sprintf("peers.push(new Peer(%s)) - 1", page))
			l := newLocalWith(t, c.settings(), relayOnly(server))
			ours := l.create("ours", channelInit{})
			if err := r.CreateChannel("theirs", channelInit{}); err != nil {
				t.Fatal(err)
			}
			l.connect(r, signalling{weOffer: true, trickle: true})
			open(t, l, r, ours)
			roundTrip(t, l, r, ours, true)
			pair, err := l.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
			if err != nil || pair == nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay || pair.Local.RelayProtocol != transport ||
				pair.Remote.Typ != webrtc.ICECandidateTypeRelay && pair.Remote.Typ != webrtc.ICECandidateTypePrflx {
				t.Errorf("selected %+v, %v", pair, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
