package dtls

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

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

func TestConnectedAssociationHasNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, newWire(time.Millisecond), nil)
		eventually(t, "both connected", time.Minute, connected(client, server))
		time.Sleep(time.Second)
		synctest.Wait()
		buf := make([]byte, 1<<20)
		for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")[1:] {
			if strings.Contains(stack, "pion/dtls") || strings.Contains(stack, "internal/dtls.(*") {
				t.Errorf("left after the handshake:\n%s", stack)
			}
		}
		client.Close()
		server.Close()
	})
}

func TestNothingIsSentAfterCloseOfAFailedAssociation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		w.tap = func(from Role, d []byte) [][]byte {
			if hs, _ := records(t, d); hs[0].typ == typeAlert {
				return nil // so that the client goes on
			}
			return [][]byte{d}
		}
		client, server := pair(t, w, func(c *Config) {
			if c.Role == Server {
				c.VerifyPeer = func([][]byte) error { return errRefused }
			}
		})
		eventually(t, "server failed", time.Second, func() bool { return server.State() == Failed })
		server.Close()
		n := len(w.datagrams(Server))
		time.Sleep(time.Minute)
		if got := len(w.datagrams(Server)); got != n {
			t.Errorf("%d datagrams after Close", got-n)
		}
		if got := server.announced(); got != "[connecting failed]" {
			t.Errorf("announced %s", got)
		}
		client.Close()
	})
}
