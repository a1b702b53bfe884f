package webrtc

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// webrtc-pc of 4 July 2014, section 4.3.2: streams go to the peer and come from
// it, as a layer over tracks: addstream with the first track and before its track
// event, removestream with the last.
func TestStreamsAreAddedAndRemoved(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var got []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
		}
		stream := NewMediaStream(audioTrack("voice"), videoTrack("face"))
		name := func(s *MediaStream) string {
			if s.ID() != stream.ID() {
				return "another"
			}
			return "ours"
		}
		r.b.OnAddStream(func(s *MediaStream) {
			if n := len(s.GetTracks()); n != 2 {
				t.Errorf("addstream with %d tracks", n)
			}
			note("addstream " + name(s))
		})
		r.b.OnRemoveStream(func(s *MediaStream) { note("removestream " + name(s)) })
		_, err := r.b.AddEventListener("addstream", func(*MediaStream) { note("listener") })
		must(t, err)
		_, err = r.b.AddEventListener("track", func(track *TrackRemote, _ *RTPReceiver) { note("track " + track.ID()) })
		must(t, err)

		must(t, r.a.AddStream(stream))
		must(t, r.a.AddStream(stream))
		if !slices.Equal(r.a.GetLocalStreams(), []*MediaStream{stream}) || len(r.a.GetSenders()) != 2 || r.a.GetStreamByID(stream.ID()) != stream {
			t.Errorf("local streams %v, %d senders", r.a.GetLocalStreams(), len(r.a.GetSenders()))
		}
		exchange(t, r.a, r.b)
		remote := r.b.GetRemoteStreams()
		if len(remote) != 1 || r.b.GetStreamByID(stream.ID()) != remote[0] || remote[0] == stream || len(r.b.GetLocalStreams()) != 0 {
			t.Errorf("remote streams %v", remote)
		}
		if r.b.GetStreamByID("nobody") != nil {
			t.Error("a stream that nobody has")
		}
		must(t, r.a.RemoveStream(stream))
		must(t, r.a.RemoveStream(stream))
		if len(r.a.GetLocalStreams()) != 0 || r.a.GetSenders()[0].Track() != nil {
			t.Error("the stream is still sent")
		}
		exchange(t, r.a, r.b)
		if len(r.b.GetRemoteStreams()) != 0 {
			t.Error("the stream is still there")
		}
		mu.Lock()
		defer mu.Unlock()
		want := []string{"addstream ours", "listener", "track face", "track voice", "removestream ours"}
		slices.Sort(got[2:4]) // those of track have goroutines of their own
		if !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}

// webrtc-pc of 4 July 2014, sections 4.3.2 and 6.1, with today's exceptions.
func TestMisuseOfStreams(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender := callingRig(t, r)
		remote := r.b.GetRemoteStreams()[0]
		for name, c := range map[string]struct{ got, want error }{
			"no stream":                 {r.a.AddStream(nil), ErrType},
			"removal of no stream":      {r.a.RemoveStream(nil), ErrType},
			"a stream of the peer":      {r.b.AddStream(remote), ErrType},
			"a track that is sent":      {r.a.AddStream(NewMediaStream(videoTrack("x"), sender.Track())), ErrInvalidAccess},
			"a stream that was not":     {r.a.RemoveStream(NewMediaStream()), nil},
			"DTMF of no track":          {func() error { _, err := r.a.CreateDTMFSender(nil); return err }(), ErrInvalidAccess},
			"DTMF of an unknown track":  {func() error { _, err := r.a.CreateDTMFSender(audioTrack("x")); return err }(), ErrInvalidAccess},
			"DTMF of a track of audio":  {func() error { _, err := r.a.CreateDTMFSender(sender.Track()); return err }(), nil},
			"another stream of the two": {r.b.AddStream(NewMediaStream(videoTrack("v"))), nil},
		} {
			if !errors.Is(c.got, c.want) {
				t.Errorf("%s: %v, want %v", name, c.got, c.want)
			}
		}
		if len(r.a.GetSenders()) != 1 || len(r.a.GetLocalStreams()) != 0 {
			t.Error("an error changed something")
		}
		if d := value(r.a.CreateDTMFSender(sender.Track())); d != sender.DTMF() {
			t.Error("another DTMF sender")
		}
		if _, err := r.b.CreateDTMFSender(r.b.GetLocalStreams()[0].GetTracks()[0].(TrackLocal)); !errors.Is(err, ErrInvalidAccess) {
			t.Errorf("DTMF of video: %v", err)
		}
		must(t, r.a.Close())
		for _, err := range []error{r.a.AddStream(NewMediaStream()), r.a.RemoveStream(NewMediaStream())} {
			if !errors.Is(err, ErrInvalidState) || !errors.Is(err, net.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
	})
}

// webrtc-pc section 4.4.3.2, offerToReceiveAudio and offerToReceiveVideo.
func TestLegacyOptionsOfCreateOffer(t *testing.T) {
	directions := func(pc *PeerConnection) string {
		var all []string
		for _, t := range pc.GetTransceivers() {
			all = append(all, t.Kind().String()+" "+t.Direction().String())
		}
		return strings.Join(all, ", ")
	}
	for _, c := range []struct {
		name         string
		before       []RTPTransceiverDirection // of video
		audio, video *bool
		want         string
	}{
		{"nothing", nil, nil, nil, ""},
		{"false, and there is none", nil, ptr(false), ptr(false), ""},
		{"true, and there is none", nil, ptr(true), ptr(true), "audio recvonly, video recvonly"},
		{"true, and one receives", []RTPTransceiverDirection{RTPTransceiverDirectionRecvonly}, nil, ptr(true), "video recvonly"},
		{"true, and one sends and receives", []RTPTransceiverDirection{RTPTransceiverDirectionSendrecv}, nil, ptr(true), "video sendrecv"},
		{"true, and none receives", []RTPTransceiverDirection{RTPTransceiverDirectionSendonly, RTPTransceiverDirectionInactive}, nil, ptr(true), "video sendonly, video inactive, video recvonly"},
		{"false", []RTPTransceiverDirection{RTPTransceiverDirectionSendrecv, RTPTransceiverDirectionRecvonly, RTPTransceiverDirectionSendonly}, nil, ptr(false), "video sendonly, video inactive, video sendonly"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				for _, d := range c.before {
					_, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo, RTPTransceiverInit{Direction: d})
					must(t, err)
				}
				synctest.Wait()
				needed := 0
				r.a.OnNegotiationNeeded(func() { needed++ })
				offer, err := r.a.CreateOffer(&OfferOptions{OfferToReceiveAudio: c.audio, OfferToReceiveVideo: c.video})
				must(t, err)
				time.Sleep(time.Second)
				if got := directions(r.a); got != c.want {
					t.Errorf("transceivers %q, want %q", got, c.want)
				}
				if got, want := strings.Count(offer.SDP, "m="), len(r.a.GetTransceivers()); got != want {
					t.Errorf("%d m-lines, want %d", got, want)
				}
				if needed != 0 {
					t.Error("the options made a negotiation needed")
				}
				must(t, r.a.SetLocalDescription(offer))
			})
		})
	}
}
