package webrtc

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// eventLoop is an application's own loop: one goroutine that runs what is posted.
type eventLoop struct {
	inside       atomic.Bool
	before, last func() // around each task; may be nil

	mu    sync.Mutex
	tasks []func()
	wake  chan struct{}
	stop  chan struct{}
}

func newEventLoop() *eventLoop {
	l := &eventLoop{wake: make(chan struct{}, 1), stop: make(chan struct{})}
	go l.run()
	return l
}

func (l *eventLoop) post(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks = append(l.tasks, f)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// do posts f and waits until it has run.
func (l *eventLoop) do(f func()) {
	done := make(chan struct{})
	l.post(func() { defer close(done); f() })
	<-done
}

func (l *eventLoop) run() {
	for {
		select {
		case <-l.wake:
		case <-l.stop:
			return
		}
		for f := l.next(); f != nil; f = l.next() {
			if l.before != nil {
				l.before()
			}
			l.inside.Store(true)
			f()
			l.inside.Store(false)
			if l.last != nil {
				l.last()
			}
		}
	}
}

func (l *eventLoop) next() func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tasks) == 0 {
		return nil
	}
	f := l.tasks[0]
	l.tasks = l.tasks[1:]
	return f
}

// onEventLoop runs test in a bubble with a rig whose two connections share an
// event loop.
func onEventLoop(t *testing.T, test func(t *testing.T, r *rig, l *eventLoop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newEventLoop()
		defer close(l.stop)
		r := newRig(t, withLink(simnet.Link{Delay: 5 * time.Millisecond}), withEngines(func(a, b *SettingEngine) {
			a.SetCallbackExecutor(l.post)
			b.SetCallbackExecutor(l.post)
		}))
		defer r.close()
		test(t, r, l)
	})
}

// negotiateAsync lets from offer whenever it must, by twins only.
func negotiateAsync(t *testing.T, from, to *PeerConnection) {
	check := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, ends := range [][2]*PeerConnection{{from, to}, {to, from}} {
		ends[0].OnICECandidate(func(c *ICECandidate) {
			if c != nil {
				check(ends[1].AddICECandidateAsync(c.ToJSON(), check))
			}
		})
	}
	from.OnNegotiationNeeded(func() {
		check(from.CreateOfferAsync(nil, func(offer SessionDescription, err error) {
			check(err)
			check(from.SetLocalDescriptionAsync(offer, func(err error) {
				check(err)
				check(to.SetRemoteDescriptionAsync(*from.LocalDescription(), check))
				check(to.CreateAnswerAsync(nil, func(answer SessionDescription, err error) {
					check(err)
					check(to.SetLocalDescriptionAsync(answer, check))
					check(from.SetRemoteDescriptionAsync(answer, check))
				}))
			}))
		}))
	})
}

// view is what the getters of a connection and its objects return.
func view(pc *PeerConnection) string {
	s := fmt.Sprint(pc.SignalingState(), pc.ICEGatheringState(), pc.ICEConnectionState(), pc.ConnectionState(),
		pc.CurrentLocalDescription(), pc.PendingLocalDescription(), pc.CurrentRemoteDescription(),
		pc.PendingRemoteDescription(), pc.CanTrickleICECandidates(), pc.gatherer.State(), pc.ice.State(),
		pc.ice.Role(), pc.dtls.State(), len(pc.dtls.GetRemoteCertificate()), pc.sctp.State(), pc.SCTP() != nil)
	for _, t := range pc.GetTransceivers() {
		s += fmt.Sprint(t.Mid(), t.Direction(), t.CurrentDirection(), t.Sender().Track() != nil,
			t.Sender().Transport() != nil, t.Receiver().Track().StreamIDs(), t.Receiver().Track().Muted())
	}
	return s
}

// W3C: attributes change in the tasks that fire the events (webrtc-pc section
// 4.4.1.4 and others), so an event loop sees nothing move between its turns.
func TestGettersAreConstantBetweenTheTurnsOfAnExecutor(t *testing.T) {
	onEventLoop(t, func(t *testing.T, r *rig, l *eventLoop) {
		var d, atB atomic.Pointer[DataChannel]
		all := func() string {
			s := view(r.a) + view(r.b)
			for _, channel := range []*DataChannel{d.Load(), atB.Load()} {
				if channel != nil {
					s += fmt.Sprint(channel.ReadyState(), channel.ID() != nil)
				}
			}
			return s
		}
		var known string
		changes := 0
		l.do(func() {
			known = all()
			l.before = func() {
				if now := all(); now != known {
					t.Errorf("getters moved between turns:\n%s\n%s", known, now)
				}
			}
			l.last = func() {
				if now := all(); now != known {
					known = now
					changes++
				}
			}
			negotiateAsync(t, r.a, r.b)
			r.a.OnConnectionStateChange(func(s PeerConnectionState) {
				if got := r.a.ConnectionState(); got != s {
					t.Errorf("event %v, getter %v", s, got)
				}
			})
			r.b.OnDataChannel(func(c *DataChannel) {
				atB.Store(c)
				c.OnMessage(func(m DataChannelMessage) { must(t, c.SendText("echo")) })
			})
			_, err := r.a.AddTrack(audioTrack("x"))
			must(t, err)
			channel, err := r.a.CreateDataChannel("x", nil)
			must(t, err)
			d.Store(channel)
		})
		echoed := make(chan struct{})
		d.Load().OnOpen(func() { must(t, d.Load().SendText("hello")) })
		d.Load().OnMessage(func(DataChannelMessage) { close(echoed) })
		wait(t, "echo", echoed, time.Minute)
		l.do(func() { must(t, d.Load().Close()) })
		time.Sleep(time.Second)
		l.do(func() {
			l.before, l.last = nil, nil
			if s := d.Load().ReadyState(); s != DataChannelStateClosed {
				t.Errorf("channel is %v", s)
			}
			if r.a.ConnectionState() != PeerConnectionStateConnected || changes < 10 {
				t.Errorf("connection %v after %d turns with changes", r.a.ConnectionState(), changes)
			}
		})
	})
}

