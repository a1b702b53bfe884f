package webrtc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/h264reader"
	"github.com/passerelle-rtc/webrtc/pkg/media/h265reader"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfreader"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// encoded is a sample as the frames that must come out.
type encoded struct {
	codec    RTPCodecCapability
	duration time.Duration
	frames   [][]byte
}

func encodedSamples(t testing.TB) []encoded {
	t.Helper()
	ivf := func(file []byte, skip int) (frames [][]byte) {
		reader, _, err := ivfreader.NewWith(bytes.NewReader(file))
		must(t, err)
		for {
			f, _, err := reader.ParseNextFrame()
			if err != nil {
				return frames
			}
			frames = append(frames, f[skip:])
		}
	}
	video := time.Second / samples.FrameRate
	audio := [][]byte{}
	for i := range 50 {
		audio = append(audio, bytes.Repeat([]byte{byte(i)}, 160))
	}
	capability := func(mime string) RTPCodecCapability { return RTPCodecCapability{MimeType: mime} }
	return []encoded{
		{capability(MimeTypeVP8), video, ivf(samples.VP8, 0)},
		{capability(MimeTypeVP9), video, ivf(samples.VP9, 0)},
		{capability(MimeTypeAV1), video, ivf(samples.AV1, 2)}, // without temporal delimiter
		{capability(MimeTypeH264), video, accessUnits264(t)},
		{capability(MimeTypeH265), video, accessUnits265(t)},
		{capability(MimeTypeOpus), 20 * time.Millisecond, audio},
		{capability(MimeTypeG722), 20 * time.Millisecond, audio},
		{capability(MimeTypePCMU), 20 * time.Millisecond, audio},
		{capability(MimeTypePCMA), 20 * time.Millisecond, audio},
	}
}

func accessUnits264(t testing.TB) (frames [][]byte) {
	reader, err := h264reader.NewReader(bytes.NewReader(samples.H264))
	must(t, err)
	var unit []byte
	for {
		nal, err := reader.NextNAL()
		if err != nil {
			return frames
		}
		unit = append(append(unit, 0, 0, 0, 1), nal.Data...)
		if nal.UnitType <= h264reader.NalUnitTypeCodedSliceIdr {
			frames, unit = append(frames, unit), nil
		}
	}
}

func accessUnits265(t testing.TB) (frames [][]byte) {
	reader, err := h265reader.NewReader(bytes.NewReader(samples.H265))
	must(t, err)
	var unit []byte
	for {
		nal, err := reader.NextNAL()
		if err != nil {
			return frames
		}
		unit = append(append(unit, 0, 0, 0, 1), nal.Data...)
		if nal.NalUnitType < h265reader.NalUnitTypeVps {
			frames, unit = append(frames, unit), nil
		}
	}
}

// play writes the frames in their time. What it returns waits for the end.
func (e encoded) play(track *TrackLocalStaticSample) (wait func()) {
	return atOnce(func() {
		for _, data := range e.frames {
			_ = track.WriteSample(media.Sample{Data: bytes.Clone(data), Duration: e.duration})
			time.Sleep(e.duration)
		}
	})
}

// atOnce runs f on a goroutine and returns what waits for its end.
func atOnce(f func()) (wait func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return func() { <-done }
}

func sampleTrack(t testing.TB, codec RTPCodecCapability) *TrackLocalStaticSample {
	t.Helper()
	track, err := NewTrackLocalStaticSample(codec, "track", "stream")
	must(t, err)
	return track
}

func TestFramesOfEveryCodecArriveWhole(t *testing.T) {
	for _, e := range encodedSamples(t) {
		t.Run(e.codec.MimeType, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				track := sampleTrack(t, e.codec)
				_, remote := r.mediaPair(track)
				start := time.Now()
				defer e.play(track)()
				i := 0
				var previous *EncodedFrame
				for f, err := range remote.Frames(t.Context()) {
					must(t, err)
					if !bytes.Equal(f.Data, e.frames[i]) || f.Lost != 0 {
						t.Fatalf("frame %d: %d bytes, not %d, or others; %d lost", i, len(f.Data), len(e.frames[i]), f.Lost)
					}
					if f.Codec.MimeType != e.codec.MimeType || f.SSRC != remote.SSRC() || f.ReceiveTime.Before(start) {
						t.Errorf("frame %d: %+v", i, f)
					}
					if key := e.codec.kind() == RTPCodecTypeAudio || i%30 == 0; f.KeyFrame != key {
						t.Errorf("frame %d: key frame %v", i, f.KeyFrame)
					}
					if previous != nil && f.FirstSequenceNumber != previous.LastSequenceNumber+1 {
						t.Errorf("frame %d is of %d-%d, behind %d", i, f.FirstSequenceNumber, f.LastSequenceNumber, previous.LastSequenceNumber)
					}
					if i == len(e.frames)-1 { // 2.9 s: there was a sender report
						if d := f.CaptureTime.Sub(f.ReceiveTime); e.duration > 20*time.Millisecond && (d < -time.Second || d > time.Second) {
							t.Errorf("captured at %v, received at %v", f.CaptureTime, f.ReceiveTime)
						}
						break
					}
					previous = f
					i++
				}
			})
		})
	}
}

