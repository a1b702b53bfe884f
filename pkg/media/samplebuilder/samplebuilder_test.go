package samplebuilder

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media/h265reader"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfreader"
)

// letters is a depacketizer for payloads of text: a sample begins with an upper
// case letter and ends with the marker; "!" cannot be read.
type letters struct{}

func (letters) Unmarshal(b []byte) ([]byte, error) {
	if bytes.ContainsRune(b, '!') {
		return nil, errors.New("no letter")
	}
	return b, nil
}
func (letters) IsPartitionHead(b []byte) bool              { return len(b) > 0 && b[0] >= 'A' && b[0] <= 'Z' }
func (letters) IsPartitionTail(marker bool, _ []byte) bool { return marker }

// packet reads "number timestamp payload"; a final "." is the marker, "-" is no
// payload.
func packet(text string) *rtp.Packet {
	p := &rtp.Packet{}
	var payload string
	if _, err := fmt.Sscan(text, &p.SequenceNumber, &p.Timestamp, &payload); err != nil {
		panic(err)
	}
	if p.Marker = payload[len(payload)-1] == '.'; p.Marker {
		payload = payload[:len(payload)-1]
	}
	if payload != "-" {
		p.Payload = []byte(payload)
	}
	return p
}

// pop returns the samples as "data duration dropped".
func pop(s *SampleBuilder) (samples []string) {
	for sample := s.Pop(); sample != nil; sample = s.Pop() {
		samples = append(samples, fmt.Sprintf("%s %v %d", sample.Data, sample.Duration, sample.PrevDroppedPackets))
	}
	return samples
}

func TestSamplesAreBuilt(t *testing.T) {
	for _, test := range []struct {
		name    string
		maxLate uint16
		delay   time.Duration
		packets []string
		want    []string // by Pop, then "flush" and what Flush brings
	}{
		{"the last one waits for its duration", 50, 0, []string{"1 10 A.", "2 15 B."}, []string{"A 5s 0", "flush", "B 0s 0"}},
		{"several packets", 50, 0, []string{"1 10 A", "2 10 b", "3 10 c.", "4 11 D."}, []string{"Abc 1s 0", "flush", "D 0s 0"}},
		{"without marker", 50, 0, []string{"1 10 A", "2 10 b", "3 12 D", "4 13 E"}, []string{"Ab 2s 0", "D 1s 0", "flush"}},
		{"out of order", 50, 0, []string{"3 12 C.", "1 10 A.", "4 13 D.", "2 11 B."}, []string{"A 1s 0", "B 1s 0", "C 1s 0", "flush", "D 0s 0"}},
		{"numbers and timestamps wrap", 50, 0, []string{"65535 4294967295 A.", "0 0 B", "1 0 b.", "2 1 C."}, []string{"A 1s 0", "Bb 1s 0", "flush", "C 0s 0"}},
		{"a gap is waited for", 50, 0, []string{"1 10 A.", "3 12 C.", "4 13 D."}, []string{"flush", "A 2s 0", "C 1s 1", "D 0s 0"}},
		{"until maxLate", 3, 0, []string{"1 10 A.", "3 12 C.", "4 13 D.", "5 14 E."}, []string{"A 2s 0", "C 1s 1", "D 1s 0", "flush", "E 0s 0"}},
		{"or a long time", 50, 3 * time.Second, []string{"1 10 A.", "3 12 C.", "4 13 D.", "5 14 E."}, []string{"A 2s 0", "flush", "C 1s 1", "D 1s 0", "E 0s 0"}},
		{"padding between samples", 50, 0, []string{"1 10 A.", "2 10 -", "3 10 -", "4 12 B.", "5 13 C."}, []string{"A 2s 0", "B 1s 0", "flush", "C 0s 0"}},
		{"padding within", 50, 0, []string{"1 10 A", "2 9 -", "3 10 b.", "4 12 B."}, []string{"Ab 2s 0", "flush", "B 0s 0"}},
		{"padding, then a loss", 50, 0, []string{"1 10 A.", "2 10 -", "4 12 B.", "5 13 C."}, []string{"flush", "A 2s 0", "B 1s 1", "C 0s 0"}},
		{"padding first", 50, 0, []string{"1 10 -", "2 10 A.", "3 12 B."}, []string{"A 2s 0", "flush", "B 0s 0"}},
		{"no head", 50, 0, []string{"1 10 a", "2 10 b.", "3 11 C.", "4 12 D."}, []string{"C 1s 2", "flush", "D 0s 0"}},
		{"beginning is lost", 50, 0, []string{"1 9 Z.", "3 10 b.", "4 11 C."}, []string{"flush", "Z 1s 0", "C 0s 2"}},
		{"rest looks like a sample", 50, 0, []string{"1 9 Z.", "2 10 A", "4 10 C.", "5 11 D."}, []string{"Z 1s 0", "flush", "D 0s 3"}},
		{"end is lost", 50, 0, []string{"1 9 Z.", "2 10 A", "4 11 C."}, []string{"Z 1s 0", "flush", "C 0s 2"}},
		{"cannot be read", 50, 0, []string{"1 9 Z.", "2 10 A", "3 10 !.", "4 11 C.", "5 12 D."}, []string{"Z 1s 0", "C 1s 2", "flush", "D 0s 0"}},
		{"twice and too late", 50, 0, []string{"1 9 Z.", "1 9 X.", "2 10 A.", "3 11 B."}, []string{"Z 1s 0", "A 1s 0", "flush", "B 0s 0"}},
		{"a jump", 10, 0, []string{"1 9 Z.", "20001 10 A.", "20002 12 B."}, []string{"Z 1s 0", "A 2s 19999", "flush", "B 0s 0"}},
		{"a sender that begins anew", 10, 0, []string{"5000 9 Z.", "100 10 A.", "101 12 B.", "102 13 C."}, []string{"Z 3s 0", "B 1s 1", "flush", "C 0s 0"}},
		{"timestamps go back", 50, 0, []string{"1 9 Z.", "2 5 A.", "3 6 B."}, []string{"Z 0s 0", "A 1s 0", "flush", "B 0s 0"}},
		{"nothing is held", 0, 0, []string{"1 9 Z."}, []string{"Z 0s 0", "flush"}},
	} {
		released := map[*rtp.Packet]int{}
		s := New(test.maxLate, letters{}, 1, WithMaxTimeDelay(test.delay), WithPacketReleaseHandler(func(p *rtp.Packet) { released[p]++ }))
		for _, text := range test.packets {
			s.Push(packet(text))
		}
		got := append(pop(s), "flush")
		s.Flush()
		if got = append(got, pop(s)...); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, not %q", test.name, got, test.want)
		}
		if len(released) != len(test.packets) {
			t.Errorf("%s: %d packets of %d were released", test.name, len(released), len(test.packets))
		}
		for p, n := range released {
			if n != 1 {
				t.Errorf("%s: packet %d was released %d times", test.name, p.SequenceNumber, n)
			}
		}
	}
}

