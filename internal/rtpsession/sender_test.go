package rtpsession

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// mediaHeader is the header of a packet of the tests.
func mediaHeader(ssrc SSRC, pt PayloadType, seq uint16, timestamp uint32) rtp.Header {
	return rtp.Header{Version: 2, SSRC: uint32(ssrc), PayloadType: uint8(pt), SequenceNumber: seq, Timestamp: timestamp}
}

// videoFormat is what the tests negotiate: all of it.
func videoFormat() SendFormat {
	f := SendFormat{
		PayloadType: 96, RTXPayloadType: 97, HasRTX: true, ClockRate: 90000, NACK: true, TransportCC: true, Extensions: testIDs,
	}
	for _, id := range []uint8{1, 2, 3, 4, 5} {
		f.Allowed[id] = true
	}
	return f
}

// tx is a sender under test.
type tx struct {
	testing.TB
	s *Sender
}

func newTx(t testing.TB) *tx {
	x := &tx{TB: t, s: NewSender(65535)}
	x.s.SetCNAME("c")
	return x
}

func (x *tx) add(ssrc, rtx SSRC, rid RID, f SendFormat) *SendStream {
	x.Helper()
	stream := x.s.Add(ssrc, rtx, "m", rid, 1000)
	if err := stream.SetFormat(f, false); err != nil {
		x.Fatal(err)
	}
	return stream
}

// write sends a packet and returns it as it left.
func (x *tx) write(at float64, s *SendStream, seq uint16, timestamp uint32) []byte {
	x.Helper()
	h := mediaHeader(9, 9, seq, timestamp)
	p, err := s.Write(ms(at), make([]byte, 0, 1500), &h, []byte("payload"))
	if err != nil {
		x.Fatal(err)
	}
	x.s.Depart(ms(at), &p)
	x.s.checkInvariants(x)
	return p.Data
}

func (x *tx) rtcp(at float64, packets ...rtcp.Packet) {
	x.Helper()
	x.s.HandleRTCP(ms(at), packets)
	x.s.checkInvariants(x)
}

// resends are the packets that NACKs brought.
func (x *tx) resends(at float64) (all [][]byte) {
	x.Helper()
	for {
		p, ok := x.s.NextResend(ms(at), make([]byte, 0, 1500))
		if !ok {
			x.s.checkInvariants(x)
			return all
		}
		x.s.Depart(ms(at), &p)
		all = append(all, p.Data)
	}
}

func nackOf(ssrc SSRC, seqs ...uint16) rtcp.Packet {
	return &rtcp.TransportLayerNack{MediaSSRC: uint32(ssrc), Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}
}

