package webrtc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// misused is a connection with everything on it, and its peer.
type misused struct {
	t        *testing.T
	pc, peer *PeerConnection
	voice    *RTPSender // of a track, with DTMF
	video    *RTPTransceiver
	channel  *DataChannel
	ofTheirs *RTPSender // the peer's
}

// phase says how far the connection has come when it is misused.
type phase int

const (
	fresh     phase = iota // nothing was negotiated
	connected              // all is up, signaling is stable
	closed                 // and then closed
)

// prepare brings the connection of a rig to the phase.
func (p phase) prepare(t *testing.T, r *rig) *misused {
	t.Helper()
	m := &misused{t: t, pc: r.a, peer: r.b}
	var err error
	m.voice, err = r.a.AddTrack(audioTrack("voice"))
	must(t, err)
	m.ofTheirs, err = r.b.AddTrack(audioTrack("theirs"))
	must(t, err)
	m.video, err = r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
	must(t, err)
	m.channel, err = r.a.CreateDataChannel("x", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(7))})
	must(t, err)
	if p == fresh {
		return m
	}
	ready := opened(m.channel)
	exchange(t, r.a, r.b)
	wait(t, "open", ready, time.Minute)
	if p == closed {
		must(t, r.a.Close())
	}
	return m
}

// wrong is one way to misuse a member.
type wrong struct {
	section string // of webrtc-pc, unless it names another
	member  string
	how     string
	phase   phase
	call    func(m *misused) error
	want    error
}

const aCandidate = "candidate:1 1 udp 2130706431 192.0.2.77 5000 typ host"

func (m *misused) offer() SessionDescription {
	return value(m.pc.CreateOffer(nil))
}

// remoteOffer puts an offer of the peer into force.
func (m *misused) remoteOffer() {
	must(m.t, m.peer.SetLocalDescription(SessionDescription{}))
	must(m.t, m.pc.SetRemoteDescription(*m.peer.LocalDescription()))
}

func (m *misused) addVideo(encodings ...RTPEncodingParameters) error {
	return second(m.pc.AddTransceiverFromKind(RTPCodecTypeVideo, RTPTransceiverInit{SendEncodings: encodings}))
}

func layer(rid string) RTPEncodingParameters {
	return RTPEncodingParameters{RTPCodingParameters: RTPCodingParameters{RID: rid}}
}