func TestLatePacketIsLeftOut(t *testing.T) {
	s := New(3, letters{}, 1)
	for _, text := range []string{"1 10 A.", "3 12 C.", "4 13 D.", "5 14 E.", "6 15 F."} {
		s.Push(packet(text))
	}
	got := pop(s)
	s.Push(packet("2 11 B."))
	s.Push(packet("7 16 G."))
	got = append(got, pop(s)...)
	if want := []string{"A 2s 0", "C 1s 1", "D 1s 0", "E 1s 0", "F 1s 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestSampleHasMetadataAndHeaders(t *testing.T) {
	s := New(50, letters{}, 90000, WithRTPHeaders(true), WithPacketHeadHandler(func(head any) any {
		return fmt.Sprintf("%T", head)
	}))
	for _, text := range []string{"1 3000 A", "2 3000 -", "3 3000 b.", "4 6000 C."} {
		s.Push(packet(text))
	}
	sample := s.Pop()
	if sample == nil || sample.Metadata != "samplebuilder.letters" || sample.PacketTimestamp != 3000 || sample.Duration != time.Second/30 ||
		len(sample.RTPHeaders) != 2 || sample.RTPHeaders[1].SequenceNumber != 3 {
		t.Errorf("%+v", sample)
	}
}

// TestSamplesOfCodecsComeBack goes by what pion/rtp's depacketisers get wrong when
// they are used again: VP9 in flexible mode, and pictures of several NAL units.
func TestSamplesOfCodecsComeBack(t *testing.T) {
	vp9 := func() (frames [][]byte) {
		reader, _, err := ivfreader.NewWith(bytes.NewReader(samples.VP9))
		for err == nil {
			var frame []byte
			if frame, _, err = reader.ParseNextFrame(); err == nil {
				frames = append(frames, frame)
			}
		}
		return frames
	}()
	h265 := func() (frames [][]byte) {
		reader, err := h265reader.NewReader(bytes.NewReader(samples.H265))
		var unit []byte
		for err == nil {
			var nal *h265reader.NAL
			if nal, err = reader.NextNAL(); err == nil {
				unit = append(append(unit, 0, 0, 0, 1), nal.Data...)
				if nal.NalUnitType < h265reader.NalUnitTypeVps {
					// Twice the picture stands for one of two slices.
					frames, unit = append(frames, append(append(unit, 0, 0, 0, 1), nal.Data...)), nil
				}
			}
		}
		return frames
	}()
	for name, test := range map[string]struct {
		frames       [][]byte
		payloader    rtp.Payloader
		depacketizer rtp.Depacketizer
	}{
		"VP9, three references": {vp9, references{}, &codecs.VP9Packet{}},
		"H265":                  {h265, &codecs.H265Payloader{}, &codecs.H265Depacketizer{}},
	} {
		s := New(100, test.depacketizer, 90000)
		number, n := uint16(65530), 0
		for i, frame := range test.frames {
			payloads := test.payloader.Payload(400, frame)
			for j, payload := range payloads {
				s.Push(&rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(i) * 6000, Marker: j == len(payloads)-1}, Payload: payload})
				number++
			}
			for sample := s.Pop(); sample != nil; sample = s.Pop() {
				if !bytes.Equal(sample.Data, test.frames[n]) || sample.PrevDroppedPackets != 0 {
					t.Fatalf("%s: sample %d has %d bytes, not %d, or differs", name, n, len(sample.Data), len(test.frames[n]))
				}
				n++
			}
		}
		if n != len(test.frames)-1 {
			t.Errorf("%s: %d samples, not %d", name, n, len(test.frames)-1)
		}
	}
}

