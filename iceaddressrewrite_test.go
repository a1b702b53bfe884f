package webrtc

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// What each rule makes of a host with two interfaces and both families, which a
// STUN server sees as it is.
func TestAddressRewriteRules(t *testing.T) {
	const h1, h2, h6 = "host 10.0.0.2", "host 10.0.1.2", "host 2001:db8::1"
	for _, test := range []struct {
		name  string
		rules []ICEAddressRewriteRule
		want  []string
	}{
		{"none", nil, []string{h1, h2, h6}},
		{"all of a family", []ICEAddressRewriteRule{{External: []string{"203.0.113.1"}}}, []string{"host 203.0.113.1", "host 203.0.113.1", h6}},
		{"one address", []ICEAddressRewriteRule{{External: []string{"203.0.113.1"}, Local: "10.0.1.2"}}, []string{h1, "host 203.0.113.1", h6}},
		{"interface", []ICEAddressRewriteRule{{External: []string{"203.0.113.1"}, Iface: "eth1"}}, []string{h1, "host 203.0.113.1", h6}},
		{"network", []ICEAddressRewriteRule{{External: []string{"203.0.113.1"}, CIDR: "10.0.0.0/24"}}, []string{h2, "host 203.0.113.1", h6}},
		{"beside", []ICEAddressRewriteRule{{External: []string{"203.0.113.1"}, Local: "10.0.0.2", Mode: ICEAddressRewriteAppend}}, []string{h1, h2, "host 203.0.113.1", h6}},
		{"several", []ICEAddressRewriteRule{{External: []string{"203.0.113.1", "203.0.113.2"}, Local: "10.0.0.2"}}, []string{h2, "host 203.0.113.1", "host 203.0.113.2", h6}},
		{"drop", []ICEAddressRewriteRule{{Iface: "eth1", Mode: ICEAddressRewriteReplace}}, []string{h1, h6}},
		{"drop a family", []ICEAddressRewriteRule{{Networks: []NetworkType{NetworkTypeUDP6}}}, []string{h1, h2}},
		{"the address before the interface before all", []ICEAddressRewriteRule{
			{External: []string{"203.0.113.9"}},
			{External: []string{"203.0.113.2"}, Iface: "eth1"},
			{External: []string{"203.0.113.1"}, Local: "10.0.0.2"},
		}, []string{"host 203.0.113.1", "host 203.0.113.2", h6}},
		{"keep one, replace the others", []ICEAddressRewriteRule{
			{External: []string{"203.0.113.9"}},
			{Iface: "eth1", Mode: ICEAddressRewriteAppend},
		}, []string{h2, "host 203.0.113.9", h6}},
		{"reflexive", []ICEAddressRewriteRule{{External: []string{"203.0.113.1"}, Local: "10.0.0.2", AsCandidateType: ICECandidateTypeSrflx}}, []string{h1, h2, h6, "srflx 203.0.113.1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := simnet.New(1)
				defer n.Close()
				var e SettingEngine
				must(t, e.SetICEAddressRewriteRules(test.rules...))
				h := n.Host("h", "eth0=10.0.0.2", "eth1=10.0.1.2", "eth0=2001:db8::1")
				pc := connectionOn(t, h, e, Configuration{})
				defer pc.Close()
				candidates, _ := gatherAll(t, pc)
				got, want := summary(candidates), slices.Sorted(slices.Values(test.want))
				if !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
				// RFC 8445 section 5.1.2.1: each candidate has a priority of its own.
				seen := make(map[uint32]bool)
				for _, c := range candidates {
					if seen[c.Priority] {
						t.Errorf("priority %d twice in %v", c.Priority, candidates)
					}
					seen[c.Priority] = true
				}
			})
		})
	}
}

