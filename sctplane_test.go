package webrtc

import (
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// laneOf returns the association of a connection.
func laneOf(pc *PeerConnection) *sctpLane { return pc.sctp.engine.Load().(*sctpLane) }

// RFC 9260 section 5.2: a peer whose association has begun anew, while DTLS stays, knows no channel: they end with an
// error, and the connection goes on.
func TestAPeerThatRestartsItsAssociationEndsTheChannels(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, _ := r.openPair("x", nil)
		failed, closed := make(chan error, 1), make(chan struct{})
		atA.OnError(func(err error) { failed <- err })
		atA.OnClose(func() { close(closed) })
		lane := laneOf(r.b)
		must(t, lane.do(func(now time.Time) error {
			lane.machine = sctp.New(sctp.Config{Port: sctpPort, MTU: sctpMTU, ZeroChecksum: true, Seed: [32]byte{1}, Secret: [32]byte{2}})
			lane.machine.Connect(now)
			return nil
		}))
		if err := wait(t, "error", failed, time.Minute); !errors.Is(err, errPeerRestarted) {
			t.Errorf("the channel ended with %v", err)
		}
		wait(t, "close", closed, time.Minute)
		synctest.Wait()
		if s := r.a.SCTP().State(); s != SCTPTransportStateClosed {
			t.Errorf("SCTP %v", s)
		}
		if s := r.a.ConnectionState(); s != PeerConnectionStateConnected {
			t.Errorf("connection %v", s)
		}
		if err := atA.SendText("into nothing"); !errors.Is(err, ErrInvalidState) {
			t.Errorf("Send: %v", err)
		}
	})
}

// connectToTenStreams makes the handshake with a peer that has ten streams, and lets a say no more.
func connectToTenStreams(t *testing.T, lane *sctpLane) {
	var said [][]byte
	lane.mu.Lock()
	lane.write = func(next func() ([]byte, bool, bool)) error {
		for packet, _, ok := next(); ok; packet, _, ok = next() {
			said = append(said, append([]byte(nil), packet...))
		}
		return nil
	}
	lane.mu.Unlock()
	peer := sctp.New(sctp.Config{Port: sctpPort, MTU: sctpMTU, ZeroChecksum: true, Seed: [32]byte{1}, Secret: [32]byte{2}})
	now := time.Now()
	peer.Connect(now)
	init, _ := peer.NextPacket(now, nil)
	const streams = chunk.PacketHeaderSize + 4 + 4 + 4 // behind type, tag and window (RFC 9260 section 3.3.2)
	binary.BigEndian.PutUint16(init[streams:], 10)     // outbound
	binary.BigEndian.PutUint16(init[streams+2:], 10)   // inbound
	chunk.Seal(init)
	lane.HandlePacket(init)
	lane.mu.Lock()
	answers := said
	lane.mu.Unlock()
	for _, packet := range answers {
		peer.HandlePacket(now, packet)
	}
	echo, ok := peer.NextPacket(now, nil)
	if !ok {
		t.Error("no COOKIE ECHO")
	}
	lane.HandlePacket(echo)
}

// webrtc-pc section 6.1.3.4: maxChannels is what both ends have, also with our own engine, and channels beyond it do not open.
func TestOurEngineObeysThePeersNumberOfStreams(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		beyond, err := r.a.CreateDataChannel("x", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(10))})
		must(t, err)
		failed := make(chan error, 1)
		beyond.OnError(func(err error) { failed <- err })
		within, err := r.a.CreateDataChannel("y", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(9))})
		must(t, err)
		ready := opened(within)
		r.a.dtls.OnStateChange(func(s DTLSTransportState) {
			if s == DTLSTransportStateConnected { // b's own INIT is still on its way
				connectToTenStreams(t, laneOf(r.a))
			}
		})
		negotiate(t, r.a, r.b)
		wait(t, "open", ready, time.Minute)
		var e *Error
		if err := wait(t, "error", failed, time.Minute); !errors.As(err, &e) || e.Kind != KindDataChannelFailure {
			t.Errorf("the channel beyond ended with %v", err)
		}
		if n := r.a.SCTP().MaxChannels(); n != 10 {
			t.Errorf("%d channels", n)
		}
		if _, err := r.a.CreateDataChannel("z", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(10))}); !errors.Is(err, ErrOperation) {
			t.Errorf("ID 10: %v", err)
		}
	}, withLink(simnet.Link{Delay: 5 * time.Millisecond}))
}