func parsed(t testing.TB, packet []byte) Header {
	t.Helper()
	h, err := ParseHeader(packet)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// RFC 3550 section 5.1: one numbering and one clock for an SSRC, whatever its source.
func TestAnotherSourceGoesOnWhereTheOneBeforeEnded(t *testing.T) {
	for _, c := range []struct {
		last uint16
		ts   uint32
	}{{100, 5000}, {65535, 1<<32 - 1}, {65534, 1<<32 - 2700}} {
		x := newTx(t)
		s := x.add(10, 20, "", videoFormat())
		x.write(0, s, c.last, c.ts)
		if err := s.SetFormat(videoFormat(), true); err != nil {
			t.Fatal(err)
		}
		for i := range uint16(3) {
			h := parsed(t, x.write(30+float64(i), s, 7000+i, 999+uint32(i)))
			if h.SequenceNumber != c.last+1+i || h.Timestamp != c.ts+2701+uint32(i) || h.SSRC != 10 || h.PayloadType != 96 {
				t.Errorf("after %+v: %+v", c, h)
			}
		}
	}
}

// RFC 4733: events lie between the packets of the track.
func TestInsertedPacketsTakeNumbersOfTheirOwn(t *testing.T) {
	f := SendFormat{PayloadType: 111, ClockRate: 8000}
	insert := func(x *tx, s *SendStream, at float64) Header {
		p, err := s.Insert(ms(at), make([]byte, 0, 100), 101, true, ms(at), 0, []byte{1, 2, 3, 4})
		if err != nil {
			t.Fatal(err)
		}
		x.s.Depart(ms(at), &p)
		x.s.checkInvariants(t)
		return parsed(t, p.Data)
	}
	x := newTx(t)
	s := x.add(10, 0, "", f)
	x.write(0, s, 65535, 800)
	if h := insert(x, s, 20); h.SequenceNumber != 0 || h.Timestamp != 960 || h.PayloadType != 101 || !h.Marker {
		t.Errorf("event %+v", h)
	}
	if h := parsed(t, x.write(40, s, 0, 1120)); h.SequenceNumber != 1 || h.Timestamp != 1120 {
		t.Errorf("behind it %+v", h)
	}
	x = newTx(t)
	s = x.add(10, 0, "", f)
	first := insert(x, s, 0)
	if h := parsed(t, x.write(20, s, 40000, 77)); h.SequenceNumber != first.SequenceNumber+1 || h.Timestamp != first.Timestamp+161 {
		t.Errorf("a track that begins behind an event: %+v after %+v", h, first)
	}
}

// RFC 9143 section 9.3, RFC 8852: until the peer has said that it knows the stream. What was not negotiated is left out.
func TestStreamsAreNamedUntilTheyAreReported(t *testing.T) {
	x := newTx(t)
	plain, layer := x.add(10, 20, "", videoFormat()), x.add(11, 21, "h", videoFormat())
	named := func(packet []byte) string {
		h := parsed(t, packet)
		return fmt.Sprintf("%s,%s,%s", h.Extension(packet, 1), h.Extension(packet, 2), h.Extension(packet, 3))
	}
	check := func(what string, got []byte, want string) {
		t.Helper()
		if named(got) != want {
			t.Errorf("%s: %q, want %q", what, named(got), want)
		}
	}
	check("plain", x.write(0, plain, 1, 1), "m,,")
	check("layer", x.write(0, layer, 1, 1), "m,h,")
	x.rtcp(1, &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 10}, {SSRC: 11}, {SSRC: 99}}})
	check("plain, reported", x.write(2, plain, 2, 2), ",,")
	check("layer, reported", x.write(2, layer, 2, 2), "m,h,")
	x.rtcp(3, nackOf(11, 2))
	check("repair of a layer", x.resends(3)[0], "m,,h")
	p, ok := x.s.Padding(ms(4), make([]byte, 0, 1500), 100)
	if !ok || p.Stream != plain {
		t.Fatalf("padding of %v", p.Stream)
	}
	x.s.Remove(plain, nil)
	p, _ = x.s.Padding(ms(4), make([]byte, 0, 1500), 100)
	check("probe of a layer", p.Data, "m,,h")
	if err := layer.SetFormat(videoFormat(), false); err != nil {
		t.Fatal(err)
	}
	h := mediaHeader(0, 0, 9, 9)
	h.Extension, h.ExtensionProfile = true, profileOneByte
	for id, v := range map[uint8]string{1: "theirs", 5: "x", 7: "y"} {
		if err := h.SetExtension(id, []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := layer.Write(ms(5), nil, &h, nil)
	if err != nil {
		t.Fatal(err)
	}
	oh := parsed(t, out.Data)
	if string(oh.Extension(out.Data, 1)) != "m" || string(oh.Extension(out.Data, 5)) != "x" || oh.Extension(out.Data, 7) != nil {
		t.Errorf("%x", out.Data)
	}
}

// RFC 4588 section 4 with RTX; without it the same packet, to the octet: SRTP would encrypt two packets with one key stream
// otherwise (RFC 3711 section 9.1).
func TestNACKsAreAnswered(t *testing.T) {
	x := newTx(t)
	s := x.add(10, 20, "", videoFormat())
	sent := x.write(0, s, 5, 5)
	x.rtcp(10, nackOf(10, 5, 6), nackOf(20, 5), nackOf(99, 5))
	again := x.resends(10)
	if len(again) != 1 {
		t.Fatalf("%d packets", len(again))
	}
	h := parsed(t, again[0])
	if h.SSRC != 20 || h.PayloadType != 97 || !bytes.Equal(h.Payload(again[0]), append([]byte{0, 5}, "payload"...)) {
		t.Errorf("%+v", h)
	}
	if c := s.Counts(); c.NACKs != 1 || c.Packets != 2 || c.Retransmitted != 1 {
		t.Errorf("%+v", c)
	}
	f := videoFormat()
	f.HasRTX = false
	x = newTx(t)
	s = x.add(10, 0, "", f)
	sent = x.write(0, s, 5, 5)
	x.rtcp(10, nackOf(10, 5))
	if again = x.resends(10); len(again) != 1 || !bytes.Equal(again[0], sent) {
		t.Errorf("sent %x, again %x", sent, again)
	}
	if c := s.Counts(); c.RetransmittedBytes != 7 || c.PayloadBytes != 14 {
		t.Errorf("%+v", c)
	}
	f.NACK = false
	if err := s.SetFormat(f, false); err != nil {
		t.Fatal(err)
	}
	x.rtcp(500, nackOf(10, 5))
	if again = x.resends(500); again != nil {
		t.Error("without NACK")
	}
}

// RFC 4588 section 8.1: a payload type of retransmissions stands for one of media.
func TestPacketsOfAnotherPayloadTypeAreNotRepaired(t *testing.T) {
	x := newTx(t)
	s := x.add(10, 20, "", videoFormat())
	x.write(0, s, 5, 5)
	f := videoFormat()
	f.PayloadType, f.RTXPayloadType = 100, 101
	if err := s.SetFormat(f, false); err != nil {
		t.Fatal(err)
	}
	x.write(1, s, 6, 6)
	x.rtcp(10, nackOf(10, 5, 6))
	if again := x.resends(10); len(again) != 1 || parsed(t, again[0]).PayloadType != 101 {
		t.Errorf("%x", again)
	}
}

// A packet is sent again once in a round trip, which reports tell; a flood of requests is bounded.
func TestNACKsCostOneRepairARoundTrip(t *testing.T) {
	x := newTx(t)
	s := x.add(10, 20, "", videoFormat())
	x.write(0, s, 5, 5)
	x.rtcp(1000, nackOf(10, 5))
	if n := len(x.resends(1000)); n != 1 {
		t.Fatalf("%d repairs", n)
	}
	for range 50 {
		x.rtcp(1050, nackOf(10, 5))
	}
	if n := len(x.resends(1050)); n != 0 {
		t.Errorf("%d repairs within the 100 ms that are taken at first", n)
	}
	x.rtcp(1060, &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 10, LastSenderReport: CompactNTP(NTPTime(ms(1020)))}}})
	if rtt := x.s.RTT(); rtt < 39*time.Millisecond || rtt > 41*time.Millisecond {
		t.Fatalf("RTT %v", rtt)
	}
	x.rtcp(1061, nackOf(10, 5))
	if n := len(x.resends(1061)); n != 1 {
		t.Errorf("%d repairs after the 40 ms of the path", n)
	}
	var flood []uint16
	for i := range 5000 {
		flood = append(flood, uint16(i))
	}
	for range 10 {
		x.rtcp(1062, nackOf(10, flood...))
	}
	if n := len(x.resends(1062)); n != 0 {
		t.Errorf("%d repairs of a flood", n)
	}
}

