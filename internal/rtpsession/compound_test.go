package rtpsession

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pion/rtcp"
)

// RFC 3550 sections 6.4.1 to 6.6, RFC 4585, RFC 5104, REMB: what is appended is
// what pion/rtcp reads, and writes.
func TestPacketsAreWhatPionReads(t *testing.T) {
	blocks := []ReportBlock{
		{SSRC: 1, FractionLost: 2, TotalLost: 3, HighestSeq: 4, Jitter: 5, LastSR: 6, DelaySinceLast: 7},
		{SSRC: 8, FractionLost: 5, TotalLost: -1, HighestSeq: 1<<32 - 1},
	}
	reports := []rtcp.ReceptionReport{
		{SSRC: 1, FractionLost: 2, TotalLost: 3, LastSequenceNumber: 4, Jitter: 5, LastSenderReport: 6, Delay: 7},
		{SSRC: 8, FractionLost: 5, TotalLost: 0xFFFFFF, LastSequenceNumber: 1<<32 - 1},
	}
	for name, c := range map[string]struct {
		raw  []byte
		want rtcp.Packet
	}{
		"SR": {
			AppendSenderReport(nil, 9, &SenderInfo{NTP: 1 << 40, RTP: 11, Packets: 12, Octets: 13}, blocks),
			&rtcp.SenderReport{SSRC: 9, NTPTime: 1 << 40, RTPTime: 11, PacketCount: 12, OctetCount: 13, Reports: reports},
		},
		"RR":           {AppendReceiverReport(nil, 9, blocks), &rtcp.ReceiverReport{SSRC: 9, Reports: reports}},
		"SDES":         {AppendDescription(nil, 9, "name"), description("name")},
		"SDES, empty":  {AppendDescription(nil, 9, ""), description("")},
		"SDES, 1":      {AppendDescription(nil, 9, "n"), description("n")},
		"SDES, 300":    {AppendDescription(nil, 9, strings.Repeat("n", 300)), description(strings.Repeat("n", 255))},
		"BYE":          {AppendGoodbye(nil, []SSRC{9, 8}), &rtcp.Goodbye{Sources: []uint32{9, 8}}},
		"PLI":          {AppendPLI(nil, 9, 8), &rtcp.PictureLossIndication{SenderSSRC: 9, MediaSSRC: 8}},
		"FIR":          {AppendFIR(nil, 9, 8, 7), &rtcp.FullIntraRequest{SenderSSRC: 9, FIR: []rtcp.FIREntry{{SSRC: 8, SequenceNumber: 7}}}},
		"NACK":         {AppendNack(nil, 9, 8, []uint16{1, 2, 40}), &rtcp.TransportLayerNack{SenderSSRC: 9, MediaSSRC: 8, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 1}, {PacketID: 40}}}},
		"REMB":         {AppendREMB(nil, 9, 1_500_000, []SSRC{8, 7}), &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 9, Bitrate: 1_500_000, SSRCs: []uint32{8, 7}}},
		"REMB, little": {AppendREMB(nil, 9, 1<<18-1, []SSRC{8}), &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 9, Bitrate: 1<<18 - 1, SSRCs: []uint32{8}}},
		"REMB, much":   {AppendREMB(nil, 9, 1<<63, []SSRC{8}), &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 9, Bitrate: 1 << 63, SSRCs: []uint32{8}}},
	} {
		packets, err := rtcp.Unmarshal(c.raw)
		if err != nil || len(packets) != 1 {
			t.Errorf("%s: %x: %v", name, c.raw, err)
			continue
		}
		if sr, ok := packets[0].(*rtcp.SenderReport); ok {
			sr.ProfileExtensions = nil
		}
		if rr, ok := packets[0].(*rtcp.ReceiverReport); ok {
			rr.ProfileExtensions = nil
		}
		if !reflect.DeepEqual(packets[0], c.want) {
			t.Errorf("%s: %+v\nwant %+v", name, packets[0], c.want)
		}
		if theirs, err := c.want.Marshal(); err != nil || !slices.Equal(theirs, c.raw) {
			t.Errorf("%s: %x\npion %x, %v", name, c.raw, theirs, err)
		}
	}
	if AppendNack(nil, 1, 2, nil) != nil || AppendGoodbye(nil, nil) != nil {
		t.Error("packets that say nothing")
	}
}

func description(cname string) *rtcp.SourceDescription {
	return &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: 9, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: cname}},
	}}}
}

