package chunk

import (
	"bytes"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"reflect"
	"testing"
)

// RFC 9260 appendix A; the vectors are those of RFC 3720 appendix B.4.
func TestChecksumIsCRC32c(t *testing.T) {
	for _, c := range []struct {
		fill byte
		step byte
		want uint32
	}{{0, 0, 0x8a9136aa}, {0xff, 0, 0x62a8ab43}, {0, 1, 0x46dd794e}} {
		body := make([]byte, 32)
		for i := range body {
			body[i] = c.fill + byte(i)*c.step
		}
		if got := crc32c(body); got != c.want {
			t.Errorf("CRC32c of % x is %08x, want %08x", body, got, c.want)
		}
	}
	// The checksum field counts as 0, and travels with its lowest byte first.
	p := AppendRaw(AppendHeader(nil, Header{5000, 5000, 7, 0}), TypeCookieAck, 0, nil)
	want := crc32c(p)
	Seal(p)
	if got := Checksum(p); got != want || !bytes.Equal(p[8:12], []byte{byte(want), byte(want >> 8), byte(want >> 16), byte(want >> 24)}) {
		t.Errorf("% x, checksum %08x, want %08x", p, got, want)
	}
	if h, _, err := ParsePacket(p); err != nil || h != (Header{5000, 5000, 7, want}) {
		t.Errorf("header %+v, %v", h, err)
	}
}

// RFC 9260 section 3.2: the length does not count padding, which is at most three
// bytes; the padding of the last chunk may be missing.
func TestChunksAreCutAtTheirLength(t *testing.T) {
	p := AppendHeader(nil, Header{})
	p = AppendRaw(p, TypeCookieEcho, 0, []byte{1, 2, 3, 4, 5})
	p = AppendRaw(p, TypeError, 9, []byte{6})
	if len(p) != PacketHeaderSize+12+8 {
		t.Fatalf("%d bytes", len(p))
	}
	for _, missing := range []int{0, 1, 3} {
		_, chunks, err := ParsePacket(p[:len(p)-missing])
		if err != nil {
			t.Fatal(err)
		}
		first, _ := chunks.Next()
		second, ok := chunks.Next()
		if !ok || first.Type != TypeCookieEcho || !bytes.Equal(first.Value, []byte{1, 2, 3, 4, 5}) || second.Flags != 9 || !bytes.Equal(second.Value, []byte{6}) {
			t.Errorf("%d bytes short: %+v, %+v, %v", missing, first, second, ok)
		}
		if _, ok := chunks.Next(); ok || chunks.Err() != nil {
			t.Errorf("a third chunk, or %v", chunks.Err())
		}
	}
	for _, c := range []struct {
		body []byte
		want error
	}{{[]byte{1, 0, 0, 3}, ErrLength}, {[]byte{1, 0, 0, 0}, ErrLength}, {[]byte{1, 0, 0, 5}, ErrTruncated}, {[]byte{1, 0}, ErrTruncated}} {
		_, chunks, _ := ParsePacket(append(AppendHeader(nil, Header{}), c.body...))
		if _, ok := chunks.Next(); ok || !errors.Is(chunks.Err(), c.want) {
			t.Errorf("% x: %v, want %v", c.body, chunks.Err(), c.want)
		}
	}
	if _, _, err := ParsePacket(make([]byte, 11)); !errors.Is(err, ErrTruncated) {
		t.Error(err)
	}
}

// RFC 9260 section 3.2 and section 3.2.1: what the two highest bits say.
func TestHighestBitsTellWhatToDoWithTheUnknown(t *testing.T) {
	for _, c := range []struct {
		top          byte
		stop, report bool
	}{{0x00, true, false}, {0x40, true, true}, {0x80, false, false}, {0xc0, false, true}} {
		kind, parameter := Type(c.top|0x3f), ParameterType(c.top)<<8|0x3fff
		if kind.StopsPacket() != c.stop || kind.WantsReport() != c.report || parameter.StopsParameters() != c.stop || parameter.WantsReport() != c.report {
			t.Errorf("%02x: %t %t %t %t", c.top, kind.StopsPacket(), kind.WantsReport(), parameter.StopsParameters(), parameter.WantsReport())
		}
	}
}

func chunkOf(t *testing.T, b []byte) Chunk {
	t.Helper()
	chunks := Chunks{rest: b}
	c, ok := chunks.Next()
	if !ok || len(chunks.rest) != 0 {
		t.Fatalf("% x: %v, %d bytes left", b, chunks.Err(), len(chunks.rest))
	}
	return c
}

