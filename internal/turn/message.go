package turn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/pion/stun"
)

// Why a packet of the server was dropped.
var (
	ErrMalformed          = errors.New("turn: malformed message")
	ErrUnexpected         = errors.New("turn: message of an unexpected kind")
	ErrUnknownTransaction = errors.New("turn: response to no request of ours")
	ErrIntegrity          = errors.New("turn: MESSAGE-INTEGRITY is missing or wrong")
	ErrUnknownPeer        = errors.New("turn: data of a peer or channel that is not ours")
)

// Error codes that the client acts upon (RFC 8489 section 14.8, RFC 8656 section
// 19).
const (
	codeTryAlternate       = 300
	codeUnauthenticated    = 401
	codeMismatch           = 437
	codeStaleNonce         = 438
	codeFamilyNotSupported = 440
)

const (
	stunHeader       = 20
	magicCookie      = 0x2112a442
	integritySize    = 20
	maxNonce         = 763 // RFC 8489 sections 14.9 and 14.10: under 128 characters
	maxReason        = 127 // characters, RFC 8489 section 14.8
	maxAlternateName = 255
)

// ErrorResponse is an error response of the server: of TURN among others 403
// Forbidden, 437 Allocation Mismatch, 440 Address Family not Supported, 441 Wrong
// Credentials, 442 Unsupported Transport Protocol, 486 Allocation Quota Reached
// and 508 Insufficient Capacity (RFC 8656 section 19), of STUN 300 Try Alternate,
// 401 and 420 (RFC 8489 section 14.8).
type ErrorResponse struct {
	Method string // that was refused, as "Allocate"
	Code   int    // 300 to 699
	Reason string // the server's, without control characters
	// Alternate is the server to ask instead, with 300 (RFC 8489 section 14.15);
	// unset where none was named.
	Alternate netip.AddrPort
	// AlternateDomain is the name that the alternate server's certificate is for
	// (RFC 8489 section 14.16); empty: that of this server.
	AlternateDomain string
}

// Error says what was refused, and why.
func (e *ErrorResponse) Error() string {
	text := fmt.Sprintf("TURN server refused %s: %d", e.Method, e.Code)
	if e.Reason != "" {
		text += " " + e.Reason
	}
	return text
}

// Alternate returns the server to ask in place of one that answered with err; ok
// is false where err names none.
func Alternate(err error) (server netip.AddrPort, domain string, ok bool) {
	var e *ErrorResponse
	if !errors.As(err, &e) || e.Code != codeTryAlternate || !e.Alternate.IsValid() {
		return netip.AddrPort{}, "", false
	}
	return e.Alternate, e.AlternateDomain, true
}

// Mismatch reports whether a server refused because this end's address has an
// allocation already, of somebody who had it before: another port may do (RFC 8656
// section 7.4).
func Mismatch(err error) bool {
	var e *ErrorResponse
	return errors.As(err, &e) && e.Code == codeMismatch
}

// decode reads a message into m, which shares raw. The length has to fit to the
// octet: pion/stun takes messages with something behind them.
func decode(m *stun.Message, raw []byte) error {
	if len(raw) < stunHeader || len(raw)%4 != 0 || !stun.IsMessage(raw) ||
		int(binary.BigEndian.Uint16(raw[2:])) != len(raw)-stunHeader {
		return ErrMalformed
	}
	m.Raw = raw
	if err := m.Decode(); err != nil {
		return ErrMalformed
	}
	for i, a := range m.Attributes {
		if a.Type == stun.AttrFingerprint && (len(a.Value) != 4 || i != len(m.Attributes)-1 || stun.Fingerprint.Check(m) != nil) {
			return ErrMalformed
		}
	}
	return nil
}

// attribute returns the first attribute of a type. What follows MESSAGE-INTEGRITY
// is not protected by it and does not count (RFC 8489 section 14.5).
func attribute(m *stun.Message, t stun.AttrType) ([]byte, bool) {
	for _, a := range m.Attributes {
		if a.Type == t {
			return a.Value, true
		}
		if ends(a.Type, t) {
			break
		}
	}
	return nil, false
}

// ends reports whether what follows an attribute of type a is not protected, but for
// one of type wanted: MESSAGE-INTEGRITY-SHA256 may follow MESSAGE-INTEGRITY (RFC 8489
// section 14.5).
func ends(a, wanted stun.AttrType) bool {
	return a == stun.AttrMessageIntegritySHA256 || a == stun.AttrMessageIntegrity && wanted != stun.AttrMessageIntegritySHA256
}

func integrityOf(m *stun.Message) ([]byte, bool) { return attribute(m, stun.AttrMessageIntegrity) }

// checkIntegrity holds MESSAGE-INTEGRITY against key. Its length is checked
// before pion/stun computes with it.
func checkIntegrity(m *stun.Message, key stun.MessageIntegrity) error {
	if v, ok := integrityOf(m); !ok || len(v) != integritySize || key.Check(m) != nil {
		return ErrIntegrity
	}
	return nil
}

