package webrtc

import (
	"context"
	"errors"
	"strings"
	"time"
)

// IdentityProvider vouches for who is at an end of a connection: the
// RTCIdentityProvider of webrtc-identity section 5.2. A browser loads one from
// the web; here the application gives one to SetIdentityProvider, for both
// directions. Its methods are called on goroutines of their own, several at a
// time, never by the connection's loop; ctx ends after 15 seconds, and with the
// connection. They must not wait for the connection's offers, answers or
// descriptions, which wait for them. To say more about a failure than that it is
// one, they return an IdentityProviderError.
//
// See https://www.w3.org/TR/webrtc-identity/#sec.register-idp
type IdentityProvider interface {
	// GenerateAssertion proves who is at this end: it binds an identity to
	// contents, a text that must be taken as it is. origin is the origin of
	// the web page, which a Go program has not: it is empty. The options are
	// those of SetIdentityProvider. ErrNoIdentity says that this end has none
	// and only checks the peer's.
	GenerateAssertion(ctx context.Context, contents, origin string, options IdentityProviderOptions) (IdentityAssertionResult, error)
	// ValidateAssertion checks an assertion of the peer, and returns the
	// identity with the contents that it was made for. What it is given is
	// not trusted: only the assertion itself can prove anything.
	ValidateAssertion(ctx context.Context, assertion, origin string) (IdentityValidationResult, error)
}

// IdentityProviderOptions is what an application tells its identity provider:
// RTCIdentityProviderOptions of webrtc-identity section 9.4.
type IdentityProviderOptions struct {
	// Protocol names the provider's protocol, without / and \. "default" when
	// empty.
	Protocol string
	// UsernameHint says for whom the assertion is wanted; may be empty.
	UsernameHint string
	// PeerIdentity is who the peer is, for providers that bind an assertion to
	// both ends; Configuration.PeerIdentity when empty.
	PeerIdentity string
}

// IdentityProviderDetails names a provider: RTCIdentityProviderDetails.
type IdentityProviderDetails struct {
	// Domain is the provider's domain name. It has to be the domain of the
	// identities that it vouches for.
	Domain string
	// Protocol is the provider's protocol; "default" when empty.
	Protocol string
}

// IdentityAssertionResult is what GenerateAssertion returns:
// RTCIdentityAssertionResult.
type IdentityAssertionResult struct {
	IDP       IdentityProviderDetails
	Assertion string // opaque; some 8 KiB at most
}

// IdentityValidationResult is what ValidateAssertion returns:
// RTCIdentityValidationResult.
type IdentityValidationResult struct {
	Identity string // who the peer is, as name@domain
	Contents string // what the assertion was made for
}

// IdentityAssertion is a validated identity: W3C's RTCIdentityAssertion.
type IdentityAssertion struct {
	IDP  string // domain of the provider that vouches for it
	Name string // name@domain
}

// IdentityProviderError is what an IdentityProvider may return to say what
// failed.
type IdentityProviderError struct {
	// Kind is one of the KindIDP constants; KindIDPExecutionFailure when empty.
	Kind ErrorKind
	// LoginURL is where the user can log in, with KindIDPNeedLogin.
	LoginURL string
	// Info is for the application, see PeerConnection.IDPErrorInfo.
	Info string
	// Err is the cause; may be nil.
	Err error
}

// Error returns the text of the cause, and the kind.
func (e *IdentityProviderError) Error() string {
	text := "identity provider: " + string(e.kind())
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *IdentityProviderError) Unwrap() error { return e.Err }

func (e *IdentityProviderError) kind() ErrorKind {
	if !e.Kind.isIDP() {
		return KindIDPExecutionFailure
	}
	return e.Kind
}

// ErrNoIdentity is what GenerateAssertion returns where this end has no
// identity: offers and answers are made without one then.
var ErrNoIdentity = errors.New("this end has no identity")

