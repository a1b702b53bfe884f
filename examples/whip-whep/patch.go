package main

import (
	"context"
	"net/http"
	"slices"

	"github.com/passerelle-rtc/webrtc"
)

// patch takes more candidates, or restarts ICE (RFC 9725 sections 4.3.1 to 4.3.3).
// Which of the two it is, the credentials say: others than before are a restart.
func (s *session) patch(w http.ResponseWriter, r *http.Request) {
	body, ok := readBody(w, r, typeFragment)
	if !ok {
		return
	}
	f, err := parseFragment(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "the fragment: %v", err)
		return
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	remote := s.pc.RemoteDescription()
	if remote == nil {
		refuse(w, http.StatusNotFound, "the session has ended")
		return
	}
	now, err := parseFragment(remote.SDP)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "%v", err)
		return
	}
	restarts := f.ufrag != "" && f.ufrag != now.ufrag
	switch match := r.Header.Get("If-Match"); {
	case match == "": // RFC 6585 section 3
		refuse(w, http.StatusPreconditionRequired, "If-Match must name the ICE session, or be * to restart ICE")
	case match != "*" && !hasToken(match, s.etag): // RFC 9110 section 13.1.1
		refuse(w, http.StatusPreconditionFailed, "this is no longer the ICE session")
	case restarts && f.pwd == "":
		refuse(w, http.StatusBadRequest, "a restart of ICE needs a=ice-pwd beside a=ice-ufrag (RFC 8839 section 5.4)")
	case restarts:
		s.restart(w, r, f, remote.SDP)
	default:
		s.trickle(w, f)
	}
}

// trickle adds candidates.
func (s *session) trickle(w http.ResponseWriter, f *fragment) {
	list := slices.Clone(f.candidates)
	if f.end {
		list = append(list, "")
	}
	for _, candidate := range list {
		init := webrtc.ICECandidateInit{Candidate: candidate, SDPMid: &f.mid}
		if err := s.pc.AddICECandidate(init); err != nil {
			refuse(w, http.StatusBadRequest, "%v", err)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent) // and no ETag
}

// restart restarts ICE. Where that fails, the session goes on as it was.
func (s *session) restart(w http.ResponseWriter, r *http.Request, f *fragment, description string) {
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: f.restart(description)}
	if err := s.pc.SetRemoteDescription(offer); err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	answer, err := s.describe(context.WithoutCancel(r.Context()))
	if err != nil {
		if s.pc.SignalingState() == webrtc.SignalingStateHaveRemoteOffer {
			s.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeRollback})
		}
		refuseWith(w, err)
		return
	}
	ours, err := parseFragment(answer)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "%v", err)
		return
	}
	s.etag = newETag()
	s.printf("ICE restarts")
	header := w.Header()
	header.Set("Content-Type", typeFragment)
	header.Set("ETag", s.etag)
	w.WriteHeader(http.StatusOK)
	w.Write([]byte(ours.String()))
}
