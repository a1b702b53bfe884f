package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// How long those who are refused should wait, in seconds.
const (
	silentPause   = 2  // for a publisher to come
	busyPause     = 10 // for the other publisher to go
	overloadPause = 30
)

// A refusal is an error with its status.
type refusal struct {
	status     int
	reason     string
	retryAfter int // seconds, 0 for no word about it
}

func (r *refusal) Error() string { return r.reason }

// refuse writes an error as a problem (RFC 9457 section 3), which RFC 9725 section
// 4.1 suggests.
func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{
		"title": http.StatusText(status), "status": status, "detail": fmt.Sprintf(format, args...)})
}

// refuseWith writes an error; one that is no refusal is the server's.
func refuseWith(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if r := (*refusal)(nil); errors.As(err, &r) {
		status = r.status
		if r.retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(r.retryAfter))
		}
	}
	refuse(w, status, "%v", err)
}
