package webrtc

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// maxCertificatePEM bounds what CertificateFromPEM reads, in bytes.
const maxCertificatePEM = 64 << 10

// PEM returns the certificate and then its private key (PKCS #8) as PEM blocks.
// Whoever has the text can impersonate the holder.
func (c Certificate) PEM() (string, error) {
	const op = "certificate to PEM"
	if c.x509Cert == nil || c.privateKey == nil {
		return "", newError(KindInvalidAccess, op, errors.New("the certificate is empty"))
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.privateKey)
	if err != nil {
		return "", newError(KindNotSupported, op, err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.x509Cert.Raw})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	return string(text), nil
}

// CertificateFromPEM reads one certificate and its private key (PKCS #8, SEC 1
// or PKCS #1), in either order; blocks of other types are passed over. Text that
// cannot be read is a SyntaxError, a key that is not supported a
// NotSupportedError, and one that does not belong to the certificate an
// InvalidAccessError. An expired certificate is no error here.
func CertificateFromPEM(pems string) (*Certificate, error) {
	const op = "certificate from PEM"
	if len(pems) > maxCertificatePEM {
		return nil, errorf(KindSyntaxError, op, "%d bytes, at most %d are allowed", len(pems), maxCertificatePEM)
	}
	var c Certificate
	for rest := []byte(pems); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if err := c.readBlock(block); err != nil {
			return nil, newError(KindSyntaxError, op, err)
		}
	}
	switch {
	case c.x509Cert == nil:
		return nil, newError(KindSyntaxError, op, errors.New("no CERTIFICATE block"))
	case c.privateKey == nil:
		return nil, newError(KindSyntaxError, op, errors.New("no PRIVATE KEY block"))
	}
	public, _, err := supportedKey(c.privateKey)
	if err != nil {
		return nil, newError(KindNotSupported, op, err)
	}
	if !samePublicKey(public, c.x509Cert.PublicKey) {
		return nil, newError(KindInvalidAccess, op, errors.New("the private key does not belong to the certificate"))
	}
	return &c, nil
}

// readBlock adds what block holds to c.
func (c *Certificate) readBlock(block *pem.Block) error {
	var err error
	var key crypto.PrivateKey
	switch block.Type {
	case "CERTIFICATE":
		if c.x509Cert != nil {
			return errors.New("more than one CERTIFICATE block")
		}
		if c.x509Cert, err = parseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("CERTIFICATE block: %w", err)
		}
		return nil
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s block: %w", block.Type, err)
	}
	if c.privateKey != nil {
		return errors.New("more than one PRIVATE KEY block")
	}
	c.privateKey = key
	return nil
}

// parseCertificate takes DER, and the base64 text of DER: some programs have
// stored certificates that were encoded twice, and pion reads those too.
func parseCertificate(b []byte) (*x509.Certificate, error) {
	certificate, err := x509.ParseCertificate(b)
	if err == nil {
		return certificate, nil
	}
	der, decodeErr := base64.StdEncoding.DecodeString(string(b))
	if decodeErr != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
