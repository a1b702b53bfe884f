package sctp

import (
	"math/bits"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// StreamID identifies one SCTP stream in each direction: a data channel.
type StreamID = chunk.StreamID

// MaxStreams is how many streams an association can have: identifier 65535 cannot
// be negotiated in INIT (RFC 8831 section 6.2), so the last one is 65534.
const MaxStreams = 65535

// StreamIDs hands out stream identifiers: even ones to the DTLS client, odd ones
// to the server, so that both may open channels at once (RFC 8832 section 6). The
// lowest free identifier goes first. An identifier is in use from Next or Take to
// Release, which the owner calls when both directions of the stream are reset and
// the resets acknowledged.
type StreamIDs struct {
	parity StreamID
	limit  int
	used   []uint64 // bit per identifier, grown on demand
	low    int      // no identifier of our parity below this one is free
}

// NewStreamIDs returns an allocator with nothing in use and MaxStreams streams.
// dtlsClient is our DTLS role.
func NewStreamIDs(dtlsClient bool) *StreamIDs {
	s := &StreamIDs{limit: MaxStreams}
	if !dtlsClient {
		s.parity = 1
	}
	s.low = int(s.parity)
	return s
}

// SetLimit sets the number of streams that the association has: identifiers below
// maxStreams are handed out. Clipped to 0 to MaxStreams. Those in use stay so.
func (s *StreamIDs) SetLimit(maxStreams int) {
	s.limit = min(max(maxStreams, 0), MaxStreams)
}

// Next takes the lowest free identifier of our parity; false when there is none.
func (s *StreamIDs) Next() (StreamID, bool) {
	mask := uint64(0x5555555555555555) << s.parity
	for at := s.low; at < s.limit; at = (at/64 + 1) * 64 {
		var word uint64
		if at/64 < len(s.used) {
			word = s.used[at/64]
		}
		free := ^word & mask & (^uint64(0) << (at % 64))
		if free == 0 {
			continue
		}
		id := at/64*64 + bits.TrailingZeros64(free)
		if id >= s.limit {
			break
		}
		s.low = id + 2
		s.set(StreamID(id))
		return StreamID(id), true
	}
	return 0, false
}

// Take marks an identifier of either parity, one that the application negotiated
// or that the peer uses; false when it is in use, or not below the limit.
func (s *StreamIDs) Take(id StreamID) bool {
	if int(id) >= s.limit || s.InUse(id) {
		return false
	}
	s.set(id)
	return true
}

// Release makes an identifier free again; of one that is not in use, a no-op.
func (s *StreamIDs) Release(id StreamID) {
	if !s.InUse(id) {
		return
	}
	s.used[id/64] &^= 1 << (id % 64)
	if id%2 == s.parity {
		s.low = min(s.low, int(id))
	}
}

// InUse reports whether an identifier was taken and not released.
func (s *StreamIDs) InUse(id StreamID) bool {
	return int(id/64) < len(s.used) && s.used[id/64]&(1<<(id%64)) != 0
}

func (s *StreamIDs) set(id StreamID) {
	for int(id/64) >= len(s.used) {
		s.used = append(s.used, 0)
	}
	s.used[id/64] |= 1 << (id % 64)
}
