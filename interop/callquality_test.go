package interop

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// videoStats are what Chromium counts of video, both ways.
type videoStats struct {
	FramesDecoded, FreezeCount    int
	NACKs, PLIs, PacketsLost      int // of what it receives
	RetransmittedReceived         int
	FramesSent, KeyFrames         int // of what it sends
	NACKsHeard, PLIsHeard, Resent int
	AudioPackets                  int // received
	LossOfOurs                    float64
	AvailableOutgoing             float64
}

func (d *drivenPeer) videoStats(t testing.TB) (s videoStats) {
	t.Helper()
	if err := d.call(&s, "videoStats"); err != nil {
		t.Fatal(err)
	}
	return s
}

// until asks again and again until the answer is as wanted.
func until[T any](t testing.TB, what string, ask func() T, ok func(T) bool) T {
	t.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) { // statistics have no event
		answer := ask()
		if ok(answer) {
			return answer
		}
		if time.Since(began) > patience {
			t.Fatalf("%s: after %v %+v", what, patience, answer)
		}
	}
}

// arrivals notes what comes of a track.
type arrivals struct {
	mu      sync.Mutex
	packets int
	longest time.Duration // between two packets
	last    time.Time
	seen    map[uint16]bool
	first   uint16
	highest uint16
}

func (a *arrivals) note(p *rtp.Packet) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if a.packets == 0 {
		a.seen, a.first, a.highest = map[uint16]bool{}, p.SequenceNumber, p.SequenceNumber
	} else {
		a.longest = max(a.longest, now.Sub(a.last))
	}
	a.last = now
	a.packets++
	a.seen[p.SequenceNumber] = true
	if int16(p.SequenceNumber-a.highest) > 0 {
		a.highest = p.SequenceNumber
	}
}

// holes is how many packets are missing, but for the newest, which may still come.
func (a *arrivals) holes() (missing, of int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.highest-a.first < 100 {
		return 0, 0
	}
	for n := a.first; n != a.highest-100; n++ {
		if of++; !a.seen[n] {
			missing++
		}
	}
	return missing, of
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.packets
}

func (a *arrivals) gap() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return max(a.longest, time.Since(a.last))
}

func (a *arrivals) reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.longest, a.last = 0, time.Now()
}

// watching is a call whose tracks are watched, by kind.
type watching struct {
	*localCall
	audio, video arrivals
}

func newWatching(t testing.TB, codec string) *watching {
	w := &watching{localCall: newLocalCall(t, codec)}
	w.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		to := &w.audio
		if track.Kind() == webrtc.RTPCodecTypeVideo {
			to = &w.video
		}
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			to.note(p)
		}
	})
	return w
}

// RFC 4585 section 6.2.1, RFC 4588: with 5 % of all datagrams lost the picture goes
// on, and packets of either end come again. Section 6.3.1: a PLI brings a keyframe.
func TestVideoWithChromiumSurvivesLoss(t *testing.T) {
	r, l := newChromiumCall(t).(*drivenPeer), newWatching(t, "VP8")
	must(t, r.AddMedia("VP8"))
	relay := connectThrough(t, l.local, r, true)
	stats := func() videoStats { return r.videoStats(t) }
	until(t, "frames", stats, func(s videoStats) bool { return s.FramesDecoded > 10 && s.FramesSent > 10 })

	relay.setLoss(50)
	began := stats()
	// A keyframe that is asked for comes.
	var asked time.Time
	now := until(t, "a keyframe after a PLI", func() videoStats {
		if time.Since(asked) > time.Second { // the PLI itself may be lost
			asked = time.Now()
			l.askForKeyFrame()
		}
		return stats()
	}, func(s videoStats) bool { return s.PLIsHeard > began.PLIsHeard && s.KeyFrames > began.KeyFrames })
	now = until(t, "frames and repairs under loss", stats, func(s videoStats) bool {
		return s.FramesDecoded > began.FramesDecoded+150 && s.FramesSent > began.FramesSent+100 &&
			s.NACKs > 5 && s.RetransmittedReceived > 5 && s.NACKsHeard > 5 && s.Resent > 5
	})
	relay.setLoss(0)
	missing, of := until2(t, &l.video)
	t.Logf("Chromium counts %+v; %d of %d packets of its video are missing here", now, missing, of)
	if missing > of/200 {
		t.Errorf("%d of %d packets of Chromium's video are missing in spite of NACK and RTX", missing, of)
	}
}

// askForKeyFrame sends a PLI for the video.
func (w *watching) askForKeyFrame() {
	w.t.Helper()
	for _, receiver := range w.GetReceivers() {
		if track := receiver.Track(); track.Kind() == webrtc.RTPCodecTypeVideo {
			must(w.t, w.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}}))
		}
	}
}

// until2 waits until the newest packets can have been repaired.
func until2(t testing.TB, a *arrivals) (missing, of int) {
	t.Helper()
	_, before := a.holes()
	until(t, "packets after the loss", func() int { _, of := a.holes(); return of }, func(of int) bool { return of > before+150 })
	return a.holes()
}

// RFC 8853, RFC 8852: each of a browser's three layers is a track, with a picture of
// its own size.
func TestChromiumSendsSimulcastInThreeLayers(t *testing.T) { sendsThreeLayers(t, newChromiumCall(t)) }

