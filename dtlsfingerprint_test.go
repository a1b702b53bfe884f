package webrtc

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// RFC 8122 section 5: a=fingerprint holds the name of a hash function and the
// hash of the certificate in DER. Section 5.1: several may be given, and they
// may belong to several certificates.
func TestRemoteCertificateHasToMatchAFingerprint(t *testing.T) {
	der := []byte("certificate")
	sum256, sum384, sum512, sum1 := sha256.Sum256(der), sha512.Sum384(der), sha512.Sum512(der), sha1.Sum(der)
	other256, other512 := sha256.Sum256([]byte("other")), sha512.Sum512([]byte("other"))
	fp := func(algorithm string, sum []byte) DTLSFingerprint {
		return DTLSFingerprint{Algorithm: algorithm, Value: colonHex(sum)}
	}
	good := fp("sha-256", sum256[:])
	upper := DTLSFingerprint{Algorithm: "SHA-256", Value: strings.ToUpper(good.Value)}

	for name, remote := range map[string][]DTLSFingerprint{
		"sha-256":                             {good},
		"sha-384":                             {fp("sha-384", sum384[:])},
		"sha-512":                             {fp("sha-512", sum512[:])},
		"upper case":                          {upper},
		"blanks around":                       {{Algorithm: " sha-256", Value: good.Value + "\r"}},
		"second of two certificates":          {fp("sha-256", other256[:]), good},
		"other certificate with other hashes": {fp("sha-512", other512[:]), good},
		"beside unknown and malformed lines":  {{"sha3-256", "00"}, {"sha-256", "nonsense"}, {"", ""}, fp("sha-1", sum1[:]), good},
	} {
		if err := verifyFingerprints(der, remote); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	for name, test := range map[string]struct {
		remote []DTLSFingerprint
		text   []string
	}{
		"none":                    {nil, []string{"no fingerprint was signalled"}},
		"another certificate":     {[]DTLSFingerprint{fp("sha-256", other256[:])}, []string{"expected sha-256 " + colonHex(other256[:]), "got sha-256 " + good.Value}},
		"two others":              {[]DTLSFingerprint{fp("sha-256", other256[:]), fp("sha-512", other512[:])}, []string{colonHex(other256[:]) + " or sha-512 " + colonHex(other512[:]), "got sha-256 " + good.Value + ", sha-512 " + colonHex(sum512[:])}},
		"sha-1 alone":             {[]DTLSFingerprint{fp("sha-1", sum1[:])}, []string{"no usable fingerprint", "sha-1"}},
		"the hash of another":     {[]DTLSFingerprint{{"sha-512", good.Value}}, []string{"no usable"}},
		"too short":               {[]DTLSFingerprint{{"sha-256", good.Value[:len(good.Value)-3]}}, []string{"no usable"}},
		"too long":                {[]DTLSFingerprint{{"sha-256", good.Value + ":00"}}, []string{"no usable"}},
		"a colon at the end":      {[]DTLSFingerprint{{"sha-256", good.Value + ":"}}, []string{"no usable"}},
		"without colons":          {[]DTLSFingerprint{{"sha-256", strings.ReplaceAll(good.Value, ":", "")}}, []string{"no usable"}},
		"other separators":        {[]DTLSFingerprint{{"sha-256", strings.ReplaceAll(good.Value, ":", "-")}}, []string{"no usable"}},
		"no hexadecimal digits":   {[]DTLSFingerprint{{"sha-256", "zz" + good.Value[2:]}}, []string{"no usable"}},
		"empty":                   {[]DTLSFingerprint{{}}, []string{"no usable"}},
		"a flood of lines":        {repeatFingerprint(fp("sha-256", other256[:]), 5000), []string{"or 4996 more"}},
		"a flood of unknown ones": {repeatFingerprint(DTLSFingerprint{"x", strings.Repeat("y", 10000)}, 5000), []string{"or 4996 more"}},
	} {
		err := verifyFingerprints(der, test.remote)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindFingerprintFailure || !errors.Is(err, ErrFingerprint) || !errors.Is(err, ErrOperation) {
			t.Errorf("%s: got %v, want a fingerprint-failure", name, err)
			continue
		}
		for _, text := range test.text {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the text %q does not say %q", name, err, text)
			}
		}
		if len(err.Error()) > 2000 {
			t.Errorf("%s: the text has %d bytes", name, len(err.Error()))
		}
	}
}

func repeatFingerprint(f DTLSFingerprint, n int) []DTLSFingerprint {
	all := make([]DTLSFingerprint, n)
	for i := range all {
		all[i] = f
	}
	return all
}

func TestDTLSParametersReadBackTheirJSON(t *testing.T) {
	const text = `{"role":2,"fingerprints":[{"algorithm":"sha-256","value":"00:ff"}]}`
	var p DTLSParameters
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Role != DTLSRoleClient || len(p.Fingerprints) != 1 {
		t.Fatalf("got %+v, %v", p, err)
	}
	if b, err := json.Marshal(p); err != nil || string(b) != text {
		t.Errorf("got %s, %v", b, err)
	}
}

func FuzzVerifyFingerprints(f *testing.F) {
	der := []byte("certificate")
	sum := sha256.Sum256(der)
	f.Add("sha-256", colonHex(sum[:]))
	f.Add("SHA-512", "00:")
	f.Add("sha-384", "")
	f.Fuzz(func(t *testing.T, algorithm, value string) {
		err := verifyFingerprints(der, []DTLSFingerprint{{algorithm, value}})
		accepted := strings.EqualFold(strings.TrimSpace(value), colonHex(sum[:])) && strings.EqualFold(strings.TrimSpace(algorithm), "sha-256")
		if accepted != (err == nil) && strings.EqualFold(strings.TrimSpace(algorithm), "sha-256") {
			t.Fatalf("%q %q: %v", algorithm, value, err)
		}
		if err != nil && !errors.Is(err, ErrFingerprint) {
			t.Fatal(err)
		}
	})
}
