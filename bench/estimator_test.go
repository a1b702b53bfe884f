package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/bandwidth"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtp"
)

// bottleneck is a link with a drop-tail queue, in a synctest bubble.
type bottleneck struct {
	mu    sync.Mutex
	rate  int // bit/s
	limit time.Duration
	delay time.Duration // one way
	busy  time.Time

	packets int
	waited  time.Duration
	arrive  func(seq uint16) // runs with mu held
}

func (b *bottleneck) send(seq uint16, size int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	wait := max(0, b.busy.Sub(now))
	if wait > b.limit {
		return
	}
	b.packets++
	b.waited += wait
	b.busy = now.Add(wait + time.Duration(size)*8*time.Second/time.Duration(b.rate))
	time.AfterFunc(b.busy.Add(b.delay).Sub(now), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.arrive(seq)
	})
}

// estimate is one implementation on a bottleneck, with an encoder that makes 30
// frames a second of what it is told.
type estimate interface {
	target() int
	frame(bytes int)
	close()
}

const (
	feedbackEvery = 50 * time.Millisecond
	startBitrate  = 300_000
	packetSize    = 1200
)

// pionEstimate is pion/interceptor's estimator with its own pacer.
type pionEstimate struct {
	bwe    *gcc.SendSideBWE
	writer interceptor.RTPWriter
	header rtp.Header
	stop   chan struct{}
}

func newPionEstimate(t *testing.T, b *bottleneck) estimate {
	bwe, err := gcc.NewSendSideBWE(gcc.SendSideBWEInitialBitrate(startBitrate))
	if err != nil {
		t.Fatal(err)
	}
	e := &pionEstimate{bwe: bwe, stop: make(chan struct{}), header: rtp.Header{Version: 2, SSRC: 1}}
	info := &interceptor.StreamInfo{SSRC: 1, RTPHeaderExtensions: []interceptor.RTPHeaderExtension{
		{URI: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", ID: 1},
	}}
	e.writer = bwe.AddStream(info, interceptor.RTPWriterFunc(
		func(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
			b.send(h.SequenceNumber, h.MarshalSize()+len(payload))
			return len(payload), nil
		}))
	recorder := twcc.NewRecorder(2)
	began := time.Now()
	b.arrive = func(seq uint16) { recorder.Record(1, seq, time.Since(began).Microseconds()) }
	go func() {
		ticker := time.NewTicker(feedbackEvery)
		defer ticker.Stop()
		for {
			select {
			case <-e.stop:
				return
			case <-ticker.C:
			}
			b.mu.Lock()
			packets := recorder.BuildFeedbackPacket()
			b.mu.Unlock()
			time.AfterFunc(b.delay, func() { _ = bwe.WriteRTCP(packets, nil) })
		}
	}()
	return e
}

func (e *pionEstimate) target() int { return e.bwe.GetTargetBitrate() }

func (e *pionEstimate) frame(bytes int) {
	for bytes > 0 {
		size := min(bytes, packetSize)
		e.header.SequenceNumber++
		ext := rtp.TransportCCExtension{TransportSequence: e.header.SequenceNumber}
		raw, _ := ext.Marshal()
		header := e.header
		_ = header.SetExtension(1, raw)
		_, _ = e.writer.Write(&header, make([]byte, size), interceptor.Attributes{})
		bytes -= size
	}
}

func (e *pionEstimate) close() {
	close(e.stop)
	_ = e.bwe.Close()
}

// ownEstimate is internal/bandwidth, driven as its documentation says.
type ownEstimate struct {
	mu    sync.Mutex
	b     *bottleneck
	est   *bandwidth.Estimator
	pacer *bandwidth.Pacer[struct{}]
	seq   uint16
	timer *time.Timer
	stop  chan struct{}
}

func newOwnEstimate(_ *testing.T, b *bottleneck) estimate {
	now := time.Now()
	e := &ownEstimate{
		b: b, stop: make(chan struct{}),
		est:   bandwidth.NewEstimator(now, bandwidth.Config{Start: startBitrate}),
		pacer: bandwidth.NewPacer[struct{}](now, bandwidth.PacerConfig{}),
	}
	e.pacer.SetPadding(true)
	e.timer = time.AfterFunc(time.Hour, e.drive)
	type arrival struct {
		seq uint16
		at  time.Duration
	}
	var arrivals []arrival
	b.arrive = func(seq uint16) { arrivals = append(arrivals, arrival{seq, time.Since(now)}) }
	go func() {
		ticker := time.NewTicker(feedbackEvery)
		defer ticker.Stop()
		next := uint16(1)
		for {
			select {
			case <-e.stop:
				return
			case <-ticker.C:
			}
			b.mu.Lock()
			var results []bandwidth.PacketResult
			for _, a := range arrivals { // no reordering here
				for ; next != a.seq; next++ {
					results = append(results, bandwidth.PacketResult{Seq: next})
				}
				results = append(results, bandwidth.PacketResult{Seq: a.seq, Received: true, Arrival: a.at.Truncate(250 * time.Microsecond)})
				next++
			}
			arrivals = arrivals[:0]
			b.mu.Unlock()
			time.AfterFunc(b.delay, func() {
				e.mu.Lock()
				e.est.HandleFeedback(time.Now(), results)
				e.mu.Unlock()
				e.drive()
			})
		}
	}()
	return e
}

func (e *ownEstimate) target() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return int(e.est.Target())
}

