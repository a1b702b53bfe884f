// Package webtest runs a media example in a test, with a PeerConnection in the
// place of the page.
package webtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// Run is an example's function of that name.
type Run = func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// A screen is what a program has printed. Any goroutine may use it.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed by the next Write
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(p)
}

func (s *screen) read() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.changed
}

// A Program is an example that runs.
type Program struct {
	t              *testing.T
	URL            string
	stdout, stderr *screen
	interrupt      func()
	code           chan int
}

// Start runs the example on a port of its own until the test ends.
func Start(t *testing.T, run Run, args ...string) *Program {
	t.Helper()
	ctx, interrupt := context.WithCancel(context.Background())
	p := &Program{t: t, interrupt: interrupt, code: make(chan int, 1),
		stdout: &screen{changed: make(chan struct{})}, stderr: &screen{changed: make(chan struct{})}}
	go func() { p.code <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), p.stdout, p.stderr) }()
	t.Cleanup(func() { p.Interrupt() })
	p.URL = p.WaitFor(`http://[\d.:]+`)
	return p
}

// patience is how long something may take on a machine that does much else.
const patience = 20 * time.Second

// WaitFor waits until what was printed matches, and returns the match.
func (p *Program) WaitFor(pattern string) string {
	p.t.Helper()
	match, limit := regexp.MustCompile(pattern), time.After(patience)
	for {
		text, changed := p.stdout.read()
		if found := match.FindString(text); found != "" {
			return found
		}
		select {
		case <-changed:
		case <-limit:
			errors, _ := p.stderr.read()
			p.t.Fatalf("%q did not appear in\n%s%s", pattern, text, errors)
		}
	}
}

// Interrupt is Ctrl-C. It returns the exit code and what was printed.
func (p *Program) Interrupt() (code int, stdout string) {
	p.t.Helper()
	p.interrupt()
	select {
	case code = <-p.code:
		p.code <- code
	case <-time.After(patience):
		p.t.Fatal("the program does not end")
	}
	stdout, _ = p.stdout.read()
	return code, stdout
}

// NewPeer makes a connection in the place of the page's.
func NewPeer(t *testing.T) *webrtc.PeerConnection {
	t.Helper()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	return pc
}

// Call connects pc with the program as the page does, and returns what hangs up.
func (p *Program) Call(pc *webrtc.PeerConnection) (hangUp func()) {
	p.t.Helper()
	return p.CallAt("/offer", pc)
}

// CallAt is Call with the offer for another page.
func (p *Program) CallAt(path string, pc *webrtc.PeerConnection) (hangUp func()) {
	p.t.Helper()
	response, text := p.offer(path, pc)
	var answer webrtc.SessionDescription
	if response.StatusCode != http.StatusOK {
		p.t.Fatalf("the offer was refused: %s", text)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		p.t.Fatal(err)
	}
	if err := pc.SetRemoteDescription(answer); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		p.t.Helper()
		if response, text := p.do("DELETE", response.Header.Get("Location"), nil); response.StatusCode != http.StatusNoContent {
			p.t.Errorf("hanging up: %s %s", response.Status, text)
		}
	}
}

// Refuses is Call for an offer that the program refuses. It returns why.
func (p *Program) Refuses(pc *webrtc.PeerConnection) string {
	p.t.Helper()
	response, text := p.offer("/offer", pc)
	if response.StatusCode != http.StatusBadRequest {
		p.t.Fatalf("the offer was not refused: %s %s", response.Status, text)
	}
	return string(text)
}

// offer posts an offer with all candidates.
func (p *Program) offer(path string, pc *webrtc.PeerConnection) (*http.Response, []byte) {
	p.t.Helper()
	gathered := webrtc.GatheringCompletePromise(pc)
	offer, err := pc.CreateOffer(nil)
	if err == nil {
		err = pc.SetLocalDescription(offer)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	<-gathered
	body, err := json.Marshal(pc.LocalDescription())
	if err != nil {
		p.t.Fatal(err)
	}
	return p.do("POST", path, body)
}

func (p *Program) do(method, path string, body []byte) (*http.Response, []byte) {
	p.t.Helper()
	request, err := http.NewRequest(method, p.URL+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response, text
}

// CommandLine checks what every example does with its arguments. wrong are more
// command lines that it refuses.
func CommandLine(t *testing.T, run Run, wrong ...string) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	type expectation struct {
		args string
		code int
		want string
	}
	list := []expectation{
		{"-h", 0, "-addr host:port"},
		{"-no-such-flag", 2, "-h lists the flags"},
		{"surplus", 2, `unexpected argument "surplus"`},
		{"-addr " + busy.Addr().String(), 1, "choose another port"},
		{"-addr nowhere", 1, `cannot serve on "nowhere"`},
	}
	for _, args := range wrong {
		list = append(list, expectation{args, 2, "-h lists the flags"})
	}
	for _, e := range list {
		var out bytes.Buffer
		if code := run(t.Context(), strings.Fields(e.args), &out, &out); code != e.code || !strings.Contains(out.String(), e.want) {
			t.Errorf("%s: exit code %d, want %d, and %q in:\n%s", e.args, code, e.code, e.want, out.String())
		}
	}
}

// ServesPage checks that the page and what it refers to are there.
func (p *Program) ServesPage() {
	p.t.Helper()
	_, page := p.do("GET", "/", nil)
	for _, match := range regexp.MustCompile(`(?:src|href)="(/[^"]+)"`).FindAllSubmatch(page, -1) {
		if response, _ := p.do("GET", string(match[1]), nil); response.StatusCode != http.StatusOK {
			p.t.Errorf("%s: %s", match[1], response.Status)
		}
	}
	if response, text := p.do("POST", "/offer", []byte(`{"type":"offer","sdp":"nonsense"}`)); response.StatusCode != http.StatusBadRequest {
		p.t.Errorf("a malformed offer: %s %s", response.Status, text)
	}
}
