package rtpsession

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pion/rtcp"
)

// feedback drains what is due and names it.
func (x *rx) feedback(at float64) []string {
	x.Helper()
	var all []string
	x.r.Advance(ms(at))
	for {
		packet := x.r.NextFeedback(ms(at), nil)
		if len(packet) == 0 {
			x.r.checkInvariants(x)
			return all
		}
		if len(packet) > 1200 {
			x.Errorf("feedback of %d octets", len(packet))
		}
		parsed, err := ParseCompound(packet)
		if err != nil {
			x.Fatal(err)
		}
		var names []string
		for _, p := range parsed {
			names = append(names, nameOf(p))
		}
		all = append(all, strings.Join(names, "+"))
	}
}

func nameOf(p rtcp.Packet) string {
	switch p := p.(type) {
	case *rtcp.TransportLayerNack:
		var seqs []uint16
		for _, pair := range p.Nacks {
			seqs = append(seqs, pair.PacketList()...)
		}
		return fmt.Sprintf("nack %d%d", p.MediaSSRC, seqs)
	case *rtcp.PictureLossIndication:
		return fmt.Sprint("pli ", p.MediaSSRC)
	case *rtcp.FullIntraRequest:
		return fmt.Sprint("fir ", p.FIR[0].SSRC, " #", p.FIR[0].SequenceNumber)
	case *rtcp.ReceiverReport:
		return fmt.Sprint("rr", len(p.Reports))
	case *rtcp.SenderReport:
		return fmt.Sprint("sr", len(p.Reports), " ", p.SSRC)
	case *rtcp.SourceDescription:
		return "sdes"
	case *rtcp.TransportLayerCC:
		return fmt.Sprint("twcc ", p.BaseSequenceNumber, "+", p.PacketStatusCount)
	case *rtcp.Goodbye:
		return fmt.Sprint("bye ", p.Sources)
	}
	return fmt.Sprintf("%T", p)
}

func (x *rx) wantFeedback(what string, at float64, want ...string) {
	x.Helper()
	if got := x.feedback(at); !slices.Equal(got, want) {
		x.Errorf("%s: %q, want %q", what, got, want)
	}
}

// RFC 4585 section 6.2.1 and RFC 4588: loss, request, repair.
func TestALossIsAskedForAndRecovered(t *testing.T) {
	x := newRx(t, Section{Key: 1, Codecs: []Codec{video, rtx}, ReducedSize: true})
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1}, rxPacket{ssrc: 10, pt: 96, seq: 3}, rxPacket{ssrc: 10, pt: 96, seq: 4})
	x.wantFeedback("not yet", 0)
	x.in(rxPacket{at: 1, ssrc: 10, pt: 96, seq: 5})
	if d := x.r.Deadline(); d.After(ms(1)) {
		t.Errorf("three packets later the NACK waits until %v", d.Sub(epoch))
	}
	x.wantFeedback("three packets later", 1, "nack 10[2]")
	x.wantFeedback("within the round trip", 90)
	x.wantFeedback("after it", 101, "nack 10[2]")
	x.got = nil
	x.in(rxPacket{at: 150, ssrc: 20, pt: 97, seq: 1, payload: osn(2)})
	x.want("recovered", "1/10:2r")
	x.wantFeedback("no more", 400)
	s := x.r.Streams()[0]
	if c := s.Counts(); c.NACKs != 2 || c.Retransmitted != 1 || s.Reception.Stats().PacketsLost != 1 {
		t.Errorf("%+v, %+v", c, s.Reception.Stats())
	}
}

// A codec without NACK between packets of one that has it does not make the receiver forget what is missing.
func TestLossesOutliveAChangeOfCodec(t *testing.T) {
	other := Codec{PayloadType: 13, ClockRate: 90000}
	x := newRx(t, Section{Key: 1, Codecs: []Codec{video, other}, ReducedSize: true})
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1}, rxPacket{ssrc: 10, pt: 96, seq: 3}, rxPacket{ssrc: 10, pt: 13, seq: 4}, rxPacket{ssrc: 10, pt: 96, seq: 5})
	x.wantFeedback("still asked for", 0, "nack 10[2]")
}

