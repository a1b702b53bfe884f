package jsep

import (
	"encoding/hex"
	"strings"
)

// h264Format is a profile-level-id of RFC 6184 section 8.1: the profile and what limits it, and the level.
type h264Format struct{ idc, iop, level uint8 }

// h264Inferred is what a missing profile-level-id says: "the Baseline profile, without additional constraints at
// Level 1" (RFC 6184 section 8.1).
var h264Inferred = h264Format{idc: 0x42, level: 10}

// parseH264 reads profile-level-id; false when it is not three bytes in hexadecimal.
func parseH264(ps parameters) (h264Format, bool) {
	v, ok := ps.get("profile-level-id")
	if !ok {
		return h264Inferred, true
	}
	b, err := hex.DecodeString(v)
	if err != nil || len(b) != 3 {
		return h264Format{}, false
	}
	return h264Format{b[0], b[1], b[2]}, true
}

// String is the value of profile-level-id, in lower case as browsers write it.
func (f h264Format) String() string { return hex.EncodeToString([]byte{f.idc, f.iop, f.level}) }

// h264Profiles is Table 5 of RFC 6184 section 8.1: pairs of profile_idc and profile-iop that mean the same
// profile. Bits of iop outside mask do not count.
var h264Profiles = []struct {
	idc, mask, iop uint8
	profile        string
}{
	{0x42, 0x4f, 0x40, "constrained baseline"},
	{0x4d, 0x8f, 0x80, "constrained baseline"},
	{0x58, 0xcf, 0xc0, "constrained baseline"},
	{0x42, 0x4f, 0x00, "baseline"},
	{0x58, 0xcf, 0x80, "baseline"},
	{0x4d, 0xaf, 0x00, "main"},
	{0x58, 0xcf, 0x00, "extended"},
}

// profile names the profile. High ones and what the table does not list are named by their bytes, so that they
// equal only themselves.
func (f h264Format) profile() string {
	for _, p := range h264Profiles {
		if p.idc == f.idc && f.iop&p.mask == p.iop {
			return p.profile
		}
	}
	return f.String()[:4]
}

// Level 1b stands between 1 and 1.1. Where constraint_set3_flag does not mean something else, it is level_idc 11 with that
// flag; else it is 9 (H.264 Table A-1 and section A.3.4).
const (
	h264Level1b         = 9
	h264Level11         = 11
	h264ConstraintSet3  = 0x10
	h264LevelOrderScale = 2
)

// flags1b reports whether the profile writes level 1b with constraint_set3_flag.
func (f h264Format) flags1b() bool { return f.idc == 0x42 || f.idc == 0x4d || f.idc == 0x58 }

// order is a number by which levels compare.
func (f h264Format) order() int {
	if f.level == h264Level1b || (f.flags1b() && f.level == h264Level11 && f.iop&h264ConstraintSet3 != 0) {
		return 10*h264LevelOrderScale + 1
	}
	return int(f.level) * h264LevelOrderScale
}

// withLevel is the profile of f at the level of o.
func (f h264Format) withLevel(o h264Format) h264Format {
	is1b := o.order()%h264LevelOrderScale != 0
	f.level = o.level
	switch {
	case !f.flags1b():
		if is1b {
			f.level = h264Level1b
		}
	case is1b:
		f.level, f.iop = h264Level11, f.iop|h264ConstraintSet3
	case o.level == h264Level11:
		f.iop &^= h264ConstraintSet3
	}
	return f
}

// sameH264: profile and packetization-mode are used symmetrically, levels need not agree (RFC 6184 section 8.2.2).
func sameH264(a, b parameters) bool {
	x, xok := parseH264(a)
	y, yok := parseH264(b)
	return xok && yok && x.profile() == y.profile() && sameNumber(a, b, "packetization-mode", 0)
}

// answerH264 is local's fmtp for an answer. Unless both allow asymmetry the level is one for both directions, so it
// is the lower of the two: an answer must not raise it (RFC 6184 section 8.2.2).
func answerH264(local, remote string) string {
	l, r := parseFmtp(local), parseFmtp(remote)
	lf, lok := parseH264(l)
	rf, rok := parseH264(r)
	if !lok || !rok || (asymmetric(l) && asymmetric(r)) || lf.order() <= rf.order() {
		return local
	}
	return setParameter(local, "profile-level-id", lf.withLevel(rf).String())
}

func asymmetric(ps parameters) bool {
	v, _ := ps.get("level-asymmetry-allowed")
	return strings.TrimSpace(v) == "1"
}
