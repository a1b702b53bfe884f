package dtls

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
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

func TestSurvivesLossReorderingAndDuplication(t *testing.T) {
	for _, loss := range []float64{0, 0.1, 0.3, 0.5} {
		for seed := range uint64(12) {
			t.Run(fmt.Sprintf("loss %v seed %d", loss, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWire(30 * time.Millisecond)
					w.jitter = 40 * time.Millisecond
					w.rng.Uint64()
					for range seed {
						w.rng.Uint64()
					}
					w.tap = func(_ Role, d []byte) [][]byte {
						switch {
						case w.rng.Float64() < loss:
							return nil
						case w.rng.Float64() < 0.2:
							return [][]byte{d, d}
						}
						return [][]byte{d}
					}
					client, server := pair(t, w, func(c *Config) { c.MTU = 300 })
					eventually(t, "both connected", 5*time.Minute, connected(client, server))
					w.mu.Lock()
					w.tap, w.jitter = nil, 0
					w.mu.Unlock()
					time.Sleep(time.Second)
					exchange(t, client, server)
					client.Close()
					server.Close()
				})
			})
		}
	}
}

func TestEachRecordInItsOwnDatagramInAnyOrder(t *testing.T) {
	// RFC 6347 section 4.2.3: messages may be packed in any way; section 3.2.2: and come out of order.
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		w.tap = func(_ Role, d []byte) [][]byte {
			_, rs := records(t, d)
			for i, j := 0, len(rs)-1; i < j; i, j = i+1, j-1 {
				rs[i], rs[j] = rs[j], rs[i]
			}
			return rs
		}
		client, server := pair(t, w, nil)
		eventually(t, "both connected", time.Second, connected(client, server))
		if n := client.Stats().Retransmissions + server.Stats().Retransmissions; n != 0 {
			t.Errorf("%d retransmissions, want none: reordering inside a flight loses nothing", n)
		}
		client.Close()
		server.Close()
	})
}

func TestLostChangeCipherSpecCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		w.tap = func(_ Role, d []byte) [][]byte {
			hs, rs := records(t, d)
			var out []byte
			for i := range rs {
				if hs[i].typ != typeChangeCipherSpec {
					out = append(out, rs[i]...)
				}
			}
			return [][]byte{out}
		}
		client, server := pair(t, w, nil)
		eventually(t, "both connected", 100*time.Millisecond, connected(client, server))
		client.Close()
		server.Close()
	})
}

func TestFlightsAreRepeatedWithBackOff(t *testing.T) {
	// RFC 6347 section 4.2.4.1: double the timer at each retransmission, up to 60 s.
	synctest.Test(t, func(t *testing.T) {
		w := newWire(0)
		w.tap = func(Role, []byte) [][]byte { return nil }
		client := newEnd(t, w, Client, func(c *Config) { c.RetransmitInterval = time.Second })
		began := time.Now()
		start(t, client)
		time.Sleep(200 * time.Second)
		var got []time.Duration
		for _, d := range w.datagrams(Client) {
			got = append(got, d.at.Sub(began))
		}
		want := "[0s 1s 3s 7s 15s 31s 1m3s 2m3s 3m3s]"
		if fmt.Sprint(got) != want {
			t.Errorf("ClientHello sent at %v, want %s", got, want)
		}
		client.Close()
	})
}

func TestRepetitionsCarryNewSequenceNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		drop := 2
		w.tap = func(from Role, d []byte) [][]byte {
			if hs, _ := records(t, d); from == Client && hs[len(hs)-1].epoch == 1 && drop > 0 {
				drop--
				return nil
			}
			return [][]byte{d}
		}
		client, server := pair(t, w, nil)
		eventually(t, "both connected", time.Minute, connected(client, server))
		var seqs [2][]uint64
		for _, d := range w.datagrams(Client) {
			hs, _ := records(t, d.data)
			for _, h := range hs {
				seqs[h.epoch] = append(seqs[h.epoch], h.seq)
			}
		}
		for epoch, s := range seqs {
			for i, seq := range s {
				if seq != uint64(i) {
					t.Fatalf("epoch %d: sequence numbers %v", epoch, s)
				}
			}
		}
		if len(seqs[1]) != 3 {
			t.Errorf("Finished sent %d times, want 3", len(seqs[1]))
		}
		client.Close()
		server.Close()
	})
}

