package webrtc

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// ICEAddressRewriteMode says whether the addresses of a rule take the place of the
// candidate's, or come beside it.
type ICEAddressRewriteMode byte

const (
	// ICEAddressRewriteModeUnspecified is Replace for host candidates and Append
	// for the others.
	ICEAddressRewriteModeUnspecified ICEAddressRewriteMode = iota
	// ICEAddressRewriteReplace publishes the external addresses only; without any
	// the candidate is dropped.
	ICEAddressRewriteReplace
	// ICEAddressRewriteAppend publishes the candidate and the external addresses.
	ICEAddressRewriteAppend
)

// ICEAddressRewriteRule says under which addresses candidates are published on a
// host that others reach by an address that it does not know, as behind a 1:1 NAT.
// Ports stay as they are. Of the rules that fit an address, one that names it in
// Local is taken, the first of several; else one with Iface before one without,
// and one with CIDR before one without.
type ICEAddressRewriteRule struct {
	// External are the addresses to publish, IPv4 or IPv6.
	External []string
	// Local is the address of this host that the rule is for. Empty: all of the
	// family of CIDR or, without that, of each external address.
	Local string
	// Iface is the name of the interface that the rule is for; empty: all.
	Iface string
	// CIDR limits the rule to addresses of this host within a network; empty: all.
	CIDR string
	// AsCandidateType is the type of the candidates that change: host, the
	// default, srflx or relay. For srflx, candidates with the external addresses
	// are made of host candidates without asking a server; with Replace none is
	// asked. For relay, the addresses are those of the TURN server.
	AsCandidateType ICECandidateType
	// Mode says what becomes of the original.
	Mode ICEAddressRewriteMode
	// Networks limits the rule to families of addresses; empty: both.
	Networks []NetworkType
}

// addressRewrite is a rule that was read.
type addressRewrite struct {
	external   []netip.Addr
	local      netip.Addr   // invalid: any
	within     netip.Prefix // invalid: any
	iface      string
	typ        ice.CandidateType
	replace    bool
	ipv4, ipv6 bool // families of local addresses
}

// SetICEAddressRewriteRules sets the rules for the addresses of local candidates.
// None removes them. It returns a TypeError for one that cannot be read, and an
// InvalidModificationError after SetNAT1To1IPs.
func (e *SettingEngine) SetICEAddressRewriteRules(rules ...ICEAddressRewriteRule) error {
	const op = "set ICE address rewrite rules"
	if len(rules) > 0 && e.ice.nat1To1 {
		return errorf(KindInvalidModification, op, "not together with SetNAT1To1IPs")
	}
	read, err := readRewriteRules(rules)
	if err != nil {
		return newError(KindTypeError, op, err)
	}
	e.ice.rewrites = read
	return nil
}

// SetNAT1To1IPs publishes external addresses of a 1:1 NAT: as host candidates in
// place of the local addresses (ICECandidateTypeHost, and the default), or as
// server-reflexive candidates beside them (ICECandidateTypeSrflx). An entry is an
// address, which stands for all local ones of its family, or "external/local".
// The constructors report entries that cannot be read.
//
// Deprecated: use [SettingEngine.SetICEAddressRewriteRules], which can say more.
func (e *SettingEngine) SetNAT1To1IPs(ips []string, candidateType ICECandidateType) {
	var rules []ICEAddressRewriteRule
	all := ICEAddressRewriteRule{AsCandidateType: candidateType}
	for _, entry := range ips {
		external, local, found := strings.Cut(entry, "/")
		if found {
			rules = append(rules, ICEAddressRewriteRule{External: []string{external}, Local: local, AsCandidateType: candidateType})
		}
		all.External = append(all.External, external)
	}
	if len(ips) > 0 {
		rules = append(rules, all)
	}
	e.ice.nat1To1 = len(ips) > 0
	e.ice.rewrites, e.ice.rewriteError = readRewriteRules(rules)
}

func readRewriteRules(rules []ICEAddressRewriteRule) ([]addressRewrite, error) {
	var all []addressRewrite
	for i := range rules {
		r, err := readRewriteRule(&rules[i])
		if err != nil {
			return nil, fmt.Errorf("address rewrite rule %d: %w", i, err)
		}
		all = append(all, r)
	}
	return all, nil
}

