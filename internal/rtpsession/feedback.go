package rtpsession

import "time"

// keyframeInterval is the least time between two requests for a keyframe of one stream: an encoder needs about that for one,
// and its packets a round trip.
const keyframeInterval = 500 * time.Millisecond

// Deadline is when Advance and NextFeedback have something to do, zero for never.
func (r *Receiver) Deadline() time.Time {
	at := time.Time{}
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if r.transportCC {
		sooner(r.arrival.Deadline())
	}
	sooner(r.held.deadline())
	for _, s := range r.streams {
		if s.nack != nil {
			sooner(s.nack.Deadline())
			sooner(s.nack.asking())
		}
		if s.wantsKeyframe {
			sooner(s.keyframeAsked.Add(keyframeInterval))
		}
	}
	return at
}

// Advance does what is due.
func (r *Receiver) Advance(now time.Time) {
	r.held.expire(now)
	for _, s := range r.streams {
		if s.nack == nil {
			continue
		}
		if at := s.nack.Deadline(); !at.IsZero() && !at.After(now) {
			s.nack.Advance(now)
		}
	}
}

// NextFeedback appends one RTCP packet of feedback that is due to dst, nothing when there is none.
func (r *Receiver) NextFeedback(now time.Time, dst []byte) []byte {
	for _, s := range r.streams {
		if packet := r.feedbackOf(now, s, dst); len(packet) > len(dst) {
			return packet
		}
	}
	if at := r.arrival.Deadline(); r.transportCC && (r.telling || !at.IsZero() && !at.After(now)) {
		packet := AppendFeedbackPrefix(dst, r.local, r.cname, r.reducedSize)
		packet, r.telling = r.arrival.AppendFeedback(packet, now, r.local, r.arrivalSSRC)
		if r.telling {
			return packet
		}
	}
	return dst
}

// feedbackOf appends what there is to ask of one stream: packets again (RFC 4585 section 6.2.1), or a keyframe (section 6.3.1,
// RFC 5104 section 4.3.1).
func (r *Receiver) feedbackOf(now time.Time, s *ReceiveStream, dst []byte) []byte {
	if s.nack != nil {
		if missing, ok := s.nack.NextNack(); ok {
			s.counts.NACKs++
			return AppendNack(r.prefix(dst, s), r.local, s.SSRC, missing)
		}
	}
	if !s.Codec.PLI && !s.Codec.FIR {
		s.wantsKeyframe = false // not negotiated: RFC 4585 section 4.2
	}
	if !s.wantsKeyframe || now.Sub(s.keyframeAsked) < keyframeInterval {
		return dst
	}
	s.wantsKeyframe, s.keyframeAsked = false, now
	if s.Codec.PLI {
		s.counts.PLIs++
		return AppendPLI(r.prefix(dst, s), r.local, s.SSRC)
	}
	s.counts.FIRs++
	s.firSequence++
	return AppendFIR(r.prefix(dst, s), r.local, s.SSRC, s.firSequence)
}

func (r *Receiver) prefix(dst []byte, s *ReceiveStream) []byte {
	return AppendFeedbackPrefix(dst, r.local, r.cname, s.section.ReducedSize)
}
