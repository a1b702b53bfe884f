package bandwidth

import (
	"testing"
	"time"
)

// stream is a flow of packets at 10 Mb/s, with feedback each 50 ms for 50 of
// them, in steady state.
type stream struct {
	e       *Estimator
	now     time.Time
	seq     uint16
	results []PacketResult
}

func newStream() *stream {
	s := &stream{e: NewEstimator(simEpoch, Config{}), now: simEpoch}
	for range 2000 {
		s.round()
	}
	return s
}

func (s *stream) send() {
	s.now = s.now.Add(time.Millisecond)
	s.e.Sent(s.now, SentPacket{Seq: s.seq, Size: 1200, Kind: Video})
	s.results = append(s.results, PacketResult{Seq: s.seq, Received: s.seq%50 != 7, Arrival: s.now.Sub(simEpoch)})
	s.seq++
}

func (s *stream) feedback() {
	s.e.HandleFeedback(s.now.Add(20*time.Millisecond), s.results)
	s.results = s.results[:0]
	s.e.Advance(s.now)
	s.e.NextProbe()
	s.e.NextEvent()
}

func (s *stream) round() {
	for range 50 {
		s.send()
	}
	s.feedback()
}

// BenchmarkSent is one packet.
func BenchmarkSent(b *testing.B) {
	s := newStream()
	b.ReportAllocs()
	for b.Loop() {
		s.now = s.now.Add(time.Millisecond)
		s.e.Sent(s.now, SentPacket{Seq: s.seq, Size: 1200, Kind: Video})
		s.seq++
	}
}

// BenchmarkFeedback is one message about 50 packets, with the sending of them.
func BenchmarkFeedback(b *testing.B) {
	s := newStream()
	b.ReportAllocs()
	for b.Loop() {
		s.round()
	}
}

// BenchmarkPacer is one packet in and out, in frames of ten of each of four
// streams.
func BenchmarkPacer(b *testing.B) {
	now := simEpoch
	p := NewPacer[*int](now, PacerConfig{Rate: 10 * mb})
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n%40 == 0 {
			now = now.Add(33 * time.Millisecond)
		}
		p.Enqueue(now, Packet[*int]{Stream: StreamID(n % 4), Kind: Video, Size: 1000})
		p.Deadline()
		p.Next(now)
		n++
	}
}

// BenchmarkPacerOfManyStreams has 50 streams, as an SFU's subscriber may.
func BenchmarkPacerOfManyStreams(b *testing.B) {
	now := simEpoch
	p := NewPacer[*int](now, PacerConfig{Rate: 100 * mb})
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(100 * time.Microsecond)
		p.Enqueue(now, Packet[*int]{Stream: StreamID(n % 50), Kind: Video, Size: 1000})
		p.Next(now)
		p.Deadline()
		n++
	}
}

// BenchmarkAllocate is one target over ten senders of three layers.
func BenchmarkAllocate(b *testing.B) {
	var a Allocator
	var senders []Sender
	for i := range EncodingID(10) {
		s := simulcast()
		for j := range s.Encodings {
			s.Encodings[j].ID += 10 * i
		}
		senders = append(senders, s)
	}
	a.SetSenders(senders)
	target := mb
	b.ReportAllocs()
	for b.Loop() {
		target += 100 * kb
		if target > 30*mb {
			target = mb
		}
		a.Allocate(target)
	}
}

func TestPacketsAndFeedbackDoNotAllocate(t *testing.T) {
	s := newStream()
	if n := testing.AllocsPerRun(200, s.round); n > 0 {
		t.Errorf("%v allocations for 50 packets and their feedback", n)
	}
}

func TestPacerDoesNotAllocate(t *testing.T) {
	now := simEpoch
	p := NewPacer[*int](now, PacerConfig{Rate: mb})
	p.SetPadding(true)
	frame := func() {
		for i := range 40 {
			p.Enqueue(now, Packet[*int]{Stream: StreamID(i % 4), Kind: Kind(i % 3), Size: 100})
		}
		p.Probe(now, Probe{ID: 1, Bitrate: 4 * mb, Packets: 5, Bytes: 3000})
		for range 33 {
			now = now.Add(time.Millisecond)
			for {
				if _, ok := p.Next(now); !ok {
					break
				}
			}
			p.Deadline()
		}
	}
	for range 50 {
		frame()
	}
	if n := testing.AllocsPerRun(100, frame); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
