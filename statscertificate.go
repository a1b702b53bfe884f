package webrtc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// CertificateStats describe a certificate of either end, or one of its issuers
// that the peer sent along (webrtc-stats section 8.20, RTCCertificateStats).
type CertificateStats struct {
	// Timestamp is when the report was made.
	Timestamp StatsTimestamp `json:"timestamp"`
	// Type is StatsTypeCertificate.
	Type StatsType `json:"type"`
	// ID is the key in the report.
	ID string `json:"id"`

	// Fingerprint is the hash of the certificate in upper-case hexadecimal with
	// colons (RFC 4572 section 5).
	Fingerprint string `json:"fingerprint"`
	// FingerprintAlgorithm is "sha-256".
	FingerprintAlgorithm string `json:"fingerprintAlgorithm"`
	// Base64Certificate is the certificate's DER form in base64.
	Base64Certificate string `json:"base64Certificate"`
	// IssuerCertificateID refers to the next certificate of the chain; "" at its
	// end.
	IssuerCertificateID string `json:"issuerCertificateId,omitempty"`
}

func (CertificateStats) statsMarker()           {}
func (s CertificateStats) entryID() string      { return s.ID }
func (s CertificateStats) references() []string { return statsRefs(s.IssuerCertificateID) }

// certificateStatsID is the same wherever a certificate is used.
func certificateStatsID(der []byte) string {
	sum := sha256.Sum256(der)
	return "CF" + hex.EncodeToString(sum[:])
}

// addCertificates adds a chain, DER, leaf first, and returns the leaf's ID.
func (c *statsCollector) addCertificates(chain [][]byte) string {
	issuer := ""
	for i := len(chain) - 1; i >= 0; i-- {
		sum := sha256.Sum256(chain[i])
		s := CertificateStats{
			Timestamp: c.now, Type: StatsTypeCertificate, ID: certificateStatsID(chain[i]),
			Fingerprint: strings.ToUpper(colonHex(sum[:])), FingerprintAlgorithm: "sha-256",
			Base64Certificate: base64.StdEncoding.EncodeToString(chain[i]),
		}
		if issuer != s.ID {
			s.IssuerCertificateID = issuer
		}
		c.add(s)
		issuer = s.ID
	}
	return issuer
}
