package chunk

import (
	"encoding/binary"
	"fmt"
)

// ParameterType is the type of a parameter in INIT, INIT ACK or RE-CONFIG. Its two
// highest bits say what is to be done by who does not know it (RFC 9260 section
// 3.2.1).
type ParameterType uint16

// The parameter types of RFC 9260 section 3.3.2, RFC 3758 section 3.1, RFC 5061
// section 4.2.7, RFC 6525 section 4 and RFC 9653 section 4.
const (
	ParameterHeartbeatInfo       ParameterType = 1
	ParameterIPv4                ParameterType = 5
	ParameterIPv6                ParameterType = 6
	ParameterStateCookie         ParameterType = 7
	ParameterUnrecognized        ParameterType = 8
	ParameterCookiePreservative  ParameterType = 9
	ParameterHostName            ParameterType = 11
	ParameterAddressTypes        ParameterType = 12
	ParameterOutgoingReset       ParameterType = 13
	ParameterIncomingReset       ParameterType = 14
	ParameterTSNReset            ParameterType = 15
	ParameterReconfigResponse    ParameterType = 16
	ParameterAddOutgoing         ParameterType = 17
	ParameterAddIncoming         ParameterType = 18
	ParameterZeroChecksum        ParameterType = 0x8001
	ParameterSupportedExtensions ParameterType = 0x8008
	ParameterForwardTSNSupported ParameterType = 0xC000
	parameterHeader                            = 4
	maxParameterValue                          = 0xffff - parameterHeader
)

// StopsParameters reports that who does not know the parameter must not process
// those that follow it: the highest bit is 0.
func (t ParameterType) StopsParameters() bool { return t&0x8000 == 0 }

// WantsReport reports that who does not know the parameter must report it: the
// second highest bit is 1.
func (t ParameterType) WantsReport() bool { return t&0x4000 != 0 }

// Parameter is one parameter of a chunk.
type Parameter struct {
	Type  ParameterType
	Value []byte // without padding
	Raw   []byte // as on the wire, header included and padding not
}

// Parameters walks over parameters. The zero value has none.
type Parameters struct {
	rest []byte
	err  error
}

// Next returns the next parameter; false at the end, or where the rest cannot be
// read, which Err tells.
func (p *Parameters) Next() (Parameter, bool) {
	if len(p.rest) == 0 {
		return Parameter{}, false
	}
	raw, rest, err := cut(p.rest, parameterHeader)
	if err != nil {
		p.err, p.rest = fmt.Errorf("parameter: %w", err), nil
		return Parameter{}, false
	}
	p.rest = rest
	return Parameter{
		Type: ParameterType(binary.BigEndian.Uint16(raw)), Value: raw[parameterHeader:], Raw: raw,
	}, true
}

// Err is what ended the walk early: ErrTruncated, ErrLength or nil.
func (p *Parameters) Err() error { return p.err }

// beginParameter appends the header of a parameter whose length finish fills in.
func beginParameter(b []byte, t ParameterType) ([]byte, int) {
	return append(b, byte(t>>8), byte(t), 0, 0), len(b)
}

// AppendParameter appends one parameter and its padding. A value of more than
// 65,531 bytes is cut.
func AppendParameter(b []byte, t ParameterType, value []byte) []byte {
	b, start := beginParameter(b, t)
	return finish(append(b, value[:min(len(value), maxParameterValue)]...), start)
}
