package webrtc

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// RFC 7064 section 3.1: stunURI = scheme ":" host [ ":" port ]
// RFC 7065 section 3.1: turnURI = scheme ":" host [ ":" port ] [ "?transport=" transport ]
func TestICEServerURLGrammar(t *testing.T) {
	for _, test := range []struct {
		raw  string
		want iceServerURL
	}{
		// RFC 7064 section 3.2 and RFC 7065 section 3.2: 3478, and 5349 over TLS.
		{"stun:example.org", iceServerURL{scheme: "stun", host: "example.org", port: 3478, transport: "udp", located: true}},
		{"stuns:example.org", iceServerURL{scheme: "stuns", host: "example.org", port: 5349, transport: "tcp", located: true}},
		{"turn:example.org", iceServerURL{scheme: "turn", host: "example.org", port: 3478, transport: "udp", located: true}},
		{"turns:example.org", iceServerURL{scheme: "turns", host: "example.org", port: 5349, transport: "tcp", located: true}},
		// The examples of RFC 7064 appendix B and RFC 7065 appendix B.
		{"stun:example.org:8000", iceServerURL{scheme: "stun", host: "example.org", port: 8000, transport: "udp"}},
		{"turn:example.org:8000", iceServerURL{scheme: "turn", host: "example.org", port: 8000, transport: "udp"}},
		{"turn:example.org?transport=udp", iceServerURL{scheme: "turn", host: "example.org", port: 3478, transport: "udp", located: true}},
		{"turn:example.org?transport=tcp", iceServerURL{scheme: "turn", host: "example.org", port: 3478, transport: "tcp", located: true}},
		{"turns:example.org?transport=tcp", iceServerURL{scheme: "turns", host: "example.org", port: 5349, transport: "tcp", located: true}},
		{"turns:example.org?transport=udp", iceServerURL{scheme: "turns", host: "example.org", port: 5349, transport: "udp", located: true}},
		// RFC 3986 section 3.2.2: host = IP-literal / IPv4address / reg-name
		{"stun:192.0.2.1", iceServerURL{scheme: "stun", host: "192.0.2.1", port: 3478, transport: "udp"}},
		{"stun:192.0.2.1:19302", iceServerURL{scheme: "stun", host: "192.0.2.1", port: 19302, transport: "udp"}},
		{"stun:[2001:db8::1]", iceServerURL{scheme: "stun", host: "2001:db8::1", port: 3478, transport: "udp"}},
		{"turn:[2001:db8::1]:65535?transport=tcp", iceServerURL{scheme: "turn", host: "2001:db8::1", port: 65535, transport: "tcp"}},
		{"stun:[::ffff:192.0.2.1]:1", iceServerURL{scheme: "stun", host: "::ffff:192.0.2.1", port: 1, transport: "udp"}},
		// RFC 3986 section 3.2.3: port = *DIGIT, so it may be empty and have
		// leading zeros.
		{"stun:example.org:", iceServerURL{scheme: "stun", host: "example.org", port: 3478, transport: "udp", located: true}},
		{"stun:[::1]:", iceServerURL{scheme: "stun", host: "::1", port: 3478, transport: "udp"}},
		{"stun:example.org:003478", iceServerURL{scheme: "stun", host: "example.org", port: 3478, transport: "udp"}},
		// RFC 3986 section 3.1: schemes do not depend on the case of letters.
		{"STUN:Example.ORG", iceServerURL{scheme: "stun", host: "Example.ORG", port: 3478, transport: "udp", located: true}},
		{"stun:example.org.", iceServerURL{scheme: "stun", host: "example.org.", port: 3478, transport: "udp", located: true}},
		{"stun:a_b.example-1.org", iceServerURL{scheme: "stun", host: "a_b.example-1.org", port: 3478, transport: "udp", located: true}},
		{"stun:localhost", iceServerURL{scheme: "stun", host: "localhost", port: 3478, transport: "udp"}},
		{"stun:256.com", iceServerURL{scheme: "stun", host: "256.com", port: 3478, transport: "udp", located: true}},
	} {
		test.want.raw = test.raw
		got, err := parseICEServerURL(test.raw)
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v\nwant %+v", test.raw, got, err, test.want)
		}
	}
}

