package relay

import "github.com/passerelle-rtc/webrtc"

// transportCC numbers the packets of a transport
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2).
const transportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// NewMediaEngine has one codec for each kind, VP8 and Opus: all who watch have to
// understand it, and programs that switch have to find key frames in it. The header
// extensions that tell layers of simulcast apart (RFC 8852) are always there; that of
// transport-wide feedback has to be asked for, as the feedback itself: without the
// numbers in it a peer reports losses only, and no probe shows what else the path
// carries.
func NewMediaEngine() (*webrtc.MediaEngine, error) {
	engine := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "transport-cc"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	codecs := map[webrtc.RTPCodecType][]webrtc.RTPCodecParameters{
		webrtc.RTPCodecTypeAudio: {{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			RTCPFeedback: feedback[:1]}}},
		webrtc.RTPCodecTypeVideo: {{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback}},
			{PayloadType: 97, RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: "apt=96"}}},
	}
	for kind, list := range codecs {
		for _, codec := range list {
			if err := engine.RegisterCodec(codec, kind); err != nil {
				return nil, err
			}
		}
		numbers := webrtc.RTPHeaderExtensionCapability{URI: transportCC}
		if err := engine.RegisterHeaderExtension(numbers, kind); err != nil {
			return nil, err
		}
	}
	return engine, nil
}
