package webrtc

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// scriptedIDP vouches for name and believes every assertion, which is JSON of an
// IdentityValidationResult. Its fields are set before it is used.
type scriptedIDP struct {
	name                string
	generated, checked  atomic.Int32
	generating, waiting chan struct{} // not nil: GenerateAssertion, ValidateAssertion wait for it
	fails               error
	alter               func(*IdentityValidationResult)
	got                 IdentityProviderOptions
}

func (p *scriptedIDP) GenerateAssertion(ctx context.Context, contents, origin string, options IdentityProviderOptions) (IdentityAssertionResult, error) {
	p.generated.Add(1)
	p.got = options
	if p.generating != nil {
		select {
		case <-p.generating:
		case <-ctx.Done():
			return IdentityAssertionResult{}, ctx.Err()
		}
	}
	if p.name == "" {
		return IdentityAssertionResult{}, ErrNoIdentity
	}
	text, err := json.Marshal(IdentityValidationResult{Identity: p.name, Contents: contents})
	if p.fails != nil {
		err = p.fails
	}
	_, domain, _ := strings.Cut(p.name, "@")
	return IdentityAssertionResult{IDP: IdentityProviderDetails{Domain: domain}, Assertion: string(text)}, err
}

func (p *scriptedIDP) ValidateAssertion(_ context.Context, assertion, _ string) (r IdentityValidationResult, err error) {
	p.checked.Add(1)
	if p.waiting != nil {
		<-p.waiting // on purpose not ctx: a provider that ignores it
	}
	if p.fails != nil {
		return r, p.fails
	}
	err = json.Unmarshal([]byte(assertion), &r)
	if p.alter != nil {
		p.alter(&r)
	}
	return r, err
}

func withTarget(name string) rigOption {
	return func(c *rigConfig) { c.configB.PeerIdentity = name }
}

// vouch gives both ends a provider.
func (r *rig) vouch(a, b *scriptedIDP) {
	r.t.Helper()
	must(r.t, r.a.SetIdentityProvider(a, IdentityProviderOptions{}))
	must(r.t, r.b.SetIdentityProvider(b, IdentityProviderOptions{}))
}

func createOffer(t *testing.T, pc *PeerConnection) SessionDescription {
	t.Helper()
	offer, err := pc.CreateOffer(nil)
	must(t, err)
	return offer
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

// webrtc-identity sections 6 and 7, RFC 8827 section 7.4: both ends assert, both
// validate, and the identities are those asserted.
func TestPeersProveTheirIdentities(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		alice, bob := &scriptedIDP{name: "alice@a.example"}, &scriptedIDP{name: "bob@b.example"}
		r.vouch(alice, bob)
		r.openPair("proven", nil)
		if who, err := r.b.PeerIdentity(soon(t)); err != nil || who != (IdentityAssertion{"a.example", "alice@a.example"}) {
			t.Errorf("a is %v, %v", who, err)
		}
		if who, err := r.a.PeerIdentity(soon(t)); err != nil || who != (IdentityAssertion{"b.example", "bob@b.example"}) {
			t.Errorf("b is %v, %v", who, err)
		}
		if alice.got.Protocol != "default" || alice.got.PeerIdentity != "" || bob.got.PeerIdentity != "alice@a.example" {
			t.Errorf("options %+v and %+v", alice.got, bob.got)
		}
		// RFC 8827 section 5.1.4: the same fingerprints keep the assertion, and
		// what is proven.
		exchange(t, r.b, r.a)
		if alice.generated.Load() != 1 || alice.checked.Load() != 1 || bob.checked.Load() != 1 {
			t.Errorf("alice generated %d, checked %d, bob checked %d", alice.generated.Load(), alice.checked.Load(), bob.checked.Load())
		}
	}, withTarget("alice@a.example"))
}

