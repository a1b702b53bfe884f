package webrtc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The bounds of one SetRemoteDescription, whatever its text.
const (
	remoteTime  = 50 * time.Millisecond
	remoteBytes = 16 << 20
)

const sessionPart = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"

// capturedDescriptions are offers and answers of browsers and other stacks.
func capturedDescriptions(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("internal/jsep/testdata/*.sdp")
	must(t, err)
	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		texts = append(texts, strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n", "\r\n"))
	}
	if len(texts) < 10 {
		t.Fatalf("%d captured descriptions", len(texts))
	}
	return texts
}

// dearDescriptions are texts that cost as much as their kind can: too large by far, or
// as large as is read.
func dearDescriptions() map[string]string {
	repeat := func(line string, n int) string { return strings.Repeat(line+"\r\n", n) }
	transport := "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\na=fingerprint:sha-256 " +
		strings.Repeat("AB:", 31) + "AB\r\n"
	video := func(i int) string {
		return fmt.Sprintf("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\na=mid:%d\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n"+
			"a=fmtp:97 apt=96\r\na=rtpmap:98 VP9/90000\r\na=sendrecv\r\na=rtcp-mux\r\na=msid:s%d t%d\r\n%s", i, i, i, transport)
	}
	var sections, mids, pairs, full strings.Builder
	full.WriteString(sessionPart)
	for i := range 8 {
		full.WriteString(video(i))
		for k := range 1990 {
			fmt.Fprintf(&full, "a=ssrc:%d cname:x\r\n", 10_000*i+k)
		}
	}
	for i := range 256 {
		sections.WriteString(video(i))
		fmt.Fprintf(&mids, " %d", i)
		if i%2 == 0 {
			fmt.Fprintf(&pairs, "a=group:BUNDLE %d %d\r\n", i, i+1)
		}
	}
	bundled := sessionPart + "a=group:BUNDLE" + mids.String() + "\r\n" + sections.String()
	var formats, maps strings.Builder
	for pt := range 128 {
		fmt.Fprintf(&formats, " %d", pt)
		fmt.Fprintf(&maps, "a=rtpmap:%d H264/90000\r\na=fmtp:%d profile-level-id=640c1f;%s\r\n", pt, pt, strings.Repeat("A=1;", 500))
	}
	wide := "m=video 9 UDP/TLS/RTP/SAVPF" + formats.String() + "\r\na=rtcp-mux\r\n" + transport + maps.String()
	var layers, ids strings.Builder
	for i := range 1900 {
		fmt.Fprintf(&layers, "a=rid:r%d send\r\n", i)
		fmt.Fprintf(&ids, "r%d;", i)
	}
	return map[string]string{
		"nothing":                       "",
		"100,000 attributes":            sessionPart + repeat("a=x", 100_000),
		"100,000 m-lines":               sessionPart + repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0", 100_000),
		"100,000 candidates":            sessionPart + video(0) + repeat("a=candidate:1 1 udp 1 192.0.2.1 9 typ host", 100_000),
		"100,000 empty lines":           sessionPart + repeat("", 100_000),
		"100,000 line feeds":            sessionPart + strings.Repeat("\n", 100_000),
		"a line of 16 MiB":              sessionPart + "a=x:" + strings.Repeat("x", 16<<20) + "\r\n",
		"an m-line of 1 MB":             sessionPart + "m=video 9 UDP/TLS/RTP/SAVPF" + strings.Repeat(" 96", 300_000) + "\r\n",
		"a MID of 16 kB":                sessionPart + strings.ReplaceAll(video(0), "mid:0", "mid:"+strings.Repeat("1", 16_000)),
		"256 m-sections in a bundle":    bundled,
		"256 m-sections, each alone":    sessionPart + sections.String(),
		"128 bundles":                   sessionPart + pairs.String() + sections.String(),
		"16,000 attributes":             full.String(),
		"2,000 candidates in a section": sessionPart + video(0) + repeat("a=candidate:1 1 udp 1 192.0.2.1 9 typ host", 2000),
		"128 formats, 1 MB of fmtp":     sessionPart + strings.Repeat(wide, 3),
		"1,900 layers":                  sessionPart + video(0) + layers.String() + "a=simulcast:send " + ids.String() + "\r\n",
		"2,000 SSRCs in groups":         sessionPart + video(0) + repeat("a=ssrc-group:FID 1 2", 1000) + repeat("a=ssrc:77 msid:a b", 1000),
		"2,000 msids":                   sessionPart + video(0) + repeat("a=msid:"+strings.Repeat("x", 60)+" t", 2000),
		"1,000 identities":              sessionPart + repeat("a=identity:"+strings.Repeat("QUFB", 200), 1000) + video(0),
		"2,000 extensions":              sessionPart + video(0) + repeat("a=extmap:1 urn:x", 2000),
	}
}

