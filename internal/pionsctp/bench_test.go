package pionsctp

import (
	"runtime"
	"testing"
)

// benchmark sends messages over a memory pipe, as fast as they are taken.
func benchmark(b *testing.B, size int) {
	x := newPair(b, path{})
	x.ra.drop, x.rb.drop = true, true
	got := make(chan struct{}, 1<<16)
	x.rb.onMessage = func(uint16, uint32, []byte) { got <- struct{}{} }
	low := make(chan struct{}, 1)
	open := make(chan struct{}, 2)
	established := func(event string, _ uint16) {
		switch event {
		case "established":
			open <- struct{}{}
		case "low":
			select {
			case low <- struct{}{}:
			default:
			}
		}
	}
	x.ra.on, x.rb.on = established, func(event string, id uint16) {
		if event == "established" {
			open <- struct{}{}
		}
	}
	x.a.Start()
	x.b.Start()
	<-open
	<-open
	x.openBoth(0, StreamParams{})
	const window = 1 << 20
	x.a.SetBufferedAmountLowThreshold(0, window/2)
	payload := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	received := 0
	for range b.N {
		for x.a.BufferedAmount(0) > window {
			select {
			case <-low:
			case <-got:
				received++
			}
		}
		must(b, x.a.Send(0, binaryPPID, payload))
		for len(got) > 0 {
			<-got
			received++
		}
	}
	for ; received < b.N; received++ {
		<-got
	}
	b.StopTimer()
	x.a.Close(true)
	x.b.Close(true)
}

func BenchmarkMessage16KiB(b *testing.B)  { benchmark(b, 16<<10) }
func BenchmarkMessage100B(b *testing.B)   { benchmark(b, 100) }
func BenchmarkMessage256KiB(b *testing.B) { benchmark(b, 256<<10) }

// BenchmarkIdleAssociation reports what an established association without streams
// keeps.
func BenchmarkIdleAssociation(b *testing.B) {
	var pairs []*pair
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	for range b.N {
		x := newPair(b, path{})
		open := make(chan struct{}, 4)
		on := func(string, uint16) { open <- struct{}{} }
		x.ra.on, x.rb.on = on, on
		x.a.Start()
		x.b.Start()
		<-open
		<-open
		pairs = append(pairs, x)
	}
	b.StopTimer()
	for range 1000 {
		runtime.Gosched() // the handshakes' goroutines end
	}
	goroutines = runtime.NumGoroutine() - goroutines
	runtime.GC()
	runtime.ReadMemStats(&after)
	ends := float64(2 * b.N)
	b.ReportMetric(float64(goroutines)/ends, "goroutines/end")
	b.ReportMetric((float64(after.HeapInuse)-float64(before.HeapInuse))/ends, "heap-B/end")
	for _, x := range pairs {
		x.a.Close(true)
		x.b.Close(true)
	}
}
