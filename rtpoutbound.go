package webrtc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/passerelle-rtc/webrtc/internal/srtp"
	"github.com/pion/rtp"
)

// rtpOutbound is the sending lane of an rtpTransport: packets are built, stamped,
// sealed and given to the socket in one step under its lock, so that sequence
// numbers leave in order.
type rtpOutbound struct {
	mu     sync.Mutex
	sender *rtpsession.Sender
	closed bool

	keys atomic.Pointer[srtp.Outbound] // nil until DTLS has connected
}

// open takes the keys. Streams take theirs with their next packet.
func (out *rtpOutbound) open(keys *srtp.Outbound) { out.keys.Store(keys) }

// addStream makes the stream of an encoding. On the loop.
func (t *rtpTransport) addStream(e *sendEncoding, mid string) *rtpsession.SendStream {
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	c := &e.coding
	s := t.out.sender.Add(rtpsession.SSRC(c.SSRC), rtpsession.SSRC(c.RTX.SSRC), rtpsession.MID(mid), rtpsession.RID(c.RID), randomUint16())
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
	packet := out.sender.Remove(s, buffer.Cap()[:0])
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

// write sends a packet of a stream, or drops it while there is no path or no key.
// more says that another follows at once. It returns the size of the packet. Any
// goroutine.
func (t *rtpTransport) write(now time.Time, s *rtpsession.SendStream, h *rtp.Header, payload []byte, more bool) (int, error) {
	path, keys := t.dtls.ice.path.Load(), t.out.keys.Load()
	if path == nil || keys == nil {
		return 0, nil
	}
	buffer := netio.GetBuffer()
	room := netio.MaxDatagram - keys.Profile().RTPOverhead()
	t.out.mu.Lock()
	packet, err := s.Write(now, buffer.Cap()[:0:room], h, payload)
	n := len(packet.Data)
	if err != nil || t.out.closed || n > room {
		t.out.mu.Unlock()
		buffer.Release()
		if n > room {
			err = errorf(KindOperation, "write RTP", "packet of %d bytes, at most %d", n, room)
		}
		return 0, err
	}
	t.out.depart(now, &packet, buffer, keys, path, more)
	due := t.out.sender.Deadline()
	t.out.mu.Unlock()
	t.rouse(due)
	return n, nil
}

// depart stamps, seals and sends a packet that lies in buffer, which is used up.
// out.mu is held.
func (out *rtpOutbound) depart(now time.Time, p *rtpsession.OutPacket, buffer *netio.Buffer, keys *srtp.Outbound, path *icePath, more bool) {
	out.sender.ReportFrom(now)
	out.sender.Depart(now, p)
	sealed, err := out.sealer(p, keys).Protect(buffer.Cap()[:len(p.Data)])
	if err != nil {
		buffer.Release()
		return
	}
	buffer.SetLen(len(sealed))
	path.send(buffer, more)
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

// writeBatch sends packets of a stream as one burst.
func (t *rtpTransport) writeBatch(now time.Time, s *rtpsession.SendStream, packets []rtp.Packet) error {
	var first error
	for i := range packets {
		p := &packets[i]
		h := &p.Header
		if p.PaddingSize != 0 && h.PaddingSize == 0 { //nolint:staticcheck // programs for older pion/rtp set it there
			padded := *h
			padded.PaddingSize = p.PaddingSize
			h = &padded
		}
		if _, err := t.write(now, s, h, p.Payload, i < len(packets)-1); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// resend sends the packets that NACKs asked for. Any goroutine.
func (t *rtpTransport) resend(now time.Time) {
	path, keys := t.dtls.ice.path.Load(), t.out.keys.Load()
	if path == nil || keys == nil {
		return
	}
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	room := netio.MaxDatagram - keys.Profile().RTPOverhead()
	for {
		buffer := netio.GetBuffer()
		packet, ok := t.out.sender.NextResend(now, buffer.Cap()[:0:room])
		if !ok {
			buffer.Release()
			path.socket.Flush()
			return
		}
		t.out.depart(now, &packet, buffer, keys, path, true)
	}
}

// reportFrom begins to report on what comes. On the loop.
func (out *rtpOutbound) reportFrom(now time.Time) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.sender.ReportFrom(now)
}

// deadline is when a report is due.
func (out *rtpOutbound) deadline() time.Time {
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.sender.Deadline()
}

// report sends the reports that are due, about what is sent and what came
// (RFC 3550 section 6.4). On the loop.
func (t *rtpTransport) report(now time.Time) {
	t.in.mu.Lock()
	blocks := t.in.receiver.Blocks(now)
	t.in.mu.Unlock()
	t.out.mu.Lock()
	t.out.sender.Report(now, t.local, blocks)
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
}
