package interop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startExample runs an example on a port of its own and returns the URL that it
// prints, and what it prints.
func startExample(t *testing.T, name string, args ...string) (url string, lines <-chan string) {
	t.Helper()
	cmd := exec.Command(build(t, name), append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed, urls, done := make(chan string, 1000), make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		defer close(printed)
		match := regexp.MustCompile(`http://[\d.:]+`)
		for scan := bufio.NewScanner(stdout); scan.Scan(); {
			if found := match.FindString(scan.Text()); found != "" {
				urls <- found
			}
			select {
			case printed <- scan.Text():
			default: // nobody reads so much
			}
		}
	}()
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); <-done; cmd.Wait() })
	select {
	case url = <-urls:
	case <-done:
	}
	if url == "" {
		t.Fatalf("%s printed no URL", name)
	}
	return url, printed
}

// waitLine waits until the program prints a line that matches.
func waitLine(t *testing.T, lines <-chan string, pattern string) string {
	t.Helper()
	match, limit, seen := regexp.MustCompile(pattern), time.After(patience), ""
	for {
		select {
		case line, ok := <-lines:
			if match.MatchString(line) {
				return line
			}
			seen += line + "\n"
			if ok {
				continue
			}
		case <-limit:
		}
		t.Fatalf("the program printed no %q, but:\n%s", pattern, seen)
	}
}

// waitFor waits until a JavaScript condition holds.
func waitFor(t *testing.T, tab context.Context, what, condition string) {
	t.Helper()
	waitWithin(t, tab, patience, what, condition)
}

// waitLong is waitFor for what a browser does when its estimate of the network
// allows it, which takes its time on a machine that does much else.
func waitLong(t *testing.T, tab context.Context, what, condition string) {
	t.Helper()
	waitWithin(t, tab, 2*patience, what, condition)
}

func waitWithin(t *testing.T, tab context.Context, limit time.Duration, what, condition string) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		var holds bool
		if err := evaluate(tab, "Promise.resolve("+condition+").then(Boolean)", &holds); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if holds {
			return
		}
		if time.Now().After(end) {
			var page, stats string
			evaluate(tab, "document.querySelector('main').innerText", &page)
			evaluate(tab, "(pc => pc ? pc.getStats().then(r => JSON.stringify([...r.values()].filter(s => /bound-rtp/.test(s.type)))) : '')(typeof pc === 'undefined' ? null : pc)", &stats)
			t.Fatalf("it did not come to %s; the page:\n%s\n%s", what, page, stats)
		}
	}
}

// receives waits until the page has decoded that many frames of video of the codec
// and that many packets of Opus came, of which fewer than half were concealed.
func receives(t *testing.T, tab context.Context, codec string, frames, packets int) {
	t.Helper()
	waitFor(t, tab, fmt.Sprintf("%d frames of %s and %d packets of Opus", frames, codec, packets), fmt.Sprintf(`pc.getStats().then(report => {
		const stats = [...report.values()], inbound = kind => stats.find(s => s.type === 'inbound-rtp' && s.kind === kind) ?? {};
		const codec = s => report.get(s.codecId)?.mimeType;
		const video = inbound('video'), audio = inbound('audio');
		return video.framesDecoded >= %d && codec(video) === 'video/%s' && audio.packetsReceived >= %d && codec(audio) === 'audio/opus' &&
			audio.concealedSamples < audio.totalSamplesReceived / 2;
	})`, frames, codec, packets))
}

// A colour is what a canvas says: red, green, blue, 0 to 255.
type colour [3]int

// near says whether the colours are the same but for what a codec changes.
func (c colour) near(d colour) bool {
	for i := range c {
		if c[i]-d[i] > 40 || d[i]-c[i] > 40 {
			return false
		}
	}
	return true
}

