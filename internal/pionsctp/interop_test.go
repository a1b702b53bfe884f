package pionsctp

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/sctp"
)

// rawRead reads messages of a raw stream until it ends.
func rawRead(stream *sctp.Stream, got func(ppid uint32, data []byte)) error {
	buffer := make([]byte, 1<<20)
	for {
		n, ppid, err := stream.ReadSCTP(buffer)
		if err != nil {
			return err
		}
		got(uint32(ppid), append([]byte(nil), buffer[:n]...))
	}
}

// What pion/webrtc's side of the association is: pion/sctp with its own defaults,
// interleaving on, with and without zero checksums.
func TestRawPeerExchangesMessagesOfEverySize(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []sctp.ClientOption
	}{
		{"defaults", nil},
		{"zero checksum", []sctp.ClientOption{sctp.WithEnableZeroChecksum(true)}},
		{"no interleaving", []sctp.ClientOption{sctp.WithEnableInterleaving(false)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := append(c.options, sctp.WithMaxMessageSize(1<<20))
				x, raw := connectRaw(t, path{delay: 10 * time.Millisecond, loss: 0.01, seed: 21}, options...)
				must(t, x.a.Open(3, StreamParams{}))
				stream, err := raw.OpenStream(3, 0)
				must(t, err)
				var echoed [][]byte
				ended := make(chan error, 1)
				go func() {
					ended <- rawRead(stream, func(ppid uint32, data []byte) {
						if ppid != binaryPPID {
							t.Errorf("payload protocol identifier %d", ppid)
						}
						echoed = append(echoed, data)
						if _, err := stream.WriteSCTP(data, binaryPPID); err != nil {
							t.Error(err)
						}
					})
				}()
				sizes := []int{1, 100, 1132, 1164, 65536, 262144, DefaultMaxMessageSize}
				for i, n := range sizes {
					data := make([]byte, n)
					fill(data, uint64(i))
					must(t, x.a.Send(3, binaryPPID, data))
				}
				x.until("the echoes", 10*time.Minute, func() bool { return len(x.ra.got()) == len(sizes) })
				for i, m := range x.ra.got() {
					if !bytes.Equal(m.data, echoed[i]) || len(m.data) != sizes[i] {
						t.Errorf("message %d of %d bytes came back as %d", i, sizes[i], len(m.data))
					}
				}
				// RFC 8831 section 6.7: closing from our side, then from theirs.
				x.a.Reset(3)
				if err := <-ended; !errors.Is(err, io.EOF) {
					t.Errorf("the peer's stream ended with %v", err)
				}
				must(t, stream.Close())
				x.until("closed", 10*time.Second, func() bool { return x.ra.count("closed 3") == 1 })
				raw.Abort("done")
				var abort *AbortError
				if err := x.ended(x.ra); !errors.As(err, &abort) || abort.Reason != "done" {
					t.Errorf("ended with %v", err)
				}
				x.a.Close(true)
			})
		})
	}
}

// The accept queue of pion/sctp holds 16 streams. What does not fit is lost and
// retransmitted: more streams than that in one packet arrive late, but arrive.
func TestPeerMayOpenManyStreamsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, raw := connectRaw(t, path{delay: 10 * time.Millisecond})
		gate := make(chan struct{})
		x.ra.onMessage = func(uint16, uint32, []byte) { <-gate }
		const streams = 300
		for id := range uint16(streams) {
			stream, err := raw.OpenStream(id, 0)
			must(t, err)
			_, err = stream.WriteSCTP([]byte{1}, 50)
			must(t, err)
		}
		x.until("a message of each, in hand", time.Minute, func() bool { return len(x.ra.got()) == streams })
		close(gate)
		must(t, raw.Close())
		x.close()
	})
}

// A peer without our ledger performs repeated requests again: an identifier may only
// be reused once it has acknowledged the reset.
func TestRawPeerSurvivesReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, raw := connectRaw(t, path{delay: 10 * time.Millisecond, loss: 0.05, seed: 4})
		for i := range 50 {
			must(t, x.a.Open(2, StreamParams{}))
			must(t, x.a.Send(2, binaryPPID, payload(uint32(i), 100)))
			stream, err := raw.AcceptStream()
			must(t, err)
			if err := rawRead(stream, func(_ uint32, data []byte) {
				if !bytes.Equal(data, payload(uint32(i), 100)) {
					t.Errorf("use %d: another message", i)
				}
				x.a.Reset(2)
			}); !errors.Is(err, io.EOF) {
				t.Fatalf("use %d ended with %v", i, err)
			}
			must(t, stream.Close())
			x.until("closed", time.Minute, func() bool { return x.ra.count("closed 2") == i+1 })
		}
		must(t, raw.Close())
		x.close()
	})
}

// What MaxLifetime's comment says of pion/sctp: the clock of its timed policy starts
// anew with each retransmission.
func TestTimedReliabilityOfTheEngineNeverGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, raw := connectRaw(t, path{delay: 10 * time.Millisecond})
		stream, err := raw.OpenStream(1, 0)
		must(t, err)
		stream.SetReliabilityParams(false, sctp.ReliabilityTypeTimed, 50)
		x.ba.set(func(p []byte) bool { return p[12] != 0 })
		_, err = stream.WriteSCTP([]byte{1}, binaryPPID)
		must(t, err)
		time.Sleep(30 * time.Second)
		x.ba.set(nil)
		x.until("a message 30 s old", time.Minute, func() bool { return len(x.ra.got()) == 1 })
		must(t, raw.Close())
		x.close()
	})
}
