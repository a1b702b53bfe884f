package splice

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// packetOf makes a packet of a layer that numbers its pictures.
func packetOf(sequence uint16, timestamp uint32, picture uint16, tl0 byte, keyframe bool) rtp.Packet {
	frame := byte(1)
	if keyframe {
		frame = 0
	}
	payload := []byte{0x90, 0xe0, byte(picture>>8) | 0x80, byte(picture), tl0, 0, frame, 0x77}
	return rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: sequence, Timestamp: timestamp}, Payload: payload}
}

// RFC 3550 section 5.1, RFC 7741 section 4.2: where one layer ends and another
// begins, sequence numbers, timestamps and the numbers of pictures go on.
func TestASpliceIsContinuous(t *testing.T) {
	var s Stream
	now := time.Unix(0, 0)
	p := packetOf(65535, 1000, 0x7fff, 255, true)
	s.Begin(&p, now)
	for i, want := range []struct {
		in                 rtp.Packet
		begins             bool
		sequence           uint16
		timestamp, picture int
		tl0                byte
	}{
		{in: packetOf(65535, 1000, 0x7fff, 255, true), sequence: 65535, timestamp: 1000, picture: 0x7fff, tl0: 255},
		{in: packetOf(0, 4000, 0, 0, false), sequence: 0, timestamp: 4000, picture: 0, tl0: 0},
		{in: packetOf(500, 90_000_000, 70, 9, true), begins: true, sequence: 1, timestamp: 4000 + 3000, picture: 1, tl0: 1},
		{in: packetOf(502, 90_003_000, 71, 10, false), sequence: 3, timestamp: 10000, picture: 2, tl0: 2},
		{in: packetOf(501, 90_000_000, 70, 9, false), sequence: 2, timestamp: 7000, picture: 1, tl0: 1}, // late
		{in: packetOf(9, 5, 8000, 3, true), begins: true, sequence: 4, timestamp: 13000, picture: 3, tl0: 3},
	} {
		if i > 0 && want.in.SequenceNumber != 501 {
			now = now.Add(time.Second / 30)
		}
		p, given := want.in, slices.Clone(want.in.Payload)
		if want.begins {
			s.Begin(&p, now)
		}
		if !s.Rewrite(&p, now) {
			t.Fatalf("packet %d is dropped", i)
		}
		got := readVP8(p.Payload)
		if p.SequenceNumber != want.sequence || p.Timestamp < uint32(want.timestamp)-3 || p.Timestamp > uint32(want.timestamp) ||
			got.pictureID != uint16(want.picture) || got.tl0 != want.tl0 {
			t.Errorf("packet %d: sequence %d, timestamp %d, picture %d, TL0 %d; want %+v", i, p.SequenceNumber, p.Timestamp, got.pictureID, got.tl0, want)
		}
		if !slices.Equal(given, want.in.Payload) {
			t.Errorf("packet %d: the payload, which others get too, is changed", i)
		}
	}
	late := packetOf(8, 5, 7999, 2, false)
	if s.Rewrite(&late, now) {
		t.Error("a packet from before the switch is sent")
	}
}

// Packets of sound go on in the same way, and their payloads stay as they are.
func TestASpliceOfSoundIsContinuous(t *testing.T) {
	s := Stream{ClockRate: 48000, Opaque: true}
	now := time.Unix(0, 0)
	for i, want := range []struct {
		in, sequence  uint16
		time, expects uint32
		begins        bool
	}{{7, 7, 960, 960, true}, {8, 8, 1920, 1920, false}, {900, 9, 77, 2880, true}, {901, 10, 1037, 3840, false}} {
		payload := []byte{0x90, 0xe0, 0x80, 0x05, 9, 0, 0}
		p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: want.in, Timestamp: want.time}, Payload: payload}
		if want.begins {
			s.Begin(&p, now)
		}
		if !s.Rewrite(&p, now) || p.SequenceNumber != want.sequence || p.Timestamp-want.expects+2 > 4 || &p.Payload[0] != &payload[0] {
			t.Errorf("packet %d: sequence %d, timestamp %d, payload % x; want %+v", i, p.SequenceNumber, p.Timestamp, p.Payload, want)
		}
		now = now.Add(20 * time.Millisecond)
	}
}

// A payload may be cut off anywhere.
func FuzzVP8Descriptor(f *testing.F) {
	f.Add([]byte{0x90, 0xe0, 0x80, 1, 2, 0, 0})
	f.Add([]byte{0x90, 0x80, 0x80})
	f.Add([]byte{0x10})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		StartsKeyframe(payload)
		n := readVP8(payload)
		n.pictureID++
		if again := n.write(payload); len(again) != len(payload) {
			t.Errorf("%d bytes became %d", len(payload), len(again))
		}
	})
}