// pixels reads the colour at points of a video, given in parts of its width and
// height.
func pixels(t *testing.T, tab context.Context, id string, points ...[2]float64) []colour {
	t.Helper()
	list := ""
	for _, p := range points {
		list += fmt.Sprintf("[%v,%v],", p[0], p[1])
	}
	var colours []colour
	err := evaluate(tab, fmt.Sprintf(`(() => {
		const video = document.getElementById(%q), canvas = document.createElement('canvas');
		video.scrollIntoView(); // one that was never painted is black
		canvas.width = video.videoWidth; canvas.height = video.videoHeight;
		const context = canvas.getContext('2d');
		context.drawImage(video, 0, 0);
		return [%s].map(([x, y]) => [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data].slice(0, 3));
	})()`, id, list), &colours)
	if err != nil {
		t.Fatal(err)
	}
	return colours
}

// looks takes the three screenshots that a person should like.
func looks(t *testing.T, tab context.Context, name string) {
	t.Helper()
	screenshot(t, tab, name+".png", 1100, "light")
	screenshot(t, tab, name+"-dark.png", 1100, "dark")
	screenshot(t, tab, name+"-phone.png", 390, "light")
}

// The fake camera is a green picture with a pacman in it and a clock.
func TestReflectSendsCameraAndMicrophoneBack(t *testing.T) {
	url, lines := startExample(t, "reflect")
	for _, codec := range []string{"VP8", "VP9", "H264", "AV1"} {
		t.Run(codec, func(t *testing.T) {
			tab := newTab(t, sharedBrowser(t), url)
			waitFor(t, tab, "the choice of "+codec, fmt.Sprintf("[...document.getElementById('codec').options].some(o => o.value === %q)", codec))
			if err := evaluate(tab, fmt.Sprintf("document.getElementById('codec').value = %q", codec), nil); err != nil {
				t.Fatal(err)
			}
			click(t, tab, "start")
			waitText(t, tab, "headline", "^Connected$")
			waitLine(t, lines, "(?i)video comes back as video/"+codec)
			receives(t, tab, codec, 30, 50)
			comesBack(t, tab, "local", "remote")
			if codec == "VP8" {
				waitText(t, tab, "numbers", `Round trip\s+[\d.]+ ms`)
				looks(t, tab, "reflect")
			}
			click(t, tab, "stop")
			waitText(t, tab, "headline", "^Stopped$")
			waitLine(t, lines, "the page hung up")
		})
	}
}

// Where the program is not there the page says so.
func TestMediaPagesSayWhatWentWrong(t *testing.T) {
	url, _ := startExample(t, "reflect")
	tab := newTab(t, sharedBrowser(t), url)
	const refuse = `(() => { const post = fetch; window.fetch = (u, i) => post(u, { ...i, body: '{"type":"offer","sdp":"nonsense"}' }); return true })()`
	if err := evaluate(tab, refuse, nil); err != nil {
		t.Fatal(err)
	}
	click(t, tab, "start")
	waitText(t, tab, "why", "(?i)the Go program refused: .*sdp")
	if err := evaluate(tab, "(() => { window.fetch = () => Promise.reject(new Error('gone')); return true })()", nil); err != nil {
		t.Fatal(err)
	}
	click(t, tab, "start")
	waitText(t, tab, "why", "The Go program does not answer")
	screenshot(t, tab, "reflect-trouble.png", 1100, "light")
}

// The samples are ffmpeg's testsrc2, whose upper edge has bars of known colours.
func TestPlayFromDiskShowsEachFile(t *testing.T) {
	for _, codec := range []string{"VP8", "VP9", "H264", "AV1"} {
		t.Run(codec, func(t *testing.T) {
			url, lines := startExample(t, "play-from-disk", "-video", codec)
			tab := newTab(t, sharedBrowser(t), url)
			click(t, tab, "start")
			waitText(t, tab, "headline", "^Connected$")
			waitLine(t, lines, "played to the end; again")
			receives(t, tab, codec, 50, 160) // more than one round of 45 and 151
			shows(t, tab, "film")
			if codec == "VP8" {
				looks(t, tab, "play-from-disk")
			}
			click(t, tab, "stop")
			waitLine(t, lines, "the page hung up")
		})
	}
}

// shows waits until a video shows the samples' picture.
func shows(t *testing.T, tab context.Context, id string) {
	t.Helper()
	points := [][2]float64{{.36, .04}, {.53, .04}, {.81, .04}, {.91, .04}}
	yellowBlueMagentaCyan := []colour{{255, 253, 0}, {0, 0, 252}, {252, 0, 251}, {0, 255, 253}}
	becomes(t, "the bars", func() ([]colour, bool) {
		got := pixels(t, tab, id, points...)
		return got, slices.EqualFunc(got, yellowBlueMagentaCyan, colour.near)
	})
}

