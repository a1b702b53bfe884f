package webrtc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

func mustCertificate(t *testing.T, now time.Time) Certificate {
	t.Helper()
	c, err := newDefaultCertificate(now)
	if err != nil {
		t.Fatal(err)
	}
	return *c
}

func TestConfigurationThatIsValid(t *testing.T) {
	now := time.Now()
	for _, c := range []Configuration{
		{},
		{
			ICEServers:           []ICEServer{{URLs: []string{"stun:stun.example.org"}}, {URLs: []string{"turn:turn.example.org"}, Username: "u", Credential: "c"}},
			ICETransportPolicy:   ICETransportPolicyRelay,
			BundlePolicy:         BundlePolicyMaxBundle,
			RTCPMuxPolicy:        RTCPMuxPolicyRequire,
			Certificates:         []Certificate{mustCertificate(t, now)},
			ICECandidatePoolSize: 255,
			SDPSemantics:         SDPSemanticsUnifiedPlanWithFallback,
		},
		{ICETransportPolicy: ICETransportPolicyNoHost},
	} {
		if err := c.validate(now); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// webrtc-pc section 4.4.1.1 (constructor) and section 4.4.1.5 (set a
// configuration).
func TestConfigurationMisuse(t *testing.T) {
	now := time.Now()
	good := mustCertificate(t, now)
	expired := mustCertificate(t, now.Add(-31*24*time.Hour))
	other := mustCertificate(t, now)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		rule   string
		config Configuration
		kind   error
		text   string
	}{
		{"If certificate.expires is less than the current time, throw an InvalidAccessError", Configuration{Certificates: []Certificate{good, expired}}, ErrInvalidAccess, "certificate 1: certificate has expired at"},
		{"each server is validated", Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:ok"}}, {URLs: []string{"nonsense"}}}}, ErrSyntax, "nonsense"},
		{"each server is validated", Configuration{ICEServers: []ICEServer{{}}}, ErrSyntax, "without URLs"},
		{"each server is validated", Configuration{ICEServers: []ICEServer{{URLs: []string{"turns:t"}}}}, ErrInvalidAccess, "username or credential"},
		{"RFC 9429 section 4.1.1: negotiate may be refused", Configuration{RTCPMuxPolicy: RTCPMuxPolicyNegotiate}, ErrNotSupported, "rtcpMuxPolicy"},
		{"not in W3C", Configuration{SDPSemantics: SDPSemanticsPlanB}, ErrNotSupported, "plan-b"},
		{"Web IDL section 3.2.18", Configuration{BundlePolicy: 4}, ErrType, "bundlePolicy 4"},
		{"Web IDL section 3.2.18", Configuration{BundlePolicy: -1}, ErrType, "bundlePolicy -1"},
		{"Web IDL section 3.2.18", Configuration{RTCPMuxPolicy: 3}, ErrType, "rtcpMuxPolicy 3"},
		{"Web IDL section 3.2.18", Configuration{ICETransportPolicy: 3}, ErrType, "iceTransportPolicy 3"},
		{"Web IDL section 3.2.18", Configuration{SDPSemantics: 3}, ErrType, "sdpSemantics 3"},
		{"an empty Certificate is not an RTCCertificate", Configuration{Certificates: []Certificate{{}}}, ErrType, "certificate 0: the certificate is empty"},
		{"webrtc-pc section 4.9.1: the algorithm is not supported", Configuration{Certificates: []Certificate{CertificateFromX509(edKey, good.x509Cert)}}, ErrNotSupported, "ed25519"},
		{"the key has to sign", Configuration{Certificates: []Certificate{CertificateFromX509(other.privateKey, good.x509Cert)}}, ErrInvalidAccess, "does not belong"},
	} {
		err := test.config.validate(now)
		if !errors.Is(err, test.kind) {
			t.Errorf("%s: got %v, want %v", test.rule, err, test.kind)
			continue
		}
		if !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: the text %q does not say %q", test.rule, err, test.text)
		}
	}
	err = Configuration{Certificates: []Certificate{expired}}.validate(now)
	if !errors.Is(err, ErrCertificateExpired) {
		t.Errorf("%v does not match ErrCertificateExpired", err)
	}
}

func TestCertificateIsValidUntilItExpires(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	c := Configuration{Certificates: []Certificate{mustCertificate(t, now)}}
	expires := c.Certificates[0].Expires()
	if err := c.validate(expires); err != nil {
		t.Errorf("at the last moment: %v", err)
	}
	if err := c.validate(expires.Add(time.Nanosecond)); !errors.Is(err, ErrInvalidAccess) {
		t.Errorf("just after: %v", err)
	}
}

// webrtc-pc section 4.4.1.5: "If oldConfig is not null, run the following steps,
// and if any of them fail, throw an InvalidModificationError". Members that are
// absent have the defaults of section 4.2.1.
func TestSetConfigurationMayNotChangeWhatIsFixed(t *testing.T) {
	now := time.Now()
	a, b := mustCertificate(t, now), mustCertificate(t, now)
	for _, test := range []struct {
		name     string
		old, new Configuration
		local    bool  // setLocalDescription has been called
		cause    error // nil: allowed
	}{
		{name: "nothing", old: Configuration{}, new: Configuration{}},
		{name: "servers and transport policy", old: Configuration{}, new: Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:a"}}}, ICETransportPolicy: ICETransportPolicyRelay}, local: true},
		{name: "same certificates", old: Configuration{Certificates: []Certificate{a, b}}, new: Configuration{Certificates: []Certificate{a, b}}},
		{name: "other certificate", old: Configuration{Certificates: []Certificate{a}}, new: Configuration{Certificates: []Certificate{b}}, cause: ErrModifyingCertificates},
		{name: "other order", old: Configuration{Certificates: []Certificate{a, b}}, new: Configuration{Certificates: []Certificate{b, a}}, cause: ErrModifyingCertificates},
		{name: "certificate added", old: Configuration{}, new: Configuration{Certificates: []Certificate{a}}, cause: ErrModifyingCertificates},
		{name: "certificates left out", old: Configuration{Certificates: []Certificate{a}}, new: Configuration{}, cause: ErrModifyingCertificates},
		{name: "default written out", old: Configuration{}, new: Configuration{BundlePolicy: BundlePolicyBalanced, RTCPMuxPolicy: RTCPMuxPolicyRequire}},
		{name: "default left out", old: Configuration{BundlePolicy: BundlePolicyBalanced, RTCPMuxPolicy: RTCPMuxPolicyRequire}, new: Configuration{}},
		{name: "bundle policy", old: Configuration{}, new: Configuration{BundlePolicy: BundlePolicyMaxBundle}, cause: ErrModifyingBundlePolicy},
		{name: "bundle policy left out", old: Configuration{BundlePolicy: BundlePolicyMaxBundle}, new: Configuration{}, cause: ErrModifyingBundlePolicy},
		{name: "RTCP policy", old: Configuration{}, new: Configuration{RTCPMuxPolicy: RTCPMuxPolicyNegotiate}, cause: ErrModifyingRTCPMuxPolicy},
		{name: "header encryption", old: Configuration{}, new: Configuration{RTPHeaderEncryptionPolicy: RTPHeaderEncryptionPolicyRequire}, cause: ErrModifyingRTPHeaderEncryptionPolicy},
		{name: "peer identity", old: Configuration{}, new: Configuration{PeerIdentity: "alice@example.org"}, cause: ErrModifyingPeerIdentity},
		{name: "peer identity left out", old: Configuration{PeerIdentity: "alice@example.org"}, new: Configuration{}},
		{name: "pool size, early", old: Configuration{}, new: Configuration{ICECandidatePoolSize: 1}},
		{name: "pool size, late", old: Configuration{}, new: Configuration{ICECandidatePoolSize: 1}, local: true, cause: ErrModifyingICECandidatePoolSize},
		{name: "pool size kept, late", old: Configuration{ICECandidatePoolSize: 1}, new: Configuration{ICECandidatePoolSize: 1}, local: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.new.validateChange(test.old, test.local)
			if test.cause == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, ErrInvalidModification) || !errors.Is(err, test.cause) {
				t.Fatalf("got %v, want an InvalidModificationError: %v", err, test.cause)
			}
		})
	}
}

