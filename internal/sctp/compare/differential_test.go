package compare

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/pionsctp"
	"github.com/passerelle-rtc/webrtc/internal/sctp"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// delivered is a message as a receiver got it.
type delivered struct {
	ppid    uint32
	payload []byte
}

// inbox collects what one end gets, by stream.
type inbox struct {
	mu      sync.Mutex
	streams map[uint16][]delivered
}

func (i *inbox) take(id uint16, ppid uint32, payload []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.streams[id] = append(i.streams[id], delivered{ppid, bytes.Clone(payload)})
}

func (i *inbox) count(id uint16) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.streams[id])
}

// side is one end of a differential run, whichever engine it is.
type side interface {
	ready() bool
	open(id uint16, unordered bool, retransmits int) error
	send(id uint16, ppid uint32, payload []byte) error
	close()
}

// ourSide is internal/sctp.
type ourSide struct{ *machine }

func newOurSide(e endpoint, seed byte, in *inbox) side {
	m := newMachine(e, seed, nil)
	m.took = func(id sctp.StreamID, ppid uint32, payload []byte) { in.take(uint16(id), ppid, payload) }
	m.begin()
	return ourSide{m}
}

func (s ourSide) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.a.State() == sctp.StateEstablished
}

func (s ourSide) open(id uint16, unordered bool, retransmits int) (err error) {
	s.do(func(time.Time) {
		err = s.a.Open(sctp.StreamID(id), transmit.StreamParams{Unordered: unordered, MaxRetransmits: retransmits, Lifetime: -1})
	})
	return err
}

func (s ourSide) send(id uint16, ppid uint32, payload []byte) (err error) {
	s.do(func(now time.Time) { err = s.a.Send(now, sctp.StreamID(id), sctp.PPID(ppid), payload) })
	return err
}

func (s ourSide) close() { s.end() }

// pionSide is pion/sctp in its adapter.
type pionSide struct {
	a *pionsctp.Association
	h *pionTakes
}

func newPionSide(e endpoint, _ byte, in *inbox) side {
	h := newPionTakes(in.take)
	return pionSide{newPion(e, h), h}
}

func (s pionSide) ready() bool {
	select {
	case <-s.h.established:
		return true
	default:
		return false
	}
}

func (s pionSide) open(id uint16, unordered bool, retransmits int) error {
	p := pionsctp.StreamParams{Unordered: unordered}
	if retransmits >= 0 {
		n := uint16(retransmits)
		p.MaxRetransmits = &n
	}
	return s.a.Open(id, p)
}

func (s pionSide) send(id uint16, ppid uint32, payload []byte) error {
	return s.a.Send(id, ppid, payload)
}

func (s pionSide) close() { s.a.Close(true) }

// The streams of a run, by identifier.
const (
	orderedStream   = 1
	unorderedStream = 2
	limitedStream   = 3 // no retransmissions
	lastStream      = 4 // carries the last message
)

// sending is a message of a script: when, by which end, on which stream.
type sending struct {
	after   time.Duration
	end     int
	id      uint16
	ppid    uint32
	payload []byte
}

// script is what both ends send, and the path, drawn from the seed.
type script struct {
	link     simnet.Link
	sendings []sending
}

func newScript(seed uint64) script {
	r := rand.New(rand.NewPCG(seed, 77))
	s := script{link: simnet.Link{
		Delay:     time.Duration(1+r.IntN(80)) * time.Millisecond,
		Jitter:    time.Duration(r.IntN(20)) * time.Millisecond,
		Loss:      float64(r.IntN(10)) / 100,
		Reorder:   float64(r.IntN(10)) / 100,
		Duplicate: float64(r.IntN(5)) / 100,
	}}
	sizes := []int{1, 50, 700, 1200, 4000, 15000}
	for i := range 30 {
		m := sending{
			after: time.Duration(r.IntN(60)) * time.Millisecond, end: r.IntN(2), id: uint16(1 + r.IntN(3)),
			ppid: uint32(51 + 2*r.IntN(2)), payload: make([]byte, 4+sizes[r.IntN(len(sizes))]),
		}
		binary.BigEndian.PutUint32(m.payload, uint32(i))
		for j := 4; j < len(m.payload); j++ {
			m.payload[j] = byte(r.Uint32())
		}
		s.sendings = append(s.sendings, m)
	}
	for end := range 2 {
		s.sendings = append(s.sendings, sending{end: end, id: lastStream, ppid: 53, payload: []byte("last")})
	}
	return s
}

// sent lists what an end sends on a stream.
func (s script) sent(end int, id uint16) []delivered {
	var list []delivered
	for _, m := range s.sendings {
		if m.end == end && m.id == id {
			list = append(list, delivered{m.ppid, m.payload})
		}
	}
	return list
}

