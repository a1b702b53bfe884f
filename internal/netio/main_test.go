package netio

import (
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// buffer makes a Buffer with the given payload.
func buffer(payload string) *Buffer {
	b := GetBuffer()
	b.SetLen(copy(b.Cap(), payload))
	return b
}

// releaseAll gives back what a test read or wrote.
func releaseAll(ds []Datagram) {
	for _, d := range ds {
		d.Buffer.Release()
	}
}
