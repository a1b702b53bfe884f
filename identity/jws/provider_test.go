package jws

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/passerelle-rtc/webrtc"
)

// hidden is a key of which only the Signer shows.
type hidden struct{ crypto.Signer }

func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return map[string]crypto.Signer{"Ed25519": ed, "P-256": ec, "opaque Ed25519": hidden{ed}, "opaque P-256": hidden{ec}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func set(t testing.TB, id string, key crypto.Signer) jose.JSONWebKeySet {
	t.Helper()
	public, err := PublicKey(key, id)
	must(t, err)
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}
}

// throughJSON is a key set as it arrives from elsewhere.
func throughJSON(t testing.TB, s jose.JSONWebKeySet) (out jose.JSONWebKeySet) {
	t.Helper()
	b, err := json.Marshal(s)
	must(t, err)
	must(t, json.Unmarshal(b, &out))
	return out
}

func TestAnAssertionProvesItsMaker(t *testing.T) {
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			alice, err := New(Config{Name: "alice@a.example", Key: key, KeyID: "alice-1"})
			must(t, err)
			bob, err := New(Config{Trusted: throughJSON(t, set(t, "alice-1", key)), Names: map[string]string{"alice-1": "alice@a.example"}})
			must(t, err)
			made, err := alice.GenerateAssertion(t.Context(), "contents", "", webrtc.IdentityProviderOptions{})
			must(t, err)
			if made.IDP != (webrtc.IdentityProviderDetails{Domain: "a.example", Protocol: "jws"}) {
				t.Errorf("provider %+v", made.IDP)
			}
			got, err := bob.ValidateAssertion(t.Context(), made.Assertion, "")
			if err != nil || got != (webrtc.IdentityValidationResult{Identity: "alice@a.example", Contents: "contents"}) {
				t.Errorf("%+v, %v", got, err)
			}
			if _, err := bob.GenerateAssertion(t.Context(), "contents", "", webrtc.IdentityProviderOptions{}); !errors.Is(err, webrtc.ErrNoIdentity) {
				t.Errorf("without a key: %v", err)
			}
		})
	}
}

