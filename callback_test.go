package webrtc

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// connectionEvents set f on each event of connection a and its transports,
// channelEvents on each of a channel.
var (
	connectionEvents = map[string]func(r *rig, f func()){
		"signalingstatechange":       func(r *rig, f func()) { r.a.OnSignalingStateChange(func(SignalingState) { f() }) },
		"icegatheringstatechange":    func(r *rig, f func()) { r.a.OnICEGatheringStateChange(func(ICEGatheringState) { f() }) },
		"iceconnectionstatechange":   func(r *rig, f func()) { r.a.OnICEConnectionStateChange(func(ICEConnectionState) { f() }) },
		"connectionstatechange":      func(r *rig, f func()) { r.a.OnConnectionStateChange(func(PeerConnectionState) { f() }) },
		"icecandidate":               func(r *rig, f func()) { r.a.OnICECandidate(func(*ICECandidate) { f() }) },
		"negotiationneeded":          func(r *rig, f func()) { r.a.OnNegotiationNeeded(f) },
		"datachannel":                func(r *rig, f func()) { r.a.OnDataChannel(func(*DataChannel) { f() }) },
		"ice transport statechange":  func(r *rig, f func()) { r.a.ice.OnConnectionStateChange(func(ICETransportState) { f() }) },
		"ice transport gathering":    func(r *rig, f func()) { r.a.ice.OnGatheringStateChange(func(ICEGathererState) { f() }) },
		"selectedcandidatepair":      func(r *rig, f func()) { r.a.ice.OnSelectedCandidatePairChange(func(*ICECandidatePair) { f() }) },
		"dtls transport statechange": func(r *rig, f func()) { r.a.dtls.OnStateChange(func(DTLSTransportState) { f() }) },
		"sctp transport statechange": func(r *rig, f func()) { r.a.sctp.OnStateChange(func(SCTPTransportState) { f() }) },
		"gatherer statechange":       func(r *rig, f func()) { r.a.gatherer.OnStateChange(func(ICEGathererState) { f() }) },
		"gatherer candidate":         func(r *rig, f func()) { r.a.gatherer.OnLocalCandidate(func(*ICECandidate) { f() }) },
		"gatherer error":             func(r *rig, f func()) { r.a.gatherer.OnError(func(*ICECandidateError) { f() }) },
		"icecandidateerror":          func(r *rig, f func()) { r.a.OnICECandidateError(func(*ICECandidateError) { f() }) },
		"sctp transport datachannel": func(r *rig, f func()) { r.a.sctp.OnDataChannel(func(*DataChannel) { f() }) },
		"sctp transport opened":      func(r *rig, f func()) { r.a.sctp.OnDataChannelOpened(func(*DataChannel) { f() }) },
		"sctp transport error":       func(r *rig, f func()) { r.a.sctp.OnError(func(error) { f() }) },
		"sctp transport close":       func(r *rig, f func()) { r.a.sctp.OnClose(func(error) { f() }) },
	}
	channelEvents = map[string]func(d *DataChannel, f func()){
		"open":              func(d *DataChannel, f func()) { d.OnOpen(f) },
		"message":           func(d *DataChannel, f func()) { d.OnMessage(func(DataChannelMessage) { f() }) },
		"bufferedamountlow": func(d *DataChannel, f func()) { d.OnBufferedAmountLow(f) },
		"closing":           func(d *DataChannel, f func()) { d.OnClosing(f) },
		"close":             func(d *DataChannel, f func()) { d.OnClose(f) },
		"dial":              func(d *DataChannel, f func()) { d.OnDial(f) },
	}
)

