package netio

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func dest(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n >> 8)}), uint16(1+n&0xff))
}

// pushAll pushes payloads like "1a", whose digit names the destination.
func pushAll(t *testing.T, q *queue, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		if !q.push(buffer(p), flowKey{dst: dest(int(p[0] - '0'))}) {
			t.Fatalf("push %s refused", p)
		}
	}
}

func takeAll(q *queue, size int) (turns []string) {
	ds := make([]Datagram, size)
	for {
		n := q.take(ds)
		if n == 0 {
			return turns
		}
		var turn []string
		for _, d := range ds[:n] {
			turn = append(turn, string(d.Buffer.Bytes()))
			d.Buffer.Release()
		}
		turns = append(turns, strings.Join(turn, " "))
	}
}

func TestQueueKeepsDatagramsOfADestinationTogetherAndInOrder(t *testing.T) {
	var q queue
	for round := range 3 { // flows are used again
		pushAll(t, &q, "1a", "2a", "1b", "3a", "2b", "1c")
		if got, want := takeAll(&q, 64), []string{"1a 1b 1c 2a 2b 3a"}; !slices.Equal(got, want) {
			t.Fatalf("round %d: got %q, want %q", round, got, want)
		}
	}
	pushAll(t, &q, "1a", "2a", "1b", "2b", "1c")
	// A batch that ends inside a destination gives it the last turn.
	if got, want := takeAll(&q, 2), []string{"1a 1b", "2a 2b", "1c"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if q.n != 0 || len(q.flows) != 0 || q.first != nil || q.last != nil || q.recent != nil {
		t.Fatalf("the empty queue still holds %+v", q)
	}
}

func TestQueueGivesEachDestinationItsTurn(t *testing.T) {
	var q queue
	for i := range 200 {
		pushAll(t, &q, fmt.Sprintf("1-%d", i))
	}
	pushAll(t, &q, "2-0")
	ds := make([]Datagram, writeBatch)
	n := q.take(ds)
	at := slices.IndexFunc(ds[:n], func(d Datagram) bool { return d.Addr == dest(2) })
	if n != writeBatch || at != quantum {
		t.Errorf("took %d, the second destination at %d; want %d, %d", n, at, writeBatch, quantum)
	}
	releaseAll(ds[:n])
	takeAll(&q, 64)
}

func TestQueueIsBounded(t *testing.T) {
	var q queue
	refused := func(dst netip.AddrPort) bool {
		b := GetBuffer()
		ok := q.push(b, flowKey{dst: dst})
		if !ok {
			b.Release()
		}
		return !ok
	}
	for i := range flowLimit {
		if refused(dest(1)) {
			t.Fatalf("datagram %d of one destination refused", i)
		}
	}
	if !refused(dest(1)) {
		t.Error("a destination took more than its part")
	}
	for i := range queueLimit - flowLimit {
		if refused(dest(1000 + i)) {
			t.Fatalf("destination %d refused beside a full one", i)
		}
	}
	if !refused(dest(2)) || q.n != queueLimit {
		t.Errorf("the queue took more than its limit: %d", q.n)
	}
	takeAll(&q, 64)
	if q.spares > maxSpares || len(q.flows) != 0 {
		t.Errorf("%d spare flows, %d flows after a flood", q.spares, len(q.flows))
	}
}

func TestFullDestinationsLeaveRoomForAnother(t *testing.T) {
	var q queue
	fill := func(n int) (took int) {
		for {
			b := GetBuffer()
			if !q.push(b, flowKey{dst: dest(n)}) {
				b.Release()
				return took
			}
			took++
		}
	}
	for n := range 9 {
		if took := fill(n); took == 0 {
			t.Errorf("destination %d has no place beside %d greedy ones", n, n)
		}
	}
	takeAll(&q, 64)
}

func TestQueueDoesNotAllocateOnceItKnowsItsDestinations(t *testing.T) {
	var q queue
	bs := make([]*Buffer, 512)
	for i := range bs {
		bs[i] = new(Buffer)
	}
	ds := make([]Datagram, writeBatch)
	for _, dests := range []int{1, 40} {
		if n := testing.AllocsPerRun(100, func() {
			for i, b := range bs {
				q.push(b, flowKey{dst: dest(i % dests)})
			}
			for q.take(ds) > 0 {
			}
		}); n != 0 {
			t.Errorf("%d destinations: %v allocations for %d datagrams", dests, n, len(bs))
		}
	}
}
