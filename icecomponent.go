package webrtc

// ICEComponent is one of the streams of a transport (RFC 8445 section 4;
// webrtc-pc section 5.6.8, RTCIceComponent). With rtcp-mux and for data there is
// only the first.
type ICEComponent int

const (
	// ICEComponentUnknown is the zero value.
	ICEComponentUnknown ICEComponent = iota
	// ICEComponentRTP is component 1: RTP, everything multiplexed with it, or
	// DTLS.
	ICEComponentRTP
	// ICEComponentRTCP is component 2: RTCP that is not multiplexed.
	ICEComponentRTCP
)

var iceComponentText = enumText{
	ICEComponentRTP:  "rtp",
	ICEComponentRTCP: "rtcp",
}

// String returns W3C's name of the value, or "unknown".
func (c ICEComponent) String() string {
	return iceComponentText.name(int(c))
}
