package main

import (
	"runtime"
	"time"
)

// usage is what the process has used, or used between two points.
type usage struct {
	wall         time.Duration
	cpu          time.Duration // user and system
	allocations  uint64
	allocated    uint64 // bytes
	heap, stacks int    // bytes in use; after collection only in settled
	goroutines   int
}

var start = time.Now()

func used() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{
		wall: time.Since(start), cpu: cpuTime(),
		allocations: m.Mallocs, allocated: m.TotalAlloc,
		heap: int(m.HeapAlloc), stacks: int(m.StackInuse), goroutines: runtime.NumGoroutine(),
	}
}

// settled is used after garbage has been collected; pools survive one
// collection, hence two.
func settled() usage {
	runtime.GC()
	runtime.GC()
	return used()
}

func (u usage) since(before usage) usage {
	return usage{
		u.wall - before.wall, u.cpu - before.cpu,
		u.allocations - before.allocations, u.allocated - before.allocated,
		u.heap - before.heap, u.stacks - before.stacks, u.goroutines - before.goroutines,
	}
}