func (c RTPCodecCapability) kind() RTPCodecType { k, _ := splitMimeType(c.MimeType); return k }

// A frame whose packet is lost is marked, waits no longer than asked, and a key
// frame is asked for (RFC 4585 section 6.3.1).
func TestLostFramesAreMarkedAndAKeyFrameIsAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		plis := countPLIs(sender)
		seq := uint16(65530)
		send := func(n int, lost bool, content byte) {
			for i := range 2 { // two packets a frame
				p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(n) * 3000, Marker: i == 1}, Payload: []byte{0, content, byte(n)}}
				if i == 0 {
					p.Payload[0] = 0x10
				}
				if seq++; !lost || i == 0 {
					must(t, track.WriteRTP(p))
				}
			}
		}
		defer atOnce(func() {
			for n := range 30 {
				content := byte(1)
				if n == 0 || n == 25 {
					content = 0
				}
				send(n, n == 10, content)
				time.Sleep(30 * time.Millisecond)
			}
		})()
		n := 0
		start := time.Now()
		patience := 45 * time.Millisecond
		must(t, remote.receiver.SetJitterBufferTarget(&patience))
		for f, err := range remote.Frames(t.Context()) {
			must(t, err)
			want := 0
			if n == 10 {
				n = 11
				want = 2
				if at := time.Since(start); at < 370*time.Millisecond || at > 380*time.Millisecond { // the 11th left at 330 ms
					t.Errorf("the frame behind the gap came after %v", at)
				}
			}
			if f.Timestamp != uint32(n)*3000 || f.Lost != want || f.KeyFrame != (n == 0 || n == 25) {
				t.Fatalf("frame %d: %+v", n, f)
			}
			if n++; n == 30 {
				break
			}
		}
		time.Sleep(100 * time.Millisecond)
		if n := plis.Load(); n != 1 {
			t.Errorf("%d requests for a key frame, want 1", n)
		}
		remote.RequestKeyFrame()
		time.Sleep(time.Second)
		if n := plis.Load(); n != 2 {
			t.Errorf("%d requests after RequestKeyFrame, want 2", n)
		}
	})
}

// countPLIs counts what the sender is asked.
func countPLIs(sender *RTPSender) *atomic.Int32 {
	n := new(atomic.Int32)
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if _, ok := p.(*rtcp.PictureLossIndication); ok {
					n.Add(1)
				}
			}
		}
	}()
	return n
}

func TestFramesUnderLossAreRepaired(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		e := encodedSamples(t)[0]
		track := sampleTrack(t, e.codec)
		_, remote := r.mediaPair(track)
		r.net.SetDefaultLink(simnet.Link{Delay: 10 * time.Millisecond, Loss: 0.03})
		defer e.play(track)()
		whole := map[[32]byte]int{}
		for i, f := range e.frames {
			whole[sha256.Sum256(f)] = i
		}
		came, last := 0, -1
		must(t, remote.SetReadDeadline(time.Now().Add(5*time.Second)))
		for f, err := range remote.Frames(t.Context()) {
			if err != nil {
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
				}
				break
			}
			i, ok := whole[sha256.Sum256(f.Data)]
			if !ok || i <= last {
				t.Fatalf("frame %d behind %d, known %v", i, last, ok)
			}
			last = i
			came++
		}
		if came < len(e.frames)-2 {
			t.Errorf("%d of %d frames came", came, len(e.frames))
		}
	})
}

func TestFramesExcludeOtherReadersAndEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := sampleTrack(t, RTPCodecCapability{MimeType: MimeTypeOpus})
		_, remote := r.mediaPair(track)
		write := func(b byte) {
			must(t, track.WriteSample(media.Sample{Data: []byte{b}, Duration: 20 * time.Millisecond}))
		}
		write(1)
		for f, err := range remote.Frames(t.Context()) {
			must(t, err)
			if f.Data[0] != 1 {
				t.Errorf("%v", f.Data)
			}
			if _, _, err := remote.ReadRTP(); !errors.Is(err, ErrInvalidState) {
				t.Errorf("ReadRTP: %v", err)
			}
			if _, err := remote.ReadBatch(make([]rtp.Packet, 1)); !errors.Is(err, ErrInvalidState) {
				t.Errorf("ReadBatch: %v", err)
			}
			for _, err := range remote.Frames(t.Context()) {
				if !errors.Is(err, ErrInvalidState) {
					t.Errorf("Frames: %v", err)
				}
			}
			break
		}
		write(2)
		p, _, err := remote.ReadRTP() // goes on behind the frame
		if must(t, err); p.Payload[0] != 2 {
			t.Errorf("%v", p)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, err := range remote.Frames(ctx) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("context: %v", err)
			}
		}
		write(3)
		time.Sleep(time.Second)
		must(t, r.b.Close())
		var got []byte
		for f, err := range remote.Frames(t.Context()) {
			must(t, err)
			got = append(got, f.Data[0])
		}
		if !bytes.Equal(got, []byte{3}) {
			t.Errorf("until the end: %v", got)
		}
	})
}

// scramble is a transform that leaves the first bytes as they are and appends a
// trailer: as long as the parts are whole, unscramble gives the frame back.
func scramble(clear int) FrameTransform {
	return func(f *EncodedFrame) error {
		for i := clear; i < len(f.Data); i++ {
			f.Data[i] ^= 0xa5
		}
		f.Data = append(f.Data, bytes.Repeat([]byte{0x5a}, 30)...)
		return nil
	}
}

var errScrambled = errors.New("not scrambled")

func unscramble(clear int) FrameTransform {
	return func(f *EncodedFrame) error {
		n := len(f.Data) - 30
		if n < 0 || f.Data[n] != 0x5a {
			return errScrambled
		}
		f.Data = f.Data[:n]
		for i := clear; i < n; i++ {
			f.Data[i] ^= 0xa5
		}
		return nil
	}
}

// webrtc-encoded-transform section 4: frames pass through the transforms of both
// ends, and are otherwise what they were. Only what may stand in the packets of
// the codec does: of H264, H265 and AV1 the transform here appends a unit.
func TestFramesPassThroughTheTransformsOfBothEnds(t *testing.T) {
	units := map[string][]byte{
		MimeTypeH264: {0, 0, 0, 1, 0x06, 5, 1, 2},
		MimeTypeH265: {0, 0, 0, 1, 0x4e, 0x01, 5, 1},
		MimeTypeAV1:  {0x2a, 0x03, 1, 2, 3},
	}
	for _, e := range encodedSamples(t) {
		t.Run(e.codec.MimeType, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				forth, back := scramble(10), unscramble(10)
				if unit := units[e.codec.MimeType]; unit != nil {
					forth = func(f *EncodedFrame) error { f.Data = append(f.Data, unit...); return nil }
					back = func(f *EncodedFrame) error {
						if !bytes.HasSuffix(f.Data, unit) {
							return errScrambled
						}
						f.Data = f.Data[:len(f.Data)-len(unit)]
						return nil
					}
				}
				track := sampleTrack(t, e.codec)
				var mu sync.Mutex
				var seen []EncodedFrame
				sender, remote := r.mediaPair(track)
				sender.SetTransform(func(f *EncodedFrame) error {
					mu.Lock()
					seen = append(seen, *f)
					mu.Unlock()
					return forth(f)
				})
				remote.receiver.SetTransform(back)
				defer e.play(track)()
				i := 0
				for f, err := range remote.Frames(t.Context()) {
					must(t, err)
					if !bytes.Equal(f.Data, e.frames[i]) || f.Lost != 0 {
						t.Fatalf("frame %d: %d bytes, not %d, or others; %d lost", i, len(f.Data), len(e.frames[i]), f.Lost)
					}
					mu.Lock()
					s := seen[i]
					mu.Unlock()
					if s.KeyFrame != f.KeyFrame || s.Timestamp != f.Timestamp || s.SSRC != f.SSRC || s.Codec.PayloadType != f.Codec.PayloadType {
						t.Errorf("frame %d: sent as %+v", i, s)
					}
					if i++; i == len(e.frames) {
						break
					}
				}
			})
		})
	}
}

