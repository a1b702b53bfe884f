package webrtc

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// webrtc-pc section 4.6.2: toJSON gives type and sdp.
func TestSessionDescriptionReadsBackItsJSON(t *testing.T) {
	for _, test := range []struct {
		description SessionDescription
		text        string
	}{
		{SessionDescription{Type: SDPTypeOffer, SDP: "v=0\r\n"}, `{"type":"offer","sdp":"v=0\r\n"}`},
		{SessionDescription{Type: SDPTypeRollback}, `{"type":"rollback","sdp":""}`},
	} {
		b, err := json.Marshal(test.description)
		if err != nil || string(b) != test.text {
			t.Errorf("got %s, %v\nwant %s", b, err, test.text)
		}
		var back SessionDescription
		if err := json.Unmarshal(b, &back); err != nil || back != test.description {
			t.Errorf("got %+v, %v", back, err)
		}
	}
	// webrtc-pc section 4.6.2.4: sdp is "" where it is absent.
	var d SessionDescription
	if err := json.Unmarshal([]byte(`{"type":"Answer"}`), &d); err != nil || d != (SessionDescription{Type: SDPTypeAnswer}) {
		t.Errorf("got %+v, %v", d, err)
	}
	if err := json.Unmarshal([]byte(`{"type":"answr"}`), &d); !errors.Is(err, ErrType) {
		t.Errorf("got %v, want a TypeError", err)
	}
}

func TestSessionDescriptionUnmarshal(t *testing.T) {
	const text = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n"
	d := SessionDescription{Type: SDPTypeOffer, SDP: text}
	parsed, err := d.Unmarshal()
	if err != nil || len(parsed.MediaDescriptions) != 1 {
		t.Fatalf("got %+v, %v", parsed, err)
	}
	for name, sdp := range map[string]string{
		"no SDP":         "hello",
		"too many lines": "v=0\r\n" + strings.Repeat("a=x\r\n", 100_000),
		"too long":       "v=0\r\na=" + strings.Repeat("x", 2<<20) + "\r\n",
	} {
		d := SessionDescription{SDP: sdp}
		parsed, err := d.Unmarshal()
		if !errors.Is(err, ErrSDPSyntax) || !errors.Is(err, ErrSDPUnmarshalling) || !errors.Is(err, ErrOperation) || parsed != nil {
			t.Errorf("%s: got %v, %v", name, parsed, err)
		}
	}
}

func TestDescriptionTypesAndStatesMapByName(t *testing.T) {
	for _, typ := range []jsep.Type{jsep.Offer, jsep.Pranswer, jsep.Answer, jsep.Rollback} {
		public := newSDPType(typ)
		if public.String() != typ.String() {
			t.Errorf("%v became %v", typ, public)
		}
		if back, err := public.toJSEP(); back != typ || err != nil {
			t.Errorf("%v came back as %v, %v", typ, back, err)
		}
	}
	for _, typ := range []SDPType{SDPTypeUnknown, -1, 100} {
		if _, err := typ.toJSEP(); !errors.Is(err, ErrType) {
			t.Errorf("%d: got %v, want a TypeError", int(typ), err)
		}
	}
	for _, state := range []jsep.State{jsep.Stable, jsep.HaveLocalOffer, jsep.HaveRemoteOffer, jsep.HaveLocalPranswer, jsep.HaveRemotePranswer, jsep.Closed} {
		if public := newSignalingState(state); public.String() != state.String() {
			t.Errorf("%v became %v", state, public)
		}
	}
	if newSDPType(100) != SDPTypeUnknown || newSignalingState(100) != SignalingStateUnknown {
		t.Error("numbers without a name")
	}
	if got := newSessionDescription(jsep.Description{Type: jsep.Answer, SDP: "x"}); got != (SessionDescription{Type: SDPTypeAnswer, SDP: "x"}) {
		t.Errorf("got %+v", got)
	}
}

func TestNegotiationErrorsKeepTheirException(t *testing.T) {
	cause := errors.New("cause")
	for kind, want := range map[jsep.Kind]error{
		jsep.OperationError:      ErrOperation,
		jsep.InvalidState:        ErrInvalidState,
		jsep.InvalidModification: ErrInvalidModification,
		jsep.InvalidAccess:       ErrInvalidAccess,
		jsep.TypeError:           ErrType,
		jsep.SDPSyntax:           ErrSDPSyntax,
	} {
		err := jsepError("set remote offer", fmt.Errorf("wrapped: %w", &jsep.Error{Kind: kind, Line: 3, Err: cause}))
		if !errors.Is(err, want) || !errors.Is(err, cause) {
			t.Errorf("%v: got %v, want %v", kind, err, want)
		}
	}
	err := jsepError("set remote offer", &jsep.Error{Kind: jsep.SDPSyntax, Line: 3, Err: cause})
	var e *Error
	if !errors.As(err, &e) || e.SDPLineNumber != 3 {
		t.Errorf("got %#v", err)
	}
	if got, want := err.Error(), "webrtc: set remote offer: SDP line 3: session description cannot be parsed: cause"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if jsepError("op", nil) != nil {
		t.Error("nil became an error")
	}
	if err := jsepError("op", cause); !errors.Is(err, ErrOperation) || !errors.Is(err, cause) {
		t.Errorf("another error: %v", err)
	}
}
