package webrtc

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// rig is two connections on a virtual network with a signalling channel
// between them that takes no time. Use it inside a synctest bubble.
type rig struct {
	t            testing.TB
	net          *simnet.Net
	hostA, hostB *simnet.Host
	a, b         *PeerConnection
}

// rigOption changes a rig before its connections are made.
type rigOption func(*rigConfig)

type rigConfig struct {
	link             simnet.Link
	engineA, engineB SettingEngine
	configA, configB Configuration
	mediaA, mediaB   *MediaEngine // nil: the default codecs
	apiA, apiB       []func(*API)
	seed             uint64
}

func withLink(l simnet.Link) rigOption { return func(c *rigConfig) { c.link = l } }

func withEngines(f func(a, b *SettingEngine)) rigOption {
	return func(c *rigConfig) { f(&c.engineA, &c.engineB) }
}

// withMedia gives both ends the codecs of an engine.
func withMedia(m *MediaEngine) rigOption { return func(c *rigConfig) { c.mediaA, c.mediaB = m, m } }

func mediaOption(m *MediaEngine) []func(*API) {
	if m == nil {
		return nil
	}
	return []func(*API){WithMediaEngine(m)}
}

// withAPIs gives the connections' APIs further options.
func withAPIs(a, b []func(*API)) rigOption { return func(c *rigConfig) { c.apiA, c.apiB = a, b } }

// inBubble runs f in a synctest bubble with a rig, and closes everything.
func inBubble(t *testing.T, f func(t *testing.T, r *rig), options ...rigOption) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, options...)
		defer r.close()
		f(t, r)
	})
}

func newRig(t testing.TB, options ...rigOption) *rig {
	t.Helper()
	config := rigConfig{seed: 1}
	for _, option := range options {
		option(&config)
	}
	r := &rig{t: t, net: simnet.New(config.seed)}
	r.net.SetDefaultLink(config.link)
	r.hostA = r.net.Host("a", "192.0.2.1")
	r.hostB = r.net.Host("b", "192.0.2.2")
	r.a = connectionOn(t, r.hostA, config.engineA, config.configA, append(mediaOption(config.mediaA), config.apiA...)...)
	r.b = connectionOn(t, r.hostB, config.engineB, config.configB, append(mediaOption(config.mediaB), config.apiB...)...)
	return r
}

func connectionOn(t testing.TB, h *simnet.Host, e SettingEngine, c Configuration, options ...func(*API)) *PeerConnection {
	t.Helper()
	pc, err := NewAPI(append(options, WithSettingEngine(e), withNetwork(h))...).NewPeerConnection(c)
	must(t, err)
	return pc
}

func mustAddr(t testing.TB, s string) netip.Addr {
	t.Helper()
	a, err := netip.ParseAddr(s)
	must(t, err)
	return a
}

func (r *rig) close() {
	must(r.t, r.a.Close())
	must(r.t, r.b.Close())
	r.net.Close()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// trickle carries the candidates of from to to, those that come before to has
// a remote description once it has one.
type trickle struct {
	t     testing.TB
	to    *PeerConnection
	mu    sync.Mutex
	ready bool
	early []ICECandidateInit
}

// announcedAs names what OnICECandidate is called with: the type of a candidate,
// "last" for the end of a generation of one transport, "end" for that of all.
func announcedAs(c *ICECandidate) string {
	switch {
	case c == nil:
		return "end"
	case c.isEnd():
		return "last"
	}
	return c.Typ.String()
}

func newTrickle(t testing.TB, from, to *PeerConnection) *trickle {
	tr := &trickle{t: t, to: to}
	from.OnICECandidate(func(c *ICECandidate) {
		if c != nil {
			tr.send(c.ToJSON())
		}
	})
	return tr
}

func (tr *trickle) send(c ICECandidateInit) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if !tr.ready {
		tr.early = append(tr.early, c)
		return
	}
	tr.add(c)
}

func (tr *trickle) open() {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.ready = true
	for _, c := range tr.early {
		tr.add(c)
	}
	tr.early = nil
}

// add hands a candidate over, unless the test has closed the connection.
func (tr *trickle) add(c ICECandidateInit) {
	if err := tr.to.AddICECandidate(c); err != nil && !errors.Is(err, net.ErrClosed) {
		tr.t.Error(err)
	}
}

// negotiate runs one exchange with trickled candidates, offerer first.
func negotiate(t testing.TB, offerer, answerer *PeerConnection) {
	t.Helper()
	toAnswerer, toOfferer := newTrickle(t, offerer, answerer), newTrickle(t, answerer, offerer)
	must(t, offerer.SetLocalDescription(SessionDescription{}))
	must(t, answerer.SetRemoteDescription(*offerer.LocalDescription()))
	toAnswerer.open()
	must(t, answerer.SetLocalDescription(SessionDescription{}))
	must(t, offerer.SetRemoteDescription(*answerer.LocalDescription()))
	toOfferer.open()
}

// opened returns a channel that is closed when d has opened.
func opened(d *DataChannel) <-chan struct{} {
	done := make(chan struct{})
	d.OnOpen(func() { close(done) })
	return done
}

// wait fails the test unless done is closed within limit.
func wait[T any](t testing.TB, what string, done <-chan T, limit time.Duration) T {
	t.Helper()
	select {
	case v := <-done:
		return v
	case <-time.After(limit):
		t.Fatalf("%s: not within %v", what, limit)
		panic("unreachable")
	}
}

// openPair connects the rig with a channel from a, and returns both ends of it.
func (r *rig) openPair(label string, init *DataChannelInit) (atA, atB *DataChannel) {
	r.t.Helper()
	atA, atB, _, _ = r.timePair(label, init)
	return atA, atB
}

// timePair is openPair which also tells when the channel was open at a, and there at b.
func (r *rig) timePair(label string, init *DataChannelInit) (atA, atB *DataChannel, open, accepted time.Duration) {
	r.t.Helper()
	came := make(chan *DataChannel, 1)
	r.b.OnDataChannel(func(d *DataChannel) { came <- d })
	atA, err := r.a.CreateDataChannel(label, init)
	must(r.t, err)
	ready := opened(atA)
	start := time.Now()
	negotiate(r.t, r.a, r.b)
	wait(r.t, "open", ready, time.Minute)
	open = time.Since(start)
	atB = wait(r.t, "data channel", came, time.Minute)
	return atA, atB, open, time.Since(start)
}
