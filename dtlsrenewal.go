package webrtc

import (
	"errors"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// A new DTLS association on a transport that has or had one (RFC 8842 section 4):
// the peer has another certificate, because it made one or because another end
// has taken its place. All of this file runs on the loop.

var errNewPeer = errors.New("the peer has begun a new DTLS association with another certificate")

// isAnother reports whether the peer's parameters are not those of the
// association that there is: none of their fingerprints is of the certificate that
// the peer uses, or was announced before it could be seen.
func (t *DTLSTransport) isAnother(remote DTLSParameters) bool {
	if t.association == nil || len(remote.Fingerprints) == 0 || t.api.settings.dtls.disableFingerprintVerification {
		return false
	}
	if certificates := t.association.PeerCertificates(); len(certificates) > 0 {
		return verifyFingerprints(certificates[0], remote.Fingerprints) != nil
	}
	return !slices.ContainsFunc(remote.Fingerprints, func(f DTLSFingerprint) bool {
		return slices.Contains(*t.fingerprints.Load(), f)
	})
}

// renew ends the association, and makes the transport ready for another, which
// startHandshake begins. W3C's state goes back to new and comes again: closed
// and failed were the end of the association.
func (t *DTLSTransport) renew(now time.Time, reason error) {
	old := t.association
	t.association, t.remote, t.cause = nil, nil, nil
	t.current.Store(nil)
	t.rtp.keyed = false
	t.inbound.hold()
	t.data.hold()
	t.ice.gatherer.work.Go(old.Close)
	t.state = DTLSTransportStateNew
	t.published.publish(t.loop, &dtlsTransportSnapshot{state: t.state})
	t.log.info("DTLS transport", "state", t.state.String(), "reason", reason)
	t.onStateChange.emit(t.loop, t.state)
	if t.onState != nil {
		t.onState(now, t.state)
	}
}

// renewPeer prepares for the new association of a peer with these ICE
// credentials. The SCTP association ends with the one that carries it, and so do
// its channels; another one begins (RFC 8841). Where ICE
// restarts too, the handshake waits for the new path: the old one may lead to
// the end that has been replaced.
func (t *peerTransport) renewPeer(now time.Time, remote ice.Credentials) {
	pc := t.pc
	if pc.sctp.dtls == t.dtls && pc.sctp.negotiated {
		pc.replaceSCTP(now, errNewPeer)
		pc.sctpShown = true
	}
	if t.ice.remote != (ice.Credentials{}) && t.ice.remote != remote {
		t.ice.path.Store(nil)
	}
}
