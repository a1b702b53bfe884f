package webrtc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// silentTrack is a track that sends nothing.
type silentTrack struct {
	id, stream string
	kind       RTPCodecType
}

func (t *silentTrack) Bind(TrackLocalContext) (RTPCodecParameters, error) {
	return RTPCodecParameters{}, nil
}
func (t *silentTrack) Unbind(TrackLocalContext) error { return nil }
func (t *silentTrack) ID() string                     { return t.id }
func (t *silentTrack) RID() string                    { return "" }
func (t *silentTrack) StreamID() string               { return t.stream }
func (t *silentTrack) Kind() RTPCodecType             { return t.kind }

func audioTrack(id string) *silentTrack {
	return &silentTrack{id: id, stream: "stream", kind: RTPCodecTypeAudio}
}

func videoTrack(id string) *silentTrack {
	return &silentTrack{id: id, stream: "stream", kind: RTPCodecTypeVideo}
}

// exchange runs one offer and answer, and waits until all has settled.
func exchange(t *testing.T, offerer, answerer *PeerConnection) {
	t.Helper()
	negotiate(t, offerer, answerer)
	synctest.Wait()
}

func TestATrackIsAnnouncedToThePeer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		tracks := make(chan *TrackRemote, 4)
		r.b.OnTrack(func(track *TrackRemote, receiver *RTPReceiver) {
			if receiver.Track() != track {
				t.Error("the receiver has another track")
			}
			tracks <- track
		})
		sender, err := r.a.AddTrack(audioTrack("voice"))
		must(t, err)
		exchange(t, r.a, r.b)
		track := wait(t, "track", tracks, time.Minute)
		if track.Kind() != RTPCodecTypeAudio || track.ID() != "voice" || track.StreamID() != "stream" || !track.Muted() {
			t.Errorf("track %v %q of %q, muted %v", track.Kind(), track.ID(), track.StreamID(), track.Muted())
		}
		at := r.b.GetTransceivers()
		if len(at) != 1 || at[0].Mid() != "0" || at[0].CurrentDirection() != RTPTransceiverDirectionRecvonly {
			t.Fatalf("transceivers of b: %d", len(at))
		}
		ours := r.a.GetTransceivers()[0]
		if ours.Sender() != sender || ours.CurrentDirection() != RTPTransceiverDirectionSendonly || ours.Direction() != RTPTransceiverDirectionSendrecv {
			t.Errorf("a: %v, wanted %v", ours.CurrentDirection(), ours.Direction())
		}
		if codecs := sender.GetParameters().Codecs; len(codecs) == 0 || !strings.EqualFold(codecs[0].MimeType, MimeTypeOpus) {
			t.Errorf("codecs %v", codecs)
		}
		if sender.Transport() != r.a.dtls || at[0].Receiver().Transport() != r.b.dtls {
			t.Error("the transports are not those of the connection")
		}
	})
}

// W3C section 5.1, addTrack and removeTrack: a transceiver is used again.
func TestAddAndRemoveTrackReuseTransceivers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		first, err := r.a.AddTrack(videoTrack("one"))
		must(t, err)
		if _, err := r.a.AddTrack(first.Track()); !errors.Is(err, ErrInvalidAccess) {
			t.Errorf("the same track twice: %v", err)
		}
		exchange(t, r.a, r.b)
		must(t, r.a.RemoveTrack(first))
		exchange(t, r.a, r.b)
		if d := r.a.GetTransceivers()[0].CurrentDirection(); d != RTPTransceiverDirectionInactive {
			t.Errorf("after removal: %v", d)
		}
		back, err := r.b.AddTrack(videoTrack("back"))
		must(t, err)
		if back != r.b.GetTransceivers()[0].Sender() {
			t.Error("b's transceiver, which never sent, is not reused")
		}
		exchange(t, r.b, r.a)
		if len(r.a.GetTransceivers()) != 1 || r.a.GetTransceivers()[0].CurrentDirection() != RTPTransceiverDirectionRecvonly {
			t.Errorf("a has %d transceivers", len(r.a.GetTransceivers()))
		}
		if err := r.b.RemoveTrack(first); !errors.Is(err, ErrInvalidAccess) {
			t.Errorf("a sender of another connection: %v", err)
		}
	})
}

