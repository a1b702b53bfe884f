package chunk

import (
	"encoding/binary"
	"fmt"
)

const initSize = 16

// ErrorDetectionDTLS is the error detection method of RFC 9653 section 7.1: SCTP
// over DTLS, where a checksum of 0 may be acceptable.
const ErrorDetectionDTLS uint32 = 1

// Init is INIT or INIT ACK (RFC 9260 sections 3.3.2 and 3.3.3).
type Init struct {
	// Tag is the verification tag that the receiver puts into its packets; never 0.
	Tag uint32
	// Window is the advertised receiver window credit, in bytes.
	Window uint32
	// OutboundStreams the sender wants to have, InboundStreams it takes; never 0.
	OutboundStreams, InboundStreams uint16
	InitialTSN                      TSN

	// Cookie is the state cookie of INIT ACK; nil: none.
	Cookie []byte
	// ForwardTSN: the sender takes FORWARD-TSN (RFC 3758 section 3.1).
	ForwardTSN bool
	// Extensions are the chunk types that the sender supports, one a byte (RFC 5061
	// section 4.2.7); nil: the parameter is missing.
	Extensions []byte
	// ZeroChecksum is the error detection method with which the sender accepts a
	// checksum of 0 (RFC 9653 section 4); 0: it does not.
	ZeroChecksum uint32
	// Unrecognized are the Unrecognized Parameter parameters to report in INIT ACK,
	// each with its header and padding. ParseInit leaves it nil.
	Unrecognized []byte

	parameters []byte
}

// ParseInit reads the value of INIT or INIT ACK, up to an unknown parameter behind which
// nothing may be read (RFC 9260 section 3.2.1). What it does not know stays in
// Parameters. Errors: ErrTruncated, ErrLength.
func ParseInit(value []byte) (Init, error) {
	if len(value) < initSize {
		return Init{}, fmt.Errorf("%w: INIT of %d bytes", ErrTruncated, len(value))
	}
	i := Init{
		Tag:             binary.BigEndian.Uint32(value),
		Window:          binary.BigEndian.Uint32(value[4:]),
		OutboundStreams: binary.BigEndian.Uint16(value[8:]),
		InboundStreams:  binary.BigEndian.Uint16(value[10:]),
		InitialTSN:      TSN(binary.BigEndian.Uint32(value[12:])),
		parameters:      value[initSize:],
	}
	parameters := i.Parameters()
	for {
		p, ok := parameters.Next()
		if !ok {
			return i, parameters.Err()
		}
		switch p.Type {
		case ParameterStateCookie:
			i.Cookie = p.Value
		case ParameterForwardTSNSupported:
			i.ForwardTSN = true
		case ParameterSupportedExtensions:
			i.Extensions = p.Value
		case ParameterZeroChecksum:
			if len(p.Value) >= 4 {
				i.ZeroChecksum = binary.BigEndian.Uint32(p.Value)
			}
		case ParameterIPv4, ParameterIPv6, ParameterUnrecognized, ParameterCookiePreservative, ParameterHostName, ParameterAddressTypes:
		default:
			if p.Type.StopsParameters() {
				return i, nil
			}
		}
	}
}

// Parameters walks over the parameters of an Init that ParseInit made.
func (i *Init) Parameters() Parameters { return Parameters{rest: i.parameters} }

// Supports reports whether the supported extensions name a chunk type.
func (i *Init) Supports(t Type) bool {
	for _, e := range i.Extensions {
		if Type(e) == t {
			return true
		}
	}
	return false
}

// AppendInit appends INIT or INIT ACK, as t says.
func AppendInit(b []byte, t Type, i *Init) []byte {
	b, start := begin(b, t, 0)
	b = binary.BigEndian.AppendUint32(b, i.Tag)
	b = binary.BigEndian.AppendUint32(b, i.Window)
	b = binary.BigEndian.AppendUint16(b, i.OutboundStreams)
	b = binary.BigEndian.AppendUint16(b, i.InboundStreams)
	b = binary.BigEndian.AppendUint32(b, uint32(i.InitialTSN))
	if i.Cookie != nil {
		b = AppendParameter(b, ParameterStateCookie, i.Cookie)
	}
	if i.ForwardTSN {
		b = AppendParameter(b, ParameterForwardTSNSupported, nil)
	}
	if i.Extensions != nil {
		b = AppendParameter(b, ParameterSupportedExtensions, i.Extensions)
	}
	if i.ZeroChecksum != 0 {
		var method [4]byte
		binary.BigEndian.PutUint32(method[:], i.ZeroChecksum)
		b = AppendParameter(b, ParameterZeroChecksum, method[:])
	}
	b = append(b, i.Unrecognized...)
	return finish(b, start)
}
