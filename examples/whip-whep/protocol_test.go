package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
)

// RFC 9725 section 4.3.2: candidates that come with PATCH connect; section 4.3.3:
// other credentials restart ICE, and nothing of the media is lost; section 4.3.1:
// the entity-tag is that of the ICE session.
func TestCandidatesTrickleAndICERestarts(t *testing.T) {
	program := webtest.Start(t, run)
	p := offered(t, program, camera(t, make(chan struct{}, 100), webrtc.MimeTypeVP8))
	p.post("/whip/live", withoutCandidates(p.pc.LocalDescription().SDP))
	patch := func(match string, f *fragment) (*http.Response, string) {
		t.Helper()
		header := map[string]string{"Content-Type": typeFragment}
		if match != "" {
			header["If-Match"] = match
		}
		return request{"PATCH", p.url, f.String(), header}.do(t, program)
	}
	first, err := parseFragment(p.pc.LocalDescription().SDP)
	if err != nil {
		t.Fatal(err)
	}
	first.end = true
	for match, status := range map[string]int{"": 428, `"other"`: 412, `W/` + p.etag: 412} {
		if response, text := patch(match, first); response.StatusCode != status {
			t.Errorf("If-Match %s: %s %s, want %d", match, response.Status, text, status)
		}
	}
	response, text := patch(`"other", `+p.etag, first)
	if response.StatusCode != http.StatusNoContent || response.Header.Get("ETag") != "" || text != "" {
		t.Fatalf("trickle: %s %v %s", response.Status, response.Header, text)
	}
	program.WaitFor("somebody publishes")
	w := watch(t, program, "/whep/live")
	w.sees(webrtc.MimeTypeVP8)

	// A restart without a password is none, and the session goes on.
	if response, text := patch("*", &fragment{media: first.media, mid: first.mid, ufrag: "another1"}); response.StatusCode != http.StatusBadRequest {
		t.Errorf("a restart without password: %s %s", response.Status, text)
	}
	old := p.etag
	p.restart(patch)
	if p.etag == old {
		t.Error("the entity-tag is as before the restart")
	}
	if response, _ := patch(old, first); response.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("the entity-tag of before: %s", response.Status)
	}
	watch(t, program, "/whep/live").sees(webrtc.MimeTypeVP8)
	if response, _ := (request{method: "DELETE", path: p.url, header: map[string]string{"If-Match": old}}).do(t, program); response.StatusCode != http.StatusOK {
		t.Errorf("DELETE with an old entity-tag, which does not matter: %s", response.Status)
	}
}

// restart restarts ICE as RFC 9725 section 4.3.3 has it.
func (c *client) restart(patch func(string, *fragment) (*http.Response, string)) {
	c.t.Helper()
	connected := make(chan struct{}, 10)
	c.pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
		if state == webrtc.ICEConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	gathered := make(chan struct{}, 10)
	c.pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			gathered <- struct{}{}
		}
	})
	offer, err := c.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err == nil {
		err = c.pc.SetLocalDescription(offer)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	ends(c.t, "gathering for the restart", gathered)
	before := c.pc.CurrentRemoteDescription().SDP
	f, err := parseFragment(c.pc.LocalDescription().SDP)
	if err != nil {
		c.t.Fatal(err)
	}
	response, text := patch("*", f)
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != typeFragment {
		c.t.Fatalf("restart: %s %s", response.Status, text)
	}
	answer, err := parseFragment(text)
	if err != nil || len(answer.candidates) == 0 || answer.pwd == "" || strings.Contains(before, "a=ice-ufrag:"+answer.ufrag) {
		c.t.Fatalf("the answer to the restart: %v\n%s", err, text)
	}
	c.etag = response.Header.Get("ETag")
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.restart(before)}); err != nil {
		c.t.Fatal(err)
	}
	ends(c.t, "a path after the restart", connected)
}

