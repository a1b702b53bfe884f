package webrtc

// DataChannelParameters describe a data channel whole (ORTC section 12.4,
// RTCDataChannelParameters).
type DataChannelParameters struct {
	// Label is the channel's name, at most 65535 bytes. Names need not differ.
	Label string `json:"label"`
	// Protocol names the subprotocol, at most 65535 bytes.
	Protocol string `json:"protocol"`
	// ID is the stream identifier, 0 to 65534; nil lets the transport choose.
	ID *uint16 `json:"id"`
	// Ordered says whether messages arrive in the order of Send.
	Ordered bool `json:"ordered"`
	// MaxPacketLifeTime is for how long a message is sent again, in
	// milliseconds; nil means without limit.
	MaxPacketLifeTime *uint16 `json:"maxPacketLifeTime"`
	// MaxRetransmits is how often a message is sent again; nil means without
	// limit.
	MaxRetransmits *uint16 `json:"maxRetransmits"`
	// Negotiated says that the channel is not announced in-band.
	Negotiated bool `json:"negotiated"`
	// Priority is how important the channel is; the zero value means low.
	Priority PriorityType `json:"priority,omitempty"`
}

const (
	// maxDataChannelText is the longest label or protocol, in bytes (webrtc-pc
	// section 6.1.2; the length fields of RFC 8832 section 5.1).
	maxDataChannelText = 65535
	// maxDataChannelID is the largest stream identifier (RFC 8832 section 6:
	// 65535 is reserved by SCTP's negotiation of streams).
	maxDataChannelID = 65534
)

// validate checks what createDataChannel checks (webrtc-pc section 6.1.2) before
// it looks at the connection: every failure is a TypeError, without Op.
func (p DataChannelParameters) validate() error {
	switch {
	case len(p.Label) > maxDataChannelText:
		return errorf(KindTypeError, "", "%w: %d", ErrStringSizeLimit, len(p.Label))
	case len(p.Protocol) > maxDataChannelText:
		return errorf(KindTypeError, "", "%w: %d", ErrProtocolTooLarge, len(p.Protocol))
	case p.Negotiated && p.ID == nil:
		return newError(KindTypeError, "", ErrNegotiatedWithoutID)
	case p.MaxPacketLifeTime != nil && p.MaxRetransmits != nil:
		return newError(KindTypeError, "", ErrRetransmitsOrPacketLifeTime)
	case p.ID != nil && *p.ID > maxDataChannelID:
		return errorf(KindTypeError, "", "%w: %d, at most %d is allowed", ErrMaxDataChannelID, *p.ID, maxDataChannelID)
	case p.Priority < PriorityTypeUnknown || p.Priority > PriorityTypeHigh:
		return errorf(KindTypeError, "", "%w priority %d", ErrUnknownType, int(p.Priority))
	default:
		return nil
	}
}
