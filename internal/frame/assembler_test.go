package frame

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func ms(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }

// vp8 returns a packet of VP8 without extensions: "S" begins a key frame, "s"
// another one, "-" goes on; with "." it ends the frame; "" is padding only.
func vp8(number uint16, timestamp uint32, kind string) *rtp.Packet {
	p := &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: timestamp}}
	for _, c := range kind {
		switch c {
		case 'S':
			p.Payload = []byte{0x10, 0, byte(number)}
		case 's':
			p.Payload = []byte{0x10, 1, byte(number)}
		case '-':
			p.Payload = []byte{0, byte(number)}
		case '.':
			p.Marker = true
		}
	}
	return p
}

// take returns the frames as "first-last lost timestamp".
func take(a *Assembler) (frames []string) {
	for f, ok := a.Next(); ok; f, ok = a.Next() {
		frames = append(frames, fmt.Sprintf("%d-%d %d", f.First, f.Last, f.Lost))
	}
	return frames
}

type step struct {
	at     int // ms
	packet *rtp.Packet
	frames []string
	wait   int // the deadline in ms, or 0
}

func run(t *testing.T, a *Assembler, steps []step) {
	t.Helper()
	for i, s := range steps {
		if s.packet != nil {
			a.Push(ms(s.at), s.packet)
		} else {
			a.Advance(ms(s.at))
		}
		if frames := take(a); !slices.Equal(frames, s.frames) {
			t.Errorf("step %d: frames %q, not %q", i, frames, s.frames)
		}
		wait := a.Deadline()
		if s.wait == 0 && !wait.IsZero() || s.wait != 0 && !wait.Equal(ms(s.wait)) {
			t.Errorf("step %d: waits until %v, not %d ms", i, wait.Sub(start), s.wait)
		}
	}
}

func TestFramesComeWholeAndInOrder(t *testing.T) {
	run(t, New(Config{Codec: VP8, Target: 100 * time.Millisecond}), []step{
		{0, vp8(65534, 0, "S"), nil, 0},
		{1, vp8(0, 0, "-."), nil, 101},    // 65535 is missing
		{2, vp8(1, 3000, "s."), nil, 101}, // whole, but not next
		{3, vp8(3, 6000, "-."), nil, 101}, //
		{4, vp8(65535, 0, "-"), []string{"65534-0 0", "1-1 0"}, 103},
		{5, vp8(2, 6000, "s"), []string{"2-3 0"}, 0},
	})
}

func TestGapIsWaitedForAndThenMarked(t *testing.T) {
	a := New(Config{Codec: VP8, Target: 100 * time.Millisecond})
	run(t, a, []step{
		{0, vp8(10, 0, "S."), []string{"10-10 0"}, 0},
		{10, vp8(12, 3000, "-"), nil, 110},
		{20, vp8(13, 3000, "-."), nil, 110},
		{30, vp8(15, 6000, "s."), nil, 110},
		{109, nil, nil, 110},
		{110, nil, nil, 130},                               // 14 is missing too, since 30
		{130, nil, []string{"15-15 4"}, 0},                 // 11 to 14
		{131, vp8(11, 3000, "s"), nil, 0},                  // too late
		{132, vp8(16, 9000, "s."), []string{"16-16 0"}, 0}, // nothing was lost since
		{133, vp8(16, 9000, "s."), nil, 0},                 // twice
		{140, vp8(18, 12000, "s."), nil, 240},              //
		{150, vp8(17, 11000, "s."), []string{"17-17 0", "18-18 0"}, 0},
	})
	if a.Discarded() != 2 {
		t.Errorf("%d packets discarded, not 2", a.Discarded())
	}
}

func TestFillingAPartOfAGapDoesNotProlongTheWait(t *testing.T) {
	run(t, New(Config{Codec: VP8, Target: 100 * time.Millisecond}), []step{
		{0, vp8(10, 0, "S."), []string{"10-10 0"}, 0},
		{10, vp8(14, 6000, "s."), nil, 110},
		{80, vp8(13, 3000, "-."), nil, 110},
		{90, vp8(12, 3000, "-"), nil, 110},
		{110, nil, []string{"14-14 3"}, 0},
	})
}

func TestWithoutTargetAGapIsALossAtOnce(t *testing.T) {
	run(t, New(Config{Codec: VP8}), []step{
		{0, vp8(10, 0, "S"), nil, 0},
		{0, vp8(12, 0, "-."), nil, 0},
		{1, vp8(13, 3000, "s."), []string{"13-13 0"}, 0}, // the first frame
		{2, vp8(15, 9000, "s."), []string{"15-15 1"}, 0},
		{2, vp8(14, 6000, "s."), nil, 0},
	})
}

