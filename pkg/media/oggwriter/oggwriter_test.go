package oggwriter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/internal/opus"
	"github.com/passerelle-rtc/webrtc/pkg/media/oggreader"
)

var _ media.Writer = (*OggWriter)(nil)

// packet returns an RTP packet of 20 ms of fullband CELT.
func packet(number uint16, timestamp uint32) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: timestamp}, Payload: []byte{31<<3 | 4, byte(number)}}
}

// written is a packet as it comes back, with the granule position of its page.
type written struct {
	data    string
	granule uint64
	last    bool
}

// read returns the packets behind the two headers, and checks that granule
// positions are those of RFC 7845 section 4.
func read(t *testing.T, file []byte) []written {
	t.Helper()
	reader, _, err := oggreader.NewWith(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if payload, _, err := reader.ParseNextPacket(); err != nil || !bytes.HasPrefix(payload, []byte("OpusTags")) {
		t.Fatalf("second packet is %q, %v", payload, err)
	}
	var packets []written
	for granule := uint64(0); ; {
		payload, page, err := reader.ParseNextPacket()
		if err == io.EOF {
			return packets
		} else if err != nil {
			t.Fatal(err)
		}
		samples, err := opus.Samples(payload)
		if granule += uint64(samples); err != nil || granule != page.GranulePosition {
			t.Errorf("packet %d ends at %d, not %d (%v)", len(packets), page.GranulePosition, granule, err)
		}
		packets = append(packets, written{string(payload), page.GranulePosition, page.LastPage()})
	}
}

func TestSampleComesBack(t *testing.T) {
	reader, _, err := oggreader.NewWith(bytes.NewReader(samples.Opus))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "a.ogg")
	writer, err := New(name, 48000, 2)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	_, _, err = reader.ParseNextPacket()
	for number := uint16(65500); err == nil; number++ {
		var payload []byte
		if payload, _, err = reader.ParseNextPacket(); err == nil {
			want = append(want, string(payload))
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(len(want))*960 - 90000}, Payload: payload}
			if err := writer.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(writer.Close(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	if err := writer.WriteRTP(packet(1, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, file)
	if len(got) != len(want) {
		t.Fatalf("%d packets, not %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].data != w || got[i].last != (i == len(want)-1) {
			t.Errorf("packet %d: %+v", i, got[i])
		}
	}
}

func TestHeaderOfTheStream(t *testing.T) {
	var b bytes.Buffer
	if _, err := NewWith(&b, 16000, 1); err != nil {
		t.Fatal(err)
	}
	_, header, err := oggreader.NewWith(&b)
	want := oggreader.OggHeader{Version: 1, Channels: 1, PreSkip: 3840, SampleRate: 16000}
	if err != nil || *header != want {
		t.Errorf("%+v, %v; not %+v", header, err, want)
	}
	for _, channels := range []uint16{0, 3, 257} {
		if _, err := NewWith(io.Discard, 48000, channels); err == nil {
			t.Errorf("%d channels are written", channels)
		}
	}
	if _, err := NewWith(nil, 48000, 2); err == nil {
		t.Error("a nil stream is written")
	}
	if _, err := New(filepath.Join(t.TempDir(), "no", "a.ogg"), 48000, 2); err == nil {
		t.Error("a file in no directory is written")
	}
}

// RFC 7845 section 4.1: what is missing is replaced by packets that ask for
// concealment, in the mode of the packet before.
func TestGapsAreFilled(t *testing.T) {
	const celt, silk = 31<<3 | 4, 9 << 3 // 20 ms each
	for name, test := range map[string]struct {
		toc  byte
		gap  uint32 // in samples
		want []string
	}{
		"one packet":      {celt, 960, []string{"\xff\x01"}},
		"six and a half":  {celt, 960*6 + 480, []string{"\xff\x06", "\xe7\x04"}},
		"2.5 ms":          {celt, 120, []string{"\xe7\x01"}},
		"less":            {celt, 119, nil},
		"of SILK":         {silk, 960 + 480 + 240, []string{"\x4b\x01", "\x43\x01", "\xe3\x02"}},
		"a minute":        {celt, maxGap, nil},
		"more":            {celt, maxGap + 1, nil},
		"step back":       {celt, ^uint32(maxGap + 5000), nil},
		"a repeated time": {celt, ^uint32(959), nil},
	} {
		var b bytes.Buffer
		writer, err := NewWith(&b, 48000, 2)
		if err != nil {
			t.Fatal(err)
		}
		start := uint32(4294967000) // wraps
		first, second := packet(1, start), packet(9, start+960+test.gap)
		first.Payload[0], second.Payload[0] = test.toc, test.toc
		for _, p := range []*rtp.Packet{first, second, packet(3, first.Timestamp+480)} { // the third is late
			if err := writer.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		got := read(t, b.Bytes())
		if test.gap == maxGap {
			if end := got[len(got)-2].granule; end != maxGap+2*960 { // the third is not late
				t.Errorf("%s: ends at %d", name, end)
			}
			continue
		}
		if test.gap > maxGap && test.gap < 1<<31 || name == "step back" || name == "a repeated time" {
			got = got[:min(2, len(got))] // the third is not late in the new time
		}
		want := []string{string(first.Payload)}
		want = append(append(want, test.want...), string(second.Payload))
		var data []string
		for _, p := range got {
			data = append(data, p.data)
		}
		if strings.Join(data, "|") != strings.Join(want, "|") {
			t.Errorf("%s: %q, not %q", name, data, want)
		}
	}
}

func TestWhatIsNoOpusIsRefused(t *testing.T) {
	writer, err := NewWith(io.Discard, 48000, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.WriteRTP(nil); err == nil {
		t.Error("nil is written")
	}
	if err := writer.WriteRTP(&rtp.Packet{}); err != nil {
		t.Errorf("padding: %v", err)
	}
	if err := writer.WriteRTP(&rtp.Packet{Payload: []byte{3}}); err == nil {
		t.Error("a packet of code 3 without a count is written")
	}
}

// RFC 3533 section 6: a packet of more than 255 segments goes on on the next page.
func TestLargePacketsTakeSeveralPages(t *testing.T) {
	for _, size := range []int{254, 255, 256, 255*255 - 1, 255 * 255, 255*255 + 1, 3 * 255 * 255} {
		var b bytes.Buffer
		writer, err := NewWith(&b, 48000, 2)
		if err != nil {
			t.Fatal(err)
		}
		large := packet(1, 0)
		large.Payload = append(large.Payload, bytes.Repeat([]byte{7}, size-2)...)
		if err := errors.Join(writer.WriteRTP(large), writer.WriteRTP(packet(2, 960)), writer.Close()); err != nil {
			t.Fatal(err)
		}
		if got := read(t, b.Bytes()); len(got) != 2 || got[0].data != string(large.Payload) {
			t.Errorf("%d bytes: %d packets", size, len(got))
		}
	}
}

func TestLargePacketIsMarkedAsTheLast(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.ogg")
	writer, err := New(name, 48000, 2)
	if err != nil {
		t.Fatal(err)
	}
	large := packet(1, 0)
	large.Payload = append(large.Payload, make([]byte, 100000)...)
	if err := errors.Join(writer.WriteRTP(large), writer.Close()); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, file); len(got) != 1 || !got[0].last || got[0].data != string(large.Payload) {
		t.Errorf("%d packets", len(got))
	}
}
