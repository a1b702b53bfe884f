package netio

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// charged charges every buffer to a.
func charged(a *Account, bs []*Buffer) []*Buffer {
	for _, b := range bs {
		b.Charge(a)
	}
	return bs
}

func TestAccountsCountTheirOwnDatagramsAndTheirTotals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		c.errs = map[string]error{"x3": syscall.EMSGSIZE}
		s := NewSocket(c, discard)
		total := new(Account)
		x, y := NewAccount(total), NewAccount(total)
		release := holdWriter(s, c)
		for _, b := range charged(x, numbered("x", 10)) {
			s.Send(b, dest(1), true)
		}
		for _, b := range charged(y, numbered("yy", 3)) {
			s.Send(b, dest(2), true)
		}
		s.Send(buffer("nobody's"), dest(1), true)
		if got := total.Stats(); got != (AccountStats{}) {
			t.Errorf("%+v is counted of what waits", got)
		}
		time.Sleep(time.Second)
		now := time.Now()
		release()
		for _, test := range []struct {
			name string
			a    *Account
			want AccountStats
		}{
			{"x", x, AccountStats{Sent: 9, SentBytes: 18, Discarded: 1, DiscardedBytes: 2}},
			{"y", y, AccountStats{Sent: 3, SentBytes: 9}},
			{"total", total, AccountStats{Sent: 12, SentBytes: 27, Discarded: 1, DiscardedBytes: 2}},
		} {
			got := test.a.Stats()
			if !got.LastSent.Equal(now) {
				t.Errorf("%s: last sent at %v, want %v", test.name, got.LastSent, now)
			}
			got.LastSent = time.Time{}
			if got != test.want {
				t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
			}
		}
		_ = s.Close()
		late := charged(y, numbered("z", 1))
		s.Send(late[0], dest(2), false)
		if got := y.Stats(); got.Sent != 3 || got.Discarded != 1 || got.DiscardedBytes != 2 {
			t.Errorf("after Close: %+v", got)
		}
	})
}

func TestAFullSocketAndAFullQueueAreCountedAsDiscards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemConn()
		s := NewSocket(c, discard)
		defer s.Close()
		a := NewAccount(nil)
		release := holdWriter(s, c)
		c.room = 4 // "first" and three more
		for _, b := range charged(a, numbered("x", flowLimit+100)) {
			s.Send(b, dest(1), true)
		}
		if got := a.Stats(); got.Discarded != 100 {
			t.Errorf("%d discarded while the queue was full, want 100", got.Discarded)
		}
		release()
		if got := a.Stats(); got.Sent != 3 || got.Discarded != flowLimit+100-3 {
			t.Errorf("%+v, want 3 sent and the rest discarded", got)
		}
	})
}

func TestAReusedBufferIsChargedToNobody(t *testing.T) {
	b := GetBuffer()
	b.Charge(NewAccount(nil))
	b.Release()
	if b.account != nil {
		t.Error("the account outlives the release")
	}
}
