package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A program is a peer program of peers/: one process for the whole run, started
// by the first test that needs it. It reads calls from its standard input and
// answers on its standard output, a JSON object a line, and ends when its input
// does. Its first line names the stack's version.
type program struct {
	name    string
	command func() (*exec.Cmd, error) // the error says what is missing

	started bool
	deaths  int
	err     error // why there is none
	version string
	stdin   io.WriteCloser
	stderr  ending
	ended   chan struct{}
	wait    func() error

	mu      sync.Mutex
	calls   int
	replies map[int]chan reply
}

type reply struct {
	ID      int
	Result  json.RawMessage
	Error   string
	Version string
}

// callLimit is longer than any wait of a peer program.
const callLimit = 3 * time.Minute

// node runs a program under peers/ with Node and the packages of package.json.
func node(script string) func() (*exec.Cmd, error) {
	return func() (*exec.Cmd, error) {
		path, err := exec.LookPath("node")
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat("peers/node_modules"); err != nil {
			return nil, errors.New("its packages are not installed (npm ci in interop/peers)")
		}
		return exec.Command(path, filepath.Join("peers", script)), nil
	}
}

// python runs a program under peers/ with the Python that has the system's
// packages. PASSERELLE_PYTHON names another.
func python(script string, needs ...string) func() (*exec.Cmd, error) {
	return func() (*exec.Cmd, error) {
		for _, name := range []string{os.Getenv("PASSERELLE_PYTHON"), "/usr/bin/python3", "python3"} {
			path, err := exec.LookPath(name)
			if err != nil {
				continue
			}
			for _, module := range needs {
				if exec.Command(path, "-c", "import "+module).Run() != nil {
					return nil, fmt.Errorf("%s has no module %s", path, module)
				}
			}
			return exec.Command(path, "-u", filepath.Join("peers", script)), nil
		}
		return nil, errors.New("no Python 3")
	}
}

// maxDeaths bounds how often a program is started anew.
const maxDeaths = 5

// ensure starts the program, also anew where it has ended: GStreamer 1.22 dies now and
// then as it tears a pipeline down, behind the test that made that.
func (p *program) ensure(t testing.TB) {
	t.Helper()
	if p.started {
		select {
		case <-p.ended:
		default:
			return
		}
		_ = p.wait()
		p.deaths++
		t.Logf("%s has died, time %d: %s", p.name, p.deaths, p.stderr.text())
		if p.deaths > maxDeaths {
			t.Fatalf("%s keeps dying", p.name)
		}
	}
	p.started = true
	p.begin()
}

func (p *program) begin() {
	cmd, err := p.command()
	if err != nil {
		p.err = err
		return
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.err = err
		return
	}
	if p.stdin, p.err = cmd.StdinPipe(); p.err != nil {
		return
	}
	cmd.Stderr = &p.stderr
	if p.err = cmd.Start(); p.err != nil {
		return
	}
	p.replies, p.ended, p.wait = map[int]chan reply{}, make(chan struct{}), cmd.Wait
	hello := make(chan reply, 1)
	p.replies[0] = hello
	go p.read(stdout)
	select {
	case r := <-hello:
		p.version = r.Version
	case <-p.ended:
		p.err = fmt.Errorf("%s ended before it was ready: %s", p.name, p.stderr.text())
	case <-time.After(callLimit):
		p.err = fmt.Errorf("%s is not ready after %v: %s", p.name, callLimit, p.stderr.text())
	}
}

// read hands replies to those who wait for them, until the program ends.
func (p *program) read(stdout io.Reader) {
	defer close(p.ended)
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var r reply
		if json.Unmarshal(line, &r) != nil {
			p.stderr.Write(line) // something else that the stack prints
			continue
		}
		p.mu.Lock()
		waiting := p.replies[r.ID]
		delete(p.replies, r.ID)
		p.mu.Unlock()
		if waiting != nil {
			waiting <- r
		}
	}
}

// call runs a method of one of the program's peers.
func (p *program) call(result any, peer int, method string, args ...any) error {
	if args == nil {
		args = []any{}
	}
	answer := make(chan reply, 1)
	p.mu.Lock()
	p.calls++
	id := p.calls
	p.replies[id] = answer
	text, err := json.Marshal(map[string]any{"id": id, "peer": peer, "method": method, "args": args})
	if err == nil {
		_, err = p.stdin.Write(append(text, '\n'))
	}
	p.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case r := <-answer:
		switch {
		case r.Error != "":
			return errors.New(r.Error)
		case result == nil:
			return nil
		}
		return json.Unmarshal(r.Result, result)
	case <-p.ended:
		return fmt.Errorf("the program ended: %s", p.stderr.text())
	case <-time.After(callLimit):
		return fmt.Errorf("no answer in %v: %s", callLimit, p.stderr.text())
	}
}

// newPeer makes a peer in the program, from what its newPeer takes, which the test's
// end closes.
func (p *program) newPeer(t testing.TB, args ...any) *drivenPeer {
	t.Helper()
	var index int
	for {
		p.ensure(t)
		if p.err != nil {
			missing(t, "%s: %v", p.name, p.err)
		}
		err := p.call(&index, -1, "newPeer", args...)
		if err == nil {
			break
		}
		select {
		case <-p.ended: // start it anew
		case <-time.After(time.Second):
			t.Fatalf("%s: %v", p.name, err)
		}
	}
	d := &drivenPeer{p.name, func(result any, method string, args ...any) error {
		return p.call(result, index, method, args...)
	}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s says: %s", p.name, p.stderr.text())
		}
		if err := d.Close(); err != nil {
			t.Logf("close: %v", err)
		}
	})
	return d
}

// One death behind a test's end does not take the tests that follow.
func TestAProgramThatDiedIsStartedAnew(t *testing.T) {
	p := &program{name: "aiortc, to end", command: aiortc.command}
	p.newPeer(t)
	p.stdin.Close()
	<-p.ended
	p.newPeer(t)
	if p.deaths != 1 {
		t.Errorf("%d deaths", p.deaths)
	}
	p.stop()
}

// stop ends the program, if it was started.
func (p *program) stop() {
	if p.wait == nil {
		return
	}
	p.stdin.Close()
	<-p.ended
	p.wait()
}

// ending keeps the end of what is written to it.
type ending struct {
	mu  sync.Mutex
	end []byte
}

func (t *ending) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, b...)
	t.end = t.end[max(0, len(t.end)-4096):]
	return len(b), nil
}

func (t *ending) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.end))
}
