// Package archtest fails the build when a rule of the architecture is broken
// (docs/architecture.md, "The house"). Its rules read the source of the whole
// module, all platforms, tags ignored; modules nested in it (interop, bench)
// are not looked at. For tests only.
package archtest

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

const modulePath = "github.com/passerelle-rtc/webrtc"

// source is one parsed Go file.
type source struct {
	path  string // in the module, slash-separated: "internal/ice/agent.go"
	lines int
	fset  *token.FileSet
	ast   *ast.File

	bubbles bool // some test file of the same directory imports testing/synctest
}

// dir is the file's package, "." for the root.
func (s *source) dir() string { return path.Dir(s.path) }

// test reports whether only `go test` builds the file.
func (s *source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// imported is one import of a file. name is empty unless it is renamed.
type imported struct {
	path, name string
	pos        token.Pos
}

func (s *source) imports() []imported {
	var list []imported
	for _, spec := range s.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused it
		}
		i := imported{path: p, pos: spec.Pos()}
		if spec.Name != nil {
			i.name = spec.Name.Name
		}
		list = append(list, i)
	}
	return list
}

// violation is one broken rule.
type violation struct {
	where string // file:line
	text  string
}

func (v violation) String() string { return v.where + ": " + v.text }

func (s *source) violation(pos token.Pos, format string, args ...any) violation {
	where := s.path
	if pos.IsValid() {
		where = fmt.Sprintf("%s:%d", s.path, s.fset.Position(pos).Line)
	}
	return violation{where: where, text: fmt.Sprintf(format, args...)}
}

// parse reads one file; name is its path in the module.
func parse(name string, text []byte) (*source, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	lines := bytes.Count(text, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		lines++
	}
	return &source{path: name, lines: lines, fset: fset, ast: f}, nil
}

// load reads all Go files of the module at root.
func load(root string) ([]*source, error) {
	var files []*source
	err := filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if p != root && skipped(p, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(rel), text)
		if err != nil {
			return err
		}
		files = append(files, s)
		return nil
	})
	markBubbles(files)
	return files, err
}

func markBubbles(files []*source) {
	dirs := make(map[string]bool)
	for _, s := range files {
		if s.test() && s.importsSynctest() {
			dirs[s.dir()] = true
		}
	}
	for _, s := range files {
		s.bubbles = dirs[s.dir()]
	}
}

// skipped reports whether a directory holds no package of the module, as the go
// command sees it.
func skipped(dir, name string) bool {
	if name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// findRoot walks up from dir to the directory of go.mod.
func findRoot(dir string) (string, error) {
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("archtest: no go.mod above the working directory")
		}
		dir = parent
	}
}
