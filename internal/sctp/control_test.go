package sctp

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// RFC 8832 section 5.1: the layout of DATA_CHANNEL_OPEN, byte by byte.
func TestOpenIsLaidOutAsTheRFCDraws(t *testing.T) {
	for _, c := range []struct {
		name string
		open ChannelOpen
		want []byte
	}{
		{
			"reliable", ChannelOpen{Ordered: true, Priority: 256, Label: "ab"},
			[]byte{3, 0x00, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 'a', 'b'},
		},
		{
			"reliable unordered", ChannelOpen{Protocol: "p"},
			[]byte{3, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'p'},
		},
		{
			"retransmits", ChannelOpen{Ordered: true, Reliability: MaxRetransmits, ReliabilityParameter: 7},
			[]byte{3, 0x01, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0},
		},
		{
			"retransmits unordered", ChannelOpen{Reliability: MaxRetransmits, ReliabilityParameter: 0x01020304},
			[]byte{3, 0x81, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0},
		},
		{
			"lifetime", ChannelOpen{Ordered: true, Reliability: MaxLifetime, ReliabilityParameter: 500, Priority: 1024},
			[]byte{3, 0x02, 4, 0, 0, 0, 1, 0xf4, 0, 0, 0, 0},
		},
		{
			"lifetime unordered", ChannelOpen{Reliability: MaxLifetime, Label: "é", Protocol: "x"},
			[]byte{3, 0x82, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0xc3, 0xa9, 'x'},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.open.Marshal()
			if err != nil || !bytes.Equal(got, c.want) {
				t.Fatalf("Marshal = % x, %v, want % x", got, err, c.want)
			}
			back, err := ParseControl(got)
			if err != nil || !reflect.DeepEqual(back, Control(&c.open)) {
				t.Fatalf("ParseControl = %+v, %v, want %+v", back, err, c.open)
			}
		})
	}
}

// RFC 8832 section 5.2.
func TestAckIsOneByte(t *testing.T) {
	b, err := ChannelAck{}.Marshal()
	if err != nil || !bytes.Equal(b, []byte{2}) {
		t.Fatalf("Marshal = % x, %v", b, err)
	}
	if c, err := ParseControl(b); err != nil || c != (ChannelAck{}) {
		t.Fatalf("ParseControl = %v, %v", c, err)
	}
}

// RFC 8832 section 5.1: for reliable channels the reliability parameter "MUST be
// set to 0 on the sending side and MUST be ignored on the receiving side".
func TestReliabilityParameterOfAReliableChannelIsZeroAndIgnored(t *testing.T) {
	b, err := (&ChannelOpen{Ordered: true, ReliabilityParameter: 9}).Marshal()
	if err != nil || !bytes.Equal(b[4:8], make([]byte, 4)) {
		t.Fatalf("Marshal = % x, %v", b, err)
	}
	b[7] = 9
	c, err := ParseControl(b)
	if err != nil || c.(*ChannelOpen).ReliabilityParameter != 0 {
		t.Fatalf("ParseControl = %+v, %v", c, err)
	}
}

func TestWhatDoesNotParseIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []byte
		want error
	}{
		{"empty", nil, ErrTruncated},
		{"unknown message", []byte{1}, ErrUnknownMessage},
		{"short header", []byte{3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ErrTruncated},
		{"unknown channel type", []byte{3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ErrUnknownChannelType},
		{"unknown unordered type", []byte{3, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ErrUnknownChannelType},
		{"label past the end", []byte{3, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 'a'}, ErrTruncated},
		{"protocol past the end", []byte{3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 'a'}, ErrTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := ParseControl(c.in); !errors.Is(err, c.want) || got != nil {
				t.Fatalf("ParseControl = %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestInvalidUTF8IsReplaced(t *testing.T) {
	c, err := ParseControl([]byte{3, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 'a', 0xff, 0xfe})
	if err != nil {
		t.Fatal(err)
	}
	if o := c.(*ChannelOpen); o.Label != "a\uFFFD" || o.Protocol != "\uFFFD" {
		t.Fatalf("label %q, protocol %q", o.Label, o.Protocol)
	}
}

func TestMarshalRefusesWhatCannotBeWritten(t *testing.T) {
	long := strings.Repeat("x", 65536)
	for _, c := range []struct {
		open ChannelOpen
		want error
	}{
		{ChannelOpen{Label: long}, ErrTooLong},
		{ChannelOpen{Protocol: long}, ErrTooLong},
		{ChannelOpen{Reliability: 3}, ErrUnknownChannelType},
		{ChannelOpen{Label: long[:65535], Protocol: long[:65535]}, nil},
	} {
		if _, err := c.open.Marshal(); !errors.Is(err, c.want) {
			t.Errorf("error %v, want %v", err, c.want)
		}
	}
}

func FuzzParseControl(f *testing.F) {
	f.Add([]byte{2})
	f.Add([]byte{3, 0x82, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0xc3, 0xa9, 'x'})
	f.Add([]byte{3, 0, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseControl(b)
		if (c == nil) == (err == nil) {
			t.Fatalf("control %v with error %v", c, err)
		}
		if err != nil {
			return
		}
		// What was read can be written, and reads back the same; only replaced
		// UTF-8 may have outgrown the field.
		again, err := c.Marshal()
		if errors.Is(err, ErrTooLong) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseControl(again); err != nil || !reflect.DeepEqual(back, c) {
			t.Fatalf("%+v became %+v, %v", c, back, err)
		}
	})
}
