package rtpsession

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/seqnum"
)

const (
	// How far a sequence number may be ahead, or behind, and still belong to
	// the stream. RFC 3550 appendix A.1 has 3000 and 100, for 50 packets a
	// second; its two seconds of reordering are 3000 at video's 1500.
	maxDropout  = 3000
	maxMisorder = 3000

	// What is remembered of the latest sequence numbers, to tell duplicates.
	windowSize = 1024
)

// maxTransitJump is the difference of two transit times that is a new timeline
// and no jitter: a sender that switched its source.
const maxTransitJump = 5 * time.Second

// Reception keeps what a receiver knows of one SSRC: what came, what did not, and
// with which jitter (RFC 3550 appendix A.1, A.3, A.8), and the sender's own
// reports (section 6.4.1).
//
// It begins with the first packet: appendix A.1's probation guards against
// packets that are no RTP, which SRTP has refused before they come here.
type Reception struct {
	ssrc      SSRC
	clockRate uint32

	started  bool
	maxSeq   uint16 // highest so far
	cycles   uint32 // wraps of it, shifted by 16
	baseSeq  uint32
	badSeq   uint32 // the one after a jump, 1<<16 and more where there was none
	received uint32 // since baseSeq; duplicates are counted, as appendix A.3 does

	lostBefore    int64 // in runs of sequence numbers that ended with a jump
	expectedPrior uint32
	receivedPrior uint32

	transit    uint32 // of the previous packet, in timestamp units
	hasTransit bool
	first      time.Time // arrival of the first packet, what transit counts from
	jitter     uint32    // scaled by 16

	window   [windowSize / 64]uint64 // a bit for each of the latest numbers
	ahead    [windowSize / 64]uint64 // likewise, of numbers beyond maxSeq that were repaired
	reported int64                   // packets at the last block

	sr    senderClock
	stats ReceptionStats
}

// senderClock is what the latest sender report said.
type senderClock struct {
	ntp      uint64
	rtp      uint32
	arrival  time.Time
	reported bool
}

// ReceptionStats is what a [Reception] has counted. Numbers never shrink, except
// PacketsLost, where duplicates and late packets take back losses.
type ReceptionStats struct {
	Packets      int64 // duplicates included
	PayloadBytes int64 // without headers and padding
	HeaderBytes  int64 // RTP headers and padding
	Duplicates   int64 // had been there, among the latest 1024 numbers
	Reordered    int64 // came after a later one; duplicates are not counted
	PacketsLost  int64 // expected and not received: RFC 3550 section 6.4.1
	Restarts     int64 // jumps of the sequence number
	LastArrival  time.Time
	Jitter       time.Duration // RFC 3550 section 6.4.1; 0 where the clock rate is not known

	// What the peer said of its sending, zero before its first report.
	SenderReports int64
	RemotePackets uint64 // with the wraps of the report's 32 bits
	RemoteOctets  uint64
	RemoteTime    time.Time // of the report, on the sender's clock
	ReportArrival time.Time
}

// NewReception keeps a new SSRC. The clock rate is in Hz, 0 where it is not known:
// then there is no jitter.
func NewReception(ssrc SSRC, clockRate uint32) *Reception {
	return &Reception{ssrc: ssrc, clockRate: clockRate, badSeq: 1 << 16}
}

// SetClockRate is for a payload type of another clock (RFC 7160): what follows
// is compared among itself.
func (r *Reception) SetClockRate(hz uint32) {
	if hz != r.clockRate {
		r.clockRate, r.hasTransit, r.jitter = hz, false, 0
	}
}

// Received counts a packet of this SSRC; size is that of the whole packet, in
// octets, without what protects it. It reports false for a duplicate.
func (r *Reception) Received(now time.Time, h *Header, size int) bool {
	r.stats.Packets++
	overhead := int64(h.PayloadOffset + h.PaddingLen)
	r.stats.HeaderBytes += overhead
	r.stats.PayloadBytes += int64(size) - overhead
	r.stats.LastArrival = now
	fresh, restarted := r.place(h.SequenceNumber)
	if restarted {
		r.hasTransit = false
	}
	if fresh {
		r.measure(now, h.Timestamp)
	}
	return fresh
}

// place is update_seq of RFC 3550 appendix A.1.
func (r *Reception) place(seq uint16) (fresh, restarted bool) {
	if !r.started {
		r.start(seq)
		r.received = 1
		return true, false
	}
	ahead := seq - r.maxSeq
	switch {
	case ahead == 0:
		r.received++
		r.stats.Duplicates++
		return false, false
	case ahead < maxDropout:
		fresh := r.advance(seq, ahead)
		r.received++
		return fresh, false
	case ahead <= 1<<16-maxMisorder:
		// A large jump: the sender has started anew, if the next one follows
		// it. Until then it may be a stray, and counts as nothing.
		if uint32(seq) != r.badSeq {
			r.badSeq = uint32(seq + 1)
			return true, true
		}
		r.endRun()
		r.start(seq)
		r.stats.Restarts++
		restarted = true
	default:
		if !r.late(seq, -ahead) {
			return false, false
		}
	}
	r.received++
	return true, restarted
}

