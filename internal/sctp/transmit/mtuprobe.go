package transmit

import (
	"encoding/binary"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// ProbeMark is the first byte of the information in HEARTBEATs that probe the path
// MTU, so that the owner tells them from its own.
const ProbeMark = 'P'

// probeInfo is the length of that information: the mark, the size, the number.
const probeInfo = 8

// AppendProbe appends a probe of the path MTU, where one is due, to a packet that
// holds its common header alone: HEARTBEAT, and PAD up to the size that is tried (RFC
// 8899 section 6.2.1.2, RFC 4820). The path is probed only while data is under way.
func (q *Queue) AppendProbe(at time.Time, b []byte) ([]byte, bool) {
	if !q.active() || q.rto.srtt == 0 {
		return b, false
	}
	size, number, ok := q.prober.Next(q.since(at), q.rto.value)
	if !ok {
		return b, false
	}
	var info [probeInfo]byte
	info[0] = ProbeMark
	binary.BigEndian.PutUint16(info[2:], uint16(size))
	binary.BigEndian.PutUint32(info[4:], number)
	b = chunk.AppendHeartbeat(b, info[:])
	b = chunk.AppendPad(b, size-len(b))
	q.stats.MTUProbes++
	return b, true
}

// HandleProbeAck takes the information of a HEARTBEAT ACK that begins with
// ProbeMark.
func (q *Queue) HandleProbeAck(at time.Time, info []byte) {
	if len(info) != probeInfo || info[0] != ProbeMark {
		return
	}
	q.prober.Acknowledged(q.since(at), binary.BigEndian.Uint32(info[4:]))
	if size := q.prober.Size(); size != q.mtu {
		q.setMTU(size)
	}
}

func (q *Queue) setMTU(size int) {
	q.mtu = size
	q.control.SetMSS(q.room())
}
