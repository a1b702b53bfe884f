package interop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// firefox is one browser for the whole run, driven over Marionette, with one
// page that holds every test's RTCPeerConnections.
var firefox struct {
	once    sync.Once
	err     error
	version string
	client  *marionette
	stop    func()
}

// firefoxPage is the shared page, started at the first use.
func firefoxPage(t testing.TB) page {
	t.Helper()
	firefox.once.Do(startFirefox)
	if firefox.err != nil {
		missing(t, "Firefox: %v", firefox.err)
	}
	return firefox.client.evaluate
}

func newFirefoxPeer(t testing.TB) remote {
	d := inPage(t, "Firefox", firefoxPage(t), "newPeer()")
	t.Cleanup(func() { d.Close() })
	return d
}

func newFirefoxMedia(t testing.TB) mediaRemote {
	d := inPage(t, "Firefox", firefoxPage(t), "newMediaPeer()")
	t.Cleanup(func() { d.Close() })
	return browserMedia{d}
}

func stopFirefox() {
	if firefox.stop != nil {
		firefox.stop()
	}
}

// firefoxPrefs has fake devices without a question, real host addresses in
// candidates, and nothing that looks for the network.
const firefoxPrefs = `user_pref("marionette.port", %d);
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.autoplay.default", 0);
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
`

func startFirefox() {
	path := os.Getenv("PASSERELLE_FIREFOX")
	for _, name := range []string{"firefox-esr", "firefox"} {
		if path == "" {
			path, firefox.err = exec.LookPath(name)
		}
	}
	if path == "" {
		firefox.err = errors.New("no Firefox in PATH (Debian: apt-get install firefox-esr)")
		return
	}
	profile, err := os.MkdirTemp("", "passerelle-firefox-")
	if err != nil {
		firefox.err = err
		return
	}
	port := freePort()
	firefox.err = os.WriteFile(filepath.Join(profile, "user.js"), fmt.Appendf(nil, firefoxPrefs, port), 0o600)
	if firefox.err != nil {
		return
	}
	end, err := leash(exec.Command(path, "--headless", "--marionette", "--no-remote", "--profile", profile))
	if err != nil {
		firefox.err = err
		return
	}
	server := httptest.NewServer(http.FileServerFS(pageFiles))
	firefox.stop = func() {
		if firefox.client != nil {
			firefox.client.conn.Close()
		}
		end()
		server.Close()
		os.RemoveAll(profile)
	}
	firefox.client, firefox.version, firefox.err = dialMarionette(port, server.URL+"/page/peer.html")
}

// freePort is a TCP port of 127.0.0.1 that was free a moment ago.
func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// marionette is a client of Firefox's remote protocol: messages are a length, a
// colon and JSON; a call is [0, id, name, parameters], its answer [1, id, error,
// result]. One call at a time.
type marionette struct {
	mu     sync.Mutex
	conn   net.Conn
	reader *bufio.Reader
	calls  int
}

// dialMarionette waits for the browser and opens a page in it.
func dialMarionette(port int, url string) (*marionette, string, error) {
	var conn net.Conn
	var err error
	for range 300 { // the browser says nothing when it is ready
		conn, err = net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		return nil, "", fmt.Errorf("no Marionette after 30 s: %w", err)
	}
	m := &marionette{conn: conn, reader: bufio.NewReader(conn)}
	if _, err := m.read(); err != nil { // its greeting
		return m, "", err
	}
	raw, err := m.call("WebDriver:NewSession", map[string]any{})
	if err != nil {
		return m, "", err
	}
	var session struct {
		Capabilities struct{ BrowserName, BrowserVersion string }
	}
	if err := json.Unmarshal(raw, &session); err != nil {
		return m, "", err
	}
	if _, err := m.call("WebDriver:SetTimeouts", map[string]any{"script": 180_000}); err != nil {
		return m, "", err
	}
	_, err = m.call("WebDriver:Navigate", map[string]any{"url": url})
	return m, "Firefox " + session.Capabilities.BrowserVersion, err
}

func (m *marionette) read() ([]byte, error) {
	length, err := m.reader.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(length[:len(length)-1])
	if err != nil {
		return nil, err
	}
	text := make([]byte, n)
	_, err = io.ReadFull(m.reader, text)
	return text, err
}

func (m *marionette) call(name string, parameters any) (json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	text, err := json.Marshal([]any{0, m.calls, name, parameters})
	if err != nil {
		return nil, err
	}
	m.conn.SetDeadline(time.Now().Add(4 * time.Minute))
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(text), text); err != nil {
		return nil, err
	}
	for {
		text, err := m.read()
		if err != nil {
			return nil, err
		}
		var answer [4]json.RawMessage
		if err := json.Unmarshal(text, &answer); err != nil {
			return nil, err
		}
		if string(answer[1]) != strconv.Itoa(m.calls) {
			continue
		}
		if string(answer[2]) != "null" {
			return nil, fmt.Errorf("%s: %s", name, answer[2])
		}
		return answer[3], nil
	}
}

// evaluate is a page's.
func (m *marionette) evaluate(expression string, result any) error {
	const script = `return (async () => ({ json: JSON.stringify(await window.eval(arguments[0])) }))()
		.catch(e => ({ error: String(e) }))`
	raw, err := m.call("WebDriver:ExecuteScript", map[string]any{"script": script, "args": []any{expression}})
	if err != nil {
		return err
	}
	var answer struct{ Value struct{ JSON, Error string } }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	switch {
	case answer.Value.Error != "":
		return errors.New(answer.Value.Error)
	case result == nil:
		return nil
	}
	return json.Unmarshal([]byte(answer.Value.JSON), result)
}

// leash starts a program that does not end with its standard input under a
// shell that does: so it ends with this process, whatever that dies of.
func leash(cmd *exec.Cmd) (end func(), err error) {
	const script = `"$@" >/dev/null 2>&1 & child=$!; cat >/dev/null; kill $child; wait $child`
	shell := exec.Command("sh", append([]string{"-c", script, "sh", cmd.Path}, cmd.Args[1:]...)...)
	shell.Env, shell.Dir = cmd.Env, cmd.Dir
	input, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}
	return func() { input.Close(); shell.Wait() }, nil
}