// RFC 9260 sections 3.3.2 and 3.3.3, RFC 3758 section 3.1, RFC 9653 section 4.
func TestInitIsLaidOutAsTheRFCDraws(t *testing.T) {
	want := []byte{
		2, 0, 0, 52, 1, 2, 3, 4, 0, 1, 0, 0, 0xff, 0xff, 0, 9, 0, 0, 0, 7,
		0, 7, 0, 7, 'a', 'b', 'c', 0,
		0xc0, 0, 0, 4,
		0x80, 8, 0, 6, 130, 192, 0, 0,
		0x80, 1, 0, 8, 0, 0, 0, 1,
		0, 8, 0, 4,
	}
	i := Init{
		Tag: 0x01020304, Window: 1 << 16, OutboundStreams: 65535, InboundStreams: 9, InitialTSN: 7,
		Cookie: []byte("abc"), ForwardTSN: true, Extensions: []byte{130, 192},
		ZeroChecksum: ErrorDetectionDTLS, Unrecognized: []byte{0, 8, 0, 4},
	}
	got := AppendInit(nil, TypeInitAck, &i)
	if !bytes.Equal(got, want) {
		t.Fatalf("\n% x, want\n% x", got, want)
	}
	back, err := ParseInit(chunkOf(t, got).Value)
	back.parameters, i.Unrecognized = nil, nil
	if err != nil || !reflect.DeepEqual(back, i) {
		t.Errorf("%+v, %v", back, err)
	}
	if !back.Supports(TypeForwardTSN) || back.Supports(TypeIData) {
		t.Error("extensions")
	}
}

// RFC 9260 section 3.3.1, RFC 8260 section 2.1.
func TestDataIsLaidOutAsTheRFCDraws(t *testing.T) {
	d := Data{FlagBegin | FlagUnordered, 1, 2, 3, 51, []byte{'h', 'i'}}
	b := AppendData(nil, &d)
	if want := []byte{0, 6, 0, 18, 0, 0, 0, 1, 0, 2, 0, 3, 0, 0, 0, 51, 'h', 'i', 0, 0}; !bytes.Equal(b, want) {
		t.Errorf("% x", b)
	}
	if back, err := ParseData(chunkOf(t, b)); err != nil || !reflect.DeepEqual(back, d) {
		t.Errorf("%+v, %v", back, err)
	}
	for _, c := range []struct {
		d    IData
		last []byte
	}{
		{IData{Flags: FlagBegin, TSN: 1, Stream: 2, MID: 3, PPID: 51, Payload: []byte{'h', 'i'}}, []byte{0, 0, 0, 51}},
		{IData{Flags: FlagEnd, TSN: 1, Stream: 2, MID: 3, FSN: 7, Payload: []byte{'h', 'i'}}, []byte{0, 0, 0, 7}},
	} {
		b := AppendIData(nil, &c.d)
		want := append([]byte{64, byte(c.d.Flags), 0, 22, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3}, c.last...)
		if want = append(want, 'h', 'i', 0, 0); !bytes.Equal(b, want) {
			t.Errorf("% x", b)
		}
		if back, err := ParseIData(chunkOf(t, b)); err != nil || !reflect.DeepEqual(back, c.d) {
			t.Errorf("%+v, %v", back, err)
		}
	}
}

// RFC 9260 section 3.3.4.
func TestSACKIsLaidOutAsTheRFCDraws(t *testing.T) {
	b := AppendSACK(nil, 10, 20, []Gap{{2, 3}, {5, 5}}, []TSN{9})
	if want := []byte{3, 0, 0, 28, 0, 0, 0, 10, 0, 0, 0, 20, 0, 2, 0, 1, 0, 2, 0, 3, 0, 5, 0, 5, 0, 0, 0, 9}; !bytes.Equal(b, want) {
		t.Fatalf("% x", b)
	}
	s, err := ParseSACK(chunkOf(t, b).Value)
	if err != nil || s.CumulativeTSN != 10 || s.Window != 20 || s.NumGaps() != 2 || s.NumDuplicates() != 1 || s.Duplicate(0) != 9 {
		t.Fatalf("%+v, %v", s, err)
	}
	if first, last := s.Gap(0); first != 12 || last != 13 {
		t.Error(first, last)
	}
	if _, err := ParseSACK(b[4:27]); !errors.Is(err, ErrTruncated) {
		t.Error(err)
	}
}

