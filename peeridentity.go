package webrtc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// identityTimeout is how long a provider may take (webrtc-identity section
// 7: 15 seconds).
const identityTimeout = 15 * time.Second

var errNoIdentityProvider = errors.New("no identity provider is set")

// peerIdentity is the part of a connection that deals with identities. Owned by
// the loop, except ctx and what is atomic. The provider, being the application's,
// runs elsewhere; its answers come back as inputs of the loop.
type peerIdentity struct {
	pc     *PeerConnection
	ctx    context.Context // ends at Close
	cancel context.CancelFunc

	provider IdentityProvider
	options  IdentityProviderOptions
	request  *assertionRequest // the assertion for provider; nil: not asked yet

	target     string         // W3C's target peer identity; "": none
	proof      *identityProof // of the peer's identity; nil: none yet
	validating bool           // without a target, so that no operation waits for it
	waiting    []func(now time.Time)

	promise atomic.Pointer[identityPromise]
	notice  atomic.Pointer[identityNotice]
}

// assertionRequest is one request for an assertion of ours.
type assertionRequest struct {
	done    bool
	text    string // of a=identity; "" where this end has no identity
	waiters []func(now time.Time, text string, err error)
}

// identityProof is a validated assertion of the peer.
type identityProof struct {
	text      string // of a=identity
	covered   []jsep.Fingerprint
	assertion IdentityAssertion
}

// identityPromise is W3C's peerIdentity. value and err are set before done is
// closed.
type identityPromise struct {
	done  chan struct{}
	value IdentityAssertion
	err   error
}

// identityNotice is what a provider's failure tells the application.
type identityNotice struct{ loginURL, info string }

func (id *peerIdentity) init(pc *PeerConnection) {
	id.pc, id.target = pc, pc.config.PeerIdentity
	id.ctx, id.cancel = context.WithCancel(context.Background())
	id.promise.Store(&identityPromise{done: make(chan struct{})})
	id.notice.Store(&identityNotice{})
}

// setProvider replaces the provider. Who waits for an assertion of the old one
// gets one of the new one.
func (id *peerIdentity) setProvider(now time.Time, provider IdentityProvider, options IdentityProviderOptions) {
	old := id.request
	id.provider, id.options, id.request = provider, options, nil
	if old == nil {
		return
	}
	for _, w := range old.waiters {
		id.assert(now, w)
	}
}

// assert calls then with our assertion as text of a=identity, "" for none: at
// once when it is known, else when the provider has answered. On the loop.
func (id *peerIdentity) assert(now time.Time, then func(now time.Time, text string, err error)) {
	switch {
	case id.provider == nil:
		then(now, "", nil)
		return
	case id.request != nil && id.request.done:
		then(now, id.request.text, nil)
		return
	case id.request != nil:
		id.request.waiters = append(id.request.waiters, then)
		return
	}
	contents, err := jsep.IdentityContents(id.pc.fingerprints)
	if err != nil {
		then(now, "", newError(KindOperation, "", err))
		return
	}
	r := &assertionRequest{waiters: []func(time.Time, string, error){then}}
	id.request = r
	provider, options := id.provider, id.options
	consult(id, func(ctx context.Context) (IdentityAssertionResult, error) {
		return provider.GenerateAssertion(ctx, contents, "", options)
	}, func(now time.Time, result IdentityAssertionResult, err error) {
		if id.request == r {
			id.asserted(now, r, result, err)
		}
	})
}

// asserted takes the provider's answer.
func (id *peerIdentity) asserted(now time.Time, r *assertionRequest, result IdentityAssertionResult, err error) {
	text := ""
	switch {
	case errors.Is(err, ErrNoIdentity):
		err = nil
	case err != nil:
		err = id.providerError(err)
	default:
		text, err = jsep.Identity{Domain: result.IDP.Domain, Protocol: result.IDP.Protocol, Assertion: result.Assertion}.Encode()
		if err != nil {
			err = newError(KindIDPExecutionFailure, "", err)
		}
	}
	waiters := r.waiters
	r.done, r.text, r.waiters = err == nil, text, nil
	if err != nil {
		id.request = nil // the next one asks again
	}
	for _, w := range waiters {
		w(now, text, err)
	}
}

// assertion is what a description that is made now carries.
func (id *peerIdentity) assertion() string {
	if id.request == nil {
		return ""
	}
	return id.request.text
}

// consult calls the provider on a goroutine of its own, and then on the loop,
// when it has answered or its time is up. After Close, then is not called.
func consult[T any](id *peerIdentity, call func(context.Context) (T, error), then func(time.Time, T, error)) {
	ctx, cancel := context.WithTimeout(id.ctx, identityTimeout)
	var once sync.Once
	report := func(v T, err error) {
		once.Do(func() { id.pc.loop.Post(func(now time.Time) { then(now, v, err) }) })
	}
	late := func() {
		var none T
		report(none, &IdentityProviderError{Kind: KindIDPTimeout, Err: fmt.Errorf("no answer within %v", identityTimeout)})
	}
	stop := context.AfterFunc(ctx, late)
	go func() {
		defer cancel()
		v, err := call(ctx)
		stop()
		if ctx.Err() != nil {
			late()
		}
		report(v, err)
	}()
}

// providerError is the RTCError for a provider's failure, which the getters tell
// of too.
func (id *peerIdentity) providerError(err error) error {
	var e *IdentityProviderError
	if !errors.As(err, &e) {
		e = &IdentityProviderError{}
	}
	notice := &identityNotice{info: e.Info}
	if e.kind() == KindIDPNeedLogin {
		notice.loginURL = e.LoginURL
	}
	id.notice.Store(notice)
	return newError(e.kind(), "", err)
}

