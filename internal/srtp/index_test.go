package srtp

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestIndexIsTheNearestOfTheSequenceNumber(t *testing.T) {
	// RFC 3711 section 3.3.1, with its pseudo code in appendix A.
	for _, v := range []struct {
		newest uint64
		seq    uint16
		want   uint64
	}{
		{0, 0, 0},
		{0, 1, 1},
		{10, 40000, 40000}, // a jump in the first round: there is none before it
		{40000, 10, 1<<16 | 10},
		{65535, 0, 65536},            // the wrap
		{65536, 65535, 65535},        // reordered around it
		{65534, 3, 65539},            // with loss
		{65539, 65534, 65534},        // with loss, reordered
		{5<<16 | 0x8000, 0, 5 << 16}, // exactly 2^15 apart: the same round
		{5 << 16, 0x8000, 5<<16 | 0x8000},
		{5<<16 | 0x8001, 0, 6 << 16},
		{5 << 16, 0x8001, 4<<16 | 0x8001},
		{maxIndex, 0, maxIndex &^ 0xffff}, // no round after the last
	} {
		if got := guessIndex(v.newest, v.seq); got != v.want {
			t.Errorf("newest %#x, seq %d: %#x, want %#x", v.newest, v.seq, got, v.want)
		}
	}
}

// sendAndOpen protects the packets in their order, opens them in another, and returns what each opening said.
func sendAndOpen(t *testing.T, p Profile, sent, received []uint16) []error {
	t.Helper()
	r := rand.New(rand.NewPCG(21, uint64(p)))
	stream, in := mustOutbound(t, p, Options{}).Stream(5), mustInbound(t, p, Options{})
	plain, sealed := map[uint16][]byte{}, map[uint16][]byte{}
	for _, seq := range sent {
		packet := rtpPacket(r, 5, seq)
		plain[seq] = bytes.Clone(packet)
		var err error
		if sealed[seq], err = stream.Protect(packet); err != nil {
			t.Fatalf("protect %d: %v", seq, err)
		}
	}
	var errs []error
	for _, seq := range received {
		got, err := in.Open(bytes.Clone(sealed[seq]))
		if err == nil && !bytes.Equal(got, plain[seq]) {
			t.Fatalf("seq %d opened to other bytes", seq)
		}
		errs = append(errs, err)
	}
	return errs
}

func TestRolloverSurvivesLossAndReordering(t *testing.T) {
	sent := []uint16{65532, 65533, 65534, 65535, 0, 1, 2, 3}
	for name, received := range map[string][]uint16{
		"in order":                       sent,
		"swapped around the wrap":        {65532, 65534, 0, 65533, 65535, 1, 3, 2},
		"the first one near the wrap":    {65535, 0, 1, 65534, 65533, 65532},
		"the first ones lost":            {0, 1, 2, 3},
		"late ones of before the wrap":   {2, 65535, 65534, 3, 65533, 0},
		"only one after the wrap at all": {3, 65532},
	} {
		t.Run(name, func(t *testing.T) {
			eachProfile(t, func(t *testing.T, p Profile) {
				for i, err := range sendAndOpen(t, p, sent, received) {
					if err != nil {
						t.Errorf("packet %d, seq %d: %v", i, received[i], err)
					}
				}
			})
		})
	}
}

func TestReplayedPacketsAreRefused(t *testing.T) {
	// RFC 3711 section 3.3.2.
	eachProfile(t, func(t *testing.T, p Profile) {
		sent := make([]uint16, 3000)
		for i := range sent {
			sent[i] = uint16(64000 + i)
		}
		received := slices.Concat(sent, sent)
		errs := sendAndOpen(t, p, sent, received)
		for i, err := range errs {
			if replayed := i >= len(sent); replayed != errors.Is(err, ErrReplay) || !replayed && err != nil {
				t.Fatalf("packet %d: %v", i, err)
			}
		}
	})
}

func TestReplayWindowReachesAsFarAsItSays(t *testing.T) {
	const p = AEAD_AES_128_GCM
	for _, size := range []int{64, 100, 1024, 32768} {
		in, stream := mustInbound(t, p, Options{ReplayWindow: size}), mustOutbound(t, p, Options{ReplayWindow: 32768}).Stream(5)
		reach := (size + 63) / 64 * 64
		newest := reach + 10
		sealed := func(seq int) []byte {
			packet := append(make([]byte, 0, 64), 0x80, 0, byte(seq>>8), byte(seq), 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3)
			b, err := stream.Protect(packet)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		// The sender's window must cover what it sends late.
		late := map[int][]byte{}
		for _, seq := range []int{newest - reach, newest - reach + 1, newest - 1} {
			late[seq] = sealed(seq)
		}
		if _, err := in.Open(sealed(newest)); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Open(late[newest-reach]); !errors.Is(err, ErrReplay) {
			t.Errorf("window %d: %d behind: %v, want ErrReplay", size, reach, err)
		}
		for _, seq := range []int{newest - reach + 1, newest - 1} {
			if _, err := in.Open(late[seq]); err != nil {
				t.Errorf("window %d: %d behind: %v", size, newest-seq, err)
			}
		}
	}
	for _, size := range []int{-1, 1, 63, 32769} {
		if _, err := NewInbound(p, testKeys(p), Options{ReplayWindow: size}); err == nil {
			t.Errorf("a window of %d was taken", size)
		}
	}
}

// The window is compared with the set of all indexes taken.
func TestReplayWindowAgreesWithASet(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 22))
	for range 50 {
		w := newReplayWindow(64 << r.IntN(4))
		at := r.Uint64N(1 << 40)
		w.start(at)
		taken, newest := map[uint64]bool{at: true}, at
		for range 3000 {
			index := newest + r.Uint64N(400)
			if r.IntN(2) == 0 {
				index = max(newest, 1500) - r.Uint64N(1500)
			}
			if r.IntN(200) == 0 {
				index = newest + r.Uint64N(1<<20)
			}
			want := index > newest || newest-index < w.size() && !taken[index]
			if index < at && newest-index < w.size() {
				want = !taken[index] // before the first one: not taken yet
			}
			if got := w.fresh(index); got != want {
				t.Fatalf("index %d of newest %d: fresh %t, want %t", index, newest, got, want)
			}
			if want {
				w.mark(index)
				taken[index], newest = true, max(newest, index)
			}
		}
	}
}
