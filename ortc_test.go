package webrtc

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// ortcStack is the transports of one end, without a PeerConnection.
type ortcStack struct {
	gatherer *ICEGatherer
	ice      *ICETransport
	dtls     *DTLSTransport
	sctp     *SCTPTransport
}

func newORTCStack(t *testing.T, h *simnet.Host) *ortcStack {
	t.Helper()
	api := NewAPI(withNetwork(h))
	s := &ortcStack{}
	var err error
	s.gatherer, err = api.NewICEGatherer(ICEGatherOptions{})
	must(t, err)
	s.ice = api.NewICETransport(s.gatherer)
	s.dtls, err = api.NewDTLSTransport(s.ice, nil)
	must(t, err)
	s.sctp = api.NewSCTPTransport(s.dtls)
	return s
}

func (s *ortcStack) connect(t *testing.T, peer *ortcStack, role ICERole) {
	params, err := peer.gatherer.GetLocalParameters()
	must(t, err)
	candidates, err := peer.gatherer.GetLocalCandidates()
	must(t, err)
	must(t, s.ice.SetRemoteCandidates(candidates))
	must(t, s.ice.Start(nil, params, &role))
	dtls, err := peer.dtls.GetLocalParameters()
	must(t, err)
	must(t, s.dtls.Start(dtls))
	must(t, s.sctp.Start(peer.sctp.GetCapabilities()))
}

func (s *ortcStack) close(t *testing.T) {
	must(t, s.sctp.Stop())
	must(t, s.dtls.Stop())
	must(t, s.ice.Stop())
	must(t, s.gatherer.Close())
}

func TestTransportsWorkWithoutAPeerConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		n.SetDefaultLink(simnet.Link{Delay: 5 * time.Millisecond})
		a, b := newORTCStack(t, n.Host("a", "192.0.2.1")), newORTCStack(t, n.Host("b", "192.0.2.2"))
		for _, s := range []*ortcStack{a, b} {
			done := make(chan struct{})
			s.gatherer.OnLocalCandidate(func(c *ICECandidate) {
				if c == nil {
					close(done)
				}
			})
			must(t, s.gatherer.Gather())
			wait(t, "gathering", done, time.Minute)
		}
		accepted := make(chan *DataChannel, 1)
		b.sctp.OnDataChannel(func(d *DataChannel) { accepted <- d })
		connected := make(chan struct{}, 2)
		go func() { a.connect(t, b, ICERoleControlling); connected <- struct{}{} }()
		go func() { b.connect(t, a, ICERoleControlled); connected <- struct{}{} }()
		wait(t, "first", connected, time.Minute)
		wait(t, "second", connected, time.Minute)
		d, err := a.sctp.dtls.api.NewDataChannel(a.sctp, &DataChannelParameters{Label: "ortc", Ordered: true})
		must(t, err)
		wait(t, "open", opened(d), time.Minute)
		got := make(chan DataChannelMessage, 1)
		atB := wait(t, "accepted", accepted, time.Minute)
		atB.OnMessage(func(m DataChannelMessage) { got <- m })
		must(t, d.SendText("hello"))
		if m := wait(t, "message", got, time.Minute); string(m.Data) != "hello" || atB.Label() != "ortc" {
			t.Errorf("got %q on %q", m.Data, atB.Label())
		}
		a.close(t)
		b.close(t)
		for _, state := range []string{a.ice.State().String(), a.dtls.State().String(), a.sctp.State().String(), a.gatherer.State().String()} {
			if state != "closed" {
				t.Errorf("state %s after close", state)
			}
		}
	})
}

// Close of the gatherer ends what was built on it, whoever waits.
func TestClosingTheGathererEndsAStartThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		s := newORTCStack(t, n.Host("a", "192.0.2.1"))
		ended := make(chan error, 1)
		go func() {
			ended <- s.ice.Start(nil, ICEParameters{UsernameFragment: "abcd", Password: "0123456789012345678901"}, nil)
		}()
		synctest.Wait()
		must(t, s.gatherer.Close())
		if err := wait(t, "end", ended, time.Second); err == nil {
			t.Error("no error")
		}
	})
}
