package interop

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/interop/pionexamples"
	"github.com/passerelle-rtc/webrtc/pkg/media/ivfreader"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// The programs of pion's examples/, with nothing but the prefix of their import
// paths changed (and their STUN server, for one on this machine), do what they do
// with pion: with Chromium, or with each other.

var builtExamples struct {
	once sync.Once
	dir  string
	err  error
}

// exampleNames are those that are run.
var exampleNames = []string{
	"bandwidth-estimation-from-disk", "broadcast", "data-channels", "data-channels-detach", "data-channels-detach-create", "ice-restart", "ice-single-port", "ice-tcp", "ortc", "ortc-media",
	"play-from-disk", "reflect", "rtcp-processing", "rtp-to-webrtc", "save-to-disk", "simulcast", "stats", "swap-tracks",
}

// buildExamples builds the examples that are run, all at once, the first time.
func buildExamples(t testing.TB) string {
	t.Helper()
	builtExamples.once.Do(func() {
		if builtExamples.dir, builtExamples.err = os.MkdirTemp("", "passerelle-examples-"); builtExamples.err != nil {
			return
		}
		if builtExamples.err = pionexamples.Copy(builtExamples.dir); builtExamples.err != nil {
			return
		}
		args := []string{"build", "-o", builtExamples.dir + "/bin/"}
		for _, name := range exampleNames {
			args = append(args, "./"+name)
		}
		build := exec.Command("go", args...)
		build.Dir = builtExamples.dir
		if out, err := build.CombinedOutput(); err != nil {
			builtExamples.err = fmt.Errorf("go build: %w: %s", err, out)
		}
	})
	if builtExamples.err != nil {
		t.Fatal(builtExamples.err)
	}
	return builtExamples.dir
}

// removeExamples is for the end of the run.
func removeExamples() {
	if builtExamples.dir != "" {
		os.RemoveAll(builtExamples.dir)
	}
}

// pionExample is one running example program.
type pionExample struct {
	t     testing.TB
	name  string
	dir   string // where it runs
	stdin io.WriteCloser

	mu      sync.Mutex
	lines   []string
	changed chan struct{}
	ended   bool
}

// startPionExample starts a program in a folder with the files that it wants, and ends it
// with the test.
func startPionExample(t testing.TB, name string, files map[string]string, args ...string) *pionExample {
	t.Helper()
	e := &pionExample{t: t, name: name, dir: t.TempDir(), changed: make(chan struct{})}
	built := buildExamples(t)
	for target, source := range files {
		text, err := os.ReadFile(strings.ReplaceAll(source, "EXAMPLE", filepath.Join(built, name)))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(e.dir, target), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(built, "bin", name), args...)
	cmd.Dir = e.dir
	output, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	var err error
	if e.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go e.read(output)
	go func() {
		_ = cmd.Wait()
		writer.Close()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails for one that has ended
		<-ended
		if t.Failed() {
			e.mu.Lock()
			defer e.mu.Unlock()
			lines := e.lines
			for i := range lines {
				lines[i] = lines[i][:min(len(lines[i]), 200)]
			}
			t.Logf("%s printed:\n\t%s", name, strings.Join(lines, "\n\t"))
		}
	})
	return e
}

func (e *pionExample) read(output io.Reader) {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for more := true; more; {
		more = lines.Scan()
		e.mu.Lock()
		if more {
			e.lines = append(e.lines, lines.Text())
		}
		e.ended = !more
		close(e.changed)
		e.changed = make(chan struct{})
		e.mu.Unlock()
	}
}

// await returns the first line that fits.
func (e *pionExample) await(what string, fits func(line string) bool) string {
	e.t.Helper()
	limit := time.After(patience)
	for seen := 0; ; {
		e.mu.Lock()
		lines, ended, changed := e.lines, e.ended, e.changed
		e.mu.Unlock()
		for ; seen < len(lines); seen++ {
			if fits(lines[seen]) {
				return lines[seen]
			}
		}
		if ended {
			e.t.Fatalf("%s ended without %s", e.name, what)
		}
		select {
		case <-changed:
		case <-limit:
			e.t.Fatalf("%s: no %s", e.name, what)
		}
	}
}