func TestCloneSharesNothing(t *testing.T) {
	certificate := mustCertificate(t, time.Now())
	build := func() Configuration {
		return Configuration{
			ICEServers:   []ICEServer{{URLs: []string{"stun:a", "stun:b"}}},
			Certificates: []Certificate{certificate},
			BundlePolicy: BundlePolicyMaxCompat,
		}
	}
	original := build()
	clone := original.clone()
	if !reflect.DeepEqual(clone, original) {
		t.Fatalf("got %+v, want %+v", clone, original)
	}
	clone.ICEServers[0].URLs[0] = "stun:changed"
	clone.ICEServers[0].Username = "changed"
	clone.Certificates[0] = Certificate{}
	if !reflect.DeepEqual(original, build()) {
		t.Errorf("the original was changed: %+v", original)
	}
	if empty := (Configuration{}).clone(); !reflect.DeepEqual(empty, Configuration{}) {
		t.Errorf("the clone of nothing is %+v", empty)
	}
}

// webrtc-pc section 4.2.1: bundlePolicy = "balanced", rtcpMuxPolicy = "require".
func TestDefaults(t *testing.T) {
	got := Configuration{}.withDefaults()
	want := Configuration{BundlePolicy: BundlePolicyBalanced, RTCPMuxPolicy: RTCPMuxPolicyRequire, RTPHeaderEncryptionPolicy: RTPHeaderEncryptionPolicyNegotiate}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if set := (Configuration{BundlePolicy: BundlePolicyMaxBundle, RTCPMuxPolicy: RTCPMuxPolicyNegotiate, RTPHeaderEncryptionPolicy: RTPHeaderEncryptionPolicyRequire}); !reflect.DeepEqual(set.withDefaults(), set) {
		t.Errorf("a policy was changed: %+v", set.withDefaults())
	}
}

