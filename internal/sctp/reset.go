package sctp

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// resets is stream reconfiguration (RFC 6525): our requests, one at a time, and our
// answers to the peer's.
type resets struct {
	timer   timer
	pending []StreamID // drained, to be reset
	current []StreamID // in the request that is not answered
	request uint32     // number of that, or of the next
	lastTSN chunk.TSN  // in that

	expected uint32               // number of the peer's next request
	answered bool                 // one was
	answer   chunk.ReconfigResult // to the one before
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
		a.resetDone() // no peer of WebRTC (RFC 8831 section 6.7); nothing else frees the stream
		return
	}
	r.lastTSN = a.out.NextTSN() - 1
	a.sendReset()
	r.timer.start(now, a.rto())
}

func (a *Association) sendReset() {
	r := &a.reset
	p := chunk.AppendOutgoingReset(nil, r.request, r.expected-1, r.lastTSN, r.current)
	a.control = chunk.AppendReconfig(a.control, p)
}

// advanceReset repeats the request that is not answered (RFC 6525 section 5.1.1).
func (a *Association) advanceReset(now time.Time) {
	if a.reset.timer.due(now) {
		a.reset.timer.again(now)
		a.sendReset()
	}
}

// resetDone forgets the streams of the present request.
func (a *Association) resetDone() {
	r := &a.reset
	done := r.current
	r.current = nil
	r.timer.stop()
	r.request++
	for _, id := range done {
		a.out.Forget(id)
		if a.streams[id]&outClosed != 0 {
			a.streams[id] |= outReset
			a.finishStream(id)
		}
	}
}

// handleReconfig takes the parameters of RE-CONFIG.
func (a *Association) handleReconfig(now time.Time, c chunk.Chunk) {
	if !a.live() {
		return
	}
	parameters := chunk.ParseReconfig(c.Value)
	for p, ok := parameters.Next(); ok; p, ok = parameters.Next() {
		switch p.Type {
		case chunk.ParameterOutgoingReset:
			if r, err := chunk.ParseOutgoingReset(p.Value); err == nil {
				a.handleOutgoingReset(&r)
			}
		case chunk.ParameterReconfigResponse:
			if r, err := chunk.ParseReconfigResponse(p.Value); err == nil {
				a.handleResponse(now, r)
			}
		case chunk.ParameterIncomingReset, chunk.ParameterTSNReset, chunk.ParameterAddOutgoing, chunk.ParameterAddIncoming:
			// Data channels use none of these (RFC 8831 section 6.7): denied.
			if request, err := chunk.ParseTSNReset(p.Value); err == nil {
				a.answerRequest(request, func() chunk.ReconfigResult { return chunk.ResultDenied })
			}
		}
	}
}

// answerRequest answers a request of the peer: a new one by what f says, the last one
// as before, any other as out of sequence (RFC 6525 section 5.2.1).
func (a *Association) answerRequest(request uint32, f func() chunk.ReconfigResult) {
	r := &a.reset
	result := chunk.ResultBadSequence
	switch {
	case request == r.expected:
		r.expected++
		result = f()
		r.answer, r.answered = result, true
	case request == r.expected-1 && r.answered:
		// A repeated request asks how far a reset is that waited for data.
		if r.answer == chunk.ResultInProgress && !a.in.ResetPending() {
			r.answer = chunk.ResultPerformed
		}
		result = r.answer
	}
	a.addControl(chunk.AppendReconfig(nil, chunk.AppendReconfigResponse(nil, request, result)))
}

// handleOutgoingReset performs the peer's reset of its streams (RFC 6525 section
// 5.2.2), or puts it off until all data before it has arrived.
func (a *Association) handleOutgoingReset(r *chunk.OutgoingReset) {
	a.answerRequest(r.Request, func() chunk.ReconfigResult {
		if a.in.ResetPending() {
			a.reset.expected--
			return chunk.ResultAlreadyInProgress
		}
		ids := make([]StreamID, 0, r.NumStreams())
		for i := range r.NumStreams() {
			id := r.Stream(i)
			if int(id) >= MaxStreams {
				return chunk.ResultWrongSSN
			}
			ids = append(ids, id)
		}
		if a.in.CumulativeTSN().Distance(r.LastTSN) > 1<<16 {
			return chunk.ResultDenied // no data of that number can come
		}
		if a.in.Reset(r.LastTSN, ids) {
			return chunk.ResultPerformed
		}
		return chunk.ResultInProgress
	})
}

// handleResponse takes the peer's answer to our request (RFC 6525 section 5.2.7).
func (a *Association) handleResponse(now time.Time, resp chunk.ReconfigResponse) {
	r := &a.reset
	if len(r.current) == 0 || resp.Response != r.request {
		return
	}
	switch resp.Result {
	case chunk.ResultInProgress:
		r.timer.start(now, a.rto())
	case chunk.ResultAlreadyInProgress, chunk.ResultBadSequence:
		// The peer has not taken this number: the same streams under the next one, when
		// the timer expires.
		r.request++
		r.timer.start(now, a.rto())
	default:
		a.resetDone()
	}
}
