package webrtc

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// iceServerURL is a parsed URL of RFC 7064 section 3.1 (stun, stuns) or RFC 7065
// section 3.1 (turn, turns).
type iceServerURL struct {
	scheme    string // "stun", "stuns", "turn" or "turns"
	host      string // a name, or an IP literal without brackets
	port      uint16 // never 0; 3478, or 5349 over TLS, where the URL has none
	located   bool   // a domain without a port: SRV records tell the servers
	transport string // "udp" or "tcp"; where the URL has none, tcp over TLS and udp otherwise
	raw       string // as the application wrote it
	// username and password are those of the ICEServer that holds the URL of a TURN
	// server; the parser leaves them empty.
	username, password string
}

const (
	// The default ports of RFC 7064 section 3.2 and RFC 7065 section 3.2.
	defaultSTUNPort  = 3478
	defaultSTUNSPort = 5349
	// maxHostName is the longest name in the DNS (RFC 1035 section 2.3.4), as
	// text without the final dot.
	maxHostName = 253
	// maxICEServerURL bounds what is parsed: scheme, the longest host, port and
	// transport fit with room to spare.
	maxICEServerURL = 512
)

// isTURN reports whether the URL names a TURN server.
func (u iceServerURL) isTURN() bool {
	return u.scheme == "turn" || u.scheme == "turns"
}

// isSecure reports whether the server is spoken to over TLS or DTLS.
func (u iceServerURL) isSecure() bool {
	return u.scheme == "stuns" || u.scheme == "turns"
}

// parseICEServerURL parses raw. It is W3C's "validate an ICE server URL"
// (webrtc-pc section 4.4.1.5) with the grammars of RFC 7064 and RFC 7065, which
// are narrower than the URL parser of browsers: no percent escapes, no
// abbreviated IPv4 addresses, no port 0, and names of other scripts only in
// their ASCII form (xn--). The error, without Op, is a NotSupportedError for a
// scheme of another protocol and a SyntaxError otherwise.
func parseICEServerURL(raw string) (iceServerURL, error) {
	u, err := splitICEServerURL(raw)
	if err != nil {
		kind := KindSyntaxError
		var other *otherSchemeError
		if errors.As(err, &other) && other.opaque {
			kind = KindNotSupported
		}
		return iceServerURL{}, errorf(kind, "", "ICE server URL %s: %w", quoteShort(raw), err)
	}
	return u, nil
}

// otherSchemeError: the URL is of none of the four schemes.
type otherSchemeError struct {
	scheme string
	// opaque: what follows has the form that W3C looks at before the scheme.
	opaque bool
}

func (e *otherSchemeError) Error() string {
	return fmt.Sprintf("scheme %q is none of stun, stuns, turn, turns", e.scheme)
}

// newOtherSchemeError tells a URL of another protocol from what is no URL, or one
// with a path, as every URL of http and its like has (URL section 4.4).
func newOtherSchemeError(scheme, rest string) error {
	opaque := scheme != "" && !strings.ContainsAny(rest, "/@#")
	for i, r := range strings.ToLower(scheme) {
		letter := r >= 'a' && r <= 'z'
		opaque = opaque && (letter || i > 0 && strings.ContainsRune("0123456789+-.", r))
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "ws", "wss", "ftp", "file":
		opaque = false
	}
	return &otherSchemeError{scheme: scheme, opaque: opaque}
}

