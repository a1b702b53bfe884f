package webrtc

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/pion/logging"
)

// SettingEngine holds settings beyond W3C's [Configuration]. The zero value
// has the defaults. Give it to [NewAPI] through [WithSettingEngine]; it is
// copied there.
type SettingEngine struct {
	// Logger receives the connection's log with one attribute, "connection".
	// Nil is silent. It is called on the callback goroutine.
	Logger *slog.Logger
	// LoggerFactory is pion's way to take a log; it is used where Logger is
	// nil, and for what the protocol engines log, but for their trace lines. It
	// and its loggers are called on the callback goroutine, and may call
	// anything. Lines that come faster than they are taken are dropped.
	LoggerFactory logging.LoggerFactory

	ice struct {
		disconnectedTimeout, failedTimeout, keepaliveInterval time.Duration
		stunTimeout                                           time.Duration
		credentials                                           ice.Credentials
		portMin, portMax                                      uint16
		includeLoopback                                       bool
		proxyDialer                                           ICEProxyDialer
		turnTLS                                               *tls.Config
		interfaceFilter                                       func(string) bool
		ipFilter                                              func(net.IP) bool
		networkTypes                                          []NetworkType
		udpMux                                                UDPMux
		mdnsMode                                              MulticastDNSMode
		mdnsHostName                                          string
		lite, automaticRestart                                bool
		tcpMux                                                TCPMux
		rewrites                                              []addressRewrite
		rewriteError                                          error // of SetNAT1To1IPs
		nat1To1                                               bool
		acceptance                                            [4]time.Duration // by ice.CandidateType
		maxRequests                                           uint16
		remoteFilter                                          func(net.IP) bool
		renominateAfter                                       time.Duration
	}
	dtls struct {
		answeringRole                  DTLSRole
		retransmissionInterval         time.Duration
		keyLog                         io.Writer
		disableFingerprintVerification bool
	}
	sctp struct {
		engine         SCTPEngine
		receiveBuffer  uint32
		maxMessageSize uint32
		congestion     SCTPCongestionControl
		snap           bool
		pathMTU        bool
	}
	rtp                mediaSettings
	trackAtFirstPacket bool
	callbackExecutor   func(func())
	detachDataChannels bool
	blockWrite         bool
}

// SetCallbackExecutor makes every callback run on the application's own event
// loop: handlers and listeners of all events, OnOpen and OnTrack included, what
// the asynchronous methods report, and loggers. execute is given one piece of
// work at a time, and the next only after that has run; it may run it at once or,
// the usual way, queue it for the application's loop. It is called on goroutines
// of the connection. Filters still run on goroutines of their own.
//
// What getters return then changes on the executor too: one piece first applies
// all that the connection changed in one step and then runs the events of it, so
// that between pieces nothing moves. The exceptions are amounts and statistics,
// and blocking methods, Close included: a blocking method returns when its own
// result can be seen, and brings up to date all getters of its connection. Call
// it on the executor, which does not deadlock, or use the asynchronous methods.
//
// The channel of [GatheringCompletePromise] is closed on the executor, and must
// not be waited for there.
func (e *SettingEngine) SetCallbackExecutor(execute func(func())) { e.callbackExecutor = execute }

// SetFireOnTrackBeforeFirstRTP says when OnTrack is called. True is W3C's time
// and the default: when a description announces the track, before any packet, so
// that codec and SSRC may still be open. False is what pion/webrtc does by
// default: with the first packet of the track, of each layer with simulcast, so
// that a track of which nothing ever comes is not announced by it.
func (e *SettingEngine) SetFireOnTrackBeforeFirstRTP(fireOnTrackBeforeFirstRTP bool) {
	e.trackAtFirstPacket = !fireOnTrackBeforeFirstRTP
}

// DetachDataChannels keeps messages of every channel for [DataChannel.Detach]
// or [DataChannel.DetachStream] instead of handing them to OnMessage.
func (e *SettingEngine) DetachDataChannels() { e.detachDataChannels = true }

// EnableDataChannelBlockWrite makes Write of a detached channel wait while the
// channel has a full send buffer, as [DataChannel.SendContext] does.
func (e *SettingEngine) EnableDataChannelBlockWrite(block bool) { e.blockWrite = block }

// SetICETimeouts sets how long a connected path may be silent before the
// transport is disconnected (default 5 s), how long after that before it has
// failed (default 25 s), and how often an idle path is probed (default 2 s).
// Zero keeps the default. Together the first two must not exceed RFC 7675's
// 30 s for data to be sent until the end.
func (e *SettingEngine) SetICETimeouts(disconnectedTimeout, failedTimeout, keepAliveInterval time.Duration) {
	e.ice.disconnectedTimeout = disconnectedTimeout
	e.ice.failedTimeout = failedTimeout
	e.ice.keepaliveInterval = keepAliveInterval
}

// SetSTUNGatherTimeout limits how long one STUN server may take to answer
// while candidates are gathered. Default 5 s.
func (e *SettingEngine) SetSTUNGatherTimeout(t time.Duration) { e.ice.stunTimeout = t }

