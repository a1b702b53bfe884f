package webrtc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"
)

// webrtc-pc section 4.9.1: 30 days unless the caller asks for something else.
func TestGeneratedCertificate(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"ECDSA P-256": mustKey(t, elliptic.P256()), "RSA 2048": rsaKey} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			c, err := GenerateCertificate(key)
			if err != nil {
				t.Fatal(err)
			}
			if life := c.Expires().Sub(before); life < 30*24*time.Hour-2*time.Second || life > 30*24*time.Hour+time.Minute {
				t.Errorf("valid for %v", life)
			}
			if c.x509Cert.NotBefore.After(before.Add(-time.Hour)) {
				t.Errorf("a peer whose clock is slow would refuse it: NotBefore %v", c.x509Cert.NotBefore)
			}
			if err := c.x509Cert.CheckSignature(c.x509Cert.SignatureAlgorithm, c.x509Cert.RawTBSCertificate, c.x509Cert.Signature); err != nil {
				t.Errorf("not self-signed: %v", err)
			}
			if c.validate(before) != nil {
				t.Errorf("not usable: %v", c.validate(before))
			}
			pair := c.tlsCertificate()
			if len(pair.Certificate) != 1 || pair.PrivateKey != crypto.PrivateKey(key) || pair.Leaf != c.x509Cert {
				t.Errorf("tlsCertificate: %+v", pair)
			}
		})
	}
}

// RFC 8827 section 9.2: nothing in a certificate should tell who the user is.
func TestGeneratedCertificatesHaveNothingInCommon(t *testing.T) {
	now := time.Now()
	a, b := mustCertificate(t, now), mustCertificate(t, now)
	if a.x509Cert.SerialNumber.Cmp(b.x509Cert.SerialNumber) == 0 {
		t.Error("the same serial number")
	}
	if a.x509Cert.Subject.CommonName == b.x509Cert.Subject.CommonName || a.x509Cert.Subject.CommonName == "" {
		t.Errorf("names %q and %q", a.x509Cert.Subject.CommonName, b.x509Cert.Subject.CommonName)
	}
	// RFC 5280 section 4.1.2.2: a positive integer of at most 20 octets.
	for _, c := range []Certificate{a, b} {
		if c.x509Cert.SerialNumber.Sign() <= 0 || c.x509Cert.SerialNumber.BitLen() > 159 {
			t.Errorf("serial number %v", c.x509Cert.SerialNumber)
		}
	}
	if a.Equals(b) {
		t.Error("two certificates are equal")
	}
}

// webrtc-pc section 4.9.1: "If the algorithm is not supported, a
// NotSupportedError".
func TestUnsupportedKeysAreRefused(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		key  crypto.PrivateKey
		text string
	}{
		"P-384":     {mustKey(t, elliptic.P384()), "P-384"},
		"P-521":     {mustKey(t, elliptic.P521()), "P-521"},
		"RSA 1024":  {small, "1024 bits"},
		"Ed25519":   {ed, "ed25519.PrivateKey"},
		"nil":       {nil, "nil"},
		"nil ECDSA": {(*ecdsa.PrivateKey)(nil), "ecdsa"},
		"nil RSA":   {(*rsa.PrivateKey)(nil), "rsa"},
		"empty":     {&ecdsa.PrivateKey{}, "ecdsa"},
		"empty RSA": {&rsa.PrivateKey{}, "rsa"},
		"a string":  {"key", "string"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := GenerateCertificate(test.key)
			if !errors.Is(err, ErrNotSupported) || !errors.Is(err, ErrPrivateKeyType) || c != nil {
				t.Fatalf("GenerateCertificate: got %v, %v", c, err)
			}
			if !strings.Contains(err.Error(), test.text) {
				t.Errorf("the text %q does not say %s", err, test.text)
			}
			if c, err := NewCertificate(test.key, newTemplate(time.Now())); !errors.Is(err, ErrNotSupported) || c != nil {
				t.Errorf("NewCertificate: got %v, %v", c, err)
			}
		})
	}
}