func TestGapIsGivenUpWhenEnoughPacketsCameBehindIt(t *testing.T) {
	run(t, New(Config{Codec: VP8, Target: time.Hour, MaxLate: 3}), []step{
		{0, vp8(10, 0, "S."), []string{"10-10 0"}, 0},
		{0, vp8(12, 3000, "s."), nil, 3600000},
		{0, vp8(13, 6000, "s."), nil, 3600000},
		{0, vp8(14, 9000, "s."), []string{"12-12 1", "13-13 0", "14-14 0"}, 0},
	})
}

func TestTargetMayChange(t *testing.T) {
	a := New(Config{Codec: VP8, Target: time.Second})
	run(t, a, []step{
		{0, vp8(10, 0, "S."), []string{"10-10 0"}, 0},
		{10, vp8(12, 6000, "s."), nil, 1010},
	})
	if a.SetTarget(ms(20), 50*time.Millisecond); !a.Deadline().Equal(ms(60)) {
		t.Errorf("waits until %v", a.Deadline())
	}
	if a.SetTarget(ms(30), 0); len(take(a)) != 1 {
		t.Error("no frame without a target")
	}
}

func TestPaddingIsNoLossAndNoFrame(t *testing.T) {
	run(t, New(Config{Codec: VP8, Target: 100 * time.Millisecond}), []step{
		{0, vp8(9, 0, ""), nil, 0},
		{0, vp8(10, 0, "S."), []string{"10-10 0"}, 0},
		{1, vp8(11, 0, ""), nil, 0},
		{1, vp8(12, 0, ""), nil, 0},
		{2, vp8(13, 3000, "s"), nil, 0},
		{2, vp8(14, 2900, ""), nil, 0}, // within a frame
		{2, vp8(15, 3000, "-."), []string{"13-15 0"}, 0},
		{2, vp8(17, 3000, ""), nil, 102},
		{3, vp8(18, 6000, "s."), nil, 102},
		{4, vp8(16, 3000, ""), []string{"18-18 0"}, 0},
	})
}

func TestFrameWithoutMarkerEndsWithTheNextTimestamp(t *testing.T) {
	run(t, New(Config{Codec: VP8, Target: time.Second}), []step{
		{0, vp8(10, 0, "S"), nil, 0},
		{0, vp8(11, 0, "-"), nil, 0},
		{1, vp8(12, 0, ""), nil, 0},
		{1, vp8(13, 3000, "s"), []string{"10-11 0"}, 0},
		{2, vp8(14, 6000, "s."), []string{"13-13 0", "14-14 0"}, 0},
	})
}

func TestPacketsBeforeTheFirstFrameAreForgotten(t *testing.T) {
	run(t, New(Config{Codec: VP8, Target: 100 * time.Millisecond}), []step{
		{0, vp8(10, 0, "-"), nil, 100}, // its beginning may come
		{1, vp8(9, 0, "-"), nil, 101},
		{2, vp8(8, 0, "S"), nil, 0},
		{3, vp8(11, 0, "-."), []string{"8-11 0"}, 0},
	})
	run(t, New(Config{Codec: VP8, Target: 100 * time.Millisecond}), []step{
		{0, vp8(10, 0, "-"), nil, 100},
		{1, vp8(11, 0, "-."), nil, 100},
		{2, vp8(12, 3000, "S."), nil, 100},
		{100, nil, []string{"12-12 0"}, 0},
	})
}

// RFC 3550 appendix A.1: two packets in sequence prove a sender that began anew.
func TestSenderThatBeginsAnewIsFollowed(t *testing.T) {
	for _, number := range []uint16{40000, 5000} { // behind, far ahead
		a := New(Config{Codec: VP8, Target: 100 * time.Millisecond})
		run(t, a, []step{
			{0, vp8(1000, 0, "S."), []string{"1000-1000 0"}, 0},
			{1, vp8(1002, 3000, "s."), nil, 101},
			{2, vp8(number+7, 9, "s."), nil, 101}, // one alone is none
			{3, vp8(number, 9, "S."), nil, 101},   // nor is another
			{4, vp8(number+1, 12, "s."), []string{"1002-1002 1", fmt.Sprintf("%d-%d 1", number+1, number+1)}, 0},
			{5, vp8(number+2, 15, "s."), []string{fmt.Sprintf("%d-%d 0", number+2, number+2)}, 0},
			{6, vp8(1003, 6000, "s."), nil, 0},
		})
	}
}

