package dtls

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestConnectsInTwoRoundTrips(t *testing.T) {
	// RFC 6347 figure 1 without flights 2 and 3: ClientHello, ServerHello..., Certificate...Finished, Finished.
	synctest.Test(t, func(t *testing.T) {
		w := newWire(50 * time.Millisecond)
		began := time.Now()
		client, server := pair(t, w, nil)
		eventually(t, "both connected", time.Minute, connected(client, server))
		if got, want := client.when(Connected).Sub(began), 200*time.Millisecond; got != want {
			t.Errorf("client connected after %v, want %v", got, want)
		}
		if got, want := server.when(Connected).Sub(began), 150*time.Millisecond; got != want {
			t.Errorf("server connected after %v, want %v", got, want)
		}
		for role, want := range map[Role]int{Client: 2, Server: 2} {
			if got := len(w.datagrams(role)); got != want {
				t.Errorf("%v sent %d datagrams, want %d", role, got, want)
			}
		}
		for _, e := range []*end{client, server} {
			if got, want := e.announced(), "[connecting connected]"; got != want {
				t.Errorf("announced %s, want %s", got, want)
			}
			if e.CipherSuite() != 0xc02b || e.Overhead() != 37 {
				t.Errorf("suite %#x, overhead %d", e.CipherSuite(), e.Overhead())
			}
		}
		if p, ok := client.SelectedSRTPProfile(); !ok || p != AEAD_AES_256_GCM {
			t.Errorf("client's profile %v %v", p, ok)
		}
		ck, err := client.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", 88)
		if err != nil {
			t.Fatal(err)
		}
		sk, err := server.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", 88)
		if err != nil || !bytes.Equal(ck, sk) || len(ck) != 88 {
			t.Errorf("exported keys differ: %v", err)
		}
		if !bytes.Equal(client.PeerCertificates()[0], certificate(t, "server").Certificate[0]) {
			t.Error("client reports another certificate than the server's")
		}
		if !bytes.Equal(server.PeerCertificates()[0], certificate(t, "client").Certificate[0]) {
			t.Error("server reports another certificate than the client's")
		}
		exchange(t, client, server)
		client.Close()
		time.Sleep(time.Second)
		for _, e := range []*end{client, server} {
			if got, want := e.announced(), "[connecting connected closed]"; got != want {
				t.Errorf("announced %s, want %s", got, want)
			}
		}
		server.Close()
	})
}

// exchange sends a few records each way and waits for them.
func exchange(t *testing.T, a, b *end) {
	t.Helper()
	if n := a.Stats().EngineDropped + b.Stats().EngineDropped; n != 0 {
		t.Errorf("%d records of the engine were dropped", n)
	}
	hadA, hadB := len(a.received()), len(b.received())
	for i := range 3 {
		if err := a.Write(fmt.Appendf(nil, "to b %d", i), false); err != nil {
			t.Fatal(err)
		}
		if err := b.Write(fmt.Appendf(nil, "to a %d", i), false); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Second)
	want := "[to b 0 to b 1 to b 2]"
	if got := fmt.Sprint(b.received()[hadB:]); got != want {
		t.Errorf("b received %s, want %s", got, want)
	}
	want = "[to a 0 to a 1 to a 2]"
	if got := fmt.Sprint(a.received()[hadA:]); got != want {
		t.Errorf("a received %s, want %s", got, want)
	}
}

func TestEverySuiteConnects(t *testing.T) {
	full := cipherSuites
	defer func() { cipherSuites = full }()
	for _, s := range full {
		t.Run(s.name, func(t *testing.T) {
			cipherSuites = []cipherSuite{s}
			synctest.Test(t, func(t *testing.T) {
				client, server := pair(t, newWire(time.Millisecond), func(c *Config) {
					if !s.ecdsa {
						c.Certificate = certificate(t, "rsa "+c.Role.String())
					}
				})
				eventually(t, "both connected", time.Minute, connected(client, server))
				if client.CipherSuite() != s.id {
					t.Errorf("suite %#x", client.CipherSuite())
				}
				if want := recordHeaderLen + s.explicit + tagLen; client.Overhead() != want {
					t.Errorf("overhead %d, want %d", client.Overhead(), want)
				}
				exchange(t, client, server)
				client.Close()
				server.Close()
			})
		})
	}
}

