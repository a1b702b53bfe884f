package film

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/h264reader"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfreader"
	"github.com/passerelle-rtc/webrtc/pkg/media/oggreader"
)

// ivfSamples reads frames, which last until the next one begins. The last one
// lasts as long as the one before.
func ivfSamples(in io.Reader) (func() (media.Sample, error), error) {
	reader, file, err := ivfreader.NewWith(in)
	if err != nil {
		return nil, err
	}
	frame, header, ahead := reader.ParseNextFrame()
	var duration time.Duration
	return func() (media.Sample, error) {
		if ahead != nil {
			return media.Sample{}, ahead
		}
		sample, began := media.Sample{Data: frame}, file.Time(header.Timestamp)
		if frame, header, ahead = reader.ParseNextFrame(); ahead == nil {
			duration = max(0, file.Time(header.Timestamp)-began)
		}
		sample.Duration = duration
		return sample, nil
	}, nil
}

// h264Samples reads pictures with the parameter sets before them. The stream has
// no times: each picture lasts as long as the others.
func h264Samples(duration time.Duration) func(io.Reader) (func() (media.Sample, error), error) {
	return func(in io.Reader) (func() (media.Sample, error), error) {
		reader, err := h264reader.NewReader(in)
		if err != nil {
			return nil, err
		}
		unit, ahead := reader.NextNAL()
		return func() (media.Sample, error) {
			sample := media.Sample{Duration: duration}
			for picture := false; ahead == nil && !(picture && beginsPicture(unit)); unit, ahead = reader.NextNAL() {
				picture = picture || isSlice(unit)
				sample.Data = append(append(sample.Data, 0, 0, 0, 1), unit.Data...)
			}
			if len(sample.Data) == 0 || ahead != nil && !errors.Is(ahead, io.EOF) {
				return media.Sample{}, ahead
			}
			return sample, nil
		}, nil
	}
}

func isSlice(unit *h264reader.NAL) bool {
	return unit.UnitType == h264reader.NalUnitTypeCodedSliceNonIdr || unit.UnitType == h264reader.NalUnitTypeCodedSliceIdr
}

// beginsPicture tells whether a unit behind a slice belongs to the next picture
// (H.264 section 7.4.1.2.3): a delimiter, a parameter set, SEI, or a slice whose
// first macroblock is number 0, which is coded as a single bit 1.
func beginsPicture(unit *h264reader.NAL) bool {
	switch unit.UnitType {
	case h264reader.NalUnitTypeAUD, h264reader.NalUnitTypeSPS, h264reader.NalUnitTypePPS, h264reader.NalUnitTypeSEI:
		return true
	}
	return isSlice(unit) && len(unit.Data) > 1 && unit.Data[1]&0x80 != 0
}

// opusSamples reads packets of Opus.
func opusSamples(in io.Reader) (func() (media.Sample, error), error) {
	reader, _, err := oggreader.NewWith(in)
	if err != nil {
		return nil, err
	}
	return func() (media.Sample, error) {
		for {
			packet, _, err := reader.ParseNextPacket()
			if err != nil {
				return media.Sample{}, err
			}
			if bytes.HasPrefix(packet, []byte("OpusTags")) {
				continue
			}
			duration, err := opusDuration(packet)
			return media.Sample{Data: packet, Duration: duration}, err
		}
	}, nil
}

// opusDuration reads how long a packet plays (RFC 6716 section 3.1): the first
// byte has the length of a frame and, in two bits, how many there are.
func opusDuration(packet []byte) (time.Duration, error) {
	if len(packet) == 0 {
		return 0, errors.New("a packet of Opus without a byte")
	}
	configuration, frames := packet[0]>>3, 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0, fmt.Errorf("a packet of Opus that ends before its number of frames")
		}
		frames = int(packet[1] & 0x3f)
	}
	var frame time.Duration
	switch {
	case configuration < 12: // SILK
		frame = []time.Duration{10, 20, 40, 60}[configuration&3] * time.Millisecond
	case configuration < 16: // hybrid
		frame = []time.Duration{10, 20}[configuration&1] * time.Millisecond
	default: // CELT
		frame = 2500 * time.Microsecond << (configuration & 3)
	}
	return time.Duration(frames) * frame, nil
}
