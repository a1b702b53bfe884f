package webrtc

import (
	"encoding/binary"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// localChain is the interceptors of what an encoding sends: what tracks write goes
// through them to the stream. It lasts as long as the stream and the codec do,
// whatever track is bound.
type localChain struct {
	info      *interceptor.StreamInfo
	transport *rtpTransport
	stream    *rtpsession.SendStream
	fec       *rtpsession.SendStream // of an interceptor's forward error correction; nil unless negotiated
	numbers   uint8                  // the extension of transport-wide sequence numbers; 0: none
	writer    interceptor.RTPWriter  // set before ready
	ready     bool                   // owned by the loop
}

// openPath lets packets through: at once without interceptors, else when they are
// bound. On the loop.
func (e *sendEncoding) openPath(parameters RTPParameters) {
	path := &sendPath{binding: e.bound, transport: e.transport, stream: e.stream, frames: e.frames}
	c := e.sender.owner.interceptors
	if c == nil {
		e.path.Store(path)
		return
	}
	info := newStreamInfo(e.bound.codec, parameters, e.bound.context.coding)
	if e.chain == nil || e.chain.stream != e.stream || !sameStreamInfo(e.chain.info, info) {
		e.path.Store(nil)
		e.unchain()
		e.bindChain(c, info, parameters)
	}
	e.openChained()
}

// openChained lets packets through once track and interceptors are bound. On the
// loop.
func (e *sendEncoding) openChained() {
	if chain := e.chain; chain != nil && chain.ready && e.bound != nil {
		e.path.Store(&sendPath{binding: e.bound, transport: chain.transport, stream: chain.stream, write: chain.write, frames: e.frames})
	}
}

// bindChain makes the interceptors of the stream. On the loop.
func (e *sendEncoding) bindChain(c *interceptorChain, info *interceptor.StreamInfo, parameters RTPParameters) {
	chain := &localChain{info: info, transport: e.transport, stream: e.stream, numbers: sessionExtensions(parameters.HeaderExtensions).TransportCC}
	if info.PayloadTypeForwardErrorCorrection != 0 && info.SSRCForwardErrorCorrection != 0 {
		chain.fec = e.transport.addFEC(e, info, parameters)
	} else {
		info.SSRCForwardErrorCorrection = 0
	}
	e.chain = chain
	c.call(func() {
		chain.writer = c.all.BindLocalStream(info, interceptor.RTPWriterFunc(chain.writeBelow))
		e.sender.owner.loop.Post(func(time.Time) {
			chain.ready = true
			if e.chain == chain {
				e.openChained()
			}
		})
	})
}

// unchain takes the interceptors from the stream. On the loop.
func (e *sendEncoding) unchain() {
	old := e.chain
	if old == nil {
		return
	}
	e.chain = nil
	if old.fec != nil {
		old.transport.removeStream(old.fec)
	}
	c := e.sender.owner.interceptors
	c.call(func() { c.all.UnbindLocalStream(old.info) })
}

// write gives a packet of the track to the interceptors, which may change its
// header: they get one of their own. A transport-wide number that it has is of
// another connection.
func (c *localChain) write(h *rtp.Header, payload []byte) (int, error) {
	header := h.Clone()
	if c.numbers != 0 {
		_ = header.DelExtension(c.numbers) // fails where there is none
	}
	header.SSRC, header.PayloadType = c.info.SSRC, c.info.PayloadType
	return c.writer.Write(&header, payload, interceptor.Attributes{})
}

// writeBelow takes what the interceptors write: packets of the stream, and of its
// forward error correction. Retransmissions are the connection's own, whose
// sequence numbers these would meet: they are dropped. A transport-wide sequence number
// that an interceptor has written stays.
func (c *localChain) writeBelow(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
	switch {
	case h.SSRC == c.info.SSRC:
		return c.writeTo(c.stream, h, payload)
	case c.fec != nil && h.SSRC == c.info.SSRCForwardErrorCorrection:
		return c.writeTo(c.fec, h, payload)
	case h.SSRC == c.info.SSRCRetransmission:
		return h.MarshalSize() + len(payload), nil
	}
	return 0, errorf(KindInvalidAccess, "write RTP", "an interceptor wrote SSRC %d, which is none of the stream's", h.SSRC)
}

func (c *localChain) writeTo(s *rtpsession.SendStream, h *rtp.Header, payload []byte) (int, error) {
	if c.numbers != 0 {
		if b := h.GetExtension(c.numbers); len(b) == 2 {
			number := binary.BigEndian.Uint16(b)
			return c.transport.write(time.Now(), s, h, payload, &number)
		}
	}
	return c.transport.write(time.Now(), s, h, payload, nil)
}

// addFEC makes the stream of an encoding's forward error correction. On the loop.
func (t *rtpTransport) addFEC(e *sendEncoding, info *interceptor.StreamInfo, p RTPParameters) *rtpsession.SendStream {
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	s := t.out.sender.Add(rtpsession.SSRC(info.SSRCForwardErrorCorrection), 0, e.stream.MID, e.stream.RID, 0)
	s.User = &sentStream{encoding: e}
	format := sendFormat(p, e.bound.codec)
	format.PayloadType, format.ClockRate = rtpsession.PayloadType(info.PayloadTypeForwardErrorCorrection), 90000
	format.NACK, format.HasRTX = false, false
	if err := s.SetFormat(format, false); err != nil {
		t.dtls.log.warn("format of forward error correction", "error", err)
	}
	return s
}
