package pionexamples

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	theirs = "github.com/pion/webrtc/v4"
	ours   = "github.com/passerelle-rtc/webrtc"
	copied = "example.test/examples"
)

// The STUN server of the examples, and the one that stands for it: examples that are
// run reach nothing beyond their machine.
const (
	theirServer = "stun.l.google.com:19302"
	// Server is where the copied examples look for a STUN server.
	Server = "127.0.0.1:19302"
)

// Copy makes a module of the examples in dir, with the prefix of their import paths
// changed, and the address of their STUN server. Its requirements are those of the
// module interop, in a package of which it has to be called.
func Copy(dir string) error {
	source, err := moduleDir(theirs)
	if err != nil {
		return err
	}
	root, err := moduleDir(ours)
	if err != nil {
		return err
	}
	examples := os.DirFS(filepath.Join(source, "examples"))
	err = fs.WalkDir(examples, ".", func(path string, entry fs.DirEntry, err error) error {
		target := filepath.Join(dir, filepath.FromSlash(path))
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := fs.ReadFile(examples, path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".go") {
			text = bytes.ReplaceAll(text, []byte(`"`+theirs), []byte(`"`+ours))
		}
		text = bytes.ReplaceAll(text, []byte(theirServer), []byte(Server))
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		return err
	}
	// The versions are those of the interop module, which has all that the
	// examples import.
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, "interop", name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	edit := exec.Command("go", "mod", "edit", "-module="+copied, "-replace="+ours+"="+root)
	edit.Dir = dir
	if out, err := edit.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", edit.Args, err, out)
	}
	return nil
}

// moduleDir is where the module lies that the interop module uses.
func moduleDir(module string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		return "", fmt.Errorf("where is %s? %w", module, err)
	}
	return dir, nil
}
