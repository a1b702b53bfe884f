package webrtc

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/mux"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// gcmTag is what AEAD_AES_256_GCM adds to an RTP packet (RFC 7714 section 8.2).
const gcmTag = 16

// rtpWire counts the RTP that passes a tap, by SSRC, as the headers say, which SRTP
// leaves in the clear, and the SR and RR that compound packets begin with.
type rtpWire struct {
	mu      sync.Mutex
	streams map[SSRC]*rtpWireStream
	reports map[SSRC]uint64
	lastSR  map[SSRC]time.Time
	drop    func(h *rtp.Header) bool
}

type rtpWireStream struct {
	sent, dropped       uint64
	bytes, droppedBytes uint64 // without the tag
	headers             uint64
	last                time.Time
}

func tapRTP(r *rig) *rtpWire {
	w := &rtpWire{streams: make(map[SSRC]*rtpWireStream), reports: make(map[SSRC]uint64), lastSR: make(map[SSRC]time.Time)}
	r.net.Tap(func(p simnet.Packet) simnet.Verdict {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch mux.Classify(p.Data) {
		case mux.RTCP:
			if p.Data[1] == 200 {
				ssrc := SSRC(binary.BigEndian.Uint32(p.Data[4:]))
				w.reports[ssrc]++
				w.lastSR[ssrc] = p.Time
			}
		case mux.RTP:
			return w.count(p)
		}
		return simnet.Pass
	})
	return w
}

func (w *rtpWire) count(p simnet.Packet) simnet.Verdict {
	var h rtp.Header
	size, err := h.Unmarshal(p.Data)
	if err != nil {
		return simnet.Pass
	}
	s := w.streams[SSRC(h.SSRC)]
	if s == nil {
		s = new(rtpWireStream)
		w.streams[SSRC(h.SSRC)] = s
	}
	s.sent++
	s.bytes += uint64(len(p.Data) - gcmTag)
	s.headers += uint64(size)
	s.last = p.Time
	if w.drop != nil && w.drop(&h) {
		s.dropped++
		s.droppedBytes += uint64(len(p.Data) - gcmTag)
		return simnet.Drop
	}
	return simnet.Pass
}

func (w *rtpWire) stream(ssrc SSRC) rtpWireStream {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.streams[ssrc]; s != nil {
		return *s
	}
	return rtpWireStream{}
}

// scriptedMedia is a call in which a sends b video, of which one packet is lost and
// sent again, and audio, of which one is lost for good.
type scriptedMedia struct {
	*rig
	wire         *rtpWire
	video, audio *RTPSender
	remote       map[RTPCodecType]*TrackRemote
	begun        time.Time // of the first packet of each
	delay        time.Duration
}

const (
	scriptedPackets = 200
	scriptedPeriod  = 20 * time.Millisecond
)

// plainMedia is VP8 with retransmissions and PCMU, without transport-wide feedback,
// so that nothing probes the path.
func plainMedia(t testing.TB) *MediaEngine {
	t.Helper()
	m := new(MediaEngine)
	feedback := []RTCPFeedback{{Type: TypeRTCPFBNACK}, {Type: TypeRTCPFBNACK, Parameter: "pli"}}
	must(t, m.RegisterCodec(RTPCodecParameters{RTPCodecCapability{MimeTypeVP8, 90000, 0, "", feedback}, 96}, RTPCodecTypeVideo))
	must(t, m.RegisterCodec(RTPCodecParameters{RTPCodecCapability{MimeTypeRTX, 90000, 0, "apt=96", nil}, 97}, RTPCodecTypeVideo))
	must(t, m.RegisterCodec(RTPCodecParameters{RTPCodecCapability{MimeTypePCMU, 8000, 0, "", nil}, 0}, RTPCodecTypeAudio))
	return m
}

