package rtpsession

import (
	"time"

	"github.com/pion/rtcp"
)

// Sender reports and receiver reports go out together, each second while there is media, which is what browsers do. That is
// within RFC 3550 section 6.2's five percent for every flow above 50 kbit/s, and AVPF lets less wait (RFC 4585 section 3.5).
const reportInterval = time.Second

// SetCNAME sets what SDES calls this end (RFC 3550 section 6.5.1).
func (s *Sender) SetCNAME(cname string) { s.cname = cname }

// Deadline is when Report is due, zero for never: while nothing is sent and, as the owner has told, nothing is received.
func (s *Sender) Deadline() time.Time { return s.nextReport }

// ReportFrom begins to report: with the first packet that is sent or received. It changes nothing once it has begun.
func (s *Sender) ReportFrom(now time.Time) {
	if s.nextReport.IsZero() {
		s.nextReport = now.Add(reportInterval / 2)
	}
}

// Report makes the reports that are due: on what was sent, with blocks on what came. local is the SSRC to report under while
// nothing is sent. NextReport returns them.
func (s *Sender) Report(now time.Time, local SSRC, blocks []ReportBlock) {
	s.nextReport = time.Time{}
	s.dueStreams = s.dueStreams[:0]
	for _, stream := range s.streams {
		if stream.written {
			s.dueStreams = append(s.dueStreams, stream)
		}
	}
	s.dueBlocks, s.dueLocal = blocks, local
	if len(s.dueStreams)+len(blocks) > 0 {
		s.nextReport = now.Add(reportInterval)
	}
}

// NextReport appends a compound packet that is due to dst, nothing when there is none: an SR, or an RR where there is nothing
// more to say of streams, with up to 31 blocks and an SDES behind it (RFC 3550 section 6.1).
func (s *Sender) NextReport(now time.Time, dst []byte) []byte {
	n := min(len(s.dueBlocks), maxReportBlocks)
	if len(s.dueStreams)+n == 0 {
		return dst
	}
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
	return AppendGoodbye(dst, []SSRC{stream.SSRC})
}

// Blocks are the report blocks about the streams that packets came of since the last ones.
func (r *Receiver) Blocks(now time.Time) []ReportBlock {
	var blocks []ReportBlock
	for _, s := range r.streams {
		if s.Reception.HasNews() {
			blocks = append(blocks, s.Reception.Block(now))
		}
	}
	return blocks
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