func TestServerRepeatsItsLastFlightUntilTheClientHasIt(t *testing.T) {
	// RFC 6347 section 4.2.4: the side that sent the last flight "MUST respond to a retransmit of the peer's last flight".
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		drop := 3
		w.tap = func(from Role, d []byte) [][]byte {
			if hs, _ := records(t, d); from == Server && hs[len(hs)-1].epoch == 1 && drop > 0 {
				drop--
				return nil
			}
			return [][]byte{d}
		}
		client, server := pair(t, w, nil)
		eventually(t, "server connected", time.Minute, connected(server))
		if !server.repeatable.Load() {
			t.Error("the server does not keep its last flight")
		}
		eventually(t, "client connected", time.Minute, connected(client))
		if n := server.Stats().Retransmissions; n != 3 {
			t.Errorf("server repeated %d flights, want 3", n)
		}
		exchange(t, client, server)
		if server.repeatable.Load() {
			t.Error("the server keeps its last flight though the client has it")
		}
		client.Close()
		server.Close()
	})
}

func TestApplicationDataBeforeFinishedIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		drop := 1
		w.tap = func(from Role, d []byte) [][]byte {
			if hs, _ := records(t, d); from == Server && hs[len(hs)-1].epoch == 1 && drop > 0 {
				drop--
				return nil
			}
			return [][]byte{d}
		}
		client, server := pair(t, w, nil)
		eventually(t, "server connected", time.Minute, connected(server))
		if err := server.Write([]byte("early"), false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		if !client.when(Connected).IsZero() || len(client.received()) != 0 {
			t.Fatal("application data was delivered before the server's Finished came")
		}
		eventually(t, "client connected", time.Minute, connected(client))
		eventually(t, "early data delivered", time.Second, func() bool { return fmt.Sprint(client.received()) == "[early]" })
		client.Close()
		server.Close()
	})
}

func TestNoDataIsDeliveredBeforeConnectedWasAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(time.Millisecond)
		release := make(chan struct{})
		client := newEnd(t, w, Client, func(c *Config) {
			inner := c.OnState
			c.OnState = func(s State, err error) {
				if s == Connected {
					<-release
				}
				inner(s, err)
			}
		})
		server := newEnd(t, w, Server, nil)
		start(t, server)
		start(t, client)
		eventually(t, "server connected", time.Second, connected(server))
		time.Sleep(10 * time.Millisecond)
		for i := range 3 {
			if err := server.Write(fmt.Appendf(nil, "%d", i), false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
		if got := client.received(); len(got) != 0 {
			t.Errorf("received %v while OnState(Connected) runs", got)
		}
		close(release)
		synctest.Wait()
		if got := fmt.Sprint(client.received()); got != "[0 1 2]" {
			t.Errorf("received %v", got)
		}
		client.Close()
		server.Close()
	})
}

func TestDatagramsBeforeStartAreHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(time.Millisecond)
		server := newEnd(t, w, Server, nil)
		client := newEnd(t, w, Client, nil)
		start(t, client)
		time.Sleep(100 * time.Millisecond)
		start(t, server)
		eventually(t, "both connected", 10*time.Millisecond, connected(client, server))
		client.Close()
		server.Close()
	})
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