func newScriptedMedia(t *testing.T, r *rig, link simnet.Link) *scriptedMedia {
	m := &scriptedMedia{rig: r, wire: tapRTP(r), remote: make(map[RTPCodecType]*TrackRemote), delay: link.Delay}
	got := make(chan *TrackRemote, 2)
	r.b.OnTrack(func(remote *TrackRemote, _ *RTPReceiver) { got <- remote })
	video := vp8Track(t, "video")
	audio, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: MimeTypePCMU, ClockRate: 8000}, "audio", "stream")
	must(t, err)
	m.video, err = r.a.AddTrack(video)
	must(t, err)
	m.audio, err = r.a.AddTrack(audio)
	must(t, err)
	connectedA, connectedB := connectedOnce(r.a), connectedOnce(r.b)
	negotiate(t, r.a, r.b)
	wait(t, "connection of a", connectedA, time.Minute)
	wait(t, "connection of b", connectedB, time.Minute)
	for range 2 {
		remote := wait(t, "track", got, time.Minute)
		m.remote[remote.Kind()] = remote
	}
	videoSSRC, audioSSRC := m.video.GetParameters().Encodings[0].SSRC, m.audio.GetParameters().Encodings[0].SSRC
	m.wire.drop = func(h *rtp.Header) bool {
		return SSRC(h.SSRC) == videoSSRC && h.SequenceNumber == 65530+10-65536 || SSRC(h.SSRC) == audioSSRC && h.SequenceNumber == 30
	}
	time.Sleep(time.Second)
	m.begun = time.Now()
	// Each end reports from its first packet on: the first is late, so that the peer's
	// reports do not leave in the moment in which ours come, with a delay of 0.
	late := link
	late.Delay += scriptedPeriod / 2
	r.net.SetDefaultLink(late)
	for i := range scriptedPackets {
		must(t, video.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: uint16(65530 + i), Timestamp: uint32(i) * 1800, Marker: i%2 == 1},
			Payload: make([]byte, 100+i),
		}))
		must(t, audio.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(i) * 160},
			Payload: make([]byte, 160),
		}))
		if i == 50 {
			must(t, r.b.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(videoSSRC)}}))
		}
		time.Sleep(scriptedPeriod)
		r.net.SetDefaultLink(link)
	}
	time.Sleep(3 * time.Second)
	synctest.Wait()
	return m
}

// near reports whether two times are the same but for what the formats of RTCP and
// RTP cannot tell: 1/65536 s twice.
func near(got, want float64) bool { return math.Abs(got-want) < 40e-6 }

func only[T Stats](t testing.TB, r StatsReport, which func(T) bool) T {
	t.Helper()
	found := slices.DeleteFunc(entries[T](r), func(s T) bool { return !which(s) })
	if len(found) != 1 {
		t.Fatalf("%d entries of type %T, want 1", len(found), *new(T))
	}
	return found[0]
}

