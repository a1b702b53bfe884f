package webrtc

import (
	"errors"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// newSCTP makes a transport of the data channels; it is public once it is
// negotiated.
func (pc *PeerConnection) newSCTP(dtls *DTLSTransport) *SCTPTransport {
	t := newSCTPTransport(pc.api, dtls)
	t.hookDataChannel = &pc.onDataChannel
	t.hookLost = pc.dataLost
	t.hookAdded = func() {
		pc.dataWanted = true
		pc.updateNegotiationNeeded()
	}
	return t
}

// replaceSCTP ends the association, and with it its channels, and puts a new
// transport in its place, which begins when data is negotiated again. On the
// loop.
//
// See https://www.w3.org/TR/webrtc/#set-description, "closes the SCTP association"
func (pc *PeerConnection) replaceSCTP(now time.Time, cause error) {
	old := pc.sctp
	pc.lostData = lostData{}
	old.ended(now, cause)
	old.dtls.data.shut() // the peer's ABORT is not for the next association
	old.dtls.sctp = nil
	pc.sctp = pc.newSCTP(pc.dtls)
	if errors.Is(cause, errNewPeer) { // descriptions of the new association have been made
		pc.sctp.signalled.config = old.signalled.config
	}
	pc.dtls.sctp = pc.sctp
	pc.sctp.channelCounts, pc.sctp.closedChannels = old.channelCounts, old.closedChannels
	pc.sctpShown, pc.sctpStable = false, false
	pc.dirty = true
}

// followSCTP shows the transport of the data channels from the first offer that
// describes one on; a rollback of that offer hides it again. On the loop.
//
// See https://www.w3.org/TR/webrtc/#set-description
func (pc *PeerConnection) followSCTP(applied *jsep.Applied) {
	if applied.RolledBack {
		pc.sctpShown = pc.sctpStable
	}
	if applied.Type != jsep.Offer {
		return
	}
	if applied.From == jsep.Stable || applied.RolledBack {
		pc.sctpStable = pc.sctpShown
	}
	pc.sctpShown = pc.sctpShown || offersData(applied.Sections)
	if pc.sctpShown && !pc.sctpStable { // the peer may begin before its answer has come
		for _, t := range pc.transports {
			t.dtls.data.hold()
		}
	}
}

// offersData reports whether an m-section for data is there and not rejected.
func offersData(sections []jsep.Section) bool {
	for _, s := range sections {
		if s.Kind == "application" && !s.Rejected {
			return true
		}
	}
	return false
}

// rejectData ends the data channels when an exchange has completed that refused
// their m-section or took it away. Channels that are made after that wait for
// the offer that asks for data again.
func (pc *PeerConnection) rejectData(now time.Time, applied *jsep.Applied) {
	if applied.Type == jsep.Answer && pc.sctpShown && !offersData(applied.Sections) {
		pc.replaceSCTP(now, errDataRejected)
	}
}
