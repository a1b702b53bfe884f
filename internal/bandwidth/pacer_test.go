package bandwidth

import (
	"testing"
	"time"
)

// rig drives a pacer by its deadlines.
type rig struct {
	t     *testing.T
	now   time.Time
	pacer *Pacer[int]
}

// out is one release with its time, since the start.
type out struct {
	Release[int]
	at time.Duration
}

func newRig(t *testing.T, c PacerConfig) *rig {
	return &rig{t: t, now: simEpoch, pacer: NewPacer[int](simEpoch, c)}
}

func (r *rig) put(stream StreamID, kind Kind, sizes ...int) {
	r.t.Helper()
	for _, size := range sizes {
		if !r.pacer.Enqueue(r.now, Packet[int]{Stream: stream, Kind: kind, Size: size, Value: size}) {
			r.t.Fatal("the queue is full")
		}
	}
}

// run takes what comes until a time, at the deadlines only.
func (r *rig) run(until time.Duration) []out {
	r.t.Helper()
	var list []out
	for range 100_000 {
		for {
			x, ok := r.pacer.Next(r.now)
			if !ok {
				break
			}
			list = append(list, out{x, r.now.Sub(simEpoch)})
		}
		deadline := r.pacer.Deadline()
		if deadline.IsZero() || deadline.Sub(simEpoch) > until {
			r.now = simEpoch.Add(until)
			return list
		}
		if !deadline.After(r.now) {
			deadline = r.now.Add(time.Nanosecond)
		}
		r.now = deadline
	}
	r.t.Fatal("the pacer asks to be called for ever")
	return nil
}

func sizes(n, size int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = size
	}
	return list
}

func TestBigFrameIsSpread(t *testing.T) {
	r := newRig(t, PacerConfig{Rate: mb})
	r.put(1, Video, sizes(25, 1000)...) // 25 kB at 2.5 Mb/s take 80 ms
	list := r.run(time.Second)
	if len(list) != 25 {
		t.Fatalf("%d packets", len(list))
	}
	if end := list[24].at; end < 70*time.Millisecond || end > 80*time.Millisecond {
		t.Errorf("the last packet left after %v, want about 77 ms", end)
	}
}

// draft-ietf-rmcat-gcc-02 section 4: a group leaves every burst_time of 5 ms.
func TestBurstsOfFiveMillisecondsAreOneBatch(t *testing.T) {
	r := newRig(t, PacerConfig{Rate: 8 * mb}) // 20 Mb/s are 12.5 kB in 5 ms
	r.put(1, Video, sizes(100, 1000)...)
	batches := map[time.Duration]int{}
	for _, x := range r.run(time.Second) {
		batches[x.at]++
	}
	if len(batches) < 7 || len(batches) > 9 {
		t.Fatalf("%d batches: %v", len(batches), batches)
	}
	for at, n := range batches {
		if n > 13 {
			t.Errorf("%d packets at %v", n, at)
		}
	}
}

func TestPriorities(t *testing.T) {
	r := newRig(t, PacerConfig{Rate: 400 * kb}) // 1 Mb/s: 1000 bytes are 8 ms
	r.put(1, Video, 1000, 1000, 1000)
	r.put(2, Padding, 100)
	r.put(3, Retransmission, 1000)
	r.put(4, Audio, 80)
	first := r.run(0)
	if len(first) != 2 || first[0].Kind != Audio || first[1].Kind != Retransmission {
		t.Fatalf("at once: %v", first)
	}
	r.put(3, Retransmission, 500)
	r.put(4, Audio, 80)
	var kinds []Kind
	for _, x := range r.run(time.Second) {
		kinds = append(kinds, x.Kind)
	}
	want := []Kind{Audio, Retransmission, Video, Video, Video, Padding}
	if len(kinds) != len(want) {
		t.Fatalf("%v, want %v", kinds, want)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Fatalf("%v, want %v", kinds, want)
		}
	}
}

func TestAudioDoesNotWaitButCounts(t *testing.T) {
	r := newRig(t, PacerConfig{Rate: 400 * kb})
	r.put(1, Audio, sizes(50, 100)...) // 5000 bytes: 40 ms of the pacing rate
	r.put(2, Video, 1000, 1000)
	list := r.run(time.Second)
	for _, x := range list[:50] {
		if x.at != 0 {
			t.Fatalf("audio waited %v", x.at)
		}
	}
	if at := list[50].at; at < 39*time.Millisecond || at > 41*time.Millisecond {
		t.Errorf("video left after %v, want 40 ms", at)
	}
}

