package webrtc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/bandwidth"
	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/passerelle-rtc/webrtc/internal/srtp"
	"github.com/pion/rtp"
)

// rtpOutbound is the sending lane of an rtpTransport: packets are built, stamped,
// sealed and given to the socket in one step under its lock, so that sequence
// numbers leave in order.
type rtpOutbound struct {
	mu        sync.Mutex
	sender    *rtpsession.Sender
	estimator *bandwidth.Estimator
	pacer     *bandwidth.Pacer[pacedPacket]
	paced     bool                     // packets go through the pacer
	heard     bool                     // there was transport-wide feedback
	steered   bool                     // by the program: see steer
	patience  time.Time                // until when packets are paced without; zero before the first
	results   []bandwidth.PacketResult // of one feedback message
	feedback  rtpsession.FeedbackReader
	route     *pathTraffic    // that the estimate is of
	burst     []*netio.Buffer // sealed, to leave at the end of the call
	closed    bool

	keys atomic.Pointer[srtp.Outbound] // nil until DTLS has connected
}

// open takes the keys. Streams take theirs with their next packet.
func (out *rtpOutbound) open(keys *srtp.Outbound) { out.keys.Store(keys) }

// addStream makes the stream of an encoding. On the loop.
func (t *rtpTransport) addStream(e *sendEncoding, mid string) *rtpsession.SendStream {
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	c := &e.coding
	s := t.out.sender.Add(rtpsession.SSRC(c.SSRC), rtpsession.SSRC(c.RTX.SSRC), rtpsession.MID(mid), rtpsession.RID(c.RID), randomUint16()>>1) // below 2^15: RFC 3711 section 3.3.1
	s.User = &sentStream{encoding: e}
	return s
}

// setFormat tells a stream what was negotiated. On the loop.
func (t *rtpTransport) setFormat(s *rtpsession.SendStream, f rtpsession.SendFormat, rebase bool) error {
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	return s.SetFormat(f, rebase)
}

// removeStream ends a stream and says BYE for it (RFC 3550 section 6.6). On the loop.
func (t *rtpTransport) removeStream(s *rtpsession.SendStream) {
	out := &t.out
	buffer := netio.GetBuffer()
	out.mu.Lock()
	out.pacer.Remove(bandwidth.StreamID(s.SSRC), pacedPacket.release)
	packet := out.sender.Remove(s, buffer.Cap()[:0])
	if keys := out.keys.Load(); keys != nil {
		keys.Forget(uint32(s.SSRC))
		keys.Forget(uint32(s.RTX))
	}
	out.mu.Unlock()
	buffer.SetLen(len(packet))
	if len(packet) == 0 {
		buffer.Release()
		return
	}
	t.sendRTCP(buffer)
}

// sentStream is the User of a SendStream.
type sentStream struct {
	encoding   *sendEncoding
	keys       *srtp.Outbound // that the streams are of
	media, rtx *srtp.OutboundStream
}

// outbound is what sends the packets of one call: the path and the keys of now.
type outbound struct {
	now    time.Time
	path   *icePath
	keys   *srtp.Outbound
	queued bool // packets wait in the socket for flush
}

// begin returns what is needed to send, and false while nothing can be.
func (t *rtpTransport) begin(now time.Time) (outbound, bool) {
	o := outbound{now: now, path: t.dtls.ice.path.Load(), keys: t.out.keys.Load()}
	return o, o.path != nil && o.keys != nil
}

// room is how long a packet may be that is yet to be sealed.
func (o *outbound) room() int { return netio.MaxDatagram - o.keys.RTPOverhead() }

// burstLimit is how many packets are given to the socket at once: what it moves in
// one system call.
const burstLimit = 64

// emit adds a sealed packet to the burst of a call. out.mu is held.
func (out *rtpOutbound) emit(o *outbound, buffer *netio.Buffer) {
	out.burst = append(out.burst, buffer)
	if len(out.burst) >= burstLimit {
		out.end(o)
		o.flush() // a call with so much pays for it under the lock: the queue is bounded
	}
}

// end gives the burst to the socket, which keeps it in order; what leaves it is flush.
// out.mu is held.
func (out *rtpOutbound) end(o *outbound) {
	if len(out.burst) == 0 {
		return
	}
	o.path.queueAll(out.burst)
	o.queued = true
	clear(out.burst)
	out.burst = out.burst[:0]
}

// flush makes the system call of what end has queued. Without out.mu, so that nobody
// waits for it: neither another writer nor the socket's reader with RTCP.
func (o *outbound) flush() {
	if o.queued {
		o.queued = false
		o.path.flush()
	}
}

// write sends a packet of a stream and returns its size, or drops it while there
// is no path or no key. number is the transport-wide sequence number where the program
// has given the packet one, and steers from then on; nil: none. Any goroutine.
func (t *rtpTransport) write(now time.Time, s *rtpsession.SendStream, h *rtp.Header, payload []byte, number *uint16) (int, error) {
	o, ok := t.begin(now)
	if !ok {
		return h.MarshalSize() + len(payload), nil
	}
	t.out.mu.Lock()
	if number != nil {
		t.out.steer(&o)
	}
	n, err := t.out.enqueue(&o, s, h, payload, number)
	at := t.out.drain(&o)
	t.out.mu.Unlock()
	o.flush()
	t.rouse(at)
	return n, err
}

