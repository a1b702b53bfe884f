package interop

import (
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
)

// RFC 4585 section 6.2.1, RFC 4588: with 5 % of all datagrams lost, packets of either
// end come again. Section 6.3.1: a PLI of ours is heard.
func TestVideoWithPionSurvivesLoss(t *testing.T) {
	p, l := newPionCall(t).(*pionCall), newWatching(t, "VP8")
	must(t, p.AddMedia("VP8"))
	relay := connectThrough(t, l.local, p, true)
	until(t, "packets both ways", func() int { return min(l.video.count(), p.video.count()) }, func(n int) bool { return n > 10 })
	relay.setLoss(50)
	type repairs struct{ PLIs, NACKs, NACKsHere, Resent int }
	now := until(t, "repairs under loss", func() (n repairs) {
		if p.plis.Load() == 0 { // the PLI itself may be lost
			l.askForKeyFrame()
		}
		n.PLIs, n.NACKs = int(p.plis.Load()), int(p.nacks.Load())
		for _, entry := range l.GetStats() {
			if s, ok := entry.(webrtc.OutboundRTPStreamStats); ok && s.Kind == "video" {
				n.NACKsHere, n.Resent = int(s.NACKCount), int(s.RetransmittedPacketsSent)
			}
		}
		return n
	}, func(n repairs) bool { return n.PLIs > 0 && n.NACKs > 5 && n.NACKsHere > 5 && n.Resent > 5 })
	relay.setLoss(0)
	for name, a := range map[string]*arrivals{"here": &l.video, "at pion": &p.video} {
		missing, of := until2(t, a)
		t.Logf("%+v; %d of %d packets of video are missing %s", now, missing, of, name)
		if missing > of/50 { // of those lost, not even half
			t.Errorf("%d of %d packets of video are missing %s in spite of NACK", missing, of, name)
		}
	}
}

// RFC 8853, RFC 8852: each of pion's three layers is a track of ours.
func TestPionSendsSimulcastInThreeLayers(t *testing.T) {
	p, l := newPionCall(t).(*pionCall), newLocalMedia(t)
	must(t, p.AddSimulcast())
	layers := map[string]*arrivals{"q": {}, "h": {}, "f": {}}
	l.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		a := layers[track.RID()]
		for a != nil {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if string(packet.Payload) == "layer "+track.RID() {
				a.note(packet)
			}
		}
	})
	l.prefer(t, "VP8")
	l.connect(p, signalling{weOffer: false})
	l.saw("connection connected")
	sender := p.pc.GetSenders()[0]
	ids := map[string]uint8{}
	for _, extension := range sender.GetParameters().HeaderExtensions {
		ids[extension.URI] = uint8(extension.ID)
	}
	mid := p.pc.GetTransceivers()[0].Mid()
	go p.hear(sender)
	stop := time.NewTicker(20 * time.Millisecond)
	defer stop.Stop()
	for seq := uint16(0); min(layers["q"].count(), layers["h"].count(), layers["f"].count()) < 20; seq++ {
		if seq > 1000 {
			t.Fatalf("packets of the layers: q %d, h %d, f %d", layers["q"].count(), layers["h"].count(), layers["f"].count())
		}
		<-stop.C
		for _, track := range p.layers {
			packet := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: seq, Timestamp: 3000 * uint32(seq)}, Payload: []byte("layer " + track.RID())}
			must(t, packet.SetExtension(ids["urn:ietf:params:rtp-hdrext:sdes:mid"], []byte(mid)))
			must(t, packet.SetExtension(ids["urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"], []byte(track.RID())))
			must(t, track.WriteRTP(packet))
		}
	}
}

// Renegotiation and ICE restart by either end in the middle of a call with pion.
func TestACallWithPionGoesOnThroughRenegotiationAndICERestart(t *testing.T) {
	for _, weOffer := range []bool{true, false} {
		how := signalling{weOffer: weOffer, trickle: true}
		t.Run(how.String(), func(t *testing.T) {
			p, l := newPionCall(t).(*pionCall), newWatching(t, "VP8")
			must(t, p.AddMedia("VP8"))
			l.connect(p, how)
			all := map[string]*arrivals{"our audio": &p.audio, "our video": &p.video, "pion's audio": &l.audio, "pion's video": &l.video}
			steady := func(what string) {
				t.Helper()
				for name, a := range all {
					before := a.count()
					until(t, name+" after "+what, a.count, func(n int) bool { return n > before+25 })
				}
				for name, a := range all {
					if gap := a.gap(); what != "the beginning" && gap > time.Second {
						t.Errorf("%s: %v without %s", what, gap, name)
					}
					a.reset()
				}
			}
			steady("the beginning")
			must(t, l.AddTransceiver("video", "recvonly"))
			l.exchange(t, p, how)
			steady("another m-line")
			if weOffer {
				l.RestartICE()
			} else {
				must(t, p.RestartICE())
			}
			l.exchange(t, p, how)
			steady("an ICE restart")
		})
	}
}

// RFC 3551 section 4.5.14.
func TestPionTalksPCMU(t *testing.T) {
	for _, how := range []signalling{{weOffer: true}, {weOffer: false}} {
		t.Run(how.String(), func(t *testing.T) {
			p, l := newPionCall(t).(*pionCall), &localCall{localMedia: newLocalMedia(t), codec: "VP8"}
			heard := l.talkPCMU()
			must(t, p.play(pion.RTPCodecCapability{MimeType: pion.MimeTypePCMU}, silencePCMU, 20*time.Millisecond))
			l.connect(p, how)
			until(t, "PCMU both ways", func() int { return min(int(heard.Load()), p.audio.count()) }, func(n int) bool { return n > 25 })
			for _, receiver := range p.pc.GetReceivers() {
				if track := receiver.Track(); track != nil && track.PayloadType() != 0 {
					t.Errorf("pion receives payload type %d", track.PayloadType())
				}
			}
		})
	}
}
