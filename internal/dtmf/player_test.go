package dtmf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// run plays until nothing is left, and returns what happened at which
// millisecond: tones, and packets as "code+offset/duration" with M and E.
func run(p *Player, start time.Time, clockRate uint32, at map[time.Duration]func(now time.Time)) []string {
	var log []string
	steps := make([]time.Duration, 0, len(at))
	for step := range at {
		steps = append(steps, step)
	}
	slices.Sort(steps)
	for {
		next := p.Deadline()
		if len(steps) > 0 && (next.IsZero() || !next.Before(start.Add(steps[0]))) {
			at[steps[0]](start.Add(steps[0]))
			steps = steps[1:]
			continue
		}
		if next.IsZero() {
			return log
		}
		p.Advance(next, clockRate)
		ms := next.Sub(start).Milliseconds()
		for packet, ok := p.NextPacket(); ok; packet, ok = p.NextPacket() {
			log = append(log, fmt.Sprintf("%d %s", ms, describe(packet)))
		}
		for tone, ok := p.NextTone(); ok; tone, ok = p.NextTone() {
			log = append(log, fmt.Sprintf("%d tone %q", ms, tone))
		}
	}
}

func describe(p Packet) string {
	text := fmt.Sprintf("%d+%d/%d", p.Payload[0], p.Offset, binary.BigEndian.Uint16(p.Payload[2:]))
	if p.Marker {
		text += " M"
	}
	if p.Payload[1]&endBit != 0 {
		text += " E"
	}
	return text
}

