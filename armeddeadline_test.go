package webrtc

import (
	"testing"
	"time"
)

func TestTheLoopIsRousedForEarlierDeadlinesOnly(t *testing.T) {
	var a armedDeadline
	base := time.Unix(1000, 0)
	at := func(s int) time.Time { return base.Add(time.Duration(s) * time.Second) }
	for i, step := range []struct {
		armed, moved time.Time
		want         bool
	}{
		{time.Time{}, at(5), true}, // none was known
		{at(5), at(5), false},
		{at(5), at(6), false},
		{at(5), at(4), true},
		{at(5), time.Time{}, false},
	} {
		if got := a.arm(func() time.Time { return step.armed }); !got.Equal(step.armed) {
			t.Errorf("step %d: armed for %v", i, got)
		}
		if got := a.earlier(step.moved); got != step.want {
			t.Errorf("step %d: rouses: %v", i, got)
		}
	}
}

// A deadline that moves between the loop's reading it and its being known is lost if
// the one known before still counts: the loop would wait for the later one.
func TestADeadlineThatMovesWhileItIsReadRouses(t *testing.T) {
	var a armedDeadline
	base := time.Unix(1000, 0)
	a.arm(func() time.Time { return base })
	roused := false
	a.arm(func() time.Time {
		read := base.Add(time.Minute)
		roused = a.earlier(base.Add(time.Second))
		return read
	})
	if !roused {
		t.Error("the loop sleeps past an earlier deadline")
	}
}