// webrtc-stats sections 8.3 to 8.13, of a run in which all that passes is counted on
// the wire.
func TestStatsOfScriptedMediaAreExact(t *testing.T) {
	const delay = 25 * time.Millisecond
	inBubble(t, func(t *testing.T, r *rig) {
		m := newScriptedMedia(t, r, simnet.Link{Delay: delay})
		atA, atB := r.a.GetStats(), r.b.GetStats()
		checkReport(t, atA)
		checkReport(t, atB)
		now := newStatsTimestamp(time.Now())
		if n, o := len(entries[OutboundRTPStreamStats](atA)), len(entries[InboundRTPStreamStats](atB)); n != 2 || o != 2 {
			t.Fatalf("%d streams out, %d in", n, o)
		}
		for _, sender := range []*RTPSender{m.video, m.audio} {
			kind := sender.transceiver.kind
			isVideo := kind == RTPCodecTypeVideo
			coding := sender.GetParameters().Encodings[0]
			media, rtx := m.wire.stream(coding.SSRC), m.wire.stream(coding.RTX.SSRC)
			if !isVideo {
				rtx = rtpWireStream{}
			}
			if media.sent != scriptedPackets || media.dropped != 1 || isVideo != (rtx.sent == 1) {
				t.Fatalf("%v: on the wire %+v, %+v", kind, media, rtx)
			}

			out := only(t, atA, func(s OutboundRTPStreamStats) bool { return s.Kind == kind.String() })
			in := only(t, atB, func(s InboundRTPStreamStats) bool { return s.Kind == kind.String() })
			wantOut := out // IDs, and what is compared below
			wantOut.Timestamp, wantOut.Type, wantOut.Mid, wantOut.SSRC = now, StatsTypeOutboundRTP, sender.transceiver.Mid(), coding.SSRC
			wantOut.PacketsSent, wantOut.Active = media.sent+rtx.sent, true
			wantOut.RetransmittedPacketsSent = rtx.sent
			wantOut.LastPacketSentTimestamp = newStatsTimestamp(later(media.last, rtx.last))
			wantOut.TotalPacketSendDelay = 0 // nothing is paced
			if !reflect.DeepEqual(out, wantOut) || out.RemoteID == "" || out.CodecID == "" || out.MediaSourceID == "" {
				t.Errorf("out %+v, want %+v", out, wantOut)
			}
			if got, want := out.BytesSent+out.HeaderBytesSent, media.bytes+rtx.bytes; got != want {
				t.Errorf("%v: %d bytes sent, on the wire %d", kind, got, want)
			}
			if got, want := out.BytesSent-out.RetransmittedBytesSent, media.bytes-media.headers; got != want {
				t.Errorf("%v: %d bytes of payload, on the wire %d", kind, got, want)
			}
			if got, want := in.BytesReceived+in.HeaderBytesReceived, media.bytes+rtx.bytes-media.droppedBytes; got != want {
				t.Errorf("%v: %d bytes received, on the wire %d", kind, got, want)
			}
			wantIn := in
			wantIn.Timestamp, wantIn.Type, wantIn.Mid, wantIn.SSRC = now, StatsTypeInboundRTP, sender.transceiver.Mid(), coding.SSRC
			wantIn.TrackIdentifier = m.remote[kind].ID()
			wantIn.PacketsReceived = media.sent - media.dropped + rtx.sent
			wantIn.LastPacketReceivedTimestamp = newStatsTimestamp(later(media.last, rtx.last).Add(delay))
			wantIn.AudioLevel = nil
			wantIn.PacketsLost = 1
			if !reflect.DeepEqual(in, wantIn) || in.RemoteID == "" || in.CodecID == "" {
				t.Errorf("in %+v, want %+v", in, wantIn)
			}
			// Nobody reads the tracks: of what came, the newest packets wait.
			if want := uint64(scriptedPackets-in.PacketsLost) + rtx.sent - unreadPackets; in.PacketsDiscarded != want {
				t.Errorf("%v: %d packets discarded, want %d", kind, in.PacketsDiscarded, want)
			}
			m.checkFeedback(t, isVideo, &out, &in, coding, rtx.sent)
			m.checkRemotes(t, atA, atB, &out, &in, media)
			m.checkCodec(t, atA, atB, sender, out.CodecID, in.CodecID)
		}
	}, withLink(simnet.Link{Delay: delay}), withMedia(plainMedia(t)))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// checkFeedback checks what is there of video only.
func (m *scriptedMedia) checkFeedback(t *testing.T, isVideo bool, out *OutboundRTPStreamStats, in *InboundRTPStreamStats, coding RTPEncodingParameters, rtx uint64) {
	t.Helper()
	if !isVideo {
		if out.FIRCount != nil || out.PLICount != nil || out.FramesSent != nil || in.FramesReceived != nil || out.EncodingIndex != nil || out.RTXSSRC != nil ||
			in.FIRCount != nil || in.PLICount != nil || in.RetransmittedPacketsReceived != nil || in.RTXSSRC != nil ||
			out.NACKCount != 0 || in.NACKCount != 0 {
			t.Errorf("audio has what only video has: %+v, %+v", out, in)
		}
		return
	}
	if out.NACKCount != 1 || in.NACKCount != 1 || *out.PLICount != 1 || *in.PLICount != 0 || *out.FIRCount != 0 || *in.FIRCount != 0 {
		t.Errorf("NACK %d, %d; PLI %d, %d; FIR %d, %d", out.NACKCount, in.NACKCount, *out.PLICount, *in.PLICount, *out.FIRCount, *in.FIRCount)
	}
	if *in.FramesReceived != scriptedPackets { // by their timestamps
		t.Errorf("%d frames received", *in.FramesReceived)
	}
	if *out.FramesSent != scriptedPackets/2 || *out.EncodingIndex != 0 {
		t.Errorf("%d frames of encoding %d", *out.FramesSent, *out.EncodingIndex)
	}
	if *out.RTXSSRC != coding.RTX.SSRC || *in.RTXSSRC != coding.RTX.SSRC {
		t.Errorf("RTX %d, %d; want %d", *out.RTXSSRC, *in.RTXSSRC, coding.RTX.SSRC)
	}
	if *in.RetransmittedPacketsReceived != rtx || *in.RetransmittedBytesReceived != out.RetransmittedBytesSent {
		t.Errorf("%d packets and %d bytes came again, want %d and %d", *in.RetransmittedPacketsReceived, *in.RetransmittedBytesReceived, rtx, out.RetransmittedBytesSent)
	}
}

// checkRemotes checks what each end says of the other's streams.
func (m *scriptedMedia) checkRemotes(t *testing.T, atA, atB StatsReport, out *OutboundRTPStreamStats, in *InboundRTPStreamStats, media rtpWireStream) {
	t.Helper()
	report := atA[out.RemoteID].(RemoteInboundRTPStreamStats)
	if report.LocalID != out.ID || report.SSRC != out.SSRC || report.TransportID != out.TransportID || report.CodecID != out.CodecID || report.Kind != out.Kind {
		t.Errorf("remote-inbound %+v of %+v", report, out)
	}
	if report.PacketsLost != in.PacketsLost || report.PacketsReceived != uint64(scriptedPackets-in.PacketsLost) || report.FractionLost != 0 {
		t.Errorf("%s: the peer says %d came, %d lost, %v at last", out.Kind, report.PacketsReceived, report.PacketsLost, report.FractionLost)
	}
	if report.RoundTripTime == nil {
		t.Fatalf("%s: no round trip in %+v", out.Kind, report)
	}
	if !near(*report.RoundTripTime, 2*m.delay.Seconds()) || report.RoundTripTimeMeasurements == 0 ||
		!near(report.TotalRoundTripTime/float64(report.RoundTripTimeMeasurements), 2*m.delay.Seconds()) {
		t.Errorf("%s: round trips %v, %v in %d", out.Kind, *report.RoundTripTime, report.TotalRoundTripTime, report.RoundTripTimeMeasurements)
	}
	if math.Abs(report.Jitter-in.Jitter) > 1e-4 {
		t.Errorf("%s: jitter %v here, %v there", out.Kind, in.Jitter, report.Jitter)
	}
	m.wire.mu.Lock()
	reports, last := m.wire.reports[out.SSRC], m.wire.lastSR[out.SSRC]
	m.wire.mu.Unlock()
	want := RemoteOutboundRTPStreamStats{
		Timestamp: newStatsTimestamp(last.Add(m.delay)), Type: StatsTypeRemoteOutboundRTP, ID: in.RemoteID,
		SSRC: in.SSRC, Kind: in.Kind, TransportID: in.TransportID, CodecID: in.CodecID, LocalID: in.ID,
		PacketsSent: media.sent, BytesSent: media.bytes - media.headers, RemoteTimestamp: newStatsTimestamp(last), ReportsSent: reports,
	}
	if got := atB[in.RemoteID]; got != want || reports < 5 {
		t.Errorf("remote-outbound\n%+v, want\n%+v", got, want)
	}
	// What came last was captured as it was sent, and nothing has come for a while.
	ago := time.Since(m.begun.Add((scriptedPackets - 1) * scriptedPeriod))
	captured := m.begun.Add((scriptedPackets - 1) * scriptedPeriod).Add(ago - m.delay)
	if got := in.EstimatedPlayoutTimestamp.Time(); got.Sub(captured).Abs() > 130*time.Microsecond { // a tick of 8 kHz
		t.Errorf("%s: playout at %v, want %v", in.Kind, got, captured.UTC())
	}
	track := m.remote[NewRTPCodecType(in.Kind)]
	step := uint32(1800)
	if in.Kind == "audio" {
		step = 160
	}
	for _, i := range []int{0, 50, scriptedPackets - 1} {
		want := m.begun.Add(time.Duration(i) * scriptedPeriod)
		if got, ok := track.CaptureTime(uint32(i) * step); !ok || got.Sub(want).Abs() > 130*time.Microsecond {
			t.Errorf("%s: packet %d was captured at %v, want %v", in.Kind, i, got, want)
		}
	}
}

// checkCodec checks the codecs of both ends, and the source.
func (m *scriptedMedia) checkCodec(t *testing.T, atA, atB StatsReport, sender *RTPSender, outID, inID string) {
	t.Helper()
	codec := sender.GetParameters().Codecs[0]
	if sender.transceiver.kind == RTPCodecTypeAudio {
		codec = m.remote[RTPCodecTypeAudio].Codec()
	}
	for _, end := range []struct {
		report StatsReport
		id     string
	}{{atA, outID}, {atB, inID}} {
		got := end.report[end.id].(CodecStats)
		want := CodecStats{
			Timestamp: got.Timestamp, Type: StatsTypeCodec, ID: end.id, PayloadType: codec.PayloadType,
			TransportID: one[TransportStats](t, end.report).ID, MimeType: codec.MimeType, ClockRate: codec.ClockRate,
			Channels: uint8(codec.Channels), SDPFmtpLine: codec.SDPFmtpLine,
		}
		if found, ok := end.report.GetCodecStats(&codec); got != want || !ok || found != got {
			t.Errorf("codec %+v, want %+v", got, want)
		}
		if n := len(entries[CodecStats](end.report)); n != 2 {
			t.Errorf("%d codecs, two are in use", n)
		}
	}
	id := sender.Track().ID()
	switch source := atA[only(t, atA, func(s OutboundRTPStreamStats) bool { return s.CodecID == outID }).MediaSourceID].(type) {
	case AudioSourceStats:
		if source.TrackIdentifier != id || source.Kind != "audio" {
			t.Errorf("%+v", source)
		}
	case VideoSourceStats:
		if source.TrackIdentifier != id || source.Kind != "video" {
			t.Errorf("%+v", source)
		}
	default:
		t.Errorf("source %+v", source)
	}
}

// webrtc-stats section 8.19.1, availableOutgoingBitrate, and section 8.8.1,
// targetBitrate: both are less than what OnTargetBitrate tells by the headers that
// they leave out.
func TestStatsTellTheEstimateWithoutHeaders(t *testing.T) {
	link := simnet.Link{Delay: 25 * time.Millisecond, Bandwidth: 2_000_000, Queue: 100 * time.Millisecond}
	inBubble(t, func(t *testing.T, r *rig) {
		m := newScriptedMedia(t, r, link)
		report, target := r.a.GetStats(), r.a.TargetBitrate()
		pair := report[one[TransportStats](t, report).SelectedCandidatePairID].(ICECandidatePairStats)
		if pair.AvailableOutgoingBitrate == nil || target.Total == 0 {
			t.Fatalf("available %v, target %v", pair.AvailableOutgoingBitrate, target)
		}
		if share := *pair.AvailableOutgoingBitrate / float64(target.Total); share < 0.7 || share >= 1 {
			t.Errorf("available %v of %d", *pair.AvailableOutgoingBitrate, target.Total)
		}
		audio := only(t, report, func(s OutboundRTPStreamStats) bool { return s.Kind == "audio" })
		i := slices.IndexFunc(target.Encodings, func(e EncodingBitrate) bool { return e.Sender == m.audio })
		if i < 0 || audio.TargetBitrate == nil {
			t.Fatalf("target %+v, audio %+v", target, audio)
		}
		headers := float64(audio.HeaderBytesSent)/scriptedPackets + gcmTag + 28
		want := float64(target.Encodings[i].Bitrate) * 160 / (160 + headers)
		if math.Abs(*audio.TargetBitrate-want) > 1 {
			t.Errorf("target %v, want %v", *audio.TargetBitrate, want)
		}
		for _, other := range append(entries[ICECandidatePairStats](report), entries[ICECandidatePairStats](r.b.GetStats())...) {
			if other.ID != pair.ID && other.AvailableOutgoingBitrate != nil {
				t.Errorf("%+v carries no media of this end", other)
			}
		}
	}, withLink(link))
}

// The stats selection algorithm (webrtc-pc section 8.5).
func TestStatsOfASenderOrReceiverHaveItsStreams(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		m := newScriptedMedia(t, r, simnet.Link{Delay: 25 * time.Millisecond})
		receiver := m.remote[RTPCodecTypeVideo].receiver
		for _, test := range []struct {
			name   string
			report StatsReport
			want   map[StatsType]int
		}{
			{"sender", m.video.GetStats(), map[StatsType]int{StatsTypeOutboundRTP: 1, StatsTypeRemoteInboundRTP: 1, StatsTypeMediaSource: 1}},
			{"local track", r.a.GetStats(m.video.Track()), map[StatsType]int{StatsTypeOutboundRTP: 1, StatsTypeRemoteInboundRTP: 1, StatsTypeMediaSource: 1}},
			{"receiver", receiver.GetStats(), map[StatsType]int{StatsTypeInboundRTP: 1, StatsTypeRemoteOutboundRTP: 1}},
			{"remote track", r.b.GetStats(m.remote[RTPCodecTypeVideo]), map[StatsType]int{StatsTypeInboundRTP: 1, StatsTypeRemoteOutboundRTP: 1}},
		} {
			maps.Copy(test.want, map[StatsType]int{
				StatsTypeCodec: 1, StatsTypeTransport: 1, StatsTypeCandidatePair: 1, StatsTypeLocalCandidate: 1, StatsTypeRemoteCandidate: 1, StatsTypeCertificate: 2,
			})
			got := make(map[StatsType]int)
			for _, s := range test.report {
				got[StatsType(reflect.ValueOf(s).FieldByName("Type").String())]++
				if kind := reflect.ValueOf(s).FieldByName("Kind"); kind.IsValid() && kind.String() != "video" {
					t.Errorf("%s: %+v", test.name, s)
				}
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("%s: %v, want %v", test.name, got, test.want)
			}
		}
	}, withLink(simnet.Link{Delay: 25 * time.Millisecond}), withMedia(plainMedia(t)))
}

