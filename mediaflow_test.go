package webrtc

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/pion/rtp"
)

// vp8Track is a local track of VP8 that takes RTP packets.
func vp8Track(t testing.TB, id string, options ...func(*TrackLocalStaticRTP)) *TrackLocalStaticRTP {
	t.Helper()
	track, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: MimeTypeVP8, ClockRate: 90000}, id, "stream", options...)
	must(t, err)
	return track
}

// mediaPair connects the rig with a track of a, and returns the track that b got.
func (r *rig) mediaPair(track TrackLocal) (*RTPSender, *TrackRemote) {
	r.t.Helper()
	got := make(chan *TrackRemote, 1)
	r.b.OnTrack(func(remote *TrackRemote, _ *RTPReceiver) { got <- remote })
	sender, err := r.a.AddTrack(track)
	must(r.t, err)
	connectedA, connectedB := connectedOnce(r.a), connectedOnce(r.b)
	negotiate(r.t, r.a, r.b)
	wait(r.t, "connection of a", connectedA, time.Minute)
	wait(r.t, "connection of b", connectedB, time.Minute)
	remote := wait(r.t, "track", got, time.Minute)
	must(r.t, remote.SetReadDeadline(time.Now().Add(time.Minute)))
	return sender, remote
}

// connectedOnce returns a channel that is closed when pc has connected.
func connectedOnce(pc *PeerConnection) <-chan struct{} {
	connected := make(chan struct{})
	var once sync.Once
	pc.OnConnectionStateChange(func(s PeerConnectionState) {
		if s == PeerConnectionStateConnected {
			once.Do(func() { close(connected) })
		}
	})
	return connected
}

func TestPacketsArriveAsTheyWereWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		_, remote := r.mediaPair(track)
		for i := range 100 {
			must(t, track.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{Version: 2, SequenceNumber: uint16(65500 + i), Timestamp: uint32(i) * 3000, Marker: i%2 == 0},
				Payload: []byte{0x10, byte(i), 1, 2, 3},
			}))
		}
		for i := range 100 {
			p, _, err := remote.ReadRTP()
			must(t, err)
			if p.SequenceNumber != uint16(65500+i) || p.Timestamp != uint32(i)*3000 || p.Marker != (i%2 == 0) || p.Payload[1] != byte(i) {
				t.Fatalf("packet %d: %v", i, p)
			}
		}
		if c := remote.Codec(); c.MimeType != MimeTypeVP8 || remote.SSRC() == 0 || remote.Muted() {
			t.Errorf("codec %v, SSRC %d, muted %v", c, remote.SSRC(), remote.Muted())
		}
	})
}

func TestSamplesArrive(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track, err := NewTrackLocalStaticSample(RTPCodecCapability{MimeType: MimeTypeOpus}, "audio", "stream")
		must(t, err)
		_, remote := r.mediaPair(track)
		for i := range 10 {
			must(t, track.WriteSample(media.Sample{Data: []byte{byte(i)}, Duration: 20 * time.Millisecond}))
		}
		var first uint32
		for i := range 10 {
			p, _, err := remote.ReadRTP()
			must(t, err)
			if i == 0 {
				first = p.Timestamp
			}
			if p.Payload[0] != byte(i) || p.Timestamp-first != uint32(i)*960 {
				t.Fatalf("packet %d: %v", i, p)
			}
		}
	})
}

// RFC 4585 section 6.2.1 and RFC 4588: what is lost on the way is asked for and
// sent again.
func TestLostPacketsAreSentAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		_, remote := r.mediaPair(track)
		r.net.SetDefaultLink(simnet.Link{Delay: 20 * time.Millisecond, Loss: 0.05})
		const n = 1000
		go func() {
			for i := range n {
				_ = track.WriteRTP(&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(i) * 900},
					Payload: []byte{0x10, byte(i), byte(i >> 8)},
				})
				time.Sleep(10 * time.Millisecond)
			}
		}()
		seen := make(map[uint16]bool)
		for {
			must(t, remote.SetReadDeadline(time.Now().Add(3*time.Second)))
			p, _, err := remote.ReadRTP()
			if err != nil {
				break
			}
			if seen[p.SequenceNumber] {
				t.Errorf("packet %d came twice", p.SequenceNumber)
			}
			seen[p.SequenceNumber] = true
		}
		if len(seen) < n-2 { // the last may be lost with nothing behind them to tell
			t.Errorf("%d of %d packets arrived", len(seen), n)
		}
		if !remote.HasRTX() {
			t.Error("nothing came as RTX")
		}
	})
}

