package bandwidth

import "time"

const (
	rateBucket  = 25 * time.Millisecond
	rateBuckets = 20 // 500 ms: T of draft-ietf-rmcat-gcc-02 section 5.5
	rateSpan    = rateBuckets * rateBucket
	rateMinimum = 150 * time.Millisecond
)

// rateWindow measures a rate over the last 500 ms, R_hat of
// draft-ietf-rmcat-gcc-02 section 5.5. Its zero value has seen nothing.
type rateWindow struct {
	buckets [rateBuckets]int64 // bytes
	sum     int64
	newest  int64         // number of the newest bucket
	first   time.Duration // when the measurement began
	last    time.Duration // latest addition
	started bool
}

// add counts bytes at a time. Times that go back by less than the window are
// counted where they belong, those that go back further are ignored; a jump
// ahead by more than the window, or back by more than 3 s, begins a new
// measurement.
func (r *rateWindow) add(at time.Duration, bytes int) {
	n := int64(at / rateBucket)
	if !r.started || n > r.newest+rateBuckets || n < r.newest-int64(arrivalJump/rateBucket) {
		*r = rateWindow{newest: n, first: at, last: at, started: true}
	}
	if n <= r.newest-rateBuckets {
		return
	}
	r.roll(n)
	r.buckets[slot(n)] += int64(bytes)
	r.sum += int64(bytes)
	r.last = max(r.last, at)
}

// roll empties the buckets that a later time makes the newest.
func (r *rateWindow) roll(n int64) {
	if n-r.newest >= rateBuckets {
		clear(r.buckets[:])
		r.sum, r.newest = 0, n
		return
	}
	for r.newest < n {
		r.newest++
		b := &r.buckets[slot(r.newest)]
		r.sum -= *b
		*b = 0
	}
}

func slot(n int64) int {
	return int((n%rateBuckets + rateBuckets) % rateBuckets)
}

// at is the rate in the window that ends at a time; 0 means not known yet: less
// than 150 ms have been seen.
func (r *rateWindow) at(now time.Duration) Bitrate {
	if !r.started || now < r.last {
		now = r.last
	}
	if !r.started || now-r.first < rateMinimum {
		return 0
	}
	r.roll(max(int64(now/rateBucket), r.newest))
	span := now - time.Duration(r.newest-rateBuckets+1)*rateBucket
	return rateOf(r.sum, max(min(span, now-r.first), rateMinimum))
}

// rate is that of the window which ends with the latest addition.
func (r *rateWindow) rate() Bitrate { return r.at(r.last) }

// rateRecent is the number of buckets of the short window.
const rateRecent = 8

// recent is the rate of the last 200 ms before the latest addition. It is for
// the time after a jump; at other times it is too noisy.
func (r *rateWindow) recent() Bitrate {
	whole := r.rate()
	if whole == 0 {
		return 0
	}
	var sum int64
	for n := r.newest - rateRecent + 1; n <= r.newest; n++ {
		sum += r.buckets[slot(n)]
	}
	span := r.last - time.Duration(r.newest-rateRecent+1)*rateBucket
	return rateOf(sum, max(min(span, r.last-r.first), rateMinimum))
}