// says waits for a line with a text.
func (e *pionExample) says(text string) {
	e.t.Helper()
	e.await(text, func(line string) bool { return strings.Contains(line, text) })
}

// signal returns the description that the program prints in Base64, the first one
// behind those that were seen.
func (e *pionExample) signal(seen ...string) string {
	e.t.Helper()
	return e.await("description", func(line string) bool {
		for _, other := range seen {
			if line == other {
				return false
			}
		}
		text, err := base64.StdEncoding.DecodeString(line)
		return err == nil && len(text) > 100 && text[0] == '{'
	})
}

// paste types a line.
func (e *pionExample) paste(line string) {
	e.t.Helper()
	if _, err := io.WriteString(e.stdin, line+"\n"); err != nil {
		e.t.Fatal(err)
	}
}

// post sends a description to the program's server, once it listens.
func post(t testing.TB, url, body string) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Post(url, "text/plain", strings.NewReader(body))
		if err == nil {
			response.Body.Close()
			return
		}
		if time.Now().After(limit) {
			t.Fatal(err)
		}
	}
}

// stunServer answers Binding requests (RFC 8489 section 6) at the place where the
// examples look for a server.
func stunServer(t testing.TB) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", pionexamples.Server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if n < 20 || binary.BigEndian.Uint16(b) != 1 {
				continue
			}
			addr := from.(*net.UDPAddr)
			response := append([]byte{0x01, 0x01, 0, 12}, b[4:20]...)
			response = append(response, 0, 0x20, 0, 8, 0, 1)
			response = binary.BigEndian.AppendUint16(response, uint16(addr.Port)^0x2112)
			response = binary.BigEndian.AppendUint32(response, binary.BigEndian.Uint32(addr.IP.To4())^0x2112A442)
			_, _ = conn.WriteTo(response, from)
		}
	}()
}

// pastedPage is the part of the examples' pages that exchanges descriptions.
const pastedPage = `window.ex = {
	pcs: {},
	async offer(name, setup) {
		const pc = ex.pcs[name] = new RTCPeerConnection()
		pc.ontrack = e => {
			const video = document.createElement('video')
			video.muted = video.autoplay = true
			video.srcObject = new MediaStream([e.track])
			document.body.append(video)
		}
		await setup(pc)
		await pc.setLocalDescription()
		await ex.until('gathering', () => pc.iceGatheringState === 'complete')
		return btoa(JSON.stringify(pc.localDescription))
	},
	async until(what, f) {
		for (const end = performance.now() + 60000; performance.now() < end; await new Promise(r => setTimeout(r, 100))) {
			const value = await f()
			if (value) return value
		}
		throw new Error('no ' + what)
	},
	camera: () => navigator.mediaDevices.getUserMedia({video: {width: 1280, height: 720}, audio: true}),
	async media(name, kind) {
		let counts = []
		;(await ex.pcs[name].getStats()).forEach(s => {
			if (s.type === 'inbound-rtp' && s.kind === kind) counts.push(kind === 'video' ? s.framesDecoded : s.packetsReceived)
		})
		return counts
	},
	gets: (name, kind, n, least) => ex.until(kind, async () => (await ex.media(name, kind)).filter(c => c >= least).length >= n),
}; 0`

// pastePage is a tab with those functions.
func pastePage(t testing.TB) context.Context {
	t.Helper()
	tab := harness(t)
	do(t, tab, pastedPage, nil)
	return tab
}

func do(t testing.TB, tab context.Context, expression string, result any) {
	t.Helper()
	if err := evaluate(tab, expression, result); err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
}