// RFC 4585 section 6.3.1, RFC 5104 section 4.3.1; only what was negotiated is sent (RFC 4585 section 4.2).
func TestKeyframesAreAskedForAtARateAndAsNegotiated(t *testing.T) {
	firOnly, neither := video, video
	firOnly.PLI = false
	neither.PLI, neither.FIR = false, false
	for name, c := range map[string]struct {
		codec         Codec
		first, second []string
	}{
		"PLI":     {video, []string{"pli 10"}, []string{"pli 10"}},
		"FIR":     {firOnly, []string{"fir 10 #1"}, []string{"fir 10 #2"}},
		"neither": {neither, nil, nil},
	} {
		x := newRx(t, Section{Key: 1, Codecs: []Codec{c.codec}, ReducedSize: true})
		x.in(rxPacket{ssrc: 10, pt: 96, seq: 1})
		s := x.r.Streams()[0]
		s.RequestKeyframe()
		x.wantFeedback(name+" at once", 0, c.first...)
		s.RequestKeyframe()
		x.wantFeedback(name+" too soon", 499)
		if d := x.r.Deadline(); c.first != nil && !d.Equal(ms(500)) {
			t.Errorf("%s: deadline %v", name, d.Sub(epoch))
		}
		x.wantFeedback(name+" again", 500, c.second...)
		if d := x.r.Deadline(); !d.IsZero() {
			t.Errorf("%s: deadline %v", name, d.Sub(epoch))
		}
	}
}

func TestTooMuchLossAsksForAKeyframeAtOnce(t *testing.T) {
	x := newRx(t, Section{Key: 1, Codecs: []Codec{video}, ReducedSize: true})
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1}, rxPacket{ssrc: 10, pt: 96, seq: 1500})
	if d := x.r.Deadline(); d.IsZero() || d.After(ms(0)) {
		t.Errorf("deadline %v", d)
	}
	x.wantFeedback("a keyframe", 0, "pli 10")
}

// draft-holmer-rmcat-transport-wide-cc-extensions-01: feedback where it was negotiated, compound unless all m-sections have
// reduced size (RFC 5506 section 3.4.1).
func TestArrivalsAreToldWhereNegotiated(t *testing.T) {
	plain := video
	plain.TransportCC = false
	packet := rxPacket{ssrc: 10, pt: 96, seq: 1, twcc: 8}
	for name, c := range map[string]struct {
		codec   Codec
		reduced bool
		want    []string
	}{
		"reduced":  {video, true, []string{"twcc 7+1"}},
		"compound": {video, false, []string{"rr0+sdes+twcc 7+1"}},
		"not":      {plain, true, nil},
	} {
		x := newRx(t, Section{Key: 1, Codecs: []Codec{c.codec}, ReducedSize: c.reduced})
		x.in(packet)
		x.wantFeedback(name+" too soon", 50)
		x.wantFeedback(name, 100, c.want...)
	}
}

// What does not fit in one packet goes in further ones at once, none larger than a path takes.
func TestManyArrivalsAreToldInSeveralPackets(t *testing.T) {
	x := newRx(t, Section{Key: 1, Codecs: []Codec{video}})
	for i := range 3000 {
		x.in(rxPacket{at: float64(i) / 30, ssrc: 10, pt: 96, seq: uint16(i), twcc: 1 + i})
	}
	if got := x.feedback(101); len(got) < 2 || len(x.feedback(101)) != 0 {
		t.Errorf("%q", got)
	}
}

func TestFeedbackIsCompoundPerSection(t *testing.T) {
	x := newRx(t, Section{Key: 1, Codecs: []Codec{video}})
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1})
	x.r.Streams()[0].RequestKeyframe()
	x.wantFeedback("RFC 4585 section 3.1", 0, "rr0+sdes+pli 10")
}
