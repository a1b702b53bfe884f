package pionexamples

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
	"regexp"
	"slices"
	"strings"
	"testing"
)

// doNotBuild are the examples that use what is missing, and what that is.
var doNotBuild = map[string]string{
	"vnet/show-network-usage": "SetNet: another network",
}

// Each example of pion/webrtc is a program that moves by changing the prefix of
// its import paths.
func TestPionExamplesBuildWithTheImportPathChanged(t *testing.T) {
	dir := copyExamples(t)
	missing := unresolved(t, dir)
	failed := build(t, dir, missing)
	var names []string
	for name := range missing {
		names = append(names, name)
	}
	slices.Sort(names)
	builds := 0
	var table strings.Builder
	for _, name := range names {
		reasons := missing[name]
		if len(reasons) == 0 {
			reasons = failed[name]
		}
		if len(reasons) == 0 {
			builds++
			fmt.Fprintf(&table, "%-36s builds\n", name)
			if doNotBuild[name] != "" {
				t.Errorf("%s builds: take it from the list of those that do not", name)
			}
			continue
		}
		fmt.Fprintf(&table, "%-36s %s\n", name, strings.Join(reasons[:min(len(reasons), 3)], "; "))
		if doNotBuild[name] == "" {
			t.Errorf("%s does not build any more:\n\t%s", name, strings.Join(reasons, "\n\t"))
		}
	}
	for name := range doNotBuild {
		if !slices.Contains(names, name) {
			t.Errorf("there is no example %s", name)
		}
	}
	t.Logf("%d of the %d examples of %s build\n%s", builds, len(names), theirs, &table)
}

// copyExamples makes a module of the examples, with the prefix changed.
func copyExamples(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := Copy(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// unresolved lists the programs, each with the imports that do not exist.
func unresolved(t *testing.T, dir string) map[string][]string {
	t.Helper()
	list := exec.Command("go", "list", "-e", "-json=ImportPath,Name,DepsErrors,Error", "./...")
	list.Dir = dir
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	missing := map[string][]string{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Name string
			Error            *struct{ Err string }
			DepsErrors       []struct{ Err string }
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return missing
		} else if err != nil {
			t.Fatal(err)
		}
		name, _ := program(p.ImportPath)
		missing[name] = nil
		if p.Error != nil {
			missing[name] = append(missing[name], short(p.Error.Err))
		}
		for _, e := range p.DepsErrors {
			if text := short(e.Err); !slices.Contains(missing[name], text) {
				missing[name] = append(missing[name], text)
			}
		}
	}
}

// server is the program in the examples' own folder, which serves their pages.
const server = "examples.go"

// program is the name of an example.
func program(importPath string) (name string, ok bool) {
	if importPath == copied {
		return server, true
	}
	return strings.CutPrefix(importPath, copied+"/")
}

var (
	position = regexp.MustCompile(`^\S+\.go:\d+:\d+: `)
	lacks    = regexp.MustCompile(`(?s).*(?:provides|contain) package ([^\s;]+).*`)
)

// short is a message of the go command without its position and advice.
func short(text string) string {
	text = position.ReplaceAllString(strings.TrimSpace(text), "")
	return lacks.ReplaceAllString(text, "no package $1")
}

// build compiles the programs whose imports exist, without linking them, and
// returns the errors of those that do not compile.
func build(t *testing.T, dir string, missing map[string][]string) map[string][]string {
	t.Helper()
	args := []string{"build", "-json", "-gcflags=-e"}
	for name, reasons := range missing {
		if len(reasons) == 0 {
			args = append(args, strings.TrimSuffix("./"+name, server))
		}
	}
	if len(args) == 3 {
		return nil
	}
	// The go command links a program that is built alone.
	cmd := exec.Command("go", append(args, "./"+probe(t, dir))...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	failed := map[string][]string{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct{ ImportPath, Action, Output string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("go build -json printed %q: %v", lines.Text(), err)
		}
		name, isExample := program(e.ImportPath)
		if e.Action == "build-output" && isExample && !strings.HasPrefix(e.Output, "#") {
			if text := short(e.Output); !slices.Contains(failed[name], text) {
				failed[name] = append(failed[name], text)
			}
		} else if e.Action == "build-fail" && !isExample {
			t.Fatalf("%s does not build:\n%s%s", e.ImportPath, out, &stderr)
		}
	}
	if err != nil && len(failed) == 0 {
		t.Fatalf("go build: %v\n%s", err, &stderr)
	}
	return failed
}

// probe writes an empty package, so that there are always at least two to build.
func probe(t *testing.T, dir string) string {
	t.Helper()
	const name = "probe"
	if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name, "probe.go"), []byte("package probe\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}
