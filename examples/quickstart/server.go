package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/passerelle-rtc/webrtc"
)

//go:embed index.html
var page []byte

//go:embed media.js
var script []byte

// server is the signalling: it carries descriptions and candidates between a
// page and the PeerConnection that was made for it.
//
//	GET    /connect                   opens a session; its events stream until it ends
//	POST   /sessions/{id}/offer       an offer of the page's; the response is our answer
//	POST   /sessions/{id}/film        the same with an offer that asks for the film
//	POST   /sessions/{id}/candidates  one candidate of the page
//	DELETE /sessions/{id}             ends the session
type server struct {
	api      *webrtc.API
	mu       sync.Mutex
	sessions map[string]*session
}

func newHandler(api *webrtc.API) http.Handler {
	s := &server{api: api, sessions: map[string]*session{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", servePage)
	mux.HandleFunc("GET /media.js", serveScript)
	mux.HandleFunc("GET /connect", s.connect)
	mux.HandleFunc("POST /sessions/{id}/offer", s.offer)
	mux.HandleFunc("POST /sessions/{id}/film", s.film)
	mux.HandleFunc("POST /sessions/{id}/candidates", s.candidate)
	mux.HandleFunc("DELETE /sessions/{id}", s.hangUp)
	// Only our own page may post here, not any page that the browser has open.
	return http.NewCrossOriginProtection().Handler(mux)
}

func servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy",
		"default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'")
	w.Write(page)
}

func serveScript(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(script)
}

// connect opens a session that lives as long as its stream of server-sent
// events: a closed tab closes the PeerConnection.
func (s *server) connect(w http.ResponseWriter, r *http.Request) {
	ctx, end := context.WithCancel(r.Context())
	defer end()
	peer, err := newSession(ctx, s.api)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer peer.pc.Close()
	id := rand.Text()
	s.mu.Lock()
	s.sessions[id] = peer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.sessions, id)
		s.mu.Unlock()
	}()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	write := func(e event) error {
		data, err := json.Marshal(e.Value)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.Name, data); err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	}
	for e := (event{"session", id}); ; {
		if write(e) != nil || e.Name == "bye" {
			return
		}
		select {
		case e = <-peer.events:
		case <-ctx.Done():
			return
		}
	}
}

func (s *server) offer(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, func(peer *session, offer webrtc.SessionDescription) (*webrtc.SessionDescription, error) {
		return peer.answer(offer, peer.sendBack)
	})
}

func (s *server) film(w http.ResponseWriter, r *http.Request) { s.answer(w, r, (*session).play) }

// answer reads an offer and writes the answer that a session has for it.
func (s *server) answer(w http.ResponseWriter, r *http.Request, how func(*session, webrtc.SessionDescription) (*webrtc.SessionDescription, error)) {
	var offer webrtc.SessionDescription
	peer := s.read(w, r, &offer)
	if peer == nil {
		return
	}
	answer, err := how(peer, offer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

func (s *server) candidate(w http.ResponseWriter, r *http.Request) {
	var candidate webrtc.ICECandidateInit
	peer := s.read(w, r, &candidate)
	if peer == nil {
		return
	}
	if err := peer.pc.AddICECandidate(candidate); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) hangUp(w http.ResponseWriter, r *http.Request) {
	if peer := s.find(w, r); peer != nil {
		peer.hangUp()
		w.WriteHeader(http.StatusNoContent)
	}
}

// read finds the session that r names and decodes the body into v. Where it
// cannot, it has written the response and returns nil.
func (s *server) read(w http.ResponseWriter, r *http.Request, v any) *session {
	peer := s.find(w, r)
	if peer == nil {
		return nil
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(v); err != nil {
		http.Error(w, "body: "+err.Error(), http.StatusBadRequest)
		return nil
	}
	return peer
}

func (s *server) find(w http.ResponseWriter, r *http.Request) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	peer := s.sessions[r.PathValue("id")]
	if peer == nil {
		http.Error(w, "this session has ended; press Connect again", http.StatusNotFound)
	}
	return peer
}
