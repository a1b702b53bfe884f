package netio

import (
	"sync/atomic"
	"time"
)

// An Account counts what became of the datagrams that were charged to it with
// [Buffer.Charge]: a socket serves many destinations, and an Account is one of
// them. Its counts are added to those of its total, too. The zero Account is
// ready to use; any goroutine may use one.
type Account struct {
	total *Account

	sent, sentBytes           atomic.Uint64
	discarded, discardedBytes atomic.Uint64
	lastSent                  atomic.Int64 // Unix time in nanoseconds; 0: never
}

// NewAccount returns an Account whose counts are also added to total, unless
// that is nil. A total of its own total counts nothing there.
func NewAccount(total *Account) *Account { return &Account{total: total} }

// AccountStats are an Account's counts until now. A count never falls.
type AccountStats struct {
	Sent, SentBytes           uint64    // datagrams, and bytes of payload, handed to the network
	Discarded, DiscardedBytes uint64    // not sent, for any reason of Drops
	LastSent                  time.Time // zero: never
}

// Stats returns the counts.
func (a *Account) Stats() AccountStats {
	s := AccountStats{
		Sent: a.sent.Load(), SentBytes: a.sentBytes.Load(),
		Discarded: a.discarded.Load(), DiscardedBytes: a.discardedBytes.Load(),
	}
	if last := a.lastSent.Load(); last != 0 {
		s.LastSent = time.Unix(0, last)
	}
	return s
}

// Charge makes a count what becomes of b. It is forgotten when b is released.
func (b *Buffer) Charge(a *Account) { b.account = a }

// sentOut counts the datagrams that the network took; it reads the clock once.
func sentOut(ds []Datagram) (bytes uint64) {
	var now int64
	for i := range ds {
		b := ds[i].Buffer
		bytes += uint64(b.n)
		if b.account == nil {
			continue
		}
		if now == 0 {
			now = time.Now().UnixNano()
		}
		for _, a := range [...]*Account{b.account, b.account.total} {
			if a != nil {
				a.sent.Add(1)
				a.sentBytes.Add(uint64(b.n))
				a.lastSent.Store(now)
			}
		}
	}
	return bytes
}

// discard counts a datagram that will not be sent.
func (b *Buffer) discard() {
	if b.account == nil {
		return
	}
	for _, a := range [...]*Account{b.account, b.account.total} {
		if a != nil {
			a.discarded.Add(1)
			a.discardedBytes.Add(uint64(b.n))
		}
	}
}
