package receive

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

var start = time.Unix(1_000_000, 0)

const both = chunk.FlagBegin | chunk.FlagEnd

func buffer(t testing.TB, first chunk.TSN) *Buffer {
	b := New(Config{InitialTSN: first})
	t.Cleanup(func() {
		if err := b.CheckInvariants(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func data(t testing.TB, b *Buffer, d chunk.Data) {
	t.Helper()
	if d.Payload == nil {
		d.Payload = []byte{byte(d.TSN)}
	}
	if invalid, err := b.HandleData(&d); invalid || err != nil {
		t.Fatalf("TSN %d: %t, %v", d.TSN, invalid, err)
	}
	b.EndPacket(start)
	if err := b.CheckInvariants(); err != nil {
		t.Fatal(err)
	}
}

func take(b *Buffer) (all []Message) {
	for id, ok := b.NextReadable(); ok; id, ok = b.NextReadable() {
		for m, ok := b.Take(start, id); ok; m, ok = b.Take(start, id) {
			all = append(all, m)
		}
	}
	return all
}

func sack(t testing.TB, b *Buffer) chunk.SACK {
	t.Helper()
	p := b.AppendSACK(nil, 1000)
	s, err := chunk.ParseSACK(p[chunk.HeaderSize:])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// RFC 9260 section 6.9: fragments in any order of arrival make the message; section
// 6.6: ordered messages wait for those before them, unordered ones for none.
func TestFragmentsInAnyOrderMakeTheMessage(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		first := chunk.TSN(r.Uint32())
		if seed%2 == 0 {
			first = 0xffffffff - chunk.TSN(r.IntN(20)) // over the wrap
		}
		wide, unordered := seed%3 == 0, chunk.DataFlags(0)
		if seed%5 == 0 {
			unordered = chunk.FlagUnordered
		}
		b := buffer(t, first)
		var chunks []chunk.IData
		var want [][]byte
		tsn := first
		for m := range 8 {
			n := 1 + r.IntN(6)
			var whole []byte
			for i := range n {
				d := chunk.IData{TSN: tsn, Stream: 3, MID: chunk.MID(m), FSN: uint32(i), PPID: 51, Flags: unordered, Payload: make([]byte, 1+r.IntN(50))}
				for j := range d.Payload {
					d.Payload[j] = byte(r.Uint32())
				}
				if i == 0 {
					d.Flags |= chunk.FlagBegin
				}
				if i == n-1 {
					d.Flags |= chunk.FlagEnd
				}
				whole = append(whole, d.Payload...)
				chunks = append(chunks, d)
				tsn++
			}
			want = append(want, whole)
		}
		r.Shuffle(len(chunks), func(i, j int) { chunks[i], chunks[j] = chunks[j], chunks[i] })
		var got []Message
		for _, d := range chunks {
			var err error
			if wide {
				_, err = b.HandleIData(&d)
			} else {
				_, err = b.HandleData(&chunk.Data{TSN: d.TSN, Stream: d.Stream, SSN: chunk.SSN(d.MID), PPID: d.PPID, Flags: d.Flags, Payload: d.Payload})
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			clear(d.Payload) // the packet's bytes are not ours
			if err := b.CheckInvariants(); err != nil {
				t.Fatal(err)
			}
			got = append(got, take(b)...)
		}
		if b.CumulativeTSN() != tsn-1 || b.Held() != 0 || len(got) != len(want) {
			t.Fatalf("seed %d: up to %d of %d, %d bytes held, %d messages", seed, b.CumulativeTSN(), tsn-1, b.Held(), len(got))
		}
		for i, m := range got {
			at := i
			if unordered != 0 {
				at = slices.IndexFunc(want, func(w []byte) bool { return bytes.Equal(w, m.Payload) })
			}
			if at < 0 || !bytes.Equal(m.Payload, want[at]) || m.PPID != 51 || cap(m.Payload) != len(m.Payload) {
				t.Fatalf("seed %d: message %d", seed, i)
			}
			if unordered != 0 {
				want[at] = nil
			}
		}
	}
}

// RFC 9260 section 3.3.4: what a SACK says of gaps and duplicates.
func TestSACKReportsGapsAndDuplicates(t *testing.T) {
	b := buffer(t, 10)
	for _, tsn := range []chunk.TSN{10, 12, 13, 16, 12, 10, 9} {
		if _, err := b.HandleData(&chunk.Data{TSN: tsn, SSN: chunk.SSN(tsn - 10), Flags: both, Payload: []byte{1}}); err != nil {
			t.Fatal(err)
		}
	}
	s := sack(t, b)
	if s.CumulativeTSN != 10 || s.NumGaps() != 2 || s.NumDuplicates() != 3 {
		t.Fatalf("%+v", s)
	}
	for i, want := range [][2]chunk.TSN{{12, 13}, {16, 16}} {
		if first, last := s.Gap(i); first != want[0] || last != want[1] {
			t.Errorf("gap %d: %d to %d", i, first, last)
		}
	}
	for i, want := range []chunk.TSN{12, 10, 9} {
		if s.Duplicate(i) != want {
			t.Errorf("duplicate %d: %d", i, s.Duplicate(i))
		}
	}
	if s := sack(t, b); s.NumDuplicates() != 0 {
		t.Error("duplicates are reported once")
	}
}

// RFC 9260 section 6.2: at least every second packet, within 200 ms; section 6.7 and
// RFC 7053 section 5.2: at once on a gap, a duplicate, and the I bit.
func TestAcknowledgementsAreDelayedAsTheRFCAllows(t *testing.T) {
	b := buffer(t, 1)
	step := func(what string, d chunk.Data, due bool) {
		t.Helper()
		d.Flags |= both
		d.SSN = chunk.SSN(d.TSN - 1)
		data(t, b, d)
		if b.SACKDue() != due {
			t.Errorf("%s: due at once: %t", what, b.SACKDue())
		}
		if !b.SACKPending() {
			t.Errorf("%s: nothing to acknowledge", what)
		}
		if due {
			sack(t, b)
		}
	}
	step("the first packet", chunk.Data{TSN: 1}, true)
	step("one packet", chunk.Data{TSN: 2}, false)
	if d := b.Deadline(); d != start.Add(200*time.Millisecond) {
		t.Errorf("delayed until %v", d.Sub(start))
	}
	b.Advance(start.Add(199 * time.Millisecond))
	if b.SACKDue() {
		t.Error("due before its time")
	}
	b.Advance(start.Add(200 * time.Millisecond))
	if !b.SACKDue() {
		t.Error("not due in time")
	}
	sack(t, b)
	step("one packet", chunk.Data{TSN: 3}, false)
	step("the second packet", chunk.Data{TSN: 4}, true)
	step("the I bit", chunk.Data{TSN: 5, Flags: chunk.FlagImmediate}, true)
	step("a gap", chunk.Data{TSN: 7}, true)
	step("a duplicate", chunk.Data{TSN: 7}, true)
	step("the gap is filled", chunk.Data{TSN: 6}, false)
	if !b.Deadline().After(start) {
		t.Error("no deadline")
	}
}

// RFC 3758 section 3.6: skipped messages are not waited for, and what was begun of
// them is dropped.
func TestForwardTSNSkips(t *testing.T) {
	b := buffer(t, 1)
	data(t, b, chunk.Data{TSN: 1, SSN: 0, Flags: chunk.FlagBegin}) // of three, given up
	data(t, b, chunk.Data{TSN: 4, SSN: 1, Flags: both})
	data(t, b, chunk.Data{TSN: 5, Stream: 1, Flags: chunk.FlagBegin | chunk.FlagUnordered}) // not given up
	data(t, b, chunk.Data{TSN: 8, SSN: 3, Flags: both})
	p := chunk.AppendForwardTSN(nil, 3, []chunk.SkippedStream{{Stream: 0, SSN: 0}})
	f, _ := chunk.ParseForwardTSN(p[4:])
	b.HandleForwardTSN(&f)
	if got := take(b); len(got) != 1 || got[0].Payload[0] != 4 || b.CumulativeTSN() != 5 {
		t.Fatalf("%v, up to %d", got, b.CumulativeTSN())
	}
	data(t, b, chunk.Data{TSN: 6, Stream: 1, Flags: chunk.FlagEnd | chunk.FlagUnordered})
	if got := take(b); len(got) != 1 || !bytes.Equal(got[0].Payload, []byte{5, 6}) {
		t.Fatalf("%v", got)
	}
	p = chunk.AppendForwardTSN(nil, 7, []chunk.SkippedStream{{Stream: 0, SSN: 2}})
	f, _ = chunk.ParseForwardTSN(p[4:])
	b.HandleForwardTSN(&f)
	if got := take(b); len(got) != 1 || got[0].Payload[0] != 8 || b.Held() != 0 {
		t.Fatalf("%v, %d held", got, b.Held())
	}
	sack(t, b)
	b.HandleForwardTSN(&f) // an old one
	if b.EndPacket(start); !b.SACKDue() {
		t.Error("an old FORWARD-TSN is not acknowledged: the SACK may have been lost")
	}
}

// RFC 8260 section 2.3.1.
func TestIForwardTSNSkips(t *testing.T) {
	b := buffer(t, 1)
	for _, d := range []chunk.IData{
		{TSN: 1, MID: 0, Flags: chunk.FlagBegin},
		{TSN: 2, MID: 0, Flags: chunk.FlagBegin | chunk.FlagUnordered},
		{TSN: 3, MID: 1, Flags: chunk.FlagBegin | chunk.FlagUnordered},
		{TSN: 4, MID: 1, Flags: both},
	} {
		d.Payload = []byte{byte(d.TSN)}
		if _, err := b.HandleIData(&d); err != nil {
			t.Fatal(err)
		}
	}
	p := chunk.AppendIForwardTSN(nil, 5, []chunk.SkippedMessage{{Stream: 0, MID: 0}, {Stream: 0, Unordered: true, MID: 0}})
	f, _ := chunk.ParseIForwardTSN(p[4:])
	b.HandleIForwardTSN(&f)
	if got := take(b); len(got) != 1 || got[0].Payload[0] != 4 {
		t.Fatalf("%v", got)
	}
	if _, err := b.HandleIData(&chunk.IData{TSN: 6, MID: 1, FSN: 1, Flags: chunk.FlagEnd | chunk.FlagUnordered, Payload: []byte{6}}); err != nil {
		t.Fatal(err)
	}
	if got := take(b); len(got) != 1 || !bytes.Equal(got[0].Payload, []byte{3, 6}) || b.Held() != 0 {
		t.Fatalf("%v, %d held", got, b.Held())
	}
}

// RFC 6525 section 5.2.2: a reset waits for the data before it; what comes after it on
// the stream waits for the reset.
func TestAResetWaitsForTheDataBeforeIt(t *testing.T) {
	b := buffer(t, 1)
	data(t, b, chunk.Data{TSN: 1, SSN: 0, Flags: both})
	if b.Reset(2, []chunk.StreamID{0}) {
		t.Error("performed before TSN 2 came")
	}
	data(t, b, chunk.Data{TSN: 3, SSN: 0, Flags: both}) // the next use of the stream
	data(t, b, chunk.Data{TSN: 4, Stream: 1, SSN: 0, Flags: both})
	data(t, b, chunk.Data{TSN: 2, SSN: 1, Flags: both})
	if b.ResetPending() {
		t.Error("not performed")
	}
	var order []byte
	for _, m := range take(b) {
		switch {
		case m.Stream == 1:
		case m.Reset:
			order = append(order, 'r')
		default:
			order = append(order, m.Payload...)
		}
	}
	if want := []byte{1, 2, 'r', 3}; !bytes.Equal(order, want) {
		t.Errorf("% x, want % x", order, want)
	}
}

// RFC 9260 section 6.5: a stream that does not exist; section 6.2: no user data.
func TestWhatThePeerMustNotSend(t *testing.T) {
	b := buffer(t, 1)
	if invalid, err := b.HandleData(&chunk.Data{TSN: 1, Stream: 65535, Flags: both, Payload: []byte{1}}); !invalid || err != nil || b.CumulativeTSN() != 1 {
		t.Errorf("%t, %v, up to %d", invalid, err, b.CumulativeTSN())
	}
	if _, err := b.HandleData(&chunk.Data{TSN: 2, Flags: both}); !errors.Is(err, ErrNoUserData) {
		t.Error(err)
	}
	data(t, b, chunk.Data{TSN: 2, Flags: both | chunk.FlagUnordered})
	data(t, b, chunk.Data{TSN: 3, SSN: 0, Flags: chunk.FlagBegin})
	if _, err := b.HandleData(&chunk.Data{TSN: 4, SSN: 1, Flags: chunk.FlagEnd, Payload: []byte{1}}); !errors.Is(err, ErrFragment) {
		t.Error(err)
	}
}

// Unfinished messages cannot fill more than twice the limit: then it is told.
func TestUnfinishedMessagesAreBounded(t *testing.T) {
	b := New(Config{InitialTSN: 1, Window: 64 << 10, MaxWindow: 256 << 10})
	payload := make([]byte, 1000)
	for tsn := chunk.TSN(1); ; tsn++ {
		_, err := b.HandleIData(&chunk.IData{TSN: tsn, Stream: chunk.StreamID(tsn % 1000), MID: chunk.MID(tsn / 1000), Flags: chunk.FlagBegin, Payload: payload})
		if b.Held() > 2*256<<10 {
			t.Fatalf("%d bytes held", b.Held())
		}
		if errors.Is(err, ErrOutOfResource) {
			break
		}
		if err != nil || tsn > 10_000 {
			t.Fatal(tsn, err)
		}
	}
}

// The window grows when the application takes much in a round trip, up to its limit.
func TestTheWindowGrowsWithThePath(t *testing.T) {
	b := New(Config{InitialTSN: 1, Window: 64 << 10, MaxWindow: 512 << 10})
	b.SetRTT(100 * time.Millisecond)
	payload := make([]byte, 16<<10)
	now := start
	for tsn := chunk.TSN(1); tsn < 200; tsn++ {
		if _, err := b.HandleData(&chunk.Data{TSN: tsn, SSN: chunk.SSN(tsn - 1), Flags: both, Payload: payload}); err != nil {
			t.Fatal(err)
		}
		id, _ := b.NextReadable()
		b.Take(now, id)
		now = now.Add(time.Millisecond)
	}
	if s := sack(t, b); s.Window != 512<<10 {
		t.Errorf("window of %d", s.Window)
	}
	// What is read slowly does not make it grow.
	b = New(Config{InitialTSN: 1, Window: 64 << 10, MaxWindow: 512 << 10})
	b.SetRTT(time.Millisecond)
	for tsn := chunk.TSN(1); tsn < 200; tsn++ {
		if _, err := b.HandleData(&chunk.Data{TSN: tsn, SSN: chunk.SSN(tsn - 1), Flags: both, Payload: payload}); err != nil {
			t.Fatal(err)
		}
		id, _ := b.NextReadable()
		b.Take(now, id)
		now = now.Add(100 * time.Millisecond)
	}
	if s := sack(t, b); s.Window != 64<<10 {
		t.Errorf("window of %d", s.Window)
	}
}

// A packet of a message that has been seen in this size before costs nothing but the
// message's own bytes.
func TestReassemblyAllocatesTheMessageAlone(t *testing.T) {
	b := buffer(t, 1)
	payload := make([]byte, 1100)
	tsn, ssn := chunk.TSN(1), chunk.SSN(0)
	message := func() {
		for i := range 15 {
			d := chunk.Data{TSN: tsn, SSN: ssn, Payload: payload}
			if i == 0 {
				d.Flags = chunk.FlagBegin
			}
			if i == 14 {
				d.Flags = chunk.FlagEnd
			}
			tsn++
			if _, err := b.HandleData(&d); err != nil {
				t.Fatal(err)
			}
			b.EndPacket(start)
		}
		ssn++
		id, _ := b.NextReadable()
		if m, ok := b.Take(start, id); !ok || len(m.Payload) != 15*1100 {
			t.Fatal(ok)
		}
	}
	message()
	if n := testing.AllocsPerRun(100, message); n > 2 {
		t.Errorf("%v allocations a message of 15 packets", n)
	}
}

// What was advertised is what the peer was told: a SACK that was taken back told it nothing, and the
// word that the window has opened still goes out.
func TestASACKThatIsTakenBackAdvertisedNothing(t *testing.T) {
	b := New(Config{InitialTSN: 1, Window: 1 << 20, MaxWindow: 1 << 20})
	payload := make([]byte, 1000)
	for tsn := chunk.TSN(1); tsn <= 900; tsn++ {
		data(t, b, chunk.Data{TSN: tsn, Stream: 1, SSN: chunk.SSN(tsn - 1), Flags: both, Payload: payload})
	}
	closed := sack(t, b).Window
	for range 890 {
		if _, ok := b.Take(start, 1); !ok {
			t.Fatal("nothing to take")
		}
		mark := b.Mark()
		b.AppendSACK(nil, 1000)
		b.Restore(mark)
	}
	if !b.SACKDue() {
		t.Errorf("the window was closed to %d bytes and is open, the peer is not told", closed)
	}
}

// RFC 6525 section 4.1: a request without streams resets all of them. One after the other, while nothing
// is taken, they fill no memory.
func TestRepeatedResetsAreOne(t *testing.T) {
	b := buffer(t, 1)
	const streams = 100
	for id := range chunk.StreamID(streams) {
		data(t, b, chunk.Data{TSN: 1 + chunk.TSN(id), Stream: id, Flags: both})
	}
	b.Reset(streams, nil)
	held := b.Held()
	for range 1000 {
		b.Reset(streams, nil)
		b.Reset(streams, []chunk.StreamID{7, 7, 7})
	}
	if b.Held() != held {
		t.Errorf("%d bytes are held, %d after the first reset", b.Held(), held)
	}
	data(t, b, chunk.Data{TSN: streams + 1, Stream: 7, Flags: both}) // the next use
	b.Reset(streams+1, nil)
	if got := take(b); len(got) != 2*streams+2 {
		t.Errorf("%d messages and resets, want one of each stream and two more", len(got))
	}
}

// RFC 9260 section 6.2: "When the receiver's advertised window is 0, the receiver MUST drop
// any new incoming DATA chunk with a TSN larger than the largest TSN received so far", and
// send a SACK at once, in which it is not. What fills a gap is taken.
func TestAClosedWindowTakesNothingNew(t *testing.T) {
	const room = 6 * (500 + overhead)
	b := New(Config{InitialTSN: 1, Window: room, MaxWindow: room})
	payload := make([]byte, 500)
	tsn := chunk.TSN(1)
	for ; sack(t, b).Window > 0; tsn++ {
		if tsn != 2 {
			data(t, b, chunk.Data{TSN: tsn, Flags: both | chunk.FlagUnordered, Payload: payload})
		}
	}
	held := b.Held()
	data(t, b, chunk.Data{TSN: tsn, Flags: both | chunk.FlagUnordered, Payload: payload})
	if due := b.SACKDue(); !due || b.Held() != held {
		t.Errorf("%d bytes are held, %d before, a SACK is due: %t", b.Held(), held, due)
	}
	if s := sack(t, b); s.CumulativeTSN != 1 || s.NumGaps() != 1 || s.Window != 0 {
		t.Errorf("%+v", s)
	} else if _, last := s.Gap(0); last != tsn-1 {
		t.Errorf("TSN %d is reported, the last taken is %d", last, tsn-1)
	}
	data(t, b, chunk.Data{TSN: 2, Flags: both | chunk.FlagUnordered, Payload: payload})
	if b.CumulativeTSN() != tsn-1 {
		t.Errorf("the gap was not filled: %d", b.CumulativeTSN())
	}
	sack(t, b)
	data(t, b, chunk.Data{TSN: tsn, Flags: both | chunk.FlagUnordered, Payload: payload})
	if b.CumulativeTSN() != tsn-1 {
		t.Error("a probe of the closed window was taken")
	}
	take(b)
	data(t, b, chunk.Data{TSN: tsn, Flags: both | chunk.FlagUnordered, Payload: payload})
	if b.CumulativeTSN() != tsn {
		t.Error("nothing is taken after the reader came back")
	}
}

// RFC 3758 section 3.6: the receiver "MUST first update its cumulative TSN point to the
// value carried in the FORWARD TSN chunk", however far that is, and MUST NOT where it is
// behind.
func TestForwardTSNMayBeFar(t *testing.T) {
	b := buffer(t, 1)
	data(t, b, chunk.Data{TSN: 3, Flags: both})
	for _, c := range []struct{ tsn, want chunk.TSN }{{2, 3}, {100_000, 100_000}, {99_999, 100_000}, {100_000, 100_000}} {
		f, err := chunk.ParseForwardTSN(chunk.AppendForwardTSN(nil, c.tsn, nil)[chunk.HeaderSize:])
		if err != nil {
			t.Fatal(err)
		}
		b.HandleForwardTSN(&f)
		b.EndPacket(start)
		if err := b.CheckInvariants(); err != nil || b.CumulativeTSN() != c.want || !b.SACKPending() {
			t.Errorf("FORWARD-TSN %d: cumulative %d, want %d; %v", c.tsn, b.CumulativeTSN(), c.want, err)
		}
	}
}