// unknownAttribute returns a comprehension-required attribute that a response of
// TURN does not have (RFC 8489 section 14); 0: none.
func unknownAttribute(m *stun.Message) stun.AttrType {
	for _, a := range m.Attributes {
		switch a.Type {
		case stun.AttrMappedAddress, stun.AttrUsername, stun.AttrErrorCode, stun.AttrUnknownAttributes, stun.AttrChannelNumber,
			stun.AttrLifetime, stun.AttrXORPeerAddress, stun.AttrData, stun.AttrRealm, stun.AttrNonce, stun.AttrXORRelayedAddress,
			stun.AttrRequestedAddressFamily, stun.AttrEvenPort, stun.AttrRequestedTransport, stun.AttrDontFragment,
			stun.AttrXORMappedAddress, stun.AttrReservationToken:
		case stun.AttrMessageIntegrity, stun.AttrMessageIntegritySHA256:
			return 0
		default:
			if a.Type < 0x8000 {
				return a.Type
			}
		}
	}
	return 0
}

// readError reads ERROR-CODE and, with 300, the alternate server.
func readError(m *stun.Message) (*ErrorResponse, error) {
	v, ok := attribute(m, stun.AttrErrorCode)
	if !ok || len(v) < 4 {
		return nil, ErrMalformed
	}
	e := &ErrorResponse{Code: int(v[2]&7)*100 + int(v[3]), Reason: printable(v[4:])}
	if e.Code < 300 || e.Code > 699 || v[3] > 99 {
		return nil, ErrMalformed
	}
	if e.Code == codeTryAlternate {
		if a, ok := attribute(m, stun.AttrAlternateServer); ok {
			e.Alternate, _ = plainAddress(a)
		}
		if d, ok := attribute(m, stun.AttrAlternateDomain); ok && len(d) > 0 {
			e.AlternateDomain = string(d)
			if !isDomain(d) {
				e.Alternate, e.AlternateDomain = netip.AddrPort{}, "" // nothing to verify that server by
			}
		}
	}
	return e, nil
}

// isDomain reports whether d has the form of "a valid DNS name" of 255 or fewer
// ASCII characters (RFC 8489 section 14.16).
func isDomain(d []byte) bool {
	for _, b := range d {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		if !letter && (b < '0' || b > '9') && b != '-' && b != '_' && b != '.' {
			return false
		}
	}
	return len(d) <= maxAlternateName
}

// printable makes a server's text fit for logs and events.
func printable(b []byte) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), ""))
	if r := []rune(s); len(r) > maxReason {
		s = string(r[:maxReason])
	}
	return s
}

// addXORAddress appends an address attribute (RFC 8489 section 14.2).
func addXORAddress(m *stun.Message, t stun.AttrType, a netip.AddrPort) {
	m.Add(t, appendXORAddress(nil, m.Raw[4:stunHeader], a))
}

// appendXORAddress appends the value of an address attribute; key is the cookie
// and the transaction ID.
func appendXORAddress(b, key []byte, a netip.AddrPort) []byte {
	ip := a.Addr().Unmap()
	b = append(b, 0, byte(1+familyIndex(ip)))
	b = binary.BigEndian.AppendUint16(b, a.Port()^magicCookie>>16)
	for i, v := range ip.AsSlice() {
		b = append(b, v^key[i])
	}
	return b
}

// xorAddress reads the value of an XOR-…-ADDRESS attribute, whose length has to
// be that of its family.
func xorAddress(v, key []byte) (netip.AddrPort, bool) {
	switch {
	case len(v) == 8 && v[1] == 1:
		var ip [4]byte
		for i := range ip {
			ip[i] = v[4+i] ^ key[i]
		}
		return netip.AddrPortFrom(netip.AddrFrom4(ip), binary.BigEndian.Uint16(v[2:])^magicCookie>>16), true
	case len(v) == 20 && v[1] == 2:
		var ip [16]byte
		for i := range ip {
			ip[i] = v[4+i] ^ key[i]
		}
		return netip.AddrPortFrom(netip.AddrFrom16(ip).Unmap(), binary.BigEndian.Uint16(v[2:])^magicCookie>>16), true
	}
	return netip.AddrPort{}, false
}

// plainAddress reads the value of an address attribute that is not obfuscated.
func plainAddress(v []byte) (netip.AddrPort, bool) {
	var zero [16]byte
	a, ok := xorAddress(v, zero[:])
	if !ok {
		return netip.AddrPort{}, false
	}
	a = netip.AddrPortFrom(a.Addr(), a.Port()^magicCookie>>16)
	return a, usable(a)
}

// usable reports whether packets can be sent to a.
func usable(a netip.AddrPort) bool {
	return a.IsValid() && a.Port() != 0 && !a.Addr().IsUnspecified() && !a.Addr().IsMulticast()
}