// cameraCorners are where the false camera's picture is green, away from its pacman and
// clock.
var cameraCorners = [][2]float64{{.95, .3}, {.95, .9}, {.05, .9}}

func notGreen(c colour) bool { return c[1] < c[0]+40 || c[1] < c[2]+40 }

// comesBack waits until a video shows what another one sends, the false camera.
func comesBack(t *testing.T, tab context.Context, sent, back string) {
	t.Helper()
	becomes(t, "the camera's corners and what came back", func() ([]colour, bool) {
		camera, got := pixels(t, tab, sent, cameraCorners...), pixels(t, tab, back, cameraCorners...)
		return append(camera, got...), !slices.ContainsFunc(camera, notGreen) && slices.EqualFunc(got, camera, colour.near)
	})
}

// becomes waits until colours are as wanted: a picture that lost packets is disturbed
// until the next key frame.
func becomes(t *testing.T, what string, look func() (got []colour, fine bool)) {
	t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		got, fine := look()
		if fine {
			t.Logf("%s are %v", what, got)
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s are %v", what, got)
		}
	}
}

// What Chromium sends is in the files, with the right codec; ffprobe reads them
// where it is installed, and decodes frames without an error.
func TestSaveToDiskWritesWhatChromiumSends(t *testing.T) {
	for codec, want := range map[string]struct{ file, codec string }{
		"VP8": {"video.ivf", "vp8"}, "VP9": {"video.ivf", "vp9"}, "AV1": {"video.ivf", "av1"}, "H264": {"video.h264", "h264"},
	} {
		t.Run(codec, func(t *testing.T) {
			dir := t.TempDir()
			url, lines := startExample(t, "save-to-disk", "-dir", dir)
			tab := newTab(t, sharedBrowser(t), url)
			waitFor(t, tab, "the choice of "+codec, fmt.Sprintf("[...document.getElementById('codec').options].some(o => o.value === %q)", codec))
			if err := evaluate(tab, fmt.Sprintf("document.getElementById('codec').value = %q", codec), nil); err != nil {
				t.Fatal(err)
			}
			click(t, tab, "start")
			waitText(t, tab, "headline", "^Recording$")
			waitFor(t, tab, "40 frames sent", "pc.getStats().then(r => [...r.values()].some(s => s.type === 'outbound-rtp' && s.kind === 'video' && s.framesSent >= 40))")
			if codec == "VP8" {
				looks(t, tab, "save-to-disk")
			}
			click(t, tab, "stop")
			waitLine(t, lines, "wrote .*recording-1")
			waitLine(t, lines, "wrote .*recording-1")
			for file, name := range map[string]string{want.file: want.codec, "audio.ogg": "opus"} {
				path := filepath.Join(dir, "recording-1", file)
				info, err := os.Stat(path)
				if err != nil || info.Size() < 2000 {
					t.Fatalf("%s: %v %v", path, info, err)
				}
				probe(t, path, name, 20)
			}
		})
	}
}

// probe decodes a file with ffprobe, where that is installed.
func probe(t *testing.T, path, codec string, frames int) {
	t.Helper()
	ffprobe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Logf("no ffprobe: %s is not decoded", filepath.Base(path))
		return
	}
	var complaints bytes.Buffer
	cmd := exec.Command(ffprobe, "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", path)
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Errorf("ffprobe %s: %v\n%s", filepath.Base(path), err, &complaints)
	}
	name, count, _ := strings.Cut(strings.TrimSpace(string(out)), ",")
	if n, _ := strconv.Atoi(strings.Trim(count, ",")); name != codec || n < frames {
		t.Errorf("ffprobe found %s in %s, want %s and at least %d frames", out, filepath.Base(path), codec, frames)
	}
	t.Logf("%s: %s frames of %s", filepath.Base(path), count, name)
}

