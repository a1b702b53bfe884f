package rtpsession

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// The identifiers and payload types of the tests.
var testIDs = Extensions{MID: 1, RID: 2, RepairedRID: 3, TransportCC: 4, AudioLevel: 5}

var (
	audio = Codec{PayloadType: 111, ClockRate: 48000}
	video = Codec{PayloadType: 96, ClockRate: 90000, NACK: true, PLI: true, FIR: true, TransportCC: true}
	rtx   = Codec{PayloadType: 97, ClockRate: 90000, Kind: Retransmission, APT: 96}
	fec   = Codec{PayloadType: 98, ClockRate: 90000, Kind: Protection}
)

// rxPacket is a packet of a script. Its payload is one octet unless said.
type rxPacket struct {
	at      float64 // ms
	ssrc    SSRC
	pt      PayloadType
	seq     uint16
	mid     string
	rid     string
	rrid    string
	twcc    int // plus one; 0: none
	payload string
	padding uint8
}

func (p rxPacket) bytes() []byte {
	var w ExtensionWriter
	for id, v := range map[uint8]string{1: p.mid, 2: p.rid, 3: p.rrid} {
		if v != "" {
			_ = w.Set(id, []byte(v))
		}
	}
	if p.twcc > 0 {
		_ = w.Set(4, binary.BigEndian.AppendUint16(nil, uint16(p.twcc-1)))
	}
	h := mediaHeader(p.ssrc, p.pt, p.seq, uint32(p.at*90))
	h.PaddingSize = p.padding
	payload := []byte(p.payload)
	if p.payload == "" {
		payload = []byte{1}
	}
	if p.payload == "-" {
		payload = nil
	}
	out, err := w.AppendPacket(nil, &h, payload)
	if err != nil {
		panic(err)
	}
	return out
}

// osn is the payload of a retransmission of a packet with the payload 1.
func osn(seq uint16) string { return string(binary.BigEndian.AppendUint16(nil, seq)) + "\x01" }

// rx is a receiver under test, which notes what it delivers.
type rx struct {
	testing.TB
	r   *Receiver
	got []string
}

func newRx(t testing.TB, sections ...Section) *rx {
	x := &rx{TB: t, r: NewReceiver(1)}
	x.r.SetCNAME("c")
	x.configure(0, sections...)
	return x
}

func (x *rx) configure(at float64, sections ...Section) Configured {
	x.Helper()
	c := x.r.Configure(ms(at), testIDs, sections)
	x.drain()
	return c
}

func (x *rx) note(d Delivery) {
	mark := ""
	if d.Recovered {
		mark = "r"
	}
	x.got = append(x.got, fmt.Sprintf("%d%s/%d:%d%s", d.Stream.Section, d.Stream.RID, d.Header.SSRC, d.Header.SequenceNumber, mark))
	if h, err := ParseHeader(d.Packet); err != nil || h.SSRC != d.Stream.SSRC || h.SequenceNumber != d.Header.SequenceNumber {
		x.Fatalf("delivered %x with the header %+v, %v", d.Packet, d.Header, err)
	}
}

func (x *rx) drain() {
	x.Helper()
	for {
		d, _, ok, done := x.r.NextHeld()
		if done {
			break
		}
		if ok {
			x.note(d)
		}
	}
	for {
		if _, ok := x.r.NextStarted(); !ok {
			break
		}
	}
	x.r.checkInvariants(x)
}

func (x *rx) in(packets ...rxPacket) {
	x.Helper()
	for _, p := range packets {
		d, ok := x.r.HandlePacket(ms(p.at), p.bytes())
		if ok {
			x.note(d)
		}
		x.drain()
	}
}

// want compares what was delivered since the last call: section, layer/SSRC:number, r for what was recovered.
func (x *rx) want(what string, want ...string) {
	x.Helper()
	if !slices.Equal(x.got, want) {
		x.Errorf("%s: delivered %v, want %v", what, x.got, want)
	}
	x.got = nil
}