// prepareRemote validates the identity in a remote description where the
// description depends on it, which is when there is a target identity. The proof
// is nil where there is nothing new. On the loop.
//
// See https://www.w3.org/TR/webrtc-identity/#sec.identity-verify-assertion
func (id *peerIdentity) prepareRemote(now time.Time, kind jsep.Type, text string, then func(time.Time, *identityProof, error)) {
	switch {
	case kind == jsep.Rollback:
		then(now, nil, nil)
		return
	case id.validating:
		// One at a time; and what it proves will be the target.
		id.waiting = append(id.waiting, func(now time.Time) { id.prepareRemote(now, kind, text, then) })
		return
	case id.target == "":
		then(now, nil, nil)
		return
	}
	remote, err := id.pc.session.CheckRemote(kind, text)
	if err != nil {
		then(now, nil, nil) // SetRemote will say so
		return
	}
	if id.proven(remote) {
		then(now, nil, nil)
		return
	}
	id.validate(now, remote, func(now time.Time, proof *identityProof, err error) {
		if err != nil {
			id.reject(err)
		}
		then(now, proof, err)
	})
}

// proven reports whether what was proven before holds for a description (RFC
// 8827 section 5.1.4: fingerprints that have not changed need no new assertion).
func (id *peerIdentity) proven(remote jsep.RemoteIdentity) bool {
	if id.proof == nil || (remote.Text != "" && remote.Text != id.proof.text) {
		return false
	}
	_, missing := remote.Uncovered(id.proof.covered)
	return !missing
}

// validateLater validates the identity in a remote description that is in force
// already, as nothing depends on it. On the loop.
func (id *peerIdentity) validateLater(now time.Time, remote jsep.RemoteIdentity) {
	if remote.Text == "" || id.target != "" {
		return
	}
	id.validating = true
	id.validate(now, remote, func(now time.Time, proof *identityProof, err error) {
		id.validating = false
		if err != nil {
			id.pc.log.warn("identity of the peer", "error", err)
			id.reject(err)
		} else {
			id.accept(proof)
		}
		waiting := id.waiting
		id.waiting = nil
		for _, next := range waiting {
			next(now)
		}
	})
}

// accept keeps a proof. The identity is the target from now on.
func (id *peerIdentity) accept(proof *identityProof) {
	if proof == nil {
		return
	}
	id.proof, id.target = proof, proof.assertion.Name
	id.settle(proof.assertion, nil)
}

// reject fails who waits for the peer's identity. Without a target there may be
// another.
func (id *peerIdentity) reject(err error) {
	id.settle(IdentityAssertion{}, err)
	if id.target == "" {
		id.promise.Store(&identityPromise{done: make(chan struct{})})
	}
}

// settle settles the promise, unless it is.
func (id *peerIdentity) settle(value IdentityAssertion, err error) {
	p := id.promise.Load()
	select {
	case <-p.done:
	default:
		p.value, p.err = value, err
		close(p.done)
	}
}

// validate asks the provider about an identity and checks its answer. On the
// loop, and so is then.
func (id *peerIdentity) validate(now time.Time, remote jsep.RemoteIdentity, then func(time.Time, *identityProof, error)) {
	fail := func(kind ErrorKind, err error) { then(now, nil, newError(kind, "", err)) }
	if remote.Text == "" {
		fail(KindOperation, fmt.Errorf("the peer does not prove that it is %s: no a=identity for its fingerprints", id.target))
		return
	}
	claim, err := jsep.DecodeIdentity(remote.Text)
	if err != nil {
		fail(KindOperation, err)
		return
	}
	provider := id.provider
	if provider == nil {
		fail(KindIDPLoadFailure, errNoIdentityProvider)
		return
	}
	consult(id, func(ctx context.Context) (IdentityValidationResult, error) {
		return provider.ValidateAssertion(ctx, claim.Assertion, "")
	}, func(now time.Time, result IdentityValidationResult, err error) {
		if err != nil {
			then(now, nil, id.providerError(err))
			return
		}
		proof, err := id.prove(remote, claim, result)
		if err != nil {
			then(now, nil, newError(KindOperation, "", err))
			return
		}
		then(now, proof, nil)
	})
}

// prove makes the checks that are left to the connection (webrtc-identity section
// 7, RFC 8827 section 8.1): fingerprints, the provider's domain, the target.
func (id *peerIdentity) prove(remote jsep.RemoteIdentity, claim jsep.Identity, result IdentityValidationResult) (*identityProof, error) {
	covered, err := jsep.ParseIdentityContents(result.Contents)
	if err != nil {
		return nil, err
	}
	if f, missing := remote.Uncovered(covered); missing {
		return nil, fmt.Errorf("the identity assertion is not for fingerprint %s %s", f.Algorithm, f.Value)
	}
	at := strings.LastIndexByte(result.Identity, '@')
	if at < 1 || !strings.EqualFold(result.Identity[at+1:], claim.Domain) {
		return nil, fmt.Errorf("identity %q is not one of the provider's domain %q", result.Identity, claim.Domain)
	}
	if id.target != "" && result.Identity != id.target {
		return nil, fmt.Errorf("the peer is %q, not %q", result.Identity, id.target)
	}
	return &identityProof{
		text: remote.Text, covered: covered,
		assertion: IdentityAssertion{IDP: claim.Domain, Name: result.Identity},
	}, nil
}
