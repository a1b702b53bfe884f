package receive

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

const (
	// maxDelay is the longest delay of an acknowledgement: 200 ms (RFC 9260 section
	// 6.2; 500 ms MUST NOT be exceeded). It is half a round trip where that is less,
	// at least minDelay.
	maxDelay = 200 * time.Millisecond
	minDelay = 10 * time.Millisecond
	// maxDuplicates bounds the duplicates that one SACK reports.
	maxDuplicates = 32
)

// acks decides when a SACK is sent (RFC 9260 section 6.2).
type acks struct {
	rtt time.Duration

	inPacket   bool // the packet at hand has brought DATA
	atOnce     bool
	packets    int // with DATA and not acknowledged
	started    bool
	deadline   time.Time // of the delayed SACK; zero: none
	duplicates []chunk.TSN
	gaps       []chunk.Gap // scratch
}

func (a *acks) data(immediate bool) {
	a.inPacket = true
	if immediate { // RFC 7053 section 5.2
		a.atOnce = true
	}
}

func (a *acks) now()    { a.inPacket, a.atOnce = true, true }
func (a *acks) update() { a.atOnce = true }

// duplicate notes a TSN that came again. RFC 9260 section 6.2: the SACK SHOULD be
// sent without delay.
func (a *acks) duplicate(tsn chunk.TSN) {
	a.now()
	if len(a.duplicates) < maxDuplicates {
		a.duplicates = append(a.duplicates, tsn)
	}
}

// EndPacket is called after the last chunk of each packet.
func (b *Buffer) EndPacket(now time.Time) {
	a := &b.acks
	if !a.inPacket {
		return
	}
	a.inPacket = false
	a.packets++
	if !a.started || a.packets >= 2 { // at least every second packet
		a.started = true
		a.atOnce = true
	}
	if a.deadline.IsZero() {
		delay := maxDelay
		if a.rtt > 0 {
			delay = min(max(a.rtt/2, minDelay), maxDelay)
		}
		a.deadline = now.Add(delay)
	}
}

// Deadline is when the delayed SACK is due; zero: there is none.
func (b *Buffer) Deadline() time.Time { return b.acks.deadline }

// Advance does what is due.
func (b *Buffer) Advance(now time.Time) {
	if d := b.acks.deadline; !d.IsZero() && !d.After(now) {
		b.acks.atOnce = true
	}
}

// AckNow makes a SACK due: SHUTDOWN has come (RFC 9260 section 9.2).
func (b *Buffer) AckNow() { b.acks.atOnce = true }

// SACKDue reports that a SACK is to be sent now.
func (b *Buffer) SACKDue() bool { return b.acks.atOnce }

// SACKPending reports that something is not acknowledged: a SACK may go along with
// DATA (RFC 9260 section 6.10).
func (b *Buffer) SACKPending() bool { return b.acks.atOnce || b.acks.packets > 0 }

// AppendSACK appends a SACK of at most room bytes, which are at least
// chunk.SACKSize, and takes everything for acknowledged.
func (b *Buffer) AppendSACK(p []byte, room int) []byte {
	a := &b.acks
	n := max(room-chunk.SACKSize, 0) / 4
	a.gaps = b.arrived.gaps(a.gaps[:0], n)
	duplicates := a.duplicates[:min(len(a.duplicates), n-len(a.gaps))]
	p = chunk.AppendSACK(p, b.arrived.cumulative, b.window.advertise(), a.gaps, duplicates)
	a.duplicates = a.duplicates[:0]
	a.atOnce, a.packets, a.deadline = false, 0, time.Time{}
	return p
}

// Mark is what AppendSACK changes.
type Mark struct {
	state      acks
	advertised int
}

// Mark remembers what is to be acknowledged, for Restore to undo an AppendSACK that
// was not sent.
func (b *Buffer) Mark() Mark { return Mark{b.acks, b.window.last} }

// Restore undoes the AppendSACK after Mark.
func (b *Buffer) Restore(m Mark) {
	gaps := b.acks.gaps
	b.acks = m.state
	b.acks.gaps = gaps
	b.window.last = m.advertised
}