// webrtc-pc section 5.2, replaceTrack: another track goes on with the stream of the
// one before; RFC 3550 section 5.1: one SSRC has one numbering.
func TestAReplacedTrackGoesOnWithTheNumbers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		first, second := vp8Track(t, "first"), vp8Track(t, "second")
		sender, remote := r.mediaPair(first)
		write := func(track *TrackLocalStaticRTP, seq uint16, timestamp uint32, content byte) {
			must(t, track.WriteRTP(&rtp.Packet{
				Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: timestamp}, Payload: []byte{0x10, content},
			}))
		}
		read := func() *rtp.Packet {
			p, _, err := remote.ReadRTP()
			must(t, err)
			return p
		}
		write(first, 1000, 50000, 1)
		before := read()
		must(t, sender.ReplaceTrack(second))
		write(first, 1001, 53000, 2) // goes nowhere
		time.Sleep(100 * time.Millisecond)
		write(second, 7, 7, 3)
		write(second, 8, 3007, 4)
		after := read()
		if after.Payload[1] != 3 || after.SSRC != before.SSRC || after.SequenceNumber != before.SequenceNumber+1 {
			t.Errorf("after %v comes %v", before, after)
		}
		if d := after.Timestamp - before.Timestamp; d < 9000 || d > 9010 {
			t.Errorf("the timestamp moved by %d in 100 ms", d)
		}
		if next := read(); next.SequenceNumber != after.SequenceNumber+1 || next.Timestamp-after.Timestamp != 3000 {
			t.Errorf("then %v", next)
		}
		must(t, sender.ReplaceTrack(nil))
		write(second, 9, 6007, 5)
		must(t, sender.ReplaceTrack(first))
		write(first, 2000, 1, 6)
		if p := read(); p.Payload[1] != 6 || p.SequenceNumber != before.SequenceNumber+3 {
			t.Errorf("then %v", p)
		}
		opus, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: "video/none"}, "none", "stream")
		must(t, err)
		if err := sender.ReplaceTrack(opus); !errors.Is(err, ErrInvalidModification) || !errors.Is(err, ErrUnsupportedCodec) {
			t.Errorf("a codec that was not negotiated: %v", err)
		}
		write(first, 2001, 3001, 7)
		if p := read(); p.Payload[1] != 7 {
			t.Errorf("the old track does not go on: %v", p)
		}
	})
}

// RFC 4733 sections 2.3 and 2.5.1: a tone's packets share a timestamp and stand
// between those of the voice, in one numbering.
func TestTonesTravelAmongTheVoice(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: MimeTypeOpus}, "audio", "stream")
		must(t, err)
		sender, remote := r.mediaPair(track)
		go func() {
			for i := range 50 {
				_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(i) * 960}, Payload: []byte{1}})
				time.Sleep(20 * time.Millisecond)
			}
		}()
		time.Sleep(101 * time.Millisecond)
		must(t, sender.DTMF().InsertDTMF("5", 100*time.Millisecond, 70*time.Millisecond))
		var previous *rtp.Packet
		var tones []*rtp.Packet
		for {
			must(t, remote.SetReadDeadline(time.Now().Add(2*time.Second)))
			p, _, err := remote.ReadRTP()
			if err != nil {
				break
			}
			if previous != nil && p.SequenceNumber != previous.SequenceNumber+1 {
				t.Errorf("%d comes after %d", p.SequenceNumber, previous.SequenceNumber)
			}
			if previous = p; p.PayloadType == 110 {
				tones = append(tones, p)
			}
		}
		if len(tones) < 5 || !tones[0].Marker {
			t.Fatalf("tones: %v", tones)
		}
		for _, p := range tones {
			if p.Payload[0] != 5 || p.Timestamp != tones[0].Timestamp {
				t.Errorf("tone %v", p)
			}
		}
		if last := tones[len(tones)-1].Payload; last[1]&0x80 == 0 || int(last[2])<<8|int(last[3]) != 4800 {
			t.Errorf("the last packet is % x, want the end after 100 ms", last)
		}
	})
}

// RFC 2198: a packet in RED is the packet inside.
func TestPacketsInREDAreUnwrapped(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: MimeTypeRED, ClockRate: 90000}, "video", "stream")
		must(t, err)
		_, remote := r.mediaPair(track)
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 1}, Payload: []byte{96, 0x10, 5}}))
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 2}, Payload: []byte{118, 1, 2, 3}})) // ULPFEC
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 3}, Payload: []byte{0x80 | 96, 0, 0, 2, 96, 1, 1, 0x10, 7}}))
		for _, want := range []byte{5, 7} {
			p, _, err := remote.ReadRTP()
			must(t, err)
			if p.PayloadType != 96 || len(p.Payload) != 2 || p.Payload[1] != want {
				t.Errorf("%v, % x", p, p.Payload)
			}
		}
		if c := remote.Codec(); c.MimeType != MimeTypeVP8 {
			t.Errorf("codec %s", c.MimeType)
		}
	}, withMedia(protectedEngine(t)))
}
