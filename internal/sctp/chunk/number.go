package chunk

import "github.com/passerelle-rtc/webrtc/internal/seqnum"

// TSN is a transmission sequence number: one for each DATA or I-DATA chunk of an
// association's direction. It wraps (RFC 9260 section 1.6).
type TSN uint32

// Less reports whether t comes before u.
func (t TSN) Less(u TSN) bool { return seqnum.Less32(uint32(t), uint32(u)) }

// Distance is the way from t to u: positive where u comes after t.
func (t TSN) Distance(u TSN) int32 { return seqnum.Distance32(uint32(t), uint32(u)) }

// StreamID identifies one SCTP stream in each direction: a data channel.
type StreamID uint16

// SSN is a stream sequence number: one for each ordered message of a stream that
// travels in DATA chunks. It wraps.
type SSN uint16

// Less reports whether s comes before u.
func (s SSN) Less(u SSN) bool { return seqnum.Less16(uint16(s), uint16(u)) }

// MID is a message identifier: one for each message of a stream that travels in
// I-DATA chunks, counted apart for ordered and unordered ones (RFC 8260 section
// 2.1). It wraps.
type MID uint32

// Less reports whether m comes before u.
func (m MID) Less(u MID) bool { return seqnum.Less32(uint32(m), uint32(u)) }

// PPID is the payload protocol identifier of a user message (RFC 8831 section 8).
type PPID uint32
