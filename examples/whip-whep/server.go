package main

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

// The media types of the two protocols.
const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag" // RFC 8840 section 9
)

// A server has the endpoints of both protocols and the sessions that they make.
// Its methods are safe for concurrent use.
type server struct {
	api                      *webrtc.API
	printer                  *log.Logger
	publishToken, watchToken string   // "" for none
	links                    []string // to ICE servers
	limit                    int      // of sessions

	mu       sync.Mutex
	streams  map[string]*stream // that are published
	sessions map[string]*session
	closed   bool
}

func newServer(printer *log.Logger) *server {
	return &server{printer: printer, streams: map[string]*stream{}, sessions: map[string]*session{}}
}

// close ends all sessions, and those that come later.
func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	sessions := slices.Collect(maps.Values(s.sessions))
	s.mu.Unlock()
	for _, session := range sessions {
		session.end("was sent away")
	}
}

// handler serves the pages, and the two protocols to programs and pages of any
// origin (RFC 9725 section 4.2):
//
//	POST   /whip/{stream}  publishes
//	POST   /whep/{stream}  watches
//	PATCH  /session/{id}   more candidates, or an ICE restart
//	DELETE /session/{id}   ends it
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", web.Page(publishPage))
	mux.HandleFunc("GET /watch", web.Page(watchPage))
	mux.HandleFunc("GET /whip.js", web.Script(script))
	web.ServeAssets(mux)
	for _, p := range []protocol{whip, whep} {
		path := "/" + p.name + "/{stream}"
		mux.HandleFunc("POST "+path, anyOrigin(func(w http.ResponseWriter, r *http.Request) { s.begin(w, r, p) }))
		mux.HandleFunc("OPTIONS "+path, anyOrigin(s.options))
		mux.HandleFunc("GET "+path, anyOrigin(func(w http.ResponseWriter, r *http.Request) { s.endpoint(w, r, p) }))
		mux.HandleFunc(path, anyOrigin(notAllowed("GET, HEAD, OPTIONS, POST")))
	}
	mux.HandleFunc("PATCH /session/{id}", anyOrigin(s.withSession((*session).patch)))
	mux.HandleFunc("DELETE /session/{id}", anyOrigin(s.withSession((*session).delete)))
	mux.HandleFunc("GET /session/{id}", anyOrigin(s.withSession(func(_ *session, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})))
	mux.HandleFunc("OPTIONS /session/{id}", anyOrigin(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Accept-Patch", typeFragment)
		w.WriteHeader(http.StatusOK)
	}))
	mux.HandleFunc("/session/{id}", anyOrigin(notAllowed("DELETE, GET, HEAD, OPTIONS, PATCH")))
	return mux
}

// anyOrigin lets pages of all origins read the response.
func anyOrigin(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Access-Control-Expose-Headers", "Accept-Patch, Accept-Post, ETag, Link, Location, Retry-After, WWW-Authenticate")
		if r.Method == http.MethodOptions {
			header.Set("Access-Control-Allow-Methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST")
			header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, Link")
			header.Set("Access-Control-Max-Age", "86400")
		}
		handle(w, r)
	}
}

func notAllowed(methods string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", methods)
		refuse(w, http.StatusMethodNotAllowed, "there is no %s here", r.Method)
	}
}

// options says what is taken. ICE servers are told to those who ask for them, and
// not in each preflight (RFC 9725 section 4.6).
func (s *server) options(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Accept-Post", typeSDP)
	if asked := r.Header.Get("Access-Control-Request-Headers"); r.Header.Get("Access-Control-Request-Method") == "" || hasToken(asked, "link") {
		w.Header()["Link"] = s.links
	}
	w.WriteHeader(http.StatusOK)
}

// endpoint answers GET without content (RFC 9725 section 4.1). To HEAD an endpoint
// of WHEP says what it is, as the draft has it.
func (s *server) endpoint(w http.ResponseWriter, r *http.Request, p protocol) {
	if r.Method == http.MethodHead && p == whep {
		w.Header().Set("Content-Type", typeSDP)
		w.WriteHeader(http.StatusOK)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// allowed checks the bearer token, if one is needed (RFC 9725 section 4.7.1, RFC
// 6750 sections 2.1 and 3).
func (s *server) allowed(w http.ResponseWriter, r *http.Request, p protocol) bool {
	want := s.publishToken
	if p == whep {
		want = s.watchToken
	}
	if want == "" {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+p.name+`"`)
		refuse(w, http.StatusUnauthorized, "a bearer token is needed")
	case subtle.ConstantTimeCompare([]byte(strings.TrimSpace(token)), []byte(want)) != 1:
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+p.name+`", error="invalid_token"`)
		refuse(w, http.StatusUnauthorized, "the bearer token is wrong")
	default:
		return true
	}
	return false
}

