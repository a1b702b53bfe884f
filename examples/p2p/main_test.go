package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// output is a screen that several goroutines may print to.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func TestACallerAndAListenerTalk(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	ctx, interrupt := context.WithCancel(t.Context())
	screen, stdout := io.Pipe()
	listener := make(chan int, 1)
	go func() {
		listener <- run(ctx, []string{"-listen", "127.0.0.1:0"}, stdout, stdout)
		stdout.Close()
	}()
	lines := bufio.NewScanner(screen)
	lines.Scan()
	_, url, found := strings.Cut(lines.Text(), "listening on ")
	if !found {
		t.Fatalf("the listener printed %q", lines.Text())
	}
	ended := make(chan []string, 1) // what the listener printed until the call ended
	go func() {
		var got []string
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "got ") {
				got = append(got, lines.Text())
			}
			if lines.Text() == "call ended" {
				ended <- got
			}
		}
	}()

	var callerOut, callerErr output
	if code := run(t.Context(), []string{"-call", url, "-count", "3"}, &callerOut, &callerErr); code != 0 {
		t.Fatalf("the caller's exit code is %d: %s", code, callerErr.String())
	}
	if n := strings.Count(callerOut.String(), "came back after"); n != 3 {
		t.Errorf("%d messages came back, want 3:\n%s", n, callerOut.String())
	}
	if got := <-ended; len(got) != 3 || got[0] != `got "message 1"` {
		t.Errorf("the listener printed %q", got)
	}
	interrupt()
	if code := <-listener; code != 0 {
		t.Errorf("the listener's exit code is %d after Ctrl-C, want 0", code)
	}
}

func TestWrongArgumentsGiveOneLine(t *testing.T) {
	for _, args := range [][]string{{}, {"-nonsense"}, {"-listen", "x", "-call", "y"}, {"-call", "x", "-count", "0"}, {"-listen", "x", "extra"}} {
		var stdout, stderr output
		if code := run(t.Context(), args, &stdout, &stderr); code != 2 || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%q: exit code %d, printed %q, want 2 and one line", args, code, stderr.String())
		}
	}
}

func TestACallToNobodyFailsWithOneLine(t *testing.T) {
	var stdout, stderr output
	if code := run(t.Context(), []string{"-call", "http://127.0.0.1:1"}, &stdout, &stderr); code != 1 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("exit code %d, printed %q, want 1 and one line", code, stderr.String())
	}
}
