package oggwriter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/passerelle-rtc/webrtc/pkg/media/oggreader"
)

func TestTracksAreMultiplexed(t *testing.T) {
	for _, seekable := range []bool{false, true} {
		file, err := os.Create(filepath.Join(t.TempDir(), "a.ogg"))
		if err != nil {
			t.Fatal(err)
		}
		options := []WriterOption{WithVendor("v"), WithUserComments(UserComment{"TITLE", "a=b"})}
		if seekable {
			options = append(options, WithSeekableOutput(file))
		}
		writer, err := NewWriter(file, options...)
		if err != nil {
			t.Fatal(err)
		}
		a, errA := writer.NewTrack(1, WithSerial(11), WithChannelCount(1), WithSampleRate(8000))
		b, errB := writer.NewTrack(2, WithSerial(22), WithUserComments(UserComment{"ARTIST", "é"}), WithChannelMapping(255, 1, 1, []byte{1, 0, 255}))
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			for ssrc, track := range map[uint32]*Track{1: a, 2: b} {
				p := packet(uint16(i), uint32(i)*960)
				p.SSRC = ssrc
				if err := track.WriteRTP(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := a.WriteRTP(packet(9, 9)); err == nil {
			t.Error("a packet of another SSRC is written")
		}
		if _, err := writer.NewTrack(3); err == nil {
			t.Error("a track is added after the first packet")
		}
		if err := errors.Join(writer.Close(), writer.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.NewTrack(3); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if err := a.WriteRTP(packet(1, 1)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		checkTracks(t, file.Name(), seekable)
	}
}

func checkTracks(t *testing.T, name string, seekable bool) {
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	reader, _ := oggreader.NewWithOptions(bytes.NewReader(data))
	packets, ended := map[uint32]int{}, map[uint32]bool{}
	for {
		payload, page, err := reader.ParseNextPage()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if ended[page.Serial] {
			t.Errorf("a page behind the end of %d", page.Serial)
		}
		ended[page.Serial] = page.LastPage()
		if seekable && len(payload) == 0 {
			t.Error("an empty page where the last one can be marked")
		}
		switch kind, _ := page.HeaderType(payload); {
		case kind == oggreader.HeaderOpusID:
			checkHead(t, page.Serial, payload)
		case kind == oggreader.HeaderOpusTags:
			tags, err := oggreader.ParseOpusTags(payload)
			if err != nil || tags.Vendor != "v" || len(tags.UserComments) != int(page.Serial)/11 {
				t.Errorf("tags of %d: %+v, %v", page.Serial, tags, err)
			}
		case len(payload) > 0:
			packets[page.Serial]++
		}
	}
	for _, serial := range []uint32{11, 22} {
		if packets[serial] != 3 || !ended[serial] {
			t.Errorf("stream %d: %d packets, end %v", serial, packets[serial], ended[serial])
		}
	}
}

func checkHead(t *testing.T, serial uint32, payload []byte) {
	head, err := oggreader.ParseOpusHead(payload)
	if err != nil {
		t.Fatal(err)
	}
	want := oggreader.OggHeader{Version: 1, PreSkip: 3840, Channels: 1, SampleRate: 8000}
	if serial == 22 {
		want = oggreader.OggHeader{Version: 1, PreSkip: 3840, Channels: 3, SampleRate: 48000, ChannelMap: 255, StreamCount: 1, CoupledCount: 1, ChannelMapping: "\x01\x00\xff"}
	}
	if *head != want {
		t.Errorf("header of %d: %+v, not %+v", serial, *head, want)
	}
}

func TestOptionsThatMakeNoFileAreRefused(t *testing.T) {
	for name, option := range map[string]WriterOption{
		"comment name":   WithUserComments(UserComment{"a=b", "c"}),
		"no name":        WithUserComments(UserComment{"", "c"}),
		"name of é":      WithUserComments(UserComment{"é", "c"}),
		"value":          WithUserComments(UserComment{"a", "\xff"}),
		"vendor":         WithVendor("\xff"),
		"three channels": WithChannelCount(3),
		"family 0":       WithChannelMapping(0, 1, 0, []byte{0}),
		"two streams":    WithChannelMapping(255, 2, 0, []byte{0, 1}),
		"family 1":       WithChannelMapping(1, 1, 1, []byte{1, 0}),
		"family 2":       WithChannelMapping(2, 1, 1, []byte{0, 1}),
		"no table":       WithChannelMapping(255, 1, 1, nil),
		"out of range":   WithChannelMapping(255, 1, 0, []byte{1}),
	} {
		if _, err := NewWriter(io.Discard, option); err == nil {
			t.Errorf("%s is written", name)
		}
	}
	writer, err := NewWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.NewTrack(1, WithSerial(5)); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.NewTrack(1); err == nil {
		t.Error("an SSRC has two tracks")
	}
	if _, err := writer.NewTrack(2, WithSerial(5)); err == nil {
		t.Error("a serial number has two tracks")
	}
	if _, err := NewWriter(nil); err == nil {
		t.Error("a nil stream is written")
	}
}
