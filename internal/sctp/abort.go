package sctp

import (
	"fmt"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// Abort ends the association by ABORT (RFC 9260 section 9.1). Closed follows without
// an error.
func (a *Association) Abort(reason string) {
	if a.ended {
		return
	}
	if a.remoteTag != 0 {
		a.outbox = nil
		a.refuse(a.remoteTag, chunk.CauseUserAbort, []byte(reason))
	}
	a.end(nil)
}

// violate aborts because the peer broke the protocol.
func (a *Association) violate(code chunk.CauseCode, err error) {
	a.refuse(a.remoteTag, code, nil)
	a.end(fmt.Errorf("%w: %w", ErrProtocol, err))
}

// refuse queues an ABORT with one cause for the peer that has this tag.
func (a *Association) refuse(tag uint32, code chunk.CauseCode, info []byte) {
	info = info[:min(len(info), maxCauseInfo)]
	a.post(chunk.AppendRaw(a.header(tag), chunk.TypeAbort, 0, chunk.AppendCause(nil, code, info)))
}

// maxCauseInfo bounds the information of a cause, so that it fits any packet.
const maxCauseInfo = 512

// handleAbort ends the association (RFC 9260 section 9.1). One "with a format error" is
// discarded (section 3.3.7).
func (a *Association) handleAbort(c chunk.Chunk) {
	e := &AbortError{}
	causes := chunk.ParseCauses(c.Value)
	for first, ok := causes.Next(); ok; _, ok = causes.Next() {
		if e.Code == 0 {
			e.Code, e.Reason = first.Code, string(first.Info[:min(len(first.Info), maxCauseInfo)])
		}
	}
	if causes.Err() != nil {
		return
	}
	if a.state < StateEstablished {
		a.end(fmt.Errorf("%w: %w", ErrHandshake, e))
		return
	}
	a.end(e)
}

// addError queues an ERROR chunk with one cause.
func (a *Association) addError(code chunk.CauseCode, info []byte) {
	info = info[:min(len(info), maxCauseInfo)]
	a.addControl(chunk.AppendRaw(nil, chunk.TypeError, 0, chunk.AppendCause(nil, code, info)))
}

// addControl queues control chunks for the next packet; what exceeds maxControl is
// dropped, as a peer that asks for so many answers gets by without some.
func (a *Association) addControl(chunks []byte) {
	if len(a.control)+len(chunks) <= maxControl/2 {
		a.control = append(a.control, chunks...)
	}
}

// outOfTheBlue answers a packet of no association (RFC 9260 section 8.4). What the
// packet is comes from all of its chunks: an ABORT is never answered.
func (a *Association) outOfTheBlue(header chunk.Header, chunks chunk.Chunks) {
	kind, rank := chunk.TypeAbort, 0
	for c, ok := chunks.Next(); ok; c, ok = chunks.Next() {
		if r := blueRank(c); r > rank {
			kind, rank = c.Type, r
		}
	}
	switch {
	case rank == 0:
		a.post(chunk.AppendRaw(a.header(header.Tag), chunk.TypeAbort, chunk.FlagT, nil))
	case kind == chunk.TypeShutdownAck:
		a.answerShutdownAck(header)
	}
}

// blueRank orders the chunks of section 8.4 by their rules, 2 and 5 to 7; 0: rule 8.
func blueRank(c chunk.Chunk) int {
	switch c.Type {
	case chunk.TypeAbort:
		return 4
	case chunk.TypeShutdownAck:
		return 3
	case chunk.TypeShutdownComplete:
		return 2
	case chunk.TypeCookieAck:
		return 1
	case chunk.TypeError:
		causes := chunk.ParseCauses(c.Value)
		if cause, ok := causes.Next(); ok && cause.Code == chunk.CauseStaleCookie {
			return 1
		}
	}
	return 0
}
