package rtpsession

import "github.com/pion/rtp"

// mediaHeader is the header of a packet of the tests.
func mediaHeader(ssrc SSRC, pt PayloadType, seq uint16, timestamp uint32) rtp.Header {
	return rtp.Header{Version: 2, SSRC: uint32(ssrc), PayloadType: uint8(pt), SequenceNumber: seq, Timestamp: timestamp}
}
