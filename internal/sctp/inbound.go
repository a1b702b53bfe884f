package sctp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/receive"
)

// handleData takes DATA or I-DATA.
func (a *Association) handleData(c chunk.Chunk) {
	if !a.live() || a.state == StateShutdownReceived || a.state == StateShutdownAckSent {
		return // the peer sends nothing after its SHUTDOWN (RFC 9260 section 9.2)
	}
	wide := c.Type == chunk.TypeIData
	if wide != a.peer.interleaves {
		a.violate(chunk.CauseProtocolViolation, fmt.Errorf("%v, interleaving negotiated: %t", c.Type, a.peer.interleaves)) // RFC 8260 section 2.2.1
		return
	}
	a.dataCame = true
	var invalid bool
	var id StreamID
	var err error
	if wide {
		var d chunk.IData
		if d, err = chunk.ParseIData(c); err == nil {
			id = d.Stream
			invalid, err = a.in.HandleIData(&d)
		}
	} else {
		var d chunk.Data
		if d, err = chunk.ParseData(c); err == nil {
			id = d.Stream
			invalid, err = a.in.HandleData(&d)
		}
	}
	switch {
	case err == nil && invalid: // RFC 9260 section 6.5
		a.addError(chunk.CauseInvalidStream, binary.BigEndian.AppendUint16(nil, uint16(id)))
	case errors.Is(err, receive.ErrNoUserData): // section 6.2
		a.violate(chunk.CauseNoUserData, err)
	case errors.Is(err, receive.ErrOutOfResource):
		a.violate(chunk.CauseOutOfResource, err)
	case err != nil:
		a.violate(chunk.CauseProtocolViolation, err)
	}
}

// handleSACK gives the acknowledgement to transmit.
func (a *Association) handleSACK(now time.Time, c chunk.Chunk) {
	if !a.live() {
		return
	}
	s, err := chunk.ParseSACK(c.Value)
	if err == nil {
		err = a.out.HandleSACK(now, s)
	}
	if err != nil {
		a.violate(chunk.CauseProtocolViolation, err)
		return
	}
	a.in.SetRTT(a.smoothedRTT())
}

// handleForwardTSN takes FORWARD-TSN or I-FORWARD-TSN.
func (a *Association) handleForwardTSN(c chunk.Chunk) {
	if !a.live() || a.state == StateShutdownReceived || a.state == StateShutdownAckSent {
		return
	}
	wide := c.Type == chunk.TypeIForwardTSN
	var err error
	switch {
	case wide != a.peer.interleaves:
		err = fmt.Errorf("%v, interleaving negotiated: %t", c.Type, a.peer.interleaves)
	case wide:
		var f chunk.IForwardTSN
		if f, err = chunk.ParseIForwardTSN(c.Value); err == nil {
			a.in.HandleIForwardTSN(&f)
		}
	default:
		var f chunk.ForwardTSN
		if f, err = chunk.ParseForwardTSN(c.Value); err == nil {
			a.in.HandleForwardTSN(&f)
		}
	}
	if err != nil {
		a.violate(chunk.CauseProtocolViolation, err)
	}
}

// handleError takes ERROR: a stale cookie begins the handshake anew, the rest tells
// nothing that we could act on (RFC 9260 section 8.4 and 3.3.10).
func (a *Association) handleError(now time.Time, c chunk.Chunk) {
	causes := chunk.ParseCauses(c.Value)
	for cause, ok := causes.Next(); ok; cause, ok = causes.Next() {
		if cause.Code == chunk.CauseStaleCookie {
			a.handleStale(now)
			return
		}
	}
}