// ffmpeg finds the program, or misses it.
func ffmpeg(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		missing(t, "ffmpeg: %v (Debian: apt-get install ffmpeg)", err)
	}
	return path
}

// ffmpeg sends a picture and a tone over UDP.
func TestRTPOfFFmpegComesToThePage(t *testing.T) {
	program := ffmpeg(t)
	url, lines := startExample(t, "rtp-to-webrtc", "-video", "127.0.0.1:0", "-audio", "127.0.0.1:0")
	tab := newTab(t, sharedBrowser(t), url)
	command := waitLine(t, lines, "  ffmpeg ") + waitLine(t, lines, "-c:v") + waitLine(t, lines, "-c:a")
	args := strings.Fields(strings.NewReplacer("'", "", "\\", "").Replace(strings.TrimPrefix(command, "  ffmpeg ")))
	sender := exec.Command(program, append([]string{"-nostdin", "-v", "error"}, args...)...)
	sender.Stderr = os.Stderr
	if err := sender.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sender.Process.Kill(); sender.Wait() })
	click(t, tab, "start")
	waitText(t, tab, "headline", "^Connected$")
	receives(t, tab, "VP8", 40, 60)
	shows(t, tab, "film")
	looks(t, tab, "rtp-to-webrtc")
}

// ffmpeg decodes what goes on over UDP, by the SDP file.
func TestFFmpegDecodesWhatIsForwarded(t *testing.T) {
	program := ffmpeg(t)
	file := filepath.Join(t.TempDir(), "forwarder.sdp")
	ports := freePorts(t, 2)
	url, lines := startExample(t, "rtp-forwarder", "-sdp", file, "-video", ports[0], "-audio", ports[1])
	tab := newTab(t, sharedBrowser(t), url)
	if err := evaluate(tab, "document.getElementById('codec').value = 'VP8'", nil); err != nil {
		t.Fatal(err)
	}
	click(t, tab, "start")
	waitText(t, tab, "headline", "^Connected$")
	waitLine(t, lines, "To see it: ffplay")
	looks(t, tab, "rtp-forwarder")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	receiver := exec.CommandContext(ctx, program, "-nostdin", "-v", "error", "-protocol_whitelist", "file,udp,rtp", "-i", file,
		"-frames:v", "30", "-frames:a", "50", "-f", "framecrc", "-")
	receiver.Stderr = os.Stderr
	out, err := receiver.Output()
	text := "\n" + string(out)
	video, audio := strings.Count(text, "\n0, "), strings.Count(text, "\n1, ")
	if err != nil || video != 30 || audio < 50 {
		t.Errorf("ffmpeg decoded %d pictures and %d packets of sound: %v\n%s", video, audio, err, text)
	}
}

// freePorts are addresses of UDP that nobody uses, with one free behind each for
// RTCP. They are below those that the system hands out, so that no socket of a browser
// takes one before the program that it is for.
func freePorts(t *testing.T, n int) (addrs []string) {
	t.Helper()
	free := func(port int) bool {
		conn, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}
	for port := 20000 + 2*rand.IntN(5000); len(addrs) < n; port += 2 {
		if port > 32000 {
			t.Fatal("no free ports of UDP")
		}
		if free(port) && free(port+1) {
			addrs = append(addrs, fmt.Sprintf("127.0.0.1:%d", port))
		}
	}
	return addrs
}

// Keys that are pressed in the page are printed, and pressed back.
func TestDTMFKeysGoBothWays(t *testing.T) {
	url, lines := startExample(t, "dtmf", "-tones", "7")
	tab := newTab(t, sharedBrowser(t), url)
	click(t, tab, "start")
	waitText(t, tab, "headline", "^Connected$")
	waitLine(t, lines, "sending 7")
	for _, key := range []string{"5", "#", "D"} {
		if err := evaluate(tab, fmt.Sprintf("press(%q)", key), nil); err != nil {
			t.Fatal(err)
		}
		waitLine(t, lines, "^received "+key)
		waitText(t, tab, "sent", key+"$")
	}
	waitFor(t, tab, "sound", "pc.getStats().then(r => [...r.values()].some(s => s.type === 'inbound-rtp' && s.totalAudioEnergy > 0))")
	looks(t, tab, "dtmf")
}
