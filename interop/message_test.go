package interop

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A message is one entry of a plan: what to send, not its content.
type message struct {
	Text bool
	Size int // bytes; of UTF-8 when it is text
}

// MarshalJSON gives the pair that peer.js reads.
func (m message) MarshalJSON() ([]byte, error) {
	kind := "b"
	if m.Text {
		kind = "t"
	}
	return json.Marshal([]any{kind, m.Size})
}

const largest = 256 << 10 // the largest message that Chromium accepts

// content makes the payload of a plan's i-th message.
func (m message) content(i int) []byte {
	if m.Text {
		unit := "é橋🌉" + fmt.Sprint(i%10) // 10 bytes
		return []byte(strings.Repeat(unit, m.Size/10) + strings.Repeat("x", m.Size%10))
	}
	payload := make([]byte, m.Size)
	var seed [32]byte
	seed[0], seed[1] = byte(i), byte(i>>8)
	rand.NewChaCha8(seed).Read(payload)
	return payload
}

// fingerprint is a message's kind, then the SHA-256 of its bytes.
func fingerprint(text bool, payload []byte) string {
	kind := "b"
	if text {
		kind = "t"
	}
	return fmt.Sprintf("%s %x", kind, sha256.Sum256(payload))
}

// inbox collects the fingerprints of what arrived, in order.
type inbox struct {
	mu     sync.Mutex
	prints []string
	wake   chan struct{} // holds a token when something came
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (b *inbox) add(text bool, payload []byte) {
	print := fingerprint(text, payload)
	b.mu.Lock()
	b.prints = append(b.prints, print)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// wait returns the fingerprints when there are n. One goroutine may wait.
func (b *inbox) wait(n int) ([]string, error) {
	limit := time.NewTimer(150 * time.Second)
	defer limit.Stop()
	for {
		b.mu.Lock()
		prints := slices.Clone(b.prints)
		b.mu.Unlock()
		if len(prints) >= n {
			return prints, nil
		}
		select {
		case <-b.wake:
		case <-limit.C:
			return nil, fmt.Errorf("timeout: %d of %d messages came", len(prints), n)
		}
	}
}

// sameMessages compares what was sent with what arrived; without order it
// compares them as multisets.
func sameMessages(t testing.TB, way string, ordered bool, sent, received []string) {
	t.Helper()
	if len(sent) != len(received) {
		t.Errorf("%s: sent %d messages, %d arrived", way, len(sent), len(received))
		return
	}
	if !ordered {
		sent, received = slices.Sorted(slices.Values(sent)), slices.Sorted(slices.Values(received))
	}
	for i := range sent {
		if sent[i] != received[i] {
			t.Errorf("%s: message %d of %d: sent %q, arrived %q", way, i, len(sent), sent[i], received[i])
			return
		}
	}
}
