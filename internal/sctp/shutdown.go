package sctp

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// Shutdown ends the association once everything that was sent is acknowledged (RFC
// 9260 section 9.2). Closed follows without an error. During the handshake it aborts.
func (a *Association) Shutdown(now time.Time) {
	switch a.state {
	case StateEstablished:
		a.t5.start(now, 5*rtoMax)
		a.setState(StateShutdownPending)
		a.settle(now)
	case StateClosed, StateCookieWait, StateCookieEchoed:
		a.Abort("")
	}
}

// settleShutdown goes on when nothing is outstanding any more.
func (a *Association) settleShutdown(now time.Time) {
	if !a.live() || !a.out.Empty() {
		return
	}
	switch a.state {
	case StateShutdownPending:
		a.setState(StateShutdownSent)
		a.t2.start(now, a.rto())
		a.sendShutdown()
	case StateShutdownReceived:
		a.setState(StateShutdownAckSent)
		a.t2.start(now, a.rto())
		a.sendShutdownAck()
	}
}

func (a *Association) sendShutdown() {
	a.control = chunk.AppendShutdown(a.control, a.in.CumulativeTSN())
}

func (a *Association) sendShutdownAck() {
	a.control = chunk.AppendRaw(a.control, chunk.TypeShutdownAck, 0, nil)
}

// repeatShutdown answers a packet with DATA in SHUTDOWN-SENT by SHUTDOWN again, and by a
// SACK where the peer is to learn of gaps or duplicates, too (RFC 9260 section 9.2).
func (a *Association) repeatShutdown(now time.Time) {
	if a.state == StateShutdownSent && a.dataCame {
		a.in.AckNow()
		a.addControl(chunk.AppendShutdown(nil, a.in.CumulativeTSN()))
		a.t2.start(now, a.rto())
	}
}

// handleShutdown takes SHUTDOWN, whose cumulative TSN acknowledges what we sent.
func (a *Association) handleShutdown(now time.Time, c chunk.Chunk) {
	tsn, err := chunk.ParseShutdown(c.Value)
	if err != nil || !a.live() {
		return
	}
	if err := a.out.HandleSACK(now, chunk.SACK{CumulativeTSN: tsn, Window: a.out.PeerWindow()}); err != nil {
		a.violate(chunk.CauseProtocolViolation, err)
		return
	}
	switch a.state {
	case StateEstablished, StateShutdownPending:
		if !a.t5.running() {
			a.t5.start(now, 5*rtoMax)
		}
		a.setState(StateShutdownReceived)
	case StateShutdownSent:
		a.setState(StateShutdownAckSent)
		a.t2.start(now, a.rto())
		a.sendShutdownAck()
	}
}

func (a *Association) handleShutdownAck(now time.Time) {
	switch a.state {
	case StateShutdownSent, StateShutdownAckSent:
		a.post(chunk.AppendRaw(a.header(a.remoteTag), chunk.TypeShutdownComplete, 0, nil))
		a.end(nil)
	}
}

// answerShutdownAck answers a SHUTDOWN ACK of an association that is no more (RFC
// 9260 section 8.5.1 E).
func (a *Association) answerShutdownAck(header chunk.Header) {
	a.post(chunk.AppendRaw(a.header(header.Tag), chunk.TypeShutdownComplete, chunk.FlagT, nil))
}

// handleShutdownComplete ends the association; in other states it is discarded.
func (a *Association) handleShutdownComplete() {
	if a.state == StateShutdownAckSent {
		a.end(nil)
	}
}

// advanceShutdown repeats SHUTDOWN or SHUTDOWN ACK when T2 expires, and gives up
// when T5 does (RFC 9260 section 9.2).
func (a *Association) advanceShutdown(now time.Time) {
	if a.t5.due(now) {
		a.refuse(a.remoteTag, chunk.CauseUserAbort, nil)
		a.end(ErrTimeout)
		return
	}
	if !a.t2.due(now) {
		return
	}
	a.t2.again(now)
	if a.state == StateShutdownSent {
		a.sendShutdown()
	} else {
		a.sendShutdownAck()
	}
}