// RFC 3758 section 3.2 and RFC 8260 section 2.3.1.
func TestForwardTSNIsLaidOutAsTheRFCDraws(t *testing.T) {
	b := AppendForwardTSN(nil, 9, []SkippedStream{{1, 2}, {3, 4}})
	if want := []byte{192, 0, 0, 16, 0, 0, 0, 9, 0, 1, 0, 2, 0, 3, 0, 4}; !bytes.Equal(b, want) {
		t.Fatalf("% x", b)
	}
	f, err := ParseForwardTSN(chunkOf(t, b).Value)
	if err != nil || f.CumulativeTSN != 9 || f.NumSkipped() != 2 || f.Skipped(1) != (SkippedStream{3, 4}) {
		t.Errorf("%+v, %v", f, err)
	}
	b = AppendIForwardTSN(nil, 9, []SkippedMessage{{1, true, 2}, {3, false, 4}})
	if want := []byte{194, 0, 0, 24, 0, 0, 0, 9, 0, 1, 0, 1, 0, 0, 0, 2, 0, 3, 0, 0, 0, 0, 0, 4}; !bytes.Equal(b, want) {
		t.Fatalf("% x", b)
	}
	g, err := ParseIForwardTSN(chunkOf(t, b).Value)
	if err != nil || g.NumSkipped() != 2 || g.Skipped(0) != (SkippedMessage{1, true, 2}) || g.Skipped(1) != (SkippedMessage{3, false, 4}) {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := ParseIForwardTSN(make([]byte, 8)); !errors.Is(err, ErrLength) {
		t.Error(err)
	}
}

// RFC 6525 section 4.
func TestReconfigIsLaidOutAsTheRFCDraws(t *testing.T) {
	b := AppendReconfig(nil, AppendReconfigResponse(AppendOutgoingReset(nil, 1, 2, 3, []StreamID{4}), 5, ResultInProgress))
	want := []byte{
		130, 0, 0, 36, 0, 13, 0, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 4, 0, 0,
		0, 16, 0, 12, 0, 0, 0, 5, 0, 0, 0, 6,
	}
	if !bytes.Equal(b, want) {
		t.Fatalf("% x", b)
	}
	parameters := ParseReconfig(chunkOf(t, b).Value)
	p, _ := parameters.Next()
	r, err := ParseOutgoingReset(p.Value)
	if err != nil || r.Request != 1 || r.Response != 2 || r.LastTSN != 3 || r.NumStreams() != 1 || r.Stream(0) != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	p, _ = parameters.Next()
	if a, err := ParseReconfigResponse(p.Value); err != nil || a != (ReconfigResponse{5, ResultInProgress}) {
		t.Errorf("%+v, %v", a, err)
	}
	b = AppendIncomingReset(nil, 7, []StreamID{8, 9})
	if in, err := ParseIncomingReset(b[4:]); err != nil || in.Request != 7 || in.NumStreams() != 2 || in.Stream(1) != 9 {
		t.Errorf("%+v, %v", in, err)
	}
	if a, err := ParseAddStreams([]byte{0, 0, 0, 1, 0, 2, 0, 0}); err != nil || a != (AddStreams{1, 2}) {
		t.Errorf("%+v, %v", a, err)
	}
}

// RFC 9260 sections 3.3.5 and 3.3.10, RFC 4820 section 3.
func TestHeartbeatPadAndCausesReadBack(t *testing.T) {
	c := chunkOf(t, AppendHeartbeat(nil, []byte{1, 2, 3}))
	if info, ok := ParseHeartbeatInfo(c.Value); !ok || c.Type != TypeHeartbeat || !bytes.Equal(info, []byte{1, 2, 3}) {
		t.Errorf("% x, %t", info, ok)
	}
	for _, n := range []int{4, 5, 1000} {
		if c := chunkOf(t, AppendPad(nil, n)); c.Type != TypePad || len(c.Raw) != n {
			t.Errorf("PAD of %d bytes has %d", n, len(c.Raw))
		}
	}
	causes := ParseCauses(AppendCause(AppendCause(nil, CauseUserAbort, []byte("bye")), CauseStaleCookie, nil))
	first, _ := causes.Next()
	second, ok := causes.Next()
	if _, more := causes.Next(); !ok || more || first.Code != CauseUserAbort || string(first.Info) != "bye" || second.Code != CauseStaleCookie {
		t.Errorf("%+v, %+v", first, second)
	}
	if tsn, err := ParseShutdown(chunkOf(t, AppendShutdown(nil, 77)).Value); err != nil || tsn != 77 {
		t.Error(tsn, err)
	}
}

func TestParsingDoesNotAllocate(t *testing.T) {
	p := AppendSACK(AppendHeader(nil, Header{}), 10, 20, []Gap{{2, 3}}, nil)
	p = AppendData(p, &Data{Payload: make([]byte, 100)})
	b := make([]byte, 0, 2000)
	d := Data{Payload: make([]byte, 1000)}
	if n := testing.AllocsPerRun(100, func() {
		_, chunks, _ := ParsePacket(p)
		for c, ok := chunks.Next(); ok; c, ok = chunks.Next() {
			if c.Type == TypeSACK {
				_, _ = ParseSACK(c.Value)
			} else {
				_, _ = ParseData(c)
			}
		}
		_ = AppendData(AppendHeader(b, Header{}), &d)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// parseAll reads everything that can be read in a packet.
func parseAll(p []byte) {
	_, chunks, err := ParsePacket(p)
	if err != nil {
		return
	}
	for c, ok := chunks.Next(); ok; c, ok = chunks.Next() {
		_, _ = ParseData(c)
		_, _ = ParseIData(c)
		_, _ = ParseShutdown(c.Value)
		_, _ = ParseHeartbeatInfo(c.Value)
		_, _ = ParseInit(c.Value)
		if s, err := ParseSACK(c.Value); err == nil {
			for i := range s.NumGaps() {
				s.Gap(i)
			}
			for i := range s.NumDuplicates() {
				s.Duplicate(i)
			}
		}
		if f, err := ParseForwardTSN(c.Value); err == nil {
			for i := range f.NumSkipped() {
				f.Skipped(i)
			}
		}
		if f, err := ParseIForwardTSN(c.Value); err == nil {
			for i := range f.NumSkipped() {
				f.Skipped(i)
			}
		}
		causes := ParseCauses(c.Value)
		for _, ok := causes.Next(); ok; _, ok = causes.Next() {
		}
		parameters := ParseReconfig(c.Value)
		for p, ok := parameters.Next(); ok; p, ok = parameters.Next() {
			if r, err := ParseOutgoingReset(p.Value); err == nil && r.NumStreams() > 0 {
				r.Stream(r.NumStreams() - 1)
			}
			if r, err := ParseIncomingReset(p.Value); err == nil && r.NumStreams() > 0 {
				r.Stream(r.NumStreams() - 1)
			}
			_, _ = ParseReconfigResponse(p.Value)
			_, _ = ParseAddStreams(p.Value)
			_, _ = ParseTSNReset(p.Value)
		}
	}
}

func FuzzParsePacket(f *testing.F) {
	p := AppendHeader(nil, Header{5000, 5000, 1, 0})
	f.Add(AppendInit(p, TypeInit, &Init{Tag: 1, Cookie: []byte{1}, Extensions: []byte{130}}))
	f.Add(AppendSACK(p, 1, 2, []Gap{{1, 2}}, []TSN{3}))
	f.Add(AppendData(p, &Data{Payload: []byte{1}}))
	f.Add(AppendIForwardTSN(p, 1, []SkippedMessage{{1, true, 2}}))
	f.Add(AppendReconfig(p, AppendOutgoingReset(nil, 1, 2, 3, []StreamID{4})))
	f.Add(AppendRaw(p, TypeAbort, 0, AppendCause(nil, CauseUserAbort, []byte("x"))))
	f.Add(AppendHeartbeat(p, []byte{1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		parseAll(b)
		// What is cut out and written again is the same, padding aside.
		h, chunks, err := ParsePacket(b)
		if err != nil {
			return
		}
		again := AppendHeader(nil, h)
		for c, ok := chunks.Next(); ok; c, ok = chunks.Next() {
			again = AppendRaw(again, c.Type, c.Flags, c.Value)
		}
		if len(again) > len(b)+3 {
			t.Fatalf("%d bytes became %d", len(b), len(again))
		}
	})
}

func TestRandomBytesDoNotPanic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		b := make([]byte, r.IntN(80))
		for i := range b {
			b[i] = byte(r.Uint32()) & byte(r.Uint32())
		}
		parseAll(b)
	}
}

func crc32c(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