// references makes payloads of VP9 in flexible mode with three references each.
type references struct{}

func (references) Payload(mtu uint16, frame []byte) (payloads [][]byte) {
	for first := true; len(frame) > 0; first = false {
		n := min(len(frame), int(mtu)-4)
		header := []byte{0x50, 1<<1 | 1, 2<<1 | 1, 3 << 1}
		if first {
			header[0] |= 0x08
		}
		payloads = append(payloads, append(header, frame[:n]...))
		frame = frame[n:]
	}
	return payloads
}

// TestDroppedIsWhatIsMissing holds what samples say against what was not sent.
func TestDroppedIsWhatIsMissing(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for round := range 50 {
		s := New(40, letters{}, 90000, WithRTPHeaders(true))
		var packets []*rtp.Packet
		number := uint16(65000)
		for i := range uint32(300) {
			for j, n := 0, 1+random.IntN(4); j < n; j++ {
				number++
				p := &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: i * 3000, Marker: j == n-1}, Payload: []byte{'b'}}
				if j == 0 {
					p.Payload = []byte{'A'}
				}
				if random.IntN(100) >= 4 {
					packets = append(packets, p)
				}
			}
		}
		for i := range packets {
			if j := i + random.IntN(8); j < len(packets) {
				packets[i], packets[j] = packets[j], packets[i]
			}
		}
		built, last, began := 0, uint16(0), false
		check := func() {
			for sample := s.Pop(); sample != nil; sample = s.Pop() {
				first := sample.RTPHeaders[0].SequenceNumber
				if began && first-last-1 != sample.PrevDroppedPackets {
					t.Fatalf("round %d: sample %d behind %d says %d were dropped", round, first, last, sample.PrevDroppedPackets)
				}
				last, began = sample.RTPHeaders[len(sample.RTPHeaders)-1].SequenceNumber, true
				built++
			}
		}
		for _, p := range packets {
			s.Push(p)
			check()
		}
		s.Flush()
		if check(); built < 240 {
			t.Errorf("round %d: %d samples of 300", round, built)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := New(100, letters{}, 1)
	for i := range 100000 {
		s.Push(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i * 3), Timestamp: uint32(i), Marker: true}, Payload: []byte{'A'}})
		if len(s.packets.slots) > 128 || len(s.samples) > 100+maxUntaken {
			t.Fatalf("%d slots, %d samples", len(s.packets.slots), len(s.samples))
		}
	}
}

func FuzzSampleBuilder(f *testing.F) {
	f.Add([]byte("\x01A\x01b\x81c\x01D\x81e"), uint8(5), uint8(0))
	f.Add([]byte("\x81A\x05B\xfbC\x81\x00\x81D"), uint8(0), uint8(3))
	f.Fuzz(func(t *testing.T, script []byte, maxLate, delay uint8) {
		released := map[*rtp.Packet]int{}
		s := New(uint16(maxLate), letters{}, 1, WithMaxTimeDelay(time.Duration(delay)*time.Second),
			WithPacketReleaseHandler(func(p *rtp.Packet) { released[p]++ }), WithRTPHeaders(true))
		number, pushed := uint16(65530), 0
		for ; len(script) >= 2; script = script[2:] {
			number += uint16(int8(script[0] << 1 >> 1))
			if script[1] == 0xff {
				number += uint16(script[0]) << 8
			}
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(number / 2), Marker: script[0]&0x80 != 0}}
			if script[1] != 0 {
				p.Payload = script[1:2]
			}
			s.Push(p)
			if pushed++; s.packets.span() > int(maxLate) {
				t.Fatalf("%d numbers are held", s.packets.span())
			}
			if script[1]&1 == 0 {
				continue
			}
			for sample := s.Pop(); sample != nil; sample = s.Pop() {
				if len(sample.Data) == 0 || sample.Duration < 0 || len(sample.RTPHeaders) == 0 {
					t.Fatalf("%+v", sample)
				}
			}
		}
		if s.Flush(); len(released) != pushed {
			t.Fatalf("%d packets of %d were released", len(released), pushed)
		}
		for _, n := range released {
			if n != 1 {
				t.Fatal("a packet was released twice")
			}
		}
	})
}
