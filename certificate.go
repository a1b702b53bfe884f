package webrtc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const (
	// certificateLifetime is W3C's default of generateCertificate (webrtc-pc
	// section 4.9.1): 30 days.
	certificateLifetime = 30 * 24 * time.Hour
	// certificateBackdate lets peers whose clock is slow accept the
	// certificate.
	certificateBackdate = 24 * time.Hour
	// minRSABits is the smallest RSA key that is accepted.
	minRSABits = 2048
)

// Certificate is an X.509 certificate and its private key, with which a
// connection authenticates itself in DTLS (webrtc-pc section 4.9.3, RTCCertificate). It
// does not change; copies are as good as the original and may be used by any
// number of connections at once. The zero value is not usable.
type Certificate struct {
	privateKey crypto.PrivateKey
	x509Cert   *x509.Certificate
}

// GenerateCertificate makes a self-signed certificate for secretKey that is
// valid for 30 days. The key is an *ecdsa.PrivateKey on P-256 or an
// *rsa.PrivateKey of at least 2048 bits; for every other the error is a
// NotSupportedError.
func GenerateCertificate(secretKey crypto.PrivateKey) (*Certificate, error) {
	return generateCertificate("generate certificate", secretKey, time.Now())
}

// NewCertificate is GenerateCertificate with a template: tpl holds the fields of
// the certificate, as x509.CreateCertificate takes them. The signature algorithm
// follows from the key.
func NewCertificate(key crypto.PrivateKey, tpl x509.Certificate) (*Certificate, error) {
	return newCertificate("new certificate", key, &tpl)
}

// CertificateFromX509 makes a Certificate of a key and a certificate that the
// program already has. NewPeerConnection refuses the result when it is not
// usable.
func CertificateFromX509(privateKey crypto.PrivateKey, certificate *x509.Certificate) Certificate {
	return Certificate{privateKey: privateKey, x509Cert: certificate}
}

// newDefaultCertificate makes the certificate of a connection that was given
// none: ECDSA on P-256 (RFC 8827 section 6.5).
func newDefaultCertificate(now time.Time) (*Certificate, error) {
	const op = "generate certificate"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, newError(KindOperation, op, err)
	}
	return generateCertificate(op, key, now)
}

func generateCertificate(op string, key crypto.PrivateKey, now time.Time) (*Certificate, error) {
	// Serial number and name are random and mean nothing, so that they cannot be
	// used to recognise the user (RFC 8827 section 9.2; RFC 5280 section 4.1.2.2
	// asks for at most 20 bytes and a positive number).
	var serial, name [16]byte
	if _, err := rand.Read(serial[:]); err != nil {
		return nil, newError(KindOperation, op, err)
	}
	if _, err := rand.Read(name[:]); err != nil {
		return nil, newError(KindOperation, op, err)
	}
	serial[0] = serial[0]&0x7f | 0x40
	subject := pkix.Name{CommonName: hex.EncodeToString(name[:])}
	return newCertificate(op, key, &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:]),
		Subject:      subject,
		NotBefore:    now.Add(-certificateBackdate),
		NotAfter:     now.Add(certificateLifetime),
	})
}

func newCertificate(op string, key crypto.PrivateKey, template *x509.Certificate) (*Certificate, error) {
	public, algorithm, err := supportedKey(key)
	if err != nil {
		return nil, newError(KindNotSupported, op, err)
	}
	template.SignatureAlgorithm = algorithm
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		return nil, newError(KindOperation, op, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, newError(KindOperation, op, err)
	}
	return &Certificate{privateKey: key, x509Cert: certificate}, nil
}

// supportedKey returns the public key and the signature algorithm of key.
func supportedKey(key crypto.PrivateKey) (crypto.PublicKey, x509.SignatureAlgorithm, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		if key != nil && key.Curve == elliptic.P256() {
			return key.Public(), x509.ECDSAWithSHA256, nil
		}
		if key != nil && key.Curve != nil {
			return nil, 0, fmt.Errorf("%w: ECDSA on %s", ErrPrivateKeyType, key.Curve.Params().Name)
		}
	case *rsa.PrivateKey:
		if key != nil && key.N != nil && key.N.BitLen() >= minRSABits {
			return key.Public(), x509.SHA256WithRSA, nil
		}
		if key != nil && key.N != nil {
			return nil, 0, fmt.Errorf("%w: RSA of %d bits", ErrPrivateKeyType, key.N.BitLen())
		}
	}
	return nil, 0, fmt.Errorf("%w: %T", ErrPrivateKeyType, key)
}

// validate says whether a connection may use the certificate: the certificate
// checks of webrtc-pc section 4.4.1.1, and that the key fits. The error has no
// Op.
func (c Certificate) validate(now time.Time) *Error {
	if c.privateKey == nil || c.x509Cert == nil {
		return newError(KindTypeError, "", errors.New("the certificate is empty"))
	}
	public, _, err := supportedKey(c.privateKey)
	if err != nil {
		return newError(KindNotSupported, "", err)
	}
	if !samePublicKey(public, c.x509Cert.PublicKey) {
		return newError(KindInvalidAccess, "", errors.New("the private key does not belong to the certificate"))
	}
	if c.Expires().Before(now) {
		return errorf(KindInvalidAccess, "", "%w at %s", ErrCertificateExpired, c.Expires().Format(time.RFC3339))
	}
	return nil
}

// samePublicKey compares two public keys of package crypto.
func samePublicKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

// Equals reports whether the certificates and their keys are the same. An empty
// Certificate equals none.
func (c Certificate) Equals(cert Certificate) bool {
	if c.x509Cert == nil || cert.x509Cert == nil || !c.x509Cert.Equal(cert.x509Cert) {
		return false
	}
	mine, _, err := supportedKey(c.privateKey)
	if err != nil {
		return false
	}
	theirs, _, err := supportedKey(cert.privateKey)
	return err == nil && samePublicKey(mine, theirs)
}

// Expires returns the time after which the certificate is not valid, to the
// second; the zero time for an empty Certificate.
func (c Certificate) Expires() time.Time {
	if c.x509Cert == nil {
		return time.Time{}
	}
	return c.x509Cert.NotAfter
}

// GetFingerprints returns the certificate's sha-256 fingerprint, in lower-case
// hexadecimal with colons (webrtc-pc section 4.9.3; RFC 8122 section 5). For an
// empty Certificate the error is an InvalidAccessError.
func (c Certificate) GetFingerprints() ([]DTLSFingerprint, error) {
	if c.x509Cert == nil {
		return nil, newError(KindInvalidAccess, "get fingerprints", errors.New("the certificate is empty"))
	}
	sum := sha256.Sum256(c.x509Cert.Raw)
	return []DTLSFingerprint{{Algorithm: "sha-256", Value: colonHex(sum[:])}}, nil
}

// tlsCertificate returns the form that the DTLS engine takes.
func (c Certificate) tlsCertificate() tls.Certificate {
	if c.x509Cert == nil {
		return tls.Certificate{}
	}
	return tls.Certificate{Certificate: [][]byte{c.x509Cert.Raw}, PrivateKey: c.privateKey, Leaf: c.x509Cert}
}