// RFC 9143 section 9.2.
func TestPacketsAreRoutedByMIDThenSSRCThenPayloadType(t *testing.T) {
	a := Section{Key: 1, MID: "a", Codecs: []Codec{audio, video}, SSRCs: []Source{{SSRC: 50}}}
	b := Section{Key: 2, MID: "b", Codecs: []Codec{video, rtx}}
	x := newRx(t, a, b)
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1, mid: "b"}, rxPacket{ssrc: 10, pt: 96, seq: 2})
	x.want("a MID is latched", "2/10:1", "2/10:2")
	x.in(rxPacket{ssrc: 50, pt: 96, seq: 1})
	x.want("a signalled SSRC", "1/50:1")
	x.in(rxPacket{ssrc: 11, pt: 96, seq: 1})
	x.want("a payload type of two m-sections is none's")
	x.in(rxPacket{ssrc: 12, pt: 111, seq: 1}, rxPacket{ssrc: 12, pt: 96, seq: 2})
	x.want("a payload type of one, and the SSRC from then on", "1/12:1", "1/12:2")
	x.in(rxPacket{ssrc: 10, pt: 111, seq: 3})
	x.want("a payload type that the m-section of the SSRC does not have")
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 4, mid: "c"})
	x.want("a MID that nobody has")
}

// RFC 9143 section 9.2: "If the packet has a MID and the packet's extended sequence number is greater than that of the last
// MID update", the stream moves.
func TestAnSSRCMovesWithANewerMIDOnly(t *testing.T) {
	x := newRx(t, Section{Key: 1, MID: "a", Codecs: []Codec{video, rtx}}, Section{Key: 2, MID: "b", Codecs: []Codec{video, rtx}})
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 65534, mid: "a"}, rxPacket{ssrc: 20, pt: 97, seq: 1, mid: "a", payload: osn(65533)})
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1, mid: "b"}, rxPacket{ssrc: 10, pt: 96, seq: 65535, mid: "a"}, rxPacket{ssrc: 10, pt: 96, seq: 2})
	x.want("moved over the wrap, and not back", "1/10:65534", "1/10:65533r", "2/10:1", "2/10:65535", "2/10:2")
	if n := len(x.r.Streams()); n != 1 {
		t.Errorf("%d streams", n)
	}
	x.in(rxPacket{ssrc: 20, pt: 97, seq: 2, payload: osn(0)})
	x.want("retransmissions of the old m-section repair nothing")
}

// RFC 9429 section 5.9: media may come before the description that explains it.
func TestPacketsAreHeldForTheDescription(t *testing.T) {
	a := Section{Key: 1, MID: "a", Codecs: []Codec{video, rtx}}
	x := newRx(t)
	for i := range 3 * maxHeldPackets {
		x.in(rxPacket{at: 1000, ssrc: 10, pt: 96, seq: uint16(i), mid: "a"})
	}
	if d := x.r.Deadline(); d.Before(ms(3000)) || d.After(ms(3001)) {
		t.Errorf("deadline %v", d.Sub(epoch))
	}
	x.configure(1500, a)
	if len(x.got) != maxHeldPackets || x.got[0] != "1/10:0" || x.got[maxHeldPackets-1] != "1/10:127" {
		t.Errorf("%d replayed: %v", len(x.got), x.got)
	}
	t.Run("octets are bounded", func(t *testing.T) {
		x := newRx(t)
		for i := range 100 {
			x.in(rxPacket{ssrc: 10, pt: 96, seq: uint16(i), payload: string(make([]byte, 20<<10))})
		}
		x.configure(10, a)
		if len(x.got) != 6 {
			t.Errorf("%d replayed", len(x.got))
		}
	})
	t.Run("what is old is not replayed", func(t *testing.T) {
		x := newRx(t)
		x.in(rxPacket{at: 0, ssrc: 10, pt: 96, seq: 1, mid: "a"}, rxPacket{at: 1500, ssrc: 10, pt: 96, seq: 2, mid: "a"})
		x.configure(2500, a)
		x.want("after 2.5 s", "1/10:2")
	})
	t.Run("memory goes with time", func(t *testing.T) {
		x := newRx(t)
		x.in(rxPacket{ssrc: 10, pt: 96, seq: 1, mid: "a"})
		x.r.Advance(x.r.Deadline())
		if len(x.r.held.waiting) != 0 || !x.r.Deadline().IsZero() {
			t.Errorf("%d held", len(x.r.held.waiting))
		}
	})
	t.Run("for another packet that names them", func(t *testing.T) {
		b := Section{Key: 2, MID: "b", Codecs: []Codec{video}}
		x := newRx(t, a, b)
		x.in(rxPacket{ssrc: 10, pt: 96, seq: 2}, rxPacket{ssrc: 11, pt: 96, seq: 5}, rxPacket{at: 5, ssrc: 10, pt: 96, seq: 1, mid: "b"})
		x.want("of the SSRC", "2/10:1", "2/10:2")
	})
}

