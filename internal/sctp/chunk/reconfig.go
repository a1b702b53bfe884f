package chunk

import (
	"encoding/binary"
	"fmt"
)

// ReconfigResult is the result in a Re-configuration Response (RFC 6525 section
// 4.4).
type ReconfigResult uint32

// The results of RFC 6525 section 4.4.
const (
	ResultNothingToDo       ReconfigResult = 0
	ResultPerformed         ReconfigResult = 1
	ResultDenied            ReconfigResult = 2
	ResultWrongSSN          ReconfigResult = 3
	ResultAlreadyInProgress ReconfigResult = 4
	ResultBadSequence       ReconfigResult = 5
	ResultInProgress        ReconfigResult = 6
)

// OutgoingReset is an Outgoing SSN Reset Request (RFC 6525 section 4.1).
type OutgoingReset struct {
	Request, Response uint32 // sequence numbers
	// LastTSN is the last TSN that the sender assigned before the reset.
	LastTSN TSN

	streams []byte
}

// ParseOutgoingReset reads the value of the parameter. Errors: ErrTruncated.
func ParseOutgoingReset(value []byte) (OutgoingReset, error) {
	if len(value) < 12 {
		return OutgoingReset{}, fmt.Errorf("%w: outgoing reset of %d bytes", ErrTruncated, len(value))
	}
	return OutgoingReset{
		Request:  binary.BigEndian.Uint32(value),
		Response: binary.BigEndian.Uint32(value[4:]),
		LastTSN:  TSN(binary.BigEndian.Uint32(value[8:])),
		streams:  value[12:],
	}, nil
}

// NumStreams is the number of streams that are reset; 0 means all.
func (r *OutgoingReset) NumStreams() int { return len(r.streams) / 2 }

// Stream returns stream i.
func (r *OutgoingReset) Stream(i int) StreamID {
	return StreamID(binary.BigEndian.Uint16(r.streams[2*i:]))
}

// IncomingReset is an Incoming SSN Reset Request: the peer is asked to reset its
// outgoing streams (RFC 6525 section 4.2).
type IncomingReset struct {
	Request uint32

	streams []byte
}

// ParseIncomingReset reads the value of the parameter. Errors: ErrTruncated.
func ParseIncomingReset(value []byte) (IncomingReset, error) {
	if len(value) < 4 {
		return IncomingReset{}, fmt.Errorf("%w: incoming reset of %d bytes", ErrTruncated, len(value))
	}
	return IncomingReset{Request: binary.BigEndian.Uint32(value), streams: value[4:]}, nil
}

// NumStreams is the number of streams to reset; 0 means all.
func (r *IncomingReset) NumStreams() int { return len(r.streams) / 2 }

// Stream returns stream i.
func (r *IncomingReset) Stream(i int) StreamID {
	return StreamID(binary.BigEndian.Uint16(r.streams[2*i:]))
}

// AddStreams is an Add Outgoing or Add Incoming Streams Request (RFC 6525 sections
// 4.5 and 4.6).
type AddStreams struct {
	Request uint32
	Count   uint16
}

// ParseAddStreams reads the value of the parameter. Errors: ErrTruncated.
func ParseAddStreams(value []byte) (AddStreams, error) {
	if len(value) < 8 {
		return AddStreams{}, fmt.Errorf("%w: add streams of %d bytes", ErrTruncated, len(value))
	}
	return AddStreams{binary.BigEndian.Uint32(value), binary.BigEndian.Uint16(value[4:])}, nil
}

// ReconfigResponse is a Re-configuration Response (RFC 6525 section 4.4), without
// the two TSNs that only the answer to a TSN reset has.
type ReconfigResponse struct {
	Response uint32 // sequence number of the request that it answers
	Result   ReconfigResult
}

// ParseReconfigResponse reads the value of the parameter. Errors: ErrTruncated.
func ParseReconfigResponse(value []byte) (ReconfigResponse, error) {
	if len(value) < 8 {
		return ReconfigResponse{}, fmt.Errorf("%w: re-configuration response of %d bytes", ErrTruncated, len(value))
	}
	return ReconfigResponse{binary.BigEndian.Uint32(value), ReconfigResult(binary.BigEndian.Uint32(value[4:]))}, nil
}

// ParseTSNReset reads the request sequence number of an SSN/TSN Reset Request (RFC
// 6525 section 4.3). Errors: ErrTruncated.
func ParseTSNReset(value []byte) (uint32, error) {
	if len(value) < 4 {
		return 0, fmt.Errorf("%w: SSN/TSN reset of %d bytes", ErrTruncated, len(value))
	}
	return binary.BigEndian.Uint32(value), nil
}

// ParseReconfig returns the parameters of a RE-CONFIG chunk (RFC 6525 section 3.1).
func ParseReconfig(value []byte) Parameters { return Parameters{rest: value} }

// AppendReconfig appends a RE-CONFIG chunk of parameters made by the functions
// below.
func AppendReconfig(b, parameters []byte) []byte { return AppendRaw(b, TypeReconfig, 0, parameters) }

// AppendOutgoingReset appends the parameter.
func AppendOutgoingReset(b []byte, request, response uint32, last TSN, streams []StreamID) []byte {
	b, start := beginParameter(b, ParameterOutgoingReset)
	b = binary.BigEndian.AppendUint32(b, request)
	b = binary.BigEndian.AppendUint32(b, response)
	b = binary.BigEndian.AppendUint32(b, uint32(last))
	return finish(appendStreams(b, streams), start)
}

// AppendIncomingReset appends the parameter.
func AppendIncomingReset(b []byte, request uint32, streams []StreamID) []byte {
	b, start := beginParameter(b, ParameterIncomingReset)
	b = binary.BigEndian.AppendUint32(b, request)
	return finish(appendStreams(b, streams), start)
}

// AppendReconfigResponse appends the parameter.
func AppendReconfigResponse(b []byte, response uint32, result ReconfigResult) []byte {
	b, start := beginParameter(b, ParameterReconfigResponse)
	b = binary.BigEndian.AppendUint32(b, response)
	return finish(binary.BigEndian.AppendUint32(b, uint32(result)), start)
}

// AppendTSNResetResponse appends the parameter as the answer to an SSN/TSN Reset
// Request: own is the TSN that its sender uses next, peers the one that its receiver
// does.
func AppendTSNResetResponse(b []byte, response uint32, result ReconfigResult, own, peers TSN) []byte {
	b, start := beginParameter(b, ParameterReconfigResponse)
	b = binary.BigEndian.AppendUint32(b, response)
	b = binary.BigEndian.AppendUint32(b, uint32(result))
	b = binary.BigEndian.AppendUint32(b, uint32(own))
	return finish(binary.BigEndian.AppendUint32(b, uint32(peers)), start)
}

func appendStreams(b []byte, streams []StreamID) []byte {
	for _, s := range streams {
		b = binary.BigEndian.AppendUint16(b, uint16(s))
	}
	return b
}
