package turn

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/pion/stun"
)

// split feeds a stream in pieces of n bytes.
func split(stream []byte, n int) (frames [][]byte, s *Splitter, err error) {
	s = new(Splitter)
	for {
		frame, ok, err := s.Next()
		if err != nil {
			return frames, s, err
		}
		if ok {
			frames = append(frames, append([]byte(nil), frame...))
			continue
		}
		if len(stream) == 0 {
			return frames, s, nil
		}
		took := copy(s.Free(), stream[:min(n, len(stream))])
		s.Commit(took)
		stream = stream[took:]
	}
}

// RFC 8656 section 12.5: STUN and padded ChannelData, however TCP cuts them.
func TestStreamsAreSplitIntoMessages(t *testing.T) {
	binding := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewSoftware("x")).Raw
	var stream []byte
	var want [][]byte
	for n := range 9 {
		data := append([]byte{0x40, 0, 0, byte(n)}, bytes.Repeat([]byte{9}, n)...)
		want = append(want, data, binding)
		stream = append(append(append(stream, data...), make([]byte, padding(n))...), binding...)
	}
	for _, n := range []int{1, 2, 3, 5, 7, 100, len(stream)} {
		frames, _, err := split(stream, n)
		if err != nil || len(frames) != len(want) {
			t.Fatalf("pieces of %d: %d frames, %v", n, len(frames), err)
		}
		for i := range want {
			if !bytes.Equal(frames[i], want[i]) {
				t.Errorf("pieces of %d: frame %d is %x, want %x", n, i, frames[i], want[i])
			}
		}
	}
}

// A peer can make the server send a message of 64 KiB: it is skipped, without being
// kept, and the stream goes on.
func TestLongMessagesAreSkipped(t *testing.T) {
	long := append([]byte{0x40, 1, 0xff, 0xff}, make([]byte, 0xffff+padding(0xffff))...)
	short := []byte{0x40, 2, 0, 4, 1, 2, 3, 4}
	frames, s, err := split(append(append(long, short...), short...), 1500)
	if err != nil || len(frames) != 2 || !bytes.Equal(frames[1], short) || s.Skipped() != 1 {
		t.Errorf("%d frames, %d skipped, %v", len(frames), s.Skipped(), err)
	}
}

// RFC 8656 section 12: channel numbers above 0x4FFF are reserved; what is neither
// ends the stream, as nothing behind it can be found.
func TestStreamsOfSomethingElseEnd(t *testing.T) {
	for _, b := range [][]byte{{0x50, 0, 0, 0}, {0x80, 0, 0, 0}, {0, 1, 0, 3}, []byte("SSH-2.0-OpenSSH")} {
		if _, _, err := split(b, 100); !errors.Is(err, ErrFraming) {
			t.Errorf("%x: %v", b, err)
		}
	}
}

// Whatever a stream holds, frames are in bounds and Free is never empty.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte{0x40, 0, 0, 1, 5, 0, 0, 0, 0, 1, 0, 0}, uint8(3))
	f.Add(append([]byte{0x40, 1, 0x40, 0}, make([]byte, 300)...), uint8(255))
	f.Fuzz(func(t *testing.T, stream []byte, n uint8) {
		piece := int(n) + 1
		frames, s, err := split(stream, piece)
		total := 0
		for _, frame := range frames {
			if len(frame) < channelHeader || len(frame) > MaxFrame {
				t.Fatalf("frame of %d bytes", len(frame))
			}
			total += len(frame)
		}
		if total > len(stream) || err == nil && len(s.Free()) == 0 {
			t.Fatal("more came out than went in, or nothing more can go in")
		}
	})
}

// The answers of a server, true ones among them, never panic, and the machine stays
// consistent.
func FuzzHandlePacket(f *testing.F) {
	success := stun.NewType(stun.MethodAllocate, stun.ClassSuccessResponse)
	f.Add(stun.MustBuild(stun.TransactionID, success, xor(stun.AttrXORRelayedAddress, relay), lifetime(time.Minute)).Raw, uint8(1))
	f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassErrorResponse), code(438, "x"), stun.NewNonce("n"), stun.NewRealm("r")).Raw, uint8(0))
	f.Add(stun.MustBuild(stun.TransactionID, success, stun.RawAttribute{Type: stun.AttrXORRelayedAddress}, stun.RawAttribute{Type: stun.AttrMessageIntegrity, Value: []byte{1}}).Raw, uint8(0))
	f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodData, stun.ClassIndication), xor(stun.AttrXORPeerAddress, peer), stun.RawAttribute{Type: stun.AttrData, Value: []byte("x")}, stun.Fingerprint).Raw, uint8(2))
	f.Add([]byte{0x40, 0, 0, 9, 1}, uint8(3))
	f.Fuzz(func(t *testing.T, p []byte, stage uint8) {
		s := newScript(t, Config{Stream: stage&4 != 0})
		if stage&3 > 0 {
			s.allocate(600 * time.Second)
		}
		if stage&3 > 1 {
			s.permit()
			_, _ = s.c.AppendPacket(nil, s.now, peer, []byte{128})
			s.drain()
		}
		if len(p) >= stunHeader && len(s.sent) > 0 && stage&8 != 0 {
			p = append([]byte(nil), p...)
			copy(p[8:stunHeader], s.sent[len(s.sent)-1].raw[8:]) // the ID of the newest request
		}
		from, payload, _ := s.c.HandlePacket(s.now, p)
		if !from.IsValid() && payload != nil || len(payload) > len(p) {
			t.Fatalf("payload of %d bytes of %v", len(payload), from)
		}
		s.drain()
		s.run(time.Minute)
	})
}