func TestWhatDoesNotProveAnIdentityIsRefused(t *testing.T) {
	all := keys(t)
	key := all["Ed25519"]
	_, other, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	assert := func(c Config, options webrtc.IdentityProviderOptions) string {
		t.Helper()
		p, err := New(c)
		must(t, err)
		made, err := p.GenerateAssertion(t.Context(), "contents", "", options)
		must(t, err)
		return made.Assertion
	}
	good := Config{Name: "alice@a.example", Key: key, KeyID: "alice-1", Now: clock}
	with := func(f func(*Config)) Config { c := good; f(&c); return c }
	none := webrtc.IdentityProviderOptions{}
	valid := assert(good, none)
	parts := strings.Split(valid, ".")
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(key.Public().(ed25519.PublicKey))}, (&jose.SignerOptions{}).WithType(typ).WithHeader("kid", "alice-1"))
	must(t, err)
	symmetric, err := hmac.Sign([]byte(`{}`))
	must(t, err)
	confused, err := symmetric.CompactSerialize()
	must(t, err)
	foreign, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: "alice-1"}}, (&jose.SignerOptions{}).WithType("JWT"))
	must(t, err)
	token, err := foreign.Sign([]byte(`{"sub":"alice@a.example","contents":"contents","iat":1800000000,"exp":1800000600}`))
	must(t, err)
	jwt, err := token.CompactSerialize()
	must(t, err)

	for name, c := range map[string]struct {
		assertion string
		kind      webrtc.ErrorKind
		text      string
	}{
		"valid":                  {valid, "", ""},
		"for this end":           {assert(good, webrtc.IdentityProviderOptions{PeerIdentity: "bob@b.example"}), "", ""},
		"nothing":                {"", webrtc.KindIDPTokenInvalid, ""},
		"another key":            {assert(with(func(c *Config) { c.Key = other }), none), webrtc.KindIDPTokenInvalid, "no trusted key"},
		"another kind of key":    {assert(with(func(c *Config) { c.Key = all["P-256"] }), none), webrtc.KindIDPTokenInvalid, "no trusted key"},
		"an unknown key":         {assert(with(func(c *Config) { c.KeyID = "eve-1" }), none), webrtc.KindIDPTokenInvalid, `no trusted key "eve-1"`},
		"a name of another":      {assert(with(func(c *Config) { c.Name = "bob@b.example" }), none), webrtc.KindIDPTokenInvalid, "does not speak for"},
		"a key without a name":   {assert(with(func(c *Config) { c.KeyID = "nameless" }), none), webrtc.KindIDPTokenInvalid, "does not speak for"},
		"a payload of another":   {parts[0] + "." + strings.Split(assert(with(func(c *Config) { c.Lifetime = time.Hour }), none), ".")[1] + "." + parts[2], webrtc.KindIDPTokenInvalid, "no trusted key"},
		"no signature":           {"eyJhbGciOiJub25lIn0." + parts[1] + ".", webrtc.KindIDPTokenInvalid, ""},
		"the public key as HMAC": {confused, webrtc.KindIDPTokenInvalid, "algorithm"},
		"a token for other use":  {jwt, webrtc.KindIDPTokenInvalid, `type "JWT"`},
		"for another peer":       {assert(good, webrtc.IdentityProviderOptions{PeerIdentity: "carol@c.example"}), webrtc.KindIDPTokenInvalid, "carol@c.example"},
		"expired":                {assert(with(func(c *Config) { c.Now = func() time.Time { return now.Add(-DefaultLifetime - skew) } }), none), webrtc.KindIDPTokenExpired, "expired"},
		"just valid":             {assert(with(func(c *Config) { c.Now = func() time.Time { return now.Add(-DefaultLifetime - skew + time.Second) } }), none), "", ""},
		"from the future":        {assert(with(func(c *Config) { c.Now = func() time.Time { return now.Add(skew + time.Second) } }), none), webrtc.KindIDPTokenInvalid, "future"},
	} {
		trusted := set(t, "alice-1", key)
		trusted.Keys = append(trusted.Keys, set(t, "nameless", key).Keys...)
		bob, err := New(Config{Name: "bob@b.example", Key: other, KeyID: "bob-1", Now: clock, Trusted: trusted, Names: map[string]string{"alice-1": "alice@a.example"}})
		must(t, err)
		_, err = bob.ValidateAssertion(context.Background(), c.assertion, "")
		var e *webrtc.IdentityProviderError
		if c.kind == "" {
			must(t, err)
		} else if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %s %q", name, err, c.kind, c.text)
		}
	}
}

func TestConfigurationsThatProveNothingAreRefused(t *testing.T) {
	key := keys(t)["Ed25519"]
	big, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	for name, c := range map[string]Config{
		"P-384":                 {Name: "a@b", Key: big, KeyID: "1"},
		"RSA":                   {Name: "a@b", Key: rsaKey, KeyID: "1"},
		"no domain":             {Name: "a", Key: key, KeyID: "1"},
		"no name":               {Key: key, KeyID: "1"},
		"no key":                {Name: "a@b", KeyID: "1"},
		"no key ID":             {Name: "a@b", Key: key},
		"a private trusted key": {Trusted: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: "1"}}}},
		"a secret trusted":      {Trusted: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: []byte("secret"), KeyID: "1"}}}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	p, err := New(Config{Name: "a@b", Key: key, KeyID: "1"})
	must(t, err)
	if _, err := p.GenerateAssertion(t.Context(), "", "", webrtc.IdentityProviderOptions{UsernameHint: "c@b"}); err == nil {
		t.Error("an assertion for another name")
	}
}

func FuzzValidateAssertion(f *testing.F) {
	key := keys(f)["Ed25519"]
	alice, err := New(Config{Name: "alice@a.example", Key: key, KeyID: "1"})
	must(f, err)
	made, err := alice.GenerateAssertion(context.Background(), "contents", "", webrtc.IdentityProviderOptions{})
	must(f, err)
	f.Add(made.Assertion)
	f.Add("a.b.c")
	bob, err := New(Config{Trusted: set(f, "1", key), Names: map[string]string{"1": "alice@a.example"}})
	must(f, err)
	f.Fuzz(func(t *testing.T, assertion string) {
		got, err := bob.ValidateAssertion(context.Background(), assertion, "")
		if err == nil && (got.Identity != "alice@a.example" || got.Contents != "contents") {
			t.Errorf("%+v from %q", got, assertion)
		}
	})
}
