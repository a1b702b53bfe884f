package webrtc

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

// enumValues are all named values of the package's enumerations, under the
// names of W3C's.
var enumValues = []struct {
	value fmt.Stringer
	want  string
}{
	// webrtc-pc section 4.3.1
	{SignalingStateUnknown, "unknown"},
	{SignalingStateStable, "stable"},
	{SignalingStateHaveLocalOffer, "have-local-offer"},
	{SignalingStateHaveRemoteOffer, "have-remote-offer"},
	{SignalingStateHaveLocalPranswer, "have-local-pranswer"},
	{SignalingStateHaveRemotePranswer, "have-remote-pranswer"},
	{SignalingStateClosed, "closed"},
	{SignalingState(-1), "unknown"},
	{SignalingState(100), "unknown"},
	// webrtc-pc section 4.3.2
	{ICEGatheringStateUnknown, "unknown"},
	{ICEGatheringStateNew, "new"},
	{ICEGatheringStateGathering, "gathering"},
	{ICEGatheringStateComplete, "complete"},
	// webrtc-pc section 4.3.3
	{PeerConnectionStateUnknown, "unknown"},
	{PeerConnectionStateNew, "new"},
	{PeerConnectionStateConnecting, "connecting"},
	{PeerConnectionStateConnected, "connected"},
	{PeerConnectionStateDisconnected, "disconnected"},
	{PeerConnectionStateFailed, "failed"},
	{PeerConnectionStateClosed, "closed"},
	// webrtc-pc section 4.3.4
	{ICEConnectionStateUnknown, "unknown"},
	{ICEConnectionStateNew, "new"},
	{ICEConnectionStateChecking, "checking"},
	{ICEConnectionStateConnected, "connected"},
	{ICEConnectionStateCompleted, "completed"},
	{ICEConnectionStateDisconnected, "disconnected"},
	{ICEConnectionStateFailed, "failed"},
	{ICEConnectionStateClosed, "closed"},
	// webrtc-pc section 5.6.6
	{ICETransportStateUnknown, "unknown"},
	{ICETransportStateNew, "new"},
	{ICETransportStateChecking, "checking"},
	{ICETransportStateConnected, "connected"},
	{ICETransportStateCompleted, "completed"},
	{ICETransportStateDisconnected, "disconnected"},
	{ICETransportStateFailed, "failed"},
	{ICETransportStateClosed, "closed"},
	// ORTC section 2.4.3
	{ICEGathererStateUnknown, "unknown"},
	{ICEGathererStateNew, "new"},
	{ICEGathererStateGathering, "gathering"},
	{ICEGathererStateComplete, "complete"},
	{ICEGathererStateClosed, "closed"},
	// webrtc-pc section 5.5
	{DTLSTransportStateUnknown, "unknown"},
	{DTLSTransportStateNew, "new"},
	{DTLSTransportStateConnecting, "connecting"},
	{DTLSTransportStateConnected, "connected"},
	{DTLSTransportStateClosed, "closed"},
	{DTLSTransportStateFailed, "failed"},
	// webrtc-pc section 6.1.4
	{SCTPTransportStateUnknown, "unknown"},
	{SCTPTransportStateConnecting, "connecting"},
	{SCTPTransportStateConnected, "connected"},
	{SCTPTransportStateClosed, "closed"},
	// webrtc-pc section 6.2
	{DataChannelStateUnknown, "unknown"},
	{DataChannelStateConnecting, "connecting"},
	{DataChannelStateOpen, "open"},
	{DataChannelStateClosing, "closing"},
	{DataChannelStateClosed, "closed"},
	// ORTC section 5.5, webrtc-pc sections 5.6.7 and 5.6.8
	{DTLSRoleUnknown, "unknown"},
	{DTLSRoleAuto, "auto"},
	{DTLSRoleClient, "client"},
	{DTLSRoleServer, "server"},
	{ICERoleUnknown, "unknown"},
	{ICERoleControlling, "controlling"},
	{ICERoleControlled, "controlled"},
	{ICEComponentUnknown, "unknown"},
	{ICEComponentRTP, "rtp"},
	{ICEComponentRTCP, "rtcp"},
	// webrtc-pc sections 4.8.1.7 and 4.8.1.9
	{ICEProtocolUnknown, "unknown"},
	{ICEProtocolUDP, "udp"},
	{ICEProtocolTCP, "tcp"},
	{ICECandidateTypeUnknown, "unknown"},
	{ICECandidateTypeHost, "host"},
	{ICECandidateTypeSrflx, "srflx"},
	{ICECandidateTypePrflx, "prflx"},
	{ICECandidateTypeRelay, "relay"},
	{NetworkTypeUnknown, "unknown"},
	{NetworkTypeUDP4, "udp4"},
	{NetworkTypeUDP6, "udp6"},
	{NetworkTypeTCP4, "tcp4"},
	{NetworkTypeTCP6, "tcp6"},
	// webrtc-pc sections 4.2.3, 4.2.4, 4.2.5
	{ICETransportPolicyAll, "all"},
	{ICETransportPolicyRelay, "relay"},
	{ICETransportPolicyNoHost, "nohost"},
	{ICETransportPolicy(9), "unknown"},
	{BundlePolicyUnknown, "unknown"},
	{BundlePolicyBalanced, "balanced"},
	{BundlePolicyMaxCompat, "max-compat"},
	{BundlePolicyMaxBundle, "max-bundle"},
	{RTCPMuxPolicyUnknown, "unknown"},
	{RTCPMuxPolicyNegotiate, "negotiate"},
	{RTCPMuxPolicyRequire, "require"},
	// webrtc-extensions, RTCRtpHeaderEncryptionPolicy
	{RTPHeaderEncryptionPolicyUnknown, "unknown"},
	{RTPHeaderEncryptionPolicyDisable, "disable"},
	{RTPHeaderEncryptionPolicyNegotiate, "negotiate"},
	{RTPHeaderEncryptionPolicyRequire, "require"},
	{ICECredentialTypePassword, "password"},
	{ICECredentialTypeOauth, "oauth"},
	{SDPSemanticsUnifiedPlan, "unified-plan"},
	{SDPSemanticsPlanB, "plan-b"},
	{SDPSemanticsUnifiedPlanWithFallback, "unified-plan-with-fallback"},
	// webrtc-pc section 4.6.1
	{SDPTypeUnknown, "unknown"},
	{SDPTypeOffer, "offer"},
	{SDPTypePranswer, "pranswer"},
	{SDPTypeAnswer, "answer"},
	{SDPTypeRollback, "rollback"},
	// webrtc-pc section 4.4.2.1
	{ICETrickleCapabilityUnknown, "unknown"},
	{ICETrickleCapabilitySupported, "supported"},
	{ICETrickleCapabilityUnsupported, "unsupported"},
	// webrtc-priority section 3
	{PriorityTypeUnknown, "unknown"},
	{PriorityTypeVeryLow, "very-low"},
	{PriorityTypeLow, "low"},
	{PriorityTypeMedium, "medium"},
	{PriorityTypeHigh, "high"},
}

