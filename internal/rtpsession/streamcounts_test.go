package rtpsession

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// webrtc-stats section 8.8.1, totalPacketSendDelay: "from when a packet is emitted from the RTP packetizer until it is handed
// over to the OS network socket".
func TestTheTimeThatPacketsWaitIsCountedWhenTheyLeave(t *testing.T) {
	start := time.Unix(1000, 0)
	s := NewSender(0)
	stream := s.Add(1, 0, "", "", 0)
	if err := stream.SetFormat(SendFormat{PayloadType: 96, ClockRate: 90000, NACK: true}, false); err != nil {
		t.Fatal(err)
	}
	var packets []OutPacket
	for i := range 2 {
		p, err := stream.Write(start, make([]byte, 0, 100), &rtp.Header{Version: 2, SequenceNumber: uint16(i), Marker: i == 1}, []byte{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, p)
	}
	if c := stream.Counts(); c.Packets != 0 {
		t.Errorf("before they leave: %+v", c)
	}
	s.Depart(start.Add(7*time.Millisecond), &packets[0])
	s.Depart(start.Add(12*time.Millisecond), &packets[1])
	// Without RTX the packet itself is sent again, and its payload counts as such (section 8.8.1, retransmittedBytesSent).
	s.resend = append(s.resend, resendRequest{stream, 1})
	again, ok := s.NextResend(start.Add(time.Second), make([]byte, 0, 100))
	if !ok {
		t.Fatal("not sent again")
	}
	s.Depart(start.Add(time.Second+time.Millisecond), &again)
	want := SendCounts{
		Packets: 3, PayloadBytes: 9, HeaderBytes: 36, Retransmitted: 1, RetransmittedBytes: 3, Marked: 1,
		LastDeparture: start.Add(time.Second + time.Millisecond), SendDelay: 20 * time.Millisecond,
	}
	if c := stream.Counts(); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
}

// webrtc-stats section 7.1, inbound-rtp: FEC streams "do not show up as separate" objects "but affect the packetsReceived,
// bytesReceived, fecPacketsReceived and fecBytesReceived counters of the relevant" ones.
func TestProtectionIsCountedWithTheStreamThatItProtects(t *testing.T) {
	now := time.Unix(1000, 0)
	r := NewReceiver(99)
	r.Configure(now, Extensions{}, []Section{{Key: 1, Codecs: []Codec{
		{PayloadType: 96, ClockRate: 90000, NACK: true}, {PayloadType: 97, ClockRate: 90000, Kind: Protection},
	}}})
	send := func(ssrc uint32, pt uint8, seq uint16, size int) bool {
		raw, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: ssrc, PayloadType: pt, SequenceNumber: seq}, Payload: make([]byte, size)}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		_, ok := r.HandlePacket(now, raw)
		return ok
	}
	if !send(5, 96, 1, 10) || send(6, 97, 500, 20) || send(5, 97, 2, 30) || !send(5, 96, 3, 10) {
		t.Error("media is delivered, and protection is not")
	}
	streams := r.Streams()
	if len(streams) != 1 || streams[0].SSRC != 5 || streams[0].FEC != 6 || !streams[0].HasFEC() || streams[0].HasRTX() {
		t.Fatalf("%+v", streams)
	}
	want := ReceiveCounts{Packets: 4, PayloadBytes: 70, HeaderBytes: 48, LastArrival: now, FEC: 2, FECBytes: 50}
	if c := streams[0].Counts(); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	if s := streams[0].Reception.Stats(); s.PacketsLost != 0 {
		t.Errorf("%d lost: protection under the SSRC of the media has a number of it", s.PacketsLost)
	}
}
