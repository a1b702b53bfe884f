package ice

// queue is a first-in first-out list that reuses its memory once drained.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) push(v T) { q.items = append(q.items, v) }

func (q *queue[T]) pop() (T, bool) {
	var zero T
	if q.head == len(q.items) {
		return zero, false
	}
	v := q.items[q.head]
	q.items[q.head] = zero
	if q.head++; q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return v, true
}

func (q *queue[T]) len() int { return len(q.items) - q.head }

func (q *queue[T]) clear() { q.items, q.head = nil, 0 }
