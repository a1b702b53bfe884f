package transmit

import (
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// RFC 9260 section 6.5: "when the Stream Sequence Number reaches the value 65535, the
// next Stream Sequence Number MUST be set to 0". Section 6.1: "the data sender MUST NOT
// have more than 2^16 - 1 ordered user messages in the current send window" of a stream;
// half of that is kept here, and other streams go on meanwhile.
func TestStreamSequenceNumbersWrapAndStayApart(t *testing.T) {
	s := begin(t, nil)
	s.open(1, 2)
	const count = 70_000
	for range count {
		s.q.Send(s.now, 1, 53, []byte{1})
	}
	next, first, other := 0, 0, 0 // messages of stream 1 that were sent, the oldest under way, TSNs of stream 2
	numbers := 0                  // TSNs that were sent
	// round sends what may be sent, and returns how many messages of stream 1 were new.
	round := func() (fresh int) {
		s.now = s.now.Add(20 * ms)
		s.q.Advance(s.now)
		for {
			b := s.q.Append(s.now, make([]byte, chunk.PacketHeaderSize, 1500))
			if len(b) == chunk.PacketHeaderSize {
				return fresh
			}
			_, chunks, _ := chunk.ParsePacket(b)
			for c, ok := chunks.Next(); ok; c, ok = chunks.Next() {
				d, err := chunk.ParseData(c)
				must(t, err)
				if d.TSN.Less(number(numbers)) {
					continue // again
				}
				numbers++
				if d.Stream == 2 {
					other++
					continue
				}
				if d.SSN != chunk.SSN(next) {
					t.Fatalf("message %d has number %d", next, d.SSN)
				}
				next++
				fresh++
				if next-first > maxOrdered {
					t.Fatalf("%d messages are under way", next-first)
				}
			}
		}
	}
	acknowledge := func(cumulative int) {
		var gaps []chunk.Gap
		if numbers-cumulative >= 2 {
			gaps = []chunk.Gap{{First: 2, Last: uint16(numbers - cumulative)}}
		}
		v, err := chunk.ParseSACK(chunk.AppendSACK(nil, number(cumulative-1), 1<<20, gaps, nil)[chunk.HeaderSize:])
		must(t, err)
		must(t, s.q.HandleSACK(s.now, v))
	}
	// The first chunk does not arrive for long, all others do.
	for quiet := 0; quiet < 5; {
		if round() == 0 {
			quiet++
		} else {
			quiet = 0
		}
		acknowledge(0)
	}
	s.check()
	if next != maxOrdered || s.q.BufferedAmount(1) != count-maxOrdered {
		t.Fatalf("%d messages were sent, %d bytes wait", next, s.q.BufferedAmount(1))
	}
	s.q.Send(s.now, 1, 53, []byte{1}) // behind the others
	s.send(2, 1)
	if round(); other != 1 {
		t.Errorf("the other stream has sent %d messages", other)
	}
	for n := 0; next < count+1 && n < 10_000; n++ {
		first = next
		acknowledge(numbers)
		round()
	}
	acknowledge(numbers)
	s.check()
	if next != count+1 || !s.q.Empty() {
		t.Errorf("%d messages of %d, %d bytes wait", next, count+1, s.q.BufferedAmount(1))
	}
}