func withoutCandidates(sdp string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if !strings.HasPrefix(line, "a=candidate:") && !strings.HasPrefix(line, "a=end-of-candidates") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// RFC 9725 sections 4.1, 4.2, 4.3.1 and 4.4, RFC 9110 section 15.5.
func TestWhatIsWrongHasItsStatus(t *testing.T) {
	program := webtest.Start(t, run)
	p := publish(t, program, "/whip/live", webrtc.MimeTypeVP8)
	mine := p.pc.LocalDescription().SDP
	sdp, fragment := map[string]string{"Content-Type": typeSDP}, map[string]string{"Content-Type": typeFragment, "If-Match": p.etag}
	for what, try := range map[string]struct {
		request
		status int
		detail string
	}{
		"another type":            {request{"POST", "/whip/a", mine, map[string]string{"Content-Type": "text/plain"}}, 415, "application/sdp"},
		"no type":                 {request{"POST", "/whep/live", mine, nil}, 415, "application/sdp"},
		"type with a parameter":   {request{"POST", "/whip/live", mine, map[string]string{"Content-Type": "Application/SDP; charset=utf-8"}}, 409, "publishes"},
		"no SDP":                  {request{"POST", "/whip/a", "nonsense", sdp}, 400, "offer"},
		"no m-line":               {request{"POST", "/whip/a", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", sdp}, 400, "m-line"},
		"too long":                {request{"POST", "/whip/a", strings.Repeat("v=0\r\n", maxBody), sdp}, 413, "bytes"},
		"a name that is none":     {request{"POST", "/whip/a%20b", mine, sdp}, 404, "letters"},
		"taken":                   {request{"POST", "/whip/live", mine, sdp}, 409, "already"},
		"nobody publishes":        {request{"POST", "/whep/a", strings.ReplaceAll(mine, "a=sendrecv", "a=recvonly"), sdp}, 409, "nobody"},
		"a player that sends":     {request{"POST", "/whep/live", strings.ReplaceAll(mine, "a=sendrecv", "a=sendonly"), sdp}, 422, "recvonly"},
		"a publisher that hears":  {request{"POST", "/whip/a", strings.ReplaceAll(mine, "a=sendrecv", "a=recvonly"), sdp}, 422, "sendonly"},
		"a publisher of nothing":  {request{"POST", "/whip/a", strings.ReplaceAll(mine, "a=sendrecv", "a=inactive"), sdp}, 422, "sendonly"},
		"two pictures":            {request{"POST", "/whip/a", mine + mine[strings.Index(mine, "m="):], sdp}, 422, "one track"},
		"a data channel":          {request{"POST", "/whip/a", mine + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", sdp}, 422, "neither"},
		"no codec that is known":  {request{"POST", "/whip/a", strings.ReplaceAll(mine, "VP", "XQ"), sdp}, 0, ""},
		"PUT":                     {request{"PUT", "/whip/live", mine, sdp}, 405, "PUT"},
		"POST to a session":       {request{"POST", p.url, mine, sdp}, 405, "POST"},
		"GET":                     {request{"GET", "/whip/live", "", nil}, 204, ""},
		"GET of a session":        {request{"GET", p.url, "", nil}, 204, ""},
		"no session":              {request{"PATCH", "/session/none", "", fragment}, 404, "no such session"},
		"PATCH of another type":   {request{"PATCH", p.url, "a=mid:0\r\n", sdp}, 415, typeFragment},
		"PATCH of no fragment":    {request{"PATCH", p.url, "nonsense", fragment}, 400, "SDP"},
		"a fragment of nothing":   {request{"PATCH", p.url, "a=ice-ufrag:x\r\n", fragment}, 400, "m-line"},
		"a candidate of no sense": {request{"PATCH", p.url, "m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:x\r\n", fragment}, 400, "candidate"},
		"a candidate over TCP":    {request{"PATCH", p.url, "m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n", fragment}, 204, ""},
	} {
		if what == "no codec that is known" {
			try.body, try.status, try.detail = onlyCodec(mine, "XQ9"), 422, "xq9"
		}
		response, text := try.do(t, program)
		if response.StatusCode != try.status || !strings.Contains(text, try.detail) || try.status == 204 && text != "" {
			t.Errorf("%s: %s %s, want %d with %q", what, response.Status, text, try.status, try.detail)
		}
		if try.status >= 400 && response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: Content-Type %q", what, response.Header.Get("Content-Type"))
		}
		if response.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: a page of another origin may not read this", what)
		}
	}
}

// onlyCodec renames all codecs of an offer.
func onlyCodec(sdp, name string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if strings.HasPrefix(line, "a=rtpmap:") {
			line = line[:strings.IndexByte(line, ' ')] + " " + name + "/90000\r\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// RFC 9725 section 4.2 (Accept-Post, CORS), section 4.6 (ICE servers: in answers,
// and to who asks, but not in each preflight); HEAD is the draft's.
func TestOptionsAndServers(t *testing.T) {
	program := webtest.Start(t, run, "-ice-server", "stun:stun.example.net", "-ice-server", "turn:turn.example.net?transport=udp", "-ice-username", "user", "-ice-credential", `a"b`)
	links := `<stun:stun.example.net>; rel="ice-server"` + "\n" +
		`<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; credential="a\"b"; credential-type="password"`
	p := offered(t, program, camera(t, make(chan struct{}, 100), webrtc.MimeTypeVP8))
	response, _ := request{"POST", "/whip/live", p.pc.LocalDescription().SDP, map[string]string{"Content-Type": typeSDP}}.do(t, program)
	if got := strings.Join(response.Header.Values("Link"), "\n"); got != links {
		t.Errorf("links of the answer:\n%s", got)
	}
	if got := response.Header.Get("Accept-Patch"); got != typeFragment {
		t.Errorf("Accept-Patch %q", got)
	}
	preflight := map[string]string{"Origin": "https://example.net", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
	for _, try := range []struct {
		path   string
		header map[string]string
		links  string
	}{{"/whip/live", nil, links}, {"/whep/live", nil, links}, {"/whip/live", preflight, ""}} {
		response, _ := request{"OPTIONS", try.path, "", try.header}.do(t, program)
		header := response.Header
		if response.StatusCode != http.StatusOK || header.Get("Accept-Post") != typeSDP || header.Get("Access-Control-Allow-Origin") != "*" ||
			!hasToken(header.Get("Access-Control-Allow-Methods"), "PATCH") || !hasToken(header.Get("Access-Control-Allow-Headers"), "authorization") ||
			!hasToken(header.Get("Access-Control-Expose-Headers"), "Location") || strings.Join(header.Values("Link"), "\n") != try.links {
			t.Errorf("OPTIONS %s: %s %v", try.path, response.Status, header)
		}
	}
	if response, _ := (request{method: "HEAD", path: "/whep/live"}).do(t, program); response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != typeSDP {
		t.Errorf("HEAD: %s %v", response.Status, response.Header)
	}
}

// RFC 9725 section 4.7.1: a bearer token for all but OPTIONS.
func TestATokenIsNeeded(t *testing.T) {
	program := webtest.Start(t, run, "-token", "publishing", "-watch-token", "watching", "-sessions", "2")
	offer := offered(t, program, camera(t, make(chan struct{}, 100), webrtc.MimeTypeVP8)).pc.LocalDescription().SDP
	with := func(token string) map[string]string {
		return map[string]string{"Content-Type": typeSDP, "Authorization": token}
	}
	for token, want := range map[string]string{"": `Bearer realm="whip"`, "Basic cHVibGlzaGluZw==": `Bearer realm="whip"`, "Bearer watching": `Bearer realm="whip", error="invalid_token"`} {
		response, _ := request{"POST", "/whip/live", offer, with(token)}.do(t, program)
		if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != want {
			t.Errorf("token %q: %s, %q", token, response.Status, response.Header.Get("WWW-Authenticate"))
		}
	}
	made, _ := request{"POST", "/whip/live", offer, with("bearer publishing")}.do(t, program)
	if made.StatusCode != http.StatusCreated {
		t.Fatalf("with the token: %s", made.Status)
	}
	if response, _ := (request{"POST", "/whep/live", strings.ReplaceAll(offer, "sendrecv", "recvonly"), with("Bearer publishing")}).do(t, program); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("watching with the token for publishing: %s", response.Status)
	}
	for method, status := range map[string]int{"DELETE": 401, "PATCH": 401, "OPTIONS": 200} {
		if response, _ := (request{method: method, path: made.Header.Get("Location")}).do(t, program); response.StatusCode != status {
			t.Errorf("%s without the token: %s, want %d", method, response.Status, status)
		}
	}
	// A second session is the last that the server takes.
	if response, text := (request{"POST", "/whip/more", offer, with("Bearer publishing")}).do(t, program); response.StatusCode != http.StatusCreated {
		t.Errorf("the second session: %s %s", response.Status, text)
	}
	response, _ := request{"POST", "/whip/most", offer, with("Bearer publishing")}.do(t, program)
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("one session too many: %s, Retry-After %q", response.Status, response.Header.Get("Retry-After"))
	}
	if response, _ := (request{method: "DELETE", path: made.Header.Get("Location"), header: with("Bearer publishing")}).do(t, program); response.StatusCode != http.StatusOK {
		t.Errorf("DELETE: %s", response.Status)
	}
	if response, _ := (request{"POST", "/whip/most", offer, with("Bearer publishing")}).do(t, program); response.StatusCode != http.StatusCreated {
		t.Errorf("when there is room again: %s", response.Status)
	}
}

func TestThePagesAreServed(t *testing.T) {
	program := webtest.Start(t, run)
	for path, want := range map[string]string{"/": "<h1>Publish", "/watch": "<h1>Watch", "/whip.js": "class Session", "/call.js": "setUp", "/style.css": ".card"} {
		if response, text := (request{method: "GET", path: path}).do(t, program); response.StatusCode != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("GET %s: %s", path, response.Status)
		}
	}
}

// RFC 8840 section 9: what a fragment says is written as it was read.
func FuzzFragment(f *testing.F) {
	f.Add("a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n")
	f.Add("m=audio 9 RTP/AVP 0\n")
	f.Add("a=ice-pwd:x\r\nnonsense")
	f.Fuzz(func(t *testing.T, text string) {
		read, err := parseFragment(text)
		if err != nil {
			return
		}
		again, err := parseFragment(read.String())
		if err != nil || again.String() != read.String() {
			t.Errorf("%q was read again as %q: %v", read, again, err)
		}
		read.restart(text)
	})
}