func TestEveryCallbackRunsOnTheExecutor(t *testing.T) {
	onEventLoop(t, func(t *testing.T, r *rig, l *eventLoop) {
		seen := make(map[string]int)
		on := func(event string) func() {
			return func() {
				time.Sleep(time.Millisecond) // the loop would go on without a callback that is elsewhere
				if !l.inside.Load() {
					t.Errorf("%s ran elsewhere", event)
				}
				seen[event]++
			}
		}
		negotiateAsync(t, r.a, r.b)
		for name, register := range connectionEvents {
			if name != "negotiationneeded" && name != "icecandidate" {
				register(r, on(name))
			}
		}
		r.b.OnTrack(func(track *TrackRemote, _ *RTPReceiver) {
			on("track")()
			_ = track.Codec() // returns what is known
		})
		atB := make(chan *DataChannel, 1)
		r.b.OnDataChannel(func(d *DataChannel) { d.OnOpen(on("open of an accepted channel")); atB <- d })
		_, err := r.a.AddTrack(videoTrack("x"))
		must(t, err)
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		for name, register := range channelEvents {
			register(d, on(name))
		}
		accepted := wait(t, "data channel", atB, time.Minute)
		time.Sleep(time.Second)
		must(t, accepted.SendText("hello"))
		must(t, d.Send(make([]byte, 10000)))
		d.OnOpen(on("late open"))
		time.Sleep(time.Second)
		must(t, accepted.Close())
		time.Sleep(time.Second)
		l.do(func() {
			for _, event := range []string{"open", "message", "close", "track", "open of an accepted channel",
				"connectionstatechange", "dtls transport statechange", "gatherer candidate"} {
				if seen[event] == 0 {
					t.Errorf("no %s; seen %v", event, seen)
				}
			}
		})
	})
}

func TestBlockingMethodsOnTheExecutorSeeTheirResults(t *testing.T) {
	onEventLoop(t, func(t *testing.T, r *rig, l *eventLoop) {
		done := make(chan struct{})
		r.a.OnNegotiationNeeded(func() {
			defer close(done)
			r.a.OnNegotiationNeeded(nil)
			offer, err := r.a.CreateOffer(nil)
			must(t, err)
			must(t, r.a.SetLocalDescription(offer))
			if s := r.a.SignalingState(); s != SignalingStateHaveLocalOffer || r.a.PendingLocalDescription() == nil {
				t.Errorf("after SetLocalDescription the state is %v", s)
			}
			must(t, r.b.SetRemoteDescription(offer))
			must(t, r.b.SetLocalDescription(SessionDescription{}))
			must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
			if s := r.a.SignalingState(); s != SignalingStateStable || r.a.SCTP() == nil {
				t.Errorf("after SetRemoteDescription the state is %v", s)
			}
			transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
			must(t, err)
			must(t, transceiver.SetDirection(RTPTransceiverDirectionRecvonly))
			if n := len(r.a.GetTransceivers()); n != 1 || transceiver.Direction() != RTPTransceiverDirectionRecvonly {
				t.Errorf("%d transceivers, %v", n, transceiver.Direction())
			}
			parameters := transceiver.Sender().GetParameters()
			must(t, transceiver.Sender().SetParameters(parameters))
			must(t, transceiver.Sender().ReplaceTrack(videoTrack("x")))
			if transceiver.Sender().Track() == nil {
				t.Error("no track after ReplaceTrack")
			}
		})
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		wait(t, "the handler", done, time.Minute)
	})
}

func TestCloseOnTheExecutorEndsEverything(t *testing.T) {
	onEventLoop(t, func(t *testing.T, r *rig, l *eventLoop) {
		closed, late := make(chan struct{}), 0
		negotiateAsync(t, r.a, r.b)
		r.a.OnConnectionStateChange(func(s PeerConnectionState) {
			if s != PeerConnectionStateConnected {
				return
			}
			must(t, r.a.CreateOfferAsync(nil, func(SessionDescription, error) { late++ }))
			must(t, r.a.Close())
			if got := r.a.ConnectionState(); got != PeerConnectionStateClosed {
				t.Errorf("after Close the state is %v", got)
			}
			r.a.OnICEConnectionStateChange(func(ICEConnectionState) { late++ })
			r.a.OnConnectionStateChange(func(PeerConnectionState) { late++ })
			close(closed)
		})
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		wait(t, "Close", closed, time.Minute)
		time.Sleep(time.Minute)
		l.do(func() {
			if late != 0 {
				t.Errorf("%d callbacks after Close", late)
			}
		})
	})
}

// An executor that never runs anything holds up neither blocking methods nor
// Close.
func TestAnExecutorThatForgetsHoldsUpNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		if s := r.a.SignalingState(); s != SignalingStateHaveLocalOffer {
			t.Errorf("after SetLocalDescription the state is %v", s)
		}
		must(t, r.a.Close())
		if s := r.a.SignalingState(); s != SignalingStateClosed {
			t.Errorf("after Close the state is %v", s)
		}
	}, withEngines(func(a, _ *SettingEngine) { a.SetCallbackExecutor(func(func()) {}) }))
}
