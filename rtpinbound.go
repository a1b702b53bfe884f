package webrtc

import (
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/passerelle-rtc/webrtc/internal/srtp"
)

// rtpInbound is the receiving lane of an rtpTransport: packets are opened, routed
// and queued on the socket's reader, under its lock.
type rtpInbound struct {
	mu       sync.Mutex
	keys     *srtp.Inbound // nil until DTLS has connected
	receiver *rtpsession.Receiver
	early    []*netio.Buffer // before the keys
	tracks   map[trackKey]*TrackRemote
	touched  []*packetQueue // that got packets in this batch
	closed   bool
}

// trackKey finds the track of a stream.
type trackKey struct {
	section uint64
	rid     rtpsession.RID
}

// received is what a ReceiveStream delivers to.
type received struct {
	track     *TrackRemote
	announced announcement // what the loop was told last
	discarded uint64       // by the track's queue, before the stream
}

// announcement is what the loop knows of the packets of a track.
type announcement struct {
	ssrc        rtpsession.SSRC
	rtx         rtpsession.SSRC
	payloadType rtpsession.PayloadType
	ended       bool
}

// maxEarlyMedia bounds the packets that wait for the keys: about what comes in the
// batch that brought the end of the handshake.
const maxEarlyMedia = 64

// receive takes an SRTP packet, or with rtcp an SRTCP packet, from an address that
// ICE has validated. It reports whether it keeps the buffer. On the socket's
// reader.
func (t *rtpTransport) receive(now time.Time, buffer *netio.Buffer, rtcp bool) (kept bool) {
	in := &t.in
	in.mu.Lock()
	if in.keys == nil || in.closed {
		defer in.mu.Unlock()
		if in.closed || len(in.early) >= maxEarlyMedia {
			return false
		}
		in.early = append(in.early, buffer)
		return true
	}
	if !rtcp {
		defer in.mu.Unlock()
		return in.receiveRTP(t, now, buffer)
	}
	packet, err := in.keys.OpenRTCP(buffer.Bytes())
	in.mu.Unlock()
	if err == nil {
		t.dtls.mediaReceived(now)
		t.receiveRTCP(now, packet)
	}
	return false
}

// receiveRTP opens a packet and queues it for its track. in.mu is held.
func (in *rtpInbound) receiveRTP(t *rtpTransport, now time.Time, buffer *netio.Buffer) (kept bool) {
	packet, err := in.keys.Open(buffer.Bytes())
	if err != nil {
		return false
	}
	t.dtls.mediaReceived(now)
	delivery, ok := in.receiver.HandlePacket(now, packet)
	in.started()
	in.replay(t) // what was held until a packet like this told whose it is
	return ok && in.deliver(t, now, delivery, buffer)
}

// deliver queues a packet for its track. in.mu is held.
func (in *rtpInbound) deliver(t *rtpTransport, now time.Time, d rtpsession.Delivery, buffer *netio.Buffer) (kept bool) {
	to, ok := d.Stream.User.(*received)
	if !ok {
		return false
	}
	in.announce(t, d.Stream, to)
	to.track.receiver.sources.record(now, in.receiver.Extensions(), &d)
	queue := to.track.packets
	queue.push(queuedPacket{buffer: buffer, packet: d.Packet, at: now})
	in.touch(queue)
	return true
}

// touch notes a queue whose reader is to be woken at the end of the batch.
func (in *rtpInbound) touch(q *packetQueue) {
	for _, other := range in.touched {
		if other == q {
			return
		}
	}
	in.touched = append(in.touched, q)
}

// started gives new streams the track that their packets are for. in.mu is held.
func (in *rtpInbound) started() {
	for {
		s, ok := in.receiver.NextStarted()
		if !ok {
			return
		}
		if to, ok := s.Stream.User.(*received); ok {
			to.announced = announcement{} // a stream that goes on after a pause is told again
		}
		in.assign(s.Stream)
	}
}

func (in *rtpInbound) assign(s *rtpsession.ReceiveStream) {
	track := in.tracks[trackKey{s.Section, s.RID}]
	if track == nil {
		s.User = nil
		return
	}
	if to, ok := s.User.(*received); ok && to.track == track {
		return
	}
	s.User = &received{track: track, discarded: track.packets.discarded()}
}

