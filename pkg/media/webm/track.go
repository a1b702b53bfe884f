// Package webm writes VP8, VP9, AV1 and Opus into WebM files and reads them
// (https://www.webmproject.org/docs/container/, RFC 9559). It is a module of its
// own because it uses github.com/at-wat/ebml-go to write EBML (RFC 8794).
package webm

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/at-wat/ebml-go/webm"

	"github.com/passerelle-rtc/webrtc/internal/frame"
)

// Track describes one stream of a file.
type Track struct {
	// MimeType is "video/VP8", "video/VP9", "video/AV1" or "audio/opus".
	MimeType string
	// Width and Height are the size of the picture, in pixels. Zero is 640 x 480
	// when writing; players go by the pictures.
	Width, Height uint16
	// Channels of audio; zero is two when writing.
	Channels uint16
}

// Matroska's names of the codecs, and the kinds of tracks (RFC 9559 sections
// 5.1.4.1.3 and 5.1.4.1.21).
const (
	trackVideo = 1
	trackAudio = 2
)

var codecIDs = map[frame.Codec]string{frame.VP8: "V_VP8", frame.VP9: "V_VP9", frame.AV1: "V_AV1", frame.Opus: "A_OPUS"}

// codec returns the codec of the track, if WebM has it.
func (t Track) codec() (frame.Codec, error) {
	c, ok := frame.CodecOf(t.MimeType)
	if _, has := codecIDs[c]; !ok || !has {
		return 0, fmt.Errorf("webm: no place for %q", t.MimeType)
	}
	return c, nil
}

// seekPreRoll is the time that a decoder of Opus needs to converge behind a seek,
// in nanoseconds (RFC 7845 section 4.6). There is no CodecDelay and no pre-skip:
// a player would take it off the times of all frames, and the first packet of a
// call is not where an encoder began.
const seekPreRoll = 80_000_000

// entry returns the track's element; private is what the decoder needs before the
// first frame.
func (t Track) entry(number uint64, codec frame.Codec, private []byte) webm.TrackEntry {
	e := webm.TrackEntry{TrackNumber: number, TrackUID: number, CodecID: codecIDs[codec], CodecPrivate: private}
	if codec != frame.Opus {
		e.TrackType = trackVideo
		e.Video = &webm.Video{PixelWidth: uint64(t.Width), PixelHeight: uint64(t.Height)}
		if t.Width == 0 || t.Height == 0 {
			e.Video = &webm.Video{PixelWidth: 640, PixelHeight: 480}
		}
		return e
	}
	channels := max(t.Channels, 2)
	if t.Channels == 1 {
		channels = 1
	}
	e.TrackType, e.SeekPreRoll = trackAudio, seekPreRoll
	e.Audio = &webm.Audio{SamplingFrequency: 48000, Channels: uint64(channels)}
	// The identification header of RFC 7845 section 5.1.
	e.CodecPrivate = append([]byte("OpusHead\x01"), byte(channels))
	e.CodecPrivate = binary.LittleEndian.AppendUint16(e.CodecPrivate, 0)
	e.CodecPrivate = binary.LittleEndian.AppendUint32(e.CodecPrivate, 48000)
	e.CodecPrivate = append(e.CodecPrivate, 0, 0, 0)
	return e
}

// trackOf is what a file says about a track.
func trackOf(e webm.TrackEntry) Track {
	t := Track{}
	for codec, id := range codecIDs {
		if id == e.CodecID {
			t.MimeType = "video/" + codec.String()
		}
	}
	if e.Video != nil {
		t.Width, t.Height = uint16(min(e.Video.PixelWidth, 1<<16-1)), uint16(min(e.Video.PixelHeight, 1<<16-1))
	}
	if e.Audio != nil {
		t.Channels = uint16(min(e.Audio.Channels, 1<<16-1))
		t.MimeType = strings.Replace(t.MimeType, "video/", "audio/", 1)
	}
	return t
}

// av1Config returns the codec configuration record of a temporal unit that begins
// with a sequence header, without temporal delimiter (AV1 Codec ISO Media File
// Format Binding, section 2.3.3).
func av1Config(unit []byte) ([]byte, bool) {
	const sequenceHeader = 1
	if len(unit) < 4 || unit[0] != sequenceHeader<<3|0x02 || unit[1] >= 0x80 || len(unit) < 2+int(unit[1]) || unit[1] < 2 {
		return nil, false
	}
	obu := unit[:2+unit[1]]
	profile := obu[2] >> 5
	// Of a sequence header without timing information the level of the first
	// operating point is known; the record's other fields repeat what is in the
	// header, which follows it.
	level := byte(31) // no limit
	if obu[2]&0x0c == 0 && len(obu) > 5 {
		// After reduced_still_picture_header and timing_info_present_flag come one
		// bit, five of the number of points, twelve of the first's layers.
		bits := uint32(obu[2])<<24 | uint32(obu[3])<<16 | uint32(obu[4])<<8 | uint32(obu[5])
		level = byte(bits >> (32 - 3 - 1 - 1 - 1 - 1 - 5 - 12 - 5) & 0x1f)
	}
	// 4:2:0 of 8 bits is what profile 0 of WebRTC has.
	return append([]byte{0x81, profile<<5 | level, 0x0c, 0}, obu...), true
}