// webrtc-pc section 8: "even past the associated peer connection being closed";
// webrtc-stats section 4.3, on lifetimes.
func TestStatsOfStreamsAfterCloseAreTheLastValues(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		newScriptedMedia(t, r, simnet.Link{})
		for _, pc := range []*PeerConnection{r.a, r.b} {
			before := pc.GetStats()
			must(t, pc.Close())
			after := pc.GetStats()
			checkReport(t, after)
			if !slices.Equal(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after))) {
				t.Fatalf("before %v, after %v", slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
			}
			for id, s := range before {
				switch s.(type) {
				case InboundRTPStreamStats, OutboundRTPStreamStats, RemoteInboundRTPStreamStats, RemoteOutboundRTPStreamStats, CodecStats, VideoSourceStats:
					if !reflect.DeepEqual(s, after[id]) {
						t.Errorf("before %+v, after %+v", s, after[id])
					}
				}
			}
		}
	}, withMedia(plainMedia(t)))
}

func TestStatsOfStreamsReadBackTheirJSON(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		newScriptedMedia(t, r, simnet.Link{Delay: 25 * time.Millisecond})
		for _, pc := range []*PeerConnection{r.a, r.b} {
			for id, s := range pc.GetStats() {
				text, err := json.Marshal(s)
				must(t, err)
				again, err := UnmarshalStatsJSON(text)
				if err != nil || !reflect.DeepEqual(again, s) {
					t.Errorf("%s: %v, %+v, want %+v", id, err, again, s)
				}
			}
		}
	}, withLink(simnet.Link{Delay: 25 * time.Millisecond}), withMedia(plainMedia(t)))
}