// announce tells the loop what a track's packets are, where that has changed. The
// inbox is capped: what does not fit is told with the next packet. in.mu is held.
func (in *rtpInbound) announce(t *rtpTransport, s *rtpsession.ReceiveStream, to *received) {
	news := announcement{ssrc: s.SSRC, rtx: s.RTX, payloadType: s.Codec.PayloadType, ended: s.Ended()}
	if news == to.announced {
		return
	}
	track := to.track
	if t.loop.TryPost(func(now time.Time) { t.out.reportFrom(now); track.streamChanged(news) }) {
		to.announced = news
	}
}

// announceEnded tells the loop of streams that the peer has said BYE for. in.mu is held.
func (in *rtpInbound) announceEnded(t *rtpTransport) {
	for _, s := range in.receiver.Streams() {
		if to, ok := s.User.(*received); ok && s.Ended() {
			in.announce(t, s, to)
		}
	}
}

// flush ends a batch: readers are woken, and feedback that cannot wait leaves. On
// the socket's reader.
func (t *rtpTransport) flush(now time.Time) {
	in := &t.in
	in.mu.Lock()
	for i, q := range in.touched {
		q.wake()
		in.touched[i] = nil
	}
	in.touched = in.touched[:0]
	at := in.receiver.Deadline()
	in.mu.Unlock()
	if !at.IsZero() && !at.After(now) {
		t.sendFeedback(now)
		at = in.deadline()
	}
	t.rouse(at)
}

// open takes the keys, and what came before them. On the loop.
func (in *rtpInbound) open(t *rtpTransport, now time.Time, keys *srtp.Inbound) {
	in.mu.Lock()
	early := in.early
	in.keys, in.early = keys, nil
	in.name(in.receiver.Signalled(), nil)
	in.mu.Unlock()
	for _, buffer := range early {
		if !t.receive(now, buffer, isRTCP(buffer.Bytes())) {
			buffer.Release()
		}
	}
	t.flush(now)
}

// isRTCP tells RTCP from RTP on one port by the second octet (RFC 5761 section 4).
func isRTCP(packet []byte) bool { return len(packet) > 1 && packet[1] >= 192 && packet[1] <= 223 }

// configure replaces what negotiation says. On the loop.
func (in *rtpInbound) configure(t *rtpTransport, now time.Time, ids rtpsession.Extensions, sections []rtpsession.Section, tracks map[trackKey]*TrackRemote) {
	in.mu.Lock()
	in.tracks = tracks
	configured := in.receiver.Configure(now, ids, sections)
	in.name(configured.Signalled, configured.Unsignalled)
	for _, stream := range in.receiver.Streams() {
		in.assign(stream)
	}
	in.replay(t)
	in.mu.Unlock()
	t.flush(now)
}

// name tells which SSRCs the peer has signalled, so that a flood of others cannot evict their state. in.mu is held.
func (in *rtpInbound) name(signalled, unsignalled []rtpsession.SSRC) {
	if in.keys == nil {
		return // open tells all
	}
	for _, ssrc := range unsignalled {
		in.keys.Release(uint32(ssrc))
	}
	for _, ssrc := range signalled {
		in.keys.Keep(uint32(ssrc))
	}
}

// replay delivers the packets that were held for the description. in.mu is held.
func (in *rtpInbound) replay(t *rtpTransport) {
	for {
		delivery, at, ok, done := in.receiver.NextHeld()
		if done {
			return
		}
		in.started()
		if !ok {
			continue
		}
		buffer := netio.GetBuffer()
		buffer.SetLen(copy(buffer.Cap(), delivery.Packet))
		delivery.Packet = buffer.Bytes()
		if !in.deliver(t, at, delivery, buffer) {
			buffer.Release()
		}
	}
}

// deadline is when advance or sendFeedback has something to do.
func (in *rtpInbound) deadline() time.Time {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.receiver.Deadline()
}

// sendFeedback sends what the receiver has to say: NACKs, requests for keyframes,
// transport-wide feedback. Any goroutine.
func (t *rtpTransport) sendFeedback(now time.Time) {
	for {
		buffer := netio.GetBuffer()
		t.in.mu.Lock()
		t.in.receiver.Advance(now)
		packet := t.in.receiver.NextFeedback(now, buffer.Cap()[:0])
		t.in.mu.Unlock()
		if len(packet) == 0 {
			buffer.Release()
			return
		}
		buffer.SetLen(len(packet))
		t.sendRTCP(buffer)
	}
}

// close drops what waits and refuses what comes.
func (in *rtpInbound) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	for _, buffer := range in.early {
		buffer.Release()
	}
	in.early = nil
}
