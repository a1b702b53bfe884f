package webrtc

import (
	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// mediaOwner is what senders, receivers and tracks need of what they belong to: a
// connection, or where they stand alone (ORTC) the transport that carries them. It
// does not change.
type mediaOwner struct {
	pc           *PeerConnection // nil for what stands alone
	api          *API
	loop         *loop.Loop
	log          connLog
	kind         RTPCodecType
	cname        string
	interceptors *interceptorChain // nil without any

	operations chain // of what stands alone
}

// await performs an operation and waits for it.
func (o *mediaOwner) await(op operation) error {
	if o.pc != nil {
		return o.pc.await(op)
	}
	return awaitOn(o.loop, &o.operations, op)
}

// queue performs an operation and reports its end.
func (o *mediaOwner) queue(op operation, done func(error)) error {
	if o.pc != nil {
		return o.pc.queue(op, done)
	}
	return queueOn(o.loop, &o.operations, op, done)
}
