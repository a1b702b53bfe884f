package webrtc

import "time"

// maxJitterBufferTarget is the most that W3C allows.
const maxJitterBufferTarget = 4000 * time.Millisecond

// JitterBufferTarget returns what SetJitterBufferTarget has set, nil at first.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpreceiver-jitterbuffertarget
func (r *RTPReceiver) JitterBufferTarget() *time.Duration {
	return clonePointer(r.jitterBufferTarget.Load())
}

// SetJitterBufferTarget says for how long media should be held back so that late
// packets find their place; nil leaves it to the connection. It concerns what puts
// packets in order for the program; the packets themselves are handed over as they
// come. It returns a RangeError for less than 0 or more than 4 s, and changes
// nothing then.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpreceiver-jitterbuffertarget
func (r *RTPReceiver) SetJitterBufferTarget(target *time.Duration) error {
	if target != nil && (*target < 0 || *target > maxJitterBufferTarget) {
		return errorf(KindRangeError, "set jitter buffer target", "%v, want 0 to %v", *target, maxJitterBufferTarget)
	}
	r.jitterBufferTarget.Store(clonePointer(target))
	return nil
}