// RFC 4585 section 6.3.1; RFC 5104 section 4.3.1.1: a FIR with the number of the one before is a repetition.
func TestRequestsForKeyframes(t *testing.T) {
	x := newTx(t)
	s := x.add(10, 20, "", videoFormat())
	events := func() (n int) {
		for {
			e, ok := x.s.NextEvent()
			if !ok {
				return n
			}
			if e.Stream != s || !e.Keyframe {
				t.Errorf("%+v", e)
			}
			n++
		}
	}
	fir := func(sender uint32, seq uint8) rtcp.Packet {
		return &rtcp.FullIntraRequest{SenderSSRC: sender, FIR: []rtcp.FIREntry{{SSRC: 99, SequenceNumber: 3}, {SSRC: 10, SequenceNumber: seq}}}
	}
	x.rtcp(0, &rtcp.PictureLossIndication{MediaSSRC: 10}, &rtcp.PictureLossIndication{MediaSSRC: 99})
	if n := events(); n != 1 {
		t.Errorf("PLI: %d", n)
	}
	x.rtcp(0, fir(1, 0), fir(1, 0), fir(1, 1), fir(1, 1), fir(2, 1))
	if n := events(); n != 3 {
		t.Errorf("FIR: %d", n)
	}
	if c := s.Counts(); c.PLIs != 1 || c.FIRs != 5 {
		t.Errorf("%+v", c)
	}
	for range 1000 {
		x.rtcp(1, &rtcp.PictureLossIndication{MediaSSRC: 10})
	}
	x.s.Remove(s, nil)
	if n := events(); n != 0 {
		t.Errorf("%d of a stream that is gone", n)
	}
}