// RFC 3550 section 6.4.1: more than 31 blocks go on in RRs behind the report.
func TestMoreThan31BlocksGoOnInReceiverReports(t *testing.T) {
	blocks := make([]ReportBlock, 70)
	for i := range blocks {
		blocks[i].SSRC = SSRC(i)
	}
	compound := AppendDescription(AppendSenderReport(nil, 9, &SenderInfo{}, blocks), 9, "name")
	var valid rtcp.CompoundPacket
	if err := valid.Unmarshal(compound); err != nil || len(valid) != 4 {
		t.Fatalf("%d packets, %v", len(valid), err)
	}
	if a, b, c := len(valid[0].(*rtcp.SenderReport).Reports), len(valid[1].(*rtcp.ReceiverReport).Reports), len(valid[2].(*rtcp.ReceiverReport).Reports); a != 31 || b != 31 || c != 8 {
		t.Errorf("%d, %d, %d blocks", a, b, c)
	}
	if got := valid[2].(*rtcp.ReceiverReport).Reports[7].SSRC; got != 69 {
		t.Errorf("last block is of %d", got)
	}
	packets, err := rtcp.Unmarshal(AppendGoodbye(nil, make([]SSRC, 32)))
	if err != nil || len(packets) != 2 {
		t.Errorf("32 goodbyes: %d packets, %v", len(packets), err)
	}
}

// RFC 5506 section 3.4.1: feedback alone; RFC 4585 section 3.1: or behind an RR
// and the CNAME.
func TestFeedbackIsCompoundUnlessReducedSizeWasNegotiated(t *testing.T) {
	if got := AppendFeedbackPrefix(nil, 9, "name", true); got != nil {
		t.Errorf("%x before feedback of reduced size", got)
	}
	var valid rtcp.CompoundPacket
	if err := valid.Unmarshal(AppendPLI(AppendFeedbackPrefix(nil, 9, "name", false), 9, 8)); err != nil || len(valid) != 3 {
		t.Errorf("%d packets, %v", len(valid), err)
	}
}