// webrtc-pc section 4.4.1.5, validate an ICE server URL: each of these is a
// SyntaxError. Many are among the cases of the Web Platform Tests.
func TestICEServerURLMisuseIsASyntaxError(t *testing.T) {
	for _, test := range []struct{ raw, text string }{
		{"", "no scheme"},
		{"relative-url", "no scheme"},
		{"http://example.com", `scheme "http"`},
		{":example.com", `scheme ""`},
		{" stun:example.com", `scheme " stun"`},
		{"stun:", "no host"},
		{"stun::3478", "no host"},
		{"stun:::1", "brackets"},
		{"turn:?transport=udp", "no host"},
		{"stun://example.org", "//"},
		{"turn://example.org/foo?x=y", "query"},
		{"stun://example.org/foo?x=y", "query"},
		{"stun:example.net/foo", "\"/\""},
		{"stun:/example.net", "\"/\""},
		{"stun:user@example.net", "\"@\""},
		{"turn:user:password@example.net", "port"},
		{"stun:example.net#foo", "fragment"},
		{"turn:example.net?transport=udp#", "fragment"},
		{"stun:example.org?transport=udp", "query is not allowed with stun"},
		{"stuns:example.org?transport=tcp", "query is not allowed with stuns"},
		{"stun:example.org?", "query is not allowed"},
		{"turn:example.org?", "neither transport=udp nor transport=tcp"},
		{"turn:example.org?transport=", "neither"},
		{"turn:example.org?transport=tls", "neither"},
		{"turn:example.org?transport=UDP", "neither"},
		{"turn:example.org?transport=udp&x=y", "neither"},
		{"turn:example.org?foo=bar", "neither"},
		{"stun:example.net:65536", "65535"},
		{"stun:example.net:0", "65535"},
		{"stun:example.net:99999999999999999999", "65535"},
		{"stun:example.net:b", "not a number"},
		{"stun:example.net:-21", "not a number"},
		{"stun:example.net:+21", "not a number"},
		{"stun:example.net: 21", "not a number"},
		{"stun:example.net:21:22", "brackets"},
		{"stun:2001:db8::1", "brackets"},
		{"stun:[2001:db8::1", `without "]"`},
		{"stun:[61:24:74]:98", "not an IPv6 address"},
		{"stun:[example.net]", "not an IPv6 address"},
		{"stun:[192.0.2.1]", "not an IPv6 address"},
		{"stun:[::1.2.3.4x]", "not an IPv6 address"},
		{"stun:[]", "not an IPv6 address"},
		{"stun:[fe80::1%25eth0]", "not an IPv6 address"},
		{"stun:[fe80::1%eth0]", "not an IPv6 address"},
		{"stun:[::1]x", `after "]"`},
		{"stun:[::1]3478", `after "]"`},
		{"stun:192.168.0.257", "not an IPv4 address"},
		{"stun:256.256.256.256", "not an IPv4 address"},
		{"stun:192.168.257", "not an IPv4 address"},
		{"stun:1.2.3.4.5", "not an IPv4 address"},
		{"stun:10000000000", "not an IPv4 address"},
		{"stun:192.0x00A80001", "not an IPv4 address"},
		{"stun:192.0.2.1.", "not an IPv4 address"},
		{"stun:a..b", "empty label"},
		{"stun:.", "empty label"},
		{"stun:x x:12", "character"},
		{"stun:a<b", "character"},
		{"stun:a[b", "character"},
		{"stun:a\\b", "character"},
		{"stun:ho\x00st", "character"},
		{"stun:example.org\r\na=b", "character"},
		{"stun:%25", "character"},
		{"stun:ex%61mple.net", "character"},
		{"stun:faß.example", "character"},
		{"stun:" + strings.Repeat("a", 64) + ".org", "label of 64 bytes"},
		{"stun:" + strings.Repeat("a.", 127) + "aa", "at most 253"},
		{"stun:" + strings.Repeat("a", 1<<20), "at most 512"},
	} {
		_, err := parseICEServerURL(test.raw)
		if !errors.Is(err, ErrSyntax) {
			t.Errorf("%.60q: got %v, want a SyntaxError", test.raw, err)
			continue
		}
		if !strings.Contains(err.Error(), test.text) {
			t.Errorf("%.60q: the text %q does not say %s", test.raw, err, test.text)
		}
		if len(err.Error()) > 1000 {
			t.Errorf("%.60q: the text has %d bytes", test.raw, len(err.Error()))
		}
	}
}

func TestLongestHostNameIsAccepted(t *testing.T) {
	host := strings.Repeat("a.", 126) + "a"
	if len(host) != 253 {
		t.Fatalf("the test is wrong: %d", len(host))
	}
	if _, err := parseICEServerURL("turns:" + host + ":65535?transport=tcp"); err != nil {
		t.Error(err)
	}
}

// The parser is given text from configuration servers: whatever it accepts must
// be safe to print into a log, to resolve and to dial.
func FuzzParseICEServerURL(f *testing.F) {
	for _, seed := range []string{
		"stun:example.org", "turns:[2001:db8::1]:443?transport=tcp", "turn:192.0.2.1:3478?transport=udp",
		"stun:[::1]", "stun:a..b", "stun:%25", "turn:x?transport=", "stun:[", "stun::", "STUNS:0x7f.1:5349", "turn:[::1%eth0]", "A:0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseICEServerURL(raw)
		if err != nil {
			// Another scheme is a NotSupportedError (webrtc-pc, set the configuration).
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrNotSupported) {
				t.Fatalf("%q: %v is neither a SyntaxError nor a NotSupportedError", raw, err)
			}
			return
		}
		if u.port == 0 || u.host == "" || u.raw != raw {
			t.Fatalf("%q: %+v", raw, u)
		}
		if u.transport != "udp" && u.transport != "tcp" {
			t.Fatalf("%q: transport %q", raw, u.transport)
		}
		if u.isSecure() != strings.HasSuffix(u.scheme, "s") || u.isTURN() != strings.HasPrefix(u.scheme, "turn") {
			t.Fatalf("%q: scheme %q", raw, u.scheme)
		}
		if _, err := netip.ParseAddr(u.host); err == nil {
			return
		}
		for _, c := range []byte(u.host) {
			if !isHostNameByte(c) {
				t.Fatalf("%q: host %q", raw, u.host)
			}
		}
	})
}

// webrtc-pc section 4.4.1.5, validate an ICE server URL: "If parsedURL's scheme is
// not implemented by the user agent, then throw a NotSupportedError", which comes
// behind the form of the URL.
func TestICEServerURLsOfOtherProtocols(t *testing.T) {
	for raw, want := range map[string]error{
		"sip:example.org": ErrNotSupported, "example.com:3478": ErrNotSupported, "coap+tcp:x": ErrNotSupported,
		"sip:user@example.org": ErrSyntax, "sip:example.org/x": ErrSyntax, "sip:example.org#x": ErrSyntax,
		"http:example.org": ErrSyntax, "WSS:example.org": ErrSyntax, "9p:example.org": ErrSyntax, "s p:example.org": ErrSyntax,
	} {
		if _, err := parseICEServerURL(raw); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", raw, err, want)
		}
	}
}
