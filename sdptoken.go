package webrtc

import "strings"

// isSDPToken reports whether s is a token of RFC 8866 section 9: what a name in
// a session description may consist of.
func isSDPToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// isSDPText reports whether s can be the end of a line of a session description
// (byte-string of RFC 8866 section 9).
func isSDPText(s string) bool {
	return !strings.ContainsAny(s, "\x00\r\n")
}