func (r *Reception) start(seq uint16) {
	r.started = true
	r.maxSeq, r.baseSeq, r.cycles, r.badSeq = seq, uint32(seq), 0, 1<<16
	r.received, r.expectedPrior, r.receivedPrior = 0, 0, 0
	clear(r.window[:])
	clear(r.ahead[:])
	r.mark(seq)
}

// endRun keeps what a run of sequence numbers lost: a jump takes nothing back.
func (r *Reception) endRun() {
	r.lostBefore += int64(int32(r.expected() - r.received))
}

// advance moves on to a higher number. It reports whether the packet of that had
// not been repaired before.
func (r *Reception) advance(seq, ahead uint16) (fresh bool) {
	if seq < r.maxSeq {
		r.cycles += 1 << 16
	}
	if ahead >= windowSize {
		clear(r.window[:])
		clear(r.ahead[:])
	} else {
		for n := r.maxSeq + 1; n != seq; n++ {
			r.window[n%windowSize/64] &^= 1 << (n % 64)
			if r.takeAhead(n) {
				r.mark(n)
			}
		}
	}
	r.maxSeq = seq
	r.mark(seq)
	return !r.takeAhead(seq)
}

// Repaired notes that a packet came back in a retransmission, and reports whether
// it had not been there: it is not counted, as reports on the stream are about
// what came of the stream itself (RFC 4588 section 4: retransmissions are a
// stream of their own), and a sender would take repairs for a path without loss.
func (r *Reception) Repaired(seq uint16) (fresh bool) {
	behind := r.maxSeq - seq
	if !r.started || behind >= 1<<15 {
		return r.repairedAhead(seq, -behind)
	}
	if behind >= windowSize || r.window[seq%windowSize/64]&(1<<(seq%64)) != 0 {
		return false
	}
	r.mark(seq)
	return true
}

// repairedAhead is Repaired for a number beyond all that came of the stream.
func (r *Reception) repairedAhead(seq, ahead uint16) (fresh bool) {
	if ahead >= windowSize {
		return false // it could not be told from one that comes again
	}
	bit := uint64(1) << (seq % 64)
	word := &r.ahead[seq%windowSize/64]
	fresh = *word&bit == 0
	*word |= bit
	return fresh
}

// takeAhead reports whether a number that the stream has reached was repaired
// before.
func (r *Reception) takeAhead(seq uint16) bool {
	bit := uint64(1) << (seq % 64)
	word := &r.ahead[seq%windowSize/64]
	was := *word&bit != 0
	*word &^= bit
	return was
}

func (r *Reception) mark(seq uint16) { r.window[seq%windowSize/64] |= 1 << (seq % 64) }

// late counts a packet from behind; false for one that had been there. Beyond
// the window nobody knows, and it counts as late.
func (r *Reception) late(seq, behind uint16) bool {
	if behind < windowSize {
		if r.window[seq%windowSize/64]&(1<<(seq%64)) != 0 {
			r.received++
			r.stats.Duplicates++
			return false
		}
		r.mark(seq)
	}
	r.stats.Reordered++
	return true
}

// measure is the jitter of RFC 3550 section 6.4.1, in the integer arithmetic of
// appendix A.8. Packets are compared in their order of arrival.
func (r *Reception) measure(now time.Time, timestamp uint32) {
	if r.clockRate == 0 {
		return
	}
	if r.first.IsZero() {
		r.first = now
	}
	elapsed := now.Sub(r.first)
	rate := int64(r.clockRate)
	arrival := uint32(int64(elapsed/time.Second)*rate + int64(elapsed%time.Second)*rate/int64(time.Second))
	transit := arrival - timestamp
	previous, compare := r.transit, r.hasTransit
	r.transit, r.hasTransit = transit, true
	if !compare {
		return
	}
	d := int64(seqnum.Distance32(previous, transit))
	if d < 0 {
		d = -d
	}
	if d > rate*int64(maxTransitJump/time.Second) {
		return
	}
	r.jitter += uint32(d) - (r.jitter+8)>>4
}

