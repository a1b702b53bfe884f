package netio

import (
	"bytes"
	"testing"
)

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestBufferComesEmptyAndHoldsMaxDatagram(t *testing.T) {
	b := GetBuffer()
	if len(b.Bytes()) != 0 || len(b.Cap()) != MaxDatagram {
		t.Fatalf("len %d, capacity %d; want 0, %d", len(b.Bytes()), len(b.Cap()), MaxDatagram)
	}
	b.SetLen(copy(b.Cap(), "hello"))
	if !bytes.Equal(b.Bytes(), []byte("hello")) {
		t.Fatalf("payload %q", b.Bytes())
	}
	b.SetLen(MaxDatagram)
	if got := append(b.Bytes(), 'x'); &got[0] == &b.data[0] {
		t.Fatal("appending to a full payload wrote past it")
	}
	b.Release()
	b = GetBuffer()
	if len(b.Bytes()) != 0 {
		t.Fatal("a buffer from the pool is not empty")
	}
	b.Release()
}

func TestBufferPanicsOnMisuse(t *testing.T) {
	b := GetBuffer()
	if !panics(func() { b.SetLen(MaxDatagram + 1) }) || !panics(func() { b.SetLen(-1) }) {
		t.Error("SetLen took a length out of range")
	}
	b.Release()
	if !panics(b.Release) {
		t.Error("the second Release did not panic")
	}
}

func TestABufferForgetsThatItWasToStayWhole(t *testing.T) {
	for range 100 { // the pool may give another
		b := GetBuffer()
		if b.Whole() {
			t.Fatal("a new buffer is to stay whole")
		}
		b.KeepWhole()
		if !b.Whole() {
			t.Fatal("KeepWhole is forgotten")
		}
		b.Release()
	}
}
