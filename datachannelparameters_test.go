package webrtc

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func ptr[T any](v T) *T { return &v }

// webrtc-pc section 6.2.11: the defaults of RTCDataChannelInit.
func TestDataChannelInitDefaults(t *testing.T) {
	want := DataChannelParameters{Label: "chat", Ordered: true, Priority: PriorityTypeLow}
	for _, init := range []*DataChannelInit{nil, {}, {Negotiated: ptr(false)}} {
		if got := init.parameters("chat"); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: got %+v, want %+v", init, got, want)
		}
	}
}

func TestDataChannelInitIsCopied(t *testing.T) {
	init := &DataChannelInit{
		Ordered: ptr(false), MaxRetransmits: ptr(uint16(3)), Protocol: ptr("p"), Negotiated: ptr(true), ID: ptr(uint16(9)), Priority: PriorityTypeHigh,
	}
	got := init.parameters("chat")
	*init.MaxRetransmits, *init.ID = 7, 7
	want := DataChannelParameters{Label: "chat", Protocol: "p", ID: ptr(uint16(9)), MaxRetransmits: ptr(uint16(3)), Negotiated: true, Priority: PriorityTypeHigh}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := (&DataChannelInit{MaxPacketLifeTime: ptr(uint16(5))}).parameters(""); *got.MaxPacketLifeTime != 5 {
		t.Errorf("got %+v", got)
	}
}

// webrtc-pc section 6.1.2: [[DataChannelId]] is the option's id "if it is present
// and [[Negotiated]] is true", otherwise null.
func TestIDOfAChannelThatIsNotNegotiatedIsIgnored(t *testing.T) {
	for _, init := range []*DataChannelInit{{ID: ptr(uint16(5))}, {ID: ptr(uint16(65535)), Negotiated: ptr(false)}} {
		p := init.parameters("")
		if p.ID != nil {
			t.Errorf("ID %d", *p.ID)
		}
		if err := p.validate(); err != nil {
			t.Error(err)
		}
	}
}

// webrtc-pc section 6.1.2: label is a USVString, so that what DCEP carries is
// UTF-8 (RFC 8832 section 5.1).
func TestLabelAndProtocolBecomeUTF8(t *testing.T) {
	p := (&DataChannelInit{Protocol: ptr("b\xc0c")}).parameters("a\xffb")
	if p.Label != "a\uFFFDb" || p.Protocol != "b\uFFFDc" {
		t.Errorf("got %q and %q", p.Label, p.Protocol)
	}
}

// webrtc-pc section 6.1.2, createDataChannel.
func TestDataChannelMisuseIsATypeError(t *testing.T) {
	for _, test := range []struct {
		rule  string
		p     DataChannelParameters
		cause error // nil: allowed
	}{
		{"everything at its limit", DataChannelParameters{Label: strings.Repeat("a", 65535), Protocol: strings.Repeat("p", 65535), Negotiated: true, ID: ptr(uint16(65534))}, nil},
		{"ID 0", DataChannelParameters{Negotiated: true, ID: ptr(uint16(0)), MaxRetransmits: ptr(uint16(65535))}, nil},
		{"label longer than 65535 bytes", DataChannelParameters{Label: strings.Repeat("a", 65536)}, ErrStringSizeLimit},
		{"the bytes of UTF-8 count", DataChannelParameters{Label: strings.Repeat("é", 32768)}, ErrStringSizeLimit},
		{"protocol longer than 65535 bytes", DataChannelParameters{Protocol: strings.Repeat("a", 65536)}, ErrProtocolTooLarge},
		{"negotiated is true and id is null", DataChannelParameters{Negotiated: true}, ErrNegotiatedWithoutID},
		{"both maxPacketLifeTime and maxRetransmits", DataChannelParameters{MaxPacketLifeTime: ptr(uint16(0)), MaxRetransmits: ptr(uint16(0))}, ErrRetransmitsOrPacketLifeTime},
		{"id is 65535", DataChannelParameters{Negotiated: true, ID: ptr(uint16(65535))}, ErrMaxDataChannelID},
		{"id is 65535", DataChannelParameters{ID: ptr(uint16(65535))}, ErrMaxDataChannelID},
		{"Web IDL section 3.2.18", DataChannelParameters{Priority: 5}, ErrUnknownType},
		{"Web IDL section 3.2.18", DataChannelParameters{Priority: -1}, ErrUnknownType},
	} {
		err := test.p.validate()
		if test.cause == nil {
			if err != nil {
				t.Errorf("%s: %v", test.rule, err)
			}
			continue
		}
		if !errors.Is(err, ErrType) || !errors.Is(err, test.cause) {
			t.Errorf("%s: got %v, want a TypeError: %v", test.rule, err, test.cause)
		}
	}
}

func TestDataChannelParametersReadBackTheirJSON(t *testing.T) {
	const text = `{"label":"l","protocol":"p","id":3,"ordered":true,"maxPacketLifeTime":null,"maxRetransmits":5,"negotiated":true,"priority":"medium"}`
	var p DataChannelParameters
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(p); err != nil || string(b) != text {
		t.Errorf("got %s, %v\nwant %s", b, err, text)
	}
}
