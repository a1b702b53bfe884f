package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// A screen prints lines and, below them, a progress bar. On a terminal the bar
// moves; in a file it leaves one line for every tenth. Any goroutine may use it.
type screen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	bar      string // what stands on the terminal's last line
	tenth    int64  // how many tenths a file has been told about
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out}
	if file, ok := out.(*os.File); ok {
		info, err := file.Stat()
		s.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return s
}

// line prints one line above the bar.
func (s *screen) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	if s.bar == "" {
		fmt.Fprintln(s.out, line)
		return
	}
	fmt.Fprintf(s.out, "\r%-*s\n%s", len(s.bar), line, s.bar)
}

// progress draws the bar: done of total bytes after that much time.
func (s *screen) progress(done, total int64, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := int(30 * done / total)
	bar := fmt.Sprintf("[%s%s] %3d %%  %7.1f MB  %6.1f MB/s", strings.Repeat("#", full), strings.Repeat(".", 30-full),
		100*done/total, float64(done)/1e6, float64(done)/1e6/max(after.Seconds(), 1e-3))
	if s.terminal {
		s.bar = bar
		fmt.Fprintf(s.out, "\r%s", bar)
	} else if tenth := 10 * done / total; tenth > s.tenth {
		s.tenth = tenth
		fmt.Fprintln(s.out, bar)
	}
}

// end leaves the bar where it is; lines follow below it.
func (s *screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar != "" {
		fmt.Fprintln(s.out)
		s.bar = ""
	}
}