// webrtc-stats section 8.11: "If a track whose media source object ended is attached
// again this results in a new media source stats object"; section 8.1: a stream is
// there from negotiation on, and one that another SSRC replaces is another object.
func TestStatsOfATrackThatComesBackAreThoseOfANewSource(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, err := r.a.AddTrack(track)
		must(t, err)
		first := one[VideoSourceStats](t, r.a.GetStats())
		if n := len(entries[OutboundRTPStreamStats](r.a.GetStats())); n != 0 {
			t.Errorf("%d streams before negotiation", n)
		}
		negotiate(t, r.a, r.b)
		synctest.Wait()
		out := one[OutboundRTPStreamStats](t, r.a.GetStats())
		if out.PacketsSent != 0 || out.RemoteID != "" || out.MediaSourceID != first.ID || !out.Active {
			t.Errorf("%+v", out)
		}
		must(t, sender.ReplaceTrack(nil))
		if n := len(entries[VideoSourceStats](r.a.GetStats())); n != 0 {
			t.Errorf("%d sources without a track", n)
		}
		if detached := one[OutboundRTPStreamStats](t, r.a.GetStats()); detached.ID != out.ID || detached.MediaSourceID != "" {
			t.Errorf("%+v", detached)
		}
		must(t, sender.ReplaceTrack(track))
		if again := one[VideoSourceStats](t, r.a.GetStats()); again.ID == first.ID || again.TrackIdentifier != "video" {
			t.Errorf("%+v, first %+v", again, first)
		}
	})
}