// forEachEvent runs test once for each event, with a function that sets the
// event's handler and makes the event happen.
func forEachEvent(t *testing.T, test func(t *testing.T, r *rig, run func(handler func(d *DataChannel)))) {
	one := func(name string, run func(t *testing.T, r *rig, handler func(d *DataChannel))) {
		for suffix, execute := range map[string]func(func()){"": nil, " on an executor": func(f func()) { go f() }} {
			t.Run(name+suffix, func(t *testing.T) {
				inBubble(t, func(t *testing.T, r *rig) {
					test(t, r, func(handler func(d *DataChannel)) { run(t, r, handler) })
				}, withLink(simnet.Link{Delay: 5 * time.Millisecond}),
					withEngines(func(a, _ *SettingEngine) { a.SetCallbackExecutor(execute) }),
					func(c *rigConfig) { c.configA.ICEServers = []ICEServer{{URLs: []string{"stun:nowhere.example"}}} })
			})
		}
	}
	for name, register := range connectionEvents {
		one(name, func(t *testing.T, r *rig, handler func(d *DataChannel)) {
			var d atomic.Pointer[DataChannel]
			register(r, func() { handler(d.Load()) })
			exercise(t, r, d.Store)
		})
	}
	one("error", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		d, _ := r.openPair("x", nil)
		d.OnError(func(error) { handler(d) })
		must(t, r.b.Close())
		time.Sleep(10 * time.Second)
	})
	one("track", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		r.a.OnTrack(func(*TrackRemote, *RTPReceiver) { handler(nil) })
		announceTrack(t, r)
	})
	one("ended", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		announceTrack(t, r)
		transceiver := r.a.GetTransceivers()[0]
		transceiver.Receiver().Track().OnEnded(func() { handler(nil) })
		must(t, transceiver.Stop())
		time.Sleep(time.Second)
	})
	one("addstream", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		r.a.OnAddStream(func(*MediaStream) { handler(nil) })
		announceTrack(t, r)
	})
	one("addtrack", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		r.a.OnAddStream(func(s *MediaStream) { s.OnAddTrack(func(*TrackRemote) { handler(nil) }) })
		announceTrack(t, r)
		announceTrack(t, r)
	})
	one("removetrack", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		r.a.OnAddStream(func(s *MediaStream) { s.OnRemoveTrack(func(*TrackRemote) { handler(nil) }) })
		announceTrack(t, r)
		withdrawTrack(t, r)
	})
	one("removestream", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		r.a.OnRemoveStream(func(*MediaStream) { handler(nil) })
		announceTrack(t, r)
		withdrawTrack(t, r)
	})
	one("mute", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		announceTrack(t, r)
		track := r.a.GetReceivers()[0].Track()
		unmute(t, track)
		track.OnMute(func() { handler(nil) })
		withdrawTrack(t, r)
	})
	one("tonechange", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		d := callingRig(t, r).DTMF()
		d.OnToneChange(func(string) { handler(nil) })
		must(t, d.InsertDTMF("1", 0, 0))
		time.Sleep(time.Second)
	})
	one("dtls transport error", func(t *testing.T, r *rig, handler func(d *DataChannel)) {
		r.a.dtls.OnError(func(error) { handler(nil) })
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		time.Sleep(time.Second)
		answer := *r.b.LocalDescription()
		at := strings.Index(answer.SDP, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
		answer.SDP = answer.SDP[:at] + strings.TrimSuffix(strings.Repeat("AB:", 32), ":") + answer.SDP[at+95:]
		must(t, r.a.SetRemoteDescription(answer))
		time.Sleep(10 * time.Second)
	})
	for name, register := range channelEvents {
		one(name, func(t *testing.T, r *rig, handler func(d *DataChannel)) {
			exercise(t, r, func(d *DataChannel) { register(d, func() { handler(d) }) })
		})
	}
}

// announceTrack lets b offer a track to a.
func announceTrack(t *testing.T, r *rig) {
	t.Helper()
	_, err := r.b.AddTrack(videoTrack("v"))
	must(t, err)
	offerFrom(t, r)
}

// withdrawTrack lets b offer that it does not send any more.
func withdrawTrack(t *testing.T, r *rig) {
	t.Helper()
	must(t, r.b.RemoveTrack(r.b.GetSenders()[0]))
	offerFrom(t, r)
}

