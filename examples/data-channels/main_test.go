package main

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// terminal is one running program with its keyboard and its screen.
type terminal struct {
	t      *testing.T
	keys   *io.PipeWriter
	screen *bufio.Scanner
	exit   chan int
}

func start(t *testing.T, args ...string) *terminal {
	stdin, keys := io.Pipe()
	output, stdout := io.Pipe()
	term := &terminal{t, keys, bufio.NewScanner(output), make(chan int, 1)}
	go func() {
		code := run(t.Context(), args, stdin, stdout, stdout)
		stdin.Close()
		stdout.Close()
		term.exit <- code
	}()
	return term
}

// read returns the line after the one that begins with prefix, or, when next
// is 0, that line itself.
func (term *terminal) read(prefix string, next int) string {
	term.t.Helper()
	for term.screen.Scan() {
		if strings.HasPrefix(term.screen.Text(), prefix) {
			for range next {
				term.screen.Scan()
			}
			return term.screen.Text()
		}
	}
	term.t.Fatalf("the program ended before it printed %q", prefix)
	return ""
}

func (term *terminal) enter(line string) { io.WriteString(term.keys, line+"\n") }

// drain lets the program print what nobody reads.
func (term *terminal) drain() {
	for term.screen.Scan() {
	}
}

func TestTwoTerminalsChat(t *testing.T) {
	offerer, answerer := start(t, "-offer"), start(t)
	offer := offerer.read("* copy this offer", 1)
	offerer.read("* paste the answer", 0)
	answerer.read("* paste the offer", 0)
	answerer.enter("not base64!")
	answerer.read("* that does not work", 0)
	answerer.enter(offer)
	offerer.enter(answerer.read("* copy this answer", 1))
	offerer.read("* type a line", 0)
	answerer.read("* type a line", 0)

	offerer.enter("Hello from one side")
	if line := answerer.read("> ", 0); line != "> Hello from one side" {
		t.Errorf("the answerer printed %q", line)
	}
	answerer.enter("Grüße zurück")
	if line := offerer.read("> ", 0); line != "> Grüße zurück" {
		t.Errorf("the offerer printed %q", line)
	}
	go offerer.drain()
	go answerer.drain()
	offerer.keys.Close() // Ctrl-D on one side ends both
	if a, b := <-offerer.exit, <-answerer.exit; a != 0 || b != 0 {
		t.Errorf("exit codes %d and %d, want 0 and 0", a, b)
	}
}

func TestWrongArgumentsGiveOneLine(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"extra"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
		if stdout.Len() > 0 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), args[0][1:]) {
			t.Errorf("%q printed %q and %q, want one line that names the argument", args, stdout.String(), stderr.String())
		}
	}
}

func TestInputThatEndsEarlyIsAnError(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), nil, strings.NewReader(""), &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "input ended") {
		t.Errorf("exit code %d, printed %q", code, stderr.String())
	}
}
