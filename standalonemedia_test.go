package webrtc

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// ortcPair connects two stacks.
func ortcPair(t *testing.T, n *simnet.Net) (a, b *ortcStack) {
	t.Helper()
	n.SetDefaultLink(simnet.Link{Delay: 5 * time.Millisecond})
	a, b = newORTCStack(t, n.Host("a", "192.0.2.1")), newORTCStack(t, n.Host("b", "192.0.2.2"))
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
	connected := make(chan struct{}, 2)
	go func() { a.connect(t, b, ICERoleControlling); connected <- struct{}{} }()
	go func() { b.connect(t, a, ICERoleControlled); connected <- struct{}{} }()
	wait(t, "first", connected, time.Minute)
	wait(t, "second", connected, time.Minute)
	return a, b
}

// Senders and receivers work on transports of the program's own (ORTC), several on
// one, found by the SSRCs that the program signals.
func TestMediaFlowsWithoutAPeerConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		a, b := ortcPair(t, n)
		track := vp8Track(t, "video")
		second := vp8Track(t, "second")
		var receivers []*RTPReceiver
		var senders []*RTPSender
		for _, local := range []TrackLocal{track, second} {
			sender, err := a.dtls.api.NewRTPSender(local, a.dtls)
			must(t, err)
			parameters := sender.GetParameters()
			must(t, sender.Send(parameters))
			receiver, err := b.dtls.api.NewRTPReceiver(RTPCodecTypeVideo, b.dtls)
			must(t, err)
			must(t, receiver.Receive(RTPReceiveParameters{Encodings: []RTPDecodingParameters{{RTPCodingParameters: parameters.Encodings[0].RTPCodingParameters}}}))
			must(t, receiver.Track().SetReadDeadline(time.Now().Add(time.Minute)))
			senders, receivers = append(senders, sender), append(receivers, receiver)
		}
		for i, local := range []*TrackLocalStaticRTP{track, second} {
			must(t, local.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 9}, Payload: []byte{0x10, byte(i)}}))
			remote := receivers[i].Track()
			p, _, err := remote.ReadRTP()
			must(t, err)
			if p.Payload[1] != byte(i) || remote.SSRC() != SSRC(p.SSRC) || remote.Codec().MimeType != MimeTypeVP8 || receivers[i].Transport() != b.dtls {
				t.Errorf("receiver %d: %v, codec %v", i, p, remote.Codec())
			}
		}
		_, err := b.dtls.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(receivers[0].Track().SSRC())}})
		must(t, err)
		packets, _, err := senders[0].ReadRTCP()
		must(t, err)
		if _, is := packets[len(packets)-1].(*rtcp.PictureLossIndication); !is {
			t.Errorf("read %v", packets)
		}
		must(t, senders[0].ReplaceTrack(vp8Track(t, "third")))
		must(t, senders[0].Stop())
		must(t, receivers[0].Stop())
		_, _, err = receivers[0].Track().ReadRTP()
		wantEOF(t, "track of a stopped receiver", err)
		_, _, err = receivers[0].ReadRTCP()
		wantEOF(t, "stopped receiver", err)
		a.close(t)
		b.close(t)
		_, _, err = receivers[1].Track().ReadRTP()
		wantEOF(t, "track of a closed transport", err)
		_, _, err = senders[1].ReadRTCP()
		wantEOF(t, "sender of a closed transport", err)
		if _, err := b.dtls.WriteRTCP(nil); !errors.Is(err, ErrInvalidState) {
			t.Errorf("WriteRTCP after the end: %v", err)
		}
	})
}

func wantEOF(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, io.EOF) {
		t.Errorf("%s: %v", what, err)
	}
}