// misuseOfDescriptions are W3C's exceptions of sections 4.4 to 4.9.
var misuseOfDescriptions = []wrong{
	{"4.4.1.1", "constructor", "expired certificate", fresh, func(m *misused) error {
		return second(NewPeerConnection(Configuration{Certificates: []Certificate{mustCertificate(m.t, time.Now().Add(-31*24*time.Hour))}}))
	}, ErrInvalidAccess},
	{"4.4.1.5", "constructor", "server without URL", fresh, func(*misused) error {
		return second(NewPeerConnection(Configuration{ICEServers: []ICEServer{{}}}))
	}, ErrSyntax},
	{"4.4.1.5", "constructor", "URL that does not parse", fresh, func(*misused) error {
		return second(NewPeerConnection(Configuration{ICEServers: []ICEServer{{URLs: []string{"stun://x"}}}}))
	}, ErrSyntax},
	{"4.4.1.5", "constructor", "URL of another protocol", fresh, func(*misused) error {
		return second(NewPeerConnection(Configuration{ICEServers: []ICEServer{{URLs: []string{"sip:x"}}}}))
	}, ErrNotSupported},
	{"4.4.1.5", "constructor", "TURN without credentials", fresh, func(*misused) error {
		return second(NewPeerConnection(Configuration{ICEServers: []ICEServer{{URLs: []string{"turn:x"}}}}))
	}, ErrInvalidAccess},
	{"4.4.2.2", "createOffer", "closed", closed, func(m *misused) error { return second(m.pc.CreateOffer(nil)) }, ErrInvalidState},
	{"4.4.2.2", "createOffer", "have-remote-offer", connected, func(m *misused) error {
		m.remoteOffer()
		return second(m.pc.CreateOffer(nil))
	}, ErrInvalidState},
	{"4.4.2.2", "createAnswer", "closed", closed, func(m *misused) error { return second(m.pc.CreateAnswer(nil)) }, ErrInvalidState},
	{"4.4.2.2", "createAnswer", "stable", connected, func(m *misused) error { return second(m.pc.CreateAnswer(nil)) }, ErrInvalidState},
	{"4.4.2.2", "createAnswer", "have-local-offer", fresh, func(m *misused) error {
		must(m.t, m.pc.SetLocalDescription(SessionDescription{}))
		return second(m.pc.CreateAnswer(nil))
	}, ErrInvalidState},
	{"4.4.1.2", "setLocalDescription", "closed", closed, func(m *misused) error { return m.pc.SetLocalDescription(SessionDescription{}) }, ErrInvalidState},
	{"4.4.2.2", "setLocalDescription", "an offer that was changed", fresh, func(m *misused) error {
		offer := m.offer()
		offer.SDP += "a=x\r\n"
		return m.pc.SetLocalDescription(offer)
	}, ErrInvalidModification},
	{"4.4.2.2", "setLocalDescription", "an offer that is not the last", fresh, func(m *misused) error {
		offer := m.offer()
		must(m.t, second(m.pc.AddTransceiverFromKind(RTPCodecTypeAudio)))
		m.offer()
		return m.pc.SetLocalDescription(offer)
	}, ErrInvalidModification},
	{"4.4.2.2", "setLocalDescription", "an answer that was changed", connected, func(m *misused) error {
		m.remoteOffer()
		answer := value(m.pc.CreateAnswer(nil))
		answer.SDP += "a=x\r\n"
		return m.pc.SetLocalDescription(answer)
	}, ErrInvalidModification},
	{"4.4.1.4", "setLocalDescription", "an answer without an offer", fresh, func(m *misused) error {
		return m.pc.SetLocalDescription(SessionDescription{Type: SDPTypeAnswer})
	}, ErrInvalidState},
	{"4.4.1.4", "setLocalDescription", "rollback in stable", connected, func(m *misused) error {
		return m.pc.SetLocalDescription(SessionDescription{Type: SDPTypeRollback})
	}, ErrInvalidState},
	{"4.4.1.4", "setLocalDescription", "rollback in have-local-pranswer", connected, func(m *misused) error {
		m.remoteOffer()
		answer := value(m.pc.CreateAnswer(nil))
		answer.Type = SDPTypePranswer
		must(m.t, m.pc.SetLocalDescription(answer))
		return m.pc.SetLocalDescription(SessionDescription{Type: SDPTypeRollback})
	}, ErrInvalidState},
	{"Web IDL 3.2.18", "setLocalDescription", "an unknown type", fresh, func(m *misused) error {
		return m.pc.SetLocalDescription(SessionDescription{Type: 99})
	}, ErrType},
	{"4.4.1.2", "setRemoteDescription", "closed", closed, func(m *misused) error {
		return m.pc.SetRemoteDescription(SessionDescription{Type: SDPTypeOffer, SDP: "v=0"})
	}, ErrInvalidState},
	{"4.4.1.4", "setRemoteDescription", "an answer without an offer", fresh, func(m *misused) error {
		offer := m.offer()
		offer.Type = SDPTypeAnswer
		return m.pc.SetRemoteDescription(offer)
	}, ErrInvalidState},
	{"4.4.1.4", "setRemoteDescription", "rollback in stable", connected, func(m *misused) error {
		return m.pc.SetRemoteDescription(SessionDescription{Type: SDPTypeRollback})
	}, ErrInvalidState},
	{"4.4.1.4", "setRemoteDescription", "what is no SDP", fresh, func(m *misused) error {
		return m.pc.SetRemoteDescription(SessionDescription{Type: SDPTypeOffer, SDP: "v=0\r\nnonsense\r\n"})
	}, ErrSDPSyntax},
	{"4.4.1.4", "setRemoteDescription", "an offer without rtcp-mux", fresh, func(m *misused) error {
		must(m.t, m.peer.SetLocalDescription(SessionDescription{}))
		offer := *m.peer.LocalDescription()
		offer.SDP = strings.NewReplacer("a=rtcp-mux\r\n", "", "a=rtcp-mux-only\r\n", "").Replace(offer.SDP)
		return m.pc.SetRemoteDescription(offer)
	}, ErrInvalidAccess},
	{"4.6.2.4", "setRemoteDescription", "no type", fresh, func(m *misused) error {
		return m.pc.SetRemoteDescription(SessionDescription{SDP: m.offer().SDP})
	}, ErrType},
	{"4.4.2.2", "addIceCandidate", "neither sdpMid nor sdpMLineIndex, before all other checks", closed, func(m *misused) error {
		return m.pc.AddICECandidate(ICECandidateInit{Candidate: aCandidate})
	}, ErrType},
	{"4.4.1.2", "addIceCandidate", "closed", closed, func(m *misused) error {
		return m.pc.AddICECandidate(ICECandidateInit{Candidate: aCandidate, SDPMid: ptr("0")})
	}, ErrInvalidState},
	{"4.4.2.2", "addIceCandidate", "no remote description", fresh, func(m *misused) error {
		return m.pc.AddICECandidate(ICECandidateInit{Candidate: aCandidate, SDPMid: ptr("0")})
	}, ErrInvalidState},
	{"4.4.2.2", "addIceCandidate", "an unknown sdpMid", connected, func(m *misused) error {
		return m.pc.AddICECandidate(ICECandidateInit{Candidate: aCandidate, SDPMid: ptr("nobody")})
	}, ErrOperation},
	{"4.4.2.2", "addIceCandidate", "sdpMLineIndex too large", connected, func(m *misused) error {
		return m.pc.AddICECandidate(ICECandidateInit{Candidate: aCandidate, SDPMLineIndex: ptr(uint16(9))})
	}, ErrOperation},
	{"4.4.2.2", "addIceCandidate", "an unknown usernameFragment", connected, func(m *misused) error {
		return m.pc.AddICECandidate(ICECandidateInit{Candidate: aCandidate, SDPMid: ptr("0"), UsernameFragment: ptr("nobody")})
	}, ErrOperation},
	{"4.4.2.2", "addIceCandidate", "what is no candidate", connected, func(m *misused) error {
		return m.pc.AddICECandidate(ICECandidateInit{Candidate: "candidate:x", SDPMid: ptr("0")})
	}, ErrOperation},
	{"4.4.2.2", "setConfiguration", "closed", closed, func(m *misused) error { return m.pc.SetConfiguration(Configuration{}) }, ErrInvalidState},
	{"4.4.1.5", "setConfiguration", "another bundlePolicy", fresh, func(m *misused) error {
		return m.pc.SetConfiguration(Configuration{BundlePolicy: BundlePolicyMaxBundle})
	}, ErrInvalidModification},
	{"4.4.1.5", "setConfiguration", "another rtcpMuxPolicy", fresh, func(m *misused) error {
		return m.pc.SetConfiguration(Configuration{RTCPMuxPolicy: RTCPMuxPolicyNegotiate})
	}, ErrInvalidModification},
	{"4.4.1.5", "setConfiguration", "other certificates", fresh, func(m *misused) error {
		return m.pc.SetConfiguration(Configuration{Certificates: []Certificate{mustCertificate(m.t, time.Now())}})
	}, ErrInvalidModification},
	{"4.4.1.5", "setConfiguration", "another iceCandidatePoolSize after a local description", connected, func(m *misused) error {
		return m.pc.SetConfiguration(Configuration{ICECandidatePoolSize: 3})
	}, ErrInvalidModification},
	{"4.4.1.5", "setConfiguration", "a bad server", fresh, func(m *misused) error {
		return m.pc.SetConfiguration(Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:"}}}})
	}, ErrSyntax},
	{"4.9.1", "generateCertificate", "a key that is not supported", fresh, func(m *misused) error {
		return second(GenerateCertificate(value(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))))
	}, ErrNotSupported},
	{"8.2.1", "getStats", "a track of nobody", connected, func(m *misused) error { return second(m.pc.GetStatsFor(audioTrack("x"))) }, ErrInvalidAccess},
	{"Web IDL 3.2", "getStats", "what is no track", connected, func(m *misused) error { return second(m.pc.GetStatsFor("x")) }, ErrType},
	{"webrtc-identity 9.2", "setIdentityProvider", "closed", closed, func(m *misused) error {
		return m.pc.SetIdentityProvider(nil, IdentityProviderOptions{Protocol: "/"})
	}, ErrInvalidState},
	{"webrtc-identity 9.2", "setIdentityProvider", "a slash in the protocol", fresh, func(m *misused) error {
		return m.pc.SetIdentityProvider(nil, IdentityProviderOptions{Protocol: "a/b"})
	}, ErrSyntax},
	{"webrtc-identity 9.2", "getIdentityAssertion", "closed", closed, func(m *misused) error { return second(m.pc.GetIdentityAssertion(m.t.Context())) }, ErrInvalidState},
	{"webrtc-identity 9.6", "setConfiguration", "another peerIdentity", fresh, func(m *misused) error {
		return m.pc.SetConfiguration(Configuration{PeerIdentity: "mallory@example.org"})
	}, ErrInvalidModification},
}