func TestStoppedTransceiversEndTheirTracksAndAreRecycled(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		tracks := make(chan *TrackRemote, 4)
		r.b.OnTrack(func(track *TrackRemote, _ *RTPReceiver) { tracks <- track })
		exchange(t, r.a, r.b)
		track := wait(t, "track", tracks, time.Minute)
		ended := make(chan struct{})
		track.OnEnded(func() { close(ended) })
		must(t, transceiver.Stop())
		if transceiver.Direction() != RTPTransceiverDirectionStopped {
			t.Errorf("direction %v", transceiver.Direction())
		}
		if err := transceiver.SetDirection(RTPTransceiverDirectionSendonly); !errors.Is(err, ErrInvalidState) {
			t.Errorf("a direction for a stopped transceiver: %v", err)
		}
		exchange(t, r.a, r.b)
		wait(t, "ended", ended, time.Minute)
		if len(r.a.GetTransceivers()) != 0 || len(r.b.GetTransceivers()) != 0 {
			t.Errorf("%d and %d transceivers", len(r.a.GetTransceivers()), len(r.b.GetTransceivers()))
		}
		_, err = r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		exchange(t, r.a, r.b)
		if n := strings.Count(r.a.LocalDescription().SDP, "m="); n != 1 {
			t.Errorf("%d m-lines: the rejected one is not recycled", n)
		}
	})
}

func TestEventsOfADescriptionComeInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var got []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
		}
		r.b.OnSignalingStateChange(func(s SignalingState) { note(s.String()) })
		_, err := r.b.AddEventListener("track", func(track *TrackRemote, _ *RTPReceiver) { note("track " + track.ID()) })
		must(t, err)
		_, err = r.a.AddTrack(audioTrack("one"))
		must(t, err)
		_, err = r.a.AddTrack(videoTrack("two"))
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"have-remote-offer", "track one", "track two"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// W3C section 4.4.2, setRemoteDescription: an offer that meets one of ours is first
// a rollback of that, which has its own event, then an offer.
func TestAnImplicitRollbackIsAnnounced(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var got []SignalingState
		r.b.OnSignalingStateChange(func(s SignalingState) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
		})
		for _, pc := range []*PeerConnection{r.a, r.b} {
			_, err := pc.AddTransceiverFromKind(RTPCodecTypeAudio)
			must(t, err)
			must(t, pc.SetLocalDescription(SessionDescription{}))
		}
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if want := []SignalingState{SignalingStateHaveLocalOffer, SignalingStateStable, SignalingStateHaveRemoteOffer}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// A peer that does not bundle gets a transport for each m-line.
func TestAPeerThatDoesNotBundleHasATransportForEachSection(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		_, err = r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		gathered := GatheringCompletePromise(r.a)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		wait(t, "gathering", gathered, time.Minute)
		offer := *r.a.LocalDescription()
		lines := slices.DeleteFunc(strings.Split(offer.SDP, "\r\n"), func(l string) bool { return strings.HasPrefix(l, "a=group:BUNDLE") })
		offer.SDP = strings.Join(lines, "\r\n")
		must(t, r.b.SetRemoteDescription(offer))
		gathered = GatheringCompletePromise(r.b)
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		wait(t, "gathering", gathered, time.Minute)
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		wait(t, "open", ready, time.Minute)
		time.Sleep(10 * time.Second)
		for _, pc := range []*PeerConnection{r.a, r.b} {
			transports := make(map[*DTLSTransport]bool)
			for _, transceiver := range pc.GetTransceivers() {
				transports[transceiver.Receiver().Transport()] = true
			}
			transports[pc.SCTP().Transport()] = true
			if len(transports) != 3 || transports[nil] {
				t.Errorf("%d transports, want 3", len(transports))
			}
			for transport := range transports {
				if transport.State() != DTLSTransportStateConnected {
					t.Errorf("a transport is %v", transport.State())
				}
			}
			if pc.ConnectionState() != PeerConnectionStateConnected {
				t.Errorf("connection %v", pc.ConnectionState())
			}
		}
	})
}

