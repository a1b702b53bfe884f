package rtpsession

import "testing"

// checkInvariants fails when a receiver's state is one that no input may lead to.
func (r *Receiver) checkInvariants(t testing.TB) {
	t.Helper()
	places := make(map[any]bool)
	for _, s := range r.streams {
		key := struct {
			section uint64
			rid     RID
		}{s.Section, s.RID}
		switch {
		case places[key]:
			t.Fatalf("two streams have the place %v", key)
		case s.section == nil || s.section.Key != s.Section || r.router.keyed(s.Section) != s.section:
			t.Fatalf("stream %d is of an m-section that is not there", s.SSRC)
		case !s.section.hasLayer(s.RID):
			t.Fatalf("stream %d is of layer %q, which is not there", s.SSRC, s.RID)
		case s.source.ssrc != s.SSRC || s.source.replaced:
			t.Fatalf("stream %d has the source %+v", s.SSRC, s.source)
		case s.nack != nil && (s.nack.Missing() > nackLimit || s.nack.unasked < 0 || s.nack.unasked > s.nack.Missing()):
			t.Fatalf("stream %d: %d missing, %d not asked for", s.SSRC, s.nack.Missing(), s.nack.unasked)
		case s.counts.Retransmitted+s.counts.FEC > s.counts.Packets:
			t.Fatalf("stream %d: %+v", s.SSRC, s.counts)
		}
		places[key] = true
	}
	r.checkSources(t)
	bytes := 0
	for _, p := range r.held.waiting {
		bytes += len(p.packet)
	}
	if bytes != r.held.bytes || bytes > maxHeldBytes || len(r.held.waiting) > maxHeldPackets || len(r.held.ready) > 2*maxHeldPackets {
		t.Fatalf("%d octets held, counted as %d, in %d packets, %d ready", bytes, r.held.bytes, len(r.held.waiting), len(r.held.ready))
	}
}

func (r *Receiver) checkSources(t testing.TB) {
	t.Helper()
	signalled := 0
	for ssrc, known := range r.router.sources {
		there := known.stream == nil
		for _, s := range r.streams {
			there = there || s == known.stream
		}
		switch {
		case known.ssrc != ssrc || known.section == nil || r.router.keyed(known.section.Key) != known.section:
			t.Fatalf("source %d: %+v", ssrc, known)
		case !there:
			t.Fatalf("source %d is of a stream that is gone", ssrc)
		case known.replaced && known.stream != nil && known.stream.SSRC == ssrc:
			t.Fatalf("source %d was replaced and has its place", ssrc)
		}
		if known.signalled {
			signalled++
		}
	}
	if len(r.router.sources) > maxSources+signalled || r.router.moved != nil {
		t.Fatalf("%d sources, %d signalled, %v moved", len(r.router.sources), signalled, r.router.moved)
	}
}

// checkInvariants fails when a sender's state is one that no input may lead to.
func (s *Sender) checkInvariants(t testing.TB) {
	t.Helper()
	is := make(map[*SendStream]bool)
	for _, stream := range s.streams {
		is[stream] = true
		c := &stream.counts
		switch {
		case s.bySSRC[stream.SSRC] != stream || stream.RTX != 0 && s.bySSRC[stream.RTX] != stream:
			t.Fatalf("stream %d is not found by its SSRCs", stream.SSRC)
		case c.Retransmitted > c.Packets || c.RetransmittedBytes > c.PayloadBytes:
			t.Fatalf("counts %+v", c)
		case stream.history != nil && stream.history.Stats().Packets > defaultHistoryPackets:
			t.Fatalf("history %+v", stream.history.Stats())
		}
	}
	for ssrc, stream := range s.bySSRC {
		if !is[stream] {
			t.Fatalf("SSRC %d is of a stream that is gone", ssrc)
		}
	}
	for _, r := range s.resend {
		if !is[r.stream] {
			t.Fatal("a packet of a stream that is gone is to be sent again")
		}
	}
	for _, stream := range s.dueStreams {
		if !is[stream] {
			t.Fatal("a stream that is gone is to be reported")
		}
	}
	if len(s.resend) > maxResends || len(s.events) > maxEvents || s.expected < 0 || s.lost < 0 || s.lost > s.expected {
		t.Fatalf("%d to send again, %d events, %d of %d lost", len(s.resend), len(s.events), s.lost, s.expected)
	}
}
