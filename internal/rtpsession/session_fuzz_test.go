package rtpsession

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// script reads the steps of a fuzzed session; what is behind its end is 0.
type script []byte

func (s *script) octet() (b byte) {
	if len(*s) > 0 {
		b, *s = (*s)[0], (*s)[1:]
	}
	return b
}

func (s *script) word() uint16 { return uint16(s.octet())<<8 | uint16(s.octet()) }

func (s *script) bytes(n int) (out []byte) {
	n = min(n, len(*s))
	out, *s = append([]byte(nil), (*s)[:n]...), (*s)[n:]
	return out
}

// sections are those of a set of bits: two of video, with or without layers and signalled SSRCs, and one of audio.
func (s *script) sections() (out []Section) {
	bits := s.octet()
	if bits&1 != 0 {
		v := Section{Key: 1, MID: "a", Codecs: []Codec{video, rtx, fec, {PayloadType: 99, Kind: Redundant}}, ReducedSize: bits&2 != 0}
		if bits&4 != 0 {
			v.RIDs = []RID{"h", "l"}
		}
		if bits&8 != 0 {
			v.SSRCs = []Source{{SSRC: 1, RTX: 2, FEC: 3}, {SSRC: SSRC(s.octet()), RTX: SSRC(s.octet())}}
		}
		out = append(out, v)
	}
	if bits&16 != 0 {
		out = append(out, Section{Key: 2, MID: "b", Codecs: []Codec{video, rtx}})
	}
	if bits&32 != 0 {
		out = append(out, Section{Key: 3, MID: "c", Codecs: []Codec{audio, {PayloadType: 13, ClockRate: 8000}}})
	}
	if bits&64 != 0 {
		out = append(out, Section{Key: 4, MID: "a"})
	}
	return out
}

// packet is an RTP packet that is likely to mean something.
func (s *script) packet() []byte {
	p := rxPacket{ssrc: SSRC(s.octet() % 8), pt: []PayloadType{96, 97, 98, 99, 111, 13, 5, 127}[s.octet()%8], seq: s.word()}
	bits := s.octet()
	p.mid = []string{"", "a", "b", "x"}[bits&3]
	p.rid = []string{"", "h", "l", "x"}[bits>>2&3]
	p.rrid = []string{"", "h", "l", "x"}[bits>>4&3]
	if bits&64 != 0 {
		p.twcc = 1 + int(s.word())
	}
	if p.payload = string(s.bytes(int(s.octet() % 16))); p.payload == "" {
		p.payload = "-"
	}
	if bits&128 != 0 {
		p.padding = 1 + s.octet()%100
	}
	return p.bytes()
}

// FuzzReceiver: no input leads to a panic, to memory without bound, to a state that must not be, to a packet that comes as
// another's, or to a deadline that what is due leaves where it was.
func FuzzReceiver(f *testing.F) {
	f.Add([]byte("\x00\x39\x01\x01\x00\x00\x01\x01\x03abc\x01\x02\x01\x00\x02\x01\x05\x00\x00abc\x04\x20\x00\x21\x01\x01\x00\x00\x09\x01\x03abc"))
	f.Add([]byte("\x01\x01\x00\x00\x01\x01\x03abc\x00\x05\x01\x01\x00\x00\x02\x05\x03abc\x01\x02\x01\x00\x00\x21\x05\x00\x01abc\x03\x01\x04\xff"))
	f.Add([]byte("\x00\x1d\x07\x06\x01\x03\x02\x00\x05\x41\x00\x09\x04abcd\x02\x80\xc9\x00\x01\x00\x00\x00\x01\x05\x04\xff\x04\xff"))
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 4096 {
			return
		}
		s, x, now := script(input), newRx(t), epoch
		for len(s) > 0 {
			switch s.octet() % 6 {
			case 0:
				x.r.Configure(now, testIDs, s.sections())
			case 1, 5:
				if d, ok := x.r.HandlePacket(now, s.packet()); ok {
					x.note(d)
				}
			case 2:
				if packets, err := ParseCompound(s.bytes(int(s.octet()))); err == nil {
					x.r.HandleRTCP(now, packets)
				}
			case 3:
				for _, stream := range x.r.Streams() {
					stream.RequestKeyframe()
				}
				x.r.SetRTT(time.Duration(s.word()) * time.Millisecond)
			default:
				now = now.Add(time.Duration(s.octet()) * 10 * time.Millisecond)
			}
			x.drain()
			x.got = nil
			if at := x.r.Deadline(); !at.IsZero() && !at.After(now) {
				x.feedback(float64(now.Sub(epoch)) / float64(time.Millisecond))
				if at := x.r.Deadline(); !at.IsZero() && !at.After(now) {
					t.Fatalf("%v after the begin, %v is still due", now.Sub(epoch), at.Sub(epoch))
				}
			}
			x.r.Received(now)
		}
		// What comes raw, and is no RTP, changes nothing.
		x.r.HandlePacket(now, append([]byte(nil), input...))
		x.drain()
	})
}

// FuzzSender: whatever the peer reports and asks for, no panic, and bounds on what is kept and sent.
func FuzzSender(f *testing.F) {
	nack := []byte("\x00\x03\x05\x81\xcd\x00\x03\x00\x00\x00\x01\x00\x00\x00\x0a\x00\x01\xff\xff\x04\x10\x02\x03\x02")
	f.Add(nack)
	sr := binary.BigEndian.AppendUint32([]byte("\x00\x03\x10\x81\xc9\x00\x07\x00\x00\x00\x01"), 10)
	f.Add(append(sr, make([]byte, 20)...))
	raw, _ := (&rtcp.FullIntraRequest{SenderSSRC: 1, FIR: []rtcp.FIREntry{{SSRC: 10, SequenceNumber: 1}}}).Marshal()
	f.Add(append([]byte{0, 3, byte(len(raw))}, raw...))
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 4096 {
			return
		}
		s, x, now := script(input), newTx(t), epoch
		streams := []*SendStream{x.add(10, 20, "", videoFormat()), x.add(11, 21, "h", videoFormat())}
		sent, again := 0, 0
		for len(s) > 0 {
			at := float64(now.Sub(epoch)) / float64(time.Millisecond)
			switch s.octet() % 6 {
			case 0:
				x.write(at, streams[0], s.word(), uint32(s.word()))
				sent++
			case 1:
				if len(x.s.Streams()) > 1 && s.octet() == 0 {
					x.s.Remove(streams[1], nil)
				}
				_ = streams[0].SetFormat(videoFormat(), s.octet()&1 != 0)
			case 2:
				again += len(x.resends(at))
			case 3:
				if packets, err := ParseCompound(s.bytes(int(s.octet()))); err == nil {
					x.rtcp(at, packets...)
				}
			case 4:
				now = now.Add(time.Duration(s.octet()) * 10 * time.Millisecond)
			default:
				if p, ok := x.s.Padding(now, make([]byte, 0, 1500), int(int16(s.word()))); ok {
					x.s.Depart(now, &p)
				}
				x.s.ReportFrom(now)
				x.reports(now, Received{Blocks: make([]ReportBlock, s.octet()), Streams: true})
			}
			x.s.checkInvariants(t)
		}
		if again > sent*(1+int(now.Sub(epoch)/time.Millisecond)) {
			t.Fatalf("%d packets sent again of %d", again, sent)
		}
	})
}