// misuseOfMedia are those of sections 5.1 to 5.4, and 7.
var misuseOfMedia = []wrong{
	{"5.1.2", "addTrack", "closed", closed, func(m *misused) error { return second(m.pc.AddTrack(videoTrack("v"))) }, ErrInvalidState},
	{"5.1.2", "addTrack", "a track that has a sender", fresh, func(m *misused) error { return second(m.pc.AddTrack(m.voice.Track())) }, ErrInvalidAccess},
	{"Web IDL 3.2", "addTrack", "no track", fresh, func(m *misused) error { return second(m.pc.AddTrack(nil)) }, ErrType},
	{"5.1.2", "removeTrack", "closed", closed, func(m *misused) error { return m.pc.RemoveTrack(m.voice) }, ErrInvalidState},
	{"5.1.2", "removeTrack", "a sender of another connection", fresh, func(m *misused) error { return m.pc.RemoveTrack(m.ofTheirs) }, ErrInvalidAccess},
	{"Web IDL 3.2", "removeTrack", "no sender", fresh, func(m *misused) error { return m.pc.RemoveTrack(nil) }, ErrType},
	{"5.1.2", "addTransceiver", "closed", closed, func(m *misused) error { return m.addVideo() }, ErrInvalidState},
	{"5.1.2", "addTransceiver", "neither audio nor video", fresh, func(m *misused) error { return second(m.pc.AddTransceiverFromKind(RTPCodecTypeUnknown)) }, ErrType},
	{"Web IDL 3.2", "addTransceiver", "no track", fresh, func(m *misused) error { return second(m.pc.AddTransceiverFromTrack(nil)) }, ErrType},
	{"Web IDL 3.2.18", "addTransceiver", "an unknown direction", fresh, func(m *misused) error {
		return second(m.pc.AddTransceiverFromKind(RTPCodecTypeVideo, RTPTransceiverInit{Direction: 99}))
	}, ErrType},
	{"5.1.2", "addTransceiver", "a rid that is none", fresh, func(m *misused) error { return m.addVideo(layer("a b"), layer("b")) }, ErrType},
	{"5.1.2", "addTransceiver", "a rid on one encoding only", fresh, func(m *misused) error { return m.addVideo(layer("a"), layer("")) }, ErrType},
	{"5.1.2", "addTransceiver", "a rid twice", fresh, func(m *misused) error { return m.addVideo(layer("a"), layer("a")) }, ErrType},
	{"5.1.2", "addTransceiver", "a read-only member", fresh, func(m *misused) error {
		return m.addVideo(RTPEncodingParameters{RTPCodingParameters: RTPCodingParameters{PayloadType: 96}})
	}, ErrInvalidAccess},
	{"5.1.2", "addTransceiver", "a codec that nobody has", fresh, func(m *misused) error {
		return m.addVideo(RTPEncodingParameters{Codec: &RTPCodecCapability{MimeType: "video/x", ClockRate: 90000}})
	}, ErrOperation},
	{"5.1.2", "addTransceiver", "scaleResolutionDownBy below 1", fresh, func(m *misused) error {
		return m.addVideo(RTPEncodingParameters{ScaleResolutionDownBy: ptr(0.5)})
	}, ErrRange},
	{"5.1.2", "addTransceiver", "maxFramerate 0", fresh, func(m *misused) error { return m.addVideo(RTPEncodingParameters{MaxFramerate: ptr(0.0)}) }, ErrRange},
	{"5.2.2", "setParameters", "closed", closed, func(m *misused) error { return m.voice.SetParameters(m.voice.GetParameters()) }, ErrInvalidState},
	{"5.2.2", "setParameters", "stopping", fresh, func(m *misused) error {
		p := m.voice.GetParameters()
		must(m.t, m.voice.transceiver.Stop())
		return m.voice.SetParameters(p)
	}, ErrInvalidState},
	{"5.2.2", "setParameters", "getParameters was not called", fresh, func(m *misused) error { return m.voice.SetParameters(RTPSendParameters{}) }, ErrInvalidState},
	{"5.2.2", "setParameters", "twice with one getParameters", fresh, func(m *misused) error {
		p := m.voice.GetParameters()
		must(m.t, m.voice.SetParameters(p))
		return m.voice.SetParameters(p)
	}, ErrInvalidState},
	{"5.2.2", "setParameters", "another number of encodings", fresh, func(m *misused) error {
		p := m.voice.GetParameters()
		p.Encodings = append(p.Encodings, p.Encodings[0])
		return m.voice.SetParameters(p)
	}, ErrInvalidModification},
	{"5.2.2", "setParameters", "another transactionId", fresh, func(m *misused) error {
		p := m.voice.GetParameters()
		p.TransactionID += "x"
		return m.voice.SetParameters(p)
	}, ErrInvalidModification},
	{"5.2.2", "setParameters", "a codec that was not negotiated", connected, func(m *misused) error {
		p := m.voice.GetParameters()
		p.Encodings[0].Codec = &RTPCodecCapability{MimeType: "audio/x", ClockRate: 8000}
		return m.voice.SetParameters(p)
	}, ErrInvalidModification},
	{"5.2.2", "setParameters", "scaleResolutionDownBy below 1", fresh, func(m *misused) error {
		p := m.video.Sender().GetParameters()
		p.Encodings[0].ScaleResolutionDownBy = ptr(0.9)
		return m.video.Sender().SetParameters(p)
	}, ErrRange},
	{"5.2.2", "setParameters", "maxFramerate below 0", fresh, func(m *misused) error {
		p := m.video.Sender().GetParameters()
		p.Encodings[0].MaxFramerate = ptr(-1.0)
		return m.video.Sender().SetParameters(p)
	}, ErrRange},
	{"5.2.2", "replaceTrack", "closed", closed, func(m *misused) error { return m.voice.ReplaceTrack(nil) }, ErrInvalidState},
	{"5.2.2", "replaceTrack", "stopping", fresh, func(m *misused) error {
		must(m.t, m.voice.transceiver.Stop())
		return m.voice.ReplaceTrack(nil)
	}, ErrInvalidState},
	{"5.2.2", "replaceTrack", "a track of another kind, before all other checks", closed, func(m *misused) error { return m.voice.ReplaceTrack(videoTrack("v")) }, ErrType},
	{"5.2.2", "setStreams", "closed", closed, func(m *misused) error { return m.voice.SetStreams("x") }, ErrInvalidState},
	{"RFC 8830 2", "setStreams", "an id that cannot stand in SDP", fresh, func(m *misused) error { return m.voice.SetStreams("a b") }, ErrType},
	{"5.4.1", "direction", "closed", closed, func(m *misused) error { return m.video.SetDirection(RTPTransceiverDirectionSendonly) }, ErrInvalidState},
	{"5.4.1", "direction", "stopping, also where it is set to stopped", fresh, func(m *misused) error {
		must(m.t, m.video.Stop())
		return m.video.SetDirection(RTPTransceiverDirectionStopped)
	}, ErrInvalidState},
	{"5.4.1", "direction", "stopped", fresh, func(m *misused) error { return m.video.SetDirection(RTPTransceiverDirectionStopped) }, ErrType},
	{"Web IDL 3.2.18", "direction", "an unknown direction", fresh, func(m *misused) error { return m.video.SetDirection(99) }, ErrType},
	{"5.4.2", "stop", "closed", closed, func(m *misused) error { return m.video.Stop() }, ErrInvalidState},
	{"5.4.2", "setCodecPreferences", "a codec that nobody has", fresh, func(m *misused) error {
		return m.video.SetCodecPreferences([]RTPCodecParameters{{RTPCodecCapability: RTPCodecCapability{MimeType: "video/x", ClockRate: 90000}}})
	}, ErrInvalidModification},
	{"5.4.2", "setCodecPreferences", "no codec of media", fresh, func(m *misused) error {
		for _, c := range m.pc.api.media.codecs(RTPCodecTypeVideo) {
			if c.isRTX() {
				return m.video.SetCodecPreferences([]RTPCodecParameters{c})
			}
		}
		return nil
	}, ErrInvalidModification},
	{"7.2.2", "insertDTMF", "closed", closed, func(m *misused) error { return m.voice.DTMF().InsertDTMF("1", 0, 0) }, ErrInvalidState},
	{"7.2.2", "insertDTMF", "not connected, before the characters are looked at", fresh, func(m *misused) error { return m.voice.DTMF().InsertDTMF("x", 0, 0) }, ErrInvalidState},
	{"7.2.2", "insertDTMF", "an unrecognized character", connected, func(m *misused) error { return m.voice.DTMF().InsertDTMF("1x", 0, 0) }, ErrInvalidCharacter},
}

