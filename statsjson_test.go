package webrtc

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// w3cStats is webrtc-stats: the members of each dictionary that this package has.
var w3cStats = map[StatsType]string{
	StatsTypePeerConnection: "dataChannelsOpened dataChannelsClosed",
	StatsTypeDataChannel: "label protocol dataChannelIdentifier state messagesSent bytesSent messagesReceived " +
		"bytesReceived",
	StatsTypeTransport: "packetsSent packetsReceived bytesSent bytesReceived iceRole iceLocalUsernameFragment dtlsState " +
		"iceState selectedCandidatePairId localCertificateId remoteCertificateId tlsVersion dtlsCipher dtlsRole " +
		"srtpCipher selectedCandidatePairChanges",
	StatsTypeLocalCandidate: "transportId address port protocol candidateType priority url relayProtocol foundation " +
		"relatedAddress relatedPort usernameFragment tcpType",
	StatsTypeCandidatePair: "transportId localCandidateId remoteCandidateId state nominated packetsSent packetsReceived " +
		"bytesSent bytesReceived lastPacketSentTimestamp lastPacketReceivedTimestamp totalRoundTripTime " +
		"currentRoundTripTime availableOutgoingBitrate requestsReceived requestsSent responsesReceived responsesSent consentRequestsSent " +
		"packetsDiscardedOnSend bytesDiscardedOnSend",
	StatsTypeCertificate: "fingerprint fingerprintAlgorithm base64Certificate issuerCertificateId",
	StatsTypeCodec:       "payloadType transportId mimeType clockRate channels sdpFmtpLine",
	StatsTypeInboundRTP: "ssrc kind transportId codecId packetsReceived packetsLost packetsDiscarded framesReceived jitter trackIdentifier mid remoteId " +
		"lastPacketReceivedTimestamp headerBytesReceived fecBytesReceived fecPacketsReceived bytesReceived nackCount firCount " +
		"pliCount estimatedPlayoutTimestamp audioLevel retransmittedPacketsReceived retransmittedBytesReceived rtxSsrc fecSsrc",
	StatsTypeOutboundRTP: "ssrc kind transportId codecId packetsSent bytesSent mid mediaSourceId remoteId rid encodingIndex " +
		"headerBytesSent retransmittedPacketsSent retransmittedBytesSent rtxSsrc targetBitrate framesSent totalPacketSendDelay " +
		"nackCount firCount pliCount active",
	StatsTypeRemoteInboundRTP: "ssrc kind transportId codecId packetsReceived packetsLost jitter localId roundTripTime " +
		"totalRoundTripTime fractionLost roundTripTimeMeasurements",
	StatsTypeRemoteOutboundRTP: "ssrc kind transportId codecId packetsSent bytesSent localId remoteTimestamp reportsSent",
	StatsTypeMediaSource:       "trackIdentifier kind",
}

// formerStats are members that W3C had once, or has in webrtc-provisional-stats,
// and pion has.
var formerStats = map[StatsType]string{
	StatsTypePeerConnection: "dataChannelsRequested dataChannelsAccepted",
	StatsTypeDataChannel:    "transportId",
	StatsTypeCandidatePair: "retransmissionsSent firstRequestTimestamp lastRequestTimestamp firstResponseTimestamp " +
		"lastResponseTimestamp firstRequestReceivedTimestamp lastRequestReceivedTimestamp",
	StatsTypeInboundRTP:    "rid",
	StatsTypeOutboundRTP:   "lastPacketSentTimestamp",
	StatsTypeSCTPTransport: "transportId smoothedRoundTripTime congestionWindow receiverWindow mtu bytesSent bytesReceived",
}

func statsTypes() map[StatsType]Stats {
	return map[StatsType]Stats{
		StatsTypePeerConnection: PeerConnectionStats{}, StatsTypeDataChannel: DataChannelStats{},
		StatsTypeTransport: TransportStats{}, StatsTypeLocalCandidate: ICECandidateStats{},
		StatsTypeCandidatePair: ICECandidatePairStats{}, StatsTypeCertificate: CertificateStats{},
		StatsTypeSCTPTransport: SCTPTransportStats{}, StatsTypeCodec: CodecStats{},
		StatsTypeInboundRTP: InboundRTPStreamStats{}, StatsTypeOutboundRTP: OutboundRTPStreamStats{},
		StatsTypeRemoteInboundRTP: RemoteInboundRTPStreamStats{}, StatsTypeRemoteOutboundRTP: RemoteOutboundRTPStreamStats{},
		StatsTypeMediaSource: VideoSourceStats{},
	}
}

// members returns the members that an entry has in JSON.
func members(t testing.TB, s Stats) map[string]any {
	t.Helper()
	text, err := json.Marshal(s)
	must(t, err)
	var m map[string]any
	must(t, json.Unmarshal(text, &m))
	return m
}

func TestStatsHaveTheNamesOfW3C(t *testing.T) {
	for kind, s := range statsTypes() {
		full := reflect.New(reflect.TypeOf(s)).Elem()
		for i := range full.NumField() {
			switch f := full.Field(i); f.Kind() {
			case reflect.Pointer:
				f.Set(reflect.New(f.Type().Elem()))
			case reflect.String:
				f.SetString("x")
			case reflect.Bool:
				f.SetBool(true)
			case reflect.Float64:
				f.SetFloat(1)
			default:
				f.Set(reflect.ValueOf(1).Convert(f.Type()))
			}
		}
		want := strings.Fields("timestamp type id " + w3cStats[kind] + " " + formerStats[kind])
		got := slices.Collect(maps.Keys(members(t, full.Interface().(Stats))))
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has\n%v, want\n%v", kind, got, want)
		}
	}
}