// play runs a script between two engines, and returns what each end got.
func play(t *testing.T, s script, seed uint64, makers [2]func(endpoint, byte, *inbox) side) (got [2]map[uint16][]delivered) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(seed)
		a, b := endpoints(t, n, s.link)
		in := [2]*inbox{{streams: map[uint16][]delivered{}}, {streams: map[uint16][]delivered{}}}
		sides := [2]side{makers[0](a, byte(seed), in[0]), makers[1](b, byte(seed)+1, in[1])}
		defer n.Close()
		defer sides[0].close()
		defer sides[1].close()
		patience := func(what string, done func() bool) bool {
			for begin := time.Now(); !done(); time.Sleep(50 * time.Millisecond) {
				if time.Since(begin) > 20*time.Minute {
					t.Errorf("seed %d: %s: not in 20 minutes", seed, what)
					return false
				}
			}
			return true
		}
		if !patience("established", func() bool { return sides[0].ready() && sides[1].ready() }) {
			return
		}
		for _, x := range sides {
			for id := uint16(orderedStream); id <= lastStream; id++ {
				retransmits := -1
				if id == limitedStream {
					retransmits = 0
				}
				if err := x.open(id, id == unorderedStream, retransmits); err != nil {
					t.Error(err)
				}
			}
		}
		for _, m := range s.sendings {
			time.Sleep(m.after)
			if err := sides[m.end].send(m.id, m.ppid, m.payload); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
		patience("all messages", func() bool {
			for end := range 2 {
				for _, id := range []uint16{orderedStream, unorderedStream, lastStream} {
					if in[1-end].count(id) < len(s.sent(end, id)) {
						return false
					}
				}
			}
			return true
		})
		time.Sleep(10 * time.Second) // what comes twice would come now
		for end := range 2 {
			in[end].mu.Lock()
			got[end] = in[end].streams
			in[end].mu.Unlock()
		}
	})
	return got
}

func equal(a, b delivered) bool { return a.ppid == b.ppid && bytes.Equal(a.payload, b.payload) }

// index is the number of a message.
func index(d delivered) uint32 { return binary.BigEndian.Uint32(d.payload) }

func sorted(list []delivered) []delivered {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b delivered) int { return int(index(a)) - int(index(b)) })
	return list
}

// judge compares what came with what was sent, by the guarantees of each stream.
func (s script) judge(got [2]map[uint16][]delivered) error {
	for end := range 2 {
		in := got[1-end]
		for _, id := range []uint16{orderedStream, lastStream} {
			if !slices.EqualFunc(in[id], s.sent(end, id), equal) {
				return fmt.Errorf("end %d, ordered stream %d: %d messages of %d, or others, or in another order", end, id, len(in[id]), len(s.sent(end, id)))
			}
		}
		if !slices.EqualFunc(sorted(in[unorderedStream]), s.sent(end, unorderedStream), equal) {
			return fmt.Errorf("end %d, unordered stream: %d messages of %d, or others", end, len(in[unorderedStream]), len(s.sent(end, unorderedStream)))
		}
		all := s.sent(end, limitedStream)
		for _, d := range in[limitedStream] {
			i := slices.IndexFunc(all, func(x delivered) bool { return equal(x, d) })
			if i < 0 {
				return fmt.Errorf("end %d, stream without retransmissions: a message that was not sent, or twice, or out of order", end)
			}
			all = all[i+1:]
		}
	}
	return nil
}

// seeds is how many scripts are played: a few, or PASSERELLE_SCTP_SEEDS.
func seeds(t *testing.T) uint64 {
	if raceEnabled {
		return 4
	}
	text := os.Getenv("PASSERELLE_SCTP_SEEDS")
	if text == "" {
		return 20
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The same messages over the same rough path, between two of ours, between ours and
// pion/sctp either way round, and between two of pion's: every engine delivers the same
// on the streams that promise it, in the same order where that is promised.
func TestDifferentialRunsWithPion(t *testing.T) {
	ours, pion := newOurSide, newPionSide
	pairings := []struct {
		name   string
		makers [2]func(endpoint, byte, *inbox) side
	}{
		{"ours with ours", [2]func(endpoint, byte, *inbox) side{ours, ours}},
		{"ours with pion's", [2]func(endpoint, byte, *inbox) side{ours, pion}},
		{"pion's with ours", [2]func(endpoint, byte, *inbox) side{pion, ours}},
		{"pion's with pion's", [2]func(endpoint, byte, *inbox) side{pion, pion}},
	}
	limited := map[string]int{}
	for seed := range seeds(t) {
		s := newScript(seed)
		for _, p := range pairings {
			got := play(t, s, seed, p.makers)
			if err := s.judge(got); err != nil {
				t.Errorf("seed %d, %s, %+v: %v", seed, p.name, s.link, err)
			}
			limited[p.name] += len(got[0][limitedStream]) + len(got[1][limitedStream])
		}
	}
	for _, p := range pairings {
		t.Logf("%s: %d messages without retransmissions arrived", p.name, limited[p.name])
	}
}
