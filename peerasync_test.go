package webrtc

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// recordEvents logs the connection's events on the event loop.
func recordEvents(pc *PeerConnection, log *[]string) {
	note := func(s string) { *log = append(*log, s) }
	pc.OnSignalingStateChange(func(s SignalingState) { note(s.String()) })
	pc.OnTrack(func(*TrackRemote, *RTPReceiver) { note("track") })
	pc.OnNegotiationNeeded(func() { note("negotiationneeded") })
	pc.OnICEGatheringStateChange(func(s ICEGatheringState) { note("gathering " + s.String()) })
	pc.OnICEConnectionStateChange(func(s ICEConnectionState) { note("ice " + s.String()) })
	pc.OnConnectionStateChange(func(s PeerConnectionState) { note("connection " + s.String()) })
	pc.ice.OnConnectionStateChange(func(s ICETransportState) { note("transport " + s.String()) })
}

// W3C webrtc-pc section 4.4.1.4 ("set a session description"): one task fires
// signalingstatechange, then the events of streams and tracks, and last resolves
// the promise.
func TestACompletionFollowsTheSignalingStateAndTracksAndNothingElse(t *testing.T) {
	onEventLoop(t, func(t *testing.T, r *rig, l *eventLoop) {
		_, err := r.a.AddTrack(audioTrack("x"))
		must(t, err)
		time.Sleep(time.Second)
		var log []string
		done := make(chan struct{}, 1)
		completed := func(err error) {
			log = append(log, "done")
			if err != nil {
				t.Error(err)
			}
			done <- struct{}{}
		}
		steps := []struct {
			name string
			call func() error
			want []string
		}{
			{"local offer", func() error {
				recordEvents(r.a, &log)
				return r.a.SetLocalDescriptionAsync(SessionDescription{}, completed)
			}, []string{"have-local-offer", "done"}},
			{"remote offer", func() error {
				recordEvents(r.b, &log)
				return r.b.SetRemoteDescriptionAsync(*r.a.LocalDescription(), completed)
			}, []string{"have-remote-offer", "track", "done"}},
			{"local answer", func() error {
				// Something that is to be announced once the state is stable.
				if _, err := r.b.CreateDataChannel("x", nil); err != nil {
					return err
				}
				return r.b.SetLocalDescriptionAsync(SessionDescription{}, completed)
			}, []string{"stable", "done", "negotiationneeded"}},
			{"remote answer", func() error {
				return r.a.SetRemoteDescriptionAsync(*r.b.LocalDescription(), completed)
			}, []string{"stable", "done"}},
		}
		for _, step := range steps {
			l.do(func() { log = nil; must(t, step.call()) })
			wait(t, step.name, done, time.Minute)
			time.Sleep(time.Second)
			l.do(func() {
				if len(log) < len(step.want) || !slices.Equal(log[:len(step.want)], step.want) {
					t.Errorf("%s: %q, want %q first", step.name, log, step.want)
				}
			})
		}
	})
}

// W3C webrtc-pc section 4.4.1.2: the operations of a connection run in order.
func TestQueuedOperationsRunInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		var log []string
		note := func(name string) func(error) {
			return func(err error) {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				log = append(log, name)
			}
		}
		must(t, r.a.SetLocalDescriptionAsync(SessionDescription{}, note("offer")))
		must(t, r.a.SetLocalDescriptionAsync(SessionDescription{Type: SDPTypeRollback}, note("rollback")))
		must(t, r.a.SetLocalDescriptionAsync(SessionDescription{Type: SDPTypeOffer}, note("second offer")))
		must(t, r.a.SetLocalDescriptionAsync(SessionDescription{Type: SDPTypeRollback}, nil))
		must(t, r.a.SetLocalDescription(SessionDescription{})) // runs behind them
		synctest.Wait()
		if want := []string{"offer", "rollback", "second offer"}; !slices.Equal(log, want) {
			t.Errorf("completed %q, want %q", log, want)
		}
	})
}

func TestATwinThatReturnsAnErrorQueuesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		never := func(error) { t.Error("reported") }
		neverCreated := func(SessionDescription, error) { t.Error("reported") }
		calls := []struct {
			name   string
			call   func() error
			open   error // what it returns before Close; nil: not tried
			closed error
		}{
			{"unknown local type", func() error {
				return r.a.SetLocalDescriptionAsync(SessionDescription{Type: SDPType(77)}, never)
			}, ErrType, ErrType},
			{"unknown remote type", func() error {
				return r.a.SetRemoteDescriptionAsync(SessionDescription{}, never)
			}, ErrType, ErrType},
			// W3C webrtc-pc section 4.4.2.2, addIceCandidate step 3.
			{"candidate of nothing", func() error {
				return r.a.AddICECandidateAsync(ICECandidateInit{Candidate: "candidate:1 1 udp 1 192.0.2.9 1 typ host"}, never)
			}, ErrType, ErrType},
			// W3C webrtc-pc section 5.2, replaceTrack step 2.
			{"track of another kind", func() error {
				return transceiver.Sender().ReplaceTrackAsync(videoTrack("x"), never)
			}, ErrType, ErrType},
			{"create offer", func() error { return r.a.CreateOfferAsync(nil, neverCreated) }, nil, ErrInvalidState},
			{"create answer", func() error { return r.a.CreateAnswerAsync(nil, neverCreated) }, nil, ErrInvalidState},
			{"replace track", func() error { return transceiver.Sender().ReplaceTrackAsync(nil, never) }, nil, ErrInvalidState},
			{"set parameters", func() error {
				return transceiver.Sender().SetParametersAsync(RTPSendParameters{}, never)
			}, nil, ErrInvalidState},
		}
		for _, c := range calls {
			if c.open != nil {
				if err := c.call(); !errors.Is(err, c.open) {
					t.Errorf("%s: %v, want %v", c.name, err, c.open)
				}
			}
		}
		synctest.Wait()
		must(t, r.a.Close())
		for _, c := range calls {
			if err := c.call(); !errors.Is(err, c.closed) {
				t.Errorf("%s after Close: %v, want %v", c.name, err, c.closed)
			}
		}
		synctest.Wait()
	})
}

func TestATwinReportsWhatTheOperationReturned(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		sender, track := transceiver.Sender(), audioTrack("x")
		mid := "0"
		results := make(map[string]error)
		report := func(name string) func(error) { return func(err error) { results[name] = err } }
		must(t, r.a.CreateAnswerAsync(nil, func(d SessionDescription, err error) {
			if d != (SessionDescription{}) {
				t.Errorf("an answer to nothing: %v", d)
			}
			results["create answer"] = err
		}))
		must(t, r.a.AddICECandidateAsync(ICECandidateInit{SDPMid: &mid}, report("add candidate")))
		must(t, sender.SetParametersAsync(RTPSendParameters{}, report("set parameters")))
		must(t, sender.ReplaceTrackAsync(track, report("replace track")))
		must(t, r.a.CreateOfferAsync(nil, func(offer SessionDescription, err error) {
			if offer.Type != SDPTypeOffer || offer.SDP == "" {
				t.Errorf("offer %v", offer)
			}
			results["create offer"] = err
		}))
		synctest.Wait()
		for name, want := range map[string]error{
			"create answer": ErrInvalidState, "add candidate": ErrInvalidState, "set parameters": ErrInvalidState,
			"replace track": nil, "create offer": nil,
		} {
			if got, reported := results[name]; !reported || !errors.Is(got, want) {
				t.Errorf("%s: %v (reported: %v), want %v", name, got, reported, want)
			}
		}
		if sender.Track() != TrackLocal(track) {
			t.Error("the track was not replaced")
		}
	})
}

// W3C webrtc-pc section 4.4.1.2: once the connection is closed, operations are
// neither resolved nor rejected.
func TestNothingSettlesAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		busy := make(chan struct{})
		r.a.OnNegotiationNeeded(func() { <-busy })
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		synctest.Wait() // the handler holds the callbacks up
		must(t, r.a.SetLocalDescriptionAsync(SessionDescription{}, func(error) { t.Error("settled after Close") }))
		synctest.Wait()
		if s := r.a.SignalingState(); s != SignalingStateHaveLocalOffer {
			t.Fatalf("the operation has not run: %v", s)
		}
		must(t, r.a.Close())
		close(busy)
		synctest.Wait()
	})
}
