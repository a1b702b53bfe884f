package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// The promise-returning methods of W3C exist twice: a blocking method, and an
// asynchronous twin for programs with an event loop of their own. Both perform
// one operation.

// operation is what such a method does.
type operation struct {
	name    string
	invalid error // what is wrong with the arguments
	// prepare, unless nil, comes before run: it calls then on the loop, at once or
	// when somebody has answered who is asked elsewhere. No other operation runs
	// until then.
	prepare func(now time.Time, then func(now time.Time, err error))
	// run does it on the loop, and announces all that comes before the
	// completion; after, unless nil, goes on with what comes behind it.
	run func(now time.Time) (after func(), err error)
}

// perform runs the operation; settled takes its result between the events that
// come before the completion and the rest. On the loop.
func (o operation) perform(now time.Time, settled func(error)) {
	after, err := o.run(now)
	settled(err)
	if after != nil {
		after()
	}
}

// await is the blocking form: it returns when the operation's result is
// published.
func (pc *PeerConnection) await(o operation) error { return awaitOn(pc.loop, &pc.operations, o) }

func awaitOn(l *loop.Loop, operations *chain, o operation) error {
	if o.invalid != nil {
		return o.invalid
	}
	var err error
	settled := make(chan struct{})
	if doOn(l, o.name, func(now time.Time) error {
		operations.run(now, o, func(result error) {
			err = result
			close(settled)
		})
		return nil
	}) != nil {
		return closedError(o.name)
	}
	select {
	case <-settled:
		return err
	default:
	}
	select {
	case <-settled:
	case <-l.Done():
		return closedError(o.name)
	}
	// It settled in the middle of a later turn, which may have to publish yet.
	_ = doOn(l, o.name, func(time.Time) error { return nil })
	return err
}

// queue is the asynchronous form: done is called in order with the events, and
// never after Close.
func (pc *PeerConnection) queue(o operation, done func(error)) error {
	if done != nil {
		report := done
		done = func(err error) {
			if !pc.closing.Load() {
				report(err)
			}
		}
	}
	return queueOn(pc.loop, &pc.operations, o, done)
}

func queueOn(l *loop.Loop, operations *chain, o operation, done func(error)) error {
	if o.invalid != nil {
		return o.invalid
	}
	posted := l.Post(func(now time.Time) {
		operations.run(now, o, func(err error) {
			l.Emit(func() {
				if done != nil {
					done(err)
				}
			})
		})
	})
	if !posted {
		return closedError(o.name)
	}
	return nil
}

// CreateOfferAsync is the asynchronous twin of [PeerConnection.CreateOffer], and
// its rules are those of all twins, whose names end in Async. It queues the
// operation and returns at once; operations run in the order in which they were
// queued, those of blocking methods included. A returned error means that the
// arguments are wrong, or the connection closed, and that nothing was queued;
// done is not called then. Otherwise done is called once with the result, on the
// goroutine of the events: after the events that belong to the operation, before
// all later ones. After Close nothing is reported. done may be nil.
//
// See https://www.w3.org/TR/webrtc/#dfn-chain
func (pc *PeerConnection) CreateOfferAsync(options *OfferOptions, done func(SessionDescription, error)) error {
	var offer SessionDescription
	return pc.queue(pc.createOffer(options, &offer), reportDescription(&offer, done))
}

// CreateAnswerAsync is the asynchronous twin of [PeerConnection.CreateAnswer].
// See [PeerConnection.CreateOfferAsync].
func (pc *PeerConnection) CreateAnswerAsync(options *AnswerOptions, done func(SessionDescription, error)) error {
	var answer SessionDescription
	return pc.queue(pc.createAnswer(options, &answer), reportDescription(&answer, done))
}

func reportDescription(created *SessionDescription, done func(SessionDescription, error)) func(error) {
	if done == nil {
		return nil
	}
	return func(err error) { done(*created, err) }
}

// SetLocalDescriptionAsync is the asynchronous twin of
// [PeerConnection.SetLocalDescription]: done follows the change of SignalingState
// and the ends of tracks; gathering begins after it. See
// [PeerConnection.CreateOfferAsync].
//
// See https://www.w3.org/TR/webrtc/#set-description
func (pc *PeerConnection) SetLocalDescriptionAsync(desc SessionDescription, done func(error)) error {
	return pc.queue(pc.setLocal(desc), done)
}

// SetRemoteDescriptionAsync is the asynchronous twin of
// [PeerConnection.SetRemoteDescription]: done follows the change of
// SignalingState and then the events of tracks. See
// [PeerConnection.CreateOfferAsync].
//
// See https://www.w3.org/TR/webrtc/#set-description
func (pc *PeerConnection) SetRemoteDescriptionAsync(desc SessionDescription, done func(error)) error {
	return pc.queue(pc.setRemote(desc), done)
}

// AddICECandidateAsync is the asynchronous twin of
// [PeerConnection.AddICECandidate]. See [PeerConnection.CreateOfferAsync].
func (pc *PeerConnection) AddICECandidateAsync(candidate ICECandidateInit, done func(error)) error {
	return pc.queue(pc.addICECandidate(candidate), done)
}

// ReplaceTrackAsync is the asynchronous twin of [RTPSender.ReplaceTrack]. See
// [PeerConnection.CreateOfferAsync].
func (s *RTPSender) ReplaceTrackAsync(track TrackLocal, done func(error)) error {
	return s.owner.queue(s.replaceTrack(track), done)
}

// SetParametersAsync is the asynchronous twin of [RTPSender.SetParameters]. See
// [PeerConnection.CreateOfferAsync].
func (s *RTPSender) SetParametersAsync(parameters RTPSendParameters, done func(error)) error {
	return s.owner.queue(s.setParameters(parameters), done)
}
