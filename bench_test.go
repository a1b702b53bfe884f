package webrtc

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/mux"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// bench is where benchmarks run: in memory, or on sockets of the loopback
// interface; connections have one socket each.
type bench struct {
	name string
	apis func(tb testing.TB) (a, b *API)
}

var benches = []bench{{"memory", memoryAPIs}, {"loopback", loopbackAPIs}}

func memoryAPIs(tb testing.TB) (a, b *API) {
	n := simnet.New(1)
	tb.Cleanup(n.Close)
	return NewAPI(withNetwork(n.Host("a", "192.0.2.1"))), NewAPI(withNetwork(n.Host("b", "192.0.2.2")))
}

func loopbackAPIs(testing.TB) (a, b *API) {
	var e SettingEngine
	e.SetIncludeLoopbackCandidate(true)
	e.SetInterfaceFilter(func(name string) bool { return name == "lo" || name == "lo0" })
	e.SetNetworkTypes([]NetworkType{NetworkTypeUDP4})
	api := NewAPI(WithSettingEngine(e))
	return api, api
}

// couple is two connections with an open channel.
type couple struct {
	a, b     *PeerConnection
	atA, atB *DataChannel
}

// connect makes a couple and waits until both ends of the channel are there.
func connect(tb testing.TB, apiA, apiB *API) *couple {
	c := &couple{}
	var err error
	c.a, err = apiA.NewPeerConnection(Configuration{})
	must(tb, err)
	c.b, err = apiB.NewPeerConnection(Configuration{})
	must(tb, err)
	accepted := make(chan *DataChannel, 1)
	c.b.OnDataChannel(func(d *DataChannel) { accepted <- d })
	c.atA, err = c.a.CreateDataChannel("bench", nil)
	must(tb, err)
	ready := opened(c.atA)
	negotiate(tb, c.a, c.b)
	wait(tb, "open", ready, time.Minute)
	c.atB = wait(tb, "data channel", accepted, time.Minute)
	return c
}

func (c *couple) close(tb testing.TB) {
	must(tb, c.a.Close())
	must(tb, c.b.Close())
}

// BenchmarkMessage is messages one after the other at the pace of the path,
// from Send to OnMessage.
func BenchmarkMessage(b *testing.B) {
	for _, where := range benches {
		for _, size := range []int{100, 16 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", where.name, size), func(b *testing.B) {
				apiA, apiB := where.apis(b)
				c := connect(b, apiA, apiB)
				received, all := 0, make(chan struct{})
				c.atB.OnMessage(func(DataChannelMessage) {
					if received++; received == b.N {
						close(all)
					}
				})
				message := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					must(b, c.atA.SendContext(context.Background(), message))
				}
				wait(b, "all messages", all, time.Minute)
				b.StopTimer()
				c.close(b)
			})
		}
	}
}

// BenchmarkRoundTrip is one message and its echo, with nothing else under way.
func BenchmarkRoundTrip(b *testing.B) {
	for _, where := range benches {
		for _, size := range []int{100, 16 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", where.name, size), func(b *testing.B) {
				apiA, apiB := where.apis(b)
				c := connect(b, apiA, apiB)
				echoed := make(chan struct{})
				c.atB.OnMessage(func(m DataChannelMessage) { must(b, c.atB.Send(m.Data)) })
				c.atA.OnMessage(func(DataChannelMessage) { echoed <- struct{}{} })
				message := make([]byte, size)
				b.ReportAllocs()
				for b.Loop() {
					must(b, c.atA.Send(message))
					<-echoed
				}
				c.close(b)
			})
		}
	}
}

// BenchmarkSetUp is the whole life of two connections: certificates,
// negotiation, ICE, DTLS, SCTP, a channel, Close.
func BenchmarkSetUp(b *testing.B) {
	for _, where := range benches {
		b.Run(where.name, func(b *testing.B) {
			apiA, apiB := where.apis(b)
			b.ReportAllocs()
			for b.Loop() {
				connect(b, apiA, apiB).close(b)
			}
		})
	}
}

// BenchmarkIdleConnection reports what a connection with one open channel, one
// socket and nothing to do keeps; an operation is the set-up of 50 couples.
func BenchmarkIdleConnection(b *testing.B) {
	const couples = 50
	for _, where := range benches {
		b.Run(where.name, func(b *testing.B) {
			apiA, apiB := where.apis(b)
			var used footprint
			for b.Loop() {
				before := measure()
				all := make([]*couple, couples)
				for i := range all {
					all[i] = connect(b, apiA, apiB)
				}
				time.Sleep(300 * time.Millisecond) // delayed acknowledgements
				used = measure().less(before)
				for _, c := range all {
					c.close(b)
				}
			}
			used.report(b, 2*couples)
		})
	}
}

// footprint is what the process uses.
type footprint struct{ heap, stacks, goroutines int }

func measure() footprint {
	runtime.GC()
	runtime.GC() // pools survive one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{int(m.HeapAlloc), int(m.StackInuse), runtime.NumGoroutine()}
}

func (f footprint) less(g footprint) footprint {
	return footprint{f.heap - g.heap, f.stacks - g.stacks, f.goroutines - g.goroutines}
}

func (f footprint) report(b *testing.B, connections int) {
	n := float64(connections)
	b.ReportMetric(float64(f.heap)/n, "heap-B/conn")
	b.ReportMetric(float64(f.stacks)/n, "stack-B/conn")
	b.ReportMetric(float64(f.goroutines)/n, "goroutines/conn")
}

// At most 10 goroutines serve an idle connection with one socket and one
// channel, and no more before the first data has arrived: neither end keeps
// pion/dtls beyond the handshake.
func TestIdleConnectionGoroutines(t *testing.T) {
	const couples = 8
	inBubble(t, func(t *testing.T, r *rig) {
		var hold atomic.Bool
		r.net.Tap(func(p simnet.Packet) simnet.Verdict {
			if hold.Load() && mux.Classify(p.Data) == mux.DTLS && p.Data[0] == 23 { // application data
				return simnet.Drop
			}
			return simnet.Pass
		})
		hold.Store(true)
		before := runtime.NumGoroutine()
		all := make([]*couple, couples)
		for i := range all {
			all[i] = connectHeld(t, r)
		}
		synctest.Wait()
		early := float64(runtime.NumGoroutine()-before) / (2 * couples)
		hold.Store(false)
		time.Sleep(10 * time.Second) // SCTP repeats its INIT
		synctest.Wait()
		idle := float64(runtime.NumGoroutine()-before) / (2 * couples)
		t.Logf("goroutines of a connection: %.1f before data, %.1f idle", early, idle)
		for _, c := range all {
			if s := c.atA.ReadyState(); s != DataChannelStateOpen {
				t.Fatalf("channel is %v", s)
			}
			c.close(t)
		}
		if early > 10 || idle > 10 {
			t.Error("more than 10")
		}
	})
}

// connectHeld makes a couple on the rig's hosts whose DTLS is connected at both
// ends.
func connectHeld(t *testing.T, r *rig) *couple {
	c := &couple{}
	var err error
	c.a, err = NewAPI(withNetwork(r.hostA)).NewPeerConnection(Configuration{})
	must(t, err)
	c.b, err = NewAPI(withNetwork(r.hostB)).NewPeerConnection(Configuration{})
	must(t, err)
	c.atA, err = c.a.CreateDataChannel("idle", nil)
	must(t, err)
	negotiate(t, c.a, c.b)
	for _, pc := range []*PeerConnection{c.a, c.b} {
		for pc.ConnectionState() != PeerConnectionStateConnected {
			time.Sleep(time.Millisecond)
		}
	}
	return c
}
