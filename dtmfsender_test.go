package webrtc

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/dtmf"
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
// is left; RFC 4733 section 2.1: the events of the audio's clock rate.
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
		must(t, r.a.loop.Do(func(time.Time) {
			d.output = func(_ time.Time, codec RTPCodecParameters, p dtmf.Packet) {
				if codec.ClockRate != 48000 || !strings.EqualFold(codec.MimeType, MimeTypeTelephoneEvent) {
					t.Errorf("sent as %+v", codec)
				}
				if p.Marker {
					note("event %d", p.Payload[0])
				}
			}
		}))
		must(t, d.InsertDTMF("1a,", 0, 0))
		if d.ToneBuffer() != "A," {
			t.Errorf("buffer %q at once, want %q: the first tone has begun", d.ToneBuffer(), "A,")
		}
		time.Sleep(10 * time.Second)
		want := []string{
			`0 "1", left "A,"`, `20 event 1`, `170 "A", left ","`, `190 event 12`, `340 ",", left ""`, `2340 "", left ""`,
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
