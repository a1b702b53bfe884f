package rtpsession

import (
	"math/rand/v2"
	"testing"
)

// RFC 7741 section 4.1 (and RFC 6184 section 5.1): the marker is on the last packet of a frame. webrtc-stats section 8.5,
// framesReceived: a frame counts once it is complete.
func TestFramesCountOnceTheyAreComplete(t *testing.T) {
	type packet struct {
		seq    uint16
		ts     uint32
		marker bool
	}
	for _, test := range []struct {
		name    string
		packets []packet
		want    uint64
	}{
		{"one packet a frame", []packet{{1, 1, true}, {2, 2, true}}, 2},
		{"several, in order", []packet{{65534, 1, false}, {65535, 1, false}, {0, 1, true}, {1, 2, false}, {2, 2, true}}, 2},
		{"unfinished", []packet{{1, 1, false}, {2, 1, false}}, 0},
		{"a hole in the middle", []packet{{1, 1, false}, {3, 1, true}, {4, 2, true}}, 1},
		{"a hole that is filled", []packet{{1, 1, false}, {3, 1, true}, {4, 2, true}, {2, 1, false}}, 2},
		{"an end that comes late makes the next begin", []packet{{1, 1, false}, {3, 2, false}, {4, 2, true}, {2, 1, true}}, 2},
		{"out of order", []packet{{1, 1, false}, {4, 2, true}, {3, 2, false}, {2, 1, true}}, 2},
		{"without markers", []packet{{1, 1, false}, {2, 2, false}, {3, 3, false}}, 2},
		{"what came before the first packet", []packet{{10, 5, false}, {9, 5, false}, {11, 5, true}}, 1},
		{"after a jump", []packet{{1, 1, true}, {5000, 9, false}, {5001, 9, true}, {5002, 10, true}}, 2},
	} {
		var c frameCounter
		for _, p := range test.packets {
			c.add(p.seq, p.ts, p.marker)
		}
		if c.frames != test.want {
			t.Errorf("%s: %d frames, want %d", test.name, c.frames, test.want)
		}
	}
}

// Whatever the order in which they come within the window, all frames are counted, each once.
func TestAllFramesAreCountedInAnyOrder(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		var c frameCounter
		seq := uint16(random.Uint32())
		type packet struct {
			seq    uint16
			ts     uint32
			marker bool
		}
		var packets []packet
		for f := range uint32(200) {
			n := 1 + random.IntN(6)
			for i := range n {
				packets = append(packets, packet{seq, f * 3000, i == n-1})
				seq++
			}
		}
		c.add(packets[0].seq, packets[0].ts, packets[0].marker)
		rest := packets[1:]
		for len(rest) > 0 { // each packet comes at most 20 places late
			i := random.IntN(min(20, len(rest)))
			p := rest[i]
			rest = append(append([]packet{}, rest[:i]...), rest[i+1:]...)
			c.add(p.seq, p.ts, p.marker)
		}
		if c.frames != 200 {
			t.Fatalf("seed %d: %d of 200 frames", seed, c.frames)
		}
	}
}
