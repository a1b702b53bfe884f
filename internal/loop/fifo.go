package loop

// fifo is an unbounded queue over a ring. Pushing allocates only when the ring
// grows; a ring that a burst made large is given back while the burst drains,
// so an idle queue never holds more than fifoKeep slots. It is not safe for
// concurrent use.
type fifo[T any] struct {
	ring []T
	head int
	n    int
}

const (
	fifoFirst = 16  // slots of the first allocation
	fifoKeep  = 256 // slots that an empty queue may keep
)

func (q *fifo[T]) len() int { return q.n }

func (q *fifo[T]) push(v T) {
	if q.n == len(q.ring) {
		q.resize(max(fifoFirst, 2*len(q.ring)))
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = v
	q.n++
}

// pop removes the oldest element. The queue must not be empty.
func (q *fifo[T]) pop() T {
	var zero T
	v := q.ring[q.head]
	q.ring[q.head] = zero
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	if len(q.ring) > fifoKeep && q.n <= len(q.ring)/8 {
		q.resize(len(q.ring) / 2)
	}
	return v
}

// peek returns the oldest element. The queue must not be empty.
func (q *fifo[T]) peek() T { return q.ring[q.head] }

// clear drops everything, memory included.
func (q *fifo[T]) clear() { *q = fifo[T]{} }

// resize moves the elements to a ring of size slots, a power of two.
func (q *fifo[T]) resize(size int) {
	ring := make([]T, size)
	k := copy(ring, q.ring[q.head:min(len(q.ring), q.head+q.n)])
	copy(ring[k:], q.ring[:q.n-k])
	q.ring, q.head = ring, 0
}