func TestNewCertificateFollowsTheTemplate(t *testing.T) {
	now := time.Now()
	template := newTemplate(now)
	template.SignatureAlgorithm = x509.SHA256WithRSA // does not fit the key and is replaced
	c, err := NewCertificate(mustKey(t, elliptic.P256()), template)
	if err != nil {
		t.Fatal(err)
	}
	if c.x509Cert.SerialNumber.Int64() != 7 || !c.Expires().Equal(template.NotAfter.Truncate(time.Second)) {
		t.Errorf("got serial %v, expires %v", c.x509Cert.SerialNumber, c.Expires())
	}
	if c.x509Cert.SignatureAlgorithm != x509.ECDSAWithSHA256 {
		t.Errorf("signed with %v", c.x509Cert.SignatureAlgorithm)
	}
	if template.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Error("the caller's template was changed")
	}
	template.NotAfter = template.NotBefore.Add(-time.Hour)
	template.SerialNumber = nil
	if c, err := NewCertificate(mustKey(t, elliptic.P256()), template); err != nil && !errors.Is(err, ErrOperation) {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestCertificateEquality(t *testing.T) {
	now := time.Now()
	a, b := mustCertificate(t, now), mustCertificate(t, now)
	same, err := NewCertificate(a.privateKey, newTemplate(now))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		x, y Certificate
		want bool
	}{
		{"itself", a, a, true},
		{"a copy", a, CertificateFromX509(a.privateKey, a.x509Cert), true},
		{"another", a, b, false},
		{"the same key, another certificate", a, *same, false},
		{"the same certificate, another key", a, CertificateFromX509(b.privateKey, a.x509Cert), false},
		{"the same certificate, no key", a, CertificateFromX509(nil, a.x509Cert), false},
		{"empty", a, Certificate{}, false},
		{"both empty", Certificate{}, Certificate{}, false},
	} {
		if test.x.Equals(test.y) != test.want || test.y.Equals(test.x) != test.want {
			t.Errorf("%s: want %v both ways", test.name, test.want)
		}
	}
}

// webrtc-pc section 4.9.3.2 and RFC 8122 section 5: the hash of the DER in
// lower-case hexadecimal with colons.
func TestFingerprintOfACertificate(t *testing.T) {
	c := mustCertificate(t, time.Now())
	fingerprints, err := c.GetFingerprints()
	if err != nil || len(fingerprints) != 1 {
		t.Fatalf("got %v, %v", fingerprints, err)
	}
	f := fingerprints[0]
	sum := sha256.Sum256(c.x509Cert.Raw)
	if f.Algorithm != "sha-256" || strings.ReplaceAll(f.Value, ":", "") != hex.EncodeToString(sum[:]) || strings.Count(f.Value, ":") != 31 {
		t.Errorf("got %+v, want %x", f, sum)
	}
	if err := verifyFingerprints(c.x509Cert.Raw, fingerprints); err != nil {
		t.Errorf("its own fingerprint does not match: %v", err)
	}
}

func TestEmptyCertificateIsHarmless(t *testing.T) {
	var c Certificate
	if !c.Expires().IsZero() {
		t.Error("Expires")
	}
	if _, err := c.GetFingerprints(); !errors.Is(err, ErrInvalidAccess) {
		t.Errorf("GetFingerprints: %v", err)
	}
	if _, err := c.PEM(); !errors.Is(err, ErrInvalidAccess) {
		t.Errorf("PEM: %v", err)
	}
	if pair := c.tlsCertificate(); pair.Certificate != nil || pair.PrivateKey != nil {
		t.Errorf("tlsCertificate: %+v", pair)
	}
	if c := CertificateFromX509(nil, nil); c.validate(time.Now()) == nil {
		t.Error("CertificateFromX509(nil, nil) is usable")
	}
}

