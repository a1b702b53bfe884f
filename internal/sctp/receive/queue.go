package receive

// queue is first in, first out, in memory that is used again.
type queue[T any] struct {
	list  []T
	taken int // of list, from its beginning
}

func (q *queue[T]) len() int { return len(q.list) - q.taken }

func (q *queue[T]) last() *T { return &q.list[len(q.list)-1] }

// push uses the memory of what was taken where that is half of it or more.
func (q *queue[T]) push(v T) {
	if len(q.list) == cap(q.list) && q.taken > 0 && 2*q.taken >= len(q.list) {
		n := copy(q.list, q.list[q.taken:])
		clear(q.list[n:])
		q.list, q.taken = q.list[:n], 0
	}
	q.list = append(q.list, v)
}

// pop keeps nothing of what it returns. The queue is not empty.
func (q *queue[T]) pop() T {
	v := q.list[q.taken]
	var none T
	q.list[q.taken] = none
	if q.taken++; q.taken == len(q.list) {
		q.list, q.taken = q.list[:0], 0
	}
	return v
}
