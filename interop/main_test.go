package interop

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if runNATPeer() {
		return
	}
	if code, done := runIsolated(); done {
		os.Exit(code)
	}
	code := m.Run()
	stopBrowser()
	removeExamples()
	stopPeers()
	fmt.Printf("interop: peers: %s; pion/webrtc %s; network: %s\n",
		peerVersions(), moduleVersion("github.com/pion/webrtc/v4"), networkKind())
	os.Exit(code)
}

// moduleVersion is the version of a dependency that go.mod selects.
func moduleVersion(path string) string {
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", path).Output()
	if err != nil {
		return "(version unknown)"
	}
	return strings.TrimSpace(string(version))
}

// missing skips a test whose peer is not there, or fails it where peers are
// required.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("PASSERELLE_INTEROP_REQUIRED") == "1" {
		t.Fatalf("required peer is missing: "+format, args...)
	}
	t.Skipf(format, args...)
}
