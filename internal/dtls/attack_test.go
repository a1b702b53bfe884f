package dtls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	engine "github.com/pion/dtls/v2"
)

type ecdsaSignature struct{ R, S *big.Int }

// rewriteVerify is a wire's tap that changes the signature in the client's CertificateVerify.
func rewriteVerify(t *testing.T, change func(body []byte) []byte) func(Role, []byte) [][]byte {
	return func(from Role, d []byte) [][]byte {
		if from != Client {
			return [][]byte{d}
		}
		hs, rs := records(t, d)
		var out []byte
		for i, r := range rs {
			if hs[i].typ == typeHandshake && hs[i].epoch == 0 {
				if f, _, ok := nextFragment(r[recordHeaderLen:]); ok && f.typ == messageCertificateVerify {
					body := change(f.body)
					f.length = len(body)
					r = make([]byte, recordHeaderLen)
					putHeader(r, typeHandshake, 0, hs[i].seq, messageHeaderLen+len(body))
					r = append(appendMessageHeader(r, f, 0, len(body)), body...)
				}
			}
			out = append(out, r...)
		}
		return [][]byte{out}
	}
}

// overNothing forges an ECDSA signature of an empty digest: with e = 0, any t gives r = (tQ).x and s = r/t, without the private key.
func overNothing(t *testing.T, public *ecdsa.PublicKey) []byte {
	k, err := rand.Int(rand.Reader, public.Params().N)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := elliptic.P256().ScalarMult(public.X, public.Y, k.Bytes())
	r := new(big.Int).Mod(x, public.Params().N)
	s := new(big.Int).Mul(r, new(big.Int).ModInverse(k, public.Params().N))
	sig, err := asn1.Marshal(ecdsaSignature{r, s.Mod(s, public.Params().N)})
	if err != nil {
		t.Fatal(err)
	}
	const hashNone, signatureEd25519 = 8, 7
	return append([]byte{hashNone, signatureEd25519, 0, byte(len(sig))}, sig...)
}

func TestSignatureOverNothingIsRefused(t *testing.T) {
	// An impostor has the victim's certificate, so its fingerprint is right, but not the key.
	victim := certificate(t, "victim")
	impostor := tls.Certificate{Certificate: victim.Certificate, PrivateKey: certificate(t, "impostor").PrivateKey}
	forge := func([]byte) []byte { return overNothing(t, &victim.PrivateKey.(*ecdsa.PrivateKey).PublicKey) }

	t.Run("our server", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWire(time.Millisecond)
			w.tap = rewriteVerify(t, forge)
			peer := startRaw(t, w, Client, func(c *engine.Config) { c.Certificates = []tls.Certificate{impostor} })
			us := newEnd(t, w, Server, func(c *Config) {
				c.VerifyPeer = func([][]byte) error { t.Error("VerifyPeer is asked though the key was not proven"); return nil }
			})
			start(t, us)
			eventually(t, "failed", time.Second, func() bool { return us.failure() != nil })
			if !strings.Contains(us.failure().Error(), "SignatureScheme") {
				t.Errorf("failed with %v, want the scheme to be refused", us.failure())
			}
			us.Close()
			<-peer.done
			time.Sleep(time.Minute)
		})
	})
	t.Run("the engine by its defaults", func(t *testing.T) {
		// The reason for signatureSchemes: as long as this passes, the list must stay without Ed25519.
		synctest.Test(t, func(t *testing.T) {
			w := newWire(time.Millisecond)
			w.tap = rewriteVerify(t, forge)
			peer := startRaw(t, w, Client, func(c *engine.Config) { c.Certificates = []tls.Certificate{impostor} })
			server := startRaw(t, w, Server, nil)
			<-server.done
			if server.err != nil {
				t.Errorf("the engine refuses the forgery by itself now: %v", server.err)
			}
			<-peer.done
			if server.conn != nil {
				_ = server.conn.Close()
			}
			time.Sleep(time.Minute)
		})
	})
}

func TestClientsFinishedIsVerified(t *testing.T) {
	// RFC 5246 section 7.4.9: "Recipients of Finished messages MUST verify that the contents are correct." Here somebody on
	// the path changes the handshake where no signature covers it: (r, n-s) is as good a signature as (r, s).
	malleate := func(body []byte) []byte {
		var sig ecdsaSignature
		if _, err := asn1.Unmarshal(body[4:], &sig); err != nil {
			t.Fatal(err)
		}
		sig.S.Sub(elliptic.P256().Params().N, sig.S)
		der, err := asn1.Marshal(sig)
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte{body[0], body[1], 0, byte(len(der))}, der...)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWire(time.Millisecond)
		w.tap = rewriteVerify(t, malleate)
		client, server := pair(t, w, nil)
		eventually(t, "server failed", time.Second, func() bool { return server.failure() != nil })
		var sent *LocalAlertError
		if err := server.failure(); !strings.Contains(err.Error(), "Finished does not fit") || !errors.As(err, &sent) || sent.Description != alertDecryptError {
			t.Errorf("failed with %#v", err)
		}
		eventually(t, "client failed", 5*time.Second, func() bool { return client.failure() != nil })
		if err := client.failure(); !strings.Contains(err.Error(), "decrypt_error") || errors.As(err, &sent) {
			t.Errorf("client failed with %v", client.failure())
		}
		client.Close()
		server.Close()
	})
}

func TestForgedSequenceNumbersDoNotStopTheHandshake(t *testing.T) {
	// A handshake record of epoch 0 with the highest number would push the engine's replay window past the real ones.
	synctest.Test(t, func(t *testing.T) {
		w := newWire(20 * time.Millisecond)
		client, server := pair(t, w, nil)
		for range 20 {
			for _, role := range []Role{Client, Server} {
				for _, typ := range []uint8{messageCertificate, messageFinished, messageClientHello, messageServerHello, 99} {
					r := make([]byte, recordHeaderLen)
					putHeader(r, typeHandshake, 0, maxSequence, messageHeaderLen)
					w.deliver(role, appendMessageHeader(r, fragment{typ: typ, length: 5000, seq: 7}, 0, 0))
				}
				r := make([]byte, recordHeaderLen+40)
				putHeader(r, typeHandshake, 1, maxSequence, 40)
				w.deliver(role, r)
				putHeader(r, typeApplicationData, 1, maxSequence, 40)
				w.deliver(role, r)
				w.deliver(role, append(append([]byte(nil), r[:11]...), 0, 1, 1))
			}
			time.Sleep(3 * time.Millisecond)
		}
		eventually(t, "both connected", 3*time.Second, connected(client, server))
		exchange(t, client, server)
		client.Close()
		server.Close()
	})
}

func TestClaimedMessagesDoNotExhaustMemory(t *testing.T) {
	// Every fragment may claim a message of 16 MB; what is kept is bounded, and the message whose turn it is gets its room.
	var a assembler
	for seq := uint16(1); seq < 2000; seq++ {
		a.add(0, fragment{typ: messageCertificate, length: 1<<24 - 1, seq: seq, body: []byte{1}})
		a.add(0, fragment{typ: messageCertificate, length: maxMessage, seq: seq, body: []byte{1}})
	}
	if a.held > maxHandshake || len(a.partial) > maxAhead {
		t.Errorf("%d bytes in %d messages are kept", a.held, len(a.partial))
	}
	body := make([]byte, 20000)
	a.add(0, fragment{typ: messageCertificate, length: len(body), seq: 0, body: body})
	if _, ok := a.peek(); !ok {
		t.Error("the next message finds no room")
	}
}