func TestJumpAheadIsALoss(t *testing.T) {
	run(t, New(Config{Codec: VP8, Target: time.Second, MaxPackets: 64}), []step{
		{0, vp8(100, 0, "S."), []string{"100-100 0"}, 0},
		{1, vp8(102, 3000, "s."), nil, 1001},
		{2, vp8(103, 6000, "s"), nil, 1001},
		{3, vp8(600, 9000, "s."), []string{"102-102 1", "600-600 497"}, 0},
	})
}

func TestMemoryIsBounded(t *testing.T) {
	const limit = 10000
	for name, packet := range map[string]func(i int) *rtp.Packet{
		"a frame without end": func(i int) *rtp.Packet { return vp8(uint16(i), 0, "S") },
		"gaps everywhere":     func(i int) *rtp.Packet { return vp8(uint16(i*2), uint32(i), "-") },
		"frames of no use":    func(i int) *rtp.Packet { return vp8(uint16(i), uint32(i), "S.") },
		"random numbers":      func(int) *rtp.Packet { return vp8(uint16(rand.Uint32()), rand.Uint32(), "S.") },
	} {
		a := New(Config{Codec: VP8, Target: time.Hour, MaxPackets: 100, MaxBytes: limit})
		for i := range 20000 {
			p := packet(i)
			p.Payload = append(p.Payload, make([]byte, i%1200)...)
			a.Push(ms(i), p)
			if a.packets.bytes > limit || a.readyBytes > limit || len(a.packets.slots) > 128 || len(a.ready) > 128 {
				t.Fatalf("%s: %d bytes and %d slots held, %d bytes in %d frames ready", name, a.packets.bytes, len(a.packets.slots), a.readyBytes, len(a.ready))
			}
		}
		if name == "frames of no use" {
			f, _ := a.Next()
			if f.Lost != int(f.First) {
				t.Errorf("frame %d says that %d were lost", f.First, f.Lost)
			}
		}
	}
}

func TestFrameThatCannotBeJoinedIsLost(t *testing.T) {
	cut := vp8(11, 3000, "s.")
	cut.Payload = []byte{0x90}
	run(t, New(Config{Codec: VP8}), []step{
		{0, vp8(10, 0, "S."), []string{"10-10 0"}, 0},
		{1, cut, nil, 0},
		{2, vp8(12, 6000, "-."), []string{"12-12 1"}, 0}, // behind a marker
	})
}

func TestFrameDescribesItself(t *testing.T) {
	a := New(Config{Codec: VP8, Target: time.Second})
	first := &rtp.Packet{Header: rtp.Header{SequenceNumber: 7, Timestamp: 99, PayloadType: 96, CSRC: []uint32{5}}, Payload: []byte{0x90, 0x20, 0x40, 0, 'a'}}
	last := &rtp.Packet{Header: rtp.Header{SequenceNumber: 8, Timestamp: 99, Marker: true}, Payload: []byte{0x80, 0x20, 0x40, 'b'}}
	a.Push(ms(5), last)
	a.Push(ms(9), first)
	f, ok := a.Next()
	if !ok || string(f.Payload) != "\x00ab" || f.Timestamp != 99 || !f.Keyframe || !f.Layered || f.TemporalLayer != 1 || f.SpatialLayer != 0 ||
		!f.Arrival.Equal(ms(9)) || f.Header.CSRC[0] != 5 {
		t.Errorf("%+v", f)
	}
}

func TestEachPacketOfAudioIsAFrame(t *testing.T) {
	for _, codec := range []Codec{Opus, G722, PCMU, PCMA} {
		a := New(Config{Codec: codec, Target: 50 * time.Millisecond})
		packet := func(number uint16) *rtp.Packet {
			return &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(number) * 960}, Payload: []byte{byte(number)}}
		}
		run(t, a, []step{
			{0, packet(1), []string{"1-1 0"}, 0},
			{20, packet(2), []string{"2-2 0"}, 0},
			{60, packet(4), nil, 110},
			{100, packet(6), nil, 110},
			{110, nil, []string{"4-4 1"}, 150},
			{120, packet(5), []string{"5-5 0", "6-6 0"}, 0},
		})
	}
}

