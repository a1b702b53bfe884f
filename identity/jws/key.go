package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// algorithmOf is the one algorithm that a public key is good for.
func algorithmOf(key any) (jose.SignatureAlgorithm, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
		if len(k) == ed25519.PublicKeySize {
			return jose.EdDSA, nil
		}
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return jose.ES256, nil
		}
	}
	return "", fmt.Errorf("jws: a key of type %T is neither Ed25519 nor ECDSA P-256", key)
}

// PublicKey is the entry of a JSON Web Key Set for a key, to be given to those
// who are to know its owner.
func PublicKey(key crypto.Signer, keyID string) (jose.JSONWebKey, error) {
	public := key.Public()
	algorithm, err := algorithmOf(public)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	return jose.JSONWebKey{Key: public, KeyID: keyID, Algorithm: string(algorithm), Use: "sig"}, nil
}

// signingKey is the key in a form that the JOSE library signs with.
func (p *Provider) signingKey() any {
	switch p.config.Key.(type) {
	case ed25519.PrivateKey, *ecdsa.PrivateKey:
		return p.config.Key
	}
	return opaque{p}
}

// opaque signs with a key that does not show itself, such as one in hardware.
type opaque struct{ p *Provider }

func (o opaque) Public() *jose.JSONWebKey {
	return &jose.JSONWebKey{Key: o.p.config.Key.Public(), KeyID: o.p.config.KeyID}
}

func (o opaque) Algs() []jose.SignatureAlgorithm {
	algorithm, _ := algorithmOf(o.p.config.Key.Public())
	return []jose.SignatureAlgorithm{algorithm}
}

func (o opaque) SignPayload(payload []byte, algorithm jose.SignatureAlgorithm) ([]byte, error) {
	if algorithm == jose.EdDSA {
		return o.p.config.Key.Sign(rand.Reader, payload, crypto.Hash(0))
	}
	h := crypto.SHA256.New()
	h.Write(payload)
	der, err := o.p.config.Key.Sign(rand.Reader, h.Sum(nil), crypto.SHA256)
	if err != nil {
		return nil, err
	}
	// RFC 7518 section 3.4: two numbers of 32 bytes, not ASN.1.
	var n struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &n); err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	n.R.FillBytes(out[:32])
	n.S.FillBytes(out[32:])
	return out, nil
}
