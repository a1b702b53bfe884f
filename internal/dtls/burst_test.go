package dtls

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// burstSink notes what more said, and refuses the next buffer before Send has the last.
type burstSink struct {
	t    *testing.T
	mark string // of more
	open bool
	sent [][]byte
}

func (s *burstSink) Buffer(n int) []byte {
	if s.open {
		s.t.Error("a second buffer before Send")
	}
	s.open = true
	return make([]byte, 0, n)
}

func (s *burstSink) Send(b []byte, more bool) {
	s.open = false
	s.sent = append(s.sent, append([]byte(nil), b...))
	s.mark += map[bool]string{true: "+", false: "."}[more]
}

// SendWhole is Send of what nobody may fragment.
func (s *burstSink) SendWhole(b []byte, more bool) {
	s.mark += "w"
	s.Send(b, more)
}

// A burst is sealed before the memory of its plaintexts serves again, in order; the
// last record of it is known as such, and what is to stay whole; what cannot be sent holds nothing up.
func TestABurstKnowsItsLastAndMayReuseItsMemory(t *testing.T) {
	out := &burstSink{t: t}
	a, b := joined(t, suiteByID(0xc02b), out)
	memory := make([]byte, maxPlaintext+1)
	var want []string
	i := 0
	next := func() ([]byte, bool, bool) {
		for j := range memory {
			memory[j] = 0xee
		}
		if i++; i > 5 {
			return nil, false, false
		}
		if i == 3 {
			return memory, false, true // too large
		}
		text := fmt.Sprintf("plaintext %d %s", i, strings.Repeat("x", i))
		want = append(want, text)
		return memory[:copy(memory, text)], i == 4, true
	}
	if err := a.WriteBurst(next); !errors.Is(err, ErrRecordTooLarge) {
		t.Errorf("WriteBurst = %v", err)
	}
	if out.mark != "++w+." {
		t.Errorf("more was %q", out.mark)
	}
	var got []string
	for _, record := range out.sent {
		b.HandleDatagram(noTime, record, func(p []byte) { got = append(got, string(p)) })
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q arrived, want %q", got, want)
	}
	if s := a.Stats(); s.RecordsSent != 4 || s.BytesSent != uint64(len(strings.Join(want, ""))) {
		t.Errorf("stats %+v", s)
	}
	if err := a.WriteBurst(func() ([]byte, bool, bool) { return nil, false, false }); err != nil || len(out.sent) != 4 {
		t.Errorf("a burst of nothing: %v, %d records", err, len(out.sent))
	}
}

// After the end a burst is asked for to its end and goes nowhere.
func TestABurstOfAClosedAssociationIsDropped(t *testing.T) {
	out := &burstSink{t: t}
	a, _ := joined(t, suiteByID(0xc02b), out)
	a.mu.Lock()
	a.state = Closed
	a.mu.Unlock()
	left := 3
	err := a.WriteBurst(func() ([]byte, bool, bool) { left--; return []byte("x"), false, left >= 0 })
	if !errors.Is(err, errClosed) || left != -1 || len(out.sent) != 0 {
		t.Errorf("WriteBurst = %v, %d left, %d records", err, left, len(out.sent))
	}
}
