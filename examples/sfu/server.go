package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

// newHandler serves the page and the way into the room and out of it:
//
//	POST   /room       a name and the page's offer; the response is id and answer
//	DELETE /room/{id}  leaves
//
// All else goes over the data channel of the participant, see [participant].
func newHandler(room *room) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", web.Page(page))
	web.ServeAssets(mux)
	mux.HandleFunc("POST /room", func(w http.ResponseWriter, r *http.Request) {
		var request joinRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&request); err != nil {
			http.Error(w, "the offer: "+err.Error(), http.StatusBadRequest)
			return
		}
		p, err := room.join(r.Context(), request.Name, request.Offer)
		if errors.Is(err, errRoomFull) {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		} else if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(joinResponse{ID: p.id, Answer: p.pc.LocalDescription()})
	})
	mux.HandleFunc("DELETE /room/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !room.leave(r.PathValue("id"), "left") {
			http.Error(w, "this participant has left", http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	// Only our own page may post here, not any page that the browser has open.
	return http.NewCrossOriginProtection().Handler(mux)
}

type joinRequest struct {
	Name  string                    `json:"name"`
	Offer webrtc.SessionDescription `json:"offer"`
}

type joinResponse struct {
	ID     string                     `json:"id"`
	Answer *webrtc.SessionDescription `json:"answer"`
}