func TestFirefoxSendsSimulcastInThreeLayers(t *testing.T) { sendsThreeLayers(t, newFirefoxCall(t)) }

func sendsThreeLayers(t *testing.T, r callPeer) {
	t.Helper()
	l := newLocalMedia(t)
	must(t, r.AddSimulcast())
	var mu sync.Mutex
	widths := map[string]int{}
	l.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		var asked time.Time
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if time.Since(asked) > time.Second {
				asked = time.Now()
				_ = l.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(track.SSRC())}})
			}
			if width, err := keyframeWidth(p); err == nil {
				mu.Lock()
				widths[track.RID()] = width
				mu.Unlock()
			}
		}
	})
	l.prefer(t, "VP8")
	l.connect(r, signalling{weOffer: false})
	got := until(t, "a keyframe of each layer", func() string {
		mu.Lock()
		defer mu.Unlock()
		return fmt.Sprint(widths)
	}, func(string) bool {
		mu.Lock()
		defer mu.Unlock()
		return len(widths) == 3 && widths["q"]*2 == widths["h"] && widths["h"]*2 == widths["f"]
	})
	t.Logf("widths: %s", got)
}

// prefer takes no other codec of video than one and its retransmissions.
func (m *localMedia) prefer(t testing.TB, codec string) {
	call := &localCall{localMedia: m, codec: codec}
	call.prefer(codec)
}

// keyframeWidth is the width of the picture that begins in the packet (RFC 7741
// section 4.3, RFC 6386 section 9.1).
func keyframeWidth(p *rtp.Packet) (int, error) {
	var vp8 codecs.VP8Packet
	payload, err := vp8.Unmarshal(p.Payload)
	if err != nil || vp8.S != 1 || vp8.PID != 0 || len(payload) < 10 || payload[0]&1 != 0 {
		return 0, errors.New("no keyframe begins here")
	}
	return int(binary.LittleEndian.Uint16(payload[6:])) & 0x3fff, nil
}

// Renegotiation and ICE restart by either end in the middle of a call: nothing of
// what flows stops for a second, and pictures go on.
func TestACallGoesOnThroughRenegotiationAndICERestart(t *testing.T) {
	for _, weOffer := range []bool{true, false} {
		how := signalling{weOffer: weOffer, trickle: true}
		t.Run(how.String(), func(t *testing.T) {
			r, l := newChromiumCall(t).(*drivenPeer), newWatching(t, "VP8")
			must(t, r.AddMedia("VP8"))
			l.connect(r, how)
			stats := func() videoStats { return r.videoStats(t) }
			until(t, "media", stats, func(s videoStats) bool { return s.FramesDecoded > 10 && s.AudioPackets > 20 })
			until(t, "media here", l.audio.count, func(n int) bool { return n > 20 })
			l.audio.reset()
			l.video.reset()
			steady := func(what string) {
				t.Helper()
				began := stats()
				until(t, "media after "+what, stats, func(s videoStats) bool {
					return s.FramesDecoded > began.FramesDecoded+20 && s.AudioPackets > began.AudioPackets+25
				})
				if gap := l.audio.gap(); gap > time.Second {
					t.Errorf("%s: %v without audio of Chromium", what, gap)
				}
				if gap := l.video.gap(); gap > time.Second {
					t.Errorf("%s: %v without video of Chromium", what, gap)
				}
			}
			must(t, l.AddTransceiver("video", "recvonly"))
			l.exchange(t, r, how)
			steady("another m-line")
			if weOffer {
				l.RestartICE()
			} else {
				must(t, r.RestartICE())
			}
			l.exchange(t, r, how)
			steady("an ICE restart")
		})
	}
}

// exchange runs one more round of a call, with whole descriptions: only a restart
// has new candidates.
func (w *watching) exchange(t testing.TB, r remote, how signalling) {
	t.Helper()
	w.connect(r, signalling{weOffer: how.weOffer})
}

// silencePCMU are 20 ms of it.
var silencePCMU = bytes.Repeat([]byte{0xff}, 160)

// talkPCMU sends that, and counts the packets of PCMU that come.
func (l *localCall) talkPCMU() (heard *atomic.Int64) {
	heard = new(atomic.Int64)
	l.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if p.PayloadType == 0 && len(p.Payload) == len(silencePCMU) {
				heard.Add(1)
			}
		}
	})
	l.play(webrtc.MimeTypePCMU, silencePCMU, 20*time.Millisecond)
	return heard
}

// RFC 3551 section 4.5.14: both ends talk PCMU where nothing else is left.
func TestChromiumTalksPCMU(t *testing.T) {
	for _, how := range []signalling{{weOffer: true}, {weOffer: false}} {
		t.Run(how.String(), func(t *testing.T) {
			r := newChromiumCall(t).(*drivenPeer)
			l := &localCall{localMedia: newLocalMedia(t), codec: "VP8"}
			heard := l.talkPCMU()
			audio := l.GetTransceivers()[0]
			must(t, audio.SetCodecPreferences([]webrtc.RTPCodecParameters{{
				RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000},
			}}))
			must(t, r.AddMedia("VP8"))
			l.connect(r, how)
			until(t, "PCMU here", func() int64 { return heard.Load() }, func(n int64) bool { return n > 25 })
			until(t, "PCMU there", func() videoStats { return r.videoStats(t) }, func(s videoStats) bool { return s.AudioPackets > 25 })
		})
	}
}
