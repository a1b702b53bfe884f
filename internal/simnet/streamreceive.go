package simnet

import (
	"slices"
	"time"
)

// receiveSide is what a stream has received.
type receiveSide struct {
	buf   []byte
	next  uint64 // the number of the octet that comes next
	told  uint64 // the edge of the window that the peer was told
	early []piece
	fin   bool
	last  uint64 // the number of the FIN, if one has come
	ended bool   // the FIN has been reached
}

// piece is what came before its time.
type piece struct {
	seq  uint64
	data []byte
}

// window is how much more the buffer takes.
func (in *receiveSide) window() uint64 { return uint64(max(0, streamBuffer-len(in.buf))) }

// receive takes what a segment carries: in order it is there to be read, out of order
// it waits. net.mu is held.
func (s *stream) receive(seg *segment, data []byte) {
	in := &s.in
	if seg.fin {
		in.fin, in.last = true, seg.seq+uint64(len(data))
	}
	if len(data) > 0 && seg.seq < in.next+in.window() {
		at, _ := slices.BinarySearchFunc(in.early, seg.seq, func(p piece, seq uint64) int {
			switch {
			case p.seq < seq:
				return -1
			case p.seq > seq:
				return 1
			}
			return 0
		})
		if at == len(in.early) || in.early[at].seq != seg.seq || len(in.early[at].data) < len(data) {
			in.early = slices.Insert(in.early, at, piece{seg.seq, data})
		}
	}
	for len(in.early) > 0 && in.early[0].seq <= in.next {
		p := in.early[0]
		in.early = slices.Delete(in.early, 0, 1)
		if p.seq+uint64(len(p.data)) > in.next {
			s.deliver(p.data[in.next-p.seq:])
		}
	}
	if in.fin && in.next == in.last {
		in.next++
		in.ended = true
		if s.server != nil {
			s.closed = true
			s.dismiss()
			s.finish()
		}
	}
	s.host.net.stir(&s.ready)
}

// deliver takes what is next.
func (s *stream) deliver(data []byte) {
	if s.server != nil {
		s.in.next += uint64(len(data))
		s.server.take(data)
		return
	}
	data = data[:min(uint64(len(data)), s.in.window())]
	s.in.next += uint64(len(data))
	s.in.buf = append(s.in.buf, data...)
}

// read takes from the buffer, and tells the peer when that makes room worth telling
// (RFC 9293 section 3.8.6.2.2).
func (s *stream) read(p []byte) int {
	in := &s.in
	n := copy(p, in.buf)
	if in.buf = in.buf[n:]; len(in.buf) == 0 {
		in.buf = nil
	}
	if edge := in.next + in.window(); s.state == established && edge >= in.told+streamBuffer/2 {
		s.emit(time.Now(), segment{}, nil)
	}
	return n
}