// offerFrom lets b offer, again where an offer is pending.
func offerFrom(t *testing.T, r *rig) {
	t.Helper()
	must(t, r.b.SetLocalDescription(SessionDescription{}))
	if err := r.a.SetRemoteDescription(*r.b.LocalDescription()); err != nil && r.a.SignalingState() != SignalingStateClosed {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
}

// exercise makes every event above happen at a, as far as a lives.
func exercise(t *testing.T, r *rig, register func(d *DataChannel)) {
	t.Helper()
	r.b.OnDataChannel(func(d *DataChannel) {
		d.OnMessage(func(DataChannelMessage) {
			_ = d.SendText("echo")
			time.AfterFunc(time.Second, func() { _ = d.Close() })
		})
	})
	d, err := r.a.CreateDataChannel("x", nil)
	must(t, err)
	register(d)
	time.Sleep(time.Millisecond)
	go func() { // as OnOpen may be taken
		for d.ReadyState() == DataChannelStateConnecting {
			time.Sleep(10 * time.Millisecond)
		}
		_ = d.Send(make([]byte, 10000))
	}()
	// Errors are expected where the handler closes the connection.
	toB, toA := &trickle{t: t, to: r.b}, &trickle{t: t, to: r.a}
	signal := func(from *PeerConnection, to *trickle) {
		for _, c := range value(from.gatherer.GetLocalCandidates()) {
			c.SDPMid = "0"
			_ = to.to.AddICECandidate(c.ToJSON())
		}
	}
	_ = r.a.SetLocalDescription(SessionDescription{})
	if offer := r.a.LocalDescription(); offer != nil {
		_ = r.b.SetRemoteDescription(*offer)
		_ = r.b.SetLocalDescription(SessionDescription{})
		if answer := r.b.LocalDescription(); answer != nil {
			_ = r.a.SetRemoteDescription(*answer)
		}
	}
	time.Sleep(time.Second)
	signal(r.a, toB)
	signal(r.b, toA)
	time.Sleep(10 * time.Second)
	_, _ = r.b.CreateDataChannel("from b", nil)
	time.Sleep(20 * time.Second)
	must(t, r.b.Close())
	time.Sleep(5 * time.Second)
}

func value[T any](v T, _ error) T { return v }

func TestCloseWorksInEveryCallback(t *testing.T) {
	forEachEvent(t, func(t *testing.T, r *rig, run func(handler func(d *DataChannel))) {
		var called, after atomic.Int64
		run(func(*DataChannel) {
			called.Add(1)
			must(t, r.a.Close())
			must(t, r.a.Close())
			after.Add(1)
		})
		if called.Load() == 0 {
			t.Fatal("the event did not happen")
		}
		if called.Load() != 1 || after.Load() != 1 {
			t.Errorf("called %d times, %d returned: no event may follow Close", called.Load(), after.Load())
		}
		if r.a.ConnectionState() != PeerConnectionStateClosed || r.a.SignalingState() != SignalingStateClosed {
			t.Errorf("states %v, %v", r.a.ConnectionState(), r.a.SignalingState())
		}
	})
}

func TestEveryBlockingMethodMayBeCalledInEveryCallback(t *testing.T) {
	forEachEvent(t, func(t *testing.T, r *rig, run func(handler func(d *DataChannel))) {
		var calls atomic.Int64
		run(func(d *DataChannel) {
			_, _ = r.a.CreateOffer(nil)
			_, _ = r.a.CreateAnswer(nil)
			_ = r.a.SetLocalDescription(SessionDescription{Type: SDPTypePranswer, SDP: "x"})
			_ = r.a.SetRemoteDescription(SessionDescription{Type: SDPTypeAnswer, SDP: "x"})
			_ = r.a.AddICECandidate(ICECandidateInit{Candidate: "x"})
			if calls.Load() == 0 { // or a channel's opening opens another for ever
				_, _ = r.a.CreateDataChannel("more", nil)
			}
			_, _ = r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
			_ = r.a.SetConfiguration(r.a.GetConfiguration())
			_ = r.a.GetStats()
			if d != nil && calls.Load() < 20 { // or what is sent makes the next bufferedamountlow for ever
				_ = d.SendContext(t.Context(), []byte("x"))
			}
			_ = r.a.ice.AddRemoteCandidate(&ICECandidate{})
			calls.Add(1)
		})
		if calls.Load() == 0 {
			t.Fatal("the event did not happen, or its handler hangs")
		}
	})
}

func TestCloseIsIdempotentAndConcurrent(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { must(t, r.a.Close()) })
		}
		all.Wait()
		for name, call := range map[string]func() error{
			"CreateOffer":          func() error { _, err := r.a.CreateOffer(nil); return err },
			"CreateAnswer":         func() error { _, err := r.a.CreateAnswer(nil); return err },
			"SetLocalDescription":  func() error { return r.a.SetLocalDescription(SessionDescription{}) },
			"SetRemoteDescription": func() error { return r.a.SetRemoteDescription(SessionDescription{Type: SDPTypeOffer, SDP: "v=0"}) },
			"AddICECandidate":      func() error { return r.a.AddICECandidate(ICECandidateInit{}) },
			"CreateDataChannel":    func() error { _, err := r.a.CreateDataChannel("x", nil); return err },
		} {
			if err := call(); !errors.Is(err, ErrInvalidState) || !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close: %v", name, err)
			}
		}
		if r.a.LocalDescription() == nil || r.a.ICEConnectionState() != ICEConnectionStateClosed {
			t.Error("getters do not work after Close")
		}
	})
}

func TestCloseWorksInEveryPhase(t *testing.T) {
	for after := range 14 {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				_, err := r.a.CreateDataChannel("x", nil)
				must(t, err)
				go func() {
					time.Sleep(time.Duration(after)*10*time.Millisecond + 5*time.Millisecond)
					_ = r.a.Close()
				}()
				negotiate(t, r.a, r.b)
				time.Sleep(time.Second)
			}, withLink(simnet.Link{Delay: 10 * time.Millisecond}))
		})
	}
}

// W3C section 4.4.1.4 and the order of DESIGN: signaling state, then gathering,
// then candidates, the nil one last; ICE before the connection.
func TestEventsOfAConnectionComeInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var got []string
		note := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprintf(format, args...))
		}
		r.a.OnNegotiationNeeded(func() { note("negotiationneeded") })
		r.a.OnSignalingStateChange(func(s SignalingState) { note("signaling %v", s) })
		r.a.OnICEGatheringStateChange(func(s ICEGatheringState) { note("gathering %v", s) })
		r.a.OnICEConnectionStateChange(func(s ICEConnectionState) { note("ice %v", s) })
		r.a.OnConnectionStateChange(func(s PeerConnectionState) { note("connection %v", s) })
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		d.OnOpen(func() { note("open") })
		_, err = r.a.CreateDataChannel("second", nil)
		must(t, err)
		synctest.Wait()
		r.a.OnICECandidate(func(c *ICECandidate) { note("candidate %s", announcedAs(c)) })
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		synctest.Wait()
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		synctest.Wait()
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		time.Sleep(time.Minute)
		want := []string{
			"negotiationneeded", "signaling have-local-offer",
			"gathering gathering", "candidate host", "candidate last", "gathering complete", "candidate end",
			"signaling stable", "ice checking", "connection connecting",
			"ice connected", "ice completed", "connection connected", "open",
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}, withLink(simnet.Link{Delay: 10 * time.Millisecond}))
}
