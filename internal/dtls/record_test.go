package dtls

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"testing"
)

// testKeys are the two directions of a suite from fixed secrets.
func testKeys(t testing.TB, s *cipherSuite) (client, server *protection) {
	t.Helper()
	client, server, err := deriveProtections(s, bytes.Repeat([]byte{7}, 48), bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestRecordRoundTrip(t *testing.T) {
	for i := range cipherSuites {
		s := &cipherSuites[i]
		t.Run(s.name, func(t *testing.T) {
			seal, _ := testKeys(t, s)
			open, other := testKeys(t, s)
			for _, n := range []int{0, 1, 15, 16, 17, 1200, maxPlaintext} {
				plaintext := bytes.Repeat([]byte{0x5a}, n)
				record := seal.seal(make([]byte, 0, n+seal.overhead()), typeApplicationData, 1, 1<<40+uint64(n), plaintext)
				h, whole, rest, ok := nextRecord(record)
				if !ok || len(rest) != 0 || len(whole) != n+seal.overhead() || h.epoch != 1 || h.seq != 1<<40+uint64(n) {
					t.Fatalf("record of %d bytes reads back as %+v", n, h)
				}
				damaged := append([]byte(nil), record...)
				for _, at := range []int{0, 3, 10, 12, len(damaged) - 1, len(damaged) - tagLen} {
					flipped := append([]byte(nil), damaged...)
					flipped[at] ^= 1
					if at == 12 { // the length, which nextRecord checks first
						continue
					}
					if _, ok := open.open(flipped); ok {
						t.Errorf("opens with byte %d changed", at)
					}
				}
				if _, ok := other.open(append([]byte(nil), record...)); ok {
					t.Error("opens under the other direction's key")
				}
				if bytes.Count(plaintext, []byte{0x5a}) != n {
					t.Error("the plaintext was written to")
				}
				got, ok := open.open(record)
				if !ok || !bytes.Equal(got, plaintext) {
					t.Fatalf("does not open, %d bytes", n)
				}
			}
		})
	}
}

func TestNonces(t *testing.T) {
	// RFC 5288 section 3: nonce = salt(4) || nonce_explicit(8), here epoch || sequence number.
	// RFC 7905 section 2: the sequence number, padded on the left to 12 bytes, XOR the write_IV; nothing in the record.
	gcm, _ := testKeys(t, suiteByID(0xc02b))
	record := gcm.seal(make([]byte, 0, 64), typeApplicationData, 1, 0x010203040506, []byte("x"))
	if got, want := hex.EncodeToString(record[13:21]), "0001010203040506"; got != want {
		t.Errorf("nonce_explicit %s, want %s", got, want)
	}
	if got, want := hex.EncodeToString(gcm.nonce[:]), hex.EncodeToString(gcm.iv[:4])+"0001010203040506"; got != want {
		t.Errorf("nonce %s, want %s", got, want)
	}
	chacha, _ := testKeys(t, suiteByID(0xcca9))
	record = chacha.seal(make([]byte, 0, 64), typeApplicationData, 1, 0x010203040506, []byte("x"))
	if len(record) != 13+1+16 {
		t.Errorf("record of %d bytes: RFC 7905 has no explicit nonce", len(record))
	}
	want := chacha.iv
	for i, b := range []byte{0, 1, 1, 2, 3, 4, 5, 6} {
		want[4+i] ^= b
	}
	if chacha.nonce != want {
		t.Errorf("nonce %x, want %x", chacha.nonce, want)
	}
}

func TestReplayWindow(t *testing.T) {
	type step struct {
		seq  uint64
		want bool
	}
	tests := map[string][]step{
		"in order":                {{0, true}, {1, true}, {2, true}, {1, false}, {2, false}, {0, false}},
		"out of order":            {{5, true}, {3, true}, {4, true}, {3, false}, {5, false}, {0, true}, {0, false}},
		"starts anywhere":         {{1 << 40, true}, {1<<40 - 1, true}, {1<<40 - windowSize, false}, {1 << 40, false}},
		"edge of the window":      {{windowSize, true}, {1, true}, {0, false}, {1, false}},
		"far jump forgets all":    {{3, true}, {1 << 30, true}, {3, false}, {1<<30 - 3, true}, {1<<30 - 3, false}},
		"jump of a whole ring":    {{10, true}, {10 + 64*windowWords, true}, {10 + 64*windowWords - windowSize + 1, true}, {10, false}},
		"last number":             {{maxSequence, true}, {maxSequence, false}, {maxSequence - 1, true}},
		"word by word":            {{63, true}, {64, true}, {127, true}, {128, true}, {64, false}, {63, false}, {65, true}},
		"zero is taken only once": {{0, true}, {0, false}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			var w replayWindow
			for i, s := range steps {
				if got := w.fresh(s.seq); got != s.want {
					t.Fatalf("step %d: fresh(%d) = %v", i, s.seq, got)
				}
				if s.want {
					w.mark(s.seq)
				}
			}
		})
	}
}

func TestReplayWindowAgreesWithAModel(t *testing.T) {
	var w replayWindow
	taken := map[uint64]bool{}
	newest, rng := uint64(0), uint64(1)
	for range 200_000 {
		rng = rng*6364136223846793005 + 1442695040888963407
		seq := newest + rng>>54 // up to 1023 ahead
		if back := rng >> 40 & 0x7ff; rng&3 != 0 {
			seq = newest - min(newest, back)
		}
		want := !taken[seq] && (seq > newest || newest-seq < windowSize || len(taken) == 0)
		if got := w.fresh(seq); got != want {
			t.Fatalf("fresh(%d) = %v with newest %d", seq, got, newest)
		}
		if want {
			w.mark(seq)
			taken[seq], newest = true, max(newest, seq)
		}
	}
}

// sink is an Output that keeps only what a test asks for.
type sink struct {
	buf  [2048]byte
	seen func([]byte)
}

func (s *sink) Buffer(int) []byte { return s.buf[:0] }
func (s *sink) Send(b []byte, _ bool) {
	if s.seen != nil {
		s.seen(b)
	}
}

// joined returns two associations that share keys and are connected without a handshake, a to b.
func joined(t testing.TB, s *cipherSuite, out Output) (a, b *Association) {
	t.Helper()
	for _, role := range []Role{Client, Server} {
		x := New(Config{Role: role, Output: out})
		client, server := testKeys(t, s)
		x.state, x.protection, x.opener.protection = Connected, client, server
		if role == Server {
			x.protection, x.opener.protection = server, client
		}
		x.secrets = &secrets{suite: s}
		x.live.Store(true)
		if role == Client {
			a = x
		} else {
			b = x
		}
	}
	return a, b
}

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	for _, id := range []uint16{0xc02b, 0xcca9, 0xc02c} {
		s := suiteByID(id)
		t.Run(s.name, func(t *testing.T) {
			var record []byte
			out := &sink{}
			a, b := joined(t, s, out)
			plaintext := make([]byte, 1100)
			buffer := make([]byte, 0, 2048)
			if n := testing.AllocsPerRun(200, func() {
				if err := a.Write(plaintext, false); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("Write allocates %v times", n)
			}
			out.seen = func(r []byte) { record = append(buffer[:0], r...) }
			got := 0
			deliver := func(p []byte) { got += len(p) }
			const runs = 200
			if n := testing.AllocsPerRun(runs, func() {
				if err := a.Write(plaintext, false); err != nil {
					t.Fatal(err)
				}
				b.HandleDatagram(noTime, record, deliver)
			}); n != 0 {
				t.Errorf("HandleDatagram allocates %v times", n)
			}
			if want := (runs + 1) * len(plaintext); got != want {
				t.Errorf("delivered %d bytes, want %d", got, want)
			}
		})
	}
}

func TestReplayedAndForgedRecordsAreDropped(t *testing.T) {
	var sent [][]byte
	out := &sink{seen: func(r []byte) { sent = append(sent, append([]byte(nil), r...)) }}
	a, b := joined(t, suiteByID(0xc02b), out)
	for range 3 {
		if err := a.Write([]byte("once"), false); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	give := func(r []byte) {
		b.HandleDatagram(noTime, append([]byte(nil), r...), func([]byte) { got++ })
	}
	forged := append([]byte(nil), sent[2]...)
	binary.BigEndian.PutUint64(forged[3:], 1<<48|1000) // a number not used yet
	for _, r := range [][]byte{sent[0], sent[0], forged, sent[2], sent[1], sent[1], sent[2]} {
		give(r)
	}
	if got != 3 {
		t.Errorf("delivered %d records, want 3", got)
	}
	if s := b.Stats(); s.Replayed != 3 || s.Unauthenticated != 1 || s.RecordsReceived != 3 || s.BytesReceived != 12 {
		t.Errorf("stats %+v", s)
	}
}

func TestSequenceNumbersDoNotWrap(t *testing.T) {
	a, _ := joined(t, suiteByID(0xc02b), &sink{})
	a.epoch1Seq = maxSequence
	if err := a.Write([]byte("last"), false); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.Write([]byte("none"), false); err != ErrSequenceExhausted {
			t.Errorf("Write = %v, want ErrSequenceExhausted", err)
		}
	}
}

func TestOversizedRecordIsRefused(t *testing.T) {
	a, _ := joined(t, suiteByID(0xc02b), &sink{})
	if err := a.Write(make([]byte, maxPlaintext+1), false); err != ErrRecordTooLarge {
		t.Errorf("Write = %v", err)
	}
}

func TestExporterRefusesReservedLabels(t *testing.T) {
	s := &secrets{suite: suiteByID(0xc02b), master: make([]byte, 48), clientRandom: make([]byte, 32), serverRandom: make([]byte, 32)}
	for label := range reservedLabels {
		if _, err := s.export(label, 10); err == nil {
			t.Errorf("label %q is exported", label)
		}
	}
	if _, err := s.export("EXTRACTOR-dtls_srtp", -1); err == nil {
		t.Error("a negative length is exported")
	}
}

func TestParseKeyLog(t *testing.T) {
	random, master := hex.EncodeToString(make([]byte, 32)), hex.EncodeToString(bytes.Repeat([]byte{9}, 48))
	cr, ms, err := parseKeyLog([]byte("CLIENT_RANDOM " + random + " " + master + "\n"))
	if err != nil || len(cr) != 32 || !bytes.Equal(ms, bytes.Repeat([]byte{9}, 48)) {
		t.Errorf("parse: %x %x %v", cr, ms, err)
	}
	for _, line := range []string{
		"", "CLIENT_RANDOM", "CLIENT_RANDOM " + random, "SERVER_RANDOM " + random + " " + master,
		"CLIENT_RANDOM " + random + " " + master[2:], "CLIENT_RANDOM zz" + random[2:] + " " + master,
		"CLIENT_RANDOM " + random + " zz" + master[2:],
	} {
		if _, _, err := parseKeyLog([]byte(line)); err == nil {
			t.Errorf("%q parses", line)
		}
	}
}

func BenchmarkRecordSeal(b *testing.B) {
	for _, id := range []uint16{0xc02b, 0xc02c, 0xcca9} {
		b.Run(fmt.Sprint(CipherSuiteName(id)), func(b *testing.B) {
			a, _ := joined(b, suiteByID(id), &sink{})
			plaintext := make([]byte, 1200)
			b.SetBytes(int64(len(plaintext)))
			b.ReportAllocs()
			for b.Loop() {
				if err := a.Write(plaintext, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRecordOpen(b *testing.B) {
	for _, id := range []uint16{0xc02b, 0xc02c, 0xcca9} {
		b.Run(fmt.Sprint(CipherSuiteName(id)), func(b *testing.B) {
			var record []byte
			out := &sink{seen: func(r []byte) { record = append([]byte(nil), r...) }}
			from, to := joined(b, suiteByID(id), out)
			if err := from.Write(make([]byte, 1200), false); err != nil {
				b.Fatal(err)
			}
			work := make([]byte, len(record))
			delivered := 0
			deliver := func([]byte) { delivered++ }
			b.SetBytes(1200)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				copy(work, record)
				to.opener.window = replayWindow{} // the same record again
				to.HandleDatagram(noTime, work, deliver)
				n++
			}
			if delivered != n {
				b.Fatalf("%d of %d records opened", delivered, n)
			}
		})
	}
}
