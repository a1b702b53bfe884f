package dtls

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"
)

func TestEveryExplicitNonceOnTheWireIsTheSequenceNumber(t *testing.T) {
	// CVE-2026-26014: the engine draws nonces at random. 100,000 records of epoch 1, the handshake's own, its repetitions and the
	// closing alert included: each nonce_explicit is epoch || sequence number (RFC 5288 section 3), and the numbers have no gap.
	const writes = 50_000
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		next := map[Role]uint64{}
		types := map[uint8]int{}
		lost := 0
		w.tap = func(from Role, d []byte) [][]byte {
			hs, rs := records(t, d)
			for i, h := range hs {
				if h.epoch != 1 {
					continue
				}
				explicit := binary.BigEndian.Uint64(rs[i][recordHeaderLen:])
				if h.seq != next[from] || explicit != 1<<48|next[from] {
					t.Errorf("%v: record %d has number %d and nonce %#x", from, next[from], h.seq, explicit)
				}
				next[from]++
				types[h.typ]++
			}
			if hs[len(hs)-1].epoch == 1 && lost < 3 {
				lost++ // so that each side repeats its Finished
				return nil
			}
			if len(d) > 1 && types[typeApplicationData] > 10 {
				return nil // opening 100,000 records proves nothing about nonces
			}
			return [][]byte{d}
		}
		client, server := pair(t, w, nil)
		eventually(t, "both connected", time.Minute, connected(client, server))
		payload := []byte("0123456789abcdef")
		for range writes {
			for _, e := range []*end{client, server} {
				if err := e.Write(payload, false); err != nil {
					t.Fatal(err)
				}
			}
			w.mu.Lock()
			w.sent = w.sent[:0]
			w.mu.Unlock()
		}
		client.Close()
		server.Close()
		if n := next[Client] + next[Server]; n < 2*writes+4 {
			t.Errorf("%d records on the wire", n)
		}
		if types[typeHandshake] < 4 || types[typeAlert] != 2 || types[typeApplicationData] != 2*writes {
			t.Errorf("records by type %v: want repeated Finished, two alerts, all data", types)
		}
	})
}