func TestCertificateSurvivesPEM(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.PrivateKey{"ECDSA": mustKey(t, elliptic.P256()), "RSA": rsaKey} {
		c, err := GenerateCertificate(key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := c.PEM()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := CertificateFromPEM(text)
		if err != nil || !back.Equals(*c) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificateFromPEMForms(t *testing.T) {
	c := mustCertificate(t, time.Now())
	key := c.privateKey.(*ecdsa.PrivateKey)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(typ string, b []byte) string { return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: b})) }
	certificate := block("CERTIFICATE", c.x509Cert.Raw)
	private := block("PRIVATE KEY", pkcs8)
	other, err := mustCertificate(t, time.Now()).PEM()
	if err != nil {
		t.Fatal(err)
	}
	otherKey := other[strings.Index(other, "-----BEGIN PRIVATE KEY"):]
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	edPKCS8, err := x509.MarshalPKCS8PrivateKey(ed)
	if err != nil {
		t.Fatal(err)
	}

	for name, text := range map[string]string{
		"certificate first":     certificate + private,
		"key first":             private + certificate,
		"SEC 1 key":             certificate + block("EC PRIVATE KEY", sec1),
		"text around":           "hello\n" + certificate + "between\n" + private + "after",
		"other blocks":          block("EC PARAMETERS", []byte{6, 8}) + certificate + private,
		"certificate in base64": block("CERTIFICATE", []byte(base64.StdEncoding.EncodeToString(c.x509Cert.Raw))) + private,
	} {
		got, err := CertificateFromPEM(text)
		if err != nil || !got.Equals(c) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, test := range map[string]struct {
		text string
		kind error
		want string
	}{
		"nothing":                {"", ErrSyntax, "no CERTIFICATE"},
		"no PEM":                 {"hello", ErrSyntax, "no CERTIFICATE"},
		"no key":                 {certificate, ErrSyntax, "no PRIVATE KEY"},
		"no certificate":         {private, ErrSyntax, "no CERTIFICATE"},
		"two certificates":       {certificate + certificate + private, ErrSyntax, "more than one CERTIFICATE"},
		"two keys":               {certificate + private + private, ErrSyntax, "more than one PRIVATE KEY"},
		"broken certificate":     {block("CERTIFICATE", []byte{1, 2, 3}) + private, ErrSyntax, "CERTIFICATE block"},
		"broken key":             {certificate + block("PRIVATE KEY", []byte{1, 2, 3}), ErrSyntax, "PRIVATE KEY block"},
		"broken SEC 1 key":       {certificate + block("EC PRIVATE KEY", []byte{1, 2, 3}), ErrSyntax, "EC PRIVATE KEY block"},
		"key of another":         {certificate + otherKey, ErrInvalidAccess, "does not belong"},
		"key that is not usable": {certificate + block("PRIVATE KEY", edPKCS8), ErrNotSupported, "ed25519"},
		"far too long":           {strings.Repeat(certificate, 1000), ErrSyntax, "at most 65536"},
	} {
		got, err := CertificateFromPEM(test.text)
		if !errors.Is(err, test.kind) || got != nil {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, test.kind)
			continue
		}
		if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: the text %q does not say %q", name, err, test.want)
		}
	}
}

func FuzzCertificateFromPEM(f *testing.F) {
	c, err := newDefaultCertificate(time.Now())
	if err != nil {
		f.Fatal(err)
	}
	text, err := c.PEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add(text + text)
	f.Add("-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n")
	f.Add("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := CertificateFromPEM(text)
		if err != nil {
			var e *Error
			if got != nil || !errors.As(err, &e) {
				t.Fatalf("got %v, %v", got, err)
			}
			return
		}
		again, err := got.PEM()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := CertificateFromPEM(again); err != nil || !back.Equals(*got) {
			t.Fatalf("does not survive PEM: %v", err)
		}
	})
}
