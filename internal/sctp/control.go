package sctp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// PPID is the payload protocol identifier of a user message (RFC 8831 section 8).
type PPID = chunk.PPID

// The identifiers that WebRTC uses. An empty message cannot be sent in SCTP: it
// travels as one byte, which the receiver ignores, under an identifier of its own
// (RFC 8831 section 6.6).
const (
	PPIDControl     PPID = 50
	PPIDString      PPID = 51
	PPIDBinary      PPID = 53
	PPIDStringEmpty PPID = 56
	PPIDBinaryEmpty PPID = 57
)

// Reliability tells when a sender may give a message up.
type Reliability uint8

const (
	// Reliable messages are retransmitted until they arrive.
	Reliable Reliability = iota
	// MaxRetransmits messages are given up after ReliabilityParameter retransmissions.
	MaxRetransmits
	// MaxLifetime messages are given up after ReliabilityParameter milliseconds.
	MaxLifetime
)

// Errors of ParseControl and Marshal, to be matched with errors.Is.
var (
	// ErrTruncated is returned for a message that ends before its fields do.
	ErrTruncated = errors.New("sctp: truncated DCEP message")
	// ErrUnknownMessage is returned for a message type other than OPEN and ACK.
	ErrUnknownMessage = errors.New("sctp: unknown DCEP message type")
	// ErrUnknownChannelType is returned for an OPEN whose channel type is not of
	// RFC 8832 section 5.1. The stream is to be reset (RFC 8832 section 6).
	ErrUnknownChannelType = errors.New("sctp: unknown DCEP channel type")
	// ErrTooLong is returned for a label or protocol of more than 65535 bytes.
	ErrTooLong = errors.New("sctp: DCEP field longer than 65535 bytes")
)

const (
	messageAck  = 0x02
	messageOpen = 0x03

	openHeader   = 12
	unorderedBit = 0x80
	maxField     = 0xffff
)

// Control is a message of the data channel establishment protocol (RFC 8832
// section 5): *ChannelOpen or ChannelAck.
type Control interface {
	// Marshal returns the message as the payload of a PPIDControl user message.
	Marshal() ([]byte, error)
	isControl()
}

// ChannelOpen is DATA_CHANNEL_OPEN (RFC 8832 section 5.1).
type ChannelOpen struct {
	Ordered     bool
	Reliability Reliability
	// ReliabilityParameter is a number of retransmissions or of milliseconds; sent
	// as 0, and ignored on receipt, when the channel is reliable.
	ReliabilityParameter uint32
	// Priority: 128 below normal, 256 normal, 512 high, 1024 extra high (RFC 8831
	// section 6.4).
	Priority uint16
	// Label and Protocol are UTF-8, at most 65535 bytes each.
	Label, Protocol string
}

// ChannelAck is DATA_CHANNEL_ACK (RFC 8832 section 5.2).
type ChannelAck struct{}

func (*ChannelOpen) isControl() {}
func (ChannelAck) isControl()   {}

// Marshal returns the one byte of the message; the error is nil.
func (ChannelAck) Marshal() ([]byte, error) { return []byte{messageAck}, nil }

// Marshal returns the message. Errors: ErrTooLong, ErrUnknownChannelType.
func (o ChannelOpen) Marshal() ([]byte, error) {
	if len(o.Label) > maxField {
		return nil, fmt.Errorf("%w: label of %d", ErrTooLong, len(o.Label))
	}
	if len(o.Protocol) > maxField {
		return nil, fmt.Errorf("%w: protocol of %d", ErrTooLong, len(o.Protocol))
	}
	if o.Reliability > MaxLifetime {
		return nil, fmt.Errorf("%w: reliability %d", ErrUnknownChannelType, o.Reliability)
	}
	kind := byte(o.Reliability)
	if !o.Ordered {
		kind |= unorderedBit
	}
	var parameter uint32
	if o.Reliability != Reliable {
		parameter = o.ReliabilityParameter
	}
	b := make([]byte, 0, openHeader+len(o.Label)+len(o.Protocol))
	b = append(b, messageOpen, kind)
	b = binary.BigEndian.AppendUint16(b, o.Priority)
	b = binary.BigEndian.AppendUint32(b, parameter)
	b = binary.BigEndian.AppendUint16(b, uint16(len(o.Label)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(o.Protocol)))
	b = append(b, o.Label...)
	return append(b, o.Protocol...), nil
}

// ParseControl reads the payload of a PPIDControl user message. Bytes after the
// message are ignored; invalid UTF-8 in a label or protocol becomes U+FFFD, as
// W3C's USVString decodes it. Errors: ErrTruncated, ErrUnknownMessage,
// ErrUnknownChannelType.
func ParseControl(b []byte) (Control, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrTruncated)
	}
	switch b[0] {
	case messageAck:
		return ChannelAck{}, nil
	case messageOpen:
		return parseOpen(b)
	}
	return nil, fmt.Errorf("%w: 0x%02x", ErrUnknownMessage, b[0])
}

func parseOpen(b []byte) (Control, error) {
	if len(b) < openHeader {
		return nil, fmt.Errorf("%w: OPEN of %d bytes", ErrTruncated, len(b))
	}
	kind := b[1]
	reliability := Reliability(kind &^ unorderedBit)
	if reliability > MaxLifetime {
		return nil, fmt.Errorf("%w: 0x%02x", ErrUnknownChannelType, kind)
	}
	label := int(binary.BigEndian.Uint16(b[8:]))
	protocol := int(binary.BigEndian.Uint16(b[10:]))
	text := b[openHeader:]
	if len(text) < label+protocol {
		return nil, fmt.Errorf("%w: label of %d and protocol of %d in %d bytes", ErrTruncated, label, protocol, len(text))
	}
	o := &ChannelOpen{
		Ordered:     kind&unorderedBit == 0,
		Reliability: reliability,
		Priority:    binary.BigEndian.Uint16(b[2:]),
		Label:       strings.ToValidUTF8(string(text[:label]), "\uFFFD"),
		Protocol:    strings.ToValidUTF8(string(text[label:label+protocol]), "\uFFFD"),
	}
	if reliability != Reliable {
		o.ReliabilityParameter = binary.BigEndian.Uint32(b[4:])
	}
	return o, nil
}