func TestConfigurationReadsBackItsJSON(t *testing.T) {
	const text = `{"iceServers":[{"urls":["stun:a"],"credentialType":"password"}],"iceTransportPolicy":"relay","bundlePolicy":"max-bundle","rtcpMuxPolicy":"require","iceCandidatePoolSize":3,"alwaysNegotiateDataChannels":true,"rtpHeaderEncryptionPolicy":"require"}`
	var c Configuration
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if c.ICETransportPolicy != ICETransportPolicyRelay || c.BundlePolicy != BundlePolicyMaxBundle || c.ICECandidatePoolSize != 3 {
		t.Errorf("got %+v", c)
	}
	if b, err := json.Marshal(c); err != nil || string(b) != text {
		t.Errorf("got %s, %v\nwant %s", b, err, text)
	}
	if b, err := json.Marshal(Configuration{}); err != nil || string(b) != "{}" {
		t.Errorf("the zero value: got %s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"bundlePolicy":"bogus"}`), &c); !errors.Is(err, ErrType) {
		t.Errorf("got %v, want a TypeError", err)
	}
}

func TestJSONOfACertificateShowsNoKey(t *testing.T) {
	c := mustCertificate(t, time.Now())
	b, err := json.Marshal(Configuration{Certificates: []Certificate{c}})
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != `{"certificates":[{}]}` {
		t.Errorf("got %s", b)
	}
}

// newTemplate is a template for NewCertificate.
func newTemplate(now time.Time) x509.Certificate {
	return x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
}

func mustKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
