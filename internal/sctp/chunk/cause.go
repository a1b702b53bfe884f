package chunk

import (
	"encoding/binary"
	"fmt"
)

// CauseCode is the code of an error cause in ABORT and ERROR (RFC 9260 section
// 3.3.10).
type CauseCode uint16

// The error causes of RFC 9260 section 3.3.10.
const (
	CauseInvalidStream         CauseCode = 1
	CauseMissingParameter      CauseCode = 2
	CauseStaleCookie           CauseCode = 3
	CauseOutOfResource         CauseCode = 4
	CauseUnresolvableAddress   CauseCode = 5
	CauseUnrecognizedChunk     CauseCode = 6
	CauseInvalidParameter      CauseCode = 7
	CauseUnrecognizedParameter CauseCode = 8
	CauseNoUserData            CauseCode = 9
	CauseCookieWhileShutdown   CauseCode = 10
	CauseRestartNewAddresses   CauseCode = 11
	CauseUserAbort             CauseCode = 12
	CauseProtocolViolation     CauseCode = 13
)

// String is a name for the code.
func (c CauseCode) String() string {
	names := [...]string{
		1: "invalid stream identifier", 2: "missing mandatory parameter", 3: "stale cookie",
		4: "out of resource", 5: "unresolvable address", 6: "unrecognized chunk type",
		7: "invalid mandatory parameter", 8: "unrecognized parameters", 9: "no user data",
		10: "cookie received while shutting down", 11: "restart with new addresses",
		12: "user-initiated abort", 13: "protocol violation",
	}
	if int(c) < len(names) && names[c] != "" {
		return names[c]
	}
	return fmt.Sprintf("cause %d", uint16(c))
}

// Cause is one error cause.
type Cause struct {
	Code CauseCode
	Info []byte
}

// Causes walks over the error causes of ABORT or ERROR.
type Causes struct {
	rest []byte
	err  error
}

// ParseCauses returns the causes in the value of ABORT or ERROR.
func ParseCauses(value []byte) Causes { return Causes{rest: value} }

// Next returns the next cause; false at the end, or where the rest cannot be read,
// which Err tells.
func (c *Causes) Next() (Cause, bool) {
	if len(c.rest) == 0 {
		return Cause{}, false
	}
	raw, rest, err := cut(c.rest, parameterHeader)
	if err != nil {
		c.err, c.rest = fmt.Errorf("error cause: %w", err), nil
		return Cause{}, false
	}
	c.rest = rest
	return Cause{CauseCode(binary.BigEndian.Uint16(raw)), raw[parameterHeader:]}, true
}

// Err is what ended the walk early: ErrTruncated, ErrLength or nil.
func (c *Causes) Err() error { return c.err }

// AppendCause appends one cause, to be the value of ABORT or ERROR.
func AppendCause(b []byte, code CauseCode, info []byte) []byte {
	return AppendParameter(b, ParameterType(code), info)
}
