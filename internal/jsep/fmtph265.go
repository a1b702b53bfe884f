package jsep

import "strconv"

const h265Level31 = 93 // level-id that is inferred (RFC 7798 section 7.1)

// sameH265: profile space, profile, tier and transmission mode are used symmetrically, the level need not agree
// (RFC 7798 section 7.2.2). interop-constraints and profile-compatibility-indicator only narrow the profile; peers
// that write them and peers that do not mean the same streams, so they are not compared.
func sameH265(a, b parameters) bool {
	return sameNumber(a, b, "profile-space", 0) && sameNumber(a, b, "profile-id", 1) &&
		sameNumber(a, b, "tier-flag", 0) && sameWord(a, b, "tx-mode", "SRST")
}

// answerH265 is local's fmtp for an answer: the level of an answer is not above the offer's; what this side can receive
// beyond it is for max-recv-level-id to say (RFC 7798 section 7.2.2).
func answerH265(local, remote string) string {
	l, lok := parseFmtp(local).number("level-id", h265Level31)
	r, rok := parseFmtp(remote).number("level-id", h265Level31)
	if !lok || !rok || l <= r {
		return local
	}
	return setParameter(local, "level-id", strconv.FormatUint(r, 10))
}
