package web

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// assets are the style of the pages and the script that makes their calls.
//
//go:embed style.css call.js
var assets embed.FS

// handler serves the page, its assets, and the signalling:
//
//	POST   /offer       the page's offer; the response is the answer
//	DELETE /calls/{id}  ends a call
func (h *Host) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", Page(h.page))
	ServeAssets(mux)
	for name, script := range h.files {
		mux.HandleFunc("GET /"+name, Script(script))
	}
	mux.HandleFunc("POST /offer", func(w http.ResponseWriter, r *http.Request) { h.offer(w, r, h.accept) })
	for _, other := range h.others {
		mux.HandleFunc("GET /"+other.name, Page(other.page))
		mux.HandleFunc("POST /"+other.name+"/offer", func(w http.ResponseWriter, r *http.Request) { h.offer(w, r, other.accept) })
	}
	mux.HandleFunc("DELETE /calls/{id}", h.hangUp)
	// Only our own page may post here, not any page that the browser has open.
	return http.NewCrossOriginProtection().Handler(mux)
}

// ServeAssets adds the style and the script that pages refer to.
func ServeAssets(mux *http.ServeMux) {
	for _, name := range []string{"style.css", "call.js"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			http.ServeFileFS(w, r, assets, name)
		})
	}
}

// Page serves an HTML page that loads nothing from elsewhere.
func Page(page []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy",
			"default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src data:; media-src blob: mediastream:; connect-src 'self'")
		w.Write(page)
	}
}

// Script serves a script of a page.
func Script(script []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(script)
	}
}

// Serve runs an HTTP server until ctx ends. It tells ready the server's URL.
func Serve(ctx context.Context, addr string, handler http.Handler, ready func(url string)) error {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use by another program; choose another port, for example -addr 127.0.0.1:8081", addr)
	} else if err != nil {
		return fmt.Errorf("cannot serve on %q: %w", addr, err)
	}
	server := &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // Ctrl-C ends what waits
		ReadHeaderTimeout: 5 * time.Second,
	}
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		limit, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		server.Shutdown(limit)
	})
	ready("http://" + listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	<-drained
	return nil
}