// offerOf makes a connection in the page and returns its offer; setup is the body of
// an asynchronous function of pc.
func offerOf(t testing.TB, tab context.Context, name, setup string) (offer string) {
	t.Helper()
	do(t, tab, fmt.Sprintf("ex.offer(%q, async pc => { %s })", name, setup), &offer)
	return offer
}

func answerTo(t testing.TB, tab context.Context, name, answer string) {
	t.Helper()
	do(t, tab, fmt.Sprintf("ex.pcs[%q].setRemoteDescription(JSON.parse(atob(%q))).then(() => 0)", name, answer), nil)
}

// gets waits until n tracks of a kind have brought so many frames or packets.
func gets(t testing.TB, tab context.Context, name, kind string, n, least int) {
	t.Helper()
	if err := evaluate(tab, fmt.Sprintf("ex.gets(%q, %q, %d, %d)", name, kind, n, least), nil); err != nil {
		var counts []int
		_ = evaluate(tab, fmt.Sprintf("ex.media(%q, %q)", name, kind), &counts)
		t.Fatalf("%v: %s counts %v, want %d of at least %d", err, kind, counts, n, least)
	}
}

const sendCamera = `(await ex.camera()).getTracks().forEach(track => pc.addTrack(track));`

// paste exchanges descriptions between the page and a program that is pasted into.
func pasteInto(t testing.TB, e *pionExample, tab context.Context, setup string) {
	t.Helper()
	offer := offerOf(t, tab, "pc", setup)
	e.paste(offer)
	answerTo(t, tab, "pc", e.signal(offer))
}

const samples = "../examples/samples/"