// FuzzAssembler gives packets in any order, and holds what comes out against what
// went in.
func FuzzAssembler(f *testing.F) {
	f.Add([]byte{1, 0x10, 0, 1, 0x90, 2, 1, 0x30, 5, 0x10}, uint8(VP8), uint8(10))
	f.Add([]byte{0, 0x80, 1, 0xff, 3, 0x80, 2, 0x80}, uint8(Opus), uint8(0))
	f.Fuzz(func(t *testing.T, script []byte, codec, target uint8) {
		a := New(Config{Codec: Codec(codec % 10), Target: time.Duration(target) * time.Millisecond, MaxPackets: 64, MaxBytes: 2000})
		number, last, began := uint16(65500), uint16(0), false
		for now := 0; len(script) >= 2; script, now = script[2:], now+1 {
			move, kind := int8(script[0]), script[1]
			if number += uint16(move); kind == 0xee {
				number += uint16(script[0]) << 8
			}
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(number / 3), Marker: kind&0x80 != 0}}
			p.Payload = bytes.Repeat([]byte{kind & 0x7f}, int(kind)%40)
			if len(script) > 20 {
				p.Payload = append(p.Payload, script[:20]...)
			}
			a.Push(ms(now*10), p)
			if a.packets.bytes > 2000 || a.readyBytes > 2000 && len(a.ready) > 1 || len(a.packets.slots) > 64 {
				t.Fatal("unbounded")
			}
			if at := a.Deadline(); !at.IsZero() && !at.After(ms(now*10)) {
				t.Fatal("the deadline is past")
			}
			for frame, ok := a.Next(); ok; frame, ok = a.Next() {
				if began && frame.Lost == 0 && frame.First-last > 2*64 {
					t.Fatalf("frame %d follows %d, and nothing is lost", frame.First, last)
				}
				if len(frame.Payload) == 0 || frame.Last-frame.First >= 64 || frame.Lost < 0 {
					t.Fatalf("frame %+v", frame)
				}
				last, began = frame.Last, true
			}
		}
	})
}

// TestLostIsWhatIsMissing holds the sum of what frames say against the sequence
// numbers, under loss and reordering.
func TestLostIsWhatIsMissing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		a := New(Config{Codec: VP8, Target: 30 * time.Millisecond})
		type delayed struct {
			at     int
			packet *rtp.Packet
		}
		var packets []delayed
		number := uint16(65000)
		for i := range 400 {
			n := 1 + random.IntN(4)
			for j := range n {
				kind := "-"
				if j == 0 {
					kind = "s"
				}
				if j == n-1 {
					kind += "."
				}
				if number++; random.IntN(100) >= 5 || i == 0 {
					packets = append(packets, delayed{i*10 + random.IntN(25), vp8(number, uint32(i)*900, kind)})
				}
			}
		}
		slices.SortStableFunc(packets, func(a, b delayed) int { return a.at - b.at })
		frames, covered, first, last := 0, 0, -1, uint16(0)
		for _, p := range packets {
			a.Push(ms(p.at), p.packet)
			for f, ok := a.Next(); ok; f, ok = a.Next() {
				frames++
				if first < 0 {
					first = int(f.First)
				} else if int(f.First-last)-1 != f.Lost {
					t.Fatalf("round %d: frame %d behind %d says %d lost", round, f.First, last, f.Lost)
				}
				covered += f.Lost + int(f.Last-f.First) + 1
				last = f.Last
			}
		}
		if frames < 300 || covered != int(last-uint16(first))+1 {
			t.Errorf("round %d: %d frames cover %d numbers of %d", round, frames, covered, last-uint16(first)+1)
		}
	}
}

// BenchmarkAssembler is one frame of four packets: the frame's payload is the
// only allocation.
func BenchmarkAssembler(b *testing.B) {
	a := New(Config{Codec: VP8, Target: 100 * time.Millisecond})
	packets := [4]*rtp.Packet{}
	for i, kind := range []string{"s", "-", "-", "-."} {
		packets[i] = vp8(0, 0, kind)
		packets[i].Payload = append(packets[i].Payload, make([]byte, 1100)...)
	}
	b.ReportAllocs()
	number := uint16(0)
	for b.Loop() {
		for _, p := range packets {
			p.SequenceNumber = number
			p.Timestamp = uint32(number / 4)
			number++
			a.Push(start, p)
		}
		if _, ok := a.Next(); !ok {
			b.Fatal("no frame")
		}
	}
}
