package main

import (
	"fmt"
	"strings"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/h264writer"
	"github.com/passerelle-rtc/webrtc/pkg/media/h265writer"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfwriter"
	"github.com/passerelle-rtc/webrtc/pkg/media/oggwriter"
)

// newWriter makes the file that suits the codec. path has no extension yet.
func newWriter(path string, codec webrtc.RTPCodecParameters) (name string, writer media.Writer, err error) {
	is := func(mimeType string) bool { return strings.EqualFold(codec.MimeType, mimeType) }
	switch {
	case is(webrtc.MimeTypeVP8), is(webrtc.MimeTypeVP9), is(webrtc.MimeTypeAV1):
		name = path + ".ivf"
		writer, err = ivfwriter.New(name, ivfwriter.WithCodec(codec.MimeType))
	case is(webrtc.MimeTypeH264):
		name = path + ".h264"
		writer, err = h264writer.New(name)
	case is(webrtc.MimeTypeH265):
		name = path + ".h265"
		writer, err = h265writer.New(name)
	case is(webrtc.MimeTypeOpus):
		name = path + ".ogg"
		writer, err = oggwriter.New(name, codec.ClockRate, codec.Channels)
	default:
		err = fmt.Errorf("there is no file for %s", codec.MimeType)
	}
	return name, writer, err
}