// webrtc-identity section 9.9: with a target, SetRemoteDescription fails unless
// the identity is proven, and nothing has changed.
func TestATargetIdentityHasToBeProven(t *testing.T) {
	for name, c := range map[string]struct {
		from  string
		alter func(*IdentityValidationResult)
		edit  func(sdp string) string
		fails error
		want  error
		text  string
	}{
		"another identity": {from: "mallory@a.example", want: ErrOperation, text: `"mallory@a.example", not "alice@a.example"`},
		"no assertion":     {from: "", want: ErrOperation, text: "does not prove that it is alice@a.example"},
		"not for these fingerprints": {from: "alice@a.example", want: ErrOperation, text: "not for fingerprint sha-256",
			alter: func(r *IdentityValidationResult) { r.Contents = `{"fingerprint":[]}` }},
		"contents of another form": {from: "alice@a.example", want: ErrOperation, text: "contents",
			alter: func(r *IdentityValidationResult) { r.Contents = "x" }},
		"an identity of another domain": {from: "mallory@evil.example", want: ErrOperation, text: `provider's domain "evil.example"`,
			alter: func(r *IdentityValidationResult) { r.Identity = "alice@a.example" }},
		"an identity without domain": {from: "alice@a.example", want: ErrOperation, text: "domain",
			alter: func(r *IdentityValidationResult) { r.Identity = "a.example" }},
		"malformed": {from: "alice@a.example", want: ErrOperation, text: "base64",
			edit: func(sdp string) string { return strings.Replace(sdp, "a=identity:", "a=identity:*", 1) }},
		"a provider that fails": {from: "alice@a.example", want: kindError(KindIDPExecutionFailure), text: "out of order", fails: errors.New("out of order")},
		"an expired assertion": {from: "alice@a.example", want: kindError(KindIDPTokenExpired), text: "too old",
			fails: &IdentityProviderError{Kind: KindIDPTokenExpired, Err: errors.New("too old")}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.vouch(&scriptedIDP{name: c.from}, &scriptedIDP{name: "bob@b.example", alter: c.alter})
				_, err := r.a.CreateDataChannel("x", nil)
				must(t, err)
				offer := createOffer(t, r.a)
				if c.edit != nil {
					offer.SDP = c.edit(offer.SDP)
				}
				if c.fails != nil {
					must(t, r.b.SetIdentityProvider(&scriptedIDP{fails: c.fails}, IdentityProviderOptions{}))
				}
				err = r.b.SetRemoteDescription(offer)
				if !errors.Is(err, c.want) || !errors.Is(err, ErrOperation) || !strings.Contains(err.Error(), c.text) {
					t.Errorf("SetRemoteDescription: %v, want %v %q", err, c.want, c.text)
				}
				if r.b.SignalingState() != SignalingStateStable || r.b.RemoteDescription() != nil {
					t.Error("the description was applied")
				}
				if _, err := r.b.PeerIdentity(soon(t)); !errors.Is(err, ErrOperation) || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("PeerIdentity: %v", err)
				}
			}, withTarget("alice@a.example"))
		})
	}
}

func TestATargetNeedsAProvider(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		must(t, r.a.SetIdentityProvider(&scriptedIDP{name: "alice@a.example"}, IdentityProviderOptions{}))
		err := r.b.SetRemoteDescription(createOffer(t, r.a))
		if !errors.Is(err, kindError(KindIDPLoadFailure)) {
			t.Error(err)
		}
	}, withTarget("alice@a.example"))
}

