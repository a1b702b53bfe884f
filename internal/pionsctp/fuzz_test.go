package pionsctp

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

const (
	chunkInit       = 1
	chunkSack       = 3
	chunkShutdown   = 7
	chunkIData      = 64
	chunkForward    = 192
	chunkIForward   = 194
	chunkCookieEcho = 10
)

// data is a DATA chunk; tsn counts from the peer's first.
func data(tsn uint32, id, ssn uint16, flags byte, payload string) []byte {
	value := binary.BigEndian.AppendUint32(nil, tsn)
	value = binary.BigEndian.AppendUint16(value, id)
	value = binary.BigEndian.AppendUint16(value, ssn)
	value = binary.BigEndian.AppendUint32(value, binaryPPID)
	return chunk(chunkData, flags, append(value, payload...))
}

// words is a chunk of 32-bit words.
func words(kind byte, values ...uint32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return chunk(kind, 0, b)
}

// resetRequest asks to reset streams; sequence and last count from the peer's first.
func resetRequest(sequence, last uint32, ids ...uint16) []byte {
	b := []byte{0, parameterOutgoingReset, 0, byte(16 + 2*len(ids))}
	b = binary.BigEndian.AppendUint32(b, sequence)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	for _, id := range ids {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	return chunk(chunkReconfig, 0, b)
}

// rebase makes the sequence numbers of a packet those of a session: the inputs of
// the fuzzer count from zero.
func rebase(p []byte, theirs, ours uint32) {
	add := func(b []byte, at int, n uint32) {
		if len(b) >= at+4 {
			binary.BigEndian.PutUint32(b[at:], binary.BigEndian.Uint32(b[at:])+n)
		}
	}
	for kind, value := range chunks(p) {
		switch kind {
		case chunkData, chunkIData, chunkForward, chunkIForward:
			add(value, 0, theirs)
		case chunkSack, chunkShutdown:
			add(value, 0, ours)
		case chunkReconfig:
			for parameter, value := range parameters(value) {
				switch parameter {
				case parameterOutgoingReset:
					add(value, 0, theirs)
					add(value, 8, theirs)
				case parameterResponse:
					add(value, 0, ours)
				}
			}
		}
	}
}

// sequence joins packets to an input: two bytes of length before each.
func sequence(packets ...[]byte) []byte {
	var b []byte
	for _, p := range packets {
		b = binary.BigEndian.AppendUint16(b, uint16(len(p)))
		b = append(b, p...)
	}
	return b
}

// initialTSN watches a link for INIT (RFC 9260 section 3.3.2).
func initialTSN(l *link, tsn *uint32) {
	l.filter = func(p []byte) bool {
		if len(p) >= 32 && p[12] == chunkInit {
			*tsn = binary.BigEndian.Uint32(p[28:])
		}
		return true
	}
}

// Whatever comes, with a checksum that holds, into an established association that
// has streams in every state: no panic, streams only for DATA, bounded memory, and
// Close still ends everything.
func FuzzHandlePacket(f *testing.F) {
	f.Add(sequence(packet(data(0, 5, 0, 3, "hi"), data(1, 6, 0, 7, "unordered"))))
	f.Add(sequence(packet(data(0, 5, 0, 2, "be")), packet(data(2, 5, 0, 1, "end")), packet(data(1, 5, 0, 0, "middle"))))
	f.Add(sequence(packet(data(0, 5, 0, 3, ""), data(1, 5, 1, 3, "after an empty one"))))
	f.Add(sequence(packet(words(chunkForward, 7, 5<<16|2)), packet(data(8, 5, 3, 3, "x"))))
	f.Add(sequence(packet(data(0, 0, 0, 3, "a")), packet(resetRequest(0, 0, 0)), packet(resetRequest(0, 0, 0)), packet(data(1, 0, 0, 3, "b"))))
	f.Add(sequence(packet(resetRequest(3, 9, 0, 1, 2)), packet(resetRequest(4, 9)), packet(words(chunkReconfig, 16<<16|12, 0, 1))))
	f.Add(sequence(packet(words(chunkReconfig, 16<<16|12, 0, 6)), packet(words(chunkReconfig, 16<<16|12, 0, 2))))
	f.Add(sequence(packet(words(chunkSack, 0, 1<<20, 0)), packet(words(chunkSack, 0, 0, 2<<16|1, 1<<16|1, 3<<16|9, 5))))
	f.Add(sequence(packet(words(chunkInit, 1, 1<<20, 10<<16|10, 0)), packet(words(chunkCookieEcho, 1, 2))))
	f.Add(sequence(packet(chunk(4, 0, []byte{0, 1, 0, 8, 1, 2, 3, 4})), packet(chunk(5, 0, []byte{0, 1, 0, 12, 0, 0, 0, 0, 0, 0, 0, 1}))))
	f.Add(sequence(packet(words(chunkShutdown, 0)), packet(chunk(chunkShutdownAck, 0, nil)), packet(chunk(chunkShutdownComplete, 0, nil))))
	f.Add(sequence(packet(chunk(chunkAbort, 0, []byte{0, 12, 0, 6, 'h', 'i'}))))
	f.Add(sequence(packet(chunk(9, 0, []byte{0, 6, 0, 8, 99, 0, 0, 4})), packet(chunk(99, 0, nil))))
	f.Add(sequence(packet(chunk(chunkIData, 3, make([]byte, 20)))))
	f.Fuzz(func(t *testing.T, input []byte) {
		synctest.Test(t, func(t *testing.T) { feed(t, input) })
	})
}

func feed(t *testing.T, input []byte) {
	x := newPair(t, path{})
	var ours, theirs uint32
	initialTSN(x.ab, &ours)
	initialTSN(x.ba, &theirs)
	x.a.Start()
	x.b.Start()
	synctest.Wait()
	x.ab.set(func([]byte) bool { return false }) // from here on the fuzzer is the peer
	must(t, x.a.Open(0, StreamParams{}))
	must(t, x.a.Open(1, StreamParams{Unordered: true}))
	must(t, x.a.Open(2, StreamParams{}))
	for id := range uint16(3) {
		must(t, x.a.Send(id, binaryPPID, make([]byte, 3000)))
	}
	x.a.Reset(2)
	synctest.Wait()

	asked := 3
	for len(input) >= 2 {
		n := int(binary.BigEndian.Uint16(input))
		input = input[2:]
		n = min(n, len(input))
		p := append([]byte(nil), input[:n]...)
		input = input[n:]
		rebase(p, theirs, ours)
		for kind := range chunks(p) {
			if kind == chunkData || kind == chunkIData {
				asked++
			}
		}
		if len(p) >= 12 {
			checksum(p)
		}
		x.a.HandlePacket(p)
		synctest.Wait()
	}
	if got := x.a.Stats().Streams; got > asked {
		t.Errorf("%d streams for %d DATA chunks", got, asked)
	}
	time.Sleep(5 * time.Second)
	_ = x.a.Send(0, binaryPPID, []byte{1})
	_ = x.a.Open(3, StreamParams{})
	x.close()
}

// The same with packets of a real transfer, damaged in flight and signed anew.
func TestDamagedPacketsOfATransferDoNoHarm(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			x := connect(t, path{delay: time.Millisecond})
			random := rand.New(rand.NewPCG(seed, 1))
			for i, l := range []*link{x.ab, x.ba} {
				random := rand.New(rand.NewPCG(seed, uint64(2+i)))
				deliver := l.deliver
				l.redirect(func(p []byte) {
					if random.IntN(4) == 0 {
						q := append([]byte(nil), p...)
						for range 1 + random.IntN(4) {
							q[12+random.IntN(min(len(q)-12, 40))] ^= 1 << random.IntN(8)
						}
						deliver(checksum(q))
					}
					deliver(p)
				})
			}
			for i := range 200 {
				id := uint16(random.IntN(8))
				for _, a := range []*Association{x.a, x.b} {
					_ = a.Open(id, StreamParams{Unordered: id%2 == 0})
					_ = a.Send(id, binaryPPID, make([]byte, 1+random.IntN(5000)))
				}
				if i%20 == 0 {
					x.a.Reset(id)
					x.b.Reset(id)
				}
				time.Sleep(5 * time.Millisecond)
			}
			time.Sleep(10 * time.Second)
			x.close()
		})
	}
}

// A flood that nobody reads is dropped at the border or aborted; the heap stays in
// proportion to the window.
func TestFloodOfTinyMessagesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newPair(t, path{})
		var theirs uint32
		initialTSN(x.ba, &theirs)
		x.a.Start()
		x.b.Start()
		synctest.Wait()
		gate := make(chan struct{})
		x.ra.onMessage = func(uint16, uint32, []byte) { <-gate }
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var tsn uint32
		for range 40_000 {
			p := packet(data(tsn, 5, uint16(tsn), 7, "x"), data(tsn+1, 5, uint16(tsn+1), 7, "x"))
			tsn += 2
			rebase(p, theirs, 0)
			x.a.HandlePacket(checksum(p))
			if tsn%500 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
			t.Errorf("the heap grew by %d MiB", grown>>20)
		}
		close(gate)
		x.close()
	})
}