// Packets that go in as RTP come out as RTP, and the numbers leave out nothing but
// what was missing.
func TestTransformedPacketsAreNumberedWithoutGaps(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		sender.SetTransform(scramble(3))
		remote.receiver.SetTransform(unscramble(3))
		body := bytes.Repeat([]byte{9}, 1180)
		write := func(seq uint16, n int) {
			for i := range 2 {
				must(t, track.WriteRTP(&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: seq + uint16(i), Timestamp: uint32(n) * 3000, Marker: i == 1},
					Payload: append([]byte{[]byte{0x90, 0x80}[i], 0x80, byte(n)}, body...),
				}))
			}
		}
		write(65530, 0) // becomes three packets on the way
		write(65532, 1)
		write(65536-2, 2)
		write(3, 3) // three are missing
		time.Sleep(200 * time.Millisecond)
		write(5, 4)
		next := uint16(65530)
		for n := range 6 {
			if n == 5 { // without transforms the numbers go on
				sender.SetTransform(nil)
				remote.receiver.SetTransform(nil)
				write(7, 5)
			}
			var data []byte
			for marker := false; !marker; next++ {
				p, _, err := remote.ReadRTP()
				must(t, err)
				if n == 3 && len(data) == 0 {
					next += 3
				}
				if p.SequenceNumber != next || p.Timestamp != uint32(n)*3000 || p.Payload[2] != byte(n) {
					t.Fatalf("frame %d, want %d: %v % x", n, next, p.Header, p.Payload[:4])
				}
				data, marker = append(data, p.Payload[3:]...), p.Marker
			}
			if !bytes.Equal(data, append(bytes.Clone(body), body...)) {
				t.Errorf("frame %d has %d bytes", n, len(data))
			}
		}
	})
}

func TestATransformThatRefusesDropsTheFrame(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		plis := countPLIs(sender)
		refusal := errors.New("no")
		sender.SetTransform(func(f *EncodedFrame) error {
			if f.Timestamp == 3000 {
				return refusal
			}
			return nil
		})
		remote.receiver.SetTransform(func(f *EncodedFrame) error {
			if f.Timestamp == 9000 {
				return refusal
			}
			return nil
		})
		for n := range 6 {
			err := track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n) * 3000, Marker: true}, Payload: []byte{0x10, byte(min(n, 1)), 2}})
			if n == 1 != errors.Is(err, refusal) || n == 1 && !errors.Is(err, ErrOperation) {
				t.Errorf("frame %d: %v", n, err)
			}
		}
		var got []string
		for f, err := range remote.Frames(t.Context()) {
			must(t, err)
			got = append(got, fmt.Sprint(f.Timestamp/3000, f.Lost))
			if f.Timestamp == 5*3000 {
				break
			}
		}
		if fmt.Sprint(got) != "[0 0 2 0 4 1 5 0]" {
			t.Errorf("frames and losses: %v", got)
		}
		time.Sleep(100 * time.Millisecond)
		if plis.Load() != 1 {
			t.Errorf("%d requests for a key frame", plis.Load())
		}
	})
}

// Frames read through the interceptors of a connection too, and wait no longer
// for what is missing, nor for a context.
func TestFramesPassThroughInterceptors(t *testing.T) {
	sends, receives := &tap{}, &tap{}
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		sender.SetTransform(scramble(3))
		remote.receiver.SetTransform(unscramble(3))
		for n := range 6 {
			if n != 3 {
				must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n) * 3000, Marker: true}, Payload: []byte{0x10, 0, 2, byte(n)}}))
			}
		}
		time.Sleep(200 * time.Millisecond)
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 6, Timestamp: 6 * 3000, Marker: true}, Payload: []byte{0x10, 0, 2, 6}}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var got []string
		for f, err := range remote.Frames(ctx) {
			if err != nil {
				got = append(got, err.Error())
				break
			}
			got = append(got, fmt.Sprint(f.Data[2], f.Lost))
		}
		if fmt.Sprint(got) != "[0 0 1 0 2 0 4 1 5 0 6 0 context deadline exceeded]" {
			t.Errorf("%v", got)
		}
	}, withInterceptors(sends, receives))
}

// What a transform cannot see does not pass by it.
func TestVideoWhoseFramesAreNotKnownIsNotSentPastATransform(t *testing.T) {
	path := &sendPath{binding: &binding{codec: RTPCodecParameters{RTPCodecCapability: RTPCodecCapability{MimeType: "video/H261"}}}}
	s := newFrameSender(&RTPSender{})
	s.sender.SetTransform(scramble(0))
	if err := s.write(path, []rtp.Packet{{}}); !s.engaged() || !errors.Is(err, ErrNotSupported) {
		t.Errorf("%v", err)
	}
}
