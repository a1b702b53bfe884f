package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// maxQueuedPackets is how many packets of a track wait for a reader, half a second
// of video of a high rate.
const maxQueuedPackets = 512

// Read reads the next packet into b and returns its size. It waits for one, up to
// the read deadline: os.ErrDeadlineExceeded. It returns io.EOF once the track has
// ended and all is read, and io.ErrShortBuffer for a packet that does not fit in
// b, which is lost then. Packets come in the order of their arrival, retransmitted
// ones late; nothing is delivered twice. Who reads too slowly loses the oldest.
//
// The attributes are those of the connection's interceptors, nil without any.
// Concurrent readers get different packets.
//
// While [TrackRemote.Frames] is ranged over it is an InvalidStateError. With a
// transform ([RTPReceiver.SetTransform]), and after Frames, the packets are made of
// whole frames: in order, with sequence numbers that leave out only what is lost,
// and without attributes.
func (t *TrackRemote) Read(b []byte) (n int, attributes interceptor.Attributes, err error) {
	if t.framing.Load() {
		return 0, nil, errorf(KindInvalidState, "read track", "its frames are being read")
	}
	if t.frames.engaged() {
		n, err = t.frames.readPacket(b)
		return n, nil, err
	}
	return t.readDirect(b)
}

// readDirect is Read where packets are not made of frames.
func (t *TrackRemote) readDirect(b []byte) (n int, attributes interceptor.Attributes, err error) {
	if t.receiver.owner.interceptors != nil {
		return t.readChained(b)
	}
	n, err = t.packets.read(b)
	return n, nil, err
}

// ReadRTP is Read for a packet in memory of its own.
func (t *TrackRemote) ReadRTP() (*rtp.Packet, interceptor.Attributes, error) {
	b := make([]byte, t.receiver.owner.api.settings.receiveMTU())
	n, attributes, err := t.Read(b)
	if err != nil {
		return nil, nil, err
	}
	packet := &rtp.Packet{}
	if err := packet.Unmarshal(b[:n]); err != nil {
		return nil, nil, newError(KindOperation, "read RTP", err)
	}
	return packet, attributes, nil
}

// ReadBatch reads the packets that are there, at least one and at most
// len(packets), and returns how many; it waits as Read does. It allocates nothing:
// payloads and header extensions lie in memory of the track that is good until
// the next ReadBatch, and the slices of packets are used again. One goroutine at a
// time may call it. With interceptors or a transform it reads one packet at a time.
func (t *TrackRemote) ReadBatch(packets []rtp.Packet) (int, error) {
	if len(packets) == 0 {
		return 0, errorf(KindTypeError, "read batch", "no room for a packet")
	}
	if t.receiver.owner.interceptors != nil || t.framing.Load() || t.frames.engaged() {
		return t.readOne(packets)
	}
	for {
		t.batch.release()
		n, err := t.packets.pop(t.batch.room(len(packets)))
		if err != nil {
			return 0, err
		}
		t.batch.n = n
		read := 0
		for i := range t.batch.held[:n] {
			if packets[read].Unmarshal(t.batch.held[i].packet) == nil {
				read++
			}
		}
		if read > 0 {
			return read, nil
		}
	}
}

func (t *TrackRemote) readOne(packets []rtp.Packet) (int, error) {
	packet, _, err := t.ReadRTP()
	if err != nil {
		return 0, err
	}
	packets[0] = *packet
	return 1, nil
}

// packetBatch is the memory of what ReadBatch returned last.
type packetBatch struct {
	held []queuedPacket
	n    int
}

func (b *packetBatch) room(n int) []queuedPacket {
	if len(b.held) < n {
		b.held = make([]queuedPacket, n)
	}
	return b.held[:n]
}

func (b *packetBatch) release() {
	for i := range b.held[:b.n] {
		b.held[i].release()
		b.held[i] = queuedPacket{}
	}
	b.n = 0
}

// SetReadDeadline bounds how long reads wait; the zero time removes the bound. The
// error is always nil.
func (t *TrackRemote) SetReadDeadline(deadline time.Time) error {
	t.packets.setDeadline(deadline)
	return nil
}

// RtxSSRC is the SSRC of the packets that the peer sends again, 0 while none is
// known.
func (t *TrackRemote) RtxSSRC() SSRC { return t.identity().rtx }

// HasRTX reports whether the peer sends lost packets again under an SSRC of their
// own.
func (t *TrackRemote) HasRTX() bool { return t.RtxSSRC() != 0 }

// streamChanged takes what the packets say of the track. On the loop.
func (t *TrackRemote) streamChanged(a announcement) {
	codec, ok := t.receiver.codecOf(a.payloadType)
	if !ok {
		return
	}
	if t.newest().rtx != SSRC(a.rtx) {
		t.change(func(s *trackSnapshot) { s.rtx = SSRC(a.rtx) })
	}
	if a.ended {
		t.mute()
		return
	}
	first := func() { t.receiver.firstPacket(t, codec, SSRC(a.ssrc)) }
	if c := t.receiver.owner.interceptors; c != nil {
		t.intercept(c, codec, a, first)
		return
	}
	first()
}

// codecOf finds a codec that packets may have. On the loop.
func (r *RTPReceiver) codecOf(pt rtpsession.PayloadType) (RTPCodecParameters, bool) {
	return r.published.latest().codecOf(PayloadType(pt))
}

func (s *receiverSnapshot) codecOf(pt PayloadType) (RTPCodecParameters, bool) {
	if c, ok := codecOfType(s.parameters.Codecs, pt); ok {
		return c, true
	}
	return codecOfType(s.offered, pt)
}
