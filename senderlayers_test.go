package webrtc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

func layerTrack(t testing.TB, rid string) *TrackLocalStaticRTP {
	t.Helper()
	return vp8Track(t, "video", WithRTPStreamID(rid))
}

// Three tracks of one sender are the three layers of simulcast (RFC 8853), as in
// pion: the peer has a track for each.
func TestEachLayerMayHaveATrackOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		rids := []string{"q", "h", "f"}
		got := make(chan *TrackRemote, 3)
		r.b.OnTrack(func(remote *TrackRemote, _ *RTPReceiver) { got <- remote })
		var tracks []*TrackLocalStaticRTP
		for _, rid := range rids {
			tracks = append(tracks, layerTrack(t, rid))
		}
		sender, err := r.a.AddTrack(tracks[0])
		must(t, err)
		must(t, sender.AddEncoding(tracks[1]))
		must(t, sender.AddEncoding(tracks[2]))
		connected := connectedOnce(r.a)
		negotiate(t, r.a, r.b)
		wait(t, "connection", connected, time.Minute)
		for range rids {
			remote := wait(t, "track", got, time.Minute)
			must(t, remote.SetReadDeadline(time.Now().Add(time.Minute)))
			for i, rid := range rids {
				if rid != remote.RID() {
					continue
				}
				for seq := range uint16(3) { // the first may come before the layer is known
					must(t, tracks[i].WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{0x10, byte(i)}}))
				}
				p, _, err := remote.ReadRTP()
				must(t, err)
				if p.Payload[1] != byte(i) || sender.GetParameters().Encodings[i].SSRC != SSRC(p.SSRC) {
					t.Errorf("layer %s: %v", rid, p)
				}
				must(t, r.b.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: p.SSRC}}))
				must(t, sender.SetReadDeadlineSimulcast(time.Now().Add(time.Minute), rid))
				_, _, err = sender.ReadSimulcastRTCP(rid)
				must(t, err)
			}
		}
	})
}

func TestARollbackTakesNoLayerOfTheProgram(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender, err := r.a.AddTrack(layerTrack(t, "q"))
		must(t, err)
		must(t, sender.AddEncoding(layerTrack(t, "f")))
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.a.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
		offer, err := r.a.CreateOffer(nil)
		must(t, err)
		if !strings.Contains(offer.SDP, "a=simulcast:send q;f") {
			t.Errorf("no layers in %s", offer.SDP)
		}
	})
}

// Layers that sendEncodings named may get their tracks at any time.
func TestATrackForALayerOfSendEncodings(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		transceiver, err := r.a.AddTransceiverFromTrack(layerTrack(t, "q"), RTPTransceiverInit{
			Direction: RTPTransceiverDirectionSendonly,
			SendEncodings: []RTPEncodingParameters{
				{RTPCodingParameters: RTPCodingParameters{RID: "q"}}, {RTPCodingParameters: RTPCodingParameters{RID: "f"}},
			},
		})
		must(t, err)
		got := make(chan *TrackRemote, 2)
		r.b.OnTrack(func(remote *TrackRemote, _ *RTPReceiver) { got <- remote })
		connected := connectedOnce(r.a)
		negotiate(t, r.a, r.b)
		wait(t, "connection", connected, time.Minute)
		f := layerTrack(t, "f")
		must(t, transceiver.Sender().AddEncoding(f))
		if err := transceiver.Sender().AddEncoding(layerTrack(t, "h")); !errors.Is(err, ErrInvalidState) {
			t.Errorf("a further layer after negotiation: %v", err)
		}
		for seq := range uint16(3) {
			must(t, f.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{0x10, 7}}))
		}
		for range 2 {
			if remote := wait(t, "track", got, time.Minute); remote.RID() == "f" {
				must(t, remote.SetReadDeadline(time.Now().Add(time.Minute)))
				_, _, err := remote.ReadRTP()
				must(t, err)
			}
		}
	})
}

func TestMisuseOfAddEncoding(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		plain, err := r.a.AddTrack(vp8Track(t, "plain"))
		must(t, err)
		audio, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: MimeTypeOpus}, "audio", "stream", WithRTPStreamID("q"))
		must(t, err)
		audioSender, err := r.a.AddTrack(audio)
		must(t, err)
		sender, err := r.a.AddTrack(layerTrack(t, "q"))
		must(t, err)
		must(t, sender.AddEncoding(layerTrack(t, "h")))
		other := vp8Track(t, "other", WithRTPStreamID("f"))
		for name, c := range map[string]struct {
			sender *RTPSender
			track  TrackLocal
			want   error
		}{
			"no track":               {sender, nil, ErrType},
			"no RID":                 {sender, vp8Track(t, "video"), ErrType},
			"the track of another":   {sender, other, ErrType},
			"audio":                  {audioSender, audio, ErrType},
			"the RID of the first":   {sender, layerTrack(t, "q"), ErrInvalidAccess},
			"the RID of the second":  {sender, layerTrack(t, "h"), ErrInvalidAccess},
			"a first track that has": {plain, layerTrack(t, "q"), ErrInvalidState},
		} {
			if err := c.sender.AddEncoding(c.track); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		must(t, r.a.Close())
		if err := sender.AddEncoding(layerTrack(t, "f")); !errors.Is(err, ErrInvalidState) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// RFC 8853 section 5.1: descriptions say which layers send nothing for now. A
// change of it needs no negotiation (webrtc-pc section 5.2, setParameters); the next
// description has it.
func TestInactiveLayersAreOfferedAsPaused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		off := false
		init := RTPTransceiverInit{SendEncodings: []RTPEncodingParameters{
			{RTPCodingParameters: RTPCodingParameters{RID: "q"}, Active: &off}, {RTPCodingParameters: RTPCodingParameters{RID: "f"}},
		}}
		transceiver, err := r.a.AddTransceiverFromTrack(videoTrack("camera"), init)
		must(t, err)
		exchange(t, r.a, r.b)
		if text := r.a.LocalDescription().SDP; !strings.Contains(text, "a=simulcast:send ~q;f\r\n") {
			t.Error(text)
		}
		parameters := transceiver.Sender().GetParameters()
		on := true
		parameters.Encodings[0].Active, parameters.Encodings[1].Active = &on, &off
		must(t, transceiver.Sender().SetParameters(parameters))
		exchange(t, r.a, r.b)
		if text := r.a.LocalDescription().SDP; !strings.Contains(text, "a=simulcast:send q;~f\r\n") {
			t.Error(text)
		}
	})
}