func TestRefusedCertificateFailsBothEnds(t *testing.T) {
	for _, refuser := range []Role{Client, Server} {
		t.Run(refuser.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				client, server := pair(t, newWire(10*time.Millisecond), func(c *Config) {
					if c.Role == refuser {
						c.VerifyPeer = func([][]byte) error { asked++; return errRefused }
					}
				})
				sad, other := client, server
				if refuser == Server {
					sad, other = server, client
				}
				eventually(t, "refuser failed", time.Second, func() bool { return sad.failure() != nil })
				if !errors.Is(sad.failure(), errRefused) || !errors.Is(sad.Err(), errRefused) {
					t.Errorf("failed with %v, want it to unwrap to VerifyPeer's error", sad.failure())
				}
				if asked != 1 {
					t.Errorf("VerifyPeer was asked %d times", asked)
				}
				// The alert is not authenticated yet, so the other end waits for silence before it believes it.
				eventually(t, "other failed", alertGrace+time.Second, func() bool { return other.failure() != nil })
				var alert *AlertError
				if !errors.As(other.failure(), &alert) || alert.Description != 42 || alert.Authenticated {
					t.Errorf("other failed with %v, want alert bad_certificate", other.failure())
				}
				for _, e := range []*end{client, server} {
					if got := e.announced(); got != "[connecting failed]" {
						t.Errorf("announced %s", got)
					}
					if _, ok := e.SelectedSRTPProfile(); ok || e.PeerCertificates() != nil {
						t.Error("a failed association reports a peer")
					}
					if err := e.Write([]byte("x"), false); err == nil {
						t.Error("a failed association takes data")
					}
				}
				client.Close()
				server.Close()
			})
		})
	}
}

func TestFatalAlertIsSentAgainWhenItWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		drop := 2
		w.tap = func(_ Role, d []byte) [][]byte {
			if hs, _ := records(t, d); hs[0].typ == typeAlert && drop > 0 {
				drop--
				return nil
			}
			return [][]byte{d}
		}
		client, server := pair(t, w, func(c *Config) {
			if c.Role == Server {
				c.VerifyPeer = func([][]byte) error { return errRefused }
			}
		})
		eventually(t, "client failed", 10*time.Second, func() bool { return client.State() == Failed })
		client.Close()
		server.Close()
	})
}

func TestForgedAlertDoesNotStopTheHandshake(t *testing.T) {
	// RFC 6347 section 4.1.2.7 warns of denial of service by forged records; an alert of epoch 0 has no proof.
	forged := []byte{typeAlert, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 2, alertFatal, 40}
	synctest.Test(t, func(t *testing.T) {
		w := newWire(50 * time.Millisecond)
		client, server := pair(t, w, nil)
		for range 19 {
			time.Sleep(10 * time.Millisecond)
			w.deliver(Client, append([]byte(nil), forged...))
			w.deliver(Server, append([]byte(nil), forged...))
		}
		eventually(t, "both connected", 100*time.Millisecond, connected(client, server))
		for range 10 {
			w.deliver(Client, append([]byte(nil), forged...))
			w.deliver(Server, append([]byte(nil), forged...))
			time.Sleep(time.Second)
		}
		exchange(t, client, server)
		if n := client.Stats().PlainDropped; n < 10 {
			t.Errorf("%d plain records dropped, want the forged alerts", n)
		}
		client.Close()
		server.Close()
	})
}

func TestCloseInEveryPhaseLeavesNothing(t *testing.T) {
	for delay := time.Duration(0); delay <= 60*time.Millisecond; delay += 5 * time.Millisecond {
		t.Run(delay.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the bubble fails when goroutines stay
				w := newWire(10 * time.Millisecond)
				client, server := pair(t, w, nil)
				time.Sleep(delay)
				client.Close()
				server.Close()
				client.Close()
				sent := len(w.datagrams(Client))
				time.Sleep(time.Minute)
				if got := len(w.datagrams(Client)); got != sent {
					t.Errorf("%d datagrams after Close", got-sent)
				}
				if err := client.Write([]byte("x"), false); err == nil {
					t.Error("a closed association takes data")
				}
				if client.State() != Closed {
					t.Errorf("state %v", client.State())
				}
			})
		})
	}
}

func TestCloseBeforeStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, newWire(0), Client, nil)
		e.Close()
		if err := e.Start(); err == nil {
			t.Error("Start after Close succeeds")
		}
		if got := e.announced(); got != "[closed]" {
			t.Errorf("announced %s", got)
		}
	})
}

