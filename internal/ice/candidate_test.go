package ice

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestParsesCandidateLines(t *testing.T) {
	addr := netip.MustParseAddrPort
	tests := []struct {
		line string
		want Candidate
		text string // "": the line with "candidate:"
	}{
		{ // Chromium, host
			"candidate:842163049 1 udp 1677729535 203.0.113.1 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag EEtu network-id 1 network-cost 10",
			Candidate{Foundation: "842163049", Component: 1, Priority: 1677729535, Addr: addr("203.0.113.1:46154"), Type: ServerReflexive,
				Related: addr("0.0.0.0:0"), UsernameFragment: "EEtu",
				Extensions: []Extension{{"generation", "0"}, {"network-id", "1"}, {"network-cost", "10"}}},
			"candidate:842163049 1 udp 1677729535 203.0.113.1 46154 typ srflx raddr 0.0.0.0 rport 0 ufrag EEtu generation 0 network-id 1 network-cost 10",
		},
		{ // mDNS, upper case, with the attribute's name
			"a=candidate:0 1 UDP 2122252543 4f2f8a7c-9d5a-4a3f-9f3c-0d6a1f5f5b7e.local 50000 typ host\r\n",
			Candidate{Foundation: "0", Component: 1, Priority: 2122252543, Hostname: "4f2f8a7c-9d5a-4a3f-9f3c-0d6a1f5f5b7e.local",
				Addr: netip.AddrPortFrom(netip.Addr{}, 50000)},
			"candidate:0 1 udp 2122252543 4f2f8a7c-9d5a-4a3f-9f3c-0d6a1f5f5b7e.local 50000 typ host",
		},
		{ // TCP, RFC 6544
			"candidate:1 1 tcp 1518214911 2001:db8::1 9 typ host tcptype active",
			Candidate{Foundation: "1", Component: 1, Transport: TCP, TCPType: "active", Priority: 1518214911, Addr: addr("[2001:db8::1]:9")}, "",
		},
		{ // no prefix; RFC 8839 section 5.1's own example
			"1 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
			Candidate{Foundation: "1", Component: 1, Priority: 1694498815, Addr: addr("192.0.2.3:45664"), Type: ServerReflexive, Related: addr("203.0.113.141:8998")},
			"candidate:1 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
		},
		{
			"candidate:a/+9 256 udp 1 ::ffff:192.0.2.1 0 typ prflx",
			Candidate{Foundation: "a/+9", Component: 256, Priority: 1, Addr: addr("192.0.2.1:0"), Type: PeerReflexive},
			"candidate:a/+9 256 udp 1 192.0.2.1 0 typ prflx",
		},
		{
			"candidate:7 1 udp 2147483647 192.0.2.1 65535 typ relay raddr 2001:db8::7 rport 1",
			Candidate{Foundation: "7", Component: 1, Priority: 1<<31 - 1, Addr: addr("192.0.2.1:65535"), Type: Relay, Related: addr("[2001:db8::7]:1")}, "",
		},
	}
	for _, test := range tests {
		got, err := ParseCandidate(test.line)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", test.line, got, err, test.want)
			continue
		}
		if test.text == "" {
			test.text = test.line
		}
		if got.String() != test.text {
			t.Errorf("written as %s\nwant       %s", got, test.text)
		}
	}
}

func TestRefusesWhatIsNoCandidate(t *testing.T) {
	for line, part := range map[string]string{
		"":                                    "fields",
		"candidate:":                          "fields",
		"candidate:1 1 udp 1 192.0.2.1 9 typ": "fields",
		"candidate:- 1 udp 1 192.0.2.1 9 typ host":                               "foundation",
		"candidate:123456789012345678901234567890123 1 udp 1 1.1.1.1 9 typ host": "foundation",
		"candidate:1 0 udp 1 192.0.2.1 9 typ host":                               "component",
		"candidate:1 257 udp 1 192.0.2.1 9 typ host":                             "component",
		"candidate:1 -1 udp 1 192.0.2.1 9 typ host":                              "component",
		"candidate:1 1 udp 0 192.0.2.1 9 typ host":                               "priority",
		"candidate:1 1 udp 2147483648 192.0.2.1 9 typ host":                      "priority",
		"candidate:1 1 udp 1 192.0.2.1 65536 typ host":                           "port",
		"candidate:1 1 udp 1 192.0.2.1.5 9 typ host":                             "address",
		"candidate:1 1 udp 1 fe80::1%eth0 9 typ host":                            "zone",
		"candidate:1 1 udp 1 exa..mple 9 typ host":                               "address",
		"candidate:1 1 udp 1 -a.b 9 typ host":                                    "address",
		"candidate:1 1 udp 1 192.0.2.1 9 type host":                              "typ",
		"candidate:1 1 udp 1 192.0.2.1 9 typ srflx raddr 1.1.1.1 rport x":        "rport",
		"candidate:1 1 udp 1 192.0.2.1 9 typ host generation":                    "generation",
		"candidate:1 1 udp 1 192.0.2.1 9 typ host ufrag !":                       "ufrag",
		"candidate:1 1 udp 1 192.0.2.1 9 typ host a b\r\na=evil c":               "byte",
		"candidate:1 1 udp 1 192.0.2.1 9 typ host a \x00":                        "byte",
		"candidate:1 1 udp 1 192.0.2.1 9 typ host" + strings.Repeat(" a b", 17):  "extensions",
		strings.Repeat("a", 1025):                                                "long",
	} {
		if _, err := ParseCandidate(line); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%.80q: %v, want something about %s", line, err, part)
		}
	}
	if _, err := ParseCandidate("candidate:1 1 ssltcp 1 192.0.2.1 9 typ host"); !errors.Is(err, ErrUnsupportedTransport) {
		t.Error(err)
	}
	if _, err := ParseCandidate("candidate:1 1 udp 1 192.0.2.1 9 typ other"); !errors.Is(err, ErrUnsupportedType) {
		t.Error(err)
	}
}

// RFC 8839 section 5.4.
func TestCredentials(t *testing.T) {
	seen := map[Credentials]bool{}
	for range 100 {
		c := NewCredentials(nil)
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if seen[c] {
			t.Error("drawn twice")
		}
		seen[c] = true
	}
	pwd := strings.Repeat("p", 22)
	for _, bad := range []Credentials{
		{}, {"abc", pwd}, {"abcd", pwd[1:]}, {"ab:d", pwd}, {"abcd", pwd[1:] + "="}, {strings.Repeat("u", 257), pwd}, {"abcd", strings.Repeat("p", 257)}, {"abcé", pwd},
	} {
		if bad.Validate() == nil {
			t.Errorf("%q is valid", bad)
		}
	}
	for _, good := range []Credentials{{"abcd", pwd}, {strings.Repeat("u", 256), strings.Repeat("p", 256)}, {"+/09", pwd}} {
		if err := good.Validate(); err != nil {
			t.Error(err)
		}
	}
	// A source that fails must not leave guessable credentials.
	if a, b := NewCredentials(strings.NewReader("x")), NewCredentials(strings.NewReader("x")); a == b {
		t.Error("the same credentials from a source that fails")
	}
}