func TestReportsOfThePeer(t *testing.T) {
	x := newTx(t)
	s := x.add(10, 20, "", videoFormat())
	x.write(0, s, 5, 5)
	block := func(highest, lost uint32) rtcp.Packet {
		return &rtcp.SenderReport{Reports: []rtcp.ReceptionReport{{SSRC: 10, FractionLost: 64, LastSequenceNumber: highest, TotalLost: lost, Jitter: 900}, {SSRC: 20}}}
	}
	for i, c := range []struct {
		highest, lost          uint32
		wantExpected, wantLost int
	}{{100, 5, 0, 0}, {200, 15, 100, 10}, {300, 10, 100, 0}, {250, 10, 0, 0}, {350, 0xFFFFFF, 100, 0}, {1<<16 | 100, 500, 1<<16 - 250, 501}} {
		x.rtcp(float64(i), block(c.highest, c.lost))
		if expected, lost := x.s.TakeLoss(); expected != c.wantExpected || lost != c.wantLost {
			t.Errorf("block %d: expected %d, lost %d", i, expected, lost)
		}
	}
	if r := s.Remote(); r.FractionLost != 0.25 || r.Jitter != 10*time.Millisecond || r.PacketsLost != 500 || r.RTTs != 0 {
		t.Errorf("%+v", r)
	}
	if expected, lost := x.s.TakeLoss(); expected != 0 || lost != 0 {
		t.Error("taken twice")
	}
	for given, want := range map[float32]uint64{1e6: 1000000, 1e30: maxREMB} {
		x.rtcp(9, &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: given})
		if got, ok := x.s.TakeREMB(); !ok || got != want {
			t.Errorf("REMB %v: %d", given, got)
		}
	}
	if _, ok := x.s.TakeREMB(); ok {
		t.Error("REMB taken twice")
	}
}

// RFC 3550 section 6.6.
func TestAStreamThatIsRemovedSaysBye(t *testing.T) {
	x := newTx(t)
	quiet, plain, repaired := x.add(9, 19, "", videoFormat()), x.add(10, 20, "", videoFormat()), x.add(11, 21, "", videoFormat())
	x.write(0, plain, 1, 1)
	x.write(0, repaired, 1, 1)
	x.rtcp(1, nackOf(11, 1), nackOf(10, 1))
	x.resends(1)
	x.write(2, plain, 2, 2)
	x.s.ReportFrom(ms(0))
	x.s.Report(x.s.Deadline(), 1, Received{})
	x.rtcp(2, nackOf(10, 2))
	for s, want := range map[*SendStream]string{quiet: "", plain: "[10 20]", repaired: "[11 21]"} {
		packet := x.s.Remove(s, nil)
		x.s.checkInvariants(t)
		if want == "" {
			if len(packet) != 0 {
				t.Errorf("BYE of a stream that never sent: %x", packet)
			}
			continue
		}
		packets, err := ParseCompound(packet)
		if err != nil || len(packets) != 3 || nameOf(packets[2]) != "bye "+want {
			t.Errorf("%v, %v", packets, err)
		}
	}
	if packet := x.s.NextReport(ms(600), nil); len(packet) != 0 {
		t.Errorf("a report after BYE: %x", packet)
	}
	if again := x.resends(600); again != nil {
		t.Errorf("a repair after BYE: %x", again)
	}
}

