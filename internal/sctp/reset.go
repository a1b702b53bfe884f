package sctp

import (
	"fmt"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// resets is stream reconfiguration (RFC 6525): our requests, one at a time, and our
// answers to the peer's.
type resets struct {
	timer    timer
	pending  []StreamID // drained, to be reset
	current  []StreamID // in the request that is not answered
	request  uint32     // number of that, or of the next
	response uint32     // in that: the newest request of the peer, or the one that asked for it
	lastTSN  chunk.TSN  // in that
	refused  int        // how often the peer did not want its number

	expected uint32        // number of the peer's next request
	asked    uint32        // number of its newest Incoming SSN Reset Request
	answers  [2]resetReply // to its last two requests, as many as a RE-CONFIG has; the newest first
	deferred []byte        // the Outgoing SSN Reset Request that is in progress, behind its numbers
}

// resetReply is a Re-configuration Response that was sent.
type resetReply struct {
	request uint32
	result  chunk.ReconfigResult
	sent    bool
	// What only the answer to an SSN/TSN Reset Request has (RFC 6525 section 5.1.7 D3
	// and D4).
	tsnReset             bool
	ownNextTSN, peersTSN chunk.TSN
}

// newResets begins the numbers with the initial TSNs (RFC 6525 section 4.1).
func newResets(local, remote chunk.TSN) resets {
	return resets{request: uint32(local), expected: uint32(remote)}
}

// maxResetStreams is how many streams one request resets: they fit in any packet.
const maxResetStreams = 400

// settleReset begins the next request when there are streams to reset and none is on
// its way.
func (a *Association) settleReset(now time.Time) {
	r := &a.reset
	for id, ok := a.out.NextDrained(); ok; id, ok = a.out.NextDrained() {
		r.pending = append(r.pending, id)
	}
	if len(r.current) > 0 || len(r.pending) == 0 || a.state > StateShutdownPending {
		return
	}
	n := min(len(r.pending), maxResetStreams)
	r.current = append(r.current[:0], r.pending[:n]...)
	r.pending = r.pending[:copy(r.pending, r.pending[n:])]
	if !a.peer.reconfig {
		a.resetDone(false) // no peer of WebRTC (RFC 8831 section 6.1); nothing else frees the stream
		return
	}
	r.lastTSN, r.response = a.out.NextTSN()-1, r.expected-1
	for _, id := range r.current {
		if a.streams[id]&outAsked != 0 { // section 5.1.2 A4
			r.response = r.asked
		}
	}
	a.sendReset()
	r.timer.start(now, a.rto())
}

func (a *Association) sendReset() {
	r := &a.reset
	p := chunk.AppendOutgoingReset(nil, r.request, r.response, r.lastTSN, r.current)
	a.control = chunk.AppendReconfig(a.control, p)
}

// advanceReset repeats the request that is not answered (RFC 6525 section 5.1.1).
func (a *Association) advanceReset(now time.Time) {
	if a.reset.timer.due(now) {
		a.reset.timer.again(now)
		a.sendReset()
	}
}

// resetDone ends the present request. Where the peer has performed it, the numbers of
// the streams begin anew; otherwise they go on where the stream is used again (RFC 6525
// section 5.2.7 H3 and H4).
func (a *Association) resetDone(performed bool) {
	r := &a.reset
	done := r.current
	r.current = nil
	r.timer.stop()
	r.request++
	r.refused = 0
	for _, id := range done {
		if performed {
			a.out.Forget(id)
		}
		if a.streams[id]&outClosed != 0 {
			a.streams[id] |= outReset
			a.finishStream(id)
		}
	}
}

// handleResponse takes the peer's answer to our request (RFC 6525 section 5.2.7).
func (a *Association) handleResponse(now time.Time, resp chunk.ReconfigResponse) {
	r := &a.reset
	if len(r.current) == 0 || resp.Response != r.request {
		return
	}
	switch resp.Result {
	case chunk.ResultInProgress: // H2
		r.timer.start(now, a.rto())
	case chunk.ResultAlreadyInProgress, chunk.ResultBadSequence:
		// The same streams under the next number, when the timer expires.
		if r.refused++; r.refused > maxRefused {
			a.resetDone(false)
			return
		}
		r.request++
		r.timer.again(now)
	case chunk.ResultPerformed, chunk.ResultNothingToDo:
		a.resetDone(true)
	default:
		a.resetDone(false)
	}
}

// maxRefused is how often a request is repeated under a number that the peer does not
// want, before it counts as denied.
const maxRefused = 5

// check is for CheckInvariants: a request is on its way if and only if the timer runs,
// and no stream waits twice.
func (r *resets) check() error {
	if r.timer.running() != (len(r.current) > 0) {
		return fmt.Errorf("a request for %d streams, its timer runs: %t", len(r.current), r.timer.running())
	}
	if len(r.current) > maxResetStreams {
		return fmt.Errorf("%d streams in one request", len(r.current))
	}
	seen := make(map[StreamID]bool)
	for _, list := range [][]StreamID{r.pending, r.current} {
		for _, id := range list {
			if seen[id] {
				return fmt.Errorf("stream %d is to be reset twice", id)
			}
			seen[id] = true
		}
	}
	return nil
}
