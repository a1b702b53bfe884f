package receive

import (
	"fmt"
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// maxRuns bounds how many runs of TSNs with gaps between them are remembered.
const maxRuns = 4096

// tsns remembers which TSNs have arrived: all up to cumulative, and runs beyond.
type tsns struct {
	cumulative chunk.TSN
	runs       []tsnRun // ascending, a gap before each
}

type tsnRun struct{ first, last chunk.TSN }

// find returns the index of the first run that does not end before tsn.
func (t *tsns) find(tsn chunk.TSN) int {
	n := len(t.runs)
	if n == 0 || t.runs[n-1].last.Less(tsn) { // the usual case
		return n
	}
	i, _ := slices.BinarySearchFunc(t.runs, tsn, func(r tsnRun, tsn chunk.TSN) int {
		return -int(r.last.Distance(tsn))
	})
	return i
}

// has reports whether a TSN beyond cumulative has arrived.
func (t *tsns) has(tsn chunk.TSN) bool {
	i := t.find(tsn)
	return i < len(t.runs) && !tsn.Less(t.runs[i].first)
}

// beyond reports whether a TSN is larger than all that have arrived.
func (t *tsns) beyond(tsn chunk.TSN) bool {
	last := t.cumulative
	if n := len(t.runs); n > 0 {
		last = t.runs[n-1].last
	}
	return last.Less(tsn)
}

// fits reports whether add has room.
func (t *tsns) fits(tsn chunk.TSN) bool {
	return len(t.runs) < maxRuns || tsn == t.cumulative+1 || t.has(tsn-1) || t.has(tsn+1)
}

// add notes a TSN that has not arrived before; gap reports that one is missing
// before some that have arrived.
func (t *tsns) add(tsn chunk.TSN) (gap bool) {
	if tsn == t.cumulative+1 {
		t.cumulative = tsn
		t.join()
		return len(t.runs) > 0
	}
	i := t.find(tsn)
	before := i > 0 && t.runs[i-1].last+1 == tsn
	after := i < len(t.runs) && t.runs[i].first-1 == tsn
	switch {
	case before && after:
		t.runs[i-1].last = t.runs[i].last
		t.runs = slices.Delete(t.runs, i, i+1)
	case before:
		t.runs[i-1].last = tsn
	case after:
		t.runs[i].first = tsn
	default:
		t.runs = slices.Insert(t.runs, i, tsnRun{tsn, tsn})
	}
	return true
}

// forward moves cumulative to tsn, which is beyond it.
func (t *tsns) forward(tsn chunk.TSN) {
	t.cumulative = tsn
	n := 0
	for n < len(t.runs) && !tsn.Less(t.runs[n].last) {
		n++
	}
	t.runs = slices.Delete(t.runs, 0, n)
	if len(t.runs) > 0 && !tsn.Less(t.runs[0].first) {
		t.cumulative = t.runs[0].last
		t.runs = slices.Delete(t.runs, 0, 1)
	}
	t.join()
}

// join takes in the run that follows cumulative without a gap.
func (t *tsns) join() {
	if len(t.runs) > 0 && t.runs[0].first == t.cumulative+1 {
		t.cumulative = t.runs[0].last
		t.runs = slices.Delete(t.runs, 0, 1)
	}
}

// gaps appends the runs as gap ack blocks, at most n. A run that begins further
// than 65535 away cannot be reported; handle keeps them out.
func (t *tsns) gaps(b []chunk.Gap, n int) []chunk.Gap {
	for _, r := range t.runs[:min(n, len(t.runs))] {
		b = append(b, chunk.Gap{First: uint16(r.first - t.cumulative), Last: uint16(r.last - t.cumulative)})
	}
	return b
}

func (t *tsns) check() error {
	previous := t.cumulative
	for _, r := range t.runs {
		if previous.Distance(r.first) < 2 || r.last.Less(r.first) {
			return fmt.Errorf("TSNs %d to %d after %d", r.first, r.last, previous)
		}
		previous = r.last
	}
	if t.cumulative.Distance(previous) > maxAhead {
		return fmt.Errorf("TSN %d is beyond what can be reported after %d", previous, t.cumulative)
	}
	return nil
}
