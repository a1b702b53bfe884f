package webrtc

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// ErrorKind is the name of the exception that W3C's specifications ask for.
type ErrorKind string

// The exception names of webrtc-pc, Web IDL section 2.8.1 (DOMException names)
// and Web IDL section 2.8.2 (TypeError, RangeError).
const (
	// KindInvalidState: the object is in a state in which the operation is not
	// allowed, for instance because it is closed.
	KindInvalidState ErrorKind = "InvalidStateError"
	// KindInvalidAccess: the object does not support the operation with these
	// arguments, for instance an expired certificate or missing credentials.
	KindInvalidAccess ErrorKind = "InvalidAccessError"
	// KindInvalidModification: something would change that must not.
	KindInvalidModification ErrorKind = "InvalidModificationError"
	// KindOperation: the operation failed for a reason of its own.
	KindOperation ErrorKind = "OperationError"
	// KindNotSupported: the operation or value is not supported.
	KindNotSupported ErrorKind = "NotSupportedError"
	// KindSyntaxError: a text does not have the expected form.
	KindSyntaxError ErrorKind = "SyntaxError"
	// KindTypeError: an argument is not of the expected type or range of values.
	KindTypeError ErrorKind = "TypeError"
	// KindInvalidCharacter: a text has a character that it may not have.
	KindInvalidCharacter ErrorKind = "InvalidCharacterError"
	// KindRangeError: a number is out of its range.
	KindRangeError ErrorKind = "RangeError"
	// KindNetwork: a network error occurred.
	KindNetwork ErrorKind = "NetworkError"
	// KindNotReadable: the identity provider made no assertion for an offer or
	// answer. The provider's own failure is the cause.
	KindNotReadable ErrorKind = "NotReadableError"
)

// The values of RTCErrorDetailType (webrtc-pc section 11.2). An RTCError's name
// is OperationError, so errors of these kinds match ErrOperation.
const (
	// KindSDPSyntax: a session description could not be parsed;
	// Error.SDPLineNumber holds the line.
	KindSDPSyntax ErrorKind = "sdp-syntax-error"
	// KindDataChannelFailure: a data channel failed.
	KindDataChannelFailure ErrorKind = "data-channel-failure"
	// KindDTLSFailure: the DTLS negotiation failed or ended with a fatal alert;
	// Error.ReceivedAlert or Error.SentAlert holds the alert where it is known.
	KindDTLSFailure ErrorKind = "dtls-failure"
	// KindFingerprintFailure: the remote certificate matches none of the
	// fingerprints that were signalled.
	KindFingerprintFailure ErrorKind = "fingerprint-failure"
	// KindSCTPFailure: the SCTP negotiation failed or the association ended
	// with an error; Error.SCTPCauseCode holds its cause where it is known.
	KindSCTPFailure ErrorKind = "sctp-failure"
)

// The values of RTCErrorDetailTypeIdp (webrtc-identity section 10.3). They
// match ErrOperation too.
const (
	// KindIDPExecutionFailure: the identity provider failed.
	KindIDPExecutionFailure ErrorKind = "idp-execution-failure"
	// KindIDPLoadFailure: there is no identity provider to ask.
	KindIDPLoadFailure ErrorKind = "idp-load-failure"
	// KindIDPNeedLogin: the user has to log in, see PeerConnection.IDPLoginURL.
	KindIDPNeedLogin ErrorKind = "idp-need-login"
	// KindIDPTimeout: the identity provider did not answer in time.
	KindIDPTimeout ErrorKind = "idp-timeout"
	// KindIDPTokenExpired: the identity assertion is no longer valid.
	KindIDPTokenExpired ErrorKind = "idp-token-expired"
	// KindIDPTokenInvalid: the identity assertion is not valid.
	KindIDPTokenInvalid ErrorKind = "idp-token-invalid"
)

// isIDP reports whether k is a failure of an identity provider.
func (k ErrorKind) isIDP() bool {
	switch k {
	case KindIDPExecutionFailure, KindIDPLoadFailure, KindIDPNeedLogin, KindIDPTimeout, KindIDPTokenExpired, KindIDPTokenInvalid:
		return true
	default:
		return false
	}
}

