package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// output is a screen that several goroutines may print to.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	watch func(p []byte) // when set, sees what is printed
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watch != nil {
		o.watch(p)
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func TestLoopbackTransfersAndComparesHashes(t *testing.T) {
	var stdout, stderr output
	if code := run(t.Context(), []string{"-loopback", "-size", "4"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	for _, want := range []string{"sender    connection  connected", "receiver  ice         connected", "100 %", "4 MB in", "SHA-256 equal"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is missing in\n%s", want, stdout.String())
		}
	}
}

func TestLoopbackEndsCleanlyWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr output
	stdout.watch = func(p []byte) {
		if bytes.Contains(p, []byte("sending")) {
			cancel()
		}
	}
	if code := run(ctx, []string{"-loopback", "-size", "100000"}, &stdout, &stderr); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	if !strings.Contains(stdout.String(), "stopped after") || stderr.String() != "quickstart: interrupted\n" {
		t.Errorf("printed %q and %q", stdout.String(), stderr.String())
	}
}

func TestWrongFlagsGiveOneLineWithAHint(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"-size", "0"}, {"-size", "x"}, {"-size", "1000001"}, {"extra"}} {
		var stdout, stderr output
		if code := run(t.Context(), args, &stdout, &stderr); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
		if text := stderr.String(); stdout.String() != "" || strings.Count(text, "\n") != 1 || !strings.Contains(text, "quickstart -h") {
			t.Errorf("%q printed %q and %q, want one line with a hint", args, stdout.String(), text)
		}
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	var stdout, stderr output
	if code := run(t.Context(), []string{"-h"}, &stdout, &stderr); code != 0 || stderr.String() != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
	for _, flag := range []string{"-addr", "-loopback", "-size"} {
		if !strings.Contains(stdout.String(), flag) {
			t.Errorf("%s is missing in %q", flag, stdout.String())
		}
	}
}

func TestABusyPortGivesOneLine(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var stdout, stderr output
	code := run(t.Context(), []string{"-addr", other.Addr().String()}, &stdout, &stderr)
	if text := stderr.String(); code != 1 || strings.Count(text, "\n") != 1 || !strings.Contains(text, "-addr") {
		t.Errorf("exit code %d, printed %q, want 1 and one line that says what to do", code, text)
	}
}

func TestTheServerPrintsItsURLAndEndsOnInterrupt(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	screen, stdout := io.Pipe()
	exit := make(chan int, 1)
	go func() { exit <- run(ctx, []string{"-addr", "127.0.0.1:0"}, stdout, io.Discard) }()
	line := make([]byte, 200)
	n, _ := screen.Read(line)
	_, rest, _ := strings.Cut(string(line[:n]), "Open ")
	url, _, _ := strings.Cut(rest, " ")
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if !bytes.Equal(body, page) {
		t.Errorf("GET %s did not return the page but %.100q", url, body)
	}
	interrupt()
	select {
	case code := <-exit:
		if code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	case <-time.After(10 * time.Second):
		t.Error("the server did not end")
	}
}
