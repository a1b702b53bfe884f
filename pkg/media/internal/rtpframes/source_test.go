package rtpframes

import (
	"errors"
	"testing"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc/internal/frame"
)

func packet(number uint16, payload string) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(number), Marker: true}, Payload: []byte(payload)}
}

func TestPacketsMayComeLateAndChangeAfterwards(t *testing.T) {
	s := New(frame.Opus)
	got := ""
	write := func(f frame.Frame) error {
		got += string(f.Payload)
		return nil
	}
	for _, p := range []*rtp.Packet{packet(65535, "a"), packet(1, "c"), packet(0, "b"), packet(3, "e")} {
		if err := s.Push(p, write); err != nil {
			t.Fatal(err)
		}
		p.Payload[0] = '!'
	}
	if got != "abc" {
		t.Errorf("before the end: %q", got)
	}
	if err := s.End(write); err != nil || got != "abce" {
		t.Errorf("at the end: %q, %v", got, err)
	}
}

func TestGapIsALossWhenTheWindowIsFull(t *testing.T) {
	s := New(frame.Opus)
	frames := 0
	write := func(frame.Frame) error {
		frames++
		return nil
	}
	for number := range uint16(Window + 2) {
		if number == 1 {
			continue
		}
		if err := s.Push(packet(number, "x"), write); err != nil {
			t.Fatal(err)
		}
		if want := 1; number < Window && frames != want {
			t.Fatalf("%d frames by packet %d", frames, number)
		}
	}
	if frames != Window+1 {
		t.Errorf("%d frames, not %d", frames, Window+1)
	}
}

func TestErrorOfTheWriterIsReturned(t *testing.T) {
	full := errors.New("full")
	if err := New(frame.Opus).Push(packet(1, "x"), func(frame.Frame) error { return full }); err != full {
		t.Errorf("error is %v", err)
	}
}