// RFC 8852 section 3: RID for layers, repaired RID for what repairs them.
func TestLayersAreToldByRIDAndRepairedRID(t *testing.T) {
	s := Section{Key: 1, MID: "a", Codecs: []Codec{video, rtx}, RIDs: []RID{"h", "l"}}
	x := newRx(t, s)
	x.in(
		rxPacket{ssrc: 10, pt: 96, seq: 1, mid: "a", rid: "h"}, rxPacket{ssrc: 11, pt: 96, seq: 1, mid: "a", rid: "l"},
		rxPacket{ssrc: 10, pt: 96, seq: 3}, rxPacket{ssrc: 11, pt: 96, seq: 3},
		rxPacket{ssrc: 21, pt: 97, seq: 1, mid: "a", rrid: "l", payload: osn(2)}, rxPacket{ssrc: 21, pt: 97, seq: 2, payload: osn(0)},
		rxPacket{ssrc: 20, pt: 97, seq: 1, mid: "a", payload: osn(2)}, rxPacket{ssrc: 20, pt: 97, seq: 2, rrid: "h", payload: osn(2)},
	)
	x.want("each layer", "1h/10:1", "1l/11:1", "1h/10:3", "1l/11:3", "1l/11:2r", "1l/11:0r", "1h/10:2r")
	x.in(rxPacket{ssrc: 12, pt: 96, seq: 2, mid: "a"}, rxPacket{ssrc: 12, pt: 96, seq: 3, mid: "a", rid: "x"})
	x.want("no layer, and one that was not negotiated")
	s.RIDs = []RID{"l"}
	if c := x.configure(10, s); len(c.Removed) != 1 || c.Removed[0].SSRC != 10 {
		t.Errorf("removed %v", c.Removed)
	}
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 4}, rxPacket{ssrc: 11, pt: 96, seq: 4})
	x.want("a layer less", "1l/11:4")
}

