package webrtc

import (
	"reflect"
	"time"
)

// SetConfiguration replaces the configuration. Members that are not set take
// their defaults. Other servers, and another ICETransportPolicy, count from the
// next gathering on: that of the first local description, or that of the next
// offer, which restarts ICE for it (RFC 9429 section 5.2.2). It returns an
// InvalidModificationError for a change of what is fixed: PeerIdentity,
// Certificates, BundlePolicy, RTCPMuxPolicy, RTPHeaderEncryptionPolicy, and ICECandidatePoolSize once a
// local description was set; the errors of NewPeerConnection for values that are
// not valid; an InvalidStateError after Close. Then nothing has changed. A
// configuration from GetConfiguration may be given, which names the certificate
// in use.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-setconfiguration
func (pc *PeerConnection) SetConfiguration(configuration Configuration) error {
	const op = "set configuration"
	next := configuration.clone().withDefaults()
	return pc.do(op, func(now time.Time) error {
		if len(next.Certificates) > 0 && sameCertificates(next.Certificates, pc.config.Certificates) {
			next.Certificates = pc.given.Certificates
		}
		if err := next.validateChange(pc.given, pc.describedLocally); err != nil {
			return reop(op, err)
		}
		if err := next.validate(now); err != nil {
			return reop(op, err)
		}
		servers, err := parseICEServers(next.ICEServers, op)
		if err != nil {
			return err
		}
		pc.reconfigure(now, next, servers)
		return nil
	})
}

// reconfigure puts a configuration into force. On the loop.
func (pc *PeerConnection) reconfigure(now time.Time, next Configuration, servers []iceServerURL) {
	regather := pc.config.ICETransportPolicy != next.ICETransportPolicy ||
		!reflect.DeepEqual(pc.config.ICEServers, next.ICEServers)
	next.Certificates, pc.given = pc.config.Certificates, next
	pc.config, pc.dirty = next, true
	for _, t := range pc.transports {
		t.gatherer.servers, t.gatherer.policy = servers, next.ICETransportPolicy
	}
	switch {
	case pc.describedLocally && regather:
		pc.restart.outdated = pc.describedCredentials()
	case !pc.describedLocally:
		pc.fillPool(now, regather)
	}
	pc.updateNegotiationNeeded()
}

// fillPool gathers before there is a local description, if the pool is to hold
// anything, and again if what it holds is out of date. One stack of transports
// is enough, as what is bundled shares it. On the loop.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcconfiguration-icecandidatepoolsize
func (pc *PeerConnection) fillPool(now time.Time, regather bool) {
	g := pc.gatherer
	if pc.config.ICECandidatePoolSize == 0 && g.state == ICEGathererStateNew {
		return
	}
	g.stale = g.stale || regather && g.state != ICEGathererStateNew
	_ = g.gather(now)
}