// With bundling the answer leaves one transport, and the others are closed.
func TestAnAnswerThatBundlesClosesTheOtherTransports(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, kind := range []RTPCodecType{RTPCodecTypeAudio, RTPCodecTypeVideo} {
			_, err := r.a.AddTransceiverFromKind(kind)
			must(t, err)
		}
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		negotiate(t, r.a, r.b)
		wait(t, "open", ready, time.Minute)
		synctest.Wait()
		if len(r.a.transports) != 1 || r.a.ConnectionState() != PeerConnectionStateConnected {
			t.Errorf("%d transports, %v", len(r.a.transports), r.a.ConnectionState())
		}
		for _, old := range r.a.retired {
			if old.dtls.State() != DTLSTransportStateClosed || len(old.gatherer.sockets) != 0 {
				t.Error("a transport that is not needed lives on")
			}
		}
		if r.a.SCTP().Transport() != r.a.GetReceivers()[0].Transport() {
			t.Error("data and audio are not bundled")
		}
	})
}

func TestParametersAreThoseOfTheLastGetParameters(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender, err := r.a.AddTrack(videoTrack("v"))
		must(t, err)
		if err := sender.SetParameters(RTPSendParameters{}); !errors.Is(err, ErrInvalidState) {
			t.Errorf("without GetParameters: %v", err)
		}
		parameters := sender.GetParameters()
		if len(parameters.Encodings) != 1 || parameters.TransactionID == "" {
			t.Fatalf("parameters %+v", parameters)
		}
		parameters.Encodings[0].MaxBitrate = ptr(uint32(500_000))
		must(t, sender.SetParameters(parameters))
		if got := sender.GetParameters().Encodings[0].MaxBitrate; got == nil || *got != 500_000 {
			t.Errorf("bitrate %v", got)
		}
		if err := sender.ReplaceTrack(audioTrack("a")); !errors.Is(err, ErrType) {
			t.Errorf("a track of another kind: %v", err)
		}
		must(t, sender.ReplaceTrack(videoTrack("w")))
		if sender.Track().ID() != "w" {
			t.Errorf("track %q", sender.Track().ID())
		}
	})
}

func TestCodecPreferencesOrderTheOffer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		must(t, transceiver.SetCodecPreferences([]RTPCodecParameters{{RTPCodecCapability: RTPCodecCapability{MimeType: MimeTypeVP9, ClockRate: 90000, SDPFmtpLine: "profile-id=0"}}}))
		if err := transceiver.SetCodecPreferences([]RTPCodecParameters{{RTPCodecCapability: RTPCodecCapability{MimeType: "video/nothing", ClockRate: 90000}}}); !errors.Is(err, ErrInvalidModification) {
			t.Errorf("an unknown codec: %v", err)
		}
		exchange(t, r.a, r.b)
		for _, codec := range transceiver.Receiver().GetParameters().Codecs {
			if !strings.EqualFold(codec.MimeType, MimeTypeVP9) {
				t.Errorf("codec %s", codec.MimeType)
			}
		}
	})
}

func TestMediaMethodsFailAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender, err := r.a.AddTrack(videoTrack("v"))
		must(t, err)
		transceiver := r.a.GetTransceivers()[0]
		waiting := make(chan RTPCodecParameters)
		go func() { waiting <- transceiver.Receiver().Track().Codec() }()
		must(t, r.a.Close())
		wait(t, "codec of a track that has ended", waiting, time.Second)
		for name, err := range map[string]error{
			"AddTrack":            second(r.a.AddTrack(videoTrack("w"))),
			"AddTransceiver":      second(r.a.AddTransceiverFromKind(RTPCodecTypeAudio)),
			"RemoveTrack":         r.a.RemoveTrack(sender),
			"SetDirection":        transceiver.SetDirection(RTPTransceiverDirectionInactive),
			"Stop":                transceiver.Stop(),
			"SetParameters":       sender.SetParameters(RTPSendParameters{}),
			"ReplaceTrack":        sender.ReplaceTrack(nil),
			"SetCodecPreferences": transceiver.SetCodecPreferences(nil),
		} {
			if !errors.Is(err, ErrInvalidState) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if fmt.Sprint(transceiver.CurrentDirection()) != "stopped" {
			t.Errorf("direction %v", transceiver.CurrentDirection())
		}
	})
}

func second[T any](_ T, err error) error { return err }