// RFC 4588 section 8.1 (FID groups: RFC 5576 section 4.2).
func TestRetransmissionsFindWhatTheyRepair(t *testing.T) {
	codecs := []Codec{video, rtx}
	t.Run("by the group", func(t *testing.T) {
		x := newRx(t, Section{Key: 1, Codecs: codecs, SSRCs: []Source{{SSRC: 10, RTX: 20}, {SSRC: 11, RTX: 21}}})
		x.in(rxPacket{ssrc: 20, pt: 97, seq: 1, payload: osn(1)}, rxPacket{ssrc: 10, pt: 96, seq: 2}, rxPacket{ssrc: 21, pt: 97, seq: 1, payload: osn(1)}, rxPacket{ssrc: 20, pt: 97, seq: 2, payload: osn(1)})
		x.want("of the stream that there is", "1/10:2", "1/10:1r")
	})
	t.Run("by lack of choice", func(t *testing.T) {
		x := newRx(t, Section{Key: 1, Codecs: codecs})
		x.in(rxPacket{ssrc: 10, pt: 96, seq: 2}, rxPacket{ssrc: 20, pt: 97, seq: 1, payload: osn(1)})
		x.want("one stream", "1/10:2", "1/10:1r")
		if s := x.r.Streams()[0]; s.RTX != 20 || x.r.Stream(20) != s {
			t.Errorf("RTX %d", s.RTX)
		}
	})
	t.Run("and nothing else", func(t *testing.T) {
		x := newRx(t, Section{Key: 1, Codecs: []Codec{video, rtx, {PayloadType: 99, Kind: Retransmission, APT: 97}, {PayloadType: 100, Kind: Retransmission, APT: 5}}})
		x.in(rxPacket{ssrc: 10, pt: 96, seq: 2},
			rxPacket{ssrc: 20, pt: 99, seq: 1, payload: osn(1)}, rxPacket{ssrc: 20, pt: 100, seq: 2, payload: osn(1)},
			rxPacket{ssrc: 20, pt: 97, seq: 3, payload: "\x01"}, rxPacket{ssrc: 20, pt: 97, seq: 4, payload: "-", padding: 9},
			rxPacket{ssrc: 10, pt: 97, seq: 3, payload: osn(1)})
		x.want("RTX of RTX, of no codec, cut short, a probe, on the media's SSRC", "1/10:2")
	})
}

// RFC 8627, RFC 5109: protection is counted, and takes neither a place nor a number that is not its own.
func TestProtectionIsCountedAndTakesNoPlace(t *testing.T) {
	for name, source := range map[string][]Source{"signalled": {{SSRC: 10, FEC: 30}}, "not signalled": nil} {
		x := newRx(t, Section{Key: 1, Codecs: []Codec{video, fec}, SSRCs: source})
		x.in(rxPacket{ssrc: 10, pt: 96, seq: 1}, rxPacket{ssrc: 30, pt: 98, seq: 7}, rxPacket{ssrc: 10, pt: 96, seq: 2})
		x.want(name, "1/10:1", "1/10:2")
		if c := x.r.Streams()[0].Counts(); c.FEC != 1 || c.FECBytes != 1 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	x := newRx(t, Section{Key: 1, Codecs: []Codec{video, fec}})
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1}, rxPacket{ssrc: 10, pt: 98, seq: 2}, rxPacket{ssrc: 10, pt: 96, seq: 3})
	x.want("of the media's SSRC", "1/10:1", "1/10:3")
	if s := x.r.Streams()[0]; s.nack.Missing() != 0 || s.Reception.Stats().PacketsLost != 0 {
		t.Errorf("%d missing, %+v", s.nack.Missing(), s.Reception.Stats())
	}
}

// RFC 3550 section 8.2: a sender may change its SSRC.
func TestANewSSRCTakesThePlaceOfTheOneBefore(t *testing.T) {
	x := newRx(t, Section{Key: 1, MID: "a", Codecs: []Codec{video, rtx}})
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1}, rxPacket{ssrc: 20, pt: 97, seq: 1, payload: osn(0)})
	x.r.Streams()[0].User = "track"
	x.in(rxPacket{at: 10, ssrc: 11, pt: 96, seq: 500}, rxPacket{at: 11, ssrc: 10, pt: 96, seq: 2}, rxPacket{at: 12, ssrc: 20, pt: 97, seq: 2, payload: osn(499)})
	x.want("and the retransmissions follow", "1/10:1", "1/10:0r", "1/11:500", "1/11:499r")
	if s := x.r.Streams(); len(s) != 1 || s[0].SSRC != 11 || s[0].User != "track" {
		t.Errorf("%+v", s)
	}
	x.in(rxPacket{at: 2500, ssrc: 10, pt: 96, seq: 90})
	x.want("one that fell silent yields", "1/10:90")
}