func TestServersPreferenceChoosesTheSRTPProfile(t *testing.T) {
	tests := []struct {
		name           string
		client, server []SRTPProfile
		want           SRTPProfile
		fails          bool
	}{
		{"the server's order wins", []SRTPProfile{1, 7, 8}, []SRTPProfile{8, 7, 1}, 8, false},
		{"what the client lacks is skipped", []SRTPProfile{1, 7}, []SRTPProfile{8, 7, 1}, 7, false},
		{"no use_srtp in the ClientHello", nil, []SRTPProfile{8}, 0, false},
		{"no profile of the server's", []SRTPProfile{1, 7}, nil, 0, false},
		{"nothing in common", []SRTPProfile{1}, []SRTPProfile{8}, 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := pair(t, newWire(time.Millisecond), func(c *Config) {
					c.SRTPProfiles = test.client
					if c.Role == Server {
						c.SRTPProfiles = test.server
					}
				})
				if test.fails {
					eventually(t, "server failed", time.Minute, func() bool { return server.State() == Failed })
				} else {
					eventually(t, "both connected", time.Minute, connected(client, server))
					if got, ok := server.SelectedSRTPProfile(); got != test.want || ok != (test.want != 0) {
						t.Errorf("server selected %d, want %d", got, test.want)
					}
				}
				client.Close()
				server.Close()
			})
		})
	}
}

func TestStartRefusesWhatCannotWork(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no certificate": func(c *Config) { c.Certificate.Certificate = nil },
		"no key":         func(c *Config) { c.Certificate.PrivateKey = nil },
		"no VerifyPeer":  func(c *Config) { c.VerifyPeer = nil },
		"no Output":      func(c *Config) { c.Output = nil },
		"unknown role":   func(c *Config) { c.Role = 7 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := newEnd(t, newWire(0), Client, nil).cfg
			change(&cfg)
			if err := New(cfg).Start(); err == nil {
				t.Error("Start succeeds")
			}
		})
	}
}

func TestKeyLogIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logs [2]bytes.Buffer
		client, server := pair(t, newWire(time.Millisecond), func(c *Config) { c.KeyLog = &logs[c.Role] })
		eventually(t, "both connected", time.Minute, connected(client, server))
		client.Close()
		server.Close()
		if !strings.HasPrefix(logs[Client].String(), "CLIENT_RANDOM ") || logs[Client].String() != logs[Server].String() {
			t.Errorf("key logs %q and %q", logs[Client].String(), logs[Server].String())
		}
	})
}

// BenchmarkHandshake is a whole handshake of two ends without a network, certificates made before.
func BenchmarkHandshake(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		done := make(chan struct{}, 2)
		var ends [2]*Association
		for _, role := range []Role{Client, Server} {
			ends[role] = New(Config{
				Role: role, Certificate: certificate(b, role.String()), VerifyPeer: func([][]byte) error { return nil },
				Output: &crossOutput{to: func() *Association { return ends[1-role] }},
				OnState: func(s State, _ error) {
					if s == Connected {
						done <- struct{}{}
					}
				},
			})
		}
		for _, role := range []Role{Server, Client} {
			if err := ends[role].Start(); err != nil {
				b.Fatal(err)
			}
		}
		<-done
		<-done
		ends[Client].Close()
		ends[Server].Close()
	}
}

// crossOutput hands datagrams to the other end on a goroutine of their own: Output must not call associations.
type crossOutput struct {
	to  func() *Association
	buf [2048]byte
}

func (o *crossOutput) Buffer(int) []byte { return o.buf[:0] }
func (o *crossOutput) Send(d []byte, _ bool) {
	d = append([]byte(nil), d...)
	go o.to().HandleDatagram(noTime, d, func([]byte) {})
}