func TestPionExamplesRunWithChromium(t *testing.T) {
	stunServer(t)
	for name, run := range map[string]func(t *testing.T, tab context.Context){
		"reflect": func(t *testing.T, tab context.Context) {
			pasteInto(t, startPionExample(t, "reflect", nil), tab, sendCamera)
			gets(t, tab, "pc", "video", 1, 20)
		},
		"play-from-disk": func(t *testing.T, tab context.Context) {
			e := startPionExample(t, "play-from-disk", map[string]string{"output.ivf": samples + "vp8.ivf", "output.ogg": samples + "opus.ogg"})
			pasteInto(t, e, tab, `for (const kind of ['video', 'audio']) pc.addTransceiver(kind, {direction: 'recvonly'})`)
			gets(t, tab, "pc", "video", 1, 10) // the file has 15 frames
			gets(t, tab, "pc", "audio", 1, 10)
		},
		"bandwidth-estimation-from-disk": func(t *testing.T, tab context.Context) { // with pion's congestion controller
			e := startPionExample(t, "bandwidth-estimation-from-disk", map[string]string{
				"low.ivf": samples + "vp8.ivf", "med.ivf": samples + "vp8.ivf", "high.ivf": samples + "vp8.ivf",
			})
			pasteInto(t, e, tab, `pc.addTransceiver('video', {direction: 'recvonly'})`)
			gets(t, tab, "pc", "video", 1, 10)
		},
		"save-to-disk": func(t *testing.T, tab context.Context) {
			e := startPionExample(t, "save-to-disk", nil)
			pasteInto(t, e, tab, sendCamera)
			e.says("Got VP8 track")
			e.says("Got Opus track")
			waitForFile(t, filepath.Join(e.dir, "output.ivf"), 20_000)
			waitForFile(t, filepath.Join(e.dir, "output.ogg"), 2_000)
			do(t, tab, `ex.pcs.pc.close()`, nil)
		},
		"broadcast": func(t *testing.T, tab context.Context) {
			e := startPionExample(t, "broadcast", nil, "-port", "18081")
			const url = "http://127.0.0.1:18081/sdp"
			post(t, url, offerOf(t, tab, "source", `pc.addTrack((await ex.camera()).getVideoTracks()[0])`))
			first := e.signal()
			answerTo(t, tab, "source", first)
			e.says("Curl an base64 SDP")
			for _, viewer := range []string{"one", "two"} {
				post(t, url, offerOf(t, tab, viewer, `pc.addTransceiver('video', {direction: 'recvonly'})`))
				next := e.signal(first)
				if viewer == "two" {
					next = e.signal(first, next)
				}
				answerTo(t, tab, viewer, next)
			}
			gets(t, tab, "one", "video", 1, 20)
			gets(t, tab, "two", "video", 1, 20)
		},
		"rtp-to-webrtc": func(t *testing.T, tab context.Context) {
			pasteInto(t, startPionExample(t, "rtp-to-webrtc", nil), tab, `pc.addTransceiver('video', {direction: 'recvonly'})`)
			sendVP8(t, "127.0.0.1:5004")
			gets(t, tab, "pc", "video", 1, 20)
		},
		"simulcast": func(t *testing.T, tab context.Context) {
			e := startPionExample(t, "simulcast", nil)
			pasteInto(t, e, tab, `
				pc.addTransceiver((await ex.camera()).getVideoTracks()[0], {direction: 'sendonly',
					sendEncodings: [{rid: 'f'}, {rid: 'h', scaleResolutionDownBy: 2}, {rid: 'q', scaleResolutionDownBy: 4}]})
				for (let i = 0; i < 3; i++) pc.addTransceiver('video')`)
			// It knows the SSRC of a layer by its first packet. It answers with
			// transceivers that no offer takes (RFC 9429 section 5.10), so that
			// nothing comes back.
			for _, rid := range []string{"q", "h", "f"} {
				e.says(`Sending pli for stream with rid: "` + rid + `"`)
			}
		},
		"swap-tracks": func(t *testing.T, tab context.Context) {
			e := startPionExample(t, "swap-tracks", nil)
			pasteInto(t, e, tab, `
				for (const color of ['red', 'green', 'blue']) {
					const canvas = document.createElement('canvas')
					const context = canvas.getContext('2d')
					let n = 0
					setInterval(() => { context.fillStyle = n++ % 2 ? color : 'white'; context.fillRect(0, 0, 100, 100) }, 40)
					pc.addTrack(canvas.captureStream(25).getVideoTracks()[0])
				}`)
			e.says("Switched to track #2")
			gets(t, tab, "pc", "video", 1, 20)
		},
		"data-channels": func(t *testing.T, tab context.Context) {
			e := startPionExample(t, "data-channels", nil)
			pasteInto(t, e, tab, `
				pc.channel = pc.createDataChannel('foo')
				pc.channel.onopen = () => pc.channel.send('hello')
				pc.channel.onmessage = e => pc.heard = e.data`)
			e.says("Message from DataChannel 'foo': 'hello'")
			do(t, tab, `ex.until('message', () => ex.pcs.pc.heard)`, nil)
		},
		"rtcp-processing": func(t *testing.T, tab context.Context) {
			e := startPionExample(t, "rtcp-processing", nil)
			pasteInto(t, e, tab, sendCamera)
			e.says("SenderReport")
		},
		"stats": func(t *testing.T, tab context.Context) {
			e := startPionExample(t, "stats", nil)
			pasteInto(t, e, tab, sendCamera)
			e.says("Stats for: video/VP8")
			e.await("counts", func(line string) bool {
				var n int
				_, rest, ok := strings.Cut(line, "PacketsReceived: ")
				_, err := fmt.Sscan(rest, &n)
				return ok && err == nil && n > 20
			})
		},
		"ice-restart": func(t *testing.T, _ context.Context) {
			e := startPionExample(t, "ice-restart", map[string]string{"index.html": "EXAMPLE/index.html"})
			e.says("Open http://localhost:8080")
			waitForServer(t, "127.0.0.1:8080")
			tab := newTab(t, sharedBrowser(t), "http://localhost:8080/")
			do(t, tab, pastedPage, nil)
			const texts = `document.getElementById('inboundDataChannelMessages').children.length`
			do(t, tab, `ex.until('messages', () => `+texts+` > 1)`, nil)
			do(t, tab, `window.before = `+texts+`; window.ufrag = /ice-ufrag:(.*)/.exec(pc.remoteDescription.sdp)[1]; doSignaling(true); 0`, nil)
			do(t, tab, `ex.until('restart', () => /ice-ufrag:(.*)/.exec(pc.remoteDescription.sdp)[1] != window.ufrag)`, nil)
			do(t, tab, `ex.until('messages after the restart', () => `+texts+` > window.before + 1 && pc.iceConnectionState === 'connected')`, nil)
		},
	} {
		t.Run(name, func(t *testing.T) { run(t, pastePage(t)) })
	}
}