// a=ssrc-group:SIM, simulcast before RFC 8853: one m-section signals several streams and names no layers.
func TestOfSeveralSignalledStreamsTheFirstIsTheTrack(t *testing.T) {
	x := newRx(t, Section{Key: 1, Codecs: []Codec{video}, SSRCs: []Source{{SSRC: 10}, {SSRC: 11}, {SSRC: 12}}})
	x.in(rxPacket{ssrc: 11, pt: 96, seq: 1}, rxPacket{ssrc: 12, pt: 96, seq: 1}, rxPacket{ssrc: 10, pt: 96, seq: 1},
		rxPacket{ssrc: 11, pt: 96, seq: 2}, rxPacket{ssrc: 12, pt: 96, seq: 2}, rxPacket{ssrc: 10, pt: 96, seq: 2})
	x.want("once it comes", "1/11:1", "1/10:1", "1/10:2")
	x.in(rxPacket{at: 3000, ssrc: 12, pt: 96, seq: 3})
	x.want("another while it is silent", "1/12:3")
}

// RFC 3550 section 6.6.
func TestAStreamThatSaidByeMayComeBack(t *testing.T) {
	x := newRx(t, Section{Key: 1, Codecs: []Codec{video}, SSRCs: []Source{{SSRC: 10}, {SSRC: 11}}})
	bye := []rtcp.Packet{&rtcp.Goodbye{Sources: []uint32{10, 99}}}
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1})
	x.r.HandleRTCP(ms(1), bye)
	if !x.r.Streams()[0].Ended() {
		t.Error("not ended")
	}
	x.in(rxPacket{at: 2, ssrc: 10, pt: 96, seq: 2})
	if x.r.Streams()[0].Ended() {
		t.Error("ended, though packets come")
	}
	x.r.HandleRTCP(ms(3), bye)
	x.in(rxPacket{at: 4, ssrc: 11, pt: 96, seq: 1})
	x.want("or yield to the next", "1/10:1", "1/10:2", "1/11:1")
}

func TestConfigureTellsWhatItTakesAway(t *testing.T) {
	a := Section{Key: 1, MID: "a", Codecs: []Codec{video, rtx}, SSRCs: []Source{{SSRC: 10, RTX: 20}}}
	b := Section{Key: 2, MID: "b", Codecs: []Codec{audio}, SSRCs: []Source{{SSRC: 11}}}
	x := newRx(t)
	sorted := func(list []SSRC) []SSRC { slices.Sort(list); return list }
	if c := x.configure(0, a, b); !slices.Equal(sorted(c.Signalled), []SSRC{10, 11, 20}) || c.Unsignalled != nil || !slices.Equal(sorted(x.r.Signalled()), c.Signalled) {
		t.Errorf("first: %+v", c)
	}
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1}, rxPacket{ssrc: 20, pt: 97, seq: 1, payload: osn(0)}, rxPacket{ssrc: 11, pt: 111, seq: 1})
	x.r.Streams()[0].RequestKeyframe()
	if c := x.configure(1, a, b); c.Signalled != nil || c.Unsignalled != nil || c.Removed != nil {
		t.Errorf("again: %+v", c)
	}
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 2}, rxPacket{ssrc: 11, pt: 111, seq: 2})
	x.want("streams go on", "1/10:1", "1/10:0r", "2/11:1", "1/10:2", "2/11:2")
	a.Codecs = nil
	c := x.configure(2, a, b)
	if !slices.Equal(sorted(c.Unsignalled), []SSRC{10, 20}) || len(c.Removed) != 1 || c.Removed[0].SSRC != 10 || x.r.Stream(10) != nil || x.r.Stream(20) != nil {
		t.Errorf("less: %+v", c)
	}
	if out := x.r.NextFeedback(ms(3), nil); len(out) != 0 {
		t.Errorf("feedback on what is gone: %x", out)
	}
	b.SSRCs = nil
	if c := x.configure(4, b); !slices.Equal(c.Unsignalled, []SSRC{11}) || c.Removed != nil {
		t.Errorf("signalled no longer: %+v", c)
	}
}

