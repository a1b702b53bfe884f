package dtls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"sync"
	"testing"
	"time"
)

// wire is a network of two ends in virtual time: what one end sends reaches the other after delay, unless tap drops it.
type wire struct {
	delay time.Duration
	// tap sees every datagram when it is sent, by its sender, and returns what arrives instead: nothing, it, or several.
	tap func(from Role, datagram []byte) [][]byte
	// jitter adds up to this much to each datagram's delay, so that they overtake each other.
	jitter time.Duration

	mu   sync.Mutex
	rng  *mathrand.Rand
	ends [2]func(datagram []byte) // by the role that receives
	sent []sentDatagram
	last time.Time // arrival of the newest datagram
}

type sentDatagram struct {
	from Role
	at   time.Time
	data []byte
}

func newWire(delay time.Duration) *wire {
	return &wire{delay: delay, rng: mathrand.New(mathrand.NewPCG(1, 2))}
}

func (w *wire) send(from Role, datagram []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	data := append([]byte(nil), datagram...)
	w.sent = append(w.sent, sentDatagram{from, time.Now(), data})
	arriving := [][]byte{data}
	if w.tap != nil {
		arriving = w.tap(from, data)
	}
	for _, d := range arriving {
		delay := w.delay
		if w.jitter > 0 {
			delay += time.Duration(w.rng.Int64N(int64(w.jitter)))
		}
		if w.jitter == 0 {
			// Timers that are due at the same instant run in any order; what is sent in order shall arrive in order.
			if at := time.Now().Add(delay); !at.After(w.last) {
				delay += w.last.Sub(at) + 1
			}
			w.last = time.Now().Add(delay)
		}
		d = append([]byte(nil), d...)
		time.AfterFunc(delay, func() { w.deliver(1-from, d) })
	}
}

func (w *wire) deliver(to Role, datagram []byte) {
	w.mu.Lock()
	end := w.ends[to]
	w.mu.Unlock()
	if end != nil {
		end(datagram)
	}
}

// datagrams returns what a role has sent so far.
func (w *wire) datagrams(from Role) []sentDatagram {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []sentDatagram
	for _, d := range w.sent {
		if d.from == from {
			out = append(out, d)
		}
	}
	return out
}

// wireOutput is an association's Output onto a wire.
type wireOutput struct {
	w    *wire
	from Role
	buf  [4096]byte
}

func (o *wireOutput) Buffer(n int) []byte {
	if n > len(o.buf) {
		return make([]byte, 0, n)
	}
	return o.buf[:0]
}
func (o *wireOutput) Send(b []byte, _ bool) { o.w.send(o.from, b) }

// end is an association under test with what it announced and delivered.
type end struct {
	*Association
	mu     sync.Mutex
	states []State
	times  []time.Time
	err    error
	data   []string
	news   chan struct{} // holds a token when a state or data came
}

func (e *end) received() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.data...)
}

func (e *end) announced() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprint(e.states)
}

// when returns at what time a state was announced.
func (e *end) when(s State) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.states {
		if e.states[i] == s {
			return e.times[i]
		}
	}
	return time.Time{}
}

func (e *end) failure() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// newEnd puts an association on a wire. Change may edit its configuration.
func newEnd(t testing.TB, w *wire, role Role, change func(*Config)) *end {
	t.Helper()
	e := &end{news: make(chan struct{}, 1)}
	cfg := Config{
		Role:         role,
		Certificate:  certificate(t, role.String()),
		SRTPProfiles: []SRTPProfile{AEAD_AES_256_GCM, AEAD_AES_128_GCM, AES128_CM_SHA1_80},
		VerifyPeer:   func([][]byte) error { return nil },
		Output:       &wireOutput{w: w, from: role},
		OnState: func(s State, err error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.states, e.times = append(e.states, s), append(e.times, time.Now())
			if err != nil {
				e.err = err
			}
			e.notify()
		},
	}
	if change != nil {
		change(&cfg)
	}
	e.Association = New(cfg)
	take := func(plaintext []byte) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.data = append(e.data, string(plaintext))
		e.notify()
	}
	e.SetDeliver(take)
	w.mu.Lock()
	w.ends[role] = func(datagram []byte) { e.HandleDatagram(time.Now(), datagram, take) }
	w.mu.Unlock()
	return e
}

// pair puts two associations on a wire and starts both.
func pair(t testing.TB, w *wire, change func(*Config)) (client, server *end) {
	t.Helper()
	client, server = newEnd(t, w, Client, change), newEnd(t, w, Server, change)
	start(t, server)
	start(t, client)
	return client, server
}

func start(t testing.TB, e *end) {
	t.Helper()
	if err := e.Start(); err != nil {
		t.Fatalf("Start: %v", err)
	}
}

// eventually waits in steps of virtual time until cond holds.
func eventually(t testing.TB, what string, limit time.Duration, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

func (e *end) notify() {
	select {
	case e.news <- struct{}{}:
	default:
	}
}

// await is eventually for real time, outside a bubble: it looks when the end has news.
func (e *end) await(t testing.TB, what string, limit time.Duration, cond func() bool) {
	t.Helper()
	for timeout := time.After(limit); !cond(); {
		select {
		case <-e.news:
		case <-timeout:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

func connected(ends ...*end) func() bool {
	return func() bool {
		for _, e := range ends {
			if e.when(Connected).IsZero() {
				return false
			}
		}
		return true
	}
}

var certificates struct {
	sync.Mutex
	made map[string]tls.Certificate
}

// certificate makes a self-signed certificate for a name, once. A name that begins with "rsa" gets an RSA key.
func certificate(t testing.TB, name string) tls.Certificate {
	t.Helper()
	certificates.Lock()
	defer certificates.Unlock()
	if c, ok := certificates.made[name]; ok {
		return c
	}
	var key any
	var public any
	if len(name) >= 3 && name[:3] == "rsa" {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		key, public = k, k.Public()
	} else {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, public = k, k.Public()
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Unix(1<<33, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	if certificates.made == nil {
		certificates.made = make(map[string]tls.Certificate)
	}
	certificates.made[name] = c
	return c
}

// records splits a datagram into its records.
func records(t testing.TB, datagram []byte) (hs []header, rs [][]byte) {
	t.Helper()
	for len(datagram) > 0 {
		h, r, rest, ok := nextRecord(datagram)
		if !ok {
			t.Fatalf("malformed datagram % x", datagram)
		}
		hs, rs, datagram = append(hs, h), append(rs, r), rest
	}
	return hs, rs
}

var errRefused = errors.New("fingerprint mismatch")

// noTime is a now for associations, which do not use it.
var noTime = time.Time{}
