package webrtc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
	"github.com/pion/sdp/v3"
)

// SessionDescription is an offer, an answer or a rollback (webrtc-pc section
// 4.6.2, RTCSessionDescription).
type SessionDescription struct {
	// Type says what the description is meant to be.
	Type SDPType `json:"type"`
	// SDP is the text (RFC 8866). It is empty for a rollback, and for the
	// implicit description of SetLocalDescription.
	SDP string `json:"sdp"`
}

const (
	// maxSDPBytes and maxSDPLines bound what Unmarshal reads: the parser behind
	// it takes memory for each line.
	maxSDPBytes = 1 << 20
	maxSDPLines = 1 << 14
)

// Unmarshal parses SDP. The error matches ErrSDPSyntax and ErrSDPUnmarshalling.
func (d *SessionDescription) Unmarshal() (*sdp.SessionDescription, error) {
	const op = "unmarshal session description"
	if len(d.SDP) > maxSDPBytes {
		return nil, errorf(KindSDPSyntax, op, "%w: %d bytes, at most %d are allowed", ErrSDPUnmarshalling, len(d.SDP), maxSDPBytes)
	}
	if n := strings.Count(d.SDP, "\n"); n > maxSDPLines {
		return nil, errorf(KindSDPSyntax, op, "%w: %d lines, at most %d are allowed", ErrSDPUnmarshalling, n, maxSDPLines)
	}
	parsed := &sdp.SessionDescription{}
	if err := parsed.UnmarshalString(d.SDP); err != nil {
		return nil, errorf(KindSDPSyntax, op, "%w: %w", ErrSDPUnmarshalling, err)
	}
	return parsed, nil
}

// newSessionDescription makes the public form of d.
func newSessionDescription(d jsep.Description) SessionDescription {
	return SessionDescription{Type: newSDPType(d.Type), SDP: d.SDP}
}

// newSDPType returns the public form of t.
func newSDPType(t jsep.Type) SDPType {
	switch t {
	case jsep.Offer:
		return SDPTypeOffer
	case jsep.Pranswer:
		return SDPTypePranswer
	case jsep.Answer:
		return SDPTypeAnswer
	case jsep.Rollback:
		return SDPTypeRollback
	default:
		return SDPTypeUnknown
	}
}

// toJSEP returns package jsep's form of t. The zero value and numbers that name
// no type are a TypeError without Op.
func (t SDPType) toJSEP() (jsep.Type, error) {
	switch t {
	case SDPTypeOffer:
		return jsep.Offer, nil
	case SDPTypePranswer:
		return jsep.Pranswer, nil
	case SDPTypeAnswer:
		return jsep.Answer, nil
	case SDPTypeRollback:
		return jsep.Rollback, nil
	default:
		return 0, errorf(KindTypeError, "", "%w type of description: %d", ErrUnknownType, int(t))
	}
}

// newSignalingState returns the public form of s.
func newSignalingState(s jsep.State) SignalingState {
	switch s {
	case jsep.Stable:
		return SignalingStateStable
	case jsep.HaveLocalOffer:
		return SignalingStateHaveLocalOffer
	case jsep.HaveRemoteOffer:
		return SignalingStateHaveRemoteOffer
	case jsep.HaveLocalPranswer:
		return SignalingStateHaveLocalPranswer
	case jsep.HaveRemotePranswer:
		return SignalingStateHaveRemotePranswer
	case jsep.Closed:
		return SignalingStateClosed
	default:
		return SignalingStateUnknown
	}
}

// jsepError returns err, which came from package jsep while doing op, as an
// *Error; nil stays nil.
func jsepError(op string, err error) error {
	if err == nil {
		return nil
	}
	var failure *jsep.Error
	if !errors.As(err, &failure) {
		return newError(KindOperation, op, err)
	}
	e := newError(KindOperation, op, failure.Err)
	switch failure.Kind {
	case jsep.InvalidState:
		e.Kind = KindInvalidState
	case jsep.InvalidModification:
		e.Kind = KindInvalidModification
	case jsep.InvalidAccess:
		e.Kind = KindInvalidAccess
	case jsep.TypeError:
		e.Kind = KindTypeError
	case jsep.SDPSyntax:
		e.Kind = KindSDPSyntax
		e.SDPLineNumber = failure.Line
		e.Err = fmt.Errorf("%w: %w", ErrSDPUnmarshalling, failure.Err)
	}
	return e
}
