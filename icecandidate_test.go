package webrtc

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// candidateForms are lines of RFC 8839 section 5.1 and the values that
// webrtc-pc section 4.8.1.2 gives to the attributes.
var candidateForms = []struct {
	line string
	want ICECandidate
}{
	{
		"candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host",
		ICECandidate{Foundation: "1", Component: 1, Protocol: ICEProtocolUDP, Priority: 2130706431, Address: "192.0.2.1", Port: 50000, Typ: ICECandidateTypeHost},
	},
	{
		"candidate:a+/ 1 udp 1694498815 198.51.100.7 61000 typ srflx raddr 192.0.2.1 rport 50000 ufrag EsAw",
		ICECandidate{
			Foundation: "a+/", Component: 1, Protocol: ICEProtocolUDP, Priority: 1694498815, Address: "198.51.100.7", Port: 61000, Typ: ICECandidateTypeSrflx,
			RelatedAddress: "192.0.2.1", RelatedPort: 50000, UsernameFragment: "EsAw",
		},
	},
	{
		"candidate:2 2 udp 1 2001:db8::1 1 typ relay raddr 0.0.0.0 rport 0 generation 0 network-cost 50",
		ICECandidate{
			Foundation: "2", Component: 2, Protocol: ICEProtocolUDP, Priority: 1, Address: "2001:db8::1", Port: 1, Typ: ICECandidateTypeRelay,
			RelatedAddress: "0.0.0.0", extensions: "generation 0 network-cost 50",
		},
	},
	{
		"candidate:3 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
		ICECandidate{Foundation: "3", Component: 1, Protocol: ICEProtocolTCP, Priority: 1518280447, Address: "192.0.2.1", Port: 9, Typ: ICECandidateTypeHost, TCPType: "active"},
	},
	{
		"candidate:4 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host",
		ICECandidate{Foundation: "4", Component: 1, Protocol: ICEProtocolUDP, Priority: 2113937151, Address: "1f4712db-ea17-4bcf-a596-105139dfd8bf.local", Port: 54596, Typ: ICECandidateTypeHost},
	},
	{
		"candidate:5 1 udp 1845501695 203.0.113.9 3000 typ prflx raddr 2001:db8::2 rport 4",
		ICECandidate{
			Foundation: "5", Component: 1, Protocol: ICEProtocolUDP, Priority: 1845501695, Address: "203.0.113.9", Port: 3000, Typ: ICECandidateTypePrflx,
			RelatedAddress: "2001:db8::2", RelatedPort: 4,
		},
	},
}

func TestCandidateKeepsEveryFieldBothWays(t *testing.T) {
	for _, test := range candidateForms {
		parsed, err := ice.ParseCandidate(test.line)
		if err != nil {
			t.Fatalf("%s: %v", test.line, err)
		}
		parsed.URL = "stun:stun.example.org"
		want := test.want
		want.SDPMid, want.SDPMLineIndex, want.URL = "data", 3, "stun:stun.example.org"
		got := newICECandidate(parsed, "data", 3)
		if got != want {
			t.Errorf("%s\ngot  %+v\nwant %+v", test.line, got, want)
		}
		back, err := got.toICE()
		if err != nil || !reflect.DeepEqual(back, parsed) {
			t.Errorf("%s: came back as %+v, %v\nwant %+v", test.line, back, err, parsed)
		}
	}
}

// webrtc-pc section 4.8.1.3: toJSON has candidate, sdpMid, sdpMLineIndex and
// usernameFragment.
func TestCandidateToJSON(t *testing.T) {
	for _, test := range candidateForms {
		c := test.want
		c.SDPMid, c.SDPMLineIndex = "0", 1
		got := c.ToJSON()
		if got.Candidate != test.line || *got.SDPMid != "0" || *got.SDPMLineIndex != 1 {
			t.Errorf("got %+v\nwant %s", got, test.line)
		}
		if c.UsernameFragment == "" && got.UsernameFragment != nil || c.UsernameFragment != "" && *got.UsernameFragment != c.UsernameFragment {
			t.Errorf("%s: usernameFragment %v", test.line, got.UsernameFragment)
		}
	}
	b, err := json.Marshal(candidateForms[0].want.ToJSON())
	const want = `{"candidate":"candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host","sdpMid":"","sdpMLineIndex":0,"usernameFragment":null}`
	if err != nil || string(b) != want {
		t.Errorf("got %s, %v\nwant %s", b, err, want)
	}
	var back ICECandidateInit
	if err := json.Unmarshal([]byte(`{"candidate":"","sdpMid":"a","usernameFragment":"u"}`), &back); err != nil ||
		back.Candidate != "" || *back.SDPMid != "a" || back.SDPMLineIndex != nil || *back.UsernameFragment != "u" {
		t.Errorf("got %+v, %v", back, err)
	}
}

