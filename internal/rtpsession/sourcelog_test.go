package rtpsession

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

var levelIDs = Extensions{AudioLevel: 1, ContributorLevel: 2}

// heardPacket is a delivery of a packet with levels (RFC 6464, RFC 6465).
func heardPacket(t testing.TB, stream *ReceiveStream, timestamp uint32, level []byte, csrcs []uint32, csrcLevels []byte) Delivery {
	t.Helper()
	h := rtp.Header{Version: 2, SSRC: uint32(stream.SSRC), Timestamp: timestamp, CSRC: csrcs}
	if level != nil {
		if err := h.SetExtension(1, level); err != nil {
			t.Fatal(err)
		}
	}
	if csrcLevels != nil {
		if err := h.SetExtension(2, csrcLevels); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := (&rtp.Packet{Header: h, Payload: []byte{1}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ParseHeader(raw)
	if err != nil {
		t.Fatal(err)
	}
	return Delivery{Stream: stream, Packet: raw, Header: parsed}
}

// webrtc-pc section 5.3.2, getContributingSources: "for each unique CSRC identifier received by this RTCRtpReceiver in the
// last 10 seconds, in descending timestamp order".
func TestSourcesAreListedForTenSecondsTheLatestFirst(t *testing.T) {
	start := time.Unix(1000, 0)
	var l SourceLog
	stream := &ReceiveStream{SSRC: 7}
	record := func(after time.Duration, d Delivery) { l.Record(start.Add(after), &levelIDs, &d) }
	record(0, heardPacket(t, stream, 100, []byte{0x80 | 20}, []uint32{1, 2}, []byte{0x80 | 30, 127}))
	record(4*time.Second, heardPacket(t, stream, 200, nil, []uint32{3, 2}, []byte{5}))

	ssrcs := l.Synchronization(start.Add(5 * time.Second))
	if len(ssrcs) != 1 || ssrcs[0] != (Heard{SSRC: 7, At: start.Add(4 * time.Second), Timestamp: 200}) {
		t.Errorf("synchronization sources %+v", ssrcs)
	}
	csrcs := l.Contributing(start.Add(10 * time.Second))
	want := []Heard{
		{SSRC: 2, At: start.Add(4 * time.Second), Timestamp: 200}, // there was no level for the second
		{SSRC: 3, At: start.Add(4 * time.Second), Timestamp: 200, Level: 5, HasLevel: true},
		{SSRC: 1, At: start, Timestamp: 100, Level: 30, HasLevel: true},
	}
	if len(csrcs) != 3 || csrcs[0] != want[0] || csrcs[1] != want[1] || csrcs[2] != want[2] {
		t.Errorf("contributing sources\n%+v, want\n%+v", csrcs, want)
	}
	if got := l.Contributing(start.Add(10*time.Second + 1)); len(got) != 2 || got[0].SSRC == 1 || got[1].SSRC == 1 {
		t.Errorf("after 10 s there are %+v", got)
	}
	if got := l.Synchronization(start.Add(15 * time.Second)); len(got) != 0 {
		t.Errorf("after 11 s without packets: %+v", got)
	}
}

// "The user agent MUST process RTP packets in order of ascending RTP timestamps" (webrtc-pc section 5.3.3).
func TestALatePacketDoesNotReplaceWhatANewerSaidOfASource(t *testing.T) {
	start := time.Unix(1000, 0)
	var l SourceLog
	stream := &ReceiveStream{SSRC: 7}
	newer, older := heardPacket(t, stream, 5, []byte{1}, nil, nil), heardPacket(t, stream, 1<<32-5, []byte{2}, nil, nil)
	l.Record(start, &levelIDs, &newer)
	l.Record(start.Add(time.Millisecond), &levelIDs, &older)
	if got := l.Synchronization(start.Add(time.Second)); len(got) != 1 || got[0].Level != 1 || !got[0].At.Equal(start) {
		t.Errorf("%+v", got)
	}
	// After 10 s it is another timeline.
	l.Record(start.Add(time.Minute), &levelIDs, &older)
	if got := l.Synchronization(start.Add(time.Minute)); len(got) != 1 || got[0].Level != 2 {
		t.Errorf("%+v", got)
	}
}

func TestTheSourcesThatAreRememberedAreBoundedAndCostNothing(t *testing.T) {
	start := time.Unix(1000, 0)
	var l SourceLog
	stream := &ReceiveStream{SSRC: 7}
	for i := range 1000 {
		d := heardPacket(t, stream, uint32(i), nil, []uint32{uint32(i), uint32(i) + 1}, nil)
		l.Record(start.Add(time.Duration(i)*time.Millisecond), &levelIDs, &d)
	}
	got := l.Contributing(start.Add(time.Second))
	if len(got) != maxHeard || got[0].At != start.Add(999*time.Millisecond) {
		t.Errorf("%d sources, the first %+v", len(got), got[0])
	}
	for _, source := range got {
		if source.SSRC < 1000-maxHeard {
			t.Errorf("%d was heard long ago and is still there", source.SSRC)
		}
	}
	d := heardPacket(t, stream, 5000, []byte{3}, []uint32{990, 991, 992}, []byte{1, 2, 3})
	if n := testing.AllocsPerRun(100, func() { l.Record(start.Add(2*time.Second), &levelIDs, &d) }); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}
