package h264writer

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/h264reader"
)

var _ media.Writer = (*H264Writer)(nil)

// units returns the NAL units of a byte stream.
func units(t *testing.T, stream []byte) (units []*h264reader.NAL) {
	t.Helper()
	reader, err := h264reader.NewReader(bytes.NewReader(stream))
	for err == nil {
		var nal *h264reader.NAL
		if nal, err = reader.NextNAL(); err == nil {
			units = append(units, nal)
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	return units
}

// packets makes RTP packets of the sample: as pion does it, or with parameter
// sets in packets of their own.
func packets(t *testing.T, apart bool) (packets []*rtp.Packet) {
	payloader, number, timestamp := &codecs.H264Payloader{DisableStapA: apart}, uint16(65500), uint32(0)
	var unit []byte
	for _, nal := range units(t, samples.H264) {
		unit = append(append(unit, 0, 0, 1), nal.Data...)
		if nal.UnitType == h264reader.NalUnitTypeSPS || nal.UnitType == h264reader.NalUnitTypePPS {
			continue
		}
		for _, payload := range payloader.Payload(500, unit) {
			number++
			packets = append(packets, &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: timestamp}, Payload: payload})
		}
		packets[len(packets)-1].Marker = true
		timestamp += 6000
		unit = nil
	}
	return packets
}

func TestSampleComesBack(t *testing.T) {
	for _, apart := range []bool{false, true} {
		name := filepath.Join(t.TempDir(), "a.h264")
		writer, err := New(name)
		if err != nil {
			t.Fatal(err)
		}
		sent := packets(t, apart)
		for i := range sent {
			if i%7 == 3 {
				sent[i], sent[i-1] = sent[i-1], sent[i]
			}
		}
		for _, p := range sent {
			if err := writer.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(writer.Close(), writer.Close()); err != nil {
			t.Fatal(err)
		}
		if err := writer.WriteRTP(sent[0]); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		written, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, got := units(t, samples.H264), units(t, written)
		if len(got) != len(want) || !bytes.HasPrefix(written, []byte{0, 0, 0, 1}) {
			t.Fatalf("%d units, not %d", len(got), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i].Data, want[i].Data) {
				t.Errorf("unit %d differs", i)
			}
		}
	}
}

func TestFileBeginsWithParameterSetsAndHasWholeUnits(t *testing.T) {
	for _, apart := range []bool{false, true} {
		var b bytes.Buffer
		writer := NewWith(&b)
		sent := packets(t, apart)
		for i, p := range sent {
			last := i+1 == len(sent) || sent[i+1].Timestamp != p.Timestamp
			if i == 0 || p.Timestamp == 33*6000 && last {
				continue
			}
			if err := writer.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		// 15 pictures from the second IDR picture on, of which one is damaged.
		got := units(t, b.Bytes())
		if len(got) != 2+14 || got[0].UnitType != h264reader.NalUnitTypeSPS || got[2].UnitType != h264reader.NalUnitTypeCodedSliceIdr {
			t.Errorf("%d units, the first is of type %d", len(got), got[0].UnitType)
		}
	}
}

// Some senders give parameter sets a timestamp and a marker of their own.
func TestParameterSetsBeforeTheirPictureAreKept(t *testing.T) {
	var b bytes.Buffer
	writer := NewWith(&b)
	for i, payload := range []string{"\x41\x80", "\x67a", "\x65\x80"} {
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i), Marker: true}, Payload: []byte(payload)}
		if err := writer.WriteRTP(p); err != nil {
			t.Fatal(err)
		}
	}
	if want := "\x00\x00\x00\x01\x67a\x00\x00\x00\x01\x65\x80"; b.String() != want {
		t.Errorf("%q, not %q", b.String(), want)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	if err := NewWith(io.Discard).WriteRTP(nil); err == nil {
		t.Error("nil is written")
	}
	if _, err := New(filepath.Join(t.TempDir(), "no", "a")); err == nil {
		t.Error("a file in no directory is written")
	}
	closed, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	p := &rtp.Packet{Header: rtp.Header{Marker: true}, Payload: []byte("\x67a")}
	if err := NewWith(closed).WriteRTP(p); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the output's error became %v", err)
	}
}

func FuzzWriter(f *testing.F) {
	f.Add([]byte("\x42\x67a\x02\x7c\x85\x43\x7c\x45x"))
	f.Add([]byte("\x48\x78\x00\x02\x67a\x00\x01\x65"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		writer := NewWith(&out)
		for number := uint16(0); len(b) > 1; number++ {
			n := min(int(b[0]&0x3f), len(b)-1)
			p := &rtp.Packet{Header: rtp.Header{SequenceNumber: number, Timestamp: uint32(number), Marker: b[0]&0x40 != 0}, Payload: b[1 : 1+n]}
			if err := writer.WriteRTP(p); err != nil {
				t.Fatal(err)
			}
			b = b[1+n:]
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		units(t, out.Bytes())
	})
}
