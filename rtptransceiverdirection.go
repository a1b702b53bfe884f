package webrtc

import "github.com/passerelle-rtc/webrtc/internal/jsep"

// RTPTransceiverDirection says who sends on a transceiver, seen from this end
// (webrtc-pc section 5.1.3, RTCRtpTransceiverDirection).
type RTPTransceiverDirection int

const (
	// RTPTransceiverDirectionUnknown is the zero value. It is also the current
	// direction of a transceiver that was not negotiated yet, W3C's null.
	RTPTransceiverDirectionUnknown RTPTransceiverDirection = iota
	// RTPTransceiverDirectionSendrecv: both ends send.
	RTPTransceiverDirectionSendrecv
	// RTPTransceiverDirectionSendonly: this end sends.
	RTPTransceiverDirectionSendonly
	// RTPTransceiverDirectionRecvonly: the other end sends.
	RTPTransceiverDirectionRecvonly
	// RTPTransceiverDirectionInactive: nobody sends.
	RTPTransceiverDirectionInactive
	// RTPTransceiverDirectionStopped: nobody sends, for good. A program cannot
	// set it.
	RTPTransceiverDirectionStopped
)

var rtpTransceiverDirectionText = enumText{
	RTPTransceiverDirectionSendrecv: "sendrecv",
	RTPTransceiverDirectionSendonly: "sendonly",
	RTPTransceiverDirectionRecvonly: "recvonly",
	RTPTransceiverDirectionInactive: "inactive",
	RTPTransceiverDirectionStopped:  "stopped",
}

// NewRTPTransceiverDirection returns the value of a name, or
// RTPTransceiverDirectionUnknown.
func NewRTPTransceiverDirection(raw string) RTPTransceiverDirection {
	return RTPTransceiverDirection(rtpTransceiverDirectionText.valueOrUnknown(raw))
}

// String returns W3C's name of the value, or "unknown".
func (t RTPTransceiverDirection) String() string {
	return rtpTransceiverDirectionText.name(int(t))
}

// Revers returns the direction as the other end sees it.
func (t RTPTransceiverDirection) Revers() RTPTransceiverDirection {
	switch t {
	case RTPTransceiverDirectionSendonly:
		return RTPTransceiverDirectionRecvonly
	case RTPTransceiverDirectionRecvonly:
		return RTPTransceiverDirectionSendonly
	default:
		return t
	}
}

// validate checks a direction that a program sets: "stopped" and what is not in
// the enumeration are TypeErrors (webrtc-pc section 5.4.1, direction). The error
// has no Op.
func (t RTPTransceiverDirection) validate() error {
	switch {
	case t == RTPTransceiverDirectionStopped:
		return errorf(KindTypeError, "", "the direction cannot be set to stopped")
	case t <= RTPTransceiverDirectionUnknown || t > RTPTransceiverDirectionStopped:
		return errorf(KindTypeError, "", "%w direction %d", ErrUnknownType, int(t))
	default:
		return nil
	}
}

// jsepDirection is t in the terms of signaling; unknown is sendrecv, the default
// of addTransceiver as of SDP.
func (t RTPTransceiverDirection) jsepDirection() jsep.Direction {
	switch t {
	case RTPTransceiverDirectionSendonly:
		return jsep.Sendonly
	case RTPTransceiverDirectionRecvonly:
		return jsep.Recvonly
	case RTPTransceiverDirectionInactive:
		return jsep.Inactive
	case RTPTransceiverDirectionStopped:
		return jsep.Stopped
	default:
		return jsep.Sendrecv
	}
}

// newRTPTransceiverDirection is the reverse of jsepDirection.
func newRTPTransceiverDirection(d jsep.Direction) RTPTransceiverDirection {
	return NewRTPTransceiverDirection(d.String())
}
