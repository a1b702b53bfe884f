package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// RTPTransceiver is a sender and a receiver that share an m-line. Its methods are
// safe for concurrent use and may be called in callbacks.
//
// See https://www.w3.org/TR/webrtc/#rtcrtptransceiver-interface
type RTPTransceiver struct {
	pc       *PeerConnection
	id       jsep.TransceiverID
	kind     RTPCodecType
	sender   *RTPSender
	receiver *RTPReceiver

	published slot[transceiverSnapshot]
}

type transceiverSnapshot struct {
	mid              string
	direction        RTPTransceiverDirection
	currentDirection RTPTransceiverDirection
	headersEncrypted bool
}

func newRTPTransceiver(pc *PeerConnection, id jsep.TransceiverID, kind RTPCodecType) *RTPTransceiver {
	t := &RTPTransceiver{pc: pc, id: id, kind: kind}
	owner := &mediaOwner{
		pc: pc, api: pc.api, loop: pc.loop, log: pc.log, kind: kind, cname: pc.id, interceptors: pc.interceptors,
	}
	t.sender = &RTPSender{transceiver: t, owner: owner}
	if kind == RTPCodecTypeAudio {
		t.sender.dtmf = newDTMFSender(t.sender)
	}
	t.receiver = newRTPReceiver(t, owner)
	t.published.init(&transceiverSnapshot{})
	t.sender.published.init(&senderSnapshot{})
	return t
}

// Kind is audio or video.
func (t *RTPTransceiver) Kind() RTPCodecType { return t.kind }

// Mid returns the identifier of the m-line that the transceiver is associated
// with, or "" while there is none.
func (t *RTPTransceiver) Mid() string { return t.published.Load().mid }

// Sender returns the sender; it is there from the beginning.
func (t *RTPTransceiver) Sender() *RTPSender { return t.sender }

// Receiver returns the receiver; it is there from the beginning.
func (t *RTPTransceiver) Receiver() *RTPReceiver { return t.receiver }

// Direction returns the preferred direction, which the next offer or answer
// asks for; stopped once Stop was called or the peer has stopped it.
func (t *RTPTransceiver) Direction() RTPTransceiverDirection { return t.published.Load().direction }

// CurrentDirection returns the direction that was negotiated last,
// RTPTransceiverDirectionUnknown before there is one, and stopped at the end.
func (t *RTPTransceiver) CurrentDirection() RTPTransceiverDirection {
	return t.published.Load().currentDirection
}

// RTPHeaderEncryptionNegotiated reports whether both ends take packets whose header
// extensions are encrypted (RFC 9335), see [Configuration.RTPHeaderEncryptionPolicy].
// What is sent is encrypted if all transceivers of the transport say so.
//
// See https://w3c.github.io/webrtc-extensions/#dom-rtptransceiver-rtpheaderencryptionnegotiated
func (t *RTPTransceiver) RTPHeaderEncryptionNegotiated() bool {
	return t.published.Load().headersEncrypted
}

// SetDirection sets the preferred direction; it takes effect by a negotiation,
// see OnNegotiationNeeded. Stopped is a TypeError, a transceiver that is stopping
// or a closed connection an InvalidStateError.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtptransceiver-direction
func (t *RTPTransceiver) SetDirection(direction RTPTransceiverDirection) error {
	const op = "set direction"
	if direction != RTPTransceiverDirectionStopped { // which comes behind the state of the transceiver
		if err := direction.validate(); err != nil {
			return reop(op, err)
		}
	}
	return t.pc.do(op, func(time.Time) error {
		err := t.pc.session.SetDirection(t.id, direction.jsepDirection())
		t.pc.mediaChanged()
		return jsepError(op, err)
	})
}

// Stop ends sending and receiving for good; the next negotiation tells the peer.
// Idempotent. It returns an InvalidStateError after the connection's Close.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtptransceiver-stop
func (t *RTPTransceiver) Stop() error {
	return t.pc.do("stop transceiver", func(time.Time) error {
		t.pc.session.StopTransceiver(t.id)
		t.receiver.end()
		t.pc.mediaChanged()
		return nil
	})
}

// SetCodecPreferences orders and restricts the codecs of the next offers and
// answers; an empty list restores the default. It returns an
// InvalidModificationError for a codec that is not among the capabilities, and
// for a list without a codec of media.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtptransceiver-setcodecpreferences
func (t *RTPTransceiver) SetCodecPreferences(codecs []RTPCodecParameters) error {
	const op = "set codec preferences"
	preferred, err := preferredCodecs(codecs, t.pc.api.media.codecs(t.kind))
	if err != nil {
		return reop(op, err)
	}
	return t.pc.do(op, func(time.Time) error {
		err := t.pc.session.SetCodecPreferences(t.id, jsepCodecs(preferred))
		t.pc.mediaChanged()
		return jsepError(op, err)
	})
}

// stopped ends the transceiver's tracks and publishes the end. On the loop.
func (t *RTPTransceiver) stopped() {
	s := *t.published.latest()
	s.direction, s.currentDirection = RTPTransceiverDirectionStopped, RTPTransceiverDirectionStopped
	t.published.publish(t.pc.loop, &s)
	t.sender.endFlows()
	t.receiver.end()
}

// update publishes what signaling says of the transceiver. On the loop.
func (t *RTPTransceiver) update(state jsep.TransceiverState) {
	s := &transceiverSnapshot{mid: state.MID, direction: newRTPTransceiverDirection(state.Direction), headersEncrypted: state.HeadersEncrypted}
	if state.HasCurrent {
		s.currentDirection = newRTPTransceiverDirection(state.CurrentDirection)
	}
	t.published.publish(t.pc.loop, s)
	t.sender.update(state)
	t.receiver.update(state)
}
