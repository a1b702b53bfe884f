package webrtc

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// WithInterceptorRegistry gives the API interceptors of the program's: each
// connection gets its own of every factory in the registry. They see, and may
// change, what tracks write, what [TrackRemote.Read] returns, what the RTCP readers
// of senders and receivers return, and what [PeerConnection.WriteRTCP] is given.
//
// What the connection does itself (reports, NACK, retransmission, transport-wide
// feedback, pacing) needs no interceptor and passes by them. Without any, packets
// are sent and received without allocating.
//
// Interceptors run on goroutines of the program, or on one of the connection's that
// calls nothing else, never two Bind or Unbind methods at a time. Stand-alone
// senders and receivers have none.
func WithInterceptorRegistry(ir *interceptor.Registry) func(*API) {
	return func(api *API) { api.registry = ir }
}

// interceptorChain is the interceptors of a connection. They are application code,
// which the loop does not run: Bind and Unbind go through a queue.
type interceptorChain struct {
	all  interceptor.Interceptor
	rtcp interceptor.RTCPWriter

	mu      sync.Mutex
	queue   []func()
	running bool
	held    bool // what is queued waits for close
}

// newInterceptorChain asks the registry for the interceptors of a connection: nil
// where it has none.
func newInterceptorChain(registry *interceptor.Registry, pc *PeerConnection) (*interceptorChain, error) {
	if registry == nil {
		return nil, nil
	}
	all, err := registry.Build(pc.id)
	if err != nil {
		return nil, newError(KindOperation, "", err)
	}
	if _, none := all.(*interceptor.NoOp); none {
		return nil, nil
	}
	c := &interceptorChain{all: all}
	c.rtcp = all.BindRTCPWriter(interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, _ interceptor.Attributes) (int, error) {
		return pc.sendRTCP(packets)
	}))
	return c, nil
}

// call queues a call of the interceptors.
func (c *interceptorChain) call(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, f)
	if !c.running && !c.held {
		c.running = true
		go c.run()
	}
}

// run makes the calls that are queued, one after the other.
func (c *interceptorChain) run() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.running = false
			c.mu.Unlock()
			return
		}
		next := c.queue[0]
		c.queue = c.queue[1:]
		c.mu.Unlock()
		next()
	}
}

// hold lets what is queued from now on wait for close.
func (c *interceptorChain) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = true
}

// close makes the calls that are left and closes the interceptors. It does not wait
// for one that is being called: that may be what closes the connection.
func (c *interceptorChain) close() (err error) {
	c.mu.Lock()
	closed := make(chan error, 1)
	c.queue = append(c.queue, func() { closed <- c.all.Close() })
	inline := !c.running
	c.running = true
	c.mu.Unlock()
	if inline {
		c.run()
		return <-closed
	}
	return nil
}

// remoteChain is the interceptors of what a track receives.
type remoteChain struct {
	info   *interceptor.StreamInfo
	reader interceptor.RTPReader // set before ready
	ready  bool                  // owned by the loop
}

// intercept binds the interceptors to what packets said of the track, and goes on
// with then: at once where they are bound already. On the loop.
func (t *TrackRemote) intercept(c *interceptorChain, codec RTPCodecParameters, a announcement, then func()) {
	parameters := t.receiver.published.latest().parameters
	info := newStreamInfo(codec, parameters, RTPCodingParameters{SSRC: SSRC(a.ssrc), RTX: RTPRtxParameters{SSRC: SSRC(a.rtx)}})
	old := t.chained
	if old != nil && sameStreamInfo(old.info, info) {
		if old.ready {
			then()
		}
		return
	}
	bound := &remoteChain{info: info}
	t.chained = bound
	c.call(func() {
		if old != nil {
			c.all.UnbindRemoteStream(old.info)
		}
		bound.reader = c.all.BindRemoteStream(info, interceptor.RTPReaderFunc(t.readBelow))
		t.receiver.owner.loop.Post(func(time.Time) {
			bound.ready = true
			if t.chained == bound {
				t.chain.Store(bound)
				t.packets.expire()
				then()
			}
		})
	})
}