func TestEnumerationsHaveTheNamesOfW3C(t *testing.T) {
	for _, test := range enumValues {
		if got := test.value.String(); got != test.want {
			t.Errorf("%T(%d): got %q, want %q", test.value, test.value, got, test.want)
		}
	}
}

func TestEnumerationsReadBackTheirJSON(t *testing.T) {
	checkJSON(t, ICETransportStateUnknown, ICETransportStateNew, ICETransportStateChecking, ICETransportStateConnected,
		ICETransportStateCompleted, ICETransportStateDisconnected, ICETransportStateFailed, ICETransportStateClosed)
	checkJSON(t, DTLSTransportStateUnknown, DTLSTransportStateNew, DTLSTransportStateConnecting, DTLSTransportStateConnected,
		DTLSTransportStateClosed, DTLSTransportStateFailed)
	checkJSON(t, DataChannelStateUnknown, DataChannelStateConnecting, DataChannelStateOpen, DataChannelStateClosing, DataChannelStateClosed)
	checkJSON(t, ICERoleUnknown, ICERoleControlling, ICERoleControlled)
	checkJSON(t, ICECandidateTypeHost, ICECandidateTypeSrflx, ICECandidateTypePrflx, ICECandidateTypeRelay)
	checkJSON(t, ICETransportPolicyAll, ICETransportPolicyRelay, ICETransportPolicyNoHost)
	checkJSON(t, BundlePolicyUnknown, BundlePolicyBalanced, BundlePolicyMaxCompat, BundlePolicyMaxBundle)
	checkJSON(t, RTCPMuxPolicyUnknown, RTCPMuxPolicyNegotiate, RTCPMuxPolicyRequire)
	checkJSON(t, RTPHeaderEncryptionPolicyUnknown, RTPHeaderEncryptionPolicyDisable, RTPHeaderEncryptionPolicyNegotiate, RTPHeaderEncryptionPolicyRequire)
	checkJSON(t, ICECredentialTypePassword, ICECredentialTypeOauth)
	checkJSON(t, SDPSemanticsUnifiedPlan, SDPSemanticsPlanB, SDPSemanticsUnifiedPlanWithFallback)
	checkJSON(t, SDPTypeOffer, SDPTypePranswer, SDPTypeAnswer, SDPTypeRollback)
	checkJSON(t, PriorityTypeUnknown, PriorityTypeVeryLow, PriorityTypeLow, PriorityTypeMedium, PriorityTypeHigh)
}

