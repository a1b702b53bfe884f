package ivfwriter

import (
	"errors"
	"fmt"
	"strings"
)

// Option changes an IVFWriter.
type Option func(i *IVFWriter) error

// WithCodec says what the packets carry: "video/VP8", which is the default,
// "video/VP9" or "video/AV1". It may be given once.
func WithCodec(mimeType string) Option {
	return func(i *IVFWriter) error {
		if i.format != nil {
			return errors.New("ivfwriter: the codec is set twice")
		}
		for n := range formats {
			if strings.EqualFold(formats[n].mimeType, mimeType) {
				i.format = &formats[n]
				return nil
			}
		}
		return fmt.Errorf("ivfwriter: no place in IVF for %q", mimeType)
	}
}

// WithWidthAndHeight sets the size of the picture, in pixels, that the header
// names. Without it the first key frame is asked.
func WithWidthAndHeight(width, height uint16) Option {
	return func(i *IVFWriter) error {
		i.width, i.height, i.sized = width, height, true
		return nil
	}
}

// WithFrameRate sets the time base: the duration of a frame, or of what else
// presentation times are counted in, as numerator/denominator seconds. The default
// is 1/30; a source whose rate changes wants a finer one, such as 1/1000. Neither
// may be zero.
func WithFrameRate(numerator, denominator uint32) Option {
	return func(i *IVFWriter) error {
		if numerator == 0 || denominator == 0 {
			return fmt.Errorf("ivfwriter: time base of %d/%d", numerator, denominator)
		}
		i.numerator, i.denominator = numerator, denominator
		return nil
	}
}

// WithDirectPTS makes presentation times of RTP timestamps as they are, counted
// from that of the first frame. The time base should be that of RTP:
// WithFrameRate(1, 90000).
func WithDirectPTS() Option {
	return func(i *IVFWriter) error {
		i.directPTS = true
		return nil
	}
}
