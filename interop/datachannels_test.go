package interop

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The page of examples/data-channels, opened as a file, and its program in a
// terminal carry their descriptions by copy and paste.
func TestCopyAndPastePageChatsWithTheTerminal(t *testing.T) {
	page, err := filepath.Abs("../examples/data-channels/page.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, offerer := range []string{"terminal", "page"} {
		t.Run("the "+offerer+" offers", func(t *testing.T) {
			tab := personsTab(t, "file://"+filepath.ToSlash(page))
			var args []string
			if offerer == "terminal" {
				args = append(args, "-offer")
			}
			cmd := exec.Command(build(t, "data-channels"), args...)
			keyboard, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
			screen := bufio.NewScanner(stdout)
			line := func(prefix string) string {
				t.Helper()
				for screen.Scan() {
					if strings.HasPrefix(screen.Text(), prefix) {
						return screen.Text()
					}
				}
				t.Fatalf("the program ended before it printed %q", prefix)
				return ""
			}
			toPage := func() {
				t.Helper()
				script := fmt.Sprintf("document.getElementById('theirs').value = %q; document.getElementById('apply').onclick()", line("eyJ"))
				if err := evaluate(tab, script, nil); err != nil {
					t.Fatal(err)
				}
			}
			toTerminal := func() {
				t.Helper()
				var ours string
				copied := `new Promise(done => { const look = () => { const v = document.getElementById('ours').value; v ? done(v) : setTimeout(look, 20) }; look() })`
				if err := evaluate(tab, copied, &ours); err != nil {
					t.Fatal(err)
				}
				io.WriteString(keyboard, ours+"\n")
			}
			if offerer == "terminal" {
				toPage()
				toTerminal()
			} else {
				click(t, tab, "offer")
				toTerminal()
				toPage()
			}
			line("* type a line")
			waitText(t, tab, "state", "connected")
			io.WriteString(keyboard, "Hello, page\n")
			waitText(t, tab, "chat", "> Hello, page")
			if err := evaluate(tab, "document.getElementById('text').value = 'Hello, terminal'; document.getElementById('form').requestSubmit()", nil); err != nil {
				t.Fatal(err)
			}
			if got := line("> "); got != "> Hello, terminal" {
				t.Errorf("the terminal shows %q", got)
			}
		})
	}
}