// unchain takes the interceptors from a track that has ended. On the loop.
func (t *TrackRemote) unchain() {
	if old := t.chained; old != nil {
		t.chained = nil
		c := t.receiver.owner.interceptors
		c.call(func() { c.all.UnbindRemoteStream(old.info) })
	}
}

// readBelow is what the interceptors read from.
func (t *TrackRemote) readBelow(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
	var bounds readBounds
	if within := t.within.Load(); within != nil {
		bounds = *within
	}
	n, err := t.packets.readWithin(bounds, b)
	return n, a, err
}

// readChained is Read through the interceptors, which are bound when the first
// packet is there.
func (t *TrackRemote) readChained(b []byte) (int, interceptor.Attributes, error) {
	if err := t.packets.await(func() bool { return t.chain.Load() != nil }); err != nil {
		return 0, nil, err
	}
	return t.chain.Load().reader.Read(b, interceptor.Attributes{})
}

// rtcpChain is the interceptors of the RTCP packets that one encoding or track
// gets. They are bound by the first who reads.
type rtcpChain struct {
	once   sync.Once
	reader interceptor.RTCPReader
}

// read reads from a queue, through the interceptors if there are any.
func (c *rtcpChain) read(q *packetQueue, interceptors *interceptorChain, b []byte) (int, interceptor.Attributes, error) {
	if interceptors == nil {
		n, err := q.read(b)
		return n, nil, err
	}
	c.once.Do(func() {
		c.reader = interceptors.all.BindRTCPReader(interceptor.RTCPReaderFunc(
			func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
				n, err := q.read(b)
				return n, a, err
			}))
	})
	return c.reader.Read(b, interceptor.Attributes{})
}

// newStreamInfo is what interceptors are told of a stream.
func newStreamInfo(codec RTPCodecParameters, p RTPParameters, coding RTPCodingParameters) *interceptor.StreamInfo {
	info := &interceptor.StreamInfo{
		ID: coding.RID, Attributes: interceptor.Attributes{},
		SSRC: uint32(coding.SSRC), SSRCRetransmission: uint32(coding.RTX.SSRC), SSRCForwardErrorCorrection: uint32(coding.FEC.SSRC),
		PayloadType: uint8(codec.PayloadType), MimeType: codec.MimeType,
		ClockRate: codec.ClockRate, Channels: codec.Channels, SDPFmtpLine: codec.SDPFmtpLine,
	}
	for _, c := range p.Codecs {
		switch {
		case c.isRepairOf(codec):
			info.PayloadTypeRetransmission = uint8(c.PayloadType)
		case c.is(MimeTypeFlexFEC03), c.is(MimeTypeFlexFEC):
			info.PayloadTypeForwardErrorCorrection = uint8(c.PayloadType)
		}
	}
	for _, e := range p.HeaderExtensions {
		info.RTPHeaderExtensions = append(info.RTPHeaderExtensions, interceptor.RTPHeaderExtension{URI: e.URI, ID: e.ID})
	}
	for _, f := range codec.RTCPFeedback {
		info.RTCPFeedback = append(info.RTCPFeedback, interceptor.RTCPFeedback{Type: f.Type, Parameter: f.Parameter})
	}
	return info
}

// sameStreamInfo reports whether interceptors that know a need not be told b. The
// SSRC of retransmissions may become known later.
func sameStreamInfo(a, b *interceptor.StreamInfo) bool {
	return a.SSRC == b.SSRC && a.PayloadType == b.PayloadType && a.PayloadTypeRetransmission == b.PayloadTypeRetransmission &&
		a.PayloadTypeForwardErrorCorrection == b.PayloadTypeForwardErrorCorrection && a.SSRCForwardErrorCorrection == b.SSRCForwardErrorCorrection &&
		a.MimeType == b.MimeType && a.ClockRate == b.ClockRate && a.SDPFmtpLine == b.SDPFmtpLine &&
		slices.Equal(a.RTPHeaderExtensions, b.RTPHeaderExtensions) && slices.Equal(a.RTCPFeedback, b.RTCPFeedback)
}
