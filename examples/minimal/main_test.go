package main

import (
	"os"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestTheREADMEShowsThisProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	shown, _, _ := strings.Cut(rest, "```")
	if shown != string(program) {
		t.Error("README.md's first block of Go differs from examples/minimal/main.go; copy the file into it")
	}
}

func TestTheProgramEnds(*testing.T) { main() }