// misuseOfData are those of section 6 and of the transports.
var misuseOfData = []wrong{
	{"6.1.2", "createDataChannel", "closed", closed, func(m *misused) error { return second(m.pc.CreateDataChannel("x", nil)) }, ErrInvalidState},
	{"6.1.2", "createDataChannel", "a label of 65536 bytes", fresh, func(m *misused) error {
		return second(m.pc.CreateDataChannel(strings.Repeat("é", 32768), nil))
	}, ErrType},
	{"6.1.2", "createDataChannel", "a protocol of 65536 bytes", fresh, func(m *misused) error {
		return second(m.pc.CreateDataChannel("x", &DataChannelInit{Protocol: ptr(strings.Repeat("x", 65536))}))
	}, ErrType},
	{"6.1.2", "createDataChannel", "negotiated without an id", fresh, func(m *misused) error {
		return second(m.pc.CreateDataChannel("x", &DataChannelInit{Negotiated: ptr(true)}))
	}, ErrType},
	{"6.1.2", "createDataChannel", "both limits", fresh, func(m *misused) error {
		return second(m.pc.CreateDataChannel("x", &DataChannelInit{MaxRetransmits: ptr(uint16(0)), MaxPacketLifeTime: ptr(uint16(0))}))
	}, ErrType},
	{"6.1.2", "createDataChannel", "id 65535", fresh, func(m *misused) error {
		return second(m.pc.CreateDataChannel("x", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(65535))}))
	}, ErrType},
	{"6.1.2", "createDataChannel", "an id in use", fresh, func(m *misused) error {
		return second(m.pc.CreateDataChannel("x", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(7))}))
	}, ErrOperation},
	{"6.1.2", "createDataChannel", "an id in use, connected", connected, func(m *misused) error {
		return second(m.pc.CreateDataChannel("x", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(7))}))
	}, ErrOperation},
	{"6.2.10", "send", "connecting", fresh, func(m *misused) error { return m.channel.SendText("x") }, ErrInvalidState},
	{"6.2.10", "send", "closing", connected, func(m *misused) error {
		must(m.t, m.channel.Close())
		return m.channel.Send(nil)
	}, ErrInvalidState},
	{"6.2.10", "send", "closed", closed, func(m *misused) error { return m.channel.Send(nil) }, ErrInvalidState},
	{"6.2.10", "send", "larger than maxMessageSize", connected, func(m *misused) error {
		return m.channel.Send(make([]byte, m.pc.SCTP().MaxMessageSize()+1))
	}, ErrType},
	{"ORTC 3.3", "ICETransport.Start", "twice", connected, func(m *misused) error { return m.pc.ice.Start(nil, ICEParameters{}, nil) }, ErrInvalidState},
	{"ORTC 3.3", "ICETransport.AddRemoteCandidate", "what is no candidate", connected, func(m *misused) error {
		return m.pc.ice.AddRemoteCandidate(&ICECandidate{})
	}, ErrOperation},
	{"ORTC 4.3", "DTLSTransport.Start", "twice", connected, func(m *misused) error { return m.pc.dtls.Start(DTLSParameters{}) }, ErrInvalidState},
	{"ORTC 11.3", "SCTPTransport.Start", "twice", connected, func(m *misused) error { return m.pc.sctp.Start(SCTPCapabilities{}) }, ErrInvalidState},
	{"DOM 2.7", "addEventListener", "an unknown event", fresh, func(m *misused) error { return second(m.pc.AddEventListener("x", func() {})) }, ErrType},
}