// isRTCError reports whether k is a detail of an RTCError.
func (k ErrorKind) isRTCError() bool {
	switch k {
	case KindSDPSyntax, KindDataChannelFailure, KindDTLSFailure, KindFingerprintFailure, KindSCTPFailure:
		return true
	default:
		return k.isIDP()
	}
}

// Name returns the name of the exception: OperationError for the details of an
// RTCError, k itself for every other kind.
func (k ErrorKind) Name() string {
	if k.isRTCError() {
		return string(KindOperation)
	}
	return string(k)
}

// Error is the error that this package's methods return. Programs tell errors
// apart with errors.Is(err, webrtc.ErrInvalidState) and its siblings, or with
// errors.As and Kind.
type Error struct {
	// Kind is W3C's exception name. It is never empty.
	Kind ErrorKind
	// Op names what was being done, for instance "set remote answer". It may
	// be empty.
	Op string
	// Err is the cause. It may be nil.
	Err error

	// SDPLineNumber is the line, counted from 1, at which a session description
	// could not be parsed (RTCError.sdpLineNumber); 0 means not known.
	SDPLineNumber int
	// SCTPCauseCode is the cause code of an SCTP failure (RFC 9260 section
	// 3.3.10, RTCError.sctpCauseCode); nil means none, or not known.
	SCTPCauseCode *uint16
	// ReceivedAlert is the DTLS alert that the peer sent (RFC 8446 section 6,
	// RTCError.receivedAlert); nil means none, or not known.
	ReceivedAlert *uint8
	// SentAlert is the DTLS alert that was sent to the peer
	// (RTCError.sentAlert); nil means none, or not known.
	SentAlert *uint8
}

