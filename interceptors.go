package webrtc

import (
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

func (r *RTPReceiver) chain(t *TrackRemote) interceptor.RTPReader { return nil }

func (s *RTPSender) intercept(e *sendEncoding, b *binding, p RTPParameters) func(h *rtp.Header, payload []byte) (int, error) {
	return nil
}
