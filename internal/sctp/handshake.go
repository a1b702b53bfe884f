package sctp

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/receive"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

// Connect sends INIT (RFC 9260 section 5.1 A). Of an association that has begun or
// ended, a no-op.
func (a *Association) Connect(now time.Time) {
	if a.state != StateClosed || a.ended {
		return
	}
	a.setState(StateCookieWait)
	a.sentAt = now
	a.t1.start(now, rtoInitial)
	a.sendInit()
}

// localInit is what INIT and INIT ACK say of us.
func (a *Association) localInit(tag uint32, tsn chunk.TSN) chunk.Init {
	i := chunk.Init{
		Tag: tag, Window: uint32(a.config.Window), OutboundStreams: MaxStreams, InboundStreams: MaxStreams,
		InitialTSN: tsn, ForwardTSN: true,
		Extensions: []byte{byte(chunk.TypeReconfig), byte(chunk.TypeForwardTSN)},
	}
	if !a.config.NoInterleaving {
		i.Extensions = append(i.Extensions, byte(chunk.TypeIData), byte(chunk.TypeIForwardTSN))
	}
	if a.config.ZeroChecksum {
		i.ZeroChecksum = chunk.ErrorDetectionDTLS
	}
	return i
}

// sendInit queues INIT, alone in its packet and with tag 0 (RFC 9260 sections 6.10
// and 8.5.1 A).
func (a *Association) sendInit() {
	i := a.localInit(a.localTag, a.localTSN)
	a.post(chunk.AppendInit(a.header(0), chunk.TypeInit, &i))
}

// traits reads what INIT or INIT ACK says of the peer.
func (a *Association) traits(i *chunk.Init) peerTraits {
	t := peerTraits{
		window:   i.Window,
		outbound: i.OutboundStreams, inbound: i.InboundStreams,
		forwardTSN:   i.ForwardTSN || i.Supports(chunk.TypeForwardTSN),
		reconfig:     i.Supports(chunk.TypeReconfig),
		zeroChecksum: a.config.ZeroChecksum && i.ZeroChecksum == chunk.ErrorDetectionDTLS,
	}
	if !a.config.NoInterleaving && i.Supports(chunk.TypeIData) {
		// FORWARD-TSN does not go with I-DATA (RFC 8260 section 2.3.1).
		t.interleaves, t.forwardTSN = true, i.Supports(chunk.TypeIForwardTSN)
	}
	return t
}

// handleInit answers INIT by INIT ACK and keeps nothing (RFC 9260 sections 5.1 B,
// 5.2.1 and 5.2.2).
func (a *Association) handleInit(now time.Time, header chunk.Header, c chunk.Chunk, rest chunk.Chunks) {
	if _, more := rest.Next(); more || header.Tag != 0 {
		return // INIT is alone and has tag 0 (6.10, 8.5.1 A)
	}
	i, err := chunk.ParseInit(c.Value)
	if i.Tag == 0 {
		return // nobody could be answered
	}
	if err != nil || i.OutboundStreams == 0 || i.InboundStreams == 0 || i.Window < minWindow {
		a.refuse(i.Tag, chunk.CauseInvalidParameter, nil) // section 3.3.2
		return
	}
	if a.ended {
		a.refuse(i.Tag, chunk.CauseOutOfResource, nil) // section 5.1
		return
	}
	if a.state == StateShutdownAckSent {
		a.addControl(chunk.AppendRaw(nil, chunk.TypeShutdownAck, 0, nil)) // section 9.2
		return
	}
	unrecognized, host := unrecognizedParameters(&i)
	if host != nil {
		a.refuse(i.Tag, chunk.CauseUnresolvableAddress, host) // section 3.3.2.1.4
		return
	}
	cookie := stateCookie{
		made: now, localTag: a.localTag, remoteTag: i.Tag, localTSN: a.localTSN, remoteTSN: i.InitialTSN, peer: a.traits(&i),
	}
	switch {
	case a.state == StateCookieEchoed:
		cookie.localTie, cookie.remoteTie = a.localTag, a.remoteTag
	case a.live():
		cookie.localTie, cookie.remoteTie = a.localTag, a.remoteTag
		cookie.localTag, cookie.localTSN = a.newTag(), chunk.TSN(a.random.Uint32())
	}
	ack := a.localInit(cookie.localTag, cookie.localTSN)
	ack.OutboundStreams = min(ack.OutboundStreams, i.InboundStreams) // section 3.3.3
	ack.Cookie = cookie.seal(a.config.Secret[:])
	for _, raw := range unrecognized {
		ack.Unrecognized = chunk.AppendParameter(ack.Unrecognized, chunk.ParameterUnrecognized, raw)
	}
	a.post(chunk.AppendInit(a.header(i.Tag), chunk.TypeInitAck, &ack))
}

