package webrtc

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/pion/rtp"
)

// sendEncoding is the flow of one encoding of a sender: from the track that is
// bound to it to the stream of its SSRC.
type sendEncoding struct {
	sender *RTPSender
	coding RTPCodingParameters

	// Owned by the loop.
	transport *rtpTransport // that stream is of; nil without one
	stream    *rtpsession.SendStream
	bound     *binding    // nil while no track is bound
	pending   *binding    // whose track is asked elsewhere
	last      TrackLocal  // that was bound last
	formed    string      // what the track was bound to, to see changes
	chain     *localChain // the interceptors of stream; nil without

	final sentOver // transport and stream as the connection's Close found them

	path   atomic.Pointer[sendPath] // nil while packets are dropped
	paused atomic.Bool              // not active (webrtc-pc section 5.2.7)
	rtcp   *packetQueue             // what came for the stream

	rtcpChain rtcpChain

	frames *frameSender // of the track that was bound last: its numbering goes on. Owned by the loop.
}

// sentOver is a stream with its transport.
type sentOver struct {
	transport *rtpTransport
	stream    *rtpsession.SendStream
}

// counted is the stream that statistics tell of: the present one, after Close the
// last one. On the loop, or after its end.
func (e *sendEncoding) counted() (sentOver, bool) {
	if e.stream != nil {
		return sentOver{e.transport, e.stream}, true
	}
	return e.final, e.final.stream != nil
}

// sendPath is where packets go. It is immutable.
type sendPath struct {
	binding   *binding // whose packets go there
	transport *rtpTransport
	stream    *rtpsession.SendStream
	write     func(h *rtp.Header, payload []byte) (int, error) // through the interceptors; nil without
	frames    *frameSender                                     // before write
}

// binding is a track that is bound to an encoding. It is the writer that the track
// gets: what is written before the binding is in force, and after it has ended,
// is dropped.
type binding struct {
	encoding *sendEncoding
	track    TrackLocal
	context  *trackLocalContext
	codec    RTPCodecParameters
}

// maxQueuedRTCP is how many RTCP packets wait for a reader: some seconds of them.
const maxQueuedRTCP = 128

func newSendEncoding(s *RTPSender, coding RTPCodingParameters) *sendEncoding {
	return &sendEncoding{sender: s, coding: coding, rtcp: newPacketQueue(maxQueuedRTCP)}
}

// path is where the packets of the binding go, nil while they are dropped.
func (b *binding) path() *sendPath {
	e := b.encoding
	path := e.path.Load()
	if path == nil || path.binding != b || e.paused.Load() {
		return nil
	}
	return path
}

// WriteRTP implements [TrackLocalWriter]: it sends a packet, or drops it while
// there is no connection or the encoding is not active.
func (b *binding) WriteRTP(header *rtp.Header, payload []byte) (int, error) {
	path := b.path()
	switch {
	case path == nil:
		return header.MarshalSize() + len(payload), nil
	case path.frames.engaged():
		n := header.MarshalSize() + len(payload)
		return n, path.frames.write(path, []rtp.Packet{{Header: *header, Payload: payload}})
	case path.write != nil:
		return path.write(header, payload)
	}
	return path.transport.write(time.Now(), path.stream, header, payload, nil)
}

// Write implements [TrackLocalWriter].
func (b *binding) Write(raw []byte) (int, error) {
	packet := packetPool.Get().(*rtp.Packet)
	defer packetPool.Put(packet)
	if err := packet.Unmarshal(raw); err != nil {
		return 0, newError(KindTypeError, "write RTP", err)
	}
	if packet.PaddingSize != 0 && packet.Header.PaddingSize == 0 {
		packet.Header.PaddingSize = packet.PaddingSize
	}
	return b.WriteRTP(&packet.Header, packet.Payload)
}

// writeBatch implements batchWriter.
func (b *binding) writeBatch(packets []rtp.Packet) error {
	path := b.path()
	switch {
	case path == nil:
		return nil
	case path.frames.engaged():
		return path.frames.write(path, packets)
	}
	return path.writeBatch(packets)
}

