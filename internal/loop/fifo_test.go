package loop

import (
	"math/rand/v2"
	"testing"
)

func TestFIFOKeepsOrderWhileItGrowsAndShrinks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var q fifo[int]
	pushed, popped := 0, 0
	for phase := range 200 {
		for range rng.IntN(3000) {
			if phase%2 == 0 || q.len() == 0 {
				q.push(pushed)
				pushed++
				continue
			}
			if v := q.pop(); v != popped {
				t.Fatalf("popped %d, want %d", v, popped)
			}
			popped++
		}
		if q.len() != pushed-popped {
			t.Fatalf("len %d, want %d", q.len(), pushed-popped)
		}
	}
	for q.len() > 0 {
		if v := q.pop(); v != popped {
			t.Fatalf("popped %d, want %d", v, popped)
		}
		popped++
	}
	if popped != pushed {
		t.Fatalf("popped %d of %d", popped, pushed)
	}
}

func TestFIFOGivesBackTheMemoryOfABurst(t *testing.T) {
	var q fifo[func()]
	for range 100_000 {
		q.push(func() {})
	}
	for q.len() > 0 {
		q.pop()
	}
	if len(q.ring) > fifoKeep {
		t.Fatalf("an empty queue keeps %d slots, want at most %d", len(q.ring), fifoKeep)
	}
	for i, f := range q.ring {
		if f != nil {
			t.Fatalf("slot %d still refers to a popped function", i)
		}
	}
}
