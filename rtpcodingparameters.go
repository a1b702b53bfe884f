package webrtc

// RTPRtxParameters say how packets are sent again (ORTC section 9.9).
type RTPRtxParameters struct {
	// SSRC is that of the retransmission stream (RFC 4588 section 5).
	SSRC SSRC `json:"ssrc"`
}

// RTPFecParameters say how packets are protected (ORTC section 9.8).
type RTPFecParameters struct {
	// SSRC is that of the stream of forward error correction.
	SSRC SSRC `json:"ssrc"`
}

// RTPCodingParameters are common to the encodings of senders and receivers
// (webrtc-pc section 5.2.6; SSRC, PayloadType, RTX and FEC: ORTC section 9.6).
// All are read-only once the sender exists.
type RTPCodingParameters struct {
	// RID is the restriction identifier of a simulcast layer: letters, digits,
	// "-" and "_" (RFC 8851 section 10).
	RID string `json:"rid"`
	// SSRC is that of the stream. A program may choose it in
	// RTPTransceiverInit.SendEncodings; 0 leaves the choice to the connection.
	SSRC SSRC `json:"ssrc"`
	// PayloadType is the number of the codec in use, 0 while it is not known.
	PayloadType PayloadType `json:"payloadType"`
	// RTX is about packets that are sent again.
	RTX RTPRtxParameters `json:"rtx"`
	// FEC is about forward error correction.
	FEC RTPFecParameters `json:"fec"`
}
