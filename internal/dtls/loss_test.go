package dtls

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

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
					for _, d := range w.sent {
						if len(d.data) > 300 {
							t.Errorf("a datagram of %d bytes, more than the MTU", len(d.data))
						}
					}
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
