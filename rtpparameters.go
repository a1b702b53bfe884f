package webrtc

// RTCPParameters say how RTCP is sent (webrtc-pc section 5.2.8, RTCRtcpParameters).
type RTCPParameters struct {
	// CNAME is the canonical name in SDES packets (RFC 3550 section 6.5.1). A
	// receiver's parameters leave it empty.
	CNAME string
	// ReducedSize says that RTCP packets need not be compound (RFC 5506).
	ReducedSize bool
}

// RTPParameters are what was negotiated for a sender or receiver (webrtc-pc
// section 5.2.3). All of them are read-only.
type RTPParameters struct {
	// HeaderExtensions are those that packets may have.
	HeaderExtensions []RTPHeaderExtensionParameter
	// Codecs are those that packets may be in, RTX, RED and FEC among them.
	Codecs []RTPCodecParameters
	// RTCP says how RTCP is sent.
	RTCP RTCPParameters
}

// clone returns a copy that shares no slice with p.
func (p RTPParameters) clone() RTPParameters {
	p.HeaderExtensions = append([]RTPHeaderExtensionParameter(nil), p.HeaderExtensions...)
	p.Codecs = cloneCodecs(p.Codecs)
	return p
}
