// Package web is what the media examples share and what is not WebRTC: their
// command line, the HTTP server, the look of the pages, and the way of offers and
// answers between a page and the program.
package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// An Accept sets pc up for the page's offer and answers it, up to and with
// SetLocalDescription. An error goes to the page and ends pc. The context ends when
// pc is closed.
type Accept func(ctx context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error

// A call is one connection with a page.
type call struct {
	pc  *webrtc.PeerConnection
	end context.CancelFunc
}

// A Host serves a page and makes a PeerConnection for each offer that comes from
// it. Its methods are safe for concurrent use.
type Host struct {
	page   []byte
	files  map[string][]byte // beside the page
	accept Accept
	others []otherPage
	api    *webrtc.API

	mu    sync.Mutex
	out   io.Writer
	calls map[string]call
	made  int
}

// NewAPI makes connections for the examples. A nil engine has the default codecs.
func NewAPI(engine *webrtc.MediaEngine) *webrtc.API {
	// Page and program are on one machine most of the time, where a firewall or a
	// VPN may stand between the addresses of the network. Most programs do without
	// settings: webrtc.NewPeerConnection(webrtc.Configuration{}).
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	options := []func(*webrtc.API){webrtc.WithSettingEngine(settings)}
	if engine != nil {
		options = append(options, webrtc.WithMediaEngine(engine))
	}
	return webrtc.NewAPI(options...)
}

// NewHost makes a host that prints to out. A nil engine has the default codecs.
func NewHost(out io.Writer, page []byte, engine *webrtc.MediaEngine, accept Accept) *Host {
	return &Host{page: page, accept: accept, api: NewAPI(engine),
		out: out, calls: map[string]call{}}
}

// Script serves a script beside the page, at /name. It is called before Serve.
func (h *Host) Script(name string, script []byte) {
	if h.files == nil {
		h.files = map[string][]byte{}
	}
	h.files[name] = script
}

// An otherPage is one beside the first, with calls of its own.
type otherPage struct {
	name   string
	page   []byte
	accept Accept
}

// Page serves another page at /name, whose script says offer: '/name/offer'. It is
// called before Serve.
func (h *Host) Page(name string, page []byte, accept Accept) {
	h.others = append(h.others, otherPage{name, page, accept})
}

// Printf prints a line.
func (h *Host) Printf(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(h.out, format+"\n", args...)
}

// The most connections at a time, and the longest wait for candidates.
const (
	maxCalls     = 64
	maxGathering = 5 * time.Second
)

// offer takes a page's offer. The answer holds all candidates, so that one
// exchange is enough. Its Location is what the page deletes when it hangs up.
func (h *Host) offer(w http.ResponseWriter, r *http.Request, accept Accept) {
	var offer webrtc.SessionDescription
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&offer); err != nil {
		http.Error(w, "the offer: "+err.Error(), http.StatusBadRequest)
		return
	}
	ctx, id, pc, err := h.newCall()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := accept(ctx, pc, offer); err != nil {
		h.end(id)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	limit := time.NewTimer(maxGathering)
	defer limit.Stop()
	select {
	case <-gathered:
	case <-limit.C: // what there is may do
	case <-r.Context().Done():
		h.end(id)
		return
	}
	w.Header().Set("Location", "/calls/"+id)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(pc.LocalDescription())
}

// newCall makes a connection that ends by itself when the page is gone.
func (h *Host) newCall() (ctx context.Context, id string, pc *webrtc.PeerConnection, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.calls) >= maxCalls {
		return nil, "", nil, fmt.Errorf("there are %d connections already: close some of the pages", maxCalls)
	}
	if pc, err = h.api.NewPeerConnection(webrtc.Configuration{}); err != nil {
		return nil, "", nil, err
	}
	id = rand.Text()
	ctx, end := context.WithCancel(context.Background())
	h.calls[id] = call{pc, end}
	h.made++
	name := fmt.Sprintf("call %d", h.made)
	watch := func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateFailed:
			h.Printf("%s: failed: %v", name, pc.FailureReason())
			h.end(id)
		case webrtc.PeerConnectionStateClosed:
			h.Printf("%s: %v", name, state)
			h.end(id)
		default:
			h.Printf("%s: %v", name, state)
			if state == webrtc.PeerConnectionStateConnected {
				h.endWithDTLS(pc, id, name)
			}
		}
	}
	if _, err := pc.AddEventListener("connectionstatechange", watch); err != nil { // OnConnectionStateChange is the example's
		return nil, "", nil, err
	}
	return ctx, id, pc, nil
}

// endWithDTLS ends a call as DTLS's close_notify tells: a page that closes sends it,
// and it may overtake its DELETE.
func (h *Host) endWithDTLS(pc *webrtc.PeerConnection, id, name string) {
	for _, transceiver := range pc.GetTransceivers() {
		if dtls := transceiver.Receiver().Transport(); dtls != nil {
			dtls.OnStateChange(func(state webrtc.DTLSTransportState) {
				if state == webrtc.DTLSTransportStateClosed && h.end(id) {
					h.Printf("%s: the page hung up", name)
				}
			})
			return
		}
	}
}

func (h *Host) hangUp(w http.ResponseWriter, r *http.Request) {
	if !h.end(r.PathValue("id")) {
		http.Error(w, "this call has ended", http.StatusNotFound)
		return
	}
	h.Printf("the page hung up")
	w.WriteHeader(http.StatusNoContent)
}

// end closes a connection, once.
func (h *Host) end(id string) bool {
	h.mu.Lock()
	c, ok := h.calls[id]
	delete(h.calls, id)
	h.mu.Unlock()
	if ok {
		c.end()
		c.pc.Close()
	}
	return ok
}

// endAll closes the connections that there are.
func (h *Host) endAll() {
	h.mu.Lock()
	var ids []string
	for id := range h.calls {
		ids = append(ids, id)
	}
	h.mu.Unlock()
	for _, id := range ids {
		h.end(id)
	}
}

// Serve serves on addr until ctx ends, then closes all connections.
func (h *Host) Serve(ctx context.Context, addr, todo string) error {
	defer h.endAll()
	return Serve(ctx, addr, h.handler(), func(url string) {
		h.Printf("Open %s and %s. Ctrl-C ends the program.", url, todo)
	})
}
