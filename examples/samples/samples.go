// Package samples embeds media files of three seconds for the examples and for
// the tests of the readers: 320 x 240 pixels at 15 frames per second, with a
// frame counter in the picture and a key frame every two seconds, and a tone of
// 440 Hz. There is nothing of anybody's in them: they come from ffmpeg's test
// sources. With
//
//	V='-f lavfi -i testsrc2=size=320x240:rate=15:duration=3 -pix_fmt yuv420p -fflags +bitexact -flags:v +bitexact -map_metadata -1 -g 30'
//
// the commands (ffmpeg 5.1.9) were
//
//	ffmpeg $V -c:v libvpx -b:v 250k -maxrate 300k -deadline good -cpu-used 4 -auto-alt-ref 0 vp8.ivf
//	ffmpeg $V -c:v libvpx-vp9 -b:v 200k -deadline good -cpu-used 5 -auto-alt-ref 0 -lag-in-frames 0 vp9.ivf
//	ffmpeg $V -c:v libaom-av1 -b:v 150k -cpu-used 8 -usage realtime -lag-in-frames 0 av1.ivf
//	ffmpeg $V -c:v libx264 -profile:v baseline -preset veryslow -b:v 250k -bf 0 -bsf:v filter_units=remove_types=6 avc.h264
//	ffmpeg $V -c:v libx265 -preset medium -b:v 200k -x265-params bframes=0:open-gop=0:info=0:log-level=none hevc.h265
//	ffmpeg -f lavfi -i sine=frequency=440:duration=3:sample_rate=48000 -ac 2 -fflags +bitexact -flags:a +bitexact -map_metadata -1 \
//	    -c:a libopus -b:a 32k -frame_duration 20 -page_duration 20000 opus.ogg
package samples

import _ "embed"

// VP8 is an IVF file with 45 frames of VP8.
//
//go:embed vp8.ivf
var VP8 []byte

// VP9 is an IVF file with 45 frames of VP9, profile 0.
//
//go:embed vp9.ivf
var VP9 []byte

// AV1 is an IVF file with 45 temporal units of AV1, profile 0.
//
//go:embed av1.ivf
var AV1 []byte

// H264 is a byte stream (annex B) with 45 pictures of H.264, constrained baseline
// profile, without SEI.
//
//go:embed avc.h264
var H264 []byte

// H265 is a byte stream (annex B) with 45 pictures of H.265, main profile.
//
//go:embed hevc.h265
var H265 []byte

// Opus is an Ogg file with stereo Opus in packets of 20 ms, each on a page of its
// own.
//
//go:embed opus.ogg
var Opus []byte

// FrameRate is the number of pictures per second of the video files.
const FrameRate = 15
