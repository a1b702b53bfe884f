package compare

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// bottleneck is the bandwidth of the path, in bit/s.
const bottleneck = 100_000_000

// kinds are the flows that are compared.
var kinds = []struct {
	name string
	make func(testing.TB, endpoint, endpoint) flow
}{
	{"Passerelle", newOurFlow}, {"pion/sctp", newPionFlow}, {"TCP CUBIC", newTCPFlow},
}

// cell is one path.
type cell struct {
	rtt  time.Duration
	loss float64
}

// length is how long a flow is watched, and how often: long and often where chance
// decides.
func (c cell) length() (time.Duration, int) {
	switch {
	case c.loss == 0:
		return 20 * time.Second, 1
	case c.loss < 0.005:
		return 20 * time.Second, 3
	}
	return 60 * time.Second, 4
}

// goodput runs one flow on the path for a while and returns bit/s of payload.
func goodput(t *testing.T, kind int, c cell, length time.Duration, seed uint64) float64 {
	var got float64
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(seed)
		a, b := endpoints(t, n, simnet.Link{Delay: c.rtt / 2, Loss: c.loss, Bandwidth: bottleneck})
		f := kinds[kind].make(t, a, b)
		time.Sleep(length)
		got = float64(f.received()) * 8 / length.Seconds()
		f.close()
		n.Close()
	})
	return got
}

// mean is the goodput of several runs.
func mean(t *testing.T, kind int, c cell, length time.Duration, runs int) float64 {
	sum := 0.0
	for seed := range runs {
		sum += goodput(t, kind, c, length, uint64(seed+1))
	}
	return sum / float64(runs)
}

// enough is how much of TCP's goodput ours has to be.
const enough = 0.8

// Where TCP fills the path or suffers from losses, so do we: at least 80 % of what a
// model of TCP with CUBIC, SACK and RACK brings over the same path. These are four of the
// twelve paths; TestGoodputOnEveryPath has all.
func TestGoodputKeepsUpWithTCP(t *testing.T) {
	if raceEnabled {
		t.Skip("slow, and all on one goroutine at a time")
	}
	for _, c := range []struct {
		cell
		length time.Duration
		runs   int
	}{
		{cell{20 * time.Millisecond, 0.01}, 10 * time.Second, 2},
		{cell{100 * time.Millisecond, 0}, 8 * time.Second, 1},
		{cell{100 * time.Millisecond, 0.05}, 30 * time.Second, 3},
		{cell{300 * time.Millisecond, 0.01}, 30 * time.Second, 3},
	} {
		own, tcp := mean(t, 0, c.cell, c.length, c.runs), mean(t, 2, c.cell, c.length, c.runs)
		t.Logf("%v, %g %% lost: %.2f Mb/s, TCP %.2f: %.2f of it", c.rtt, 100*c.loss, own/1e6, tcp/1e6, own/tcp)
		if own < enough*tcp {
			t.Errorf("%v, %g %% lost: %.2f Mb/s, TCP %.2f: %.2f of it", c.rtt, 100*c.loss, own/1e6, tcp/1e6, own/tcp)
		}
	}
}

// All twelve paths, beside pion/sctp too. It takes a minute or two, and runs where
// PASSERELLE_GOODPUT is set: to the file that the figure is written to, or to "-".
//
//	PASSERELLE_GOODPUT=$PWD/docs/sctp-goodput.svg go test -v -run TestGoodputOnEveryPath ./internal/sctp/compare
func TestGoodputOnEveryPath(t *testing.T) {
	file := os.Getenv("PASSERELLE_GOODPUT")
	if file == "" {
		t.Skip("PASSERELLE_GOODPUT is not set")
	}
	var rows []row
	for _, rtt := range []time.Duration{20, 100, 300} {
		for _, loss := range []float64{0, 0.001, 0.01, 0.05} {
			r := row{cell: cell{rtt * time.Millisecond, loss}}
			length, runs := r.length()
			for kind := range kinds {
				r.goodput[kind] = mean(t, kind, r.cell, length, runs)
			}
			own, pion, tcp := r.goodput[0], r.goodput[1], r.goodput[2]
			t.Logf("%v, %g %% lost: %.2f Mb/s, pion/sctp %.2f, TCP %.2f: %.2f of it", r.rtt, 100*loss, own/1e6, pion/1e6, tcp/1e6, own/tcp)
			if own < enough*tcp {
				t.Errorf("%v, %g %% lost: %.2f of TCP", r.rtt, 100*loss, own/tcp)
			}
			rows = append(rows, r)
		}
	}
	if file == "-" {
		return
	}
	if err := os.WriteFile(file, []byte(plot(rows)), 0o644); err != nil {
		t.Fatal(err)
	}
}