var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// webrtc-pc section 7.2.2: tone, gap, tone, and the empty tone after the last
// gap. RFC 4733 sections 2.2.2, 2.3.5, 2.5.1.2, 2.5.1.4: one timestamp an event,
// the marker on its first packet, growing durations, three last packets.
func TestTonesArePlayedOneAfterTheOther(t *testing.T) {
	var p Player
	if err := p.Insert(origin, "1,d", DefaultDuration, DefaultGap); err != nil {
		t.Fatal(err)
	}
	got := run(&p, origin, 8000, nil)
	want := []string{
		`0 tone "1"`, "20 1+0/160 M", "70 1+0/560", "100 1+0/800 E", "123 1+0/800 E", "146 1+0/800 E",
		`170 tone ","`,
		`2170 tone "D"`, "2190 15+0/160 M", "2240 15+0/560", "2270 15+0/800 E", "2293 15+0/800 E", "2316 15+0/800 E",
		`2340 tone ""`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// RFC 4733 section 3.2: the code of each key; section 2.3.4: its volume.
func TestEveryKeyHasItsCode(t *testing.T) {
	var p Player
	if err := p.Insert(origin, "0123456789*#ABCDabcd", 0, 0); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for !p.Deadline().IsZero() {
		p.Advance(p.Deadline(), 8000)
		for packet, ok := p.NextPacket(); ok; packet, ok = p.NextPacket() {
			if packet.Marker {
				got = append(got, packet.Payload[0])
			}
			if packet.Payload[1]&^endBit != 10 {
				t.Errorf("second octet %#x", packet.Payload[1])
			}
		}
	}
	want := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 12, 13, 14, 15}
	if !slices.Equal(got, want) {
		t.Errorf("codes %v, want %v", got, want)
	}
}

// webrtc-pc section 7.2.2: durations from 40 ms to 6 s, gaps from 30 ms to 6 s.
func TestTimesAreClamped(t *testing.T) {
	for _, c := range []struct{ duration, gap, next time.Duration }{
		{0, 0, 70 * time.Millisecond},
		{-time.Second, -time.Second, 70 * time.Millisecond},
		{40 * time.Millisecond, 30 * time.Millisecond, 70 * time.Millisecond},
		{6 * time.Second, 6 * time.Second, 12 * time.Second},
		{time.Minute, time.Hour, 12 * time.Second},
	} {
		var p Player
		if err := p.Insert(origin, "12", c.duration, c.gap); err != nil {
			t.Fatal(err)
		}
		at := time.Duration(-1)
		for at < 0 && !p.Deadline().IsZero() {
			now := p.Deadline()
			p.Advance(now, 8000)
			for tone, ok := p.NextTone(); ok; tone, ok = p.NextTone() {
				if tone == "2" {
					at = now.Sub(origin)
				}
			}
		}
		if at != c.next {
			t.Errorf("duration %v, gap %v: the second tone after %v, want %v", c.duration, c.gap, at, c.next)
		}
	}
}

// webrtc-pc section 7.2.2: another insertDTMF replaces what is not played yet, an
// empty one cancels it; the tone that is played ends as it began.
func TestInsertReplacesWhatIsToCome(t *testing.T) {
	for _, c := range []struct {
		tones string
		want  string
	}{
		{"9", `0 tone "1", 170 tone "9", 340 tone ""`},
		{"", `0 tone "1", 170 tone ""`},
	} {
		var p Player
		if err := p.Insert(origin, "123", DefaultDuration, DefaultGap); err != nil {
			t.Fatal(err)
		}
		events := run(&p, origin, 8000, map[time.Duration]func(time.Time){
			50 * time.Millisecond: func(now time.Time) {
				if p.Buffer() != "23" {
					t.Errorf("buffer %q", p.Buffer())
				}
				if err := p.Insert(now, c.tones, DefaultDuration, DefaultGap); err != nil {
					t.Error(err)
				}
			},
		})
		tones := slices.DeleteFunc(slices.Clone(events), func(s string) bool { return !strings.Contains(s, "tone") })
		if got := strings.Join(tones, ", "); got != c.want {
			t.Errorf("%q: got %s, want %s", c.tones, got, c.want)
		}
		if !slices.Contains(events, "100 1+0/800 E") {
			t.Errorf("%q: the tone that was played did not end: %q", c.tones, events)
		}
	}
}

// webrtc-pc section 7.2.2: all other characters are unrecognized, and then the
// buffer is as it was.
func TestUnrecognizedCharactersAreRefused(t *testing.T) {
	for _, tones := range []string{"1 2", "e", "1é", "\xff", "!", "1;"} {
		var p Player
		if err := p.Insert(origin, "7", 0, 0); err != nil {
			t.Fatal(err)
		}
		if err := p.Insert(origin, tones, 0, 0); !errors.Is(err, ErrUnrecognized) || p.Buffer() != "7" {
			t.Errorf("%q: %v, buffer %q", tones, err, p.Buffer())
		}
	}
}

// webrtc-pc section 7.2.2: the playout task ends without an event where DTMF
// cannot be sent, and the buffer stays; the next insertDTMF begins anew.
func TestNothingIsPlayedWhereDTMFCannotBeSent(t *testing.T) {
	var p Player
	if err := p.Insert(origin, "12", 0, 0); err != nil {
		t.Fatal(err)
	}
	if got := run(&p, origin, 0, nil); got != nil || p.Buffer() != "12" {
		t.Errorf("%q, buffer %q", got, p.Buffer())
	}
	if err := p.Insert(origin, "3", 0, 0); err != nil {
		t.Fatal(err)
	}
	if got := run(&p, origin, 8000, nil); len(got) == 0 || got[0] != `0 tone "3"` {
		t.Errorf("%q", got)
	}
}

// RFC 4733 section 2.5.1.3: an event longer than 65535 ticks is divided: the
// segment's last report has the largest duration and no end bit, three times
// (section 2.5.1.4), and the next segment's timestamp is that much later.
func TestLongTonesAreDividedIntoSegments(t *testing.T) {
	const rate = 48000
	sent := reports(5, origin, maxTime, minGap, rate)
	var total uint32
	segments, repeats := 0, 0
	for i, r := range sent {
		length := uint32(binary.BigEndian.Uint16(r.packet.Payload[2:]))
		end := r.packet.Payload[1]&endBit != 0
		switch {
		case length == 0:
			t.Fatalf("packet %d: a duration of zero means a state", i)
		case r.packet.Marker != (i == 0):
			t.Errorf("packet %d: marker %v", i, r.packet.Marker)
		case i > 0 && r.packet.Offset != sent[i-1].packet.Offset:
			segments++
			if r.packet.Offset != sent[i-1].packet.Offset+maxDuration || repeats != finals {
				t.Errorf("packet %d: segment at %d after %d reports of the last", i, r.packet.Offset, repeats)
			}
		case i > 0 && r.after < sent[i-1].after:
			t.Errorf("packet %d is earlier than the one before", i)
		}
		repeats++
		if length != maxDuration {
			repeats = 0
		}
		if end {
			total = r.packet.Offset + length
		}
	}
	if segments != 4 || total != 6*rate {
		t.Errorf("%d segments, %d ticks", segments+1, total)
	}
	if last := sent[len(sent)-1].after; last >= maxTime+minGap {
		t.Errorf("the last packet comes %v after the beginning, in the next tone", last)
	}
}

// Whatever is inserted, playing ends and no packet is out of order.
func FuzzInsert(f *testing.F) {
	f.Add("123", int64(100), int64(70), uint32(8000))
	f.Add("*#,aD", int64(-1), int64(1<<40), uint32(48000))
	f.Fuzz(func(t *testing.T, tones string, duration, gap int64, rate uint32) {
		if len(tones) > 50 {
			return
		}
		var p Player
		if p.Insert(origin, tones, time.Duration(duration), time.Duration(gap)) != nil {
			return
		}
		heard := ""
		for steps := 0; !p.Deadline().IsZero(); steps++ {
			if steps > 50*200 {
				t.Fatal("it does not end")
			}
			p.Advance(p.Deadline(), rate%200_000)
			for tone, ok := p.NextTone(); ok; tone, ok = p.NextTone() {
				heard += tone
			}
		}
		if rate%200_000 != 0 && heard != strings.ToUpper(tones) {
			t.Errorf("heard %q of %q", heard, tones)
		}
	})
}
