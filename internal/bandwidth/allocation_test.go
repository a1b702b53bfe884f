package bandwidth

import (
	"math/rand/v2"
	"testing"
)

const kb = KilobitPerSecond

func bitrates(a []Allocation) []Bitrate {
	var list []Bitrate
	for _, x := range a {
		list = append(list, x.Bitrate)
	}
	return list
}

func expectBitrates(t *testing.T, got []Allocation, want ...Bitrate) {
	t.Helper()
	list := bitrates(got)
	if len(list) != len(want) {
		t.Fatalf("allocated %v, want %v", list, want)
	}
	for i := range want {
		if list[i] != want[i] {
			t.Fatalf("allocated %v, want %v", list, want)
		}
	}
}

func single(id EncodingID, w Weight, least, most Bitrate) Sender {
	return Sender{Encodings: []Encoding{{ID: id, Active: true, Weight: w, Min: least, Max: most}}}
}

func simulcast() Sender {
	return Sender{Encodings: []Encoding{
		{ID: 1, Active: true, Min: 50 * kb, Max: 200 * kb},
		{ID: 2, Active: true, Min: 150 * kb, Max: 700 * kb},
		{ID: 3, Active: true, Min: 600 * kb, Max: 2500 * kb},
	}}
}

// W3C webrtc-priority, RTCPriorityType: below normal, normal, high and extra
// high of RFC 8831 section 6.4, 128 to 1024.
func TestPrioritiesShareInTheirRelation(t *testing.T) {
	var a Allocator
	a.SetSenders([]Sender{single(1, VeryLow, 0, 0), single(2, Low, 0, 0), single(3, Medium, 0, 0), single(4, High, 0, 0)})
	expectBitrates(t, a.Allocate(1500*kb), 100*kb, 200*kb, 400*kb, 800*kb)
}

func TestWhatAnEncodingCannotUseGoesToTheOthers(t *testing.T) {
	var a Allocator
	a.SetSenders([]Sender{single(1, High, 0, 100*kb), single(2, Low, 0, 0), single(3, Low, 0, 250*kb)})
	expectBitrates(t, a.Allocate(900*kb), 100*kb, 550*kb, 250*kb)
	if a.Demand() != 0 {
		t.Errorf("demand is %v although one encoding has no limit", a.Demand())
	}
}

// webrtc-pc section 5.2.7: maxBitrate and active of RTCRtpEncodingParameters.
func TestMaxBitrateAndActiveAreObeyed(t *testing.T) {
	var a Allocator
	off := single(2, High, 0, 0)
	off.Encodings[0].Active = false
	a.SetSenders([]Sender{single(1, Low, 0, 500*kb), off})
	expectBitrates(t, a.Allocate(5*MegabitPerSecond), 500*kb, 0)
	if a.Demand() != 500*kb {
		t.Errorf("demand is %v, want that of the active encoding", a.Demand())
	}
}

func TestSimulcastLayersOpenFromTheLowest(t *testing.T) {
	for _, c := range []struct {
		target Bitrate
		want   []Bitrate
	}{
		{30 * kb, []Bitrate{0, 0, 0}},
		{100 * kb, []Bitrate{100 * kb, 0, 0}},
		{300 * kb, []Bitrate{200 * kb, 0, 0}},
		{400 * kb, []Bitrate{200 * kb, 200 * kb, 0}},
		{1400 * kb, []Bitrate{200 * kb, 700 * kb, 0}},
		{2000 * kb, []Bitrate{200 * kb, 700 * kb, 1100 * kb}},
		{9000 * kb, []Bitrate{200 * kb, 700 * kb, 2500 * kb}},
	} {
		var a Allocator
		a.SetSenders([]Sender{simulcast()})
		expectBitrates(t, a.Allocate(c.target), c.want...)
	}
}

func TestALayerThatWasPausedComesBackWithHysteresis(t *testing.T) {
	var a Allocator
	a.SetSenders([]Sender{simulcast()})
	a.Allocate(2000 * kb)
	expectBitrates(t, a.Allocate(1500*kb), 200*kb, 700*kb, 600*kb) // just enough to stay
	expectBitrates(t, a.Allocate(1490*kb), 200*kb, 700*kb, 0)
	expectBitrates(t, a.Allocate(1610*kb), 200*kb, 700*kb, 0) // 710 is less than 1.2 × 600
	got := a.Allocate(1620 * kb)
	expectBitrates(t, got, 200*kb, 700*kb, 720*kb)
	if got[0].Changed || !got[2].Changed {
		t.Errorf("changed is %v, %v, %v; want the third only", got[0].Changed, got[1].Changed, got[2].Changed)
	}
}