// Error returns a text such as "webrtc: set remote answer: m-line 2: no common
// codec".
func (e *Error) Error() string {
	text := "webrtc: "
	if e.Op != "" {
		text += e.Op + ": "
	}
	if e.Kind == KindSDPSyntax && e.SDPLineNumber > 0 {
		text += fmt.Sprintf("SDP line %d: ", e.SDPLineNumber)
	}
	if e.Err == nil {
		return text + string(e.Kind)
	}
	return text + strings.TrimPrefix(e.Err.Error(), "webrtc: ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	return e.Err
}

// Is reports whether target is the sentinel of e's kind.
func (e *Error) Is(target error) bool {
	kind, ok := target.(kindError)
	return ok && (ErrorKind(kind) == e.Kind || string(kind) == e.Kind.Name())
}

// kindError is a sentinel that every Error of its kind matches.
type kindError ErrorKind

func (k kindError) Error() string {
	return "webrtc: " + string(k)
}

// Sentinels to use with errors.Is, one for each kind.
var (
	ErrInvalidState        error = kindError(KindInvalidState)
	ErrInvalidAccess       error = kindError(KindInvalidAccess)
	ErrInvalidModification error = kindError(KindInvalidModification)
	ErrOperation           error = kindError(KindOperation)
	ErrNotSupported        error = kindError(KindNotSupported)
	ErrSyntax              error = kindError(KindSyntaxError)
	ErrType                error = kindError(KindTypeError)
	ErrRange               error = kindError(KindRangeError)
	ErrInvalidCharacter    error = kindError(KindInvalidCharacter)
	ErrNetwork             error = kindError(KindNetwork)
	ErrNotReadable         error = kindError(KindNotReadable)
	ErrSDPSyntax           error = kindError(KindSDPSyntax)
	ErrFingerprint         error = kindError(KindFingerprintFailure)
)

// Causes under pion's names, for programs that match on them. Each is wrapped
// in an Error, so that errors.Is matches the cause and the kind.
var (
	// ErrConnectionClosed is the cause of every error of a closed connection.
	// It unwraps to net.ErrClosed.
	ErrConnectionClosed error = closedCause{}
	// ErrUnknownType: a text or number names no value of an enumeration.
	ErrUnknownType = errors.New(unknownText)
	// ErrDataChannelNotOpen: the data channel is not open, or no longer.
	ErrDataChannelNotOpen = errors.New("data channel not open")
	// ErrStringSizeLimit: a label has more than 65535 bytes of UTF-8.
	ErrStringSizeLimit = errors.New("label is longer than 65535 bytes")
	// ErrProtocolTooLarge: a protocol has more than 65535 bytes of UTF-8.
	ErrProtocolTooLarge = errors.New("protocol is longer than 65535 bytes")
	// ErrMaxDataChannelID: a data channel's ID is too large.
	ErrMaxDataChannelID = errors.New("data channel ID is too large")
	// ErrNegotiatedWithoutID: a negotiated data channel needs an ID.
	ErrNegotiatedWithoutID = errors.New("negotiated data channel without an ID")
	// ErrRetransmitsOrPacketLifeTime: only one of the two limits may be given.
	ErrRetransmitsOrPacketLifeTime = errors.New("both maxRetransmits and maxPacketLifeTime are given")

	// ErrCertificateExpired: a certificate's time of validity is over.
	ErrCertificateExpired = errors.New("certificate has expired")
	// ErrPrivateKeyType: the kind or size of a private key is not supported.
	ErrPrivateKeyType = errors.New("private key is neither ECDSA P-256 nor RSA of 2048 bits or more")
	// ErrNoTurnCredentials: a TURN server lacks its username or credential.
	ErrNoTurnCredentials = errors.New("TURN server without username or credential")
	// ErrTurnCredentials: a TURN server's username or credential is not usable.
	ErrTurnCredentials = errors.New("TURN credentials are not usable")

	// The following six are of SetConfiguration.

	// ErrModifyingPeerIdentity: SetConfiguration may not change peerIdentity.
	ErrModifyingPeerIdentity = errors.New("peerIdentity cannot be changed")
	// ErrModifyingCertificates: SetConfiguration may not change certificates.
	ErrModifyingCertificates = errors.New("certificates cannot be changed")
	// ErrModifyingBundlePolicy: SetConfiguration may not change bundlePolicy.
	ErrModifyingBundlePolicy = errors.New("bundlePolicy cannot be changed")
	// ErrModifyingRTCPMuxPolicy: SetConfiguration may not change rtcpMuxPolicy.
	ErrModifyingRTCPMuxPolicy = errors.New("rtcpMuxPolicy cannot be changed")
	// ErrModifyingRTPHeaderEncryptionPolicy: SetConfiguration may not change
	// rtpHeaderEncryptionPolicy.
	ErrModifyingRTPHeaderEncryptionPolicy = errors.New("rtpHeaderEncryptionPolicy cannot be changed")
	// ErrModifyingICECandidatePoolSize: SetConfiguration may not change
	// iceCandidatePoolSize once a local description is set.
	ErrModifyingICECandidatePoolSize = errors.New("iceCandidatePoolSize cannot be changed after a local description was set")

	// ErrExistingTrack: a track has a sender already.
	ErrExistingTrack = errors.New("the track has a sender already")
	// ErrSenderNotCreatedByConnection: a sender is of another connection.
	ErrSenderNotCreatedByConnection = errors.New("the sender is not of this connection")
	// ErrRTPSenderNewTrackHasIncorrectKind: a track is of another kind than the
	// sender that it is to replace the track of.
	ErrRTPSenderNewTrackHasIncorrectKind = errors.New("the track is of another kind")

	// ErrNoRemoteDescription: the operation needs a remote description.
	ErrNoRemoteDescription = errors.New("there is no remote description")
	// ErrSDPUnmarshalling: a session description could not be parsed.
	ErrSDPUnmarshalling = errors.New("session description cannot be parsed")
)

// closedCause is the type of ErrConnectionClosed.
type closedCause struct{}

func (closedCause) Error() string { return "connection closed" }

func (closedCause) Unwrap() error { return net.ErrClosed }

// newError makes an error of a kind. op and err may be empty.
func newError(kind ErrorKind, op string, err error) *Error {
	return &Error{Kind: kind, Op: op, Err: err}
}

// errorf is newError with a cause made by fmt.Errorf.
func errorf(kind ErrorKind, op, format string, args ...any) *Error {
	return newError(kind, op, fmt.Errorf(format, args...))
}

// closedError is what op returns on a closed object: an InvalidStateError that
// also is ErrConnectionClosed and net.ErrClosed.
func closedError(op string) error {
	return newError(KindInvalidState, op, ErrConnectionClosed)
}

// reop returns err with op as its operation, when err is an Error that names
// none: validation of values does not know on whose behalf it runs.
func reop(op string, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Op != "" {
		return err
	}
	named := *e
	named.Op = op
	return &named
}