// Probes are retransmissions: of the newest packet, or of nothing. They need a number that the peer tells arrivals by.
func TestProbesAreRetransmissions(t *testing.T) {
	x := newTx(t)
	f := videoFormat()
	f.TransportCC = false
	s := x.add(10, 20, "", f)
	x.write(0, s, 1, 1)
	if _, ok := x.s.Padding(ms(0), nil, 300); ok || x.s.CanPad() {
		t.Error("pads without numbers")
	}
	if err := s.SetFormat(videoFormat(), false); err != nil {
		t.Fatal(err)
	}
	if p, ok := x.s.Padding(ms(0), make([]byte, 0, 1500), 1200); !ok || p.transportCC == 0 || !x.s.CanPad() {
		t.Errorf("a packet from before has no number: %+v", p)
	}
	x.write(1, s, 2, 2)
	for _, size := range []int{-1, 0, 1, 100, 255, 256, 1200, 1 << 20} {
		p, ok := x.s.Padding(ms(1), make([]byte, 0, 1500), size)
		if !ok || !p.Padding || !p.OnRTX || !p.Retransmission {
			t.Fatalf("size %d: %+v, %v", size, p, ok)
		}
		seq, numbered := x.s.Depart(ms(1), &p)
		h := parsed(t, p.Data)
		if !numbered || h.SSRC != 20 || h.PayloadType != 97 || !bytes.Equal(h.Extension(p.Data, 4), []byte{byte(seq >> 8), byte(seq)}) {
			t.Errorf("size %d: %x", size, p.Data)
		}
		if h.PaddingOnly(p.Data) != (size <= 255) {
			t.Errorf("size %d: %d octets of padding", size, h.PaddingLen)
		}
		x.s.checkInvariants(t)
	}
}

// draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2: numbers are of the transport. Where a congestion
// controller of the program's gives them, the session's own packets have none; the element is padding then, in both
// forms (RFC 8285 sections 4.2 and 4.3).
func TestGivenTransportNumbersAreKept(t *testing.T) {
	for _, long := range []string{"", "a stream identifier of more than sixteen octets"} {
		x := newTx(t)
		f := videoFormat()
		f.Extensions.AllowTwoByte = long != ""
		s := x.s.Add(10, 20, MID(long+"m"), "", 1000)
		if err := s.SetFormat(f, false); err != nil {
			t.Fatal(err)
		}
		number := func(data []byte) []byte {
			h := parsed(t, data)
			return h.Extension(data, f.Extensions.TransportCC)
		}
		own := x.write(0, s, 1, 0)
		if got := number(own); len(got) != 2 {
			t.Fatalf("without numbers of the program: %v", got)
		}
		h := mediaHeader(9, 9, 2, 3000)
		p, err := s.Write(ms(1), make([]byte, 0, 1500), &h, []byte("payload"))
		if err != nil {
			t.Fatal(err)
		}
		p.Number(777)
		if seq, numbered := x.s.Depart(ms(1), &p); seq != 777 || !numbered {
			t.Errorf("departed with %d, %v", seq, numbered)
		}
		if got := number(p.Data); !bytes.Equal(got, []byte{3, 9}) {
			t.Errorf("number %v, want 777", got)
		}
		x.rtcp(50, nackOf(10, 2))
		again := x.resends(50)
		if len(again) != 1 || number(again[0]) != nil {
			t.Fatalf("sent again: %v", again)
		}
		if h := parsed(t, again[0]); !bytes.HasSuffix(h.Payload(again[0]), []byte("payload")) || h.Extension(again[0], f.Extensions.MID) == nil {
			t.Errorf("the rest of the packet has changed: %v", again[0])
		}
		if x.s.CanPad() {
			t.Error("probes, which would have no number")
		}
	}
}
