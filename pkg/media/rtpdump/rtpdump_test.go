package rtpdump

import (
	"bytes"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/passerelle-rtc/webrtc/pkg/media"
)

// file is a recording as rtptools describe it: the first line, struct RD_hdr_t
// (seconds, microseconds, source, port, padding), and for each packet struct
// RD_packet_t (length, plen, offset).
const file = "#!rtpplay1.0 224.2.0.1/3456\n" +
	"\x00\x00\x00\x2a\x00\x00\x01\xf4\xe0\x02\x00\x01\x0d\x80\x00\x00" +
	"\x00\x0b\x00\x03\x00\x00\x00\x05abc" +
	"\x00\x0a\x00\x00\x00\x00\x00\x64xy" +
	"\x00\x09\x00\x07\x00\x00\x01\x00z" // cut off when it was recorded

func contents() (Header, []Packet) {
	return Header{Start: time.Unix(42, 500000).UTC(), Source: net.IPv4(224, 2, 0, 1), Port: 3456}, []Packet{
		{Offset: 5 * time.Millisecond, Payload: []byte("abc")},
		{Offset: 100 * time.Millisecond, IsRTCP: true, Payload: []byte("xy")},
		{Offset: 256 * time.Millisecond, Payload: []byte("z")},
	}
}

func TestRecordingIsRead(t *testing.T) {
	reader, header, err := NewReader(iotest.OneByteReader(strings.NewReader(file)))
	if err != nil {
		t.Fatal(err)
	}
	wantHeader, want := contents()
	if !reflect.DeepEqual(header, wantHeader) {
		t.Errorf("header is %+v, not %+v", header, wantHeader)
	}
	for i, w := range want {
		if packet, err := reader.Next(); err != nil || !reflect.DeepEqual(packet, w) {
			t.Errorf("packet %d is %+v, %v; not %+v", i, packet, err, w)
		}
	}
	if _, err := reader.Next(); err != io.EOF {
		t.Errorf("behind the last packet: %v", err)
	}
}

func TestRecordingIsWritten(t *testing.T) {
	header, packets := contents()
	var b bytes.Buffer
	writer, err := NewWriter(&b, header)
	if err != nil {
		t.Fatal(err)
	}
	for _, packet := range packets {
		if err := writer.WritePacket(packet); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Replace(file, "\x00\x09\x00\x07", "\x00\x09\x00\x01", 1)
	if b.String() != want {
		t.Errorf("%q, not %q", b.String(), want)
	}
}

func TestWhatTheFormatCannotHoldIsRefused(t *testing.T) {
	for name, packet := range map[string]Packet{
		"too large":     {Payload: make([]byte, maxPayload+1)},
		"empty RTP":     {},
		"before start":  {Offset: -time.Second, Payload: []byte{1}},
		"after 50 days": {Offset: 50 * 24 * time.Hour, Payload: []byte{1}},
	} {
		if _, err := packet.Marshal(); err == nil {
			t.Errorf("%s is written", name)
		}
	}
	if _, err := (Header{Start: time.Unix(1<<33, 0)}).Marshal(); err == nil {
		t.Error("the year 2242 is written")
	}
	if _, err := (Packet{IsRTCP: true}).Marshal(); err != nil {
		t.Errorf("empty RTCP: %v", err)
	}
	if _, err := NewWriter(nil, Header{}); err == nil {
		t.Error("a nil stream is written")
	}
	if _, err := NewWriter(io.Discard, Header{Source: net.ParseIP("2001:db8::1")}); err != nil {
		t.Errorf("an IPv6 source: %v", err)
	}
}

func TestFaultsNameTheirOffset(t *testing.T) {
	line := strings.Index(file, "\n") + 1
	first := line + headerSize
	for name, test := range map[string]struct {
		file   string
		offset int
		cutOff bool
	}{
		"empty":            {"", 0, true},
		"other magic":      {"#!rtpplay2.0 1.2.3.4/5\n", 0, false},
		"no end of line":   {file[:line-1], 0, true},
		"line of no end":   {magic + strings.Repeat("1", 1000), 0, false},
		"no port":          {"#!rtpplay1.0 1.2.3.4\n", len(magic), false},
		"port too large":   {"#!rtpplay1.0 1.2.3.4/65536\n", len(magic), false},
		"half a header":    {file[:line+5], line, true},
		"half a packet":    {file[:first+9], first, true},
		"header only":      {file[:first+8], first, true},
		"half its header":  {file[:first+3], first, true},
		"length too short": {file[:first] + "\x00\x07\x00\x00\x00\x00\x00\x00", first, false},
	} {
		reader, _, err := NewReader(strings.NewReader(test.file))
		for err == nil {
			_, err = reader.Next()
		}
		var fault *media.FormatError
		if !errors.As(err, &fault) || fault.Offset != int64(test.offset) || errors.Is(err, io.ErrUnexpectedEOF) != test.cutOff {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, b := range []string{"", "\x00\x08\x00\x00\x00\x00\x00", "\x00\x07\x00\x00\x00\x00\x00\x00", "\x00\x09\x00\x00\x00\x00\x00\x00"} {
		if err := new(Packet).Unmarshal([]byte(b)); err == nil {
			t.Errorf("%q is a packet", b)
		}
	}
	if err := new(Header).Unmarshal(make([]byte, 15)); err == nil {
		t.Error("15 bytes are a header")
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte(file[:60]))
	f.Fuzz(func(t *testing.T, b []byte) {
		reader, header, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		if _, err := header.Marshal(); err != nil {
			t.Errorf("%+v is not written: %v", header, err)
		}
		for {
			packet, err := reader.Next()
			if err != nil {
				return
			}
			if len(packet.Payload) == 0 && !packet.IsRTCP {
				continue
			}
			again, err := packet.Marshal()
			var back Packet
			if err != nil || back.Unmarshal(again) != nil || !reflect.DeepEqual(back, packet) {
				t.Errorf("%+v comes back as %+v, %v", packet, back, err)
			}
		}
	})
}
