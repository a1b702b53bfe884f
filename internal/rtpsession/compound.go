package rtpsession

import (
	"encoding/binary"
	"math/bits"
)

// The functions here append one RTCP packet each, without allocating where dst
// has room. Several behind one another are a compound packet: an SR or RR comes
// first, then an SDES with the CNAME, then the rest (RFC 3550 section 6.1).
// Feedback may go alone where reduced size was negotiated (RFC 5506 section
// 3.4.1); see AppendFeedbackPrefix.

// maxReportBlocks is how many report blocks one packet has room for: their count
// has five bits (RFC 3550 section 6.4.1). Goodbyes have as many sources.
const maxReportBlocks = 31

// SenderInfo is what an SSRC has sent (RFC 3550 section 6.4.1).
type SenderInfo struct {
	NTP     uint64 // the time of the report
	RTP     uint32 // the same instant as an RTP timestamp of the stream
	Packets uint32 // since the stream began, modulo 1<<32
	Octets  uint32 // of their payload, without headers and padding, likewise
}

func beginRTCP(dst []byte, count int, packetType byte, ssrc SSRC) []byte {
	dst = append(dst, rtpVersion<<6|byte(count), packetType, 0, 0)
	return binary.BigEndian.AppendUint32(dst, uint32(ssrc))
}

// endRTCP writes the length of the packet that begins there and is the last.
func endRTCP(dst []byte, begin int) []byte {
	binary.BigEndian.PutUint16(dst[begin+2:], uint16((len(dst)-begin)/4-1))
	return dst
}

// AppendSenderReport appends an SR with up to 31 report blocks, and the others
// in RRs behind it (RFC 3550 section 6.4.1).
func AppendSenderReport(dst []byte, ssrc SSRC, info *SenderInfo, blocks []ReportBlock) []byte {
	begin, n := len(dst), min(len(blocks), maxReportBlocks)
	dst = beginRTCP(dst, n, packetSenderReport, ssrc)
	dst = binary.BigEndian.AppendUint64(dst, info.NTP)
	dst = binary.BigEndian.AppendUint32(dst, info.RTP)
	dst = binary.BigEndian.AppendUint32(dst, info.Packets)
	dst = binary.BigEndian.AppendUint32(dst, info.Octets)
	dst = endRTCP(appendBlocks(dst, blocks[:n]), begin)
	if n < len(blocks) {
		return AppendReceiverReport(dst, ssrc, blocks[n:])
	}
	return dst
}

// AppendReceiverReport appends an RR, which may have no block, and more of them
// for more than 31 blocks (RFC 3550 section 6.4.2).
func AppendReceiverReport(dst []byte, ssrc SSRC, blocks []ReportBlock) []byte {
	for {
		begin, n := len(dst), min(len(blocks), maxReportBlocks)
		dst = beginRTCP(dst, n, packetReceiverReport, ssrc)
		dst = endRTCP(appendBlocks(dst, blocks[:n]), begin)
		if blocks = blocks[n:]; len(blocks) == 0 {
			return dst
		}
	}
}

func appendBlocks(dst []byte, blocks []ReportBlock) []byte {
	for i := range blocks {
		b := &blocks[i]
		dst = binary.BigEndian.AppendUint32(dst, uint32(b.SSRC))
		dst = binary.BigEndian.AppendUint32(dst, uint32(b.FractionLost)<<24|uint32(b.TotalLost)&0xFFFFFF)
		dst = binary.BigEndian.AppendUint32(dst, b.HighestSeq)
		dst = binary.BigEndian.AppendUint32(dst, b.Jitter)
		dst = binary.BigEndian.AppendUint32(dst, b.LastSR)
		dst = binary.BigEndian.AppendUint32(dst, b.DelaySinceLast)
	}
	return dst
}

// AppendDescription appends an SDES packet with the CNAME of one source (RFC
// 3550 sections 6.5 and 6.5.1). Octets beyond 255 are cut off.
func AppendDescription(dst []byte, ssrc SSRC, cname string) []byte {
	const itemCNAME = 1
	cname = cname[:min(len(cname), 255)]
	begin := len(dst)
	dst = beginRTCP(dst, 1, packetDescription, ssrc)
	dst = append(dst, itemCNAME, byte(len(cname)))
	dst = append(dst, cname...)
	// The list of items ends with a zero octet, and the chunk at 32 bits.
	dst = append(dst, 0)
	for (len(dst)-begin)%4 != 0 {
		dst = append(dst, 0)
	}
	return endRTCP(dst, begin)
}