// Two programs with each other.
func TestPionExamplesRunWithEachOther(t *testing.T) {
	stunServer(t)
	t.Run("data-channels-detach-create and data-channels-detach", func(t *testing.T) {
		a, b := startPionExample(t, "data-channels-detach-create", nil), startPionExample(t, "data-channels-detach", nil)
		offer := a.signal()
		b.paste(offer)
		post(t, "http://127.0.0.1:8080/sdp", b.signal(offer))
		a.says("Message from DataChannel: ")
		b.says("Message from DataChannel: ")
	})
	t.Run("ortc", func(t *testing.T) {
		a, b := startPionExample(t, "ortc", nil, "-offer", "-port", "18082"), startPionExample(t, "ortc", nil)
		b.paste(a.signal())
		post(t, "http://127.0.0.1:18082/", b.signal())
		a.says("Message from DataChannel 'Foo': ")
		b.says("Message from DataChannel 'Foo': ")
	})
	t.Run("ortc-media", func(t *testing.T) {
		a := startPionExample(t, "ortc-media", map[string]string{"output.ivf": samples + "vp8.ivf"}, "-offer", "-port", "18083")
		b := startPionExample(t, "ortc-media", nil)
		b.paste(a.signal())
		post(t, "http://127.0.0.1:18083/", b.signal())
		b.says("Got RTP Packet with SSRC")
	})
}

func waitForFile(t testing.TB, path string, least int64) {
	t.Helper()
	for limit := time.Now().Add(40 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		info, err := os.Stat(path)
		if err == nil && info.Size() >= least {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s: %v, %v", path, info, err)
		}
	}
}

func waitForServer(t testing.TB, address string) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(limit) {
			t.Fatal(err)
		}
	}
}

// sendVP8 sends a file as plain RTP, again and again until the test ends.
func sendVP8(t testing.TB, address string) {
	t.Helper()
	conn, err := net.Dial("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	ended := make(chan error, 1)
	go func() { ended <- playVP8(conn, done) }()
	t.Cleanup(func() {
		close(done)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		conn.Close()
	})
}

func playVP8(conn io.Writer, done <-chan struct{}) error {
	packetizer := rtp.NewPacketizer(1200, 96, 1, &codecs.VP8Payloader{EnablePictureID: true}, rtp.NewRandomSequencer(), 90000)
	ticker := time.NewTicker(33 * time.Millisecond)
	defer ticker.Stop()
	for {
		file, err := os.Open(samples + "vp8.ivf")
		if err != nil {
			return err
		}
		frames, _, err := ivfreader.NewWith(file)
		if err != nil {
			return err
		}
		for {
			frame, _, err := frames.ParseNextFrame()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			for _, p := range packetizer.Packetize(frame, 3000) {
				raw, err := p.Marshal()
				if err != nil {
					return err
				}
				_, _ = conn.Write(raw) // refused until the program listens
			}
			select {
			case <-ticker.C:
			case <-done:
				return file.Close()
			}
		}
		file.Close()
	}
}
