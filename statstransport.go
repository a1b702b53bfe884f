package webrtc

import (
	"fmt"

	"github.com/passerelle-rtc/webrtc/internal/dtls"
)

// TransportStats are the numbers of an ICE transport and the DTLS transport on it
// (webrtc-stats section 8.17, RTCTransportStats). The report has one for each
// transport that an m-line uses or used.
type TransportStats struct {
	// Timestamp is when the numbers were taken.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeTransport.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// PacketsSent counts the DTLS and SRTP packets that the network took: no STUN,
	// and none that had to be dropped.
	PacketsSent uint64 `json:"packetsSent"`
	// PacketsReceived counts the DTLS and SRTP packets that came from addresses
	// which ICE has validated.
	PacketsReceived uint64 `json:"packetsReceived"`
	// BytesSent are the bytes of PacketsSent, without UDP and IP headers.
	BytesSent uint64 `json:"bytesSent"`
	// BytesReceived are the bytes of PacketsReceived, without UDP and IP headers.
	BytesReceived uint64 `json:"bytesReceived"`
	// ICERole is the present role.
	ICERole ICERole `json:"iceRole"`
	// ICELocalUsernameFragment is what the peer's checks are to name.
	ICELocalUsernameFragment string `json:"iceLocalUsernameFragment"`
	// DTLSState is the present state of the DTLS transport.
	DTLSState DTLSTransportState `json:"dtlsState"`
	// ICEState is the present state of the ICE transport.
	ICEState ICETransportState `json:"iceState"`
	// SelectedCandidatePairID refers to the pair that carries the data; "" while
	// there is none.
	SelectedCandidatePairID string `json:"selectedCandidatePairId,omitempty"`
	// SelectedCandidatePairChanges counts how often there came to be another pair
	// to carry the data, or none.
	SelectedCandidatePairChanges uint32 `json:"selectedCandidatePairChanges"`
	// LocalCertificateID refers to the certificate of this end.
	LocalCertificateID string `json:"localCertificateId,omitempty"`
	// RemoteCertificateID refers to the peer's certificate; "" until DTLS is
	// connected.
	RemoteCertificateID string `json:"remoteCertificateId,omitempty"`
	// TLSVersion is "FEFD", DTLS 1.2, or "" until DTLS is connected.
	TLSVersion string `json:"tlsVersion,omitempty"`
	// DTLSCipher is the IANA name of the cipher suite, or "" until DTLS is
	// connected.
	DTLSCipher string `json:"dtlsCipher,omitempty"`
	// DTLSRole is "client" or "server", or "unknown" before the handshake starts
	// (RTCDtlsRole).
	DTLSRole string `json:"dtlsRole"`
	// SRTPCipher is the IANA name of the protection profile (RFC 5764 section
	// 4.1.2, RFC 7714 section 14.2), or "" until DTLS is connected, and if none was
	// negotiated.
	SRTPCipher string `json:"srtpCipher,omitempty"`
}

func (TransportStats) statsMarker()      {}
func (s TransportStats) entryID() string { return s.ID }
func (s TransportStats) references() []string {
	return statsRefs(s.SelectedCandidatePairID, s.LocalCertificateID, s.RemoteCertificateID)
}

// srtpProfileNames are those of IANA's registry of DTLS-SRTP protection profiles.
var srtpProfileNames = map[dtls.SRTPProfile]string{
	dtls.AES128_CM_SHA1_80: "SRTP_AES128_CM_HMAC_SHA1_80",
	dtls.AEAD_AES_128_GCM:  "SRTP_AEAD_AES_128_GCM",
	dtls.AEAD_AES_256_GCM:  "SRTP_AEAD_AES_256_GCM",
}

// collectStats adds the transport, its certificates, candidates and pairs. On the
// loop.
func (t *DTLSTransport) collectStats(c *statsCollector) {
	i := t.ice
	view := i.statsView()
	received := &i.traffic.received
	sent := i.traffic.sent.Stats()
	s := TransportStats{
		Timestamp: c.now, Type: StatsTypeTransport, ID: i.statsID,
		PacketsSent: sent.Sent, BytesSent: sent.SentBytes,
		PacketsReceived: received.packets.Load(), BytesReceived: received.bytes.Load(),
		ICERole: i.role, ICEState: i.state, ICELocalUsernameFragment: view.ufrag,
		SelectedCandidatePairChanges: i.selectedChanges,
		DTLSState:                    t.state, DTLSRole: unknownText,
	}
	if t.certificate.x509Cert != nil {
		s.LocalCertificateID = c.addCertificates([][]byte{t.certificate.x509Cert.Raw})
	}
	if a := t.association; a != nil {
		s.DTLSRole = a.Role().String()
		if t.published.latest().remoteCertificates != nil {
			s.RemoteCertificateID = c.addCertificates(a.PeerCertificates())
			s.TLSVersion = fmt.Sprintf("%04X", a.Version())
			s.DTLSCipher = dtls.CipherSuiteName(a.CipherSuite())
			profile, _ := a.SelectedSRTPProfile()
			s.SRTPCipher = srtpProfileNames[profile]
		}
	}
	s.SelectedCandidatePairID = i.collectPairs(c, &view)
	if pair, ok := lookUp[ICECandidatePairStats](c.report, s.SelectedCandidatePairID); ok {
		pair.AvailableOutgoingBitrate = t.rtp.availableBitrate()
		c.add(pair)
	}
	c.add(s)
}