func TestAnInactiveLowerLayerIsLeftOut(t *testing.T) {
	var a Allocator
	s := simulcast()
	s.Encodings[0].Active = false
	a.SetSenders([]Sender{s})
	expectBitrates(t, a.Allocate(400*kb), 0, 400*kb, 0)
}

func TestScalableLayersOfOneEncoding(t *testing.T) {
	var a Allocator
	a.SetSenders([]Sender{{Encodings: []Encoding{{ID: 1, Active: true, Max: 1200 * kb, Layers: []Layer{
		{Min: 50 * kb, Max: 150 * kb}, {Min: 100 * kb, Max: 400 * kb}, {Min: 300 * kb, Max: 1000 * kb},
	}}}}})
	for _, c := range []struct {
		target, want Bitrate
		layers       int
	}{{40 * kb, 0, 0}, {200 * kb, 150 * kb, 1}, {300 * kb, 300 * kb, 2}, {1000 * kb, 1000 * kb, 3}, {5000 * kb, 1200 * kb, 3}} {
		got := a.Allocate(c.target)
		if got[0].Bitrate != c.want || got[0].Layers != c.layers {
			t.Errorf("%v: %v on %d layers, want %v on %d", c.target, got[0].Bitrate, got[0].Layers, c.want, c.layers)
		}
	}
}

func TestEssentialSendersAreNeverPaused(t *testing.T) {
	var a Allocator
	audio := single(1, Low, 32*kb, 64*kb)
	audio.Essential = true
	a.SetSenders([]Sender{single(2, High, 100*kb, 0), audio})
	expectBitrates(t, a.Allocate(60*kb), 0, 60*kb)
	expectBitrates(t, a.Allocate(20*kb), 0, 20*kb)
	expectBitrates(t, a.Allocate(1000*kb), 936*kb, 64*kb)
}

func TestTheLightestSenderIsPausedFirst(t *testing.T) {
	var a Allocator
	a.SetSenders([]Sender{single(1, Low, 100*kb, 0), single(2, High, 100*kb, 0)})
	expectBitrates(t, a.Allocate(150*kb), 0, 150*kb)
}

func TestALowerLayerWithoutLimitLeavesRoomForTheNext(t *testing.T) {
	var a Allocator
	a.SetSenders([]Sender{{Encodings: []Encoding{
		{ID: 1, Active: true, Min: 50 * kb}, {ID: 2, Active: true, Min: 300 * kb},
	}}})
	expectBitrates(t, a.Allocate(1000*kb), 300*kb, 700*kb)
}

// TestAllocationKeepsItsBounds tries random senders and targets: the sum never
// exceeds the target, nor an encoding its limits, and no layer hangs in the air.
func TestAllocationKeepsItsBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		var senders []Sender
		limits := map[EncodingID]Encoding{}
		for range rng.IntN(5) {
			s := Sender{Essential: rng.IntN(4) == 0}
			for range rng.IntN(4) {
				e := Encoding{
					ID: EncodingID(len(limits)), Active: rng.IntN(4) > 0, Weight: Weight(rng.IntN(5) - 1),
					Min: Bitrate(rng.IntN(400)) * kb, Max: Bitrate(rng.IntN(2000)-200) * kb,
				}
				limits[e.ID] = e
				s.Encodings = append(s.Encodings, e)
			}
			senders = append(senders, s)
		}
		var a Allocator
		a.SetSenders(senders)
		for range 10 {
			target := Bitrate(rng.IntN(4000)) * kb
			var sum Bitrate
			for _, x := range a.Allocate(target) {
				e := limits[x.Encoding]
				sum += x.Bitrate
				if x.Bitrate < 0 || x.Bitrate > 0 && !e.Active || e.Max > 0 && x.Bitrate > e.Max {
					t.Fatalf("%v for %+v", x, e)
				}
				if (x.Bitrate > 0) != (x.Layers > 0) {
					t.Fatalf("%v on %d layers", x.Bitrate, x.Layers)
				}
			}
			if sum > target {
				t.Fatalf("%v of %v allocated", sum, target)
			}
		}
	}
}

func TestAllocateDoesNotAllocate(t *testing.T) {
	var a Allocator
	a.SetSenders([]Sender{simulcast(), single(9, High, 30*kb, 64*kb)})
	a.Allocate(500 * kb)
	n := Bitrate(0)
	if got := testing.AllocsPerRun(100, func() { n += 37 * kb; a.Allocate(n) }); got > 0 {
		t.Errorf("%v allocations", got)
	}
}