// webrtc-stats section 4.3: the numbers of a stream go on. One that is not received for a while, as its
// transceiver is inactive, keeps its entry, and counts on where it was; its track is unmuted by the
// packets that come again.
func TestStatsOfAStreamThatPausesGoOn(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		seq := uint16(0)
		send := func() {
			for range 10 {
				seq++
				must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq), Marker: true}, Payload: []byte{0x10}}))
				_, _, err := remote.ReadRTP()
				must(t, err)
			}
		}
		exchange := func(d RTPTransceiverDirection) {
			must(t, sender.transceiver.SetDirection(d))
			negotiate(t, r.a, r.b)
			synctest.Wait()
		}
		media := func(s InboundRTPStreamStats) uint64 { return s.PacketsReceived - *s.RetransmittedPacketsReceived } // without probes
		send()
		before := one[InboundRTPStreamStats](t, r.b.GetStats())
		exchange(RTPTransceiverDirectionInactive)
		if paused := one[InboundRTPStreamStats](t, r.b.GetStats()); paused.ID != before.ID || media(paused) != 10 || !remote.Muted() {
			t.Errorf("while inactive %+v, before %+v; muted %v", paused, before, remote.Muted())
		}
		exchange(RTPTransceiverDirectionSendrecv)
		send()
		synctest.Wait()
		after := one[InboundRTPStreamStats](t, r.b.GetStats())
		if after.ID != before.ID || media(after) != 20 || *after.FramesReceived != 20 || after.PacketsLost != 0 || after.PacketsDiscarded != 0 {
			t.Errorf("afterwards %+v, before %+v", after, before)
		}
		if remote.Muted() {
			t.Error("the track is still muted")
		}
	})
}
