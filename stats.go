package webrtc

import (
	"reflect"
	"slices"
	"time"
)

// GetStats returns the numbers of the connection's objects, all of one moment,
// in any state of the connection and in every callback; after Close those at the
// end. It waits for the connection's loop, and for no callback.
//
// A selector limits the report, as W3C has it, to the RTP streams of a track and
// what they refer to. It is a TrackLocal, *TrackRemote, *RTPSender or
// *RTPReceiver of the connection; nil means none. As the signature, which is
// pion's, has no room for an error, the report is nil if the selector is refused,
// and never otherwise: [PeerConnection.GetStatsFor] tells why.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-getstats
func (pc *PeerConnection) GetStats(selector ...any) StatsReport {
	if len(selector) > 1 {
		return nil
	}
	var only any
	if len(selector) == 1 {
		only = selector[0]
	}
	report, err := pc.GetStatsFor(only)
	if err != nil {
		return nil
	}
	return report
}

// GetStatsFor is GetStats with an error: a TypeError for a selector of another
// type, and an InvalidAccessError for a track that no sender or receiver of the
// connection has, or more than one, and for a sender or receiver of another
// connection.
func (pc *PeerConnection) GetStatsFor(selector any) (StatsReport, error) {
	var report StatsReport
	var err error
	gather := func(now time.Time) {
		var owner any
		if owner, err = pc.statsOwner(selector); err == nil {
			report = pc.gatherStats(now).selected(owner)
		}
	}
	if pc.loop.Do(gather) != nil {
		<-pc.loop.Done() // nobody changes the loop's objects any more
		gather(time.Now())
	}
	return report, err
}

// GetStats returns the numbers of the RTP streams that the sender sends, and of
// what they refer to.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpsender-getstats
func (s *RTPSender) GetStats() StatsReport { return s.owner.stats(s) }

// GetStats returns the numbers of the RTP streams that the receiver receives,
// and of what they refer to.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpreceiver-getstats
func (r *RTPReceiver) GetStats() StatsReport { return r.owner.stats(r) }

// stats is nil for what stands alone: there is no connection that reports.
func (o *mediaOwner) stats(selector any) StatsReport {
	if o.pc == nil {
		return nil
	}
	return o.pc.GetStats(selector)
}

// statsOwner finds the *RTPSender or *RTPReceiver that a selector means; nil for
// none. On the loop.
func (pc *PeerConnection) statsOwner(selector any) (any, error) {
	const op = "get stats"
	var owner *PeerConnection
	switch s := selector.(type) {
	case nil:
		return nil, nil
	case *RTPSender:
		if s != nil {
			owner = s.owner.pc
		}
	case *RTPReceiver:
		if s != nil {
			owner = s.owner.pc
		}
	case *TrackRemote:
		if s != nil {
			owner, selector = s.receiver.owner.pc, s.receiver
		}
	case TrackLocal:
		return pc.statsSender(s, op)
	default:
		return nil, errorf(KindTypeError, op, "a %T selects nothing: want a track, a sender or a receiver", selector)
	}
	switch {
	case owner == nil:
		return nil, errorf(KindTypeError, op, "the selector is a nil %T", selector)
	case owner != pc:
		return nil, errorf(KindInvalidAccess, op, "the %T belongs to another connection", selector)
	}
	return selector, nil
}

// statsSender finds the one sender of a track.
func (pc *PeerConnection) statsSender(track TrackLocal, op string) (any, error) {
	var sender *RTPSender
	n := 0
	for _, t := range pc.transceivers {
		if reflect.TypeOf(track).Comparable() && t.sender.hasTrack(track) {
			sender = t.sender
			n++
		}
	}
	if n != 1 {
		return nil, errorf(KindInvalidAccess, op, "%d senders have the track, want one", n)
	}
	return sender, nil
}

// statsCollector gathers one report.
type statsCollector struct {
	now    StatsTimestamp
	report StatsReport
	owned  map[any][]string // IDs of the RTP streams of an *RTPSender or *RTPReceiver
}

func (c *statsCollector) add(s Stats) { c.report[s.entryID()] = s }

// addOwned adds an RTP stream of a sender or receiver.
func (c *statsCollector) addOwned(owner any, s Stats) {
	c.add(s)
	c.owned[owner] = append(c.owned[owner], s.entryID())
}

// selected is the stats selection algorithm.
//
// See https://www.w3.org/TR/webrtc/#dfn-stats-selection-algorithm
func (c *statsCollector) selected(owner any) StatsReport {
	if owner == nil {
		return c.report
	}
	result := make(StatsReport)
	c.report.reachable(result, c.owned[owner]...)
	return result
}

// gatherStats is on the loop, or after its end.
func (pc *PeerConnection) gatherStats(now time.Time) *statsCollector {
	c := &statsCollector{
		now: newStatsTimestamp(now), report: make(StatsReport), owned: make(map[any][]string),
	}
	c.add(pc.connectionStats(c.now))
	for _, t := range pc.transports {
		if t.inUse || t.ice.role != ICERoleUnknown {
			t.dtls.collectStats(c)
		}
	}
	if pc.sctp.negotiated {
		c.add(pc.sctp.stats(c.now))
	}
	pc.sctp.collectChannels(c)
	pc.collectStreams(c, now)
	return c
}

// statsRefs is a list of references without those that are absent.
func statsRefs(ids ...string) []string {
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}
