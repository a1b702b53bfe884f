package sctp

import (
	"bytes"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// handleReconfig takes the parameters of RE-CONFIG. What is to be answered goes into
// one chunk, behind it a SACK (RFC 6525 section 5.2.1).
func (a *Association) handleReconfig(now time.Time, c chunk.Chunk) {
	if !a.live() {
		return
	}
	var answers []byte
	parameters := chunk.ParseReconfig(c.Value)
	for p, ok := parameters.Next(); ok; p, ok = parameters.Next() {
		reply, known := a.handleReconfigParameter(now, p)
		if reply != nil {
			answers = reply.append(answers)
		}
		if !known { // RFC 9260 section 3.2.1
			if p.Type.WantsReport() {
				a.addError(chunk.CauseUnrecognizedParameter, p.Raw)
			}
			if p.Type.StopsParameters() {
				break
			}
		}
	}
	if len(answers) > 0 {
		a.addControl(chunk.AppendReconfig(nil, answers))
		a.in.AckNow()
	}
}

func (r *resetReply) append(b []byte) []byte {
	if r.tsnReset {
		return chunk.AppendTSNResetResponse(b, r.request, r.result, r.ownNextTSN, r.peersTSN)
	}
	return chunk.AppendReconfigResponse(b, r.request, r.result)
}

// handleReconfigParameter returns the answer, if there is to be one, and whether the
// parameter is known. What cannot be read is not answered.
func (a *Association) handleReconfigParameter(now time.Time, p chunk.Parameter) (reply *resetReply, known bool) {
	switch p.Type {
	case chunk.ParameterReconfigResponse:
		if r, err := chunk.ParseReconfigResponse(p.Value); err == nil {
			a.handleResponse(now, r)
		}
	case chunk.ParameterOutgoingReset:
		if r, err := chunk.ParseOutgoingReset(p.Value); err == nil {
			reply = a.answerRequest(r.Request, func() resetReply {
				return resetReply{result: a.outgoingReset(&r, p.Value)}
			})
		}
	case chunk.ParameterIncomingReset:
		if r, err := chunk.ParseIncomingReset(p.Value); err == nil {
			reply = a.answerRequest(r.Request, func() resetReply { return resetReply{result: a.incomingReset(&r)} })
		}
	case chunk.ParameterTSNReset:
		// Data channels need none (RFC 8831 section 6.7 resets streams alone): denied.
		if request, err := chunk.ParseTSNReset(p.Value); err == nil {
			reply = a.answerRequest(request, func() resetReply {
				return resetReply{
					result: chunk.ResultDenied, tsnReset: true,
					ownNextTSN: a.out.NextTSN(), peersTSN: a.in.CumulativeTSN() + 1,
				}
			})
		}
	case chunk.ParameterAddOutgoing:
		if r, err := chunk.ParseAddStreams(p.Value); err == nil {
			reply = a.answerRequest(r.Request, func() resetReply { return resetReply{result: a.addInbound(r.Count)} })
		}
	case chunk.ParameterAddIncoming:
		// We have asked for all streams that there can be (RFC 8831 section 6.2): denied, as
		// RFC 6525 section 5.2.6 allows.
		if r, err := chunk.ParseAddStreams(p.Value); err == nil {
			reply = a.answerRequest(r.Request, func() resetReply { return resetReply{result: chunk.ResultDenied} })
		}
	default:
		return nil, false
	}
	return reply, true
}

// answerRequest answers a request of the peer: a new one by what f says, one of the last
// RE-CONFIG as before, any other as out of sequence (RFC 6525 section 5.2.1).
func (a *Association) answerRequest(request uint32, f func() resetReply) *resetReply {
	r := &a.reset
	if request == r.expected {
		r.expected++ // whatever comes of it: the peer counts on
		reply := f()
		reply.request, reply.sent = request, true
		r.answers = [2]resetReply{reply, r.answers[0]}
		return &reply
	}
	for i := range r.answers {
		known := &r.answers[i]
		if !known.sent || known.request != request {
			continue
		}
		// A repeated request asks how far a reset is that waited for data.
		if known.result == chunk.ResultInProgress && !a.in.ResetPending() {
			known.result = chunk.ResultPerformed
		}
		return known
	}
	return &resetReply{request: request, result: chunk.ResultBadSequence}
}

// outgoingReset performs the peer's reset of its streams (RFC 6525 section 5.2.2), or
// puts it off until all data before it has arrived. value is the parameter's.
func (a *Association) outgoingReset(r *chunk.OutgoingReset, value []byte) chunk.ReconfigResult {
	const numbers = 8 // request and response
	// One that is in progress may come again under a new number: releases of dcSCTP do
	// that. It is performed once.
	if last := a.reset.answers[0]; last.sent && last.result == chunk.ResultInProgress && bytes.Equal(value[numbers:], a.reset.deferred) {
		if a.in.ResetPending() {
			return chunk.ResultInProgress
		}
		return chunk.ResultPerformed
	}
	if a.in.ResetPending() {
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
	a.reset.deferred = append(a.reset.deferred[:0], value[numbers:]...)
	return chunk.ResultInProgress
}

// incomingReset closes our direction of the streams that the peer names, all of them
// where it names none: for a data channel, a reset is the end of it (RFC 8831 section
// 6.7). The Outgoing SSN Reset Request follows when what is queued was delivered (RFC
// 6525 section 5.2.3).
func (a *Association) incomingReset(r *chunk.IncomingReset) chunk.ReconfigResult {
	if a.state != StateEstablished {
		return chunk.ResultDenied
	}
	var ids []StreamID
	for i := range r.NumStreams() {
		id := r.Stream(i)
		if int(id) >= min(MaxStreams, int(a.peer.inbound)) {
			return chunk.ResultWrongSSN
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		for id := range a.streams {
			ids = append(ids, id)
		}
	}
	result := chunk.ResultNothingToDo
	for _, id := range ids {
		// What is closed already is reset without being asked.
		if a.streams[id]&(outOpen|outClosed) == outOpen {
			a.streams[id] |= outClosed | outAsked
			a.out.Close(id)
			a.events = append(a.events, ResetRequested{id})
			a.reset.asked = r.Request
			result = chunk.ResultPerformed
		}
	}
	return result
}

// addInbound lets the peer have further streams (RFC 6525 section 5.2.5). Their state
// is made when they are used.
func (a *Association) addInbound(n uint16) chunk.ReconfigResult {
	if int(a.peer.outbound)+int(n) > MaxStreams {
		return chunk.ResultDenied
	}
	a.peer.outbound += n
	return chunk.ResultPerformed
}