func TestStreamsOfOneKindTakeTurnsByBytes(t *testing.T) {
	r := newRig(t, PacerConfig{Rate: mb})
	r.put(1, Video, sizes(40, 1200)...)
	r.put(2, Video, sizes(80, 300)...)
	sent := map[StreamID]int{}
	for _, x := range r.run(60 * time.Millisecond) {
		sent[x.Stream] += x.Size
	}
	if d := sent[1] - sent[2]; d > 1200 || d < -1200 {
		t.Errorf("after 60 ms: %v", sent)
	}
}

func TestAStreamKeepsItsOrder(t *testing.T) {
	r := newRig(t, PacerConfig{Rate: mb})
	for i := range 100 {
		r.pacer.Enqueue(r.now, Packet[int]{Stream: 1, Kind: Video, Size: 500, Value: i})
	}
	for i, x := range r.run(time.Second) {
		if x.Value != i {
			t.Fatalf("packet %d came as %d", x.Value, i)
		}
	}
}

// A queue that the target would take longer to send leaves in 2 s all the same.
func TestQueueDrainsWithinItsLimit(t *testing.T) {
	r := newRig(t, PacerConfig{Rate: 100 * kb})
	r.put(1, Video, sizes(500, 1000)...) // 500 kB: 16 s at 250 kb/s
	list := r.run(5 * time.Second)
	if len(list) != 500 {
		t.Fatalf("%d packets", len(list))
	}
	if end := list[499].at; end > 2200*time.Millisecond || end < 1500*time.Millisecond {
		t.Errorf("drained after %v, want about 2 s", end)
	}
}

func TestQueueIsBounded(t *testing.T) {
	r := newRig(t, PacerConfig{Packets: 10})
	r.put(1, Video, sizes(10, 100)...)
	if r.pacer.Enqueue(r.now, Packet[int]{Stream: 1, Kind: Video, Size: 100}) {
		t.Error("an eleventh packet was taken")
	}
	if r.pacer.QueuePackets() != 10 || r.pacer.QueueBytes() != 1000 {
		t.Errorf("%d packets, %d bytes", r.pacer.QueuePackets(), r.pacer.QueueBytes())
	}
}

func TestIdleTimeIsNoCredit(t *testing.T) {
	r := newRig(t, PacerConfig{Rate: mb})
	r.run(10 * time.Second)
	r.put(1, Video, sizes(20, 1000)...)
	n := 0
	for _, x := range r.run(10*time.Second + time.Second) {
		if x.at == 10*time.Second {
			n++
		}
	}
	if n > 2 {
		t.Errorf("%d packets at once", n)
	}
}

func TestRemoveDropsWhatWaits(t *testing.T) {
	r := newRig(t, PacerConfig{})
	r.put(1, Video, 100, 100)
	r.put(1, Retransmission, 100)
	r.put(2, Video, 100)
	dropped := 0
	r.pacer.Remove(1, func(int) { dropped++ })
	list := r.run(time.Second)
	if dropped != 3 || len(list) != 1 || list[0].Stream != 2 || r.pacer.QueueBytes() != 0 {
		t.Errorf("%d dropped, %v left, %d bytes", dropped, list, r.pacer.QueueBytes())
	}
	r.pacer.Remove(1, nil)
}

func TestProbeIsFilledWithPadding(t *testing.T) {
	r := newRig(t, PacerConfig{})
	r.pacer.SetPadding(true)
	r.pacer.Probe(r.now, Probe{ID: 7, Bitrate: 2 * mb, Packets: 5, Bytes: 5000})
	list := r.run(time.Second)
	bytes := 0
	for _, x := range list {
		if x.Padding == 0 || x.Probe != 7 || x.Kind != Padding {
			t.Fatalf("%+v", x)
		}
		bytes += x.Padding
	}
	if len(list) < 5 || bytes < 5000 || bytes > 6500 {
		t.Errorf("%d packets of %d bytes", len(list), bytes)
	}
	last := list[len(list)-1]
	if rate := rateOf(int64(bytes-last.Padding), last.at-list[0].at); rate < 1800*kb || rate > 2200*kb {
		t.Errorf("the probe left at %v", rate)
	}
}