// unrecognizedParameters lists the parameters to report (RFC 9260 section 3.2.1),
// and a host name, which nobody may use.
func unrecognizedParameters(i *chunk.Init) (reported [][]byte, host []byte) {
	parameters := i.Parameters()
	for p, ok := parameters.Next(); ok; p, ok = parameters.Next() {
		switch p.Type {
		case chunk.ParameterHostName:
			return nil, p.Raw
		case chunk.ParameterIPv4, chunk.ParameterIPv6, chunk.ParameterStateCookie, chunk.ParameterCookiePreservative,
			chunk.ParameterAddressTypes, chunk.ParameterUnrecognized, chunk.ParameterZeroChecksum,
			chunk.ParameterSupportedExtensions, chunk.ParameterForwardTSNSupported:
			continue
		}
		if p.Type.WantsReport() && len(reported) < maxReported && len(p.Raw) <= maxReportedSize {
			reported = append(reported, p.Raw)
		}
		if p.Type.StopsParameters() {
			break
		}
	}
	return reported, nil
}

// maxReported and maxReportedSize bound what is sent back to the peer.
const (
	maxReported     = 8
	maxReportedSize = 64
)

// handleInitAck goes on to COOKIE ECHO (RFC 9260 section 5.1 C); in any other state
// INIT ACK is discarded (5.2.3).
func (a *Association) handleInitAck(now time.Time, c chunk.Chunk) {
	if a.state != StateCookieWait {
		return
	}
	i, err := chunk.ParseInit(c.Value)
	if i.Tag == 0 && err != nil {
		return // too short for a tag
	}
	switch {
	case i.Tag == 0: // section 3.3.3
		a.post(chunk.AppendRaw(a.header(a.localTag), chunk.TypeAbort, chunk.FlagT, nil))
		a.end(fmt.Errorf("%w: INIT ACK without a tag", ErrHandshake))
		return
	case err == nil && i.Window < minWindow: // section 3.3.3: the state stays
		a.refuse(i.Tag, chunk.CauseInvalidParameter, nil)
		return
	case err != nil || i.OutboundStreams == 0 || i.InboundStreams == 0:
		a.refuse(i.Tag, chunk.CauseInvalidParameter, nil)
		a.end(fmt.Errorf("%w: invalid INIT ACK", ErrHandshake))
		return
	case len(i.Cookie) == 0: // section 3.3.10.2
		missing := []byte{0, 0, 0, 1, 0, byte(chunk.ParameterStateCookie)}
		a.refuse(i.Tag, chunk.CauseMissingParameter, missing)
		a.end(fmt.Errorf("%w: INIT ACK without a cookie", ErrHandshake))
		return
	}
	unrecognized, host := unrecognizedParameters(&i)
	if host != nil {
		a.refuse(i.Tag, chunk.CauseUnresolvableAddress, host)
		a.end(fmt.Errorf("%w: INIT ACK with a host name", ErrHandshake))
		return
	}
	a.remoteTag, a.remoteTSN, a.peer = i.Tag, i.InitialTSN, a.traits(&i)
	a.cookie = append([]byte(nil), i.Cookie...)
	a.report = nil
	if len(unrecognized) > 0 {
		var info []byte
		for _, raw := range unrecognized {
			info = append(info, raw...)
			info = append(info, make([]byte, -len(info)&3)...)
		}
		a.report = chunk.AppendRaw(nil, chunk.TypeError, 0, chunk.AppendCause(nil, chunk.CauseUnrecognizedParameter, info))
	}
	a.measure(now)
	a.sentAt = now
	a.t1.start(now, rtoInitial)
	a.setState(StateCookieEchoed)
	a.sendCookie()
}

// sendCookie queues COOKIE ECHO, first in its packet (RFC 9260 section 5.1 C).
func (a *Association) sendCookie() {
	packet := chunk.AppendRaw(a.header(a.remoteTag), chunk.TypeCookieEcho, 0, a.cookie)
	a.post(append(packet, a.report...))
}

// handleCookieEcho takes COOKIE ECHO (RFC 9260 sections 5.1 D, 5.1.5 and 5.2.4).
func (a *Association) handleCookieEcho(now time.Time, header chunk.Header, c chunk.Chunk, rest chunk.Chunks) {
	cookie, ok := openCookie(a.config.Secret[:], c.Value)
	if !ok || a.ended {
		return
	}
	known := a.state != StateClosed && cookie.localTag == a.localTag && cookie.remoteTag == a.remoteTag
	if header.Tag != cookie.localTag {
		return // section 5.1.5, 3
	}
	if age := now.Sub(cookie.made); age > cookieLifetime && !known {
		a.postStale(cookie.remoteTag, age-cookieLifetime)
		return
	}
	switch {
	case a.state == StateClosed:
		a.adopt(&cookie)
		a.establish(now)
	case known: // D
		if a.state == StateCookieWait || a.state == StateCookieEchoed {
			a.establish(now)
		}
	case cookie.localTag == a.localTag && a.state < StateEstablished: // B: both ends began
		a.adopt(&cookie)
		a.establish(now)
	case cookie.localTag == a.localTag: // B, once established
		a.retag(&cookie)
	case a.live() && cookie.localTie == a.localTag && cookie.remoteTie == a.remoteTag && cookie.remoteTag != a.remoteTag: // A
		if a.state == StateShutdownAckSent {
			a.addControl(chunk.AppendRaw(nil, chunk.TypeShutdownAck, 0, nil))
			a.addError(chunk.CauseCookieWhileShutdown, nil)
			return
		}
		a.restart(now, &cookie)
	default: // C and the rest: discarded
		return
	}
	a.addControl(chunk.AppendRaw(nil, chunk.TypeCookieAck, 0, nil))
	header.Tag = a.localTag
	a.handleChunks(now, header, rest)
}

