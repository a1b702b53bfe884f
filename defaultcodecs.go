package webrtc

import "strconv"

// videoFeedback is the RTCP feedback of the default video codecs.
var videoFeedback = []RTCPFeedback{
	{Type: TypeRTCPFBGoogREMB},
	{Type: TypeRTCPFBCCM, Parameter: "fir"},
	{Type: TypeRTCPFBNACK},
	{Type: TypeRTCPFBNACK, Parameter: "pli"},
}

// defaultFormat is a line of the tables below.
type defaultFormat struct {
	mimeType    string
	clockRate   uint32
	channels    uint16
	fmtp        string
	payloadType PayloadType
	rtx         PayloadType // of its retransmissions; 0: none
	feedback    []RTCPFeedback
}

// defaultAudio and defaultVideo are the default codecs in the order of
// preference, under the payload types that pion and browsers use.
var (
	defaultAudio = []defaultFormat{
		{mimeType: MimeTypeOpus, clockRate: 48000, channels: 2, fmtp: "minptime=10;useinbandfec=1", payloadType: 111},
		{mimeType: MimeTypeG722, clockRate: 8000, payloadType: 9},
		{mimeType: MimeTypePCMU, clockRate: 8000, payloadType: 0},
		{mimeType: MimeTypePCMA, clockRate: 8000, payloadType: 8},
		{mimeType: MimeTypeTelephoneEvent, clockRate: 48000, fmtp: "0-15", payloadType: 110},
		{mimeType: MimeTypeTelephoneEvent, clockRate: 8000, fmtp: "0-15", payloadType: 126},
	}
	defaultVideo = []defaultFormat{
		{mimeType: MimeTypeVP8, payloadType: 96, rtx: 97, feedback: videoFeedback},
		h264(102, 103, "packetization-mode=1;profile-level-id=42001f"),
		h264(104, 105, "packetization-mode=0;profile-level-id=42001f"),
		h264(106, 107, "packetization-mode=1;profile-level-id=42e01f"),
		h264(108, 109, "packetization-mode=0;profile-level-id=42e01f"),
		h264(127, 125, "packetization-mode=1;profile-level-id=4d001f"),
		h264(39, 40, "packetization-mode=0;profile-level-id=4d001f"),
		{mimeType: MimeTypeH265, payloadType: 116, rtx: 117, feedback: videoFeedback},
		{mimeType: MimeTypeAV1, payloadType: 45, rtx: 46, feedback: videoFeedback},
		{mimeType: MimeTypeVP9, fmtp: "profile-id=0", payloadType: 98, rtx: 99, feedback: videoFeedback},
		{mimeType: MimeTypeVP9, fmtp: "profile-id=2", payloadType: 100, rtx: 101, feedback: videoFeedback},
		h264(112, 113, "packetization-mode=1;profile-level-id=64001f"),
	}
	defaultErrorCorrection = []defaultFormat{
		{mimeType: MimeTypeRED, payloadType: 114, rtx: 115},
		{mimeType: MimeTypeUlpFEC, payloadType: 118},
		{mimeType: MimeTypeFlexFEC03, fmtp: "repair-window=10000000", payloadType: 49},
	}
)

func h264(payloadType, rtx PayloadType, fmtp string) defaultFormat {
	return defaultFormat{mimeType: MimeTypeH264, fmtp: "level-asymmetry-allowed=1;" + fmtp, payloadType: payloadType, rtx: rtx, feedback: videoFeedback}
}

// videoClockRate is that of every video format (RFC 6184 section 8.1, RFC 7741
// section 6.1 and their like).
const videoClockRate = 90000

// RegisterDefaultCodecs adds the codecs that browsers have: Opus, G722, PCMU,
// PCMA and telephone-event; VP8, H264, H265, AV1 and VP9, each with RTX. What is registered before keeps its payload type and its
// parameters; one of these numbers under another codec is an InvalidAccessError
// (ErrCodecAlreadyRegistered).
func (m *MediaEngine) RegisterDefaultCodecs() error {
	for _, f := range defaultAudio {
		if err := m.registerDefault(f, RTPCodecTypeAudio); err != nil {
			return err
		}
	}
	return m.registerVideo(defaultVideo)
}

// RegisterErrorCorrectionCodecs adds RED, ULPFEC and FlexFEC-03 for video, which
// RegisterDefaultCodecs leaves out: a browser that may, sends protection with every
// frame, and this package does not recover packets from it. It is for programs that
// forward it or do that themselves. Packets in RED are unwrapped: their codec is the
// one inside.
func (m *MediaEngine) RegisterErrorCorrectionCodecs() error {
	return m.registerVideo(defaultErrorCorrection)
}

func (m *MediaEngine) registerVideo(formats []defaultFormat) error {
	for _, f := range formats {
		f.clockRate = videoClockRate
		if err := m.registerDefault(f, RTPCodecTypeVideo); err != nil {
			return err
		}
		if f.rtx == 0 {
			continue
		}
		rtx := defaultFormat{mimeType: MimeTypeRTX, clockRate: videoClockRate, fmtp: "apt=" + strconv.Itoa(int(f.payloadType)), payloadType: f.rtx}
		if err := m.registerDefault(rtx, RTPCodecTypeVideo); err != nil {
			return err
		}
	}
	return nil
}

// registerDefault registers one format, unless the program has given its number
// to another form of the same codec.
func (m *MediaEngine) registerDefault(f defaultFormat, typ RTPCodecType) error {
	codec := RTPCodecParameters{
		RTPCodecCapability: RTPCodecCapability{
			MimeType:     f.mimeType,
			ClockRate:    f.clockRate,
			Channels:     f.channels,
			SDPFmtpLine:  f.fmtp,
			RTCPFeedback: f.feedback,
		},
		PayloadType: f.payloadType,
	}
	media, err := m.of(typ)
	if err != nil {
		return err
	}
	if other := media.find(codec); other != nil && other.is(codec.MimeType) {
		return nil
	}
	return reop("register default codecs", m.RegisterCodec(codec, typ))
}

// newDefaultMediaEngine is the engine of an API without one: the default codecs,
// transport-wide congestion control, the audio level of sources (RFC 6464), and the
// colour space, without which browsers decode VP9 and AV1 too dark. Not
// video-orientation and playout-delay: who negotiates them has to obey them, or to
// hand them on under the numbers of each receiver; without the former a phone turns
// its pictures itself.
func newDefaultMediaEngine() (*MediaEngine, error) {
	m := &MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	for _, typ := range []RTPCodecType{RTPCodecTypeAudio, RTPCodecTypeVideo} {
		m.RegisterFeedback(RTCPFeedback{Type: TypeRTCPFBTransportCC}, typ)
		if err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uriTransportCC}, typ); err != nil {
			return nil, err
		}
	}
	for uri, typ := range map[string]RTPCodecType{uriAudioLevel: RTPCodecTypeAudio, uriColorSpace: RTPCodecTypeVideo} {
		if err := m.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uri}, typ); err != nil {
			return nil, err
		}
	}
	return m, nil
}