func readRewriteRule(rule *ICEAddressRewriteRule) (addressRewrite, error) {
	r := addressRewrite{iface: rule.Iface, ipv4: len(rule.Networks) == 0, ipv6: len(rule.Networks) == 0}
	switch rule.AsCandidateType {
	case ICECandidateTypeUnknown, ICECandidateTypeHost:
		r.typ = ice.Host
	case ICECandidateTypeSrflx:
		r.typ = ice.ServerReflexive
	case ICECandidateTypeRelay:
		r.typ = ice.Relay
	default:
		return r, fmt.Errorf("candidates of type %v cannot be rewritten", rule.AsCandidateType)
	}
	r.replace = rule.Mode == ICEAddressRewriteReplace || rule.Mode == ICEAddressRewriteModeUnspecified && r.typ == ice.Host
	for _, n := range rule.Networks {
		r.ipv4 = r.ipv4 || n == NetworkTypeUDP4 || n == NetworkTypeTCP4
		r.ipv6 = r.ipv6 || n == NetworkTypeUDP6 || n == NetworkTypeTCP6
	}
	for _, text := range rule.External {
		addr, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			return r, fmt.Errorf("external address %s is not an IP address", quoteShort(text))
		}
		r.external = append(r.external, addr.Unmap().WithZone(""))
	}
	if rule.CIDR != "" {
		within, err := netip.ParsePrefix(rule.CIDR)
		if err != nil {
			return r, fmt.Errorf("%s is not a network", quoteShort(rule.CIDR))
		}
		r.within = within.Masked()
	}
	if text := strings.TrimSpace(rule.Local); text != "" {
		local, err := netip.ParseAddr(text)
		if err != nil {
			return r, fmt.Errorf("local address %s is not an IP address", quoteShort(text))
		}
		r.local = local.Unmap().WithZone("")
		if r.within.IsValid() && !r.within.Contains(r.local) {
			return r, fmt.Errorf("local address %v is not in %v", r.local, r.within)
		}
	}
	return r, nil
}

// addresses are those that the rule gives a local address; false when it is not
// for that. A rule without any says something too.
func (r *addressRewrite) addresses(local netip.Addr, iface string) ([]netip.Addr, bool) {
	switch {
	case local.Is4() && !r.ipv4, local.Is6() && !r.ipv6,
		r.iface != "" && r.iface != iface,
		r.within.IsValid() && !r.within.Contains(local),
		r.local.IsValid() && r.local != local:
		return nil, false
	}
	if r.local.IsValid() || r.within.IsValid() || len(r.external) == 0 {
		return r.external, true
	}
	var same []netip.Addr
	for _, addr := range r.external {
		if addr.Is4() == local.Is4() {
			same = append(same, addr)
		}
	}
	return same, len(same) > 0
}

// specificity orders the rules without a local address that fit one.
func (r *addressRewrite) specificity() int {
	n := 0
	if r.iface != "" {
		n += 2
	}
	if r.within.IsValid() {
		n++
	}
	return n
}

// rewrite finds what the rules say of a local address and a type of candidates.
func (e *SettingEngine) rewrite(typ ice.CandidateType, local netip.Addr, iface string) (external []netip.Addr, replace, found bool) {
	local = local.Unmap().WithZone("")
	best := -1
	for i := range e.ice.rewrites {
		r := &e.ice.rewrites[i]
		if r.typ != typ {
			continue
		}
		addresses, fits := r.addresses(local, iface)
		switch {
		case !fits:
		case r.local.IsValid():
			return addresses, r.replace, true
		case r.specificity() > best:
			best = r.specificity()
			external, replace, found = addresses, r.replace, true
		}
	}
	return external, replace, found
}

// replacesReflexive tells whether a rule stands for all STUN servers.
func (e *SettingEngine) replacesReflexive() bool {
	return slices.ContainsFunc(e.ice.rewrites, func(r addressRewrite) bool {
		return r.typ == ice.ServerReflexive && r.replace
	})
}
