package dtls

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

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
