package sctp

import (
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

// owingSACK is a rig whose a has a delayed SACK that is not due, RFC 9260 section 6.2, and the payload of
// a chunk that fills a packet.
func owingSACK(t *testing.T) (r *rig, full int) {
	r = connected(t, path{delay: 50 * time.Millisecond}, 1)
	r.open(1, reliable)
	for i := range 2 { // the first is acknowledged at once
		r.message(r.a, 1, numbered(i, 10))
		r.message(r.b, 1, numbered(i, 10))
		r.run(time.Second, func() bool { return len(r.b.got) > i && len(r.a.got) > i && r.a.out.Empty() && r.b.out.Empty() })
	}
	const header = 20 // of I-DATA
	return r, r.a.out.MTU() - chunk.PacketHeaderSize - header
}

// RFC 9260 section 6.10: a SACK goes along where there is room for it. One that may wait holds up no
// chunk that needs its room.
func TestADelayedSACKDoesNotHoldUpAFullPacket(t *testing.T) {
	r, full := owingSACK(t)
	r.message(r.b, 1, numbered(2, 10)) // asks for a SACK
	r.message(r.b, 1, numbered(3, 10)) // does not
	r.until("data of the peer", time.Second, func() bool { return len(r.a.got) == 4 })
	if !r.a.in.SACKPending() || r.a.in.SACKDue() {
		t.Fatal("no SACK waits")
	}
	r.a.keep = true
	r.message(r.a, 1, numbered(2, full))
	if len(r.a.sent) != 1 || !contains(r.a.sent[0], chunk.TypeIData) || contains(r.a.sent[0], chunk.TypeSACK) || !r.a.in.SACKPending() {
		t.Errorf("%d packets have left at once", len(r.a.sent))
	}
}

// The same for a chunk that was lost.
func TestADelayedSACKDoesNotHoldUpARetransmission(t *testing.T) {
	r, full := owingSACK(t)
	r.a.filter = dropFirst(chunk.TypeIData, 1)
	r.message(r.a, 1, numbered(2, full))
	for i := range 3 {
		r.message(r.a, 1, numbered(3+i, 500))
	}
	r.message(r.b, 1, numbered(2, 10)) // asks for a SACK
	r.b.filter = func(p []byte) bool { // the peer's data comes along with the news of the loss
		r.b.filter = nil
		r.message(r.b, 1, numbered(3, 10))
		return true
	}
	r.until("the retransmission", time.Second, func() bool { return r.a.Stats().Transmit.Retransmitted > 0 })
	if len(r.a.got) != 4 || r.a.in.Deadline().IsZero() {
		t.Error("the lost chunk waited for the SACK")
	}
}

// W3C's bufferedamountlow: the event comes with the packet that took the last byte, not with the next
// thing that happens.
func TestTheBufferedAmountIsToldWhenItFalls(t *testing.T) {
	r := connected(t, path{delay: delay}, 1)
	r.open(1, reliable)
	r.message(r.a, 1, numbered(0, 10))
	if !r.a.has(BufferedAmountLow{1}) {
		t.Error("nothing was told of a message that has left")
	}
	r.until("quiet", time.Second, func() bool { return r.a.out.Empty() && r.a.Deadline().Sub(r.now) > time.Second })
	r.a.events = nil
	r.a.SetBufferedAmountLowThreshold(1, 1000)
	r.message(r.a, 1, numbered(1, 100_000))
	r.until("the last packet of a long message", time.Minute, func() bool { return r.a.BufferedAmount(1) <= 1000 })
	if !r.a.has(BufferedAmountLow{1}) {
		t.Error("nothing was told of a long message")
	}
}

// RFC 6525 section 5.1.2: the reset follows the last message of the stream, also one that goes nowhere
// because it has become too old. Here that is found out when a packet is to be made.
func TestAStreamWhoseLastMessageIsTooOldIsResetAtOnce(t *testing.T) {
	r := connected(t, path{delay: delay}, 1)
	r.open(1, transmit.StreamParams{MaxRetransmits: -1, Lifetime: 50 * time.Millisecond})
	if err := r.a.Send(r.now, 1, PPIDBinary, numbered(0, 10)); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(60 * time.Millisecond)
	r.a.Reset(r.now, 1)
	r.a.keep = true
	r.drain(r.a)
	if len(r.a.sent) != 1 || !contains(r.a.sent[0], chunk.TypeReconfig) {
		t.Errorf("%d packets, no RE-CONFIG in the first", len(r.a.sent))
	}
}
