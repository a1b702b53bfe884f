package main

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// result is the numbers of one measurement of one stack, by the name of the
// row.
type result map[string]float64

// row says how a number is shown.
type row struct {
	name string
	more bool // more is better
}

// scenario is one kind of measurement; run does one round.
type scenario struct {
	name, group string
	rows        []row
	run         func(s *stack) (result, error)
}

const (
	highWater = 1 << 20 // of BufferedAmount, where the sender waits
	lowWater  = highWater / 2
)

func throughput(size int, d time.Duration) scenario {
	prefix := fmt.Sprintf("throughput, %s: ", sizeName(size))
	rate, cpu, count, bytes := prefix+"MB/s", prefix+"CPU µs/message", prefix+"allocations/message", prefix+"B allocated/message"
	return scenario{
		name: prefix, group: "throughput",
		rows: []row{{rate, true}, {cpu, false}, {count, false}, {bytes, false}},
		run: func(s *stack) (result, error) {
			n, u, err := flood(s, size, d)
			if err != nil {
				return nil, err
			}
			return result{
				rate:  float64(n) * float64(size) / 1e6 / u.wall.Seconds(),
				cpu:   micros(u.cpu) / float64(n),
				count: float64(u.allocations) / float64(n),
				bytes: float64(u.allocated) / float64(n),
			}, nil
		},
	}
}

// flood sends messages for d at the pace that BufferedAmount allows, waits for
// the last to arrive, and returns how many there were.
func flood(s *stack, size int, d time.Duration) (int, usage, error) {
	c, err := s.connect()
	if err != nil {
		return 0, usage{}, err
	}
	var received atomic.Int64
	arrived := make(chan struct{}, 1)
	c.atB.onMessage(func([]byte) {
		received.Add(1)
		notify(arrived)
	})
	low := make(chan struct{}, 1)
	c.atA.SetBufferedAmountLowThreshold(lowWater)
	c.atA.OnBufferedAmountLow(func() { notify(low) })
	message := make([]byte, size)
	sent := 0
	send := func(d time.Duration) error {
		for end := time.Now().Add(d); time.Now().Before(end); {
			for c.atA.BufferedAmount() > highWater {
				select {
				case <-low:
				case <-time.After(patience):
					return fmt.Errorf("%s: no room after %v", s.name, patience)
				}
			}
			if err := c.atA.Send(message); err != nil {
				return err
			}
			sent++
		}
		limit := time.After(patience)
		for received.Load() < int64(sent) {
			select {
			case <-arrived:
			case <-limit:
				return fmt.Errorf("%s: %d of %d messages arrived", s.name, received.Load(), sent)
			}
		}
		return nil
	}
	if err := send(d / 5); err != nil { // past slow start
		return 0, usage{}, err
	}
	warm := sent
	before := settled()
	if err := send(d); err != nil {
		return 0, usage{}, err
	}
	u := used().since(before)
	return sent - warm, u, c.close()
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func latency(size int, d time.Duration) scenario {
	prefix := fmt.Sprintf("round trip, %s: ", sizeName(size))
	median, tail, cpu, count := prefix+"median µs", prefix+"99th percentile µs", prefix+"CPU µs", prefix+"allocations"
	return scenario{
		name: prefix, group: "latency",
		rows: []row{{median, false}, {tail, false}, {cpu, false}, {count, false}},
		run: func(s *stack) (result, error) {
			times, u, err := pingPong(s, size, d)
			if err != nil {
				return nil, err
			}
			n := len(times)
			slices.Sort(times)
			return result{
				median: micros(times[n/2]), tail: micros(times[n*99/100]),
				cpu: micros(u.cpu) / float64(n), count: float64(u.allocations) / float64(n),
			}, nil
		},
	}
}

// pingPong sends a message and waits for its echo, for d.
func pingPong(s *stack, size int, d time.Duration) ([]time.Duration, usage, error) {
	c, err := s.connect()
	if err != nil {
		return nil, usage{}, err
	}
	echoed := make(chan struct{}, 1)
	c.atB.onMessage(func(b []byte) { _ = c.atB.Send(b) })
	c.atA.onMessage(func([]byte) { notify(echoed) })
	message := make([]byte, size)
	times := make([]time.Duration, 0, 1<<20)
	before := settled()
	for end := time.Now().Add(d); ; {
		begin := time.Now()
		if begin.After(end) && len(times) > 0 {
			break
		}
		if err := c.atA.Send(message); err != nil {
			return nil, usage{}, err
		}
		select {
		case <-echoed:
		case <-time.After(patience):
			return nil, usage{}, fmt.Errorf("%s: no echo", s.name)
		}
		times = append(times, time.Since(begin))
	}
	u := used().since(before)
	return times, u, c.close()
}

func setUp(couples int) scenario {
	const prefix = "set-up and close of two connections: "
	const wall, cpu, count, bytes = prefix + "ms (median)", prefix + "CPU ms", prefix + "allocations", prefix + "kB allocated"
	return scenario{
		name: prefix, group: "setup",
		rows: []row{{wall, false}, {cpu, false}, {count, false}, {bytes, false}},
		run: func(s *stack) (result, error) {
			var times []time.Duration
			before := settled()
			for range couples {
				begin := time.Now()
				c, err := s.connect()
				if err != nil {
					return nil, err
				}
				if err := c.close(); err != nil {
					return nil, err
				}
				times = append(times, time.Since(begin))
			}
			u, n := used().since(before), float64(couples)
			slices.Sort(times)
			return result{
				wall: micros(times[couples/2]) / 1e3, cpu: micros(u.cpu) / 1e3 / n,
				count: float64(u.allocations) / n, bytes: float64(u.allocated) / 1e3 / n,
			}, nil
		},
	}
}

func idle(couples int) scenario {
	const prefix = "idle connection: "
	const heap, stacks, goroutines, cpu = prefix + "heap kB", prefix + "stack kB", prefix + "goroutines", prefix + "CPU µs/s"
	return scenario{
		name: prefix, group: "idle",
		rows: []row{{heap, false}, {stacks, false}, {goroutines, false}, {cpu, false}},
		run: func(s *stack) (result, error) {
			before := settled()
			all := make([]*couple, couples)
			for i := range all {
				var err error
				if all[i], err = s.connect(); err != nil {
					return nil, err
				}
			}
			time.Sleep(300 * time.Millisecond) // delayed acknowledgements
			kept := settled()
			time.Sleep(2 * time.Second)
			resting := used().since(kept)
			kept = kept.since(before)
			n := float64(2 * couples)
			for _, c := range all {
				if err := c.close(); err != nil {
					return nil, err
				}
			}
			return result{
				heap: float64(kept.heap) / 1e3 / n, stacks: float64(kept.stacks) / 1e3 / n,
				goroutines: float64(kept.goroutines) / n,
				cpu:        micros(resting.cpu) / resting.wall.Seconds() / n,
			}, nil
		},
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func sizeName(n int) string {
	if n >= 1<<10 && n%(1<<10) == 0 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
