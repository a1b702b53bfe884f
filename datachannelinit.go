package webrtc

import "strings"

// DataChannelInit are the options of CreateDataChannel (webrtc-pc section 6.2.11,
// RTCDataChannelInit). A nil field means W3C's default.
type DataChannelInit struct {
	// Ordered says whether messages arrive in the order of Send. Default: true.
	Ordered *bool
	// MaxPacketLifeTime is for how long a message is sent again, in
	// milliseconds from Send. Default: without limit. Not together with
	// MaxRetransmits. SCTPEnginePion turns it into a number of retransmissions, see
	// docs/conformance.md.
	MaxPacketLifeTime *uint16
	// MaxRetransmits is how often a message is sent again. Default: without
	// limit.
	MaxRetransmits *uint16
	// Protocol names the subprotocol, at most 65535 bytes. Default: empty.
	Protocol *string
	// Negotiated says that the program makes the channel at both ends, with the
	// same ID, instead of announcing it in-band (RFC 8832). Default: false.
	Negotiated *bool
	// ID is the stream identifier of a negotiated channel, 0 to 65534. It is
	// ignored where Negotiated is not true.
	ID *uint16
	// Priority is how important the channel is; the zero value means low.
	Priority PriorityType
}

// parameters returns init, which may be nil, with W3C's defaults filled in and
// text made valid UTF-8 (Web IDL's USVString).
func (init *DataChannelInit) parameters(label string) DataChannelParameters {
	p := DataChannelParameters{Label: toUSVString(label), Ordered: true, Priority: PriorityTypeLow}
	if init == nil {
		return p
	}
	if init.Ordered != nil {
		p.Ordered = *init.Ordered
	}
	if init.Protocol != nil {
		p.Protocol = toUSVString(*init.Protocol)
	}
	if init.Priority != PriorityTypeUnknown {
		p.Priority = init.Priority
	}
	p.MaxPacketLifeTime = cloneUint16(init.MaxPacketLifeTime)
	p.MaxRetransmits = cloneUint16(init.MaxRetransmits)
	if p.Negotiated = init.Negotiated != nil && *init.Negotiated; p.Negotiated {
		p.ID = cloneUint16(init.ID)
	}
	return p
}

func cloneUint16(v *uint16) *uint16 {
	if v == nil {
		return nil
	}
	c := *v
	return &c
}

func toUSVString(s string) string {
	return strings.ToValidUTF8(s, "\uFFFD")
}
