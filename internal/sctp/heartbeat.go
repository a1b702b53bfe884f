package sctp

import (
	"encoding/binary"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// heartbeat watches an idle path (RFC 9260 section 8.3), and measures it.
type heartbeat struct {
	timer  timer
	nonce  uint64 // of the one on its way; 0: none
	sentAt time.Time
	missed int // in a row
}

// What the information of a HEARTBEAT begins with: ours, and transmit's that probe
// the path MTU.
const (
	heartbeatOwn   = 'H'
	heartbeatProbe = 'P'
)

func (h *heartbeat) idle(now time.Time) { h.timer.start(now, heartbeatInterval) }

// advanceHeartbeat sends a HEARTBEAT when nothing was sent for an interval.
func (a *Association) advanceHeartbeat(now time.Time) {
	h := &a.heartbeat
	if !h.timer.due(now) {
		return
	}
	if h.nonce != 0 {
		h.missed++
	}
	h.nonce, h.sentAt = a.random.Uint64()|1, now
	info := binary.BigEndian.AppendUint64([]byte{heartbeatOwn}, h.nonce)
	a.addControl(chunk.AppendHeartbeat(nil, info))
	h.timer.start(now, heartbeatInterval+a.rto())
}

// handleHeartbeat returns the information as it came (RFC 9260 section 8.3).
func (a *Association) handleHeartbeat(c chunk.Chunk) {
	if a.live() || a.state == StateCookieEchoed {
		a.addControl(chunk.AppendRaw(nil, chunk.TypeHeartbeatAck, 0, c.Value))
	}
}

func (a *Association) handleHeartbeatAck(now time.Time, c chunk.Chunk) {
	info, ok := chunk.ParseHeartbeatInfo(c.Value)
	if !ok || len(info) == 0 || !a.live() {
		return
	}
	h := &a.heartbeat
	switch {
	case info[0] == heartbeatProbe:
		a.out.HandleProbeAck(now, info)
	case info[0] == heartbeatOwn && len(info) == 9 && h.nonce != 0 && binary.BigEndian.Uint64(info[1:]) == h.nonce:
		a.rtt = max(now.Sub(h.sentAt), time.Microsecond)
		a.in.SetRTT(a.smoothedRTT())
		h.nonce, h.missed = 0, 0
	}
}