// AppendGoodbye appends a BYE for the sources, and more of them for more than
// 31 (RFC 3550 section 6.6). Without a source it appends nothing.
func AppendGoodbye(dst []byte, ssrcs []SSRC) []byte {
	for len(ssrcs) > 0 {
		begin, n := len(dst), min(len(ssrcs), maxReportBlocks)
		dst = beginRTCP(dst, n, packetGoodbye, ssrcs[0])
		for _, s := range ssrcs[1:n] {
			dst = binary.BigEndian.AppendUint32(dst, uint32(s))
		}
		dst = endRTCP(dst, begin)
		ssrcs = ssrcs[n:]
	}
	return dst
}

// AppendFeedbackPrefix appends what has to come before feedback that does not
// wait for a report: nothing where reduced size was negotiated (RFC 5506 section
// 3.4.1), an RR without blocks and the CNAME otherwise, which is the minimal
// compound packet of RFC 4585 section 3.1. Reports are never of reduced size.
func AppendFeedbackPrefix(dst []byte, ssrc SSRC, cname string, reducedSize bool) []byte {
	if reducedSize {
		return dst
	}
	return AppendDescription(AppendReceiverReport(dst, ssrc, nil), ssrc, cname)
}

func beginFeedback(dst []byte, packetType byte, format int, sender, media SSRC) []byte {
	dst = beginRTCP(dst, format, packetType, sender)
	return binary.BigEndian.AppendUint32(dst, uint32(media))
}

// AppendPLI asks for a key frame because pictures were lost (RFC 4585 section
// 6.3.1).
func AppendPLI(dst []byte, sender, media SSRC) []byte {
	begin := len(dst)
	return endRTCP(beginFeedback(dst, packetPayloadFeedback, formatPLI, sender, media), begin)
}

// AppendFIR asks for a key frame because a receiver begins (RFC 5104 section
// 4.3.1). The sequence number is one more with each new request, and the same
// when one is repeated.
func AppendFIR(dst []byte, sender, media SSRC, seq uint8) []byte {
	begin := len(dst)
	dst = beginFeedback(dst, packetPayloadFeedback, formatFIR, sender, 0) // section 4.3.1.2: 0, the entry has it
	dst = binary.BigEndian.AppendUint32(dst, uint32(media))
	return endRTCP(append(dst, seq, 0, 0, 0), begin)
}

// AppendNack asks for packets again (RFC 4585 section 6.2.1); the sequence numbers
// are ascending. Without one it appends nothing.
func AppendNack(dst []byte, sender, media SSRC, seqs []uint16) []byte {
	if len(seqs) == 0 {
		return dst
	}
	begin := len(dst)
	dst = beginFeedback(dst, packetTransportFeedback, formatNack, sender, media)
	return endRTCP(AppendNackPairs(dst, seqs), begin)
}

// AppendREMB tells the most that a receiver wants of some SSRCs together, in
// bits/s (draft-alvestrand-rmcat-remb-03 section 2.2). The bitrate is rounded
// down to 18 significant bits. SSRCs beyond 255 are left out.
func AppendREMB(dst []byte, sender SSRC, bitrate uint64, ssrcs []SSRC) []byte {
	ssrcs = ssrcs[:min(len(ssrcs), 255)]
	begin := len(dst)
	dst = beginFeedback(dst, packetPayloadFeedback, formatApplication, sender, 0)
	exponent := max(bits.Len64(bitrate)-18, 0)
	mantissa := bitrate >> exponent
	dst = append(dst, 'R', 'E', 'M', 'B', byte(len(ssrcs)), byte(exponent<<2)|byte(mantissa>>16), byte(mantissa>>8), byte(mantissa))
	for _, s := range ssrcs {
		dst = binary.BigEndian.AppendUint32(dst, uint32(s))
	}
	return endRTCP(dst, begin)
}
