package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// An update is one line of the response to an offer. The response stays open
// while our candidates are found.
type update struct {
	ID        string                     `json:"id,omitempty"`
	Answer    *webrtc.SessionDescription `json:"answer,omitempty"`
	Candidate *webrtc.ICECandidateInit   `json:"candidate,omitempty"`
}

// listener answers callers.
//
//	POST /calls                   an offer; the response is a stream of updates
//	POST /calls/{id}/candidates   one candidate of the caller
type listener struct {
	stdout io.Writer
	mu     sync.Mutex
	calls  map[string]*webrtc.PeerConnection
}

func listen(ctx context.Context, addr string, stdout io.Writer) error {
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	l := &listener{stdout: stdout, calls: map[string]*webrtc.PeerConnection{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /calls", l.accept)
	mux.HandleFunc("POST /calls/{id}/candidates", l.candidate)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	defer l.hangUpAll()
	fmt.Fprintf(stdout, "listening on http://%s\n", socket.Addr())
	if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// accept answers an offer and then streams our candidates.
func (l *listener) accept(w http.ResponseWriter, r *http.Request) {
	var offer webrtc.SessionDescription
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&offer); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pc, err := newPeer(l.stdout)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	id := rand.Text()
	l.mu.Lock()
	l.calls[id] = pc
	l.mu.Unlock()
	pc.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(message webrtc.DataChannelMessage) {
			fmt.Fprintf(l.stdout, "got %q\n", message.Data)
			channel.SendText(string(message.Data))
		})
		channel.OnClose(func() { l.hangUp(id) })
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed {
			l.hangUp(id)
		}
	})
	candidates := make(chan *webrtc.ICECandidate, 64)
	pc.OnICECandidate(func(c *webrtc.ICECandidate) { candidates <- c })

	answer, err := accept(pc, offer)
	if err != nil {
		l.hangUp(id)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, flush := json.NewEncoder(w), http.NewResponseController(w).Flush
	out.Encode(update{ID: id, Answer: answer})
	flush()
	for {
		select {
		case c := <-candidates:
			if c == nil { // gathering is complete
				return
			}
			init := c.ToJSON()
			out.Encode(update{Candidate: &init})
			flush()
		case <-r.Context().Done():
			return
		}
	}
}

// accept applies an offer and returns our answer to it.
func accept(pc *webrtc.PeerConnection, offer webrtc.SessionDescription) (*webrtc.SessionDescription, error) {
	if err := pc.SetRemoteDescription(offer); err != nil {
		return nil, err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return nil, err
	}
	return &answer, pc.SetLocalDescription(answer)
}

func (l *listener) candidate(w http.ResponseWriter, r *http.Request) {
	var candidate webrtc.ICECandidateInit
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&candidate); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	pc := l.calls[r.PathValue("id")]
	l.mu.Unlock()
	if pc == nil {
		http.Error(w, "no such call", http.StatusNotFound)
		return
	}
	if err := pc.AddICECandidate(candidate); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// hangUp closes one call, hangUpAll all of them.
func (l *listener) hangUp(id string) {
	l.mu.Lock()
	pc := l.calls[id]
	delete(l.calls, id)
	l.mu.Unlock()
	if pc != nil {
		pc.Close()
		fmt.Fprintln(l.stdout, "call ended")
	}
}

func (l *listener) hangUpAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, pc := range l.calls {
		pc.Close()
	}
}