// SetIdentityProvider sets who vouches for this end and checks what the peer
// asserts; nil is nobody. Offers and answers that are created from then on carry
// an assertion, and what was asserted before is forgotten. It returns a
// SyntaxError for a protocol with / or \, and an InvalidStateError after Close.
//
// See https://www.w3.org/TR/webrtc-identity/#dom-rtcpeerconnection-setidentityprovider
func (pc *PeerConnection) SetIdentityProvider(provider IdentityProvider, options IdentityProviderOptions) error {
	const op = "set identity provider"
	return pc.do(op, func(now time.Time) error {
		if strings.ContainsAny(options.Protocol, `/\`) {
			return errorf(KindSyntaxError, op, `protocol %q has a / or \`, options.Protocol)
		}
		if options.Protocol == "" {
			options.Protocol = defaultIdentityProtocol
		}
		if options.PeerIdentity == "" {
			options.PeerIdentity = pc.config.PeerIdentity
		}
		pc.identity.setProvider(now, provider, options)
		return nil
	})
}

const defaultIdentityProtocol = "default"

// GetIdentityAssertion asks the identity provider for an assertion, unless there
// is one already, and returns it as a=identity has it: JSON in base64. Offers
// and answers do this by themselves; calling it before saves them the wait. It
// returns an InvalidStateError after Close, an OperationError without a
// provider, and one of the KindIDP errors, which match ErrOperation, when the
// provider fails or takes more than 15 seconds.
//
// See https://www.w3.org/TR/webrtc-identity/#dom-rtcpeerconnection-getidentityassertion
func (pc *PeerConnection) GetIdentityAssertion(ctx context.Context) (string, error) {
	const op = "get identity assertion"
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	err := pc.do(op, func(now time.Time) error {
		if pc.identity.provider == nil {
			return newError(KindOperation, op, errNoIdentityProvider)
		}
		pc.identity.assert(now, func(_ time.Time, text string, err error) { done <- result{text, err} })
		return nil
	})
	if err != nil {
		return "", err
	}
	select {
	case r := <-done:
		if r.err == nil && r.text == "" {
			r.err = newError(KindOperation, op, ErrNoIdentity)
		}
		return r.text, reop(op, r.err)
	case <-ctx.Done():
		return "", newError(KindOperation, op, ctx.Err())
	case <-pc.loop.Done():
		return "", closedError(op)
	}
}

// PeerIdentity waits until the identity of the peer has been validated, and
// returns it. It returns an OperationError when the validation that it waits for
// fails. Without a target identity a later remote description may then bring
// another assertion, for which PeerIdentity can be called again; with one
// (Configuration.PeerIdentity) the error is final. Once there is an identity, it
// does not change. The connection's end gives an InvalidStateError.
//
// See https://www.w3.org/TR/webrtc-identity/#dom-rtcpeerconnection-peeridentity
func (pc *PeerConnection) PeerIdentity(ctx context.Context) (IdentityAssertion, error) {
	const op = "peer identity"
	p := pc.identity.promise.Load()
	select {
	case <-p.done:
		return p.value, reop(op, p.err)
	default:
	}
	select {
	case <-p.done:
		return p.value, reop(op, p.err)
	case <-ctx.Done():
		return IdentityAssertion{}, newError(KindOperation, op, ctx.Err())
	case <-pc.identity.ctx.Done():
		return IdentityAssertion{}, closedError(op)
	}
}

// IDPLoginURL returns where the user can log in, when the identity provider
// asked for that the last time that it failed; "" otherwise.
//
// See https://www.w3.org/TR/webrtc-identity/#dom-rtcpeerconnection-idploginurl
func (pc *PeerConnection) IDPLoginURL() string { return pc.identity.notice.Load().loginURL }

// IDPErrorInfo returns what the identity provider said about its last failure,
// in a form of its own; "" when it said nothing.
//
// See https://www.w3.org/TR/webrtc-identity/#dom-rtcpeerconnection-idperrorinfo
func (pc *PeerConnection) IDPErrorInfo() string { return pc.identity.notice.Load().info }
