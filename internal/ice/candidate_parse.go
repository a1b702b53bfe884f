package ice

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Limits of a candidate line. The longest lines seen, with a name and every
// known extension, are about 250 bytes.
const (
	maxCandidateLength = 1024
	maxExtensions      = 16
	maxHostname        = 253
)

// Reasons why a well-formed candidate is of no use here; RFC 8839 section 5.1
// wants such candidates ignored, not the description refused.
var (
	ErrUnsupportedTransport = errors.New("transport is not udp or tcp")
	ErrUnsupportedType      = errors.New("type is not host, srflx, prflx or relay")
)

// ParseCandidate reads a candidate attribute (RFC 8839 section 5.1) with the
// prefix "candidate:", "a=candidate:" or none. Errors name the field; they wrap
// [ErrUnsupportedTransport] and [ErrUnsupportedType] where these are the reason.
func ParseCandidate(s string) (Candidate, error) {
	c, err := parseCandidate(s)
	if err != nil {
		return Candidate{}, fmt.Errorf("candidate: %w", err)
	}
	return c, nil
}

func parseCandidate(s string) (Candidate, error) {
	if len(s) > maxCandidateLength {
		return Candidate{}, fmt.Errorf("%d bytes long, more than %d", len(s), maxCandidateLength)
	}
	s = strings.TrimRight(s, "\r\n ")
	s = strings.TrimPrefix(s, "a=")
	s = strings.TrimPrefix(s, "candidate:")
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return Candidate{}, fmt.Errorf("byte %#x at %d", s[i], i)
		}
	}
	words := strings.Fields(s)
	if len(words) < 8 {
		return Candidate{}, fmt.Errorf("%d fields, want 8 or more", len(words))
	}
	var c Candidate
	if err := c.parseHead(words[:8]); err != nil {
		return Candidate{}, err
	}
	return c, c.parseTail(words[8:])
}

// parseHead reads the eight fields that every candidate has.
func (c *Candidate) parseHead(w []string) error {
	if c.Foundation = w[0]; !isICEString(c.Foundation, 1, 32) {
		return fmt.Errorf("foundation %.40q is not 1 to 32 ice-chars", c.Foundation)
	}
	component, err := strconv.ParseUint(w[1], 10, 16)
	if err != nil || component < 1 || component > 256 {
		return fmt.Errorf("component %.20q is not 1 to 256", w[1])
	}
	c.Component = uint16(component)
	switch strings.ToLower(w[2]) {
	case "udp":
	case "tcp":
		c.Transport = TCP
	default:
		return fmt.Errorf("%.20q: %w", w[2], ErrUnsupportedTransport)
	}
	priority, err := strconv.ParseUint(w[3], 10, 32)
	if err != nil || priority < 1 || priority > 1<<31-1 {
		return fmt.Errorf("priority %.20q is not 1 to 2^31-1", w[3])
	}
	c.Priority = uint32(priority)
	port, err := strconv.ParseUint(w[5], 10, 16)
	if err != nil {
		return fmt.Errorf("port %.20q is not 0 to 65535", w[5])
	}
	if err := c.parseAddress(w[4], uint16(port)); err != nil {
		return err
	}
	if w[6] != "typ" {
		return fmt.Errorf("%.20q instead of typ", w[6])
	}
	for t, name := range candidateTypeNames {
		if w[7] == name {
			c.Type = CandidateType(t)
			return nil
		}
	}
	return fmt.Errorf("%.20q: %w", w[7], ErrUnsupportedType)
}

func (c *Candidate) parseAddress(text string, port uint16) error {
	addr, err := netip.ParseAddr(text)
	switch {
	case err == nil && addr.Zone() != "":
		return fmt.Errorf("address %.60q has a zone", text)
	case err == nil:
		c.Addr = netip.AddrPortFrom(addr.Unmap(), port)
	case isHostname(text):
		c.Hostname = text
		c.Addr = netip.AddrPortFrom(netip.Addr{}, port)
	default:
		return fmt.Errorf("address %.60q is neither an IP address nor a name", text)
	}
	return nil
}

// isHostname accepts the names of RFC 8839's FQDN production, and the
// "<uuid>.local" of mDNS.
func isHostname(s string) bool {
	if len(s) > maxHostname {
		return false
	}
	letters := false
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			switch b := label[i]; {
			case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z':
				letters = true
			case b >= '0' && b <= '9' || b == '-' || b == '_':
			default:
				return false
			}
		}
	}
	return letters // digits and dots alone are a mistyped IPv4 address
}

// parseTail reads raddr, rport and the extensions.
func (c *Candidate) parseTail(w []string) error {
	if len(w)%2 != 0 {
		return fmt.Errorf("%.20q has no value", w[len(w)-1])
	}
	var related netip.Addr
	for ; len(w) >= 2; w = w[2:] {
		key, value := w[0], w[1]
		switch key {
		case "raddr":
			// A name here (an obfuscated address) says nothing of use.
			related, _ = netip.ParseAddr(value)
		case "rport":
			port, err := strconv.ParseUint(value, 10, 16)
			if err != nil {
				return fmt.Errorf("rport %.20q is not 0 to 65535", value)
			}
			if related.IsValid() && related.Zone() == "" {
				c.Related = netip.AddrPortFrom(related.Unmap(), uint16(port))
			}
		case "tcptype":
			c.TCPType = value
		case "ufrag":
			if !isICEString(value, 1, maxCredential) {
				return fmt.Errorf("ufrag %.40q is not 1 to 256 ice-chars", value)
			}
			c.UsernameFragment = value
		default:
			if len(c.Extensions) == maxExtensions {
				return fmt.Errorf("more than %d extensions", maxExtensions)
			}
			c.Extensions = append(c.Extensions, Extension{key, value})
		}
	}
	return nil
}
