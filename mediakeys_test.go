package webrtc

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/srtp"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// webrtc-pc section 9.3 and RFC 3550 section 6.6: BYE mutes the track, once; packets
// that come again unmute it.
func TestByeMutesTheTrack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		events := make(chan string, 8)
		remote.OnMute(func() { events <- "mute" })
		remote.OnUnmute(func() { events <- "unmute" })
		seq := uint16(0)
		write := func() {
			seq++
			must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{0x10}}))
			_, _, err := remote.ReadRTP()
			must(t, err)
			synctest.Wait()
		}
		expect := func(step, event string, muted bool) {
			t.Helper()
			if got := wait(t, step, events, time.Minute); got != event || remote.Muted() != muted || len(events) != 0 {
				t.Errorf("%s: %s, muted %v, %d more events", step, got, remote.Muted(), len(events))
			}
		}
		write()
		expect("the first packet", "unmute", false)
		bye := &rtcp.Goodbye{Sources: []uint32{uint32(sender.GetParameters().Encodings[0].SSRC)}}
		must(t, r.a.WriteRTCP([]rtcp.Packet{bye}))
		expect("BYE", "mute", true)
		must(t, r.a.WriteRTCP([]rtcp.Packet{bye}))
		synctest.Wait()
		if len(events) != 0 {
			t.Errorf("BYE again: %s", <-events)
		}
		write()
		expect("a packet after BYE", "unmute", false)
	})
}

// sendForeign sends authenticated packets of n SSRCs that no description names.
func (r *rig) sendForeign(first uint32, n int) {
	r.t.Helper()
	for i := range n {
		o, ok := r.a.peerTransport.dtls.rtp.begin(time.Now())
		if !ok {
			r.t.Fatal("no keys")
		}
		ssrc := first + uint32(i)
		packet, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 20, SSRC: ssrc, SequenceNumber: 1}, Payload: []byte{1}}).Marshal()
		must(r.t, err)
		buffer := netio.GetBuffer()
		sealed, err := o.keys.Stream(ssrc).Protect(buffer.Cap()[:copy(buffer.Cap(), packet)])
		must(r.t, err)
		o.keys.Forget(ssrc)
		buffer.SetLen(len(sealed))
		o.path.send(buffer, false)
		if i%16 == 0 {
			synctest.Wait()
		}
	}
	synctest.Wait()
}

// RFC 3711 section 3.3.2: the replay window of a stream that signalling names stays,
// whatever else comes; it is one of many once signalling names it no longer.
func TestAFloodOfStreamsDoesNotEvictTheSignalledOne(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		_, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio) // the transport outlives the video
		must(t, err)
		r.b.OnTrack(nil)
		negotiate(t, r.a, r.b)
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 1}, Payload: []byte{0x10}}))
		_, _, err = remote.ReadRTP()
		must(t, err)
		in := &r.b.peerTransport.dtls.rtp.in
		streams := func() int {
			in.mu.Lock()
			defer in.mu.Unlock()
			n, _ := in.keys.Streams()
			return n
		}
		alone := streams() // with that of its retransmissions, if a probe came
		r.sendForeign(1, srtp.DefaultMaxStreams+50)
		if got := streams(); got != srtp.DefaultMaxStreams+alone {
			t.Errorf("%d streams after the flood, want %d and the %d signalled", got, srtp.DefaultMaxStreams, alone)
		}
		must(t, sender.transceiver.Stop())
		negotiate(t, r.a, r.b)
		r.sendForeign(100_000, srtp.DefaultMaxStreams)
		if got := streams(); got != srtp.DefaultMaxStreams {
			t.Errorf("%d streams after the section was stopped, want %d", got, srtp.DefaultMaxStreams)
		}
	})
}

// RFC 8842 section 4 and RFC 5764 section 4.2: another end takes the place of the peer,
// with a new DTLS association: SRTP gets its keys, in both directions, and the tracks
// go on.
func TestMediaGoesOnWithTheKeysOfANewAssociation(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "from a")
		_, first := r.mediaPair(track)
		send := func(from *TrackLocalStaticRTP, to *TrackRemote, seq uint16) {
			t.Helper()
			must(t, from.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq)}, Payload: []byte{0x10, byte(seq)}}))
			must(t, to.SetReadDeadline(time.Now().Add(time.Minute)))
			p, _, err := to.ReadRTP()
			must(t, err)
			if p.Payload[1] != byte(seq) {
				t.Errorf("packet %d came as %v", seq, p)
			}
		}
		send(track, first, 1)
		before := r.a.peerTransport.dtls.rtp.out.keys.Load()

		c := connectionOn(t, r.net.Host("c", "192.0.2.3"), SettingEngine{}, Configuration{})
		defer c.Close()
		atC, atA := make(chan *TrackRemote, 1), make(chan *TrackRemote, 1)
		c.OnTrack(func(remote *TrackRemote, _ *RTPReceiver) { atC <- remote })
		r.a.OnTrack(func(remote *TrackRemote, _ *RTPReceiver) { atA <- remote })
		back := vp8Track(t, "from c")
		_, err := c.AddTrack(back)
		must(t, err)
		connected := connectedOnce(c)
		negotiate(t, r.a, c)
		wait(t, "connection of c", connected, time.Minute)
		second := wait(t, "track at c", atC, time.Minute)
		theirs := wait(t, "track of c", atA, time.Minute)
		synctest.Wait()
		if after := r.a.peerTransport.dtls.rtp.out.keys.Load(); after == before {
			t.Error("the keys are those of the association before")
		}
		for seq := uint16(2); seq < 6; seq++ {
			send(track, second, seq)
			send(back, theirs, seq)
		}
	})
}