// SetICECredentials fixes the local ICE user name fragment (4 to 256 ice-chars)
// and password (22 to 256), which are random otherwise. The constructors check
// them. An ICE restart replaces them by random ones. See RFC 8839 section 5.4.
func (e *SettingEngine) SetICECredentials(usernameFragment, password string) {
	e.ice.credentials = ice.Credentials{Ufrag: usernameFragment, Pwd: password}
}

// SetEphemeralUDPPortRange limits the local ports of UDP candidates to
// portMin..portMax, both included. It returns a TypeError if the range is empty
// or portMin is 0.
func (e *SettingEngine) SetEphemeralUDPPortRange(portMin, portMax uint16) error {
	if portMin == 0 || portMax < portMin {
		return errorf(KindTypeError, "set ephemeral UDP port range", "%d to %d is no range of ports", portMin, portMax)
	}
	e.ice.portMin, e.ice.portMax = portMin, portMax
	return nil
}

// SetIncludeLoopbackCandidate gathers candidates on loopback interfaces too.
// Without it they are used only on a host that has no other address.
func (e *SettingEngine) SetIncludeLoopbackCandidate(include bool) { e.ice.includeLoopback = include }

// SetInterfaceFilter keeps only the interfaces for whose name filter is true.
// It runs on a goroutine of its own while candidates are gathered.
func (e *SettingEngine) SetInterfaceFilter(filter func(string) (keep bool)) {
	e.ice.interfaceFilter = filter
}

// SetIPFilter keeps only the local addresses for which filter is true. It runs
// on a goroutine of its own while candidates are gathered.
func (e *SettingEngine) SetIPFilter(filter func(net.IP) (keep bool)) { e.ice.ipFilter = filter }

// SetNetworkTypes limits the kinds of network that candidates are gathered on.
// Empty means those of UDP, and passive candidates of TCP where there is a mux for
// them ([SettingEngine.SetICETCPMux]). Naming a type of TCP makes active candidates
// too (RFC 6544): connections to passive ones of the peer.
func (e *SettingEngine) SetNetworkTypes(types []NetworkType) {
	e.ice.networkTypes = append([]NetworkType(nil), types...)
}

// SetAnsweringDTLSRole sets the DTLS role that an answer takes when the offer
// leaves the choice (a=setup:actpass): DTLSRoleClient, the default, or
// DTLSRoleServer. Other values are an InvalidAccessError.
// See RFC 8842 section 5.3.
func (e *SettingEngine) SetAnsweringDTLSRole(role DTLSRole) error {
	if role != DTLSRoleClient && role != DTLSRoleServer {
		return errorf(KindInvalidAccess, "set answering DTLS role", "role %v: want client or server", role)
	}
	e.dtls.answeringRole = role
	return nil
}

// SetDTLSRetransmissionInterval sets the wait before the first repetition of a
// handshake flight; each further one doubles it. Default 400 ms. See RFC 6347
// section 4.2.4.1.
func (e *SettingEngine) SetDTLSRetransmissionInterval(interval time.Duration) {
	e.dtls.retransmissionInterval = interval
}

// SetDTLSKeyLogWriter writes the secrets of every handshake to w in NSS key log
// format. For debugging only: whoever reads it can read the traffic.
func (e *SettingEngine) SetDTLSKeyLogWriter(w io.Writer) { e.dtls.keyLog = w }

// DisableCertificateFingerprintVerification accepts every remote certificate.
// It removes all protection against a man in the middle; for tests only.
func (e *SettingEngine) DisableCertificateFingerprintVerification(isDisabled bool) {
	e.dtls.disableFingerprintVerification = isDisabled
}

// SetSCTPEngine selects what carries data channels.
func (e *SettingEngine) SetSCTPEngine(engine SCTPEngine) { e.sctp.engine = engine }

// SetSCTPCongestionControl selects how fast data channels send. SCTPEnginePion has one
// of its own.
func (e *SettingEngine) SetSCTPCongestionControl(c SCTPCongestionControl) { e.sctp.congestion = c }

// EnableSctpSnap makes descriptions carry the SCTP handshake (SNAP,
// draft-hancke-tsvwg-snap-00): where offer and answer both have a=sctp-init, the
// association begins with DTLS, and a channel opens two round trips earlier. With a
// peer that does not answer it, nothing changes. A description whose a=sctp-init
// cannot be read, or is not a valid INIT chunk, is an error. Off by default, as in
// libwebrtc; without effect with SCTPEnginePion and stand-alone SCTPTransports.
func (e *SettingEngine) EnableSctpSnap(isEnabled bool) { e.sctp.snap = isEnabled }

// SetSCTPMaxReceiveBufferSize sets in bytes how far the SCTP receive window grows;
// it bounds the messages that wait for a slow reader. 0 is the default: 16 MiB, of
// which 1 MiB is opened at first, or 2 MiB with SCTPEnginePion.
func (e *SettingEngine) SetSCTPMaxReceiveBufferSize(size uint32) { e.sctp.receiveBuffer = size }

// SetSCTPMaxMessageSize sets the size in bytes of the largest message that the
// peer is told it may send. 0 is the default, 512 KiB. More than a quarter of what
// the receive window grows to, 4 MiB by default, is reduced to that. See RFC 8841 section 6.
func (e *SettingEngine) SetSCTPMaxMessageSize(size uint32) { e.sctp.maxMessageSize = size }