// writeBatch sends packets, through the interceptors if there are any.
func (path *sendPath) writeBatch(packets []rtp.Packet) error {
	if path.write == nil {
		return path.transport.writeBatch(time.Now(), path.stream, packets)
	}
	for i := range packets {
		if _, err := path.write(&packets[i].Header, packets[i].Payload); err != nil {
			return err
		}
	}
	return nil
}

// attach gives the encoding a stream on a transport, and takes it from another.
// On the loop.
func (e *sendEncoding) attach(t *rtpTransport, mid string) {
	if e.transport == t && e.stream != nil && string(e.stream.MID) == mid {
		return
	}
	e.detach()
	e.transport, e.stream = t, t.addStream(e, mid)
	e.formed = "" // the track is bound anew
}

// detach ends the stream. On the loop.
func (e *sendEncoding) detach() {
	if e.transport == nil {
		return
	}
	e.path.Store(nil)
	e.unchain()
	e.transport.removeStream(e.stream)
	if pc := e.sender.owner.pc; pc != nil && pc.session.State() == jsep.Closed {
		e.final = sentOver{e.transport, e.stream}
	}
	e.transport, e.stream = nil, nil
}

// end ends the encoding for good. On the loop.
func (e *sendEncoding) end() {
	e.pending = nil
	e.unbind()
	e.detach()
	e.rtcp.end()
}

// unbind takes the track from the encoding. On the loop.
func (e *sendEncoding) unbind() {
	e.path.Store(nil)
	e.bound.release()
	e.bound, e.formed = nil, ""
}

// release tells the track of a binding, unless that is nil, that it has ended.
func (b *binding) release() {
	if b == nil {
		return
	}
	s := b.encoding.sender
	s.callTrack(b.track, func() {
		if err := b.track.Unbind(b.context); err != nil {
			s.owner.log.warn("unbind track", "track", b.track.ID(), "error", err)
		}
	}, func() {})
}

// bind gives the encoding a track with what was negotiated, in the place of what
// it has; when the track refuses, that stays, and then gets the error. On the loop.
func (e *sendEncoding) bind(track TrackLocal, parameters RTPParameters, then func(error)) {
	coding := e.coding
	if !slices.ContainsFunc(parameters.Codecs, func(c RTPCodecParameters) bool { return c.isRTX() }) {
		coding.RTX.SSRC = 0
	}
	b := &binding{encoding: e, track: track}
	b.context = newTrackLocalContext(newConnectionID(), parameters, coding, b)
	e.pending = b
	var err error
	e.sender.callTrack(track, func() { b.codec, err = track.Bind(b.context) }, func() {
		switch {
		case e.pending != b: // overtaken
			if err == nil {
				b.release()
			}
		case err != nil:
			e.pending = nil
		default:
			e.install(b, parameters)
		}
		then(err)
	})
}

// install puts a binding into force. The new track's numbers follow those of the
// one before. On the loop.
func (e *sendEncoding) install(b *binding, parameters RTPParameters) {
	old := e.bound
	rebase := e.last != nil && e.last != b.track
	e.last = b.track
	if e.frames == nil || rebase {
		e.frames = newFrameSender(e.sender)
	}
	e.bound, e.pending, e.formed = b, nil, formOf(parameters)
	if e.stream != nil {
		if err := e.transport.setFormat(e.stream, sendFormat(parameters, b.codec), rebase); err != nil {
			e.sender.owner.log.warn("format of a sent stream", "error", err)
		}
		e.openPath(parameters)
	}
	old.release()
}

// formOf is what a binding depends on, to see whether it has changed.
func formOf(p RTPParameters) string {
	var form []byte
	for _, c := range p.Codecs {
		form = append(form, c.MimeType...)
		form = append(form, byte(c.PayloadType), ' ')
		form = append(form, c.SDPFmtpLine...)
		for _, f := range c.RTCPFeedback {
			form = append(form, ' ')
			form = append(form, f.Type...)
			form = append(form, f.Parameter...)
		}
		form = append(form, '\n')
	}
	for _, e := range p.HeaderExtensions {
		form = append(form, byte(e.ID))
		form = append(form, e.URI...)
	}
	return string(form)
}