// TestEveryMisuseHasItsException: each way to misuse a member ends in W3C's
// exception, and the error of a closed connection is net.ErrClosed too. The deeper
// tables of some members are tests of their own: TestConfigurationMisuse,
// TestICEServerURLMisuseIsASyntaxError, TestSendEncodingsMisuse,
// TestSetParametersMisuse, TestCodecPreferences, TestMisuseOfStreams.
func TestEveryMisuseHasItsException(t *testing.T) {
	for _, table := range [][]wrong{misuseOfDescriptions, misuseOfMedia, misuseOfData} {
		for _, w := range table {
			t.Run(w.member+"/"+w.how, func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					m := w.phase.prepare(t, r)
					err := w.call(m)
					var e *Error
					if !errors.Is(err, w.want) || !errors.As(err, &e) || e.Op == "" {
						t.Fatalf("section %s: %v (%T), want %v with the name of the operation", w.section, err, err, w.want)
					}
					if w.phase == closed && errors.Is(err, ErrInvalidState) && !errors.Is(err, net.ErrClosed) && w.member != "send" {
						t.Errorf("%v is not net.ErrClosed", err)
					}
				})
			})
		}
	}
}

// pion's causes, for programs that match on them.
func TestMisuseOfMediaHasPionsCauses(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := fresh.prepare(t, r)
		for _, c := range []struct{ got, want error }{
			{second(m.pc.AddTrack(m.voice.Track())), ErrExistingTrack},
			{m.pc.AddStream(NewMediaStream(m.voice.Track())), ErrExistingTrack},
			{m.pc.RemoveTrack(m.ofTheirs), ErrSenderNotCreatedByConnection},
			{m.voice.ReplaceTrack(videoTrack("v")), ErrRTPSenderNewTrackHasIncorrectKind},
		} {
			if !errors.Is(c.got, c.want) {
				t.Errorf("%v is not %v", c.got, c.want)
			}
		}
	})
}