func TestCloseInsideOnState(t *testing.T) {
	for _, at := range []State{Connecting, Connected, Failed} {
		for _, role := range []Role{Client, Server} {
			t.Run(fmt.Sprint(at, role), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWire(time.Millisecond)
					var e *end
					var closed atomic.Bool
					e = newEnd(t, w, role, func(c *Config) {
						inner := c.OnState
						c.OnState = func(s State, err error) {
							inner(s, err)
							if s == at {
								e.Close()
								closed.Store(true)
							}
						}
						if at == Failed {
							c.VerifyPeer = func([][]byte) error { return errRefused }
						}
					})
					other := newEnd(t, w, 1-role, nil)
					start(t, other)
					start(t, e)
					time.Sleep(10 * time.Second)
					if !closed.Load() {
						t.Errorf("OnState(%v) did not run or Close did not return: %s", at, e.announced())
					}
					other.Close()
				})
			})
		}
	}
}

func TestCloseNotifyIsSentOnceAndAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		client, server := pair(t, w, nil)
		eventually(t, "both connected", time.Minute, connected(client, server))
		before := map[Role]int{Client: len(w.datagrams(Client)), Server: len(w.datagrams(Server))}
		server.Close()
		time.Sleep(time.Second)
		client.Close()
		time.Sleep(time.Second)
		// RFC 5246 section 7.2.1: each side sends one close_notify.
		for role, n := range before {
			sent := w.datagrams(role)[n:]
			if len(sent) != 1 {
				t.Fatalf("%v sent %d datagrams at the end, want 1", role, len(sent))
			}
			if hs, _ := records(t, sent[0].data); hs[0].typ != typeAlert || hs[0].epoch != 1 {
				t.Errorf("%v ended with %+v, want a sealed alert", role, hs[0])
			}
		}
		if client.failure() != nil {
			t.Errorf("close_notify is no failure: %v", client.failure())
		}
	})
}

func TestAuthenticatedFatalAlertFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		client, server := pair(t, w, nil)
		eventually(t, "both connected", time.Minute, connected(client, server))
		server.mu0(func() { server.sendAlert(alertFatal, 80) })
		eventually(t, "client failed", time.Second, func() bool { return client.failure() != nil })
		var alert *AlertError
		if !errors.As(client.failure(), &alert) || alert.Description != 80 || !alert.Authenticated {
			t.Errorf("failed with %v", client.failure())
		}
		if got, want := alert.Error(), "dtls: peer sent alert internal_error (80)"; got != want {
			t.Errorf("error reads %q, want %q", got, want)
		}
		client.Close()
		server.Close()
	})
}

// mu0 runs f with the association's lock held.
func (e *end) mu0(f func()) {
	e.Association.mu.Lock()
	defer e.Association.mu.Unlock()
	f()
}

func TestOneByteFragmentsAreCheap(t *testing.T) {
	// The engine alone burns 1.3 s on 55 kB of one-byte fragments.
	synctest.Test(t, func(t *testing.T) {
		w := newWire(time.Millisecond)
		w.tap = func(from Role, d []byte) [][]byte {
			hs, rs := records(t, d)
			var out [][]byte
			for i := range rs {
				if hs[i].typ != typeHandshake || hs[i].epoch != 0 {
					out = append(out, rs[i])
					continue
				}
				f, _, _ := nextFragment(rs[i][recordHeaderLen:])
				for j := range f.body {
					r := make([]byte, recordHeaderLen)
					putHeader(r, typeHandshake, 0, uint64(j), messageHeaderLen+1)
					r = appendMessageHeader(r, f, f.offset+j, 1)
					out = append(out, append(r, f.body[j]))
				}
				if len(f.body) == 0 {
					out = append(out, rs[i])
				}
			}
			return out
		}
		client, server := pair(t, w, nil)
		eventually(t, "both connected", time.Second, connected(client, server))
		client.Close()
		server.Close()
	})
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
