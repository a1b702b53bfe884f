package interop

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

//go:embed page
var pageFiles embed.FS

// browserPath finds Chromium. PASSERELLE_CHROMIUM names another executable.
var browserPath = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("PASSERELLE_CHROMIUM"); path != "" {
		return exec.LookPath(path)
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium in PATH (Debian: apt-get install chromium)")
})

// browserVersion is what --version prints, or why there is none.
var browserVersion = sync.OnceValue(func() string {
	path, err := browserPath()
	if err != nil {
		return "no Chromium"
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "Chromium (" + err.Error() + ")"
	}
	return strings.TrimSpace(string(out))
})

var shared struct {
	once sync.Once
	ctx  context.Context
	err  error
	stop func()
}

// sharedBrowser is one browser with media permission, hence with raw host
// candidates. Each test opens its own tab in it.
func sharedBrowser(t testing.TB) context.Context {
	t.Helper()
	shared.once.Do(func() {
		shared.ctx, shared.stop, shared.err = startBrowser("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream")
	})
	if shared.err != nil {
		missing(t, "Chromium: %v", shared.err)
	}
	return shared.ctx
}

func stopBrowser() {
	if shared.stop != nil {
		shared.stop()
	}
}

// startBrowser starts headless Chromium with an empty profile and more flags.
func startBrowser(flags ...string) (context.Context, func(), error) {
	path, err := browserPath()
	if err != nil {
		return nil, nil, err
	}
	profile, err := os.MkdirTemp("", "passerelle-chromium-")
	if err != nil {
		return nil, nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU)
	for _, flag := range append(flags, "disable-quic", "disable-component-update", "allow-loopback-in-peer-connection") {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopTab := chromedp.NewContext(allocator)
	stop := func() {
		stopTab()
		stopAllocator()
		os.RemoveAll(profile)
	}
	// The first call starts the process; a deadline on its context would end it.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		stop()
		return nil, nil, fmt.Errorf("cannot start %s: %w", path, err)
	}
	return ctx, stop, nil
}

// newTab opens url in a tab that is closed with the test. Nothing is taken from the
// browser's cache: several programs serve their pages at the same address, and files
// that are written within a second count as unchanged.
func newTab(t testing.TB, browser context.Context, url string) context.Context {
	t.Helper()
	tab, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	uncached := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
		return err
	})
	if err := chromedp.Do(tab, uncached, chromedp.Navigate(url)); err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	return tab
}

// harness opens the page that holds the tests' RTCPeerConnections.
func harness(t testing.TB) context.Context {
	t.Helper()
	server := httptest.NewServer(http.FileServerFS(pageFiles)) // 127.0.0.1 is a secure context
	t.Cleanup(server.Close)
	return newTab(t, sharedBrowser(t), server.URL+"/page/peer.html")
}

// evaluate runs a JavaScript expression, waits for the promise that it may be,
// and decodes its JSON.
func evaluate(tab context.Context, expression string, result any) error {
	ctx, cancel := context.WithTimeout(tab, 3*time.Minute)
	defer cancel()
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return err
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(raw, result)
}
