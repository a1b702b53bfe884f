package main

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"
	pionbuilder "github.com/pion/webrtc/v4/pkg/media/samplebuilder"

	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/samplebuilder"
)

// builder is what both sample builders have.
type builder[S any] interface {
	Push(*rtp.Packet)
	Pop() *S
}

// BenchmarkSampleBuilder pushes VP8 frames of four packets of 1100 bytes, in
// order, or with one packet in 50 missing, or every second pair exchanged. One
// operation is a packet. Making the builder is measured apart.
func BenchmarkSampleBuilder(b *testing.B) {
	b.Run("passerelle", func(b *testing.B) {
		sampleBuilders(b, func() builder[media.Sample] { return samplebuilder.New(200, &codecs.VP8Packet{}, 90000) })
	})
	b.Run("pion", func(b *testing.B) {
		sampleBuilders(b, func() builder[pionmedia.Sample] { return pionbuilder.New(200, &codecs.VP8Packet{}, 90000) })
	})
}

func sampleBuilders[S any](b *testing.B, make func() builder[S]) {
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			make().Push(vp8Packet(0))
		}
	})
	for name, order := range map[string]func(i int) (number int, sent bool){
		"in order":  func(i int) (int, bool) { return i, true },
		"loss":      func(i int) (int, bool) { return i, i%50 != 0 },
		"reordered": func(i int) (int, bool) { return i ^ 1, true },
	} {
		b.Run(name, func(b *testing.B) {
			s, i := make(), 0
			ring := [4096]*rtp.Packet{}
			for n := range ring {
				ring[n] = vp8Packet(n)
			}
			b.ReportAllocs()
			for b.Loop() {
				number, sent := order(i)
				if i++; !sent {
					continue
				}
				p := ring[number%len(ring)]
				p.SequenceNumber, p.Timestamp = uint16(number), uint32(number/4)*3000
				s.Push(p)
				for s.Pop() != nil {
				}
			}
		})
	}
}

// vp8Packet is packet number n of a stream, four a frame.
func vp8Packet(n int) *rtp.Packet {
	p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(n), Timestamp: uint32(n/4) * 3000, Marker: n%4 == 3}}
	p.Payload = make([]byte, 1100)
	if n%4 == 0 {
		p.Payload[0] = 0x10
	}
	return p
}