// webrtc-stats: "When a feature is not applicable to an instance of an object, it
// shall not exist. Do NOT report a count of zero, -1 or 'empty string'"; "When a
// feature is a cumulative measure and it has not been sampled yet, but is likely
// to increment in the future, report a count of zero".
func TestStatsLeaveOutWhatIsNotThere(t *testing.T) {
	present := map[StatsType]string{
		StatsTypePeerConnection: w3cStats[StatsTypePeerConnection] + " " + formerStats[StatsTypePeerConnection],
		StatsTypeDataChannel:    "label protocol state messagesSent bytesSent messagesReceived bytesReceived",
		StatsTypeTransport: "packetsSent packetsReceived bytesSent bytesReceived iceRole iceLocalUsernameFragment dtlsState " +
			"iceState dtlsRole selectedCandidatePairChanges",
		StatsTypeLocalCandidate: "transportId address port protocol candidateType priority",
		StatsTypeCandidatePair: "transportId localCandidateId remoteCandidateId state nominated packetsSent packetsReceived " +
			"bytesSent bytesReceived totalRoundTripTime requestsReceived requestsSent responsesReceived responsesSent " +
			"consentRequestsSent packetsDiscardedOnSend bytesDiscardedOnSend retransmissionsSent",
		StatsTypeCertificate:   "fingerprint fingerprintAlgorithm base64Certificate",
		StatsTypeSCTPTransport: "bytesSent bytesReceived",
		StatsTypeCodec:         "payloadType transportId mimeType",
		StatsTypeInboundRTP: "ssrc kind transportId trackIdentifier packetsReceived packetsLost packetsDiscarded jitter bytesReceived " +
			"headerBytesReceived nackCount",
		StatsTypeOutboundRTP: "ssrc kind transportId packetsSent bytesSent headerBytesSent retransmittedPacketsSent " +
			"retransmittedBytesSent totalPacketSendDelay nackCount active",
		StatsTypeRemoteInboundRTP: "ssrc kind transportId localId packetsReceived packetsLost jitter fractionLost " +
			"totalRoundTripTime roundTripTimeMeasurements",
		StatsTypeRemoteOutboundRTP: "ssrc kind transportId localId packetsSent bytesSent reportsSent",
		StatsTypeMediaSource:       "trackIdentifier kind",
	}
	for kind, s := range statsTypes() {
		want := strings.Fields("timestamp type id " + present[kind])
		got := slices.Collect(maps.Keys(members(t, s)))
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("an empty %s has\n%v, want\n%v", kind, got, want)
		}
	}
}

func TestStatsOfANewConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		report := r.a.GetStats()
		checkReport(t, report)
		if len(report) != 1 || one[PeerConnectionStats](t, report).ID != r.a.ID() {
			t.Errorf("a new connection has %v", report)
		}
		d, err := r.a.CreateDataChannel("", nil)
		must(t, err)
		s, ok := r.a.GetStats().GetDataChannelStats(d)
		if m := members(t, s); !ok || m["label"] != "" || m["state"] != "connecting" || m["dataChannelIdentifier"] != nil || m["transportId"] != nil {
			t.Errorf("a new channel: %v", m)
		}
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		synctest.Wait()
		report = r.a.GetStats()
		checkReport(t, report)
		transport := one[TransportStats](t, report)
		m := members(t, transport)
		for _, name := range strings.Fields("selectedCandidatePairId remoteCertificateId tlsVersion dtlsCipher srtpCipher") {
			if v, ok := m[name]; ok {
				t.Errorf("before the answer, %s is %v", name, v)
			}
		}
		if m["dtlsRole"] != "unknown" || m["dtlsState"] != "new" || m["iceState"] != "new" || m["iceRole"] != "controlling" || m["packetsSent"] != 0.0 {
			t.Errorf("before the answer: %v", m)
		}
		local := one[ICECandidateStats](t, report)
		if m := members(t, local); m["type"] != "local-candidate" || m["candidateType"] != "host" || m["address"] != "192.0.2.1" ||
			m["relatedAddress"] != nil || m["relatedPort"] != nil || m["url"] != nil || m["tcpType"] != nil {
			t.Errorf("the host candidate: %v", m)
		}
		if n := len(entries[SCTPTransportStats](report)); n != 0 {
			t.Errorf("%d associations before the answer", n)
		}
	})
}

func TestStatsReadBackTheirJSON(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		time.Sleep(3 * time.Second)
		for id, s := range r.a.GetStats() {
			text, err := json.Marshal(s)
			must(t, err)
			again, err := UnmarshalStatsJSON(text)
			if err != nil || !reflect.DeepEqual(again, s) {
				t.Errorf("%s: %v, %+v, want %+v", id, err, again, s)
			}
		}
	})
	if _, err := UnmarshalStatsJSON([]byte(`{"type":"unheard-of"}`)); !errors.Is(err, ErrUnknownType) {
		t.Errorf("unknown type: %v", err)
	}
	for _, bad := range []string{"", "[]", `{"type":"transport","packetsSent":"x"}`} {
		if s, err := UnmarshalStatsJSON([]byte(bad)); err == nil || s != nil {
			t.Errorf("%q: %v, %v", bad, s, err)
		}
	}
}

func TestStatsTimestampsKeepMicroseconds(t *testing.T) {
	at := time.Date(2026, 11, 23, 6, 45, 45, 123_456_000, time.UTC)
	s := newStatsTimestamp(at)
	if !s.Time().Equal(at) || float64(s) != float64(at.UnixMicro())/1000 {
		t.Errorf("%v is %v, %v", at, float64(s), s.Time())
	}
	if newStatsTimestamp(time.Time{}) != 0 {
		t.Error("the zero time is not absent")
	}
}
