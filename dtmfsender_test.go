package webrtc

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/pkg/media"
)

// callingRig connects a, which sends a voice, and b. It returns a's sender.
func callingRig(t *testing.T, r *rig) *RTPSender {
	t.Helper()
	sender, err := r.a.AddTrack(audioTrack("voice"))
	must(t, err)
	exchange(t, r.a, r.b)
	time.Sleep(time.Second)
	if s := r.a.ConnectionState(); s != PeerConnectionStateConnected {
		t.Fatalf("connection %v", s)
	}
	return sender
}

// webrtc-pc section 7.2: tonechange as each tone begins, with the buffer of what
// is left.
func TestTonesArePlayedInTime(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d := callingRig(t, r).DTMF()
		var mu sync.Mutex
		var got []string
		start := time.Now()
		note := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprintf("%d ", time.Since(start).Milliseconds())+fmt.Sprintf(format, args...))
		}
		d.OnToneChange(func(tone string) { note("%q, left %q", tone, d.ToneBuffer()) })
		must(t, d.InsertDTMF("1a,", 0, 0))
		if d.ToneBuffer() != "A," {
			t.Errorf("buffer %q at once, want %q: the first tone has begun", d.ToneBuffer(), "A,")
		}
		time.Sleep(10 * time.Second)
		want := []string{
			`0 "1", left "A,"`, `170 "A", left ","`, `340 ",", left ""`, `2340 "", left ""`,
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// webrtc-pc section 7.3, determine if DTMF can be sent: each condition; section
// 7.2.2: without them insertDTMF throws an InvalidStateError.
func TestWhenDTMFCanBeSent(t *testing.T) {
	check := func(t *testing.T, d *DTMFSender, want bool) {
		t.Helper()
		if got := d.CanInsertDTMF(); got != want {
			t.Errorf("CanInsertDTMF %v, want %v", got, want)
		}
		if err := d.InsertDTMF("1", 0, 0); want != (err == nil) || !want && !errors.Is(err, ErrInvalidState) {
			t.Errorf("InsertDTMF: %v", err)
		}
	}
	for name, change := range map[string]func(t *testing.T, r *rig, s *RTPSender){
		"without a track": func(t *testing.T, _ *rig, s *RTPSender) { must(t, s.ReplaceTrack(nil)) },
		"while stopping":  func(t *testing.T, _ *rig, s *RTPSender) { must(t, s.transceiver.Stop()) },
		"recvonly": func(t *testing.T, r *rig, s *RTPSender) {
			must(t, s.transceiver.SetDirection(RTPTransceiverDirectionRecvonly))
			exchange(t, r.a, r.b)
		},
		"with an encoding that is not active": func(t *testing.T, _ *rig, s *RTPSender) {
			p := s.GetParameters()
			p.Encodings[0].Active = ptr(false)
			must(t, s.SetParameters(p))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				s := callingRig(t, r)
				check(t, s.DTMF(), true)
				change(t, r, s)
				check(t, s.DTMF(), false)
			})
		})
	}
	t.Run("before it is connected", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			s, err := r.a.AddTrack(audioTrack("voice"))
			must(t, err)
			check(t, s.DTMF(), false)
		})
	})
	t.Run("to a peer without telephone-event", func(t *testing.T) {
		var m MediaEngine
		must(t, m.RegisterCodec(RTPCodecParameters{RTPCodecCapability: RTPCodecCapability{MimeType: MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 111}, RTPCodecTypeAudio))
		inBubble(t, func(t *testing.T, r *rig) { check(t, callingRig(t, r).DTMF(), false) }, func(c *rigConfig) { c.mediaB = &m })
	})
	t.Run("after Close", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			d := callingRig(t, r).DTMF()
			must(t, r.a.Close())
			check(t, d, false)
			if err := d.InsertDTMF("1", 0, 0); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v", err)
			}
		})
	})
}

// webrtc-pc section 7.1.1: dtmf is null for what is not audio; section 7.2.2: an
// unrecognized character is an InvalidCharacterError, and nothing is played.
func TestDTMFMisuse(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		video, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		if video.Sender().DTMF() != nil {
			t.Error("a video sender has a DTMF sender")
		}
		d := callingRig(t, r).DTMF()
		for _, tones := range []string{"1x", "1 2", "é"} {
			if err := d.InsertDTMF(tones, 0, 0); !errors.Is(err, ErrInvalidCharacter) || d.ToneBuffer() != "" {
				t.Errorf("%q: %v, buffer %q", tones, err, d.ToneBuffer())
			}
		}
		must(t, d.InsertDTMF("", 0, 0))
		synctest.Wait()
	})
}

// RFC 4733 section 2.1: events share the stream of the audio, its sequence numbers
// and its clock; sections 2.2.1, 2.2.2 and 2.5.1.4: one timestamp an event, the
// marker on its first packet, its last one three times.
func TestTonesGoBesideTheAudio(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track, err := NewTrackLocalStaticSample(RTPCodecCapability{MimeType: MimeTypeOpus}, "voice", "stream")
		must(t, err)
		sender, remote := r.mediaPair(track)
		const n = 50
		written := make(chan struct{})
		defer func() { <-written }()
		go func() {
			defer close(written)
			for i := range n {
				_ = track.WriteSample(media.Sample{Data: []byte{byte(i)}, Duration: 20 * time.Millisecond})
				if i == 4 {
					_ = sender.DTMF().InsertDTMF("59", 0, 0)
				}
				time.Sleep(20*time.Millisecond + time.Duration(i%3-1)*3*time.Millisecond) // a program's clock
			}
		}()
		var opus, events PayloadType
		for _, c := range sender.GetParameters().Codecs {
			switch {
			case opus == 0:
				opus = c.PayloadType
			case c.is(MimeTypeTelephoneEvent) && c.ClockRate == 48000:
				events = c.PayloadType
			}
		}
		var last uint16
		tones, audio := 0, 0
		timestamps, ends := map[byte]uint32{}, map[byte]int{}
		for audio < n {
			p, _, err := remote.ReadRTP()
			must(t, err)
			if last != 0 && p.SequenceNumber != last+1 {
				t.Errorf("sequence number %d after %d", p.SequenceNumber, last)
			}
			last = p.SequenceNumber
			if PayloadType(p.PayloadType) == opus {
				audio++
				continue
			}
			tone := p.Payload[0]
			first, again := timestamps[tone]
			if PayloadType(p.PayloadType) != events || p.Marker == again || again && p.Timestamp != first {
				t.Errorf("tone %d: payload type %d, marker %v, timestamp %d, before it %d", tone, p.PayloadType, p.Marker, p.Timestamp, first)
			}
			timestamps[tone] = p.Timestamp
			tones++
			if p.Payload[1]&0x80 != 0 {
				ends[tone]++
			}
		}
		if gap := timestamps[9] - timestamps[5]; tones != 10 || ends[5] != 3 || ends[9] != 3 || gap < 170*48-480 || gap > 170*48+480 {
			t.Errorf("%d packets of tones, ends %v, %d ticks between the tones", tones, ends, gap)
		}
	})
}