func TestProbeUsesMediaBeforePadding(t *testing.T) {
	r := newRig(t, PacerConfig{})
	r.pacer.SetPadding(true)
	r.put(1, Video, sizes(4, 1000)...)
	r.pacer.Probe(r.now, Probe{ID: 8, Bitrate: 2 * mb, Packets: 5, Bytes: 5000})
	r.pacer.Probe(r.now, Probe{ID: 9, Bitrate: 4 * mb, Packets: 5, Bytes: 9000})
	media, padding := map[ProbeID]int{}, map[ProbeID]int{}
	for _, x := range r.run(time.Second) {
		if x.Padding > 0 {
			padding[x.Probe] += x.Padding
		} else {
			media[x.Probe] += x.Size
		}
	}
	if media[8] != 4000 || padding[8] < 1000 || padding[8] > 2500 || padding[9] < 9000 || padding[9] > 11000 {
		t.Errorf("media %v, padding %v", media, padding)
	}
}

func TestProbeWithoutPaddingWaitsForMediaAndGivesUp(t *testing.T) {
	r := newRig(t, PacerConfig{})
	r.pacer.Probe(r.now, Probe{ID: 1, Bitrate: 2 * mb, Packets: 5, Bytes: 5000})
	if list := r.run(500 * time.Millisecond); len(list) != 0 {
		t.Fatalf("%v", list)
	}
	r.put(1, Video, sizes(2, 1000)...)
	for _, x := range r.run(600 * time.Millisecond) {
		if x.Probe != 1 {
			t.Errorf("a packet is not of the probe")
		}
	}
	r.run(3 * time.Second)
	r.put(1, Video, 1000)
	for _, x := range r.run(4 * time.Second) {
		if x.Probe != 0 {
			t.Errorf("the probe is still open after 3 s")
		}
	}
}

func TestProbesAreBounded(t *testing.T) {
	r := newRig(t, PacerConfig{})
	r.pacer.SetPadding(true)
	for id := range ProbeID(100) {
		r.pacer.Probe(r.now, Probe{ID: id, Bitrate: mb, Packets: 5, Bytes: 1000})
	}
	seen := map[ProbeID]bool{}
	for _, x := range r.run(time.Second) {
		seen[x.Probe] = true
	}
	if len(seen) != probesQueued {
		t.Errorf("%d probes were sent", len(seen))
	}
}

func TestPacerOfNothingHasNoDeadline(t *testing.T) {
	r := newRig(t, PacerConfig{})
	if !r.pacer.Deadline().IsZero() {
		t.Error("an empty pacer wants to be woken")
	}
	r.put(1, Video, 100)
	r.run(time.Second)
	if !r.pacer.Deadline().IsZero() {
		t.Error("an emptied pacer wants to be woken")
	}
}

// FuzzPacer feeds it operations in any order: what goes in comes out once, and
// the deadlines end.
func FuzzPacer(f *testing.F) {
	f.Add([]byte{0, 1, 200, 1, 5, 3, 9, 2, 0, 1, 200, 4, 8, 1})
	f.Add([]byte{3, 255, 3, 255, 2, 0, 5, 1, 0, 3, 255})
	f.Fuzz(func(t *testing.T, ops []byte) {
		now := simEpoch
		p := NewPacer[int](now, PacerConfig{Packets: 50})
		in, gone := 0, 0
		take := func() {
			for n := 0; ; n++ {
				r, ok := p.Next(now)
				if !ok {
					break
				}
				if r.Padding == 0 {
					gone++
				}
				if n > 10_000 {
					t.Fatal("it does not end")
				}
			}
		}
		for i := 0; i+1 < len(ops); i += 2 {
			v := int(ops[i+1])
			switch ops[i] % 7 {
			case 0, 1:
				if p.Enqueue(now, Packet[int]{Stream: StreamID(v % 3), Kind: Kind(v % 5), Size: v*13 - 20}) {
					in++
				}
			case 2:
				now = now.Add(time.Duration(v-20) * time.Millisecond)
			case 3:
				p.Probe(now, Probe{ID: ProbeID(v), Bitrate: Bitrate(v-10) * 10 * kb, Packets: v % 9, Bytes: v * 10})
			case 4:
				p.SetTarget(now, Bitrate(v-10)*10*kb)
				p.SetPadding(v%2 == 0)
			case 5:
				take()
			case 6:
				p.Remove(StreamID(v%3), func(int) { gone++ })
			}
			if d := p.Deadline(); !d.IsZero() && d.Sub(now) > 2*time.Hour {
				t.Fatalf("deadline in %v", d.Sub(now))
			}
		}
		for range 100_000 {
			if d := p.Deadline(); d.After(now) {
				now = d
			} else {
				now = now.Add(time.Millisecond)
			}
			take()
			if p.QueuePackets() == 0 {
				break
			}
		}
		if p.QueuePackets() != 0 || in != gone || p.QueueBytes() != 0 {
			t.Fatalf("%d in, %d out, %d left, %d bytes", in, gone, p.QueuePackets(), p.QueueBytes())
		}
	})
}