// Layers that stand alone are told apart by their RIDs.
func TestLayersFlowWithoutAPeerConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		a, b := ortcPair(t, n)
		q, f := layerTrack(t, "q"), layerTrack(t, "f")
		sender, err := a.dtls.api.NewRTPSender(q, a.dtls)
		must(t, err)
		must(t, sender.AddEncoding(f))
		must(t, sender.Send(sender.GetParameters()))
		receiver, err := b.dtls.api.NewRTPReceiver(RTPCodecTypeVideo, b.dtls)
		must(t, err)
		var encodings []RTPDecodingParameters
		for _, rid := range []string{"q", "f"} {
			encodings = append(encodings, RTPDecodingParameters{RTPCodingParameters{RID: rid}})
		}
		must(t, receiver.Receive(RTPReceiveParameters{Encodings: encodings}))
		for i, local := range []*TrackLocalStaticRTP{q, f} {
			for seq := range uint16(3) {
				must(t, local.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{0x10, byte(i)}}))
			}
			remote := receiver.Tracks()[i]
			must(t, remote.SetReadDeadline(time.Now().Add(time.Minute)))
			p, _, err := remote.ReadRTP()
			must(t, err)
			if p.Payload[1] != byte(i) || remote.RID() != local.RID() {
				t.Errorf("layer %s: %v", remote.RID(), p)
			}
		}
		a.close(t)
		b.close(t)
	})
}

func TestMisuseOfMediaThatStandsAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := newORTCStack(t, r.hostA)
		defer s.close(t)
		api, track := s.dtls.api, layerTrack(t, "q")
		sender, err := api.NewRTPSender(track, s.dtls)
		must(t, err)
		receiver, err := api.NewRTPReceiver(RTPCodecTypeVideo, s.dtls)
		must(t, err)
		parameters := sender.GetParameters()
		ofConnection, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		one := RTPReceiveParameters{Encodings: []RTPDecodingParameters{{RTPCodingParameters{SSRC: 1}}}}
		layers := func(rids ...string) RTPReceiveParameters {
			var p RTPReceiveParameters
			for _, rid := range rids {
				p.Encodings = append(p.Encodings, RTPDecodingParameters{RTPCodingParameters{RID: rid}})
			}
			return p
		}
		_, noTrack := api.NewRTPSender(nil, s.dtls)
		_, noTransport := api.NewRTPSender(track, nil)
		_, noKind := api.NewRTPReceiver(0, s.dtls)
		_, nowhere := api.NewRTPReceiver(RTPCodecTypeVideo, nil)
		_, taken := api.NewRTPSender(track, r.a.dtls)
		_, alsoTaken := api.NewRTPReceiver(RTPCodecTypeVideo, r.a.dtls)
		fewer := parameters
		fewer.Encodings = nil
		alien, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: "video/alien", ClockRate: 90000}, "alien", "")
		must(t, err)
		alienSender, err := api.NewRTPSender(alien, s.dtls)
		must(t, err)
		for _, c := range []struct {
			what      string
			err, want error
		}{
			{"a sender without track", noTrack, ErrType},
			{"a sender without transport", noTransport, ErrType},
			{"a receiver of no kind", noKind, ErrType},
			{"a receiver without transport", nowhere, ErrType},
			{"a sender on a connection's transport", taken, ErrInvalidAccess},
			{"a receiver on a connection's transport", alsoTaken, ErrInvalidAccess},
			{"Send of a connection's sender", ofConnection.Sender().Send(parameters), ErrInvalidState},
			{"Receive of a connection's receiver", ofConnection.Receiver().Receive(one), ErrInvalidState},
			{"Send with another number of encodings", sender.Send(fewer), ErrType},
			{"Send of a codec that there is not", alienSender.Send(alienSender.GetParameters()), ErrUnsupportedCodec},
			{"SetStreams", sender.SetStreams("stream"), ErrInvalidState},
			{"Send", sender.Send(parameters), nil},
			{"Send again", sender.Send(parameters), ErrInvalidState},
			{"a layer after Send", sender.AddEncoding(layerTrack(t, "f")), ErrInvalidState},
			{"Receive without encodings", receiver.Receive(layers()), ErrType},
			{"Receive of layers without RIDs", receiver.Receive(layers("", "a")), ErrType},
			{"Receive of one RID twice", receiver.Receive(layers("a", "a")), ErrType},
			{"Receive of what is no RID", receiver.Receive(layers("?")), ErrType},
			{"Receive", receiver.Receive(one), nil},
			{"Receive again", receiver.Receive(one), ErrInvalidState},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%s: %v, want %v", c.what, c.err, c.want)
			}
		}
		receiver.SetRTPParameters(RTPParameters{Codecs: parameters.Codecs[:1]})
		if got := receiver.GetParameters(); len(got.Codecs) != 1 {
			t.Errorf("%d codecs", len(got.Codecs))
		}
		if sender.GetStats() != nil || receiver.GetStats() != nil {
			t.Error("statistics without a connection")
		}
	})
}
