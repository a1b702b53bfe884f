package webrtc

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/pkg/media"
)

// unmute does to a track what its first packet does.
func unmute(t *testing.T, track *TrackRemote) {
	t.Helper()
	must(t, track.receiver.transceiver.pc.loop.Do(func(time.Time) {
		track.change(func(s *trackSnapshot) { s.muted = false })
		track.onUnmute.emit(track.receiver.transceiver.pc.loop)
	}))
	synctest.Wait()
}

// webrtc-pc section 5.1.4, process the removal of a remote track: it is muted, and
// the event comes once; section 9.3: a track stays muted until media comes. Section
// 5.4.2, stop: it ends, once, and stays so.
func TestDirectionsMuteAndEndTracks(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender := callingRig(t, r)
		ours := sender.transceiver
		theirs := r.b.GetTransceivers()[0]
		track := theirs.Receiver().Track()
		var mu sync.Mutex
		var got []string
		note := func(event string) func() {
			return func() {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, fmt.Sprintf("%s, muted %v", event, track.Muted()))
			}
		}
		track.OnMute(note("mute"))
		track.OnUnmute(note("unmute"))
		track.OnEnded(note("ended"))
		expect := func(step string, want ...string) {
			t.Helper()
			exchange(t, r.a, r.b)
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(got, want) {
				t.Errorf("%s: events %q, want %q", step, got, want)
			}
			got = nil
		}
		if !track.Muted() {
			t.Error("a track without media is not muted")
		}
		must(t, ours.SetDirection(RTPTransceiverDirectionInactive))
		expect("inactive, while muted")
		must(t, ours.SetDirection(RTPTransceiverDirectionSendonly))
		expect("sendonly, before media")
		unmute(t, track)
		expect("media", "unmute, muted false")
		must(t, ours.SetDirection(RTPTransceiverDirectionRecvonly))
		expect("recvonly", "mute, muted true")
		expect("recvonly again")
		must(t, ours.SetDirection(RTPTransceiverDirectionSendrecv))
		expect("sendrecv")
		unmute(t, track)
		must(t, theirs.SetDirection(RTPTransceiverDirectionSendonly)) // b refuses to receive
		expect("b's sendonly", "unmute, muted false", "mute, muted true")
		must(t, theirs.SetDirection(RTPTransceiverDirectionSendrecv))
		expect("b's sendrecv")
		unmute(t, track)
		must(t, r.a.RemoveTrack(sender))
		expect("removeTrack", "unmute, muted false", "mute, muted true")
		must(t, ours.Stop())
		expect("stop", "ended, muted true")
		expect("nothing")
		if theirs.Receiver().Track() != track {
			t.Error("the receiver has another track")
		}
	})
}

// webrtc-pc section 4.4.1.4, rollback: a track that the offer added leaves its
// streams and is muted again; it is not ended, as its transceiver may be used.
func TestRollbackMutesWhatTheOfferAdded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.b.AddTransceiverFromKind(RTPCodecTypeAudio, RTPTransceiverInit{Direction: RTPTransceiverDirectionSendonly})
		must(t, err)
		exchange(t, r.b, r.a)
		transceiver := r.b.GetTransceivers()[0]
		track := transceiver.Receiver().Track()
		events := make(chan string, 8)
		track.OnMute(func() { events <- "mute" })
		track.OnEnded(func() { events <- "ended" })
		must(t, r.a.GetTransceivers()[0].SetDirection(RTPTransceiverDirectionSendrecv))
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		unmute(t, track)
		must(t, r.b.SetRemoteDescription(SessionDescription{Type: SDPTypeRollback}))
		if event := wait(t, "mute", events, time.Minute); event != "mute" || !track.Muted() {
			t.Errorf("%s, muted %v", event, track.Muted())
		}
		time.Sleep(time.Second)
		if len(events) != 0 || transceiver.Direction() == RTPTransceiverDirectionStopped {
			t.Errorf("%d more events, %v", len(events), transceiver.Direction())
		}
	})
}

// webrtc-pc section 9.3: a track is unmuted by its first packet, once, and muted
// when the peer ceases to send; section 5.2.7: an encoding that is not active sends
// nothing.
func TestMediaUnmutesTracks(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track, err := NewTrackLocalStaticSample(RTPCodecCapability{MimeType: MimeTypeOpus}, "voice", "stream")
		must(t, err)
		sender, remote := r.mediaPair(track)
		events := make(chan string, 8)
		remote.OnMute(func() { events <- fmt.Sprintf("mute, muted %v", remote.Muted()) })
		remote.OnUnmute(func() { events <- fmt.Sprintf("unmute, muted %v", remote.Muted()) })
		write := func() {
			t.Helper()
			for range 3 {
				must(t, track.WriteSample(media.Sample{Data: []byte{1}, Duration: 20 * time.Millisecond}))
			}
			time.Sleep(time.Second)
		}
		activate := func(active bool) {
			t.Helper()
			p := sender.GetParameters()
			p.Encodings[0].Active = &active
			must(t, sender.SetParameters(p))
		}
		activate(false)
		write()
		if len(events) != 0 || !remote.Muted() {
			t.Errorf("an encoding that is not active sends: %s", <-events)
		}
		activate(true)
		write()
		write()
		if event := wait(t, "unmute", events, time.Minute); event != "unmute, muted false" || len(events) != 0 {
			t.Errorf("%s, and %d more events", event, len(events))
		}
		must(t, r.a.RemoveTrack(sender))
		exchange(t, r.a, r.b)
		if event := wait(t, "mute", events, time.Minute); event != "mute, muted true" {
			t.Error(event)
		}
	})
}
