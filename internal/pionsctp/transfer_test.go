package pionsctp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sort"
	"testing"
	"testing/synctest"
	"time"
)

const binaryPPID = 53

var rough = path{delay: 20 * time.Millisecond, jitter: 10 * time.Millisecond, loss: 0.05, duplicate: 0.02, seed: 1}

// RFC 9260 section 5.1: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK are two round trips;
// when both ends begin at once they still take no more.
func TestBothEndsStartAndConnectInTwoRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newPair(t, path{delay: 50 * time.Millisecond})
		begin := time.Now()
		var took [2]time.Duration
		x.ra.on = func(string, uint16) { took[0] = time.Since(begin) }
		x.rb.on = func(string, uint16) { took[1] = time.Since(begin) }
		x.a.Start()
		x.b.Start()
		time.Sleep(time.Second)
		synctest.Wait()
		for i, d := range took {
			if d < 150*time.Millisecond || d > 200*time.Millisecond {
				t.Errorf("end %d was established after %v, want 1.5 to 2 round trips of 100ms", i, d)
			}
		}
		x.close()
	})
}

func TestMessagesArriveUnchangedAndInOrderOverARoughPath(t *testing.T) {
	for _, c := range []struct {
		name  string
		path  path
		sizes []int
	}{
		{"clean, every size", path{delay: time.Millisecond}, []int{1, 2, 1131, 1132, 1133, 65535, 65536, 262144, DefaultMaxMessageSize}},
		{"rough, small", rough, repeat(300, 100)},
		{"rough, 16 KiB", rough, repeat(40, 16<<10)},
		{"rough, 256 KiB", rough, repeat(4, 256<<10)},
		{"200 ms", path{delay: 200 * time.Millisecond, loss: 0.1, seed: 3}, repeat(20, 16<<10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := connect(t, c.path)
				x.openBoth(4, StreamParams{})
				var want [2][]message
				for i, n := range c.sizes {
					for end, a := range []*Association{x.a, x.b} {
						data := make([]byte, n)
						fill(data, uint64(i*2+end))
						want[end] = append(want[end], message{4, binaryPPID, data})
						must(t, a.Send(4, binaryPPID, data))
					}
				}
				x.until("all messages", 20*time.Minute, func() bool {
					return len(x.rb.got()) == len(c.sizes) && len(x.ra.got()) == len(c.sizes)
				})
				if digest(x.rb.got()) != digest(want[0]) || digest(x.ra.got()) != digest(want[1]) {
					t.Error("what arrived is not what was sent")
				}
				for _, m := range x.rb.got() {
					if cap(m.data) != len(m.data) {
						t.Fatalf("payload of %d bytes pins %d", len(m.data), cap(m.data))
					}
				}
				if x.ab.largest > DefaultMTU {
					t.Errorf("packet of %d bytes, MTU %d", x.ab.largest, DefaultMTU)
				}
				x.close()
			})
		})
	}
}

// RFC 9260 section 6.6: unordered messages all arrive, in any order.
func TestUnorderedMessagesAllArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, rough)
		x.openBoth(7, StreamParams{Unordered: true})
		const count = 200
		for i := range count {
			must(t, x.a.Send(7, binaryPPID, payload(uint32(i), 200+i*40)))
		}
		x.until("all messages", 10*time.Minute, func() bool { return len(x.rb.got()) == count })
		got := x.rb.got()
		outOfOrder := !sort.SliceIsSorted(got, func(i, j int) bool { return number(got[i]) < number(got[j]) })
		if !outOfOrder {
			t.Error("loss did not reorder a single unordered message")
		}
		sort.Slice(got, func(i, j int) bool { return number(got[i]) < number(got[j]) })
		for i, m := range got {
			if !bytes.Equal(m.data, payload(uint32(i), 200+i*40)) {
				t.Fatalf("message %d is damaged", i)
			}
		}
		x.close()
	})
}

// RFC 3758: what may not be retransmitted is skipped, the rest arrives in order, and
// nothing waits for what was given up.
func TestPartialReliabilityGivesUpAndGoesOn(t *testing.T) {
	zero, long := uint16(0), uint16(500)
	for _, c := range []struct {
		name   string
		params StreamParams
	}{
		{"no retransmission", StreamParams{MaxRetransmits: &zero}},
		{"no retransmission, unordered", StreamParams{MaxRetransmits: &zero, Unordered: true}},
		{"no lifetime", StreamParams{MaxLifetime: &zero}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := connect(t, path{delay: 10 * time.Millisecond, seed: 5})
				x.openBoth(2, c.params)
				x.ab.mu.Lock()
				x.ab.loss = 0.2
				x.ab.mu.Unlock()
				const count = 300
				for i := range count {
					must(t, x.a.Send(2, binaryPPID, payload(uint32(i), 1000)))
					time.Sleep(5 * time.Millisecond)
				}
				x.ab.mu.Lock()
				x.ab.loss = 0
				x.ab.mu.Unlock()
				x.until("the buffer to drain", time.Minute, func() bool { return x.a.BufferedAmount(2) == 0 })
				must(t, x.a.Send(2, binaryPPID, payload(count, 1000)))
				x.until("the last message", time.Minute, func() bool {
					got := x.rb.got()
					return len(got) > 0 && number(got[len(got)-1]) == count
				})
				got := x.rb.got()
				if len(got) > count*9/10 || len(got) < count/2 {
					t.Errorf("%d of %d messages arrived with a fifth of the packets lost", len(got), count)
				}
				if !c.params.Unordered {
					for i := 1; i < len(got); i++ {
						if number(got[i]) <= number(got[i-1]) {
							t.Fatalf("message %d after %d", number(got[i]), number(got[i-1]))
						}
					}
				}
				x.close()
			})
		})
	}
	t.Run("a lifetime ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			x := connect(t, path{delay: 10 * time.Millisecond})
			x.openBoth(2, StreamParams{MaxLifetime: &long})
			x.ab.set(func(p []byte) bool { return p[12] != 0 }) // DATA is lost
			must(t, x.a.Send(2, binaryPPID, payload(1, 100)))
			time.Sleep(20 * time.Second)
			x.ab.set(nil)
			x.until("the buffer to drain", time.Minute, func() bool { return x.a.BufferedAmount(2) == 0 })
			if got := x.rb.got(); len(got) != 0 {
				t.Errorf("a message with a lifetime of 500 ms arrived after 20 s")
			}
			x.close()
		})
	})
}

func TestAHundredStreamsEachKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := connect(t, path{delay: 10 * time.Millisecond, loss: 0.01, seed: 9})
		const streams, each = 100, 10
		for id := range uint16(streams) {
			must(t, x.a.Open(id, StreamParams{Unordered: id%4 == 3}))
		}
		for i := range each {
			for id := range uint16(streams) {
				must(t, x.a.Send(id, binaryPPID, payload(uint32(i), 50+int(id)*20)))
			}
		}
		x.until("all messages", 10*time.Minute, func() bool { return len(x.rb.got()) == streams*each })
		next := make(map[uint16]uint32)
		for _, m := range x.rb.got() {
			if m.id%4 != 3 && number(m) != next[m.id] {
				t.Fatalf("stream %d: message %d, want %d", m.id, number(m), next[m.id])
			}
			next[m.id]++
		}
		if len(next) != streams {
			t.Errorf("%d streams", len(next))
		}
		x.close()
	})
}

func TestSendRefusesWhatCannotBeCarried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newPair(t, path{config: func(c *Config) { c.MaxMessageSize = 1000 }})
		if err := x.a.Open(0, StreamParams{}); !errors.Is(err, ErrNotEstablished) {
			t.Errorf("Open before the handshake: %v", err)
		}
		if err := x.a.Send(0, binaryPPID, []byte{1}); !errors.Is(err, ErrNotEstablished) {
			t.Errorf("Send before the handshake: %v", err)
		}
		x.a.Start()
		x.b.Start()
		time.Sleep(time.Second)
		must(t, x.a.Open(0, StreamParams{}))
		for _, c := range []struct {
			id   uint16
			size int
			want error
		}{
			{0, 1001, ErrMessageTooLarge}, {0, 1000, nil}, {0, 0, ErrEmptyMessage}, {1, 1, ErrStreamClosed},
		} {
			if err := x.a.Send(c.id, binaryPPID, make([]byte, c.size)); !errors.Is(err, c.want) {
				t.Errorf("Send of %d bytes on %d: %v, want %v", c.size, c.id, err, c.want)
			}
		}
		if err := x.a.Open(65535, StreamParams{}); !errors.Is(err, ErrStreamID) {
			t.Errorf("Open(65535): %v", err)
		}
		x.a.Reset(0)
		x.a.Reset(9)
		if err := x.a.Send(0, binaryPPID, []byte{1}); !errors.Is(err, ErrStreamClosed) {
			t.Errorf("Send after Reset: %v", err)
		}
		if err := x.a.Open(0, StreamParams{}); !errors.Is(err, ErrStreamInUse) {
			t.Errorf("Open after Reset: %v", err)
		}
		x.close()
		if err := x.a.Send(0, binaryPPID, []byte{1}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Send after Close: %v", err)
		}
		if err := x.a.Open(2, StreamParams{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Open after Close: %v", err)
		}
	})
}

// RFC 8841 section 6.1: 0 means that the peer takes messages of any size.
func TestNoLimitOfThePeerBecomesOurCap(t *testing.T) {
	for _, size := range []uint32{0, MaxSendSize + 1, 1 << 30} {
		synctest.Test(t, func(t *testing.T) {
			x := newPair(t, path{config: func(c *Config) { c.MaxMessageSize = size }})
			x.a.Start()
			x.b.Start()
			time.Sleep(time.Second)
			must(t, x.a.Open(0, StreamParams{}))
			must(t, x.a.Send(0, binaryPPID, make([]byte, MaxSendSize)))
			if err := x.a.Send(0, binaryPPID, make([]byte, MaxSendSize+1)); !errors.Is(err, ErrMessageTooLarge) {
				t.Errorf("one byte above the cap: %v", err)
			}
			x.until("the message", time.Minute, func() bool { return len(x.rb.got()) == 1 })
			x.close()
		})
	}
}

// The egress batches what more announces: the full-size packets of a burst, and
// nothing else.
func TestFullSizePacketsAnnounceMore(t *testing.T) {
	for _, mtu := range []uint32{DefaultMTU, 1191, 1200} {
		t.Run(fmt.Sprint(mtu), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := connect(t, path{delay: time.Millisecond, config: func(c *Config) { c.MTU = mtu }})
				x.openBoth(0, StreamParams{})
				if x.ab.mores != 0 {
					t.Errorf("%d packets of the handshake announce more", x.ab.mores)
				}
				must(t, x.a.Send(0, binaryPPID, make([]byte, 100<<10)))
				x.until("the message", time.Minute, func() bool { return len(x.rb.got()) == 1 })
				full := x.ab.sizes[x.ab.largest]
				if full < (100<<10)/int(mtu) || x.ab.mores != full {
					t.Errorf("%d packets announced more, %d were full-size", x.ab.mores, full)
				}
				if x.ba.mores != 0 {
					t.Errorf("%d acknowledgements announce more", x.ba.mores)
				}
				x.close()
			})
		})
	}
}

func repeat(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

func fill(b []byte, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

func number(m message) uint32 { return binary.BigEndian.Uint32(m.data) }
