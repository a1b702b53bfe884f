package jsep

import (
	"strconv"
	"strings"
)

// parameter is one key=value of an a=fmtp, the key in lower case (parameter names do not depend on
// case, RFC 4855 section 3). A word without "=" is a key with an empty value.
type parameter struct{ key, value string }

// parameters are those of one a=fmtp in their order.
type parameters []parameter

// maxParameters bounds what is read of one a=fmtp; no codec knows half as many.
const maxParameters = 64

// parseFmtp reads parameters between semicolons (RFC 4855 section 3). It takes any text: formats
// whose fmtp has another form (red, telephone-event) come out as words without value.
func parseFmtp(s string) parameters {
	if s == "" {
		return nil
	}
	ps := make(parameters, 0, min(strings.Count(s, ";")+1, maxParameters))
	for s != "" && len(ps) < maxParameters {
		var p string
		p, s, _ = strings.Cut(s, ";")
		key, value, _ := strings.Cut(p, "=")
		if key = strings.ToLower(strings.TrimSpace(key)); key != "" {
			ps = append(ps, parameter{key, strings.TrimSpace(value)})
		}
	}
	return ps
}

// get returns the first value of a key.
func (ps parameters) get(key string) (string, bool) {
	for _, p := range ps {
		if p.key == key {
			return p.value, true
		}
	}
	return "", false
}

// number returns a decimal parameter, absent when it is not there; it fails when it is not a number.
func (ps parameters) number(key string, absent uint64) (uint64, bool) {
	v, ok := ps.get(key)
	if !ok {
		return absent, true
	}
	n, err := strconv.ParseUint(v, 10, 32)
	return n, err == nil
}

// payloadType returns a parameter that names a format (apt of RFC 4588 section 8.1).
func (ps parameters) payloadType(key string) (uint8, bool) {
	v, ok := ps.get(key)
	if !ok {
		return 0, false
	}
	return parsePayloadType(v)
}

// sameNumber reports whether both have the same number under key.
func sameNumber(a, b parameters, key string, absent uint64) bool {
	x, xok := a.number(key, absent)
	y, yok := b.number(key, absent)
	return xok && yok && x == y
}

// sameWord reports whether both have the same word under key, in any case.
func sameWord(a, b parameters, key, absent string) bool {
	x, ok := a.get(key)
	if !ok {
		x = absent
	}
	y, ok := b.get(key)
	if !ok {
		y = absent
	}
	return strings.EqualFold(x, y)
}

// noConflict reports whether no parameter has one value here and another there. It is the rule for codecs
// that this package does not know: it cannot tell what they only declare.
func noConflict(a, b parameters) bool {
	for _, p := range a {
		if v, ok := b.get(p.key); ok && !strings.EqualFold(v, p.value) {
			return false
		}
	}
	return true
}

// equalParameters reports whether two a=fmtp say the same, in whatever order.
func equalParameters(a, b string) bool {
	if a == b {
		return true
	}
	x, y := parseFmtp(a), parseFmtp(b)
	return x.within(y) && y.within(x)
}

// within reports whether other has each parameter with the same value.
func (ps parameters) within(other parameters) bool {
	for _, p := range ps {
		if v, ok := other.get(p.key); !ok || !strings.EqualFold(v, p.value) {
			return false
		}
	}
	return true
}

// setParameter returns fmtp with the value of one parameter replaced, or added at the end; the rest of
// the text stays as it is.
func setParameter(fmtp, key, value string) string {
	rest, at := fmtp, 0
	for rest != "" {
		p, after, _ := strings.Cut(rest, ";")
		if k, _, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(k), key) {
			indent := len(p) - len(strings.TrimLeft(p, " \t"))
			return fmtp[:at+indent] + key + "=" + value + fmtp[at+len(p):]
		}
		at += len(p) + 1
		rest = after
	}
	if fmtp = strings.TrimRight(fmtp, "; "); fmtp == "" {
		return key + "=" + value
	}
	return fmtp + ";" + key + "=" + value
}

// parsePayloadType reads a format of an RTP m-line: 0 to 127, digits alone.
func parsePayloadType(v string) (uint8, bool) {
	n, err := strconv.ParseUint(v, 10, 7)
	return uint8(n), err == nil && (len(v) == 1 || v[0] != '0')
}