// SenderReport takes the sender information of a report of this SSRC (RFC 3550
// section 6.4.1): its two clocks, and what it has sent. One that repeats, or
// comes after a later one, changes nothing.
func (r *Reception) SenderReport(now time.Time, ntp uint64, rtp, packets, octets uint32) {
	if r.sr.reported && ntp != 0 && int64(ntp-r.sr.ntp) <= 0 {
		return
	}
	r.sr = senderClock{ntp: ntp, rtp: rtp, arrival: now, reported: true}
	r.stats.SenderReports++
	r.stats.RemotePackets = unwrapped(r.stats.RemotePackets, packets)
	r.stats.RemoteOctets = unwrapped(r.stats.RemoteOctets, octets)
	r.stats.RemoteTime, r.stats.ReportArrival = TimeOfNTP(ntp), now
}

// unwrapped is the count that the newest 32 bits stand for. What is behind is a sender that counts anew.
func unwrapped(count uint64, low uint32) uint64 {
	if ahead := low - uint32(count); ahead < 1<<31 {
		return count + uint64(ahead)
	}
	return count&^(1<<32-1) | uint64(low)
}

// CaptureTime is the sender's time of an RTP timestamp, by its latest report
// and the clock rate: what streams of one CNAME are synchronised by (RFC 3550
// section 6.4.1). It is false before a report with a clock.
func (r *Reception) CaptureTime(timestamp uint32) (time.Time, bool) {
	if r.sr.ntp == 0 || r.clockRate == 0 {
		return time.Time{}, false
	}
	ticks := int64(seqnum.Distance32(r.sr.rtp, timestamp))
	return TimeOfNTP(r.sr.ntp).Add(time.Duration(ticks) * time.Second / time.Duration(r.clockRate)), true
}

// Timestamp is the inverse of CaptureTime: the RTP timestamp of a time of the
// sender's clock.
func (r *Reception) Timestamp(at time.Time) (uint32, bool) {
	if r.sr.ntp == 0 || r.clockRate == 0 {
		return 0, false
	}
	d, rate := at.Sub(TimeOfNTP(r.sr.ntp)), int64(r.clockRate)
	return r.sr.rtp + uint32(int64(d/time.Second)*rate+int64(d%time.Second)*rate/int64(time.Second)), true
}

// ReportBlock is a report block of a sender or receiver report (RFC 3550 section
// 6.4.1).
type ReportBlock struct {
	SSRC           SSRC
	FractionLost   uint8  // since the previous block, in units of 1/256
	TotalLost      int32  // -0x800000 to 0x7FFFFF
	HighestSeq     uint32 // with the number of wraps in the upper half
	Jitter         uint32 // in timestamp units
	LastSR         uint32 // the middle of the latest sender report's NTP time; 0: none
	DelaySinceLast uint32 // since that report, in units of 1/65536 s
}

// HasNews reports whether packets came since the last block: those sources are
// reported (RFC 3550 section 6.4).
func (r *Reception) HasNews() bool { return r.stats.Packets != r.reported }

// Block is the report block for now. The fraction lost is that since the
// previous call (RFC 3550 appendix A.3).
func (r *Reception) Block(now time.Time) ReportBlock {
	expected := r.expected()
	expectedInterval := expected - r.expectedPrior
	lostInterval := int64(expectedInterval) - int64(r.received-r.receivedPrior)
	r.expectedPrior, r.receivedPrior = expected, r.received
	r.reported = r.stats.Packets
	b := ReportBlock{
		SSRC:       r.ssrc,
		TotalLost:  int32(min(max(r.lost(), -1<<23), 1<<23-1)),
		HighestSeq: r.cycles | uint32(r.maxSeq),
		Jitter:     r.jitter >> 4,
	}
	if expectedInterval != 0 && lostInterval > 0 {
		b.FractionLost = uint8(min(lostInterval<<8/int64(expectedInterval), 255))
	}
	if r.sr.reported {
		b.LastSR = CompactNTP(r.sr.ntp)
		b.DelaySinceLast = CompactDuration(now.Sub(r.sr.arrival))
	}
	return b
}

// expected is how many packets of this run there have been.
func (r *Reception) expected() uint32 {
	if !r.started {
		return 0
	}
	return r.cycles + uint32(r.maxSeq) - r.baseSeq + 1
}

func (r *Reception) lost() int64 {
	return r.lostBefore + int64(int32(r.expected()-r.received))
}

// SSRC is the source that this is about.
func (r *Reception) SSRC() SSRC { return r.ssrc }

// ClockRate is the clock rate in Hz, 0 where it is not known.
func (r *Reception) ClockRate() uint32 { return r.clockRate }

// Stats returns what was counted.
func (r *Reception) Stats() ReceptionStats {
	s := r.stats
	s.PacketsLost = r.lost()
	if r.clockRate != 0 {
		s.Jitter = time.Duration(r.jitter) * time.Second / 16 / time.Duration(r.clockRate)
	}
	return s
}