// takesRemote gives a description to a new connection. The error, if any, must be typed.
func takesRemote(t testing.TB, certificate *Certificate, typ SDPType, text string) (took time.Duration, allocated uint64) {
	t.Helper()
	pc, err := NewPeerConnection(Configuration{Certificates: []Certificate{*certificate}})
	must(t, err)
	defer pc.Close()
	if typ == SDPTypeAnswer {
		_, err := pc.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		_, err = pc.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		offer, err := pc.CreateOffer(nil)
		must(t, err)
		must(t, pc.SetLocalDescription(offer))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err = pc.SetRemoteDescription(SessionDescription{Type: typ, SDP: text})
	took = time.Since(start)
	runtime.ReadMemStats(&after)
	var typed *Error
	if err != nil && (!errors.As(err, &typed) || typed.Kind == "") {
		t.Errorf("%.200q: untyped error %v", text, err)
	}
	return took, after.TotalAlloc - before.TotalAlloc
}

// RFC 9429 section 5.8 leaves the handling of what cannot be parsed to an error: the largest texts, and the dearest that
// are read, cost no more than any other.
func TestSetRemoteDescriptionStaysCheapWhateverItIsGiven(t *testing.T) {
	certificate, err := newDefaultCertificate(time.Now())
	must(t, err)
	for name, text := range dearDescriptions() {
		best, bytes := time.Hour, uint64(1<<62)
		for range 10 { // something else may be running
			took, allocated := takesRemote(t, certificate, SDPTypeOffer, text)
			best, bytes = min(best, took), min(bytes, allocated)
			if best < remoteTime/5 && bytes < remoteBytes/2 {
				break
			}
		}
		t.Logf("%-30s %8d bytes of text: %10v, %8d bytes", name, len(text), best, bytes)
		if !raceEnabled && (best > remoteTime || bytes > remoteBytes) {
			t.Errorf("%s: %v and %d bytes, want at most %v and %d", name, best, bytes, remoteTime, uint64(remoteBytes))
		}
	}
}

// Captured descriptions with random edits are taken or refused with a typed error, at the same price.
func TestSetRemoteDescriptionTakesMutatedDescriptions(t *testing.T) {
	certificate, err := newDefaultCertificate(time.Now())
	must(t, err)
	texts := capturedDescriptions(t)
	random := rand.New(rand.NewPCG(1, 2))
	rounds := 400
	if testing.Short() || raceEnabled {
		rounds = 40
	}
	for range rounds {
		text := mutatedDescription(random, texts)
		typ := []SDPType{SDPTypeOffer, SDPTypeAnswer, SDPTypePranswer}[random.IntN(3)]
		took, allocated := takesRemote(t, certificate, typ, text)
		for range 4 { // something else may have been running
			if took <= remoteTime && allocated <= remoteBytes {
				break
			}
			took, allocated = takesRemote(t, certificate, typ, text)
		}
		if !raceEnabled && (took > remoteTime || allocated > remoteBytes) {
			t.Errorf("%v and %d bytes for %v\n%.2000s", took, allocated, typ, text)
		}
	}
}

// mutatedDescription edits one of texts: lines leave, come twice, change places, grow, come from another text; bytes change.
func mutatedDescription(random *rand.Rand, texts []string) string {
	pick := func() []string { return strings.SplitAfter(texts[random.IntN(len(texts))], "\r\n") }
	lines := pick()
	for range 1 + random.IntN(8) {
		i, k := random.IntN(len(lines)), random.IntN(len(lines))
		switch random.IntN(7) {
		case 0:
			lines = append(lines[:i:i], lines[i+1:]...)
		case 1:
			lines = append(lines[:i:i], append([]string{lines[i]}, lines[i:]...)...)
		case 2:
			lines[i], lines[k] = lines[k], lines[i]
		case 3:
			lines[i] = strings.TrimSuffix(lines[i], "\r\n") + strings.Repeat("7", 1<<random.IntN(16)) + "\r\n"
		case 4:
			other := pick()
			lines = append(lines[:i:i], append([]string{other[random.IntN(len(other))]}, lines[i:]...)...)
		case 5:
			b := []byte(lines[i])
			if len(b) > 0 {
				b[random.IntN(len(b))] = byte(random.Uint32())
			}
			lines[i] = string(b)
		case 6:
			part := strings.Join(lines[min(i, k):max(i, k)+1], "")
			lines = append(lines, strings.Repeat(part, 1<<random.IntN(5)))
		}
		if len(lines) == 0 {
			return ""
		}
	}
	return strings.Join(lines, "")
}

// FuzzSetRemoteDescription is the public way in: a typed error or success, never a panic.
func FuzzSetRemoteDescription(f *testing.F) {
	certificate, err := newDefaultCertificate(time.Now())
	must(f, err)
	for _, text := range capturedDescriptions(f) {
		f.Add(text, uint8(0))
		f.Add(text, uint8(1))
	}
	f.Add(sessionPart, uint8(2))
	f.Fuzz(func(t *testing.T, text string, typ uint8) {
		kind := []SDPType{SDPTypeOffer, SDPTypeAnswer, SDPTypePranswer, SDPTypeRollback}[typ%4]
		takesRemote(t, certificate, kind, text)
	})
}
