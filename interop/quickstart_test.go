package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// build compiles an example and returns the program's path.
func build(t *testing.T, example string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), example)
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-o", binary, "./examples/"+example)
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// quickstart starts the example and returns its URL.
func quickstart(t *testing.T) (url string, process *os.Process) {
	t.Helper()
	binary := build(t, "quickstart")
	cmd := exec.Command(binary, "-addr", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url = regexp.MustCompile(`http://\S+`).FindString(line)
	if url == "" {
		t.Fatalf("quickstart printed %q (%v), want a URL", line, err)
	}
	return url, cmd.Process
}

// waitText waits until the element with that id has a text that matches.
func waitText(t *testing.T, tab context.Context, id, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern)
	var text string
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := evaluate(tab, fmt.Sprintf("document.getElementById(%q).innerText", id), &text); err != nil {
			t.Fatal(err)
		}
		if match.MatchString(text) {
			return text
		}
		time.Sleep(20 * time.Millisecond)
	}
	var page string
	evaluate(tab, "document.body.innerText", &page)
	t.Fatalf("#%s is %q, want a match for %q; the page:\n%s", id, text, pattern, page)
	return ""
}

// artifact is the path of a file that CI keeps.
func artifact(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("PASSERELLE_ARTIFACTS")
	if dir == "" {
		dir = filepath.Join("..", "artifacts")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// screenshot takes the whole page at that width and colour scheme.
func screenshot(t *testing.T, tab context.Context, name string, width int64, scheme string) {
	t.Helper()
	look := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
	if err := chromedp.Do(tab, chromedp.EmulateViewport(width, 900), look); err != nil {
		t.Fatal(err)
	}
	if err := evaluate(tab, "new Promise(done => setTimeout(() => done(true), 400))", nil); err != nil { // transitions end
		t.Fatal(err)
	}
	var overflow bool
	if err := evaluate(tab, "document.documentElement.scrollWidth > innerWidth", &overflow); err != nil || overflow {
		t.Errorf("%s: the page is wider than its %d px window (%v)", name, width, err)
	}
	png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(artifact(t, name), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// personsTab opens url in a browser as a person has it: without permission for
// media, so that it shows its addresses only as mDNS names.
func personsTab(t *testing.T, url string) context.Context {
	t.Helper()
	browser, stop, err := startBrowser()
	if err != nil {
		missing(t, "Chromium: %v", err)
	}
	t.Cleanup(stop)
	return newTab(t, browser, url)
}

// click presses a button. It waits for it, but not for ever: a page whose script does
// not load has none.
func click(t *testing.T, tab context.Context, id string) {
	t.Helper()
	waitFor(t, tab, id+" ready to be clicked", fmt.Sprintf("!document.getElementById(%q).disabled", id))
	ctx, cancel := context.WithTimeout(tab, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS("#"+id))); err != nil {
		t.Fatalf("click %s: %v", id, err)
	}
}

func say(t *testing.T, tab context.Context, text string) {
	t.Helper()
	if err := chromedp.Do(tab, chromedp.SendKeys(chromedp.CSS("#text"), text+"\r")); err != nil {
		t.Fatal(err)
	}
	waitText(t, tab, "echoes", `(?s)^`+regexp.QuoteMeta(text)+`\s+[\d.]+ m?s`)
}

func TestQuickstartPageConnectsEchoesAndShowsEveryState(t *testing.T) {
	url, _ := quickstart(t)
	tab := personsTab(t, url)
	screenshot(t, tab, "quickstart-start.png", 1100, "light")

	click(t, tab, "connect")
	waitText(t, tab, "headline", `^Connected in [\d.]+ m?s$`)
	waitText(t, tab, "detail", `^Path: .* to .* over UDP`)
	for _, message := range []string{"Hello, bridge!", "Grüße über den Fluß", "<b>not markup</b>"} {
		say(t, tab, message)
	}
	for _, side := range []string{"browser", "go"} {
		waitText(t, tab, side+"-signaling", "^stable$")
		waitText(t, tab, side+"-gathering", "^complete$")
		waitText(t, tab, side+"-ice", "^(connected|completed)$")
		waitText(t, tab, side+"-connection", "^connected$")
		waitText(t, tab, side+"-dtls", "^connected$")
		waitText(t, tab, side+"-sctp", "^connected$")
		waitText(t, tab, side+"-channel-echo", "^open$")
	}
	for _, state := range []string{"Browser[^\n]*\n?.*ICE connection: checking", "Go\\s+Signaling: have-remote-offer", "Go\\s+Connection: connecting", "Go\\s+DTLS: connected"} {
		waitText(t, tab, "log", state)
	}
	var bridge int
	if err := evaluate(tab, "document.querySelectorAll('#bridge g.on').length", &bridge); err != nil || bridge != 5 {
		t.Errorf("%d planks of the bridge are built, want 5 (%v)", bridge, err)
	}
	waitText(t, tab, "median", `^[\d.]+ m?s$`)
	if err := evaluate(tab, "new Promise(done => setTimeout(() => done(true), 4000))", nil); err != nil { // some of the graph
		t.Fatal(err)
	}
	screenshot(t, tab, "quickstart.png", 1100, "light")
	screenshot(t, tab, "quickstart-dark.png", 1100, "dark")
	screenshot(t, tab, "quickstart-phone.png", 390, "light")

	click(t, tab, "disconnect")
	waitText(t, tab, "headline", "^Disconnected$")
	waitText(t, tab, "go-connection", "^closed$")
	click(t, tab, "connect")
	waitText(t, tab, "headline", `^Connected in`)
	say(t, tab, "again")
	var trouble bool
	if err := evaluate(tab, "!document.getElementById('trouble').hidden", &trouble); err != nil || trouble {
		t.Errorf("the page shows trouble where there is none (%v)", err)
	}
}

func TestQuickstartPageSaysThatTheProgramWentAway(t *testing.T) {
	url, process := quickstart(t)
	tab := personsTab(t, url)
	click(t, tab, "connect")
	waitText(t, tab, "headline", `^Connected in`)
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitText(t, tab, "why", "The Go program has gone away")
	waitText(t, tab, "hints", "go run ./examples/quickstart")
	waitText(t, tab, "go-connection", "^gone$")
	screenshot(t, tab, "quickstart-gone.png", 1100, "light")
	click(t, tab, "connect")
	waitText(t, tab, "why", "The Go program does not answer")
}

// Candidates whose ports lead nowhere stand for a firewall.
func TestQuickstartPageSaysWhyThereIsNoPath(t *testing.T) {
	url, _ := quickstart(t)
	tab := personsTab(t, url)
	const spoil = `(() => {
		const astray = text => text.replace(/(udp|UDP) (\d+) \S+ \d+ typ/, '$1 $2 127.0.0.1 9 typ');
		const add = RTCPeerConnection.prototype.addIceCandidate, post = window.fetch;
		RTCPeerConnection.prototype.addIceCandidate = function (c) {
			return add.call(this, c && { ...c, candidate: astray(c.candidate) });
		};
		window.fetch = (url, init) => post(url, url.endsWith('/candidates') ? { ...init, body: astray(init.body) } : init);
		return true;
	})()`
	if err := evaluate(tab, spoil, nil); err != nil {
		t.Fatal(err)
	}
	click(t, tab, "connect")
	end := time.Now().Add(60 * time.Second)
	for {
		var failed bool
		if err := evaluate(tab, "!document.getElementById('trouble').hidden", &failed); err != nil {
			t.Fatal(err)
		}
		if failed {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the page did not notice that there is no path")
		}
		time.Sleep(200 * time.Millisecond)
	}
	waitText(t, tab, "why", "No network path")
	waitText(t, tab, "hints", "firewall")
	screenshot(t, tab, "quickstart-no-path.png", 1100, "dark")
	var log string
	evaluate(tab, "document.getElementById('log').innerText", &log)
	if text, _ := json.Marshal(log); !strings.Contains(string(text), "failed") {
		t.Errorf("the log does not show the failed state: %s", text)
	}
}

// The camera is Chromium's false one. The channel of the first offer lives on.
func TestQuickstartPageShowsCameraAndFilmBesideItsChannel(t *testing.T) {
	url, _ := quickstart(t)
	tab := newTab(t, sharedBrowser(t), url)
	click(t, tab, "connect")
	waitText(t, tab, "headline", `^Connected in`)
	click(t, tab, "camera")
	waitText(t, tab, "camera", "^Stop$")
	click(t, tab, "film")
	waitText(t, tab, "film", "^Stop$")
	decoded := func(show string, frames int) {
		t.Helper()
		waitFor(t, tab, show+" decoded", fmt.Sprintf("%s.stats().then(s => s?.framesDecoded > %d)", show, frames))
	}
	decoded("film", 20)
	decoded("camera", 20)
	var before struct{ Camera, Film int }
	const count = `Promise.all([camera.stats(), film.stats()]).then(([c, f]) => ({ Camera: c.framesDecoded, Film: f.framesDecoded }))`
	if err := evaluate(tab, count, &before); err != nil {
		t.Fatal(err)
	}
	decoded("film", before.Film+30) // more than a key frame's distance
	decoded("camera", before.Camera+30)
	shows(t, tab, "screen")
	comesBack(t, tab, "seen", "back")
	waitText(t, tab, "log", `Go\s+the page's video comes back as video/VP8`)
	say(t, tab, "beside the pictures")
	screenshot(t, tab, "quickstart-media.png", 1100, "light")
	screenshot(t, tab, "quickstart-media-dark.png", 1100, "dark")
	screenshot(t, tab, "quickstart-media-phone.png", 390, "light")

	click(t, tab, "film")
	waitText(t, tab, "log", "the film has stopped")
	waitText(t, tab, "film", "^Play it$")
	click(t, tab, "film") // a second time, in the places that the first has left
	waitText(t, tab, "film", "^Stop$")
	decoded("film", 20)
	click(t, tab, "camera")
	waitText(t, tab, "camera", "^Send it$")
	waitFor(t, tab, "the camera's end", "$('seen').srcObject === null")
	say(t, tab, "and after them")
	click(t, tab, "disconnect")
	waitText(t, tab, "go-connection", "^closed$")
	waitFor(t, tab, "buttons that wait for a connection", "$('camera').disabled && $('film').disabled && !$('screen').srcObject")
}
