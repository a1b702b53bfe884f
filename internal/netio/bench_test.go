package netio

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// The receiving end is a socket that nobody reads: the kernel drops what does
// not fit its buffer, at about the cost of delivering it.
func BenchmarkSocketSend(b *testing.B) {
	for _, impl := range implementations() {
		for _, burst := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/burst=%d", impl.name, burst), func(b *testing.B) {
				sink, _ := open(b, impl, "127.0.0.1:0")
				conn, _ := open(b, impl, "127.0.0.1:0")
				s := NewSocket(conn, func(time.Time, []Datagram) {})
				b.SetBytes(1200)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					buf := GetBuffer()
					buf.SetLen(1200)
					s.Send(buf, sink.LocalAddr(), i%burst != burst-1)
					if i%512 == 511 { // stay below what the egress queues
						for s.Stats().Queued > 0 {
							runtime.Gosched()
						}
					}
				}
				s.Close()
				st := s.Stats()
				b.ReportMetric(float64(st.SendCalls)/float64(b.N), "calls/op")
				b.ReportMetric(float64(st.Dropped.Total())/float64(b.N), "drops/op")
			})
		}
	}
}

// An operation is one datagram that the Handler saw; the sender keeps a window
// of them on the way, and its cost is in the result.
func BenchmarkSocketReceive(b *testing.B) {
	for _, impl := range implementations() {
		for _, window := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/window=%d", impl.name, window), func(b *testing.B) {
				got := make(chan int, 1024)
				conn, _ := open(b, impl, "127.0.0.1:0")
				s := NewSocket(conn, func(_ time.Time, ds []Datagram) { got <- len(ds) })
				out, _ := open(b, impl, "127.0.0.1:0")
				ds := make([]Datagram, window)
				for i := range ds {
					ds[i] = Datagram{Buffer: payloadOf(1200, 0), Addr: conn.LocalAddr()}
				}
				b.SetBytes(1200)
				b.ReportAllocs()
				ready := 0
				for b.Loop() {
					if ready == 0 {
						writeAll(b, out, ds...)
						for ready < window {
							ready += <-got
						}
					}
					ready--
				}
				s.Close()
				st := s.Stats()
				b.ReportMetric(float64(st.ReceiveCalls)/float64(st.DatagramsReceived), "calls/op")
				releaseAll(ds)
			})
		}
	}
}

// What a batch saves: writing 64 datagrams together and one by one.
func BenchmarkWriteBatch(b *testing.B) {
	for _, impl := range implementations() {
		for _, size := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/batch=%d", impl.name, size), func(b *testing.B) {
				sink, _ := open(b, impl, "127.0.0.1:0")
				conn, _ := open(b, impl, "127.0.0.1:0")
				ds := make([]Datagram, 64)
				for i := range ds {
					ds[i] = Datagram{Buffer: payloadOf(1200, 0), Addr: sink.LocalAddr()}
				}
				b.SetBytes(64 * 1200)
				b.ReportAllocs()
				for b.Loop() {
					for at := 0; at < len(ds); at += size {
						if n, err := conn.WriteBatch(ds[at : at+size]); n != size || err != nil {
							b.Fatal(n, err)
						}
					}
				}
				releaseAll(ds)
			})
		}
	}
}
