package webrtc

import (
	"encoding/binary"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/pion/rtcp"
)

// receiveRTCP takes a compound packet that SRTCP has authenticated: each half of
// the session reads its part, and the applications' readers get it whole. On the
// socket's reader.
func (t *rtpTransport) receiveRTCP(now time.Time, compound []byte) {
	packets, feedback, err := splitCompound(compound)
	if err != nil {
		t.dtls.log.debug("RTCP", "error", err)
		return
	}
	var readers rtcpReaders
	t.in.mu.Lock()
	t.in.receiver.HandleRTCP(now, packets)
	t.in.announceEnded(t)
	readers.ofReceived(t.in.receiver, packets)
	t.in.mu.Unlock()

	t.out.mu.Lock()
	t.out.sender.HandleRTCP(now, packets)
	readers.ofSent(t.out.sender, packets)
	for _, p := range feedback {
		t.out.handleTransportFeedback(now, p.Data)
		readers.ofFeedback(t.out.sender, p.Data)
	}
	t.out.handleReports(now)
	rtt := t.out.sender.RTT()
	t.out.mu.Unlock()

	t.in.setRTT(rtt)
	t.resend(now)
	t.drive(now)
	readers.deliver(now, compound)
}

// splitCompound reads the packets of a compound one, but for transport-wide
// feedback, which comes often and is read without allocating.
func splitCompound(compound []byte) (packets []rtcp.Packet, feedback []rtpsession.RTCPPacket, err error) {
	reader := rtpsession.NewCompoundReader(compound)
	for {
		p, ok, err := reader.Next()
		switch {
		case err != nil:
			return nil, nil, err
		case !ok:
			return packets, feedback, nil
		case p.IsTransportFeedback():
			feedback = append(feedback, p)
		default:
			if parsed := p.Parse(); parsed != nil {
				packets = append(packets, parsed)
			}
		}
	}
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

// ofFeedback adds the encoding that transport-wide feedback names. It is about all that
// are sent: what names none of them, as a peer may that has seen none lately, goes to the
// first.
func (r *rtcpReaders) ofFeedback(sender *rtpsession.Sender, packet []byte) {
	if len(packet) < 12 {
		return
	}
	s := sender.Stream(rtpsession.SSRC(binary.BigEndian.Uint32(packet[8:])))
	if streams := sender.Streams(); s == nil && len(streams) > 0 {
		s = streams[0]
	}
	if s != nil {
		if of, ok := s.User.(*sentStream); ok {
			r.add(of.encoding.rtcp)
		}
	}
}

func (r rtcpReaders) deliver(now time.Time, compound []byte) {
	for _, q := range r {
		q.push(queuedPacket{packet: append([]byte(nil), compound...), at: now})
		q.wake()
	}
}

// writeRTCP sends packets of the application and returns their size. A TypeError,
// without Op, is for what cannot be marshalled.
func (t *rtpTransport) writeRTCP(packets []rtcp.Packet) (int, error) {
	raw, err := rtcp.Marshal(packets)
	if err != nil {
		return 0, newError(KindTypeError, "", err)
	}
	buffer := netio.GetBuffer()
	if len(raw) > netio.MaxDatagram-maxSRTCPOverhead {
		buffer.Release()
		return 0, errorf(KindTypeError, "", "compound packet of %d bytes", len(raw))
	}
	buffer.SetLen(copy(buffer.Cap(), raw))
	t.sendRTCP(buffer)
	return len(raw), nil
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