// adopt takes tags, numbers and traits from a cookie.
func (a *Association) adopt(c *stateCookie) {
	a.localTag, a.remoteTag, a.localTSN, a.remoteTSN, a.peer = c.localTag, c.remoteTag, c.localTSN, c.remoteTSN, c.peer
}

// retag takes the peer's new tag (RFC 9260 section 5.2.4 B). A peer that has sent nothing
// under the old one begins with the numbers that it told with the new one.
func (a *Association) retag(c *stateCookie) {
	a.remoteTag = c.remoteTag
	if a.in.CumulativeTSN() == a.remoteTSN-1 && !a.reset.answers[0].sent {
		a.remoteTSN = c.remoteTSN
		a.in = a.newBuffer()
		a.reset.expected = uint32(c.remoteTSN)
	}
}

// restart begins both directions anew (RFC 9260 section 5.2.4.1).
func (a *Association) restart(now time.Time, c *stateCookie) {
	a.adopt(c)
	clear(a.streams)
	a.t2.stop()
	a.t5.stop()
	a.control = nil
	a.rtt = 0
	a.setState(StateEstablished)
	a.begin(now)
	a.events = append(a.events, Restarted{})
}

// handleCookieAck ends the handshake (RFC 9260 section 5.1 E); in other states it is
// discarded (5.2.5).
func (a *Association) handleCookieAck(now time.Time) {
	if a.state == StateCookieEchoed {
		a.measure(now)
		a.establish(now)
	}
}

// establish moves to ESTABLISHED.
func (a *Association) establish(now time.Time) {
	a.t1.stop()
	a.cookie, a.report = nil, nil
	a.setState(StateEstablished)
	a.begin(now)
	a.events = append(a.events, Established{})
}

// begin makes both directions.
func (a *Association) begin(now time.Time) {
	a.out = transmit.New(now, transmit.Config{
		InitialTSN: a.localTSN, PeerWindow: a.peer.window, MTU: a.config.MTU, MaxMTU: a.config.MaxMTU,
		Interleaving: a.peer.interleaves, PartialReliability: a.peer.forwardTSN, Congestion: a.config.Congestion,
		Seed: a.random.Uint64(), RTOMax: rtoMax, RTT: a.rtt,
	})
	a.in = a.newBuffer()
	a.reset = newResets(a.localTSN, a.remoteTSN)
	a.heartbeat.idle(now)
}

func (a *Association) newBuffer() *receive.Buffer {
	in := receive.New(receive.Config{InitialTSN: a.remoteTSN, Window: a.config.Window, MaxWindow: a.config.MaxWindow})
	in.SetRTT(a.rtt)
	return in
}

// measure takes a round trip of the handshake, unless something was repeated in it.
func (a *Association) measure(now time.Time) {
	if !a.sentAt.IsZero() {
		a.rtt = max(now.Sub(a.sentAt), time.Microsecond)
	}
	a.sentAt = time.Time{}
}

// advanceHandshake repeats INIT or COOKIE ECHO when T1 expires, until it gives up
// (RFC 9260 section 5.1, notes).
func (a *Association) advanceHandshake(now time.Time) {
	if !a.t1.due(now) {
		return
	}
	if a.t1.fired >= maxInitRetransmits {
		a.end(fmt.Errorf("%w: no answer in %v", ErrHandshake, a.state))
		return
	}
	a.sentAt = time.Time{}
	a.t1.again(now)
	if a.state == StateCookieWait {
		a.sendInit()
	} else {
		a.sendCookie()
	}
}

// handleStale begins anew when the peer finds our cookie stale (RFC 9260 section
// 5.2.6, alternative 1).
func (a *Association) handleStale(now time.Time) {
	if a.state != StateCookieEchoed {
		return
	}
	fired := a.t1.fired + 1
	if fired > maxInitRetransmits {
		a.end(fmt.Errorf("%w: stale cookie", ErrHandshake))
		return
	}
	a.setState(StateCookieWait)
	a.remoteTag, a.cookie, a.report = 0, nil, nil
	a.sentAt = time.Time{}
	a.t1.start(now, rtoInitial)
	a.t1.fired = fired
	a.sendInit()
}

// postStale answers a cookie that is too old (RFC 9260 section 3.3.10.3).
func (a *Association) postStale(tag uint32, by time.Duration) {
	var staleness [4]byte
	binary.BigEndian.PutUint32(staleness[:], uint32(min(by.Microseconds(), 0xffffffff)))
	a.post(chunk.AppendRaw(a.header(tag), chunk.TypeError, 0, chunk.AppendCause(nil, chunk.CauseStaleCookie, staleness[:])))
}
