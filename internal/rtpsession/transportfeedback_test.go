package rtpsession

import (
	"errors"
	"testing"
	"time"
)

func TestMalformedFeedbackIsRefused(t *testing.T) {
	const ssrcs = "00000001 00000002"
	for name, c := range map[string]struct {
		packet string
		err    error
	}{
		"short":              {"8fcd0003" + ssrcs + "00010000", ErrShortFeedback},
		"length beyond it":   {"8fcd0006" + ssrcs + "0001 0001 000000 00 2001 0000", ErrShortFeedback},
		"length before it":   {"8fcd0003" + ssrcs + "0001 0001 000000 00 2001 0000", ErrShortFeedback},
		"another format":     {"8ecd0005" + ssrcs + "0001 0001 000000 00 2001 0000", ErrNoFeedback},
		"another type":       {"8fce0005" + ssrcs + "0001 0001 000000 00 2001 0000", ErrNoFeedback},
		"another version":    {"4fcd0005" + ssrcs + "0001 0001 000000 00 2001 0000", ErrNoFeedback},
		"no chunk":           {"8fcd0004" + ssrcs + "0001 0001 000000 00", ErrShortFeedback},
		"no delta":           {"8fcd0005" + ssrcs + "0001 0003 000000 00 2003 0000", ErrShortFeedback},
		"half a large delta": {"8fcd0005" + ssrcs + "0001 0002 000000 00 e800 0000", ErrShortFeedback},
		"delta is padding":   {"afcd0005" + ssrcs + "0001 0002 000000 00 2002 0002", ErrShortFeedback},
		"all is padding":     {"afcd0005" + ssrcs + "0001 0002 000000 00 2002 0009", ErrShortFeedback},
		"no padding":         {"afcd0005" + ssrcs + "0001 0002 000000 00 2002 0000", ErrShortFeedback},
		"runs of nothing":    {"8fcd0005" + ssrcs + "0001 0002 000000 00 2000 2000", ErrShortFeedback},
		"reserved run":       {"8fcd0005" + ssrcs + "0001 0001 000000 00 6001 0000", ErrReservedStatus},
		"reserved in vector": {"8fcd0005" + ssrcs + "0001 0001 000000 00 f000 0000", ErrReservedStatus},
		"too many":           {"8fcd0007" + ssrcs + "0001 8000 000000 00 1fff1fff 1fff1fff 1fff1fff", ErrStatusCount},
		"more than it tells": {"8fcd0006" + ssrcs + "0001 7fff 000000 00 1fff1fff 1fff0000", ErrShortFeedback},
	} {
		err := ParseTransportFeedback(octets(t, c.packet), func(uint16, bool, time.Duration) {
			t.Errorf("%s: tells something", name)
		})
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
	}
}

func TestMostLossThatFeedbackCanTell(t *testing.T) {
	packet := octets(t, "8fcd0007 00000001 00000002 8000 7fff 000000 00 1fff1fff 1fff1fff 1fff1fff")
	seq := uint16(0x8000)
	count := 0
	if err := ParseTransportFeedback(packet, func(s uint16, received bool, _ time.Duration) {
		if s != seq || received {
			t.Fatalf("%d %t", s, received)
		}
		seq++
		count++
	}); err != nil || count != maxStatuses {
		t.Errorf("%d, %v", count, err)
	}
}

// FuzzTransportFeedback compares with pion/rtcp, wherever it takes the packet.
func FuzzTransportFeedback(f *testing.F) {
	f.Add(octets(f, "af cd 0006 01020304 05060708 fffe 0004 000000 00 d480 00 28 0168 0002"))
	f.Add(octets(f, "8f cd 0005 01020304 05060708 0002 0002 000002 01 d000 08 01"))
	f.Add(octets(f, "8fcd0007 00000001 00000002 8000 7fff ffffff 00 1fff1fff 1fff1fff 1fff1fff"))
	f.Add(octets(f, "8fcd0006 00000001 00000002 0001 000e 000000 00 b555 01020304 0506 0000"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		var ours []told
		err := ParseTransportFeedback(packet, func(seq uint16, received bool, arrival time.Duration) {
			ours = append(ours, told{seq, received, arrival})
		})
		if len(packet) > 1<<12 || len(packet) >= 16 && packet[14] >= 0x80 {
			return // what pion makes of more than there is room for
		}
		theirs, pion := pionFeedback(packet)
		if err != nil || pion != nil {
			return
		}
		if err := same(ours, theirs); err != nil {
			t.Fatalf("%x: ours and pion's: %v", packet, err)
		}
	})
}