func splitICEServerURL(raw string) (iceServerURL, error) {
	if len(raw) > maxICEServerURL {
		return iceServerURL{}, fmt.Errorf("%d bytes, at most %d are allowed", len(raw), maxICEServerURL)
	}
	scheme, rest, ok := strings.Cut(raw, ":")
	if !ok {
		return iceServerURL{}, errors.New("no scheme")
	}
	u := iceServerURL{scheme: strings.ToLower(scheme), port: defaultSTUNPort, transport: "udp", raw: raw}
	switch u.scheme {
	case "stun", "turn":
	case "stuns", "turns":
		u.port, u.transport = defaultSTUNSPort, "tcp"
	default:
		return iceServerURL{}, newOtherSchemeError(scheme, rest)
	}
	if strings.Contains(rest, "#") {
		return iceServerURL{}, errors.New("a fragment is not allowed")
	}
	authority, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery {
		if !u.isTURN() {
			return iceServerURL{}, fmt.Errorf("a query is not allowed with %s", u.scheme)
		}
		switch query {
		case "transport=udp":
			u.transport = "udp"
		case "transport=tcp":
			u.transport = "tcp"
		default:
			return iceServerURL{}, fmt.Errorf("query %q is neither transport=udp nor transport=tcp", query)
		}
	}
	host, port, err := splitAuthority(authority)
	if err != nil {
		return iceServerURL{}, err
	}
	u.host = host
	if port != 0 {
		u.port = port
	}
	u.located = port == 0 && hasServices(host)
	return u, nil
}

// hasServices tells whether a host can have SRV records: a domain, no address, no
// single label, nothing of multicast DNS.
func hasServices(host string) bool {
	_, err := netip.ParseAddr(host)
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	return err != nil && strings.Contains(name, ".") && !strings.HasSuffix(name, ".local")
}

// splitAuthority parses host [ ":" port ]. Port 0 means that there is none.
func splitAuthority(authority string) (host string, port uint16, err error) {
	if strings.HasPrefix(authority, "//") {
		return "", 0, errors.New(`"//" is not allowed after the scheme`)
	}
	var portText string
	var hasPort bool
	if literal, ok := strings.CutPrefix(authority, "["); ok {
		literal, after, ok := strings.Cut(literal, "]")
		if !ok {
			return "", 0, errors.New(`"[" without "]"`)
		}
		addr, err := netip.ParseAddr(literal)
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", 0, fmt.Errorf("%q is not an IPv6 address", literal)
		}
		host = literal
		if portText, hasPort = strings.CutPrefix(after, ":"); !hasPort && after != "" {
			return "", 0, fmt.Errorf(`%q after "]"`, after)
		}
	} else if strings.Count(authority, ":") > 1 {
		return "", 0, errors.New("more than one colon; an IPv6 address needs brackets")
	} else {
		host, portText, hasPort = strings.Cut(authority, ":")
		if err := checkHostName(host); err != nil {
			return "", 0, err
		}
	}
	if !hasPort || portText == "" { // port = *DIGIT, RFC 3986 section 3.2.3
		return host, 0, nil
	}
	port, err = parsePort(portText)
	return host, port, err
}

func parsePort(text string) (uint16, error) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("port %q is not a number", text)
		}
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q is not in 1 to 65535", text)
	}
	return uint16(n), nil
}

// checkHostName takes IPv4 addresses and names of letters, digits, "-", "_" and
// ".". A name whose last label is a number has to be an IPv4 address: resolvers
// would otherwise read it in ways that differ.
func checkHostName(host string) error {
	if host == "" {
		return errors.New("no host")
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > maxHostName {
		return fmt.Errorf("host has %d bytes, at most %d are allowed", len(name), maxHostName)
	}
	for _, c := range []byte(name) {
		if !isHostNameByte(c) {
			return fmt.Errorf("host %q has the character %q", host, string(rune(c)))
		}
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" {
			return fmt.Errorf("host %q has an empty label", host)
		}
		if len(label) > 63 { // RFC 1035 section 2.3.4
			return fmt.Errorf("host %q has a label of %d bytes, at most 63 are allowed", host, len(label))
		}
	}
	if last := labels[len(labels)-1]; isNumberLabel(last) {
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is4() {
			return fmt.Errorf("host %q is not an IPv4 address", host)
		}
	}
	return nil
}

func isHostNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// isNumberLabel is the test of the URL standard's "ends in a number".
func isNumberLabel(label string) bool {
	if hex, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// quoteShort quotes text for an error, bounded.
func quoteShort(text string) string {
	const limit = 80
	if len(text) > limit {
		return strconv.Quote(text[:limit]) + "..."
	}
	return strconv.Quote(text)
}
