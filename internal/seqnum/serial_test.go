package seqnum

import (
	"math/rand/v2"
	"testing"
)

// RFC 1982 section 3.2, with SERIAL_BITS 16 and 32.
func TestSerialNumbersCompareAroundTheWrap(t *testing.T) {
	for _, c := range []struct {
		a, b uint16
		less bool
		d    int16
	}{
		{0, 0, false, 0},
		{0, 1, true, 1},
		{1, 0, false, -1},
		{65535, 0, true, 1},
		{0, 65535, false, -1},
		{0, 32767, true, 32767},
		{0, 32768, false, -32768},
		{32768, 0, false, -32768},
		{32769, 0, true, 32767},
	} {
		if Less16(c.a, c.b) != c.less || Distance16(c.a, c.b) != c.d {
			t.Errorf("%d, %d: less %t, distance %d", c.a, c.b, Less16(c.a, c.b), Distance16(c.a, c.b))
		}
		// The same shape, 16 bits further up.
		a, b := uint32(c.a)<<16, uint32(c.b)<<16
		if Less32(a, b) != c.less || Distance32(a, b) != int32(c.d)<<16 {
			t.Errorf("%d, %d: less %t, distance %d", a, b, Less32(a, b), Distance32(a, b))
		}
	}
}

func TestUnwrappingFollowsWrapsAndReordering(t *testing.T) {
	for name, c := range map[string]struct {
		in   []uint16
		want []int64
	}{
		"forward over the wrap":         {[]uint16{65534, 65535, 0, 1}, []int64{65534, 65535, 65536, 65537}},
		"late over the wrap":            {[]uint16{65534, 0, 65535, 1}, []int64{65534, 65536, 65535, 65537}},
		"first packet near 0, late one": {[]uint16{1, 65535, 0, 2}, []int64{1, -1, 0, 2}},
		"first packet is 65535":         {[]uint16{65535, 0}, []int64{65535, 65536}},
		"furthest jump forward":         {[]uint16{5, 32772}, []int64{5, 32772}},
		"one more is a jump backward":   {[]uint16{5, 32773}, []int64{5, 5 - 32768}},
		"an old one does not move it":   {[]uint16{40000, 20000, 60000, 7000}, []int64{40000, 20000, 60000, 72536}},
	} {
		var u Unwrapper16
		for i, n := range c.in {
			if p := u.Peek(n); p != c.want[i] {
				t.Errorf("%s: peek %d is %d, want %d", name, n, p, c.want[i])
			}
			if v := u.Unwrap(n); v != c.want[i] {
				t.Errorf("%s: %d is %d, want %d", name, n, v, c.want[i])
			}
		}
	}
}

func TestUnwrappingRecoversLongReorderedSequences(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var u16 Unwrapper16
	var u32 Unwrapper32
	base := int64(65530)
	base32 := int64(1<<32 - 3000)
	u16.Unwrap(uint16(base))
	u32.Unwrap(uint32(base32))
	for i := range int64(300_000) {
		v := base + max(0, i+int64(r.IntN(600))-300)
		if got := u16.Unwrap(uint16(v)); got != v {
			t.Fatalf("step %d: %d, want %d", i, got, v)
		}
		w := base32 + max(0, (i+int64(r.IntN(600))-300)*90_000)
		if got := u32.Unwrap(uint32(w)); got != w {
			t.Fatalf("step %d: %d, want %d", i, got, w)
		}
	}
	if h, ok := u16.Highest(); !ok || h < base+299_000 {
		t.Errorf("highest %d %t", h, ok)
	}
	if h, ok := u32.Highest(); !ok || h < base32+299_000*90_000 {
		t.Errorf("highest %d %t", h, ok)
	}
}

func TestUnwrappingDoesNotAllocate(t *testing.T) {
	var u Unwrapper16
	n := uint16(0)
	if a := testing.AllocsPerRun(1000, func() { n++; u.Unwrap(n) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
