package jsep

import "github.com/pion/sdp/v3"

// Extension is one a=extmap (RFC 8285 section 8).
type Extension struct {
	URI string
	// ID is 1 to 14 for one-byte headers, to 255 for two-byte ones; 4096 to 4351 in an
	// offer that has more than fit (RFC 8285 section 6). 0 asks ExtensionIDs to choose one.
	ID int
	// Direction is seen from the side that writes the line.
	Direction Direction
	// Encrypted: the element is encrypted with SRTP (RFC 6904 section 4).
	Encrypted bool
}

// ParseExtensions reads the a=extmap lines of an m-section. Where a URI or an ID comes twice, the first counts.
// The error is an *Error of kind SDPSyntax.
func ParseExtensions(attributes []sdp.Attribute) ([]Extension, error) { return nil, nil }

// Attribute is the a=extmap line of e.
func (e Extension) Attribute() sdp.Attribute { return sdp.Attribute{} }

// NegotiateExtensions answers an offer: the extensions of remote that local has too, under remote's IDs.
// Without allowMixed (both sides wrote a=extmap-allow-mixed) only the IDs of one-byte headers are used.
func NegotiateExtensions(local, remote []Extension, allowMixed bool) []Extension { return nil }

// ExtensionIDs hands out the IDs of one BUNDLE group: an extension has one ID throughout
// (RFC 9143 section 9.2). The zero value is ready.
type ExtensionIDs struct{}

// Learn takes over assignments that a description made; it fails (InvalidAccess) when an ID already stands for
// another extension, which then stays.
func (x *ExtensionIDs) Learn(es []Extension) error { return nil }

// Assign returns es with the IDs they have in this group; those that find none are left out.
func (x *ExtensionIDs) Assign(es []Extension, allowMixed bool) []Extension { return es }
