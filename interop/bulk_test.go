package interop

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// bulkStack is a stack with how many messages it gets and sends in bulk.
type bulkStack struct {
	stack
	messages int
	takes    int    // the largest message that goes to it
	sends    int    // and that comes from it
	noEmpty  int    // no empty messages to us, or neither way
	why      string // it has less than Chromium
}

// Where empty messages do not go.
const (
	toUs = iota + 1
	neitherWay
)

func bulkStacks() []bulkStack {
	const small = 64 << 10
	return []bulkStack{
		{stacks[0], 10_000, largest, largest, 0, ""},
		{stacks[1], 10_000, largest, largest, 0, ""},
		{stacks[2], 10_000, largest, largest, 0, ""},
		{nodeDataChannel.stack(), 10_000, largest, largest, 0, ""},
		{libwebrtc.stack(), 10_000, largest, largest, 0, ""},
		{aiortc.stack(), 2000, small, largest, 0, "all of SCTP is Python's; it says that it takes 64 KiB"},
		{werift.stack(), 2000, small, largest, toUs, "all of SCTP is JavaScript's; it says that it takes 64 KiB; " +
			"it loses the empty messages that it sends, and those that follow (TestWeriftLosesEmptyMessages)"},
		{gstreamer.stack(), 2000, small, small, neitherWay, "each message goes through Python; it says that it takes 64 KiB, and sends no more; " +
			"it has the PPIDs of empty text and empty data the wrong way round, and a channel on which it is to send either never sends again"},
	}
}

// bulkPlan has n messages of 1 byte to 256 KiB, or to limit, most of them small so
// that 10,000 are about 70 MB, a third of them text, and a few empty ones.
func bulkPlan(n, limit int) []message {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	plan := make([]message, n)
	for i := range plan {
		exponent := math.Pow(random.Float64(), 3) // skewed to small
		plan[i] = message{Text: i%3 == 0, Size: int(math.Exp(exponent * math.Log(largest)))}
	}
	for i, special := range []message{{false, 1}, {true, 1}, {false, largest}, {true, largest}, {false, 0}, {true, 0}, {false, 65535}, {false, 65536}, {false, 65537}} {
		plan[i*n/10+n/20] = special
	}
	for i := range plan {
		plan[i].Size = min(plan[i].Size, limit)
	}
	return plan
}

func withoutEmpty(plan []message) []message {
	return slices.DeleteFunc(plan, func(m message) bool { return m.Size == 0 })
}

func megabytes(plan []message) float64 {
	total := 0
	for _, m := range plan {
		total += m.Size
	}
	return float64(total) / 1e6
}

// RFC 8831 section 6.6, RFC 8841 section 6: messages of 0 bytes to 256 KiB, where the
// other end takes and sends as much, go both ways at the same time, ordered and not.
func TestBulkArrivesUnchangedBothWays(t *testing.T) {
	for _, s := range bulkStacks() {
		for _, ordered := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/ordered %v", s.name, ordered), func(t *testing.T) {
				l, r, _ := connected(t, s.newPeer, signalling{weOffer: ordered})
				channel := l.create("bulk", channelInit{Ordered: &ordered})
				l.saw("channel bulk open")
				_, err := r.WaitChannel("bulk", "open")
				must(t, err)
				toThem, fromThem := bulkPlan(s.messages, s.takes), bulkPlan(s.messages, s.sends)
				if s.noEmpty > 0 {
					fromThem = withoutEmpty(fromThem)
				}
				if s.noEmpty == neitherWay {
					toThem = withoutEmpty(toThem)
				}
				if least := min(megabytes(toThem), megabytes(fromThem)); least < 5 {
					t.Fatalf("%.1f MB are no bulk", least)
				}

				start := time.Now()
				type result struct {
					prints []string
					err    error
				}
				oursSent, theirsSent := make(chan result, 1), make(chan result, 1)
				go func() { prints, err := l.send(channel, toThem); oursSent <- result{prints, err} }()
				go func() { prints, err := r.Send("bulk", fromThem); theirsSent <- result{prints, err} }()
				ours, theirs := <-oursSent, <-theirsSent
				if ours.err != nil || theirs.err != nil {
					t.Fatalf("our sending: %v; theirs: %v", ours.err, theirs.err)
				}
				atThem, err := r.Received("bulk", len(toThem))
				must(t, err)
				atUs, err := channel.inbox.wait(len(fromThem))
				must(t, err)
				took := time.Since(start)
				sameMessages(t, "from us to them", ordered, ours.prints, atThem)
				sameMessages(t, "from them to us", ordered, theirs.prints, atUs)
				if s.why != "" {
					t.Logf("less than with Chromium: %s", s.why)
				}
				t.Logf("%d messages, %.1f MB to them and %.1f MB to us at the same time in %.1f s", s.messages, megabytes(toThem), megabytes(fromThem), took.Seconds())
			})
		}
	}
}

// RFC 8831 section 6.6: an empty message is one byte with a PPID of its own. werift
// hands an empty one to SCTP, which has none, and loses it with those that follow in
// order, between two ends of its own too. When they come, it is to send them to us.
func TestWeriftLosesEmptyMessages(t *testing.T) {
	a, b := werift.newPeer(t), werift.newPeer(t)
	labels := []string{"empty", "full"}
	for _, label := range labels {
		must(t, a.CreateChannel(label, channelInit{}))
	}
	joinTwo(t, a, b)
	for _, label := range labels {
		for _, end := range []*drivenPeer{a, b} {
			_, err := end.WaitChannel(label, "open")
			must(t, err)
		}
	}
	plan := []message{{false, 10}, {false, 0}, {true, 0}, {false, 10}}
	_, err := a.Send("empty", plan)
	must(t, err)
	_, err = a.Send("full", plan[:1])
	must(t, err)
	_, err = b.Received("full", 1) // what came before it is there, or never comes
	must(t, err)
	received, err := b.Received("empty", 1)
	must(t, err)
	if len(received) != 1 {
		t.Errorf("%d of %d messages came: it sends empty messages now", len(received), len(plan))
	}
}

// joinTwo connects two peers of other stacks, all candidates in their descriptions.
func joinTwo(t *testing.T, a, b remote) {
	t.Helper()
	_, err := a.Offer()
	must(t, err)
	offer, err := a.Gathered()
	must(t, err)
	_, err = b.Answer(offer)
	must(t, err)
	answer, err := b.Gathered()
	must(t, err)
	must(t, a.Accept(answer))
	_, err = a.WaitState("connected")
	must(t, err)
}
