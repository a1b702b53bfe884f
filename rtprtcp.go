package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/pion/rtcp"
)

// receiveRTCP takes a compound packet that SRTCP has authenticated: each half of
// the session reads its part, and the applications' readers get it whole. On the
// socket's reader.
func (t *rtpTransport) receiveRTCP(now time.Time, compound []byte) {
	packets, err := rtpsession.ParseCompound(compound)
	if err != nil {
		t.dtls.log.debug("RTCP", "error", err)
		return
	}
	var readers rtcpReaders
	t.in.mu.Lock()
	t.in.receiver.HandleRTCP(now, packets)
	readers.ofReceived(t.in.receiver, packets)
	t.in.mu.Unlock()

	t.out.mu.Lock()
	t.out.sender.HandleRTCP(now, packets)
	readers.ofSent(t.out.sender, packets)
	rtt := t.out.sender.RTT()
	t.out.mu.Unlock()

	t.in.setRTT(rtt)
	t.resend(now)
	readers.deliver(now, compound)
}

// rtcpReaders collects the queues that a compound packet goes to, each once.
type rtcpReaders []*packetQueue

func (r *rtcpReaders) add(q *packetQueue) {
	for _, other := range *r {
		if other == q {
			return
		}
	}
	*r = append(*r, q)
}

// ofReceived adds the tracks whose streams the packets are about.
func (r *rtcpReaders) ofReceived(receiver *rtpsession.Receiver, packets []rtcp.Packet) {
	for _, p := range packets {
		for _, ssrc := range p.DestinationSSRC() {
			if s := receiver.Stream(rtpsession.SSRC(ssrc)); s != nil {
				if to, ok := s.User.(*received); ok {
					r.add(to.track.rtcp)
				}
			}
		}
	}
}

// ofSent adds the encodings whose streams the packets are about.
func (r *rtcpReaders) ofSent(sender *rtpsession.Sender, packets []rtcp.Packet) {
	for _, p := range packets {
		for _, ssrc := range p.DestinationSSRC() {
			if s := sender.Stream(rtpsession.SSRC(ssrc)); s != nil {
				if of, ok := s.User.(*sentStream); ok {
					r.add(of.encoding.rtcp)
				}
			}
		}
	}
}

func (r rtcpReaders) deliver(now time.Time, compound []byte) {
	for _, q := range r {
		buffer := netio.GetBuffer()
		n := copy(buffer.Cap(), compound)
		q.push(queuedPacket{buffer: buffer, packet: buffer.Cap()[:n], at: now})
		q.wake()
	}
}

// writeRTCP sends packets of the application.
func (t *rtpTransport) writeRTCP(packets []rtcp.Packet) error {
	raw, err := rtcp.Marshal(packets)
	if err != nil {
		return err
	}
	buffer := netio.GetBuffer()
	if len(raw) > netio.MaxDatagram-maxSRTCPOverhead {
		buffer.Release()
		return errorf(KindTypeError, "", "compound packet of %d bytes", len(raw))
	}
	buffer.SetLen(copy(buffer.Cap(), raw))
	t.sendRTCP(buffer)
	return nil
}

// maxSRTCPOverhead is the most that SRTCP adds (RFC 7714 section 9).
const maxSRTCPOverhead = 32

func (in *rtpInbound) setRTT(rtt time.Duration) {
	if rtt == 0 {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.receiver.SetRTT(rtt)
}
