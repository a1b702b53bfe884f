package rtpsession

import (
	"time"

	"github.com/pion/rtcp"
)

// Sender reports and receiver reports go out together, at the times of an Interval: about every second with video and every five
// seconds without (RFC 4585 section 3.5), each time drawn anew, so that ends do not fall into step. The session bandwidth is left
// unknown to it, as five percent of it (RFC 3550 section 6.2) bind nowhere: a report of 140 octets with all headers is 1.1 kbit/s
// with video, which is less than 5 % from 22 kbit/s on, and 0.2 kbit/s with audio alone, from 4.5 kbit/s on. Feedback does
// not wait for reports.

// SetCNAME sets what SDES calls this end (RFC 3550 section 6.5.1).
func (s *Sender) SetCNAME(cname string) { s.cname = cname }

// Deadline is when Report is due, zero for never: before anything was sent or, as the owner has told, received.
func (s *Sender) Deadline() time.Time { return s.interval.Deadline() }

// ReportFrom begins to report: with the first packet that is sent or received. RFC 4585 section 3.4 would let the first report go
// at once; a quarter to three quarters of a second later it has something to tell. It changes nothing once it has begun.
func (s *Sender) ReportFrom(now time.Time) {
	if s.interval.Deadline().IsZero() {
		s.interval.Start(now.Add(250*time.Millisecond + time.Duration(s.seed%500)*time.Millisecond))
	}
}

// Received is what reports say of what came.
type Received struct {
	Blocks  []ReportBlock // of the streams that packets came of since the last ones
	Streams bool          // there are streams, if silent ones
	Video   bool          // one of them is video
}

// videoClockRate is that of all video (RFC 3551 section 5).
const videoClockRate = 90000

// Received tells what there is to report. The fractions lost of the next call count from this one.
func (r *Receiver) Received(now time.Time) Received {
	in := Received{Streams: len(r.streams) > 0}
	for _, s := range r.streams {
		in.Video = in.Video || s.Codec.ClockRate == videoClockRate
		if s.Reception.HasNews() {
			in.Blocks = append(in.Blocks, s.Reception.Block(now))
		}
	}
	return in
}

// Report makes the reports that are due: on what was sent, with blocks on what came. local is the SSRC to report under while
// nothing is sent. NextReport returns them. While there are streams, reports go on, if empty ones, as they keep the peer
// from thinking that this end has left (RFC 3550 sections 6.3.5 and 6.4.2).
func (s *Sender) Report(now time.Time, local SSRC, in Received) {
	if !s.interval.Due(now) {
		return
	}
	s.dueStreams = s.dueStreams[:0]
	video, streams := in.Video, in.Streams
	for _, stream := range s.streams {
		if stream.history != nil {
			stream.history.Trim(now)
		}
		if !stream.written {
			continue
		}
		streams = true
		video = video || stream.format.ClockRate == videoClockRate
		if stream.hasSent() {
			s.dueStreams = append(s.dueStreams, stream)
		}
	}
	s.dueBlocks, s.dueLocal = in.Blocks, local
	s.dueEmpty = streams && len(s.dueStreams)+len(in.Blocks) == 0
	if !streams {
		s.interval = NewInterval(AudioReportInterval, s.seed)
		return
	}
	s.interval.SetRegular(AudioReportInterval)
	if video {
		s.interval.SetRegular(VideoReportInterval)
	}
	s.interval.Sent(now, firstRTCPSize)
}

// hasSent reports whether the stream is a sender's (RFC 3550 section 6.4): it has sent since the report before the last.
func (s *SendStream) hasSent() bool {
	if s.counts.Packets != s.reported {
		s.reported, s.quiet = s.counts.Packets, 0
		return true
	}
	s.quiet = min(s.quiet+1, 2)
	return s.quiet < 2
}

// NextReport appends a compound packet that is due to dst, nothing when there is none: an SR, or an RR where there is nothing
// more to say of streams, with up to 31 blocks and an SDES behind it (RFC 3550 section 6.1): 28 + 31*24 octets, and 268 with
// the longest CNAME, which fits any path.
func (s *Sender) NextReport(now time.Time, dst []byte) []byte {
	n := min(len(s.dueBlocks), maxReportBlocks)
	if len(s.dueStreams)+n == 0 && !s.dueEmpty {
		return dst
	}
	s.dueEmpty = false
	blocks := s.dueBlocks[:n]
	s.dueBlocks = s.dueBlocks[n:]
	ssrc := s.dueLocal
	if len(s.dueStreams) > 0 {
		stream := s.dueStreams[0]
		s.dueStreams = s.dueStreams[1:]
		ssrc = stream.SSRC
		info := stream.senderInfo(now)
		dst = AppendSenderReport(dst, ssrc, &info, blocks)
	} else {
		dst = AppendReceiverReport(dst, ssrc, blocks)
	}
	return AppendDescription(dst, ssrc, s.cname)
}

// senderInfo is the stream as it is now: the RTP timestamp is what a packet of this moment would have (RFC 3550 section 6.4.1).
func (s *SendStream) senderInfo(now time.Time) SenderInfo {
	return SenderInfo{
		NTP:     NTPTime(now),
		RTP:     s.timestampAt(now),
		Packets: uint32(s.counts.Packets - s.counts.Retransmitted),
		Octets:  uint32(s.counts.PayloadBytes - s.counts.RetransmittedBytes),
	}
}

// appendBye appends the packet that ends a stream.
func (s *Sender) appendBye(dst []byte, stream *SendStream) []byte {
	dst = AppendFeedbackPrefix(dst, stream.SSRC, s.cname, false)
	sources := [...]SSRC{stream.SSRC, stream.RTX}
	if stream.counts.Retransmitted == 0 || stream.RTX == 0 {
		return AppendGoodbye(dst, sources[:1])
	}
	return AppendGoodbye(dst, sources[:])
}

// HandleRTCP takes what concerns the streams that are received: sender reports and BYE.
func (r *Receiver) HandleRTCP(now time.Time, packets []rtcp.Packet) {
	for _, packet := range packets {
		switch p := packet.(type) {
		case *rtcp.SenderReport:
			if s := r.Stream(SSRC(p.SSRC)); s != nil && s.SSRC == SSRC(p.SSRC) {
				s.Reception.SenderReport(now, p.NTPTime, p.RTPTime, p.PacketCount, p.OctetCount)
			}
		case *rtcp.Goodbye:
			for _, ssrc := range p.Sources {
				if known := r.router.sources[SSRC(ssrc)]; known != nil {
					known.ended = true
				}
			}
		}
	}
}