// Renegotiation cannot make a receiver remember SSRCs without end, nor can packets.
func TestSourcesAreBounded(t *testing.T) {
	x := newRx(t)
	for i := range 2000 {
		n := SSRC(i)
		x.configure(float64(i), Section{Key: 1, MID: "a", Codecs: []Codec{video}, SSRCs: []Source{{SSRC: 10000 + n}}})
		x.in(rxPacket{at: float64(i), ssrc: 20000 + n, pt: 96, seq: 1, mid: "a"})
	}
	if n := len(x.r.Streams()); n != 1 {
		t.Errorf("%d streams", n)
	}
	x.configure(3000, Section{Key: 4, MID: "z"})
	x.in(rxPacket{at: 3000, ssrc: 5, pt: 96, seq: 1, mid: "z"})
	if n := len(x.r.router.sources); n != 0 {
		t.Errorf("%d sources of an m-section that receives nothing", n)
	}
}

// RFC 3550 section 5.1: padding is no payload; the number counts all the same.
func TestPaddingAndDuplicatesAreNotDelivered(t *testing.T) {
	x := newRx(t, Section{Key: 1, Codecs: []Codec{video, rtx}})
	x.in(rxPacket{ssrc: 10, pt: 96, seq: 1}, rxPacket{ssrc: 10, pt: 96, seq: 2, payload: "-", padding: 200}, rxPacket{ssrc: 10, pt: 96, seq: 3},
		rxPacket{ssrc: 10, pt: 96, seq: 3}, rxPacket{ssrc: 10, pt: 96, seq: 1}, rxPacket{ssrc: 20, pt: 97, seq: 1, payload: osn(3)},
		rxPacket{ssrc: 10, pt: 96, seq: 5}, rxPacket{ssrc: 20, pt: 97, seq: 2, payload: osn(4)}, rxPacket{ssrc: 20, pt: 97, seq: 3, payload: osn(4)},
		rxPacket{ssrc: 10, pt: 96, seq: 4}, rxPacket{ssrc: 20, pt: 97, seq: 4, payload: osn(9000)})
	x.want("each once", "1/10:1", "1/10:3", "1/10:5", "1/10:4r")
	if s := x.r.Streams()[0]; s.nack.Missing() != 0 {
		t.Errorf("%d missing", s.nack.Missing())
	}
}

// draft-holmer-rmcat-transport-wide-cc-extensions-01 leaves the interval open; libwebrtc's is what 5 % of the rate allow, within 50
// to 250 ms, and 100 ms before that is known.
func TestTransportFeedbackComesAsOftenAsTheRateAllows(t *testing.T) {
	for _, test := range []struct {
		every float64 // ms, a packet of about 1000 bytes
		want  time.Duration
	}{{1, feedbackIntervalMin}, {100, 136 * time.Millisecond}, {400, feedbackIntervalMax}} {
		x := newRx(t, Section{Key: 1, MID: "m", Codecs: []Codec{{PayloadType: 96, ClockRate: 90000, TransportCC: true}}})
		first := time.Duration(0)
		for i := range int(4000 / test.every) {
			p := rxPacket{at: float64(i) * test.every, ssrc: 7, pt: 96, seq: uint16(i), mid: "m", twcc: i + 1, payload: strings.Repeat("x", 970)}
			x.r.HandlePacket(ms(p.at), p.bytes())
			if i == 0 {
				first = x.r.Deadline().Sub(ms(p.at))
			}
			if at := p.at; x.r.arrival.Deadline().Before(ms(at)) {
				for len(x.r.NextFeedback(ms(at), nil)) > 0 {
				}
			}
		}
		if got := x.r.arrival.interval; first != feedbackInterval || got < test.want*95/100 || got > test.want*105/100 {
			t.Errorf("a packet each %v ms: feedback after %v, then %v, want %v", test.every, first, got, test.want)
		}
	}
}