// withSession finds the session that a request names.
func (s *server) withSession(handle func(*session, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		found := s.sessions[r.PathValue("id")]
		s.mu.Unlock()
		if found == nil {
			refuse(w, http.StatusNotFound, "there is no such session, or it has ended")
			return
		}
		if s.allowed(w, r, found.protocol) {
			handle(found, w, r)
		}
	}
}

var streamName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// begin makes a session (RFC 9725 section 4.2).
func (s *server) begin(w http.ResponseWriter, r *http.Request, p protocol) {
	name := r.PathValue("stream")
	if !streamName.MatchString(name) {
		refuse(w, http.StatusNotFound, "the name of a stream has 1 to 64 letters, digits, dots, hyphens and underscores")
		return
	}
	if !s.allowed(w, r, p) {
		return
	}
	offer, ok := readOffer(w, r, p)
	if !ok {
		return
	}
	session, err := s.newSession(name, p)
	if err != nil {
		refuseWith(w, err)
		return
	}
	answer, err := session.answer(r.Context(), offer)
	if err != nil {
		session.end("could not begin: " + err.Error())
		refuseWith(w, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", typeSDP)
	header.Set("Location", "/session/"+session.id)
	header.Set("ETag", session.etag)
	header.Set("Accept-Patch", typeFragment)
	header["Link"] = s.links
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, answer)
}

// readOffer reads the body of a POST request and checks what can be checked without
// a connection. Where it returns false, it has refused the request.
func readOffer(w http.ResponseWriter, r *http.Request, p protocol) (*offer, bool) {
	body, ok := readBody(w, r, typeSDP)
	if !ok {
		return nil, false
	}
	offer, err := parseOffer(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "the offer: %v", err)
		return nil, false
	}
	if err := offer.check(p); err != nil {
		refuse(w, http.StatusUnprocessableEntity, "the offer: %v", err)
		return nil, false
	}
	return offer, true
}

// maxBody is the longest description or fragment, in bytes.
const maxBody = 256 << 10

// readBody reads a body of a media type.
func readBody(w http.ResponseWriter, r *http.Request, mediaType string) (string, bool) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != mediaType {
		accept := "Accept-Post"
		if r.Method == http.MethodPatch {
			accept = "Accept-Patch"
		}
		w.Header().Set(accept, mediaType)
		refuse(w, http.StatusUnsupportedMediaType, "the body must be %s, and the Content-Type say so", mediaType)
		return "", false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, "the body has more than %d bytes", maxBody)
		return "", false
	} else if err != nil {
		refuse(w, http.StatusBadRequest, "the body: %v", err)
		return "", false
	}
	return string(body), true
}

// newSession makes a connection and, for a publisher, takes the stream's name.
func (s *server) newSession(name string, p protocol) (*session, error) {
	pc, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, &refusal{status: http.StatusInternalServerError, reason: err.Error()}
	}
	n := newSession(s, p, name, pc)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch published := s.streams[name]; {
	case s.closed || len(s.sessions) >= s.limit:
		err = &refusal{http.StatusServiceUnavailable, "the server has all the sessions that it can take", overloadPause}
	case p == whip && published != nil:
		err = &refusal{http.StatusConflict, fmt.Sprintf("somebody publishes %q already", name), busyPause}
	case p == whep && (published == nil || !published.live):
		err = &refusal{http.StatusConflict, fmt.Sprintf("nobody publishes %q at the moment", name), silentPause}
	case p == whip:
		n.stream = newStream(name)
		s.streams[name] = n.stream
	default:
		n.stream = published
	}
	if err != nil {
		n.limit.Stop()
		n.cancel()
		pc.Close()
		return nil, err
	}
	s.sessions[n.id] = n
	return n, nil
}

// newID makes what nobody can guess: who knows a session's URL may end it.
func newID() string { return rand.Text() }

// hasToken reports whether a list of RFC 9110 section 5.6.1 has an element.
func hasToken(list, token string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(t string) bool { return strings.EqualFold(strings.TrimSpace(t), token) })
}
