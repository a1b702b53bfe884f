package rtpsession

import (
	"encoding/binary"
	"testing"
	"time"
)

// traffic makes packets of one SSRC, with a number that grows, in one buffer.
type traffic struct {
	template, buffer []byte
	seq              uint16
	osnAt            int // of the original sequence number in a retransmission; 0: none
}

func newTraffic(p rxPacket) *traffic {
	g := &traffic{template: p.bytes(), seq: p.seq}
	if p.pt == rtx.PayloadType {
		h, _ := ParseHeader(g.template)
		g.osnAt = h.PayloadOffset
	}
	g.buffer = make([]byte, len(g.template))
	return g
}

func (g *traffic) next() []byte {
	copy(g.buffer, g.template)
	binary.BigEndian.PutUint16(g.buffer[2:], g.seq)
	if g.osnAt > 0 {
		binary.BigEndian.PutUint16(g.buffer[g.osnAt:], g.seq)
	}
	g.seq++
	return g.buffer
}

func benchReceiver() *Receiver {
	r := NewReceiver(1)
	r.Configure(epoch, testIDs, []Section{
		{Key: 1, MID: "a", Codecs: []Codec{audio}}, {Key: 2, MID: "b", Codecs: []Codec{video, rtx}, RIDs: []RID{"h", "l"}},
	})
	r.HandlePacket(epoch, rxPacket{ssrc: 10, pt: 96, seq: 65535, mid: "b", rid: "h"}.bytes())
	r.HandlePacket(epoch, rxPacket{ssrc: 20, pt: 97, seq: 65535, mid: "b", rrid: "h", payload: osn(65534)}.bytes())
	r.HandlePacket(epoch, rxPacket{ssrc: 11, pt: 111, seq: 65535, mid: "a"}.bytes())
	return r
}

// level is a packet with an audio level (RFC 6464).
func levelPacket() *traffic {
	var w ExtensionWriter
	_ = w.Set(5, []byte{0x85})
	h := mediaHeader(11, 111, 0, 0)
	raw, _ := w.AppendPacket(nil, &h, make([]byte, 80))
	return &traffic{template: raw, buffer: make([]byte, len(raw))}
}

func TestPacketsAreReceivedWithoutAllocating(t *testing.T) {
	for name, g := range map[string]*traffic{
		"media":       newTraffic(rxPacket{ssrc: 10, pt: 96, mid: "b", rid: "h", twcc: 1, payload: string(make([]byte, 1000))}),
		"without MID": newTraffic(rxPacket{ssrc: 10, pt: 96, twcc: 1, payload: string(make([]byte, 1000))}),
		"RTX":         newTraffic(rxPacket{ssrc: 20, pt: 97, payload: osn(0) + string(make([]byte, 1000))}),
		"level":       levelPacket(),
	} {
		r := benchReceiver()
		for range 1000 {
			r.HandlePacket(epoch, g.next())
		}
		if n := testing.AllocsPerRun(2000, func() { r.HandlePacket(epoch, g.next()) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestPacketsAreSentWithoutAllocating(t *testing.T) {
	x := newTx(t)
	s := x.add(10, 20, "h", videoFormat())
	dst, payload, seq := make([]byte, 0, 1500), make([]byte, 1000), uint16(0)
	send := func() {
		h := mediaHeader(0, 0, seq, uint32(seq))
		p, err := s.Write(epoch, dst, &h, payload)
		if err != nil {
			t.Fatal(err)
		}
		x.s.Depart(epoch, &p)
		seq++
	}
	for range 5000 {
		send()
	}
	if n := testing.AllocsPerRun(2000, send); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRoute(b *testing.B) {
	for name, p := range map[string]rxPacket{
		"SSRC":       {ssrc: 10, pt: 96},
		"MID":        {ssrc: 10, pt: 96, mid: "b", rid: "h"},
		"extensions": {ssrc: 10, pt: 96, mid: "b", rid: "h", twcc: 1},
	} {
		b.Run(name, func(b *testing.B) {
			r, packet := benchReceiver(), p.bytes()
			h, _ := ParseHeader(packet)
			for b.Loop() {
				r.router.route(&h, packet)
			}
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	for name, p := range map[string]rxPacket{
		"media": {ssrc: 10, pt: 96, twcc: 1, payload: string(make([]byte, 1000))},
		"RTX":   {ssrc: 20, pt: 97, payload: osn(0) + string(make([]byte, 1000))},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r, g := benchReceiver(), newTraffic(p)
			for b.Loop() {
				r.HandlePacket(epoch, g.next())
			}
		})
	}
}

func BenchmarkSend(b *testing.B) {
	b.ReportAllocs()
	x := newTx(b)
	s := x.add(10, 20, "", videoFormat())
	dst, payload, now, seq := make([]byte, 0, 1500), make([]byte, 1000), epoch, uint16(0)
	for b.Loop() {
		h := mediaHeader(0, 0, seq, uint32(seq))
		p, err := s.Write(now, dst, &h, payload)
		if err != nil {
			b.Fatal(err)
		}
		x.s.Depart(now, &p)
		seq++
		now = now.Add(time.Millisecond)
	}
}

// BenchmarkLoss is a packet of a stream of which every twentieth is lost, asked for and repaired.
func BenchmarkLoss(b *testing.B) {
	b.ReportAllocs()
	r, now := benchReceiver(), epoch
	media := newTraffic(rxPacket{ssrc: 10, pt: 96, payload: string(make([]byte, 1000))})
	repair := newTraffic(rxPacket{ssrc: 20, pt: 97, payload: osn(0) + string(make([]byte, 1000))})
	feedback := make([]byte, 0, 1500)
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Millisecond)
		packet := media.next()
		if i%20 != 10 {
			r.HandlePacket(now, packet)
		}
		if i%20 == 15 {
			repair.seq = media.seq - 6
			r.HandlePacket(now, repair.next())
		}
		if at := r.Deadline(); !at.IsZero() && !at.After(now) {
			r.Advance(now)
			for len(r.NextFeedback(now, feedback[:0])) > 0 {
			}
		}
	}
}