// With Replace for reflexive candidates no STUN server is asked.
func TestReplacedReflexiveCandidatesNeedNoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		server := n.STUNServer("stun", "198.51.100.1:3478")
		var e SettingEngine
		must(t, e.SetICEAddressRewriteRules(ICEAddressRewriteRule{
			External: []string{"203.0.113.1"}, AsCandidateType: ICECandidateTypeSrflx, Mode: ICEAddressRewriteReplace,
		}))
		h := n.NAT("nat", "203.0.113.5", simnet.FullCone).Host("h", "10.0.0.2")
		pc := connectionOn(t, h, e, Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:198.51.100.1"}}}})
		defer pc.Close()
		candidates, _ := gatherAll(t, pc)
		if got, want := summary(candidates), []string{"host 10.0.0.2", "srflx 203.0.113.1"}; !slices.Equal(got, want) || server.Requests() != 0 {
			t.Errorf("got %q, want %q; %d requests", got, want, server.Requests())
		}
		for _, c := range candidates {
			if c.Typ == ICECandidateTypeSrflx && (c.RelatedAddress != "10.0.0.2" || c.RelatedPort == 0) {
				t.Errorf("related address of %v", c)
			}
		}
	})
}

func TestRulesThatCannotBeReadAreRefused(t *testing.T) {
	for _, rule := range []ICEAddressRewriteRule{
		{External: []string{"example.org"}},
		{External: []string{"203.0.113.1/10.0.0.2"}},
		{External: []string{"203.0.113.1"}, Local: "here"},
		{External: []string{"203.0.113.1"}, CIDR: "10.0.0.0"},
		{External: []string{"203.0.113.1"}, Local: "10.1.0.1", CIDR: "10.0.0.0/24"},
		{External: []string{"203.0.113.1"}, AsCandidateType: ICECandidateTypePrflx},
	} {
		var e SettingEngine
		if err := e.SetICEAddressRewriteRules(rule); !errors.Is(err, ErrType) {
			t.Errorf("%+v: %v", rule, err)
		}
	}
	var e SettingEngine
	e.SetNAT1To1IPs([]string{"nowhere"}, ICECandidateTypeHost)
	if _, err := NewAPI(WithSettingEngine(e)).NewPeerConnection(Configuration{}); !errors.Is(err, ErrType) {
		t.Errorf("bad NAT 1:1 address: %v", err)
	}
	e.SetNAT1To1IPs([]string{"203.0.113.1"}, ICECandidateTypeHost)
	if err := e.SetICEAddressRewriteRules(ICEAddressRewriteRule{}); !errors.Is(err, ErrInvalidModification) {
		t.Errorf("both: %v", err)
	}
}

// A server behind a NAT that passes all on, and publishes the NAT's address
// alone: peers reach it, by either form.
func TestA1To1NATIsReachedAtItsPublicAddress(t *testing.T) {
	for _, test := range []struct {
		ip   string
		typ  ICECandidateType
		want string
	}{
		{"203.0.113.5", ICECandidateTypeHost, "host 203.0.113.5"},
		{"203.0.113.5/10.0.0.2", ICECandidateTypeHost, "host 203.0.113.5"},
		{"203.0.113.5", ICECandidateTypeSrflx, "srflx 203.0.113.5"},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := simnet.New(1)
			n.SetDefaultLink(simnet.Link{Delay: 10 * time.Millisecond})
			router := n.NAT("nat", "203.0.113.5", simnet.OneToOne)
			r := &rig{t: t, net: n, hostA: n.Host("a", "192.0.2.1"), hostB: router.Host("b", "10.0.0.2")}
			var e SettingEngine
			e.SetNAT1To1IPs([]string{test.ip}, test.typ)
			e.SetLite(test.typ == ICECandidateTypeHost) // nothing of it goes out first
			r.a, r.b = connectionOn(t, r.hostA, SettingEngine{}, Configuration{}), connectionOn(t, r.hostB, e, Configuration{})
			defer r.close()
			r.openPair("x", nil)
			pair, err := r.a.ice.GetSelectedCandidatePair()
			must(t, err)
			if got := pair.Remote.Typ.String() + " " + pair.Remote.Address; got != test.want {
				t.Errorf("%+v: reached at %s", test, got)
			}
			if pair, err = r.b.ice.GetSelectedCandidatePair(); err != nil || pair.Local.Address != "203.0.113.5" {
				t.Errorf("%+v: own pair %v, %v", test, pair, err)
			}
		})
	}
}
