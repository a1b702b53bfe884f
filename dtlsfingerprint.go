package webrtc

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// DTLSFingerprint is a hash of a certificate (webrtc-pc section 5.5.3,
// RTCDtlsFingerprint; RFC 8122 section 5).
type DTLSFingerprint struct {
	// Algorithm is the hash function's name, for instance "sha-256".
	Algorithm string `json:"algorithm"`
	// Value is the hash in hexadecimal, a colon between the bytes.
	Value string `json:"value"`
}

// fingerprintHash is a hash function whose fingerprints are accepted.
type fingerprintHash struct {
	name string
	size int // bytes
	sum  func(der []byte) []byte
}

// fingerprintHashes holds the hash functions that count. SHA-1, MD5 and MD2 are
// not among them: collisions are known for each, and every end has to send
// SHA-256 (RFC 8122 section 5).
var fingerprintHashes = []fingerprintHash{
	{"sha-256", sha256.Size, func(der []byte) []byte { s := sha256.Sum256(der); return s[:] }},
	{"sha-384", sha512.Size384, func(der []byte) []byte { s := sha512.Sum384(der); return s[:] }},
	{"sha-512", sha512.Size, func(der []byte) []byte { s := sha512.Sum512(der); return s[:] }},
}

// verifyFingerprints checks that the certificate der is one that remote
// announced: a fingerprint of any accepted hash function has to match, as the
// lines may belong to several certificates (RFC 8122 section 5.1). Fingerprints
// of other hash functions, and those that are not well-formed, are passed over.
// The error is of KindFingerprintFailure and says what was expected and what
// came.
func verifyFingerprints(der []byte, remote []DTLSFingerprint) error {
	const op = "verify remote certificate"
	if len(remote) == 0 {
		return newError(KindFingerprintFailure, op, errors.New("no fingerprint was signalled"))
	}
	var expected, got []string
	for _, hash := range fingerprintHashes {
		sums := hash.fingerprints(remote)
		if len(sums) == 0 {
			continue
		}
		actual := hash.sum(der)
		for _, sum := range sums {
			if bytes.Equal(sum, actual) {
				return nil
			}
			expected = append(expected, hash.name+" "+colonHex(sum))
		}
		got = append(got, hash.name+" "+colonHex(actual))
	}
	if len(expected) == 0 {
		return errorf(KindFingerprintFailure, op, "no usable fingerprint in %s, want sha-256, sha-384 or sha-512", listFingerprints(remote))
	}
	return errorf(KindFingerprintFailure, op, "expected %s, got %s", joinBounded(expected), strings.Join(got, ", "))
}

// fingerprints returns the sums of the well-formed fingerprints that were made
// with h.
func (h fingerprintHash) fingerprints(all []DTLSFingerprint) [][]byte {
	var sums [][]byte
	for _, f := range all {
		if !strings.EqualFold(strings.TrimSpace(f.Algorithm), h.name) {
			continue
		}
		if sum, err := f.bytes(); err == nil && len(sum) == h.size {
			sums = append(sums, sum)
		}
	}
	return sums
}

// bytes decodes Value: pairs of hexadecimal digits in any case, a colon between
// the pairs.
func (f DTLSFingerprint) bytes() ([]byte, error) {
	value := strings.TrimSpace(f.Value)
	if len(value)%3 != 2 {
		return nil, errors.New("not pairs of hexadecimal digits with colons")
	}
	sum := make([]byte, 0, len(value)/3+1)
	for i := 0; i < len(value); i += 3 {
		if i > 0 && value[i-1] != ':' {
			return nil, errors.New("no colon between two bytes")
		}
		var err error
		if sum, err = hex.AppendDecode(sum, []byte(value[i:i+2])); err != nil {
			return nil, err
		}
	}
	return sum, nil
}

// colonHex is the text of RFC 8122 section 5, in lower case as webrtc-pc section
// 5.5.3 asks for.
func colonHex(sum []byte) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, len(sum)*3)
	for i, b := range sum {
		if i > 0 {
			text = append(text, ':')
		}
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}

func listFingerprints(fingerprints []DTLSFingerprint) string {
	texts := make([]string, len(fingerprints))
	for i, f := range fingerprints {
		texts[i] = quoteShort(f.Algorithm + " " + f.Value)
	}
	return joinBounded(texts)
}

// joinBounded joins alternatives, which come from the peer, for an error.
func joinBounded(texts []string) string {
	const limit = 4
	if len(texts) <= limit {
		return strings.Join(texts, " or ")
	}
	return fmt.Sprintf("%s or %d more", strings.Join(texts[:limit], " or "), len(texts)-limit)
}