// webrtc-identity section 9.9: without a target the description does not wait,
// nor fail; but the first identity becomes the target.
func TestWithoutATargetTheFirstIdentityBecomesIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		gate := make(chan struct{})
		bob := &scriptedIDP{name: "bob@b.example", fails: errors.New("no")}
		r.vouch(&scriptedIDP{name: "alice@a.example"}, bob)
		failed := make(chan error, 1)
		go func() {
			_, err := r.b.PeerIdentity(context.Background())
			failed <- err
		}()
		synctest.Wait()
		must(t, r.b.SetRemoteDescription(createOffer(t, r.a)))
		if err := wait(t, "failure", failed, time.Second); !errors.Is(err, kindError(KindIDPExecutionFailure)) {
			t.Errorf("PeerIdentity: %v", err)
		}
		must(t, r.b.SetIdentityProvider(&scriptedIDP{name: "bob@b.example", waiting: gate}, IdentityProviderOptions{}))
		must(t, r.b.SetRemoteDescription(createOffer(t, r.a))) // while the provider has not answered
		must(t, r.a.SetIdentityProvider(&scriptedIDP{name: "carol@a.example"}, IdentityProviderOptions{}))
		second := make(chan error, 1)
		offer := createOffer(t, r.a)
		go func() { second <- r.b.SetRemoteDescription(offer) }()
		synctest.Wait()
		close(gate)
		if err := wait(t, "second identity", second, time.Second); !errors.Is(err, ErrOperation) || !strings.Contains(err.Error(), "carol") {
			t.Errorf("a second identity: %v", err)
		}
		if who, err := r.b.PeerIdentity(soon(t)); err != nil || who.Name != "alice@a.example" {
			t.Errorf("%v, %v", who, err)
		}
	})
}

// webrtc-identity section 7: the provider has 15 seconds. What comes after an
// operation waits for it (the operations chain), other calls do not.
func TestOperationsWaitForTheProviderInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.vouch(&scriptedIDP{name: "alice@a.example"}, &scriptedIDP{waiting: make(chan struct{})})
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		offer := createOffer(t, r.a)
		began, order := time.Now(), make(chan string, 2)
		must(t, r.b.SetRemoteDescriptionAsync(offer, func(err error) {
			if !errors.Is(err, kindError(KindIDPTimeout)) || time.Since(began) != 15*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			order <- "description"
		}))
		mid := "0"
		must(t, r.b.AddICECandidateAsync(ICECandidateInit{SDPMid: &mid}, func(err error) {
			if !errors.Is(err, ErrInvalidState) {
				t.Errorf("candidate after a failed description: %v", err)
			}
			order <- "candidate"
		}))
		synctest.Wait()
		if _, err := r.b.AddTransceiverFromKind(RTPCodecTypeAudio); err != nil || !time.Now().Equal(began) {
			t.Errorf("a call outside the chain: %v after %v", err, time.Since(began))
		}
		if first := wait(t, "first", order, time.Minute); first != "description" {
			t.Errorf("%s came first", first)
		}
		wait(t, "second", order, time.Minute)
		if r.b.SignalingState() != SignalingStateStable {
			t.Error(r.b.SignalingState())
		}
		// Let the provider's goroutine go.
		r.b.identity.provider.(*scriptedIDP).release()
	}, withTarget("alice@a.example"))
}

func (p *scriptedIDP) release() { close(p.waiting) }

