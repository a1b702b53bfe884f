package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// visitor does in Go what the page does: it is the browser's half.
type visitor struct {
	t      *testing.T
	url    string
	path   string // of the session
	events chan event
}

// visit opens a session and reads its events until it ends.
func visit(t *testing.T) *visitor {
	t.Helper()
	server := httptest.NewServer(newHandler(newAPI()))
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(func() { leave(); server.Close() })
	request, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/connect", nil)
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, url: server.URL, events: make(chan event, 256)}
	go func() {
		defer close(v.events)
		defer response.Body.Close()
		lines := bufio.NewScanner(response.Body)
		var name string
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = text
			} else if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				v.events <- event{name, text}
			}
		}
	}()
	var id string
	json.Unmarshal([]byte(v.wait("session", "").Value.(string)), &id)
	v.path = "/sessions/" + id
	return v
}

// wait returns the next event of that name whose data contains text.
func (v *visitor) wait(name, text string) event {
	v.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case e, ok := <-v.events:
			if !ok {
				v.t.Fatalf("the stream ended before %s %s", name, text)
			}
			if e.Name == name && strings.Contains(e.Value.(string), text) {
				return e
			}
		case <-limit:
			v.t.Fatalf("no event %s %s", name, text)
		}
	}
}

// do sends a request and returns its status and body.
func (v *visitor) do(method, path string, body any) (int, string) {
	v.t.Helper()
	text, _ := json.Marshal(body)
	if s, ok := body.(string); ok {
		text = []byte(s)
	}
	request, _ := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(string(text)))
	recorder := httptest.NewRecorder()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer response.Body.Close()
	recorder.Body.ReadFrom(response.Body)
	return response.StatusCode, recorder.Body.String()
}

// offer sends an offer to that path of the session and applies the answer.
func (v *visitor) offer(pc *webrtc.PeerConnection, path string) {
	v.t.Helper()
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		v.t.Fatal(err)
	}
	if err := describe(v.t.Context(), pc, offer); err != nil {
		v.t.Fatal(err)
	}
	status, body := v.do("POST", v.path+path, pc.LocalDescription())
	var answer webrtc.SessionDescription
	if err := json.Unmarshal([]byte(body), &answer); status != 200 || err != nil {
		v.t.Fatalf("offer: %d %s", status, body)
	}
	if err := pc.SetRemoteDescription(answer); err != nil {
		v.t.Fatal(err)
	}
}

// connect sends the first offer. Our candidates are in it; the program's come as
// events.
func (v *visitor) connect(pc *webrtc.PeerConnection) {
	v.t.Helper()
	v.offer(pc, "/offer")
	var candidate webrtc.ICECandidateInit
	if err := json.Unmarshal([]byte(v.wait("candidate", "candidate:").Value.(string)), &candidate); err != nil {
		v.t.Fatal(err)
	}
	if err := pc.AddICECandidate(candidate); err != nil {
		v.t.Fatal(err)
	}
}

func TestASessionConnectsEchoesAndReportsItsStates(t *testing.T) {
	v := visit(t)
	pc, err := newAPI().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	channel, err := pc.CreateDataChannel("echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	echoes := make(chan webrtc.DataChannelMessage, 4)
	channel.OnMessage(func(m webrtc.DataChannelMessage) { echoes <- m })
	opened := make(chan struct{})
	channel.OnOpen(func() { close(opened) })

	v.connect(pc)
	select {
	case <-opened:
	case <-time.After(20 * time.Second):
		t.Fatal("the channel did not open")
	}
	channel.SendText("text")
	channel.Send([]byte{1, 2, 3})
	if m := <-echoes; !m.IsString || string(m.Data) != "text" {
		t.Errorf("echo of a text: %+v", m)
	}
	if m := <-echoes; m.IsString || !slices.Equal(m.Data, []byte{1, 2, 3}) {
		t.Errorf("echo of bytes: %+v", m)
	}
	v.wait("state", `{"of":"channel echo","is":"open"}`)
	if status, body := v.do("DELETE", v.path, ""); status != 204 {
		t.Errorf("DELETE: %d %s", status, body)
	}
	v.wait("state", `{"of":"connection","is":"closed"}`)
	v.wait("bye", "")
}

func TestWhatThePageMayNotSendIsRefused(t *testing.T) {
	v := visit(t)
	for name, try := range map[string]struct {
		method, path string
		body         any
		status       int
	}{
		"unknown session":  {"POST", "/sessions/none/offer", webrtc.SessionDescription{}, 404},
		"not JSON":         {"POST", v.path + "/offer", "{", 400},
		"not SDP":          {"POST", v.path + "/offer", webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: "nonsense"}, 400},
		"too long":         {"POST", v.path + "/offer", `"` + strings.Repeat("x", 70<<10) + `"`, 400},
		"early candidate":  {"POST", v.path + "/candidates", webrtc.ICECandidateInit{Candidate: "candidate:1 1 udp 1 127.0.0.1 9 typ host"}, 400},
		"wrong method":     {"GET", v.path + "/offer", "", 405},
		"other page":       {"GET", "/other", "", 404},
		"unknown to close": {"DELETE", "/sessions/none", "", 404},
	} {
		if status, body := v.do(try.method, try.path, try.body); status != try.status {
			t.Errorf("%s: status %d (%s), want %d", name, status, body, try.status)
		}
	}
}

func TestOtherSitesMayNotPost(t *testing.T) {
	handler := newHandler(newAPI())
	request := httptest.NewRequest("POST", "/sessions/x/offer", strings.NewReader("{}"))
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusForbidden {
		t.Errorf("status %d, want 403", recorder.Code)
	}
}

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	recorder := httptest.NewRecorder()
	newHandler(newAPI()).ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))
	if recorder.Code != 200 || !strings.HasPrefix(recorder.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("GET /: %d %s", recorder.Code, recorder.Header().Get("Content-Type"))
	}
	external := regexp.MustCompile(`(?i)(src|href)="(https?:)?//[^"]*"|@import|url\(`)
	if found := external.FindString(recorder.Body.String()); found != "" {
		t.Errorf("the page loads %s", found)
	}
}
