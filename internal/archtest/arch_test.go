package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = findRoot(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheModuleKeepsItsRules(t *testing.T) {
	files, err := load(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range rules {
		t.Run(name, func(t *testing.T) {
			for _, s := range files {
				for _, v := range check(s) {
					t.Error(v)
				}
			}
		})
	}
}

func TestTheModuleRequiresOnlyWhatWasAgreed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "module "+modulePath+"\n") {
		t.Errorf("this go.mod is not of %s", modulePath)
	}
	for _, v := range checkRequires(string(text)) {
		t.Error(v)
	}
}

func TestTheWholeModuleIsRead(t *testing.T) {
	files, err := load(root(t))
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, s := range files {
		read[s.dir()] = true
		if strings.HasPrefix(s.path, "interop/") || strings.Contains(s.path, "testdata/") {
			t.Errorf("%s is not of this module", s.path)
		}
	}
	for _, dir := range []string{"internal/loop", "internal/mux", "internal/simnet", "internal/archtest"} {
		if !read[dir] {
			t.Errorf("%s was not read", dir)
		}
	}
	// A package that the table does not know escapes the rules about its kind.
	for dir := range read {
		if _, k := room(dir); k == other {
			t.Errorf("%s is not in the table of internal/archtest/house.go", dir)
		}
	}
}

func TestNestedModulesAndTestdataAreSkipped(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":               "module x",
		"a.go":                 "package x",
		"sub/b_windows.go":     "//go:build ignore\n\npackage sub",
		"nested/go.mod":        "module y",
		"nested/c.go":          "package y",
		"sub/testdata/d.go":    "package broken {",
		".hidden/e.go":         "package e",
		"_ignored/f.go":        "package f",
		"sub/deeper/g_test.go": "package deeper",
	} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range files {
		got = append(got, s.path)
	}
	if want := "a.go sub/b_windows.go sub/deeper/g_test.go"; strings.Join(got, " ") != want {
		t.Errorf("read %q, want %q", got, want)
	}
	if found, err := findRoot(filepath.Join(dir, "sub", "deeper")); err != nil || found != dir {
		t.Errorf("root %q, %v", found, err)
	}
}
