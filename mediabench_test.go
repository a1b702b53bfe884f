package webrtc

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// subscriber is a connection that a track is sent over, and the end that gets it.
type subscriber struct {
	a, b   *PeerConnection
	remote *TrackRemote
}

func subscribe(tb testing.TB, track TrackLocal) *subscriber {
	tb.Helper()
	// Without transport-wide feedback packets leave at once: a benchmark sends
	// more than a path takes.
	var e SettingEngine
	e.SetIncludeLoopbackCandidate(true)
	e.SetInterfaceFilter(func(name string) bool { return name == "lo" || name == "lo0" })
	e.SetNetworkTypes([]NetworkType{NetworkTypeUDP4})
	api := NewAPI(WithSettingEngine(e), WithMediaEngine(defaultEngine(tb)))
	s := &subscriber{}
	var err error
	s.a, err = api.NewPeerConnection(Configuration{})
	must(tb, err)
	s.b, err = api.NewPeerConnection(Configuration{})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.a.Close()); must(tb, s.b.Close()) })
	tracks := make(chan *TrackRemote, 1)
	s.b.OnTrack(func(t *TrackRemote, _ *RTPReceiver) { tracks <- t })
	_, err = s.a.AddTrack(track)
	must(tb, err)
	connectedA, connectedB := connectedOnce(s.a), connectedOnce(s.b)
	negotiate(tb, s.a, s.b)
	wait(tb, "connection of a", connectedA, time.Minute)
	wait(tb, "connection of b", connectedB, time.Minute)
	s.remote = wait(tb, "track", tracks, time.Minute)
	return s
}

// drain reads what comes until the track ends.
func (s *subscriber) drain() {
	go func() {
		batch := make([]rtp.Packet, 64)
		for {
			if _, err := s.remote.ReadBatch(batch); err != nil {
				return
			}
		}
	}()
}

// videoBatch is n packets of a frame of video.
func videoBatch(n int) []rtp.Packet {
	batch := make([]rtp.Packet, n)
	for i := range batch {
		batch[i] = rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i)}, Payload: make([]byte, 1100)}
	}
	return batch
}

// number gives the packets the numbers of the next frame.
func number(batch []rtp.Packet, seq *uint16) {
	for i := range batch {
		batch[i].SequenceNumber = *seq
		batch[i].Timestamp += 3000
		*seq++
	}
}

// BenchmarkForward is one packet of 1,100 bytes to each of 50 connections, one by
// one or in batches of 16, the sockets' system calls included.
func BenchmarkForward(b *testing.B) {
	for _, subscribers := range []int{1, 50} {
		for _, size := range []int{1, 16} {
			b.Run(fmt.Sprintf("to %d/batches of %d", subscribers, size), func(b *testing.B) {
				track := vp8Track(b, "video")
				for range subscribers {
					subscribe(b, track).drain()
				}
				batch, seq := videoBatch(size), uint16(0)
				for range 64 { // histories grow
					number(batch, &seq)
					must(b, track.WriteBatch(batch))
				}
				b.ReportAllocs()
				b.ResetTimer()
				for n := 0; n < b.N; n += size {
					number(batch, &seq)
					must(b, track.WriteBatch(batch))
				}
				b.StopTimer()
			})
		}
	}
}

// BenchmarkReceive is one packet of 1,100 bytes from a socket to ReadBatch, with
// what it takes to send it.
func BenchmarkReceive(b *testing.B) {
	track := vp8Track(b, "video")
	s := subscribe(b, track)
	batch, seq := videoBatch(16), uint16(0)
	into := make([]rtp.Packet, 64)
	must(b, s.remote.SetReadDeadline(time.Now().Add(time.Hour)))
	pass := func() {
		number(batch, &seq)
		must(b, track.WriteBatch(batch))
		for got := 0; got < len(batch); {
			n, err := s.remote.ReadBatch(into)
			must(b, err)
			got += n
		}
	}
	for range 64 {
		pass()
	}
	b.ReportAllocs()
	for b.Loop() {
		pass()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/packet")
}

// Sending, forwarding and receiving allocate nothing for a packet: what is left are a
// timer and a buffer now and then, of all goroutines of both ends together.
func TestMediaPacketsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	track := vp8Track(t, "video")
	one, other := subscribe(t, track), subscribe(t, track)
	other.drain()
	batch, single, seq := videoBatch(16), videoBatch(1), uint16(0)
	into := make([]rtp.Packet, 64)
	must(t, one.remote.SetReadDeadline(time.Now().Add(time.Minute)))
	pass := func(packets []rtp.Packet) {
		number(packets, &seq)
		if len(packets) == 1 {
			must(t, track.WriteRTP(&packets[0]))
		} else {
			must(t, track.WriteBatch(packets))
		}
		for got := 0; got < len(packets); {
			n, err := one.remote.ReadBatch(into)
			must(t, err)
			got += n
		}
	}
	for _, packets := range [][]rtp.Packet{batch, single} {
		for range 64 { // histories grow
			pass(packets)
		}
		if n := testing.AllocsPerRun(500, func() { pass(packets) }); n > 1 {
			t.Errorf("%v allocations for %d packets to two connections", n, len(packets))
		}
	}
}
