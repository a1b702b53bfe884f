package dtls

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// udpOutput is an Output onto a socket.
type udpOutput struct {
	conn net.PacketConn
	mu   sync.Mutex
	to   net.Addr
	buf  [2048]byte
}

func (o *udpOutput) Buffer(int) []byte { return o.buf[:0] }
func (o *udpOutput) Send(b []byte, _ bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.to != nil {
		_, _ = o.conn.WriteTo(b, o.to)
	}
}

// TestWorksWithOpenSSL runs where the openssl command is installed.
func TestWorksWithOpenSSL(t *testing.T) {
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl command")
	}
	for suite, name := range map[uint16]string{
		0xc02b: "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02c: "ECDHE-ECDSA-AES256-GCM-SHA384",
		0xcca9: "ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca8: "ECDHE-RSA-CHACHA20-POLY1305",
		0xc02f: "ECDHE-RSA-AES128-GCM-SHA256", 0xc030: "ECDHE-RSA-AES256-GCM-SHA384",
	} {
		for _, role := range []Role{Client, Server} {
			t.Run(name+"/"+role.String(), func(t *testing.T) { againstOpenSSL(t, path, role, suite, name) })
		}
	}
}

// credentials writes a certificate and its key to files.
func credentials(t *testing.T, name string) (cert, key string) {
	t.Helper()
	c := certificate(t, name)
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func againstOpenSSL(t *testing.T, path string, role Role, suite uint16, cipher string) {
	kind := ""
	if strings.Contains(cipher, "RSA-") && !strings.Contains(cipher, "ECDSA") {
		kind = "rsa "
	}
	cert, key := credentials(t, kind+"openssl")
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := &udpOutput{conn: conn}
	common := []string{"-dtls1_2", "-cert", cert, "-key", key, "-cipher", cipher,
		"-use_srtp", "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", "-mtu", "500",
		"-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "60"}
	args := append([]string{"s_client", "-connect", conn.LocalAddr().String()}, common...)
	if role == Client {
		peer := freePort(t)
		out.to = peer
		args = append([]string{"s_server", "-accept", peer.String(), "-Verify", "1"}, common...)
	}
	cmd := exec.Command(path, args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	var running sync.WaitGroup
	running.Go(func() {
		defer close(lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
	})

	us := newEnd(t, newWire(0), role, func(c *Config) {
		c.Output = out
		c.RetransmitInterval = 50 * time.Millisecond // the server takes a moment to start
		c.Certificate = certificate(t, kind+role.String())
	})
	running.Go(func() {
		for {
			b := make([]byte, 2048)
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			out.mu.Lock()
			out.to = from
			out.mu.Unlock()
			us.HandleDatagram(time.Now(), b[:n], us.deliver)
		}
	})
	defer func() {
		us.Close()
		_ = stdin.Close()
		_ = conn.Close()
		_ = cmd.Process.Kill()
		running.Wait()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("openssl: %s", stderr.String())
		}
	}()
	start(t, us)
	us.await(t, "connected or failed", 10*time.Second, func() bool { return connected(us)() || us.failure() != nil })
	if us.State() != Connected {
		t.Fatalf("state %v: %v", us.State(), us.Err())
	}
	if us.CipherSuite() != suite {
		t.Errorf("suite %#x, want %#x", us.CipherSuite(), suite)
	}
	compareSRTP(t, us, role, lines)
	talk(t, us, stdin, lines)
}

// compareSRTP waits for what openssl prints of the profile and of the exported keying material (RFC 5764 section 4.2, RFC 5705), whatever
// the suite. As server we choose by our preference, though openssl's list begins with AES128_CM_SHA1_80, as Chromium's does.
func compareSRTP(t *testing.T, us *end, role Role, lines <-chan string) {
	t.Helper()
	names := map[string]SRTPProfile{"SRTP_AES128_CM_SHA1_80": AES128_CM_SHA1_80, "SRTP_AEAD_AES_128_GCM": AEAD_AES_128_GCM}
	ours, _ := us.SelectedSRTPProfile()
	if role == Server && ours != AEAD_AES_128_GCM {
		t.Errorf("as server we chose %d, want AEAD_AES_128_GCM", ours)
	}
	material, err := us.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", 60)
	if err != nil {
		t.Fatal(err)
	}
	var profileSeen, keysSeen bool
	for timeout := time.After(10 * time.Second); !profileSeen || !keysSeen; {
		var line string
		var open bool
		select {
		case line, open = <-lines:
		case <-timeout:
		}
		if !open {
			t.Fatalf("openssl told its profile: %t, its keying material: %t", profileSeen, keysSeen)
		}
		if _, name, ok := strings.Cut(line, "SRTP Extension negotiated, profile="); ok {
			profileSeen = true
			if theirs, known := names[strings.TrimSpace(name)]; !known || theirs != ours {
				t.Errorf("openssl has profile %q, we %d", name, ours)
			}
		}
		if _, digits, ok := strings.Cut(line, "Keying material: "); ok {
			keysSeen = true
			if !strings.EqualFold(strings.TrimSpace(digits), hex.EncodeToString(material)) {
				t.Errorf("openssl exports %s, we %x", digits, material)
			}
		}
	}
}

// talk exchanges lines with openssl, which prints what it receives and sends what it reads.
func talk(t *testing.T, us *end, stdin io.Writer, lines <-chan string) {
	t.Helper()
	for i := range 5 {
		line := fmt.Sprintf("ping %d", i)
		if err := us.Write([]byte(line+"\n"), false); err != nil {
			t.Fatal(err)
		}
		for timeout := time.After(5 * time.Second); ; {
			var got string
			select {
			case got = <-lines:
			case <-timeout:
				t.Fatalf("openssl did not print %q", line)
			}
			if strings.Contains(got, line) {
				break
			}
		}
		if _, err := io.WriteString(stdin, line+"\n"); err != nil {
			t.Fatal(err)
		}
		us.await(t, "our line came back", 5*time.Second, func() bool {
			return len(us.received()) == i+1 && us.received()[i] == line+"\n"
		})
	}
}

// freePort finds a UDP port of the loopback that nobody has.
func freePort(t *testing.T) net.Addr {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr()
}
