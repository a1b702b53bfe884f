package webrtc

import "time"

// CaptureTime returns when the media of an RTP timestamp of the track was captured,
// on the peer's clock, which need not agree with this one's: by that, tracks of one
// peer are played in step (RFC 3550 section 6.4.1). It is false until the peer has
// sent a report with its clock, and when nothing has come of the track. Timestamps
// up to half their range before or after the report have a time.
func (t *TrackRemote) CaptureTime(timestamp uint32) (time.Time, bool) {
	transport := t.receiver.Transport()
	if transport == nil {
		return time.Time{}, false
	}
	in := &transport.rtp.in
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, s := range in.receiver.Streams() {
		if to, ok := s.User.(*received); ok && to.track == t {
			return s.Reception.CaptureTime(timestamp)
		}
	}
	return time.Time{}, false
}