// What the grammar of RFC 8839 section 5.1 does not allow must not reach an SDP,
// where it could become another line or another attribute.
func TestCandidateThatIsNotValidIsRefused(t *testing.T) {
	for name, change := range map[string]func(c *ICECandidate){
		"no protocol":                func(c *ICECandidate) { c.Protocol = ICEProtocolUnknown },
		"no type":                    func(c *ICECandidate) { c.Typ = ICECandidateTypeUnknown },
		"type out of range":          func(c *ICECandidate) { c.Typ = 9 },
		"no address":                 func(c *ICECandidate) { c.Address = "" },
		"no foundation":              func(c *ICECandidate) { c.Foundation = "" },
		"no component":               func(c *ICECandidate) { c.Component = 0 },
		"component 257":              func(c *ICECandidate) { c.Component = 257 },
		"no priority":                func(c *ICECandidate) { c.Priority = 0 },
		"priority 2^31":              func(c *ICECandidate) { c.Priority = 1 << 31 },
		"a blank in the foundation":  func(c *ICECandidate) { c.Foundation = "1 2" },
		"a line in the foundation":   func(c *ICECandidate) { c.Foundation = "1\r\na=x" },
		"a line in the address":      func(c *ICECandidate) { c.Address = "host\r\na=x" },
		"fields in the address":      func(c *ICECandidate) { c.Address = "192.0.2.9 9 typ host x" },
		"a broken address":           func(c *ICECandidate) { c.Address = "1.2.3.4.5" },
		"a name as related address":  func(c *ICECandidate) { c.RelatedAddress = "host.local" },
		"a line in related address":  func(c *ICECandidate) { c.RelatedAddress = "1.2.3.4\r\n" },
		"a line in the TCP type":     func(c *ICECandidate) { c.TCPType = "active\r\na=x" },
		"a line in the fragment":     func(c *ICECandidate) { c.UsernameFragment = "abcd\r\na=x" },
		"a line after the fragment":  func(c *ICECandidate) { c.UsernameFragment = "abcd\r\n" },
		"a line after the TCP type":  func(c *ICECandidate) { c.TCPType = "active\r\n" },
		"a blank in the fragment":    func(c *ICECandidate) { c.UsernameFragment = "ab cd" },
		"an address of a great size": func(c *ICECandidate) { c.Address = strings.Repeat("a", 10000) },
	} {
		c := candidateForms[0].want
		change(&c)
		if got, err := c.toICE(); err == nil {
			t.Errorf("%s: became %s", name, got)
		}
		// Empty would mean that no more candidates will come.
		if got := c.ToJSON().Candidate; got != "candidate:" {
			t.Errorf("%s: ToJSON gives %q", name, got)
		}
		if c.String() == "" {
			t.Errorf("%s: String is empty", name)
		}
	}
}

// A zone is a name of this host's interface (RFC 4007 section 11.2).
func TestCandidateHasNoZoneAndNoMappedAddress(t *testing.T) {
	c := newICECandidate(ice.Candidate{
		Foundation: "1", Component: 1, Priority: 1, Addr: netip.MustParseAddrPort("[fe80::1%eth0]:5"), Related: netip.MustParseAddrPort("[::ffff:192.0.2.1]:6"),
	}, "", 0)
	if c.Address != "fe80::1" || c.RelatedAddress != "192.0.2.1" || c.RelatedPort != 6 {
		t.Errorf("got %+v", c)
	}
	back, err := ICECandidate{Foundation: "1", Component: 1, Priority: 1, Protocol: ICEProtocolUDP, Typ: ICECandidateTypeHost, Address: "::ffff:192.0.2.1", Port: 5}.toICE()
	if err != nil || back.Addr != netip.MustParseAddrPort("192.0.2.1:5") {
		t.Errorf("got %+v, %v", back, err)
	}
}

func TestCandidateIsComparable(t *testing.T) {
	seen := map[ICECandidate]bool{}
	for _, test := range candidateForms {
		seen[test.want] = true
	}
	if len(seen) != len(candidateForms) {
		t.Errorf("%d of %d", len(seen), len(candidateForms))
	}
}

// The JSON of ORTC programs: pion writes the protocol as a number.
func TestCandidateReadsBackItsJSON(t *testing.T) {
	for _, test := range candidateForms {
		want := test.want
		want.extensions = "" // not part of RTCIceCandidate
		b, err := json.Marshal(test.want)
		if err != nil {
			t.Fatal(err)
		}
		var got ICECandidate
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", b, got, err)
		}
	}
	const text = `{"foundation":"1","priority":5,"address":"192.0.2.1","protocol":1,"port":9,"type":"host","component":1,"relatedAddress":"","relatedPort":0,"tcpType":"","sdpMid":"","sdpMLineIndex":0}`
	var c ICECandidate
	if err := json.Unmarshal([]byte(text), &c); err != nil || c.Protocol != ICEProtocolUDP || c.Typ != ICECandidateTypeHost {
		t.Errorf("got %+v, %v", c, err)
	}
	if b, err := json.Marshal(c); err != nil || string(b) != text {
		t.Errorf("got %s, %v", b, err)
	}
}

func TestCandidatesAndPairsDescribeThemselves(t *testing.T) {
	local, remote := candidateForms[2].want, candidateForms[3].want
	pair := NewICECandidatePair(&local, &remote)
	if pair.Local != &local || pair.Remote != &remote {
		t.Errorf("got %+v", pair)
	}
	if got, want := pair.String(), "local udp relay [2001:db8::1]:1 related 0.0.0.0:0, remote tcp host 192.0.2.1:9 active"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var none *ICECandidatePair
	if none.String() != "no pair" || (&ICECandidatePair{}).String() != "local none, remote none" {
		t.Error("pairs without candidates")
	}
	if got, want := (ICECandidate{SDPMid: "0"}).String(), "end of candidates"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