func checkJSON[T interface {
	comparable
	fmt.Stringer
}](t *testing.T, values ...T) {
	t.Helper()
	for _, value := range values {
		b, err := json.Marshal(value)
		if err != nil {
			t.Errorf("%T %v: %v", value, value, err)
			continue
		}
		if want := `"` + value.String() + `"`; string(b) != want {
			t.Errorf("%T: encoded as %s, want %s", value, b, want)
		}
		var got T
		if err := json.Unmarshal(b, &got); err != nil || got != value {
			t.Errorf("%T: %s decoded as %v, %v", value, b, got, err)
		}
	}
}

// Web IDL section 3.2.18: a string that is not in the enumeration is a
// TypeError.
func TestSettingsRefuseUnknownNames(t *testing.T) {
	for _, target := range []any{
		new(ICETransportPolicy), new(BundlePolicy), new(RTCPMuxPolicy), new(RTPHeaderEncryptionPolicy), new(ICECredentialType), new(SDPSemantics), new(SDPType), new(PriorityType),
	} {
		for _, text := range []string{`"nonsense"`, `""`} {
			err := json.Unmarshal([]byte(text), target)
			if !errors.Is(err, ErrType) || !errors.Is(err, ErrUnknownType) {
				t.Errorf("%T from %s: got %v, want a TypeError", target, text, err)
			}
		}
		if err := json.Unmarshal([]byte(`17`), target); err == nil {
			t.Errorf("%T took a number", target)
		}
	}
	if err := new(ICECandidateType).UnmarshalText([]byte("nonsense")); !errors.Is(err, ErrUnknownType) {
		t.Errorf("ICECandidateType: %v", err)
	}
}

func TestStatesTakeUnknownNamesAsUnknown(t *testing.T) {
	ice, dtls, channel, role := ICETransportStateFailed, DTLSTransportStateFailed, DataChannelStateOpen, ICERoleControlled
	for _, target := range []encoding.TextUnmarshaler{&ice, &dtls, &channel, &role} {
		if err := target.UnmarshalText([]byte("of a later specification")); err != nil {
			t.Errorf("%T: %v", target, err)
		}
		if got := target.(fmt.Stringer).String(); got != "unknown" {
			t.Errorf("%T: got %q", target, got)
		}
	}
}

func TestConstructorsByName(t *testing.T) {
	if NewICEConnectionState("disconnected") != ICEConnectionStateDisconnected || NewICEConnectionState("x") != ICEConnectionStateUnknown {
		t.Error("NewICEConnectionState")
	}
	if NewICEGatheringState("complete") != ICEGatheringStateComplete || NewICEGatheringState("x") != ICEGatheringStateUnknown {
		t.Error("NewICEGatheringState")
	}
	if NewICETransportPolicy("relay") != ICETransportPolicyRelay || NewICETransportPolicy("x") != ICETransportPolicyAll {
		t.Error("NewICETransportPolicy")
	}
	if NewSDPType("pranswer") != SDPTypePranswer || NewSDPType("x") != SDPTypeUnknown || NewSDPType("") != SDPTypeUnknown {
		t.Error("NewSDPType")
	}
	if p, err := NewICEProtocol("UDP"); p != ICEProtocolUDP || err != nil {
		t.Errorf("NewICEProtocol(UDP) = %v, %v", p, err)
	}
	if p, err := NewICEProtocol("sctp"); p != ICEProtocolUnknown || !errors.Is(err, ErrUnknownType) {
		t.Errorf("NewICEProtocol(sctp) = %v, %v", p, err)
	}
	if v, err := NewICECandidateType("relay"); v != ICECandidateTypeRelay || err != nil {
		t.Errorf("NewICECandidateType(relay) = %v, %v", v, err)
	}
	if v, err := NewICECandidateType("unknown"); v != ICECandidateTypeUnknown || !errors.Is(err, ErrUnknownType) {
		t.Errorf("NewICECandidateType(unknown) = %v, %v", v, err)
	}
	if v, err := NewNetworkType("tcp6"); v != NetworkTypeTCP6 || err != nil {
		t.Errorf("NewNetworkType(tcp6) = %v, %v", v, err)
	}
	if v, err := NewNetworkType("udp"); v != NetworkTypeUnknown || !errors.Is(err, ErrUnknownType) {
		t.Errorf("NewNetworkType(udp) = %v, %v", v, err)
	}
	for v, want := range map[NetworkType]string{NetworkTypeUDP4: "udp", NetworkTypeUDP6: "udp", NetworkTypeTCP4: "tcp", NetworkTypeTCP6: "tcp", NetworkTypeUnknown: "unknown"} {
		if got := v.Protocol(); got != want {
			t.Errorf("%v.Protocol() = %q, want %q", v, got, want)
		}
	}
}