func (e *ownEstimate) frame(bytes int) {
	e.mu.Lock()
	for bytes > 0 {
		size := min(bytes, packetSize)
		e.pacer.Enqueue(time.Now(), bandwidth.Packet[struct{}]{Kind: bandwidth.Video, Size: size})
		bytes -= size
	}
	e.mu.Unlock()
	e.drive()
}

func (e *ownEstimate) drive() {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	e.est.Advance(now)
	for p, ok := e.est.NextProbe(); ok; p, ok = e.est.NextProbe() {
		e.pacer.Probe(now, p)
	}
	for event, ok := e.est.NextEvent(); ok; event, ok = e.est.NextEvent() {
		e.pacer.SetTarget(now, event.Target)
	}
	for r, ok := e.pacer.Next(now); ok; r, ok = e.pacer.Next(now) {
		e.seq++
		e.est.Sent(now, bandwidth.SentPacket{Seq: e.seq, Size: r.Size, Kind: r.Kind, Probe: r.Probe})
		e.b.send(e.seq, r.Size)
	}
	wake := time.Hour
	for _, d := range []time.Time{e.est.Deadline(), e.pacer.Deadline()} {
		if !d.IsZero() {
			wake = min(wake, max(d.Sub(now), time.Microsecond))
		}
	}
	e.timer.Reset(wake)
}

func (e *ownEstimate) close() {
	close(e.stop)
	e.timer.Stop()
}

// outcome is how an estimate did.
type outcome struct {
	after  time.Duration // to 70 % of the link, for a second on average; an hour is never
	share  float64       // of the link, from 10 s on
	waited time.Duration // in the queue, on average
}

func observe(t *testing.T, make func(*testing.T, *bottleneck) estimate, rate int, limit, delay time.Duration) (o outcome) {
	synctest.Test(t, func(t *testing.T) {
		b := &bottleneck{rate: rate, limit: limit, delay: delay}
		e := make(t, b)
		defer e.close()
		const frames, settle = 30 * 30, 10 * 30
		o.after = time.Hour
		var second, late []int
		for i := range frames {
			target := e.target()
			e.frame(target / 8 / 30)
			time.Sleep(time.Second / 30)
			second = append(second, target)
			if len(second) == 30 {
				if o.after == time.Hour && mean(second) >= float64(rate)*0.7 {
					o.after = time.Duration(i-29) * time.Second / 30
				}
				second = second[1:]
			}
			if i >= settle {
				late = append(late, target)
			}
		}
		o.share = mean(late) / float64(rate)
		b.mu.Lock()
		o.waited = b.waited / time.Duration(b.packets)
		b.mu.Unlock()
	})
	return o
}

func mean(list []int) float64 {
	sum := 0
	for _, x := range list {
		sum += x
	}
	return float64(sum) / float64(len(list))
}

// TestEstimateConvergesBesidePions runs both estimators on the same bottlenecks.
// Ours must be at 70 to 100 % of each within 10 s, no later than pion's where
// pion's is there within the half minute.
func TestEstimateConvergesBesidePions(t *testing.T) {
	var table strings.Builder
	fmt.Fprintln(&table, "| link | queue | RTT | ours: after | share | waits | pion's: after | share | waits |")
	for _, rate := range []int{300_000, 1_000_000, 5_000_000} {
		for _, limit := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond} {
			for _, delay := range []time.Duration{10 * time.Millisecond, 50 * time.Millisecond} {
				own := observe(t, newOwnEstimate, rate, limit, delay)
				pion := observe(t, newPionEstimate, rate, limit, delay)
				fmt.Fprintf(&table, "| %d kb/s | %v | %v | %.1f s | %.0f %% | %v | %.1f s | %.0f %% | %v |\n", rate/1000, limit, 2*delay,
					own.after.Seconds(), 100*own.share, own.waited.Round(time.Millisecond),
					pion.after.Seconds(), 100*pion.share, pion.waited.Round(time.Millisecond))
				if own.share < 0.7 || own.share > 1 || own.after > 10*time.Second {
					t.Errorf("%d b/s, queue %v, RTT %v: %.0f %% after %v", rate, limit, 2*delay, 100*own.share, own.after)
				}
				if own.after > pion.after+time.Second {
					t.Errorf("%d b/s, queue %v, RTT %v: after %v, pion's after %v", rate, limit, 2*delay, own.after, pion.after)
				}
			}
		}
	}
	t.Log("\n" + table.String())
}