// webrtc-identity section 5: an offer waits for the assertion; its failure is the
// offer's, and says what the provider says.
func TestOffersFailWhenTheProviderDoes(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		login := &IdentityProviderError{Kind: KindIDPNeedLogin, LoginURL: "https://a.example/login", Info: "{}"}
		must(t, r.a.SetIdentityProvider(&scriptedIDP{name: "alice@a.example", fails: login}, IdentityProviderOptions{}))
		for what, test := range map[string]struct {
			kind ErrorKind
			call func() error
		}{
			"CreateOffer":          {KindNotReadable, func() error { _, err := r.a.CreateOffer(nil); return err }},
			"SetLocalDescription":  {KindNotReadable, func() error { return r.a.SetLocalDescription(SessionDescription{}) }},
			"GetIdentityAssertion": {KindIDPNeedLogin, func() error { _, err := r.a.GetIdentityAssertion(soon(t)); return err }},
		} {
			err := test.call()
			var exception *Error
			if !errors.As(err, &exception) || exception.Kind != test.kind || !errors.Is(err, kindError(KindIDPNeedLogin)) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if r.a.IDPLoginURL() != "https://a.example/login" || r.a.IDPErrorInfo() != "{}" || r.a.LocalDescription() != nil {
			t.Errorf("login at %q, info %q", r.a.IDPLoginURL(), r.a.IDPErrorInfo())
		}
		// The signaling state is looked at first.
		if _, err := r.a.CreateAnswer(nil); !errors.Is(err, ErrInvalidState) {
			t.Error(err)
		}
		stuck := &scriptedIDP{name: "alice@a.example", generating: make(chan struct{})}
		must(t, r.a.SetIdentityProvider(stuck, IdentityProviderOptions{}))
		began := time.Now()
		if _, err := r.a.CreateOffer(nil); !errors.Is(err, kindError(KindIDPTimeout)) || time.Since(began) != identityTimeout {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestAnAssertionIsAskedForOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		if _, err := r.a.GetIdentityAssertion(soon(t)); !errors.Is(err, ErrOperation) {
			t.Errorf("without a provider: %v", err)
		}
		if err := r.a.SetIdentityProvider(nil, IdentityProviderOptions{Protocol: "a/b"}); !errors.Is(err, ErrSyntax) {
			t.Errorf("protocol a/b: %v", err)
		}
		p := &scriptedIDP{name: "alice@a.example"}
		must(t, r.a.SetIdentityProvider(p, IdentityProviderOptions{Protocol: "x", UsernameHint: "alice", PeerIdentity: "bob@b.example"}))
		text, err := r.a.GetIdentityAssertion(soon(t))
		must(t, err)
		if offer := createOffer(t, r.a); strings.Count(offer.SDP, "a=identity:"+text+"\r\n") != 1 {
			t.Errorf("offer:\n%s", offer.SDP)
		}
		if p.generated.Load() != 1 || p.got != (IdentityProviderOptions{"x", "alice", "bob@b.example"}) {
			t.Errorf("asked %d times, %+v", p.generated.Load(), p.got)
		}
		must(t, r.a.SetIdentityProvider(&scriptedIDP{}, IdentityProviderOptions{})) // ErrNoIdentity
		if _, err := r.a.GetIdentityAssertion(soon(t)); !errors.Is(err, ErrNoIdentity) {
			t.Errorf("no identity: %v", err)
		}
		if offer := createOffer(t, r.a); strings.Contains(offer.SDP, "a=identity") {
			t.Errorf("offer:\n%s", offer.SDP)
		}
	})
}

// Close ends what waits for a provider, and the provider's context.
func TestCloseEndsWhatWaitsForTheProvider(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		must(t, r.a.SetIdentityProvider(&scriptedIDP{name: "alice@a.example", generating: make(chan struct{})}, IdentityProviderOptions{}))
		results := make(chan error, 4)
		go func() { _, err := r.a.CreateOffer(nil); results <- err }()
		go func() { results <- r.a.SetLocalDescription(SessionDescription{}) }()
		go func() { _, err := r.a.GetIdentityAssertion(context.Background()); results <- err }()
		go func() { _, err := r.a.PeerIdentity(context.Background()); results <- err }()
		must(t, r.a.CreateOfferAsync(nil, func(SessionDescription, error) { t.Error("reported after Close") }))
		synctest.Wait()
		began := time.Now()
		must(t, r.a.Close())
		for range 4 {
			if err := wait(t, "result", results, time.Second); !errors.Is(err, ErrInvalidState) || !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
		if !time.Now().Equal(began) {
			t.Errorf("it took %v", time.Since(began))
		}
		if err := r.a.SetIdentityProvider(nil, IdentityProviderOptions{}); !errors.Is(err, ErrInvalidState) {
			t.Error(err)
		}
	})
}
