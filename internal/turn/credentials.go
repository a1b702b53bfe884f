package turn

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/pion/stun"
)

// Attributes of RFC 8489 section 18.3 that pion/stun has no name for, or another.
const attrUserhash = stun.AttrType(0x001e)

// passwordAlgorithm is a number of RFC 8489 section 18.5; 0: the server offers none,
// which is MD5 with MESSAGE-INTEGRITY.
type passwordAlgorithm uint16

const (
	algorithmMD5    passwordAlgorithm = 1
	algorithmSHA256 passwordAlgorithm = 2
)

// What the nonce of a server says in its first 13 characters, the nonce cookie (RFC
// 8489 section 9.2).
const (
	nonceCookie        = "obMatJos2"
	featureAlgorithms  = 0x80 // of the first octet: bit 0 of section 18.1
	featureAnonymity   = 0x40 // bit 1
	maxAlgorithmsValue = 256  // octets of PASSWORD-ALGORITHMS
)

// credentials are what requests are signed with once the server has told how (RFC 8489
// section 9.2).
type credentials struct {
	username, password string
	realm, nonce       string
	algorithm          passwordAlgorithm
	algorithms         []byte // PASSWORD-ALGORITHMS, which goes back as it came
	anonymous          bool   // USERHASH stands for the name
	key                []byte
}

// features reads the security features of a nonce; zero where it has no cookie.
func features(nonce string) byte {
	rest, ok := strings.CutPrefix(nonce, nonceCookie)
	if !ok || len(rest) < 4 {
		return 0
	}
	bits, err := base64.StdEncoding.DecodeString(rest[:4])
	if err != nil || len(bits) != 3 {
		return 0
	}
	return bits[0]
}

// choose returns the first algorithm of PASSWORD-ALGORITHMS (RFC 8489 section 14.11)
// that is known here; 0: none, or the value is malformed.
func choose(value []byte) passwordAlgorithm {
	if len(value) > maxAlgorithmsValue {
		return 0
	}
	for len(value) >= 4 {
		n := int(binary.BigEndian.Uint16(value[2:]))
		if 4+n > len(value) {
			return 0
		}
		switch a := passwordAlgorithm(binary.BigEndian.Uint16(value)); {
		case n != 0: // neither has parameters (section 18.5.1)
		case a == algorithmMD5, a == algorithmSHA256:
			return a
		}
		value = value[min(4+n+padding(n), len(value)):]
	}
	return 0
}

// learn takes what a challenge says. It returns nil where the request may not be tried
// again: the nonce promises password algorithms, of which somebody on the path has
// taken the list away (RFC 8489 section 9.2.5), or none of them is known.
//
// A challenge without a list does not undo one that came before: "all the subsequent
// requests MUST be authenticated using MESSAGE-INTEGRITY-SHA256 only".
func (c credentials) learn(m *stun.Message, realm, nonce string) *credentials {
	list, listed := attribute(m, stun.AttrPasswordAlgorithms)
	bits := features(nonce)
	next := credentials{username: c.username, password: c.password, realm: realm, nonce: nonce, anonymous: bits&featureAnonymity != 0}
	switch {
	case listed:
		next.algorithm, next.algorithms = choose(list), append([]byte(nil), list...)
		if next.algorithm == 0 {
			return nil
		}
	case bits&featureAlgorithms != 0:
		return nil
	default:
		next.algorithm, next.algorithms = c.algorithm, c.algorithms
	}
	text := []byte(c.username + ":" + realm + ":" + c.password)
	if next.algorithm == algorithmSHA256 { // section 18.5.1.2
		sum := sha256.Sum256(text)
		next.key = sum[:]
	} else {
		sum := md5.Sum(text) // section 18.5.1.1
		next.key = sum[:]
	}
	return &next
}

// stripped reports whether a response that is no challenge has a nonce that promises
// password algorithms, but no list of them: it "MUST be ignored" (section 9.2.5).
func stripped(m *stun.Message) bool {
	nonce, _ := attribute(m, stun.AttrNonce)
	_, listed := attribute(m, stun.AttrPasswordAlgorithms)
	return features(string(nonce))&featureAlgorithms != 0 && !listed
}

// sign appends the credentials and the integrity of the message (RFC 8489 section
// 9.2.3.2).
func (c *credentials) sign(m *stun.Message) {
	if c.anonymous {
		m.Add(attrUserhash, userhash(c.username, c.realm))
	} else {
		m.Add(stun.AttrUsername, []byte(c.username))
	}
	m.Add(stun.AttrRealm, []byte(c.realm))
	m.Add(stun.AttrNonce, []byte(c.nonce))
	if c.algorithm == 0 {
		_ = stun.MessageIntegrity(c.key).AddTo(m) // fails only behind a FINGERPRINT
		return
	}
	m.Add(stun.AttrPasswordAlgorithms, c.algorithms)
	m.Add(stun.AttrPasswordAlgorithm, []byte{byte(c.algorithm >> 8), byte(c.algorithm), 0, 0})
	addIntegritySHA256(m, c.key)
}

// userhash stands for a name in USERHASH (RFC 8489 section 14.4).
func userhash(username, realm string) []byte {
	sum := sha256.Sum256([]byte(username + ":" + realm))
	return sum[:]
}

// check holds the integrity of a response against the key. present is false where it
// has none of the kind that the request had: another kind proves nothing.
func (c *credentials) check(m *stun.Message) (present bool, err error) {
	if c.algorithm == 0 {
		_, present = integrityOf(m)
		if !present {
			return false, nil
		}
		return true, checkIntegrity(m, c.key)
	}
	at, value := integritySHA256Of(m)
	if value == nil {
		return false, nil
	}
	if !hmac.Equal(value, integritySHA256(m.Raw[:at], c.key)) {
		return true, ErrIntegrity
	}
	return true, nil
}

// addIntegritySHA256 appends MESSAGE-INTEGRITY-SHA256 (RFC 8489 section 14.6).
func addIntegritySHA256(m *stun.Message, key []byte) {
	m.Add(stun.AttrMessageIntegritySHA256, integritySHA256(m.Raw, key))
}

// integritySHA256 is computed over the message up to the attribute, with the length
// up to its end.
func integritySHA256(covered, key []byte) []byte {
	header := append([]byte(nil), covered[:stunHeader]...)
	binary.BigEndian.PutUint16(header[2:], uint16(len(covered)-stunHeader+4+sha256.Size))
	h := hmac.New(sha256.New, key)
	h.Write(header)
	h.Write(covered[stunHeader:])
	return h.Sum(nil)
}

// integritySHA256Of returns the value and the offset of MESSAGE-INTEGRITY-SHA256. TURN
// has it in full length.
func integritySHA256Of(m *stun.Message) (at int, value []byte) {
	at = stunHeader
	for _, a := range m.Attributes {
		if a.Type == stun.AttrMessageIntegritySHA256 && len(a.Value) == sha256.Size {
			return at, a.Value
		}
		at += 4 + len(a.Value) + padding(len(a.Value))
	}
	return 0, nil
}
