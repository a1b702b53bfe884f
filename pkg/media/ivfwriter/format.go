package ivfwriter

import (
	"encoding/binary"

	"github.com/passerelle-rtc/webrtc/internal/frame"
)

// format is how frames of a codec are stored.
type format struct {
	mimeType, fourCC string
	codec            frame.Codec
	// prefix stands before each frame: for AV1 the temporal delimiter that is not
	// transmitted, and with which a temporal unit begins.
	prefix []byte
	// size reads the size of the picture from a key frame.
	size func([]byte) (width, height uint16, ok bool)
}

var formats = [...]format{
	{"video/VP8", "VP80", frame.VP8, nil, sizeOfVP8},
	{"video/VP9", "VP90", frame.VP9, nil, sizeOfVP9},
	{"video/AV1", "AV01", frame.AV1, []byte{0x12, 0x00}, sizeOfAV1},
}

// sizeOfVP8 reads the frame header of a key frame (RFC 6386 section 9.1).
func sizeOfVP8(b []byte) (width, height uint16, ok bool) {
	if len(b) < 10 || b[0]&0x01 != 0 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a {
		return 0, 0, false
	}
	return binary.LittleEndian.Uint16(b[6:]) & 0x3fff, binary.LittleEndian.Uint16(b[8:]) & 0x3fff, true
}

// sizeOfVP9 reads the uncompressed header of a key frame (VP9 bitstream
// specification section 6.2).
func sizeOfVP9(b []byte) (width, height uint16, ok bool) {
	r := bitReader{b: b}
	marker := r.read(2)
	profile := r.read(1) | r.read(1)<<1
	if profile == 3 {
		r.read(1)
	}
	existing, inter := r.read(1), r.read(1)
	r.read(2) // show_frame, error_resilient_mode
	if marker != 2 || existing != 0 || inter != 0 || r.read(24) != 0x498342 {
		return 0, 0, false
	}
	if profile >= 2 {
		r.read(1) // ten_or_twelve_bit
	}
	const rgb = 7
	if r.read(3) != rgb {
		r.read(1) // color_range
		if profile&1 != 0 {
			r.read(3) // subsampling, reserved_zero
		}
	} else if profile&1 != 0 {
		r.read(1) // reserved_zero
	}
	w, h := r.read(16), r.read(16)
	return uint16(w) + 1, uint16(h) + 1, !r.cut && w < 0xffff && h < 0xffff
}

// sizeOfAV1 reads the sequence header, the first OBU of a key frame (AV1
// bitstream specification section 5.5.1). A stream with timing information in it,
// which encoders for real time do not write, is not read further.
func sizeOfAV1(b []byte) (width, height uint16, ok bool) {
	const sequenceHeader = 1
	if len(b) < 2 || b[0]>>3&0x0f != sequenceHeader || b[0]&0x04 != 0 {
		return 0, 0, false
	}
	r := bitReader{b: b[2:]} // behind the header and a size of less than 128
	r.read(3 + 1)            // seq_profile, still_picture
	if r.read(1) != 0 {      // reduced_still_picture_header
		r.read(5) // seq_level_idx
	} else {
		if r.read(1) != 0 { // timing_info_present_flag
			return 0, 0, false
		}
		delay := r.read(1)        // initial_display_delay_present_flag
		for range r.read(5) + 1 { // operating_points_cnt_minus_1
			r.read(12)         // operating_point_idc
			if r.read(5) > 7 { // seq_level_idx
				r.read(1) // seq_tier
			}
			if delay != 0 && r.read(1) != 0 {
				r.read(4) // initial_display_delay_minus_1
			}
		}
	}
	widthBits, heightBits := int(r.read(4))+1, int(r.read(4))+1
	w, h := r.read(widthBits), r.read(heightBits)
	return uint16(w) + 1, uint16(h) + 1, !r.cut && w < 0xffff && h < 0xffff
}

// bitReader reads the highest bit first. Behind the end it gives zeros and
// remembers it.
type bitReader struct {
	b   []byte
	at  int
	cut bool
}

func (r *bitReader) read(n int) (value uint32) {
	for range n {
		value <<= 1
		if r.at/8 < len(r.b) {
			value |= uint32(r.b[r.at/8]>>(7-r.at%8)) & 1
		} else {
			r.cut = true
		}
		r.at++
	}
	return value
}