func TestCompoundPacketsAreBuiltWithoutAllocating(t *testing.T) {
	buffer, blocks, seqs := make([]byte, 0, 4000), make([]ReportBlock, 40), []uint16{1, 2, 3, 70}
	ssrcs := []SSRC{1, 2}
	if a := testing.AllocsPerRun(100, func() {
		b := AppendSenderReport(buffer, 9, &SenderInfo{}, blocks)
		b = AppendDescription(b, 9, "name")
		b = AppendFIR(AppendPLI(b, 9, 8), 9, 8, 1)
		b = AppendREMB(AppendNack(b, 9, 8, seqs), 9, 1e6, ssrcs)
		b = AppendGoodbye(b, ssrcs)
		reader := NewCompoundReader(b)
		for n := 0; ; n++ {
			if _, ok, err := reader.Next(); err != nil {
				t.Fatal(err)
			} else if !ok && n == 8 {
				return
			} else if !ok {
				t.Fatalf("%d packets", n)
			}
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

// RFC 3550 appendix A.2.
func TestDatagramsThatAreNotRTCPAreRefused(t *testing.T) {
	rr := "80c90001 00000009"
	for name, c := range map[string]struct {
		data string
		err  error
	}{
		"empty":                  {"", ErrShortRTCP},
		"three octets":           {"80c900", ErrShortRTCP},
		"length beyond it":       {"80c90002 00000009", ErrShortRTCP},
		"something behind":       {rr + "80", ErrShortRTCP},
		"another version behind": {rr + "40c90001 00000009", ErrRTCPVersion},
		"padding in the first":   {"a0c90002 00000009 00000004" + rr, ErrRTCPPadding},
		"padding of nothing":     {"a0c90002 00000009 00000000", ErrRTCPPadding},
		"padding of the header":  {"a0c90002 00000009 0000000c", ErrRTCPPadding},
		"65 packets":             {strings.Repeat("80c80000", 65), ErrManyPackets},
	} {
		if packets, err := ParseCompound(octets(t, c.data)); !errors.Is(err, c.err) || packets != nil {
			t.Errorf("%s: %v, %v, want %v", name, packets, err, c.err)
		}
	}
}

func TestAMalformedPacketDoesNotCostTheOthers(t *testing.T) {
	rr := AppendReceiverReport(nil, 9, nil)
	for name, bad := range map[string]string{
		"application feedback that is no REMB": "8fce0003 00000009 00000000 414c4642",
		"REMB with fewer SSRCs than it says":   "8fce0004 00000009 00000000 52454d42 05000001",
		"FIR without an entry":                 "84ce0002 00000009 00000000",
		"SR that is cut":                       "80c80001 00000009",
		"BYE that is cut":                      "82cb0001 00000009",
		"SDES that is cut":                     "81ca0002 00000009 0105aabb",
		"feedback without SSRCs":               "81ce0001 00000009",
		"transport feedback that claims 65535": "8fcd0007 00000001 00000002 0000 ffff 000000 00 3fff3fff 3fff3fff 3fff3fff",
	} {
		packets, err := ParseCompound(append(slices.Clone(rr), octets(t, bad)...))
		if err != nil || len(packets) != 1 || packets[0].(*rtcp.ReceiverReport).SSRC != 9 {
			t.Errorf("%s: %v, %v", name, packets, err)
		}
	}
	packets, err := ParseCompound(octets(t, "80c90001 00000009 80e00001 00000009"))
	if err != nil || len(packets) != 2 {
		t.Fatalf("unknown type: %v, %v", packets, err)
	}
	if _, ok := packets[1].(*rtcp.RawPacket); !ok {
		t.Errorf("unknown type: %T", packets[1])
	}
}

// RFC 3550 section 6.4.1: padding belongs to no packet's content.
func TestPaddingOfRTCPIsTakenOff(t *testing.T) {
	packets, err := ParseCompound(octets(t, "a1cd0004 00000009 00000008 00010000 00000004"))
	if err != nil || len(packets) != 1 {
		t.Fatalf("%v, %v", packets, err)
	}
	if nack := packets[0].(*rtcp.TransportLayerNack); len(nack.Nacks) != 1 {
		t.Errorf("%+v", nack)
	}
	var rec ArrivalRecorder
	rec.Record(epoch, 1)
	feedback, _ := rec.AppendFeedback(nil, epoch, 1, 2)
	packets, err = ParseCompound(feedback)
	if err != nil || len(packets) != 1 {
		t.Fatalf("%v, %v", packets, err)
	}
	if cc := packets[0].(*rtcp.TransportLayerCC); cc.PacketStatusCount != 1 {
		t.Errorf("%+v", cc)
	}
}

func TestHostileRTCPCostsLittle(t *testing.T) {
	claims := octets(t, "8fcd0007 00000001 00000002 0000 7fff 000000 00 3fff3fff 3fff3fff 3fff3fff")
	if a := testing.AllocsPerRun(10, func() {
		if packets, err := ParseCompound(claims); err != nil || packets != nil {
			t.Fatal(packets, err)
		}
	}); a > 1 {
		t.Errorf("%v allocations", a)
	}
}

// FuzzCompound compares with pion/rtcp, and lets it see what it would see.
func FuzzCompound(f *testing.F) {
	f.Add(AppendDescription(AppendSenderReport(nil, 9, &SenderInfo{}, make([]ReportBlock, 33)), 9, "name"))
	f.Add(AppendGoodbye(AppendREMB(AppendNack(AppendFIR(AppendPLI(nil, 9, 8), 9, 8, 1), 9, 8, []uint16{1, 2, 99}), 9, 1e6, []SSRC{8}), []SSRC{1, 2}))
	f.Add(octets(f, "8fcd0005 01020304 05060708 0002 0002 000002 01 c400 08 01"))
	f.Add(octets(f, "80cf0005 00000001 04000002 0102030405060708 05000000"))
	f.Add(octets(f, "8bcd0005 00000001 00000002 00010002 80008001 00000003"))
	f.Add(octets(f, "81cc0003 00000001 4e414d45 00000000 82cd0004 00000001 00000002 00030004 00000005"))
	f.Add(octets(f, "a1cd0004 00000009 00000008 00010000 00000004"))
	f.Fuzz(func(t *testing.T, data []byte) {
		packets, err := ParseCompound(data)
		if err != nil {
			return
		}
		for _, p := range packets {
			p.DestinationSSRC()
		}
		theirs, refused := rtcp.Unmarshal(data)
		reader, count := NewCompoundReader(data), 0
		for {
			p, ok, _ := reader.Next()
			if !ok {
				break
			}
			count++
			if p.padded > 0 || p.IsTransportFeedback() {
				return
			}
		}
		if len(packets) > count {
			t.Fatalf("%d packets of %d", len(packets), count)
		}
		if refused != nil {
			return
		}
		for i, p := range packets {
			if len(packets) == len(theirs) && !reflect.DeepEqual(p, theirs[i]) {
				t.Fatalf("packet %d: %+v, pion %+v", i, p, theirs[i])
			}
		}
	})
}
