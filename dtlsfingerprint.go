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

// fingerprintHashes holds the hash functions from the strongest to the weakest.
// SHA-1, MD5 and MD2 are not among them: collisions are known for each, and RFC
// 8122 section 5 asks for SHA-256 as the least.
var fingerprintHashes = []fingerprintHash{
	{"sha-512", sha512.Size, func(der []byte) []byte { s := sha512.Sum512(der); return s[:] }},
	{"sha-384", sha512.Size384, func(der []byte) []byte { s := sha512.Sum384(der); return s[:] }},
	{"sha-256", sha256.Size, func(der []byte) []byte { s := sha256.Sum256(der); return s[:] }},
}

// verifyFingerprints checks that the certificate der is the one that remote
// announced. Where remote has fingerprints of several hash functions, the
// strongest alone decides, and one of its fingerprints has to match (RFC 8122
// section 5.1). Fingerprints of other hash functions, and those that are not
// well-formed, are passed over. The error is of KindFingerprintFailure.
func verifyFingerprints(der []byte, remote []DTLSFingerprint) error {
	const op = "verify remote certificate"
	if len(remote) == 0 {
		return newError(KindFingerprintFailure, op, errors.New("no fingerprint was signalled"))
	}
	for _, hash := range fingerprintHashes {
		expected := hash.fingerprints(remote)
		if len(expected) == 0 {
			continue
		}
		got := hash.sum(der)
		for _, sum := range expected {
			if bytes.Equal(sum, got) {
				return nil
			}
		}
		return errorf(KindFingerprintFailure, op, "expected %s %s, got %s", hash.name, listSums(expected), colonHex(got))
	}
	return errorf(KindFingerprintFailure, op, "no usable fingerprint among %s, want sha-256, sha-384 or sha-512", listFingerprints(remote))
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

// maxListed bounds how much of a peer's list goes into an error.
const maxListed = 4

func listSums(sums [][]byte) string {
	var texts []string
	for _, sum := range sums[:min(len(sums), maxListed)] {
		texts = append(texts, colonHex(sum))
	}
	return joinBounded(texts, len(sums))
}

func listFingerprints(fingerprints []DTLSFingerprint) string {
	var texts []string
	for _, f := range fingerprints[:min(len(fingerprints), maxListed)] {
		texts = append(texts, quoteShort(f.Algorithm+" "+f.Value))
	}
	return joinBounded(texts, len(fingerprints))
}

func joinBounded(texts []string, total int) string {
	text := strings.Join(texts, " or ")
	if total > len(texts) {
		text += fmt.Sprintf(" or %d more", total-len(texts))
	}
	return text
}
