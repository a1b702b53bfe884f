package sctp

import "testing"

// RFC 8832 section 6: the DTLS client uses even stream identifiers, the server odd.
func TestIdentifiersFollowTheDTLSRole(t *testing.T) {
	for _, c := range []struct {
		client bool
		want   []StreamID
	}{{true, []StreamID{0, 2, 4}}, {false, []StreamID{1, 3, 5}}} {
		s := NewStreamIDs(c.client)
		for _, want := range c.want {
			if id, ok := s.Next(); !ok || id != want {
				t.Fatalf("client %v: Next = %d, %v, want %d", c.client, id, ok, want)
			}
		}
	}
}

// RFC 8831 section 6.2: identifier 65535 does not exist.
func TestEveryIdentifierIsHandedOutOnce(t *testing.T) {
	for _, c := range []struct {
		client bool
		count  int
		last   StreamID
	}{{true, 32768, 65534}, {false, 32767, 65533}} {
		s := NewStreamIDs(c.client)
		seen := make(map[StreamID]bool)
		var last StreamID
		for {
			id, ok := s.Next()
			if !ok {
				break
			}
			if seen[id] {
				t.Fatalf("%d handed out twice", id)
			}
			seen[id], last = true, id
		}
		if len(seen) != c.count || last != c.last {
			t.Fatalf("client %v: %d identifiers up to %d, want %d up to %d", c.client, len(seen), last, c.count, c.last)
		}
		if _, ok := s.Next(); ok {
			t.Fatal("Next after the last one")
		}
		s.Release(c.last)
		if id, ok := s.Next(); !ok || id != c.last {
			t.Fatalf("after Release: %d, %v", id, ok)
		}
	}
}

func TestReleasedIdentifiersAreLowestFirst(t *testing.T) {
	s := NewStreamIDs(true)
	for range 100 {
		s.Next()
	}
	for _, id := range []StreamID{130, 4, 66} {
		s.Release(id)
	}
	for _, want := range []StreamID{4, 66, 130, 200} {
		if id, ok := s.Next(); !ok || id != want {
			t.Fatalf("Next = %d, %v, want %d", id, ok, want)
		}
	}
}

func TestTakeRefusesWhatIsInUseOrOutOfRange(t *testing.T) {
	s := NewStreamIDs(true)
	for _, c := range []struct {
		id   StreamID
		want bool
	}{{0, true}, {0, false}, {3, true}, {65534, true}, {65535, false}, {3, false}} {
		if got := s.Take(c.id); got != c.want {
			t.Errorf("Take(%d) = %v", c.id, got)
		}
	}
	if id, ok := s.Next(); !ok || id != 2 {
		t.Errorf("Next = %d, %v, want 2: 0 was taken", id, ok)
	}
	s.Release(3)
	s.Release(3)
	s.Release(1000)
	if s.InUse(3) || !s.InUse(0) || !s.Take(3) {
		t.Error("Release did not free 3 alone")
	}
}

func TestLimitBoundsNextAndTake(t *testing.T) {
	s := NewStreamIDs(false)
	s.SetLimit(4)
	if !s.Take(2) || s.Take(4) {
		t.Error("Take does not follow the limit")
	}
	for _, want := range []StreamID{1, 3} {
		if id, ok := s.Next(); !ok || id != want {
			t.Fatalf("Next = %d, %v, want %d", id, ok, want)
		}
	}
	if id, ok := s.Next(); ok {
		t.Fatalf("Next = %d above the limit", id)
	}
	s.SetLimit(1 << 20)
	if id, ok := s.Next(); !ok || id != 5 {
		t.Fatalf("Next = %d, %v after the limit rose", id, ok)
	}
	s.SetLimit(-1)
	if _, ok := s.Next(); ok || s.Take(8) {
		t.Fatal("identifiers without streams")
	}
}