// writeBatch sends packets of a stream as one burst, all that can be, and returns
// the first error.
func (t *rtpTransport) writeBatch(now time.Time, s *rtpsession.SendStream, packets []rtp.Packet) error {
	o, ok := t.begin(now)
	if !ok {
		return nil
	}
	var first error
	t.out.mu.Lock()
	for i := range packets {
		h := packets[i].Header
		if h.PaddingSize == 0 {
			h.PaddingSize = packets[i].PaddingSize //nolint:staticcheck // older programs set it there
		}
		if _, err := t.out.enqueue(&o, s, &h, packets[i].Payload, nil); err != nil && first == nil {
			first = err
		}
	}
	at := t.out.drain(&o)
	t.out.mu.Unlock()
	o.flush()
	t.rouse(at)
	return first
}

// insert sends a packet of the connection's own on a stream. Any goroutine.
func (t *rtpTransport) insert(now time.Time, s *rtpsession.SendStream, pt PayloadType, marker bool, at time.Time, offset uint32, payload []byte) {
	o, ok := t.begin(now)
	if !ok {
		return
	}
	buffer := netio.GetBuffer()
	t.out.mu.Lock()
	packet, err := s.Insert(now, buffer.Cap()[:0:o.room()], rtpsession.PayloadType(pt), marker, at, offset, payload)
	if err != nil || t.out.closed {
		buffer.Release()
	} else {
		t.out.pace(&o, packet, buffer)
	}
	due := t.out.drain(&o)
	t.out.mu.Unlock()
	o.flush()
	t.rouse(due)
}

// enqueue builds a packet, with a transport-wide number if that is the program's, and
// gives it to the pacer. out.mu is held.
func (out *rtpOutbound) enqueue(o *outbound, s *rtpsession.SendStream, h *rtp.Header, payload []byte, number *uint16) (int, error) {
	if out.closed {
		return h.MarshalSize() + len(payload), nil // a closed connection is no error of who writes to many
	}
	buffer := netio.GetBuffer()
	packet, err := s.Write(o.now, buffer.Cap()[:0:o.room()], h, payload)
	n := len(packet.Data)
	if n > o.room() {
		err = errorf(KindOperation, "write RTP", "packet of %d bytes, at most %d", n, o.room())
	}
	if err != nil {
		buffer.Release()
		return 0, err
	}
	if number != nil {
		packet.Number(*number)
	}
	out.sender.ReportFrom(o.now)
	out.pace(o, packet, buffer)
	return n, nil
}

// depart stamps, seals and sends a packet that lies in buffer, which is used up.
// probe is what the pacer said of it. out.mu is held.
func (out *rtpOutbound) depart(o *outbound, p *rtpsession.OutPacket, buffer *netio.Buffer, probe bandwidth.ProbeID) {
	seq, numbered := out.sender.Depart(o.now, p)
	sealed, err := out.sealer(p, o.keys).Protect(buffer.Cap()[:len(p.Data)])
	if err != nil {
		buffer.Release()
		return
	}
	buffer.SetLen(len(sealed))
	out.departed(o.now, p, seq, numbered, len(sealed), probe)
	out.emit(o, buffer)
}

// sealer returns the SRTP stream of a packet. out.mu is held.
func (out *rtpOutbound) sealer(p *rtpsession.OutPacket, keys *srtp.Outbound) *srtp.OutboundStream {
	sent := p.Stream.User.(*sentStream)
	if sent.keys != keys {
		sent.keys, sent.media = keys, keys.Stream(uint32(p.Stream.SSRC))
		if p.Stream.RTX != 0 {
			sent.rtx = keys.Stream(uint32(p.Stream.RTX))
		}
	}
	if p.OnRTX {
		return sent.rtx
	}
	return sent.media
}

// resend sends the packets that NACKs asked for. Any goroutine.
func (t *rtpTransport) resend(now time.Time) {
	o, ok := t.begin(now)
	if !ok {
		return
	}
	t.out.mu.Lock()
	for {
		buffer := netio.GetBuffer()
		packet, ok := t.out.sender.NextResend(now, buffer.Cap()[:0:o.room()])
		if !ok {
			buffer.Release()
			break
		}
		t.out.pace(&o, packet, buffer)
	}
	at := t.out.drain(&o)
	t.out.mu.Unlock()
	o.flush()
	t.rouse(at)
}

// reportFrom begins to report on what comes. On the loop.
func (out *rtpOutbound) reportFrom(now time.Time) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.sender.ReportFrom(now)
}

// deadline is when a report, a paced packet or the estimate is due.
func (out *rtpOutbound) deadline() time.Time {
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.due()
}

// due is deadline with out.mu held.
func (out *rtpOutbound) due() time.Time {
	if out.steered {
		return out.sender.Deadline()
	}
	at := earlier(out.sender.Deadline(), earlier(out.pacer.Deadline(), out.estimator.Deadline()))
	if out.paced && !out.heard {
		at = earlier(at, out.patience)
	}
	return at
}

// report sends the reports that are due, about what is sent and what came
// (RFC 3550 section 6.4). On the loop.
func (t *rtpTransport) report(now time.Time) {
	t.out.mu.Lock()
	at := t.out.sender.Deadline()
	t.out.mu.Unlock()
	if at.IsZero() || at.After(now) {
		return
	}
	t.in.mu.Lock()
	in := t.in.receiver.Received(now)
	t.in.mu.Unlock()
	t.out.mu.Lock()
	t.out.sender.Report(now, t.local, in)
	t.out.mu.Unlock()
	for {
		buffer := netio.GetBuffer()
		t.out.mu.Lock()
		packet := t.out.sender.NextReport(now, buffer.Cap()[:0])
		t.out.mu.Unlock()
		if len(packet) == 0 {
			buffer.Release()
			return
		}
		buffer.SetLen(len(packet))
		t.sendRTCP(buffer)
	}
}

// close refuses what is written from now on.
func (out *rtpOutbound) close() {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.closed = true
	for _, s := range out.sender.Streams() {
		out.pacer.Remove(bandwidth.StreamID(s.SSRC), pacedPacket.release)
	}
}
