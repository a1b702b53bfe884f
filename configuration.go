package webrtc

import (
	"errors"
	"fmt"
	"time"
)

// Configuration says how a PeerConnection connects (webrtc-pc section 4.2.1,
// RTCConfiguration). NewPeerConnection copies it: changing it afterwards changes
// nothing. The zero value is usable.
type Configuration struct {
	// ICEServers are the STUN and TURN servers to use. Without any, only the
	// host's own addresses are candidates.
	ICEServers []ICEServer `json:"iceServers,omitempty"`
	// ICETransportPolicy limits the candidates; all are allowed by default.
	ICETransportPolicy ICETransportPolicy `json:"iceTransportPolicy,omitempty"`
	// BundlePolicy is balanced by default. It cannot be changed later. Data
	// channels alone need one transport, whatever the policy.
	BundlePolicy BundlePolicy `json:"bundlePolicy,omitempty"`
	// RTCPMuxPolicy is require by default, the only supported value.
	RTCPMuxPolicy RTCPMuxPolicy `json:"rtcpMuxPolicy,omitempty"`
	// PeerIdentity is the identity that the other end has to prove
	// (webrtc-identity section 9.3), as name@domain, checked by the provider of
	// SetIdentityProvider: SetRemoteDescription fails without the proof.
	PeerIdentity string `json:"peerIdentity,omitempty"`
	// Certificates authenticate this end in DTLS. One is generated when there
	// are none. They cannot be changed later. JSON leaves out the private keys,
	// so certificates do not survive it; use Certificate.PEM.
	Certificates []Certificate `json:"certificates,omitempty"`
	// ICECandidatePoolSize is how many transports to gather candidates for
	// before there is a local description. It cannot be changed after that.
	// One is enough for what is bundled, and no more are made. Candidates are
	// announced and described from SetLocalDescription on.
	ICECandidatePoolSize uint8 `json:"iceCandidatePoolSize,omitempty"`
	// SDPSemantics must not be SDPSemanticsPlanB.
	SDPSemantics SDPSemantics `json:"sdpSemantics,omitempty"`
	// AlwaysNegotiateDataChannels makes an offer have a data section even when
	// there is no data channel yet (W3C webrtc-extensions).
	AlwaysNegotiateDataChannels bool `json:"alwaysNegotiateDataChannels,omitempty"`
	// RTPHeaderEncryptionPolicy is negotiate by default (W3C webrtc-extensions). It
	// cannot be changed later.
	RTPHeaderEncryptionPolicy RTPHeaderEncryptionPolicy `json:"rtpHeaderEncryptionPolicy,omitempty"`
}

// validate checks what the constructor (webrtc-pc section 4.4.1.1) and "set a
// configuration" (section 4.4.1.5) check without looking at a connection. The
// error is an *Error without Op.
func (c Configuration) validate(now time.Time) error {
	if err := c.validateEnums(); err != nil {
		return err
	}
	for i, certificate := range c.Certificates {
		if err := certificate.validate(now); err != nil {
			err.Err = fmt.Errorf("certificate %d: %w", i, err.Err)
			return err
		}
	}
	for _, server := range c.ICEServers {
		if err := server.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (c Configuration) validateEnums() error {
	for _, member := range []struct {
		name  string
		value int
		last  int
	}{
		{"iceTransportPolicy", int(c.ICETransportPolicy), int(ICETransportPolicyNoHost)},
		{"bundlePolicy", int(c.BundlePolicy), int(BundlePolicyMaxBundle)},
		{"rtcpMuxPolicy", int(c.RTCPMuxPolicy), int(RTCPMuxPolicyRequire)},
		{"rtpHeaderEncryptionPolicy", int(c.RTPHeaderEncryptionPolicy), int(RTPHeaderEncryptionPolicyRequire)},
		{"sdpSemantics", int(c.SDPSemantics), int(SDPSemanticsUnifiedPlanWithFallback)},
	} {
		if member.value < 0 || member.value > member.last {
			return errorf(KindTypeError, "", "%w %s %d", ErrUnknownType, member.name, member.value)
		}
	}
	if c.RTCPMuxPolicy == RTCPMuxPolicyNegotiate {
		return newError(KindNotSupported, "", errors.New("rtcpMuxPolicy negotiate is not supported (RFC 9429 section 4.1.1)"))
	}
	if c.SDPSemantics == SDPSemanticsPlanB {
		return newError(KindNotSupported, "", errors.New("sdpSemantics plan-b is not supported"))
	}
	return nil
}

// validateChange checks that c may replace old on a connection: the first steps
// of "set a configuration" (webrtc-pc section 4.4.1.5). Members that are absent
// have their default values, as in W3C's dictionary. localDescriptionSet says
// that SetLocalDescription has been called. old is what the constructor was
// given, before a certificate was generated. The error is an *Error without Op.
func (c Configuration) validateChange(old Configuration, localDescriptionSet bool) error {
	c, old = c.withDefaults(), old.withDefaults()
	switch {
	case c.PeerIdentity != "" && c.PeerIdentity != old.PeerIdentity:
		return newError(KindInvalidModification, "", ErrModifyingPeerIdentity)
	case !sameCertificates(c.Certificates, old.Certificates):
		return newError(KindInvalidModification, "", ErrModifyingCertificates)
	case c.BundlePolicy != old.BundlePolicy:
		return errorf(KindInvalidModification, "", "%w (from %v to %v)", ErrModifyingBundlePolicy, old.BundlePolicy, c.BundlePolicy)
	case c.RTCPMuxPolicy != old.RTCPMuxPolicy:
		return errorf(KindInvalidModification, "", "%w (from %v to %v)", ErrModifyingRTCPMuxPolicy, old.RTCPMuxPolicy, c.RTCPMuxPolicy)
	case c.RTPHeaderEncryptionPolicy != old.RTPHeaderEncryptionPolicy:
		return errorf(KindInvalidModification, "", "%w (from %v to %v)", ErrModifyingRTPHeaderEncryptionPolicy, old.RTPHeaderEncryptionPolicy, c.RTPHeaderEncryptionPolicy)
	case localDescriptionSet && c.ICECandidatePoolSize != old.ICECandidatePoolSize:
		return errorf(KindInvalidModification, "", "%w (from %d to %d)", ErrModifyingICECandidatePoolSize, old.ICECandidatePoolSize, c.ICECandidatePoolSize)
	default:
		return nil
	}
}

func sameCertificates(a, b []Certificate) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equals(b[i]) {
			return false
		}
	}
	return true
}

// withDefaults returns c with W3C's default in the place of each policy that is
// not set: what GetConfiguration shows.
func (c Configuration) withDefaults() Configuration {
	if c.BundlePolicy == BundlePolicyUnknown {
		c.BundlePolicy = BundlePolicyBalanced
	}
	if c.RTCPMuxPolicy == RTCPMuxPolicyUnknown {
		c.RTCPMuxPolicy = RTCPMuxPolicyRequire
	}
	if c.RTPHeaderEncryptionPolicy == RTPHeaderEncryptionPolicyUnknown {
		c.RTPHeaderEncryptionPolicy = RTPHeaderEncryptionPolicyNegotiate
	}
	return c
}

// clone returns a copy that shares nothing that can change with c.
func (c Configuration) clone() Configuration {
	if c.ICEServers != nil {
		servers := make([]ICEServer, len(c.ICEServers))
		for i, server := range c.ICEServers {
			servers[i] = server.clone()
		}
		c.ICEServers = servers
	}
	if c.Certificates != nil {
		c.Certificates = append([]Certificate{}, c.Certificates...)
	}
	return c
}
