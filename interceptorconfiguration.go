package webrtc

import (
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/flexfec"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/rfc8888"
	"github.com/pion/interceptor/pkg/stats"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/logging"
)

// The functions of this file have the names and signatures of pion/webrtc's, so that
// programs which set up interceptors go on to compile. A connection makes reports,
// NACKs, retransmissions and transport-wide feedback itself, and counts itself. So
// they only register what has to be negotiated, and add no interceptor that would do
// the same again; options for such interceptors are taken and have no effect. Three do
// what a connection does not, or not then: ConfigureFlexFEC03,
// ConfigureCongestionControlFeedback and ConfigureTWCCHeaderExtensionSender add pion's
// interceptors.

// InterceptorOption is an option of RegisterDefaultInterceptorsWithOptions. It has no
// effect: the interceptors that it is for are not used.
type InterceptorOption func(*interceptorOptions)

type interceptorOptions struct{}

func withoutEffect(*interceptorOptions) {}

// WithInterceptorLoggerFactory has no effect; see [InterceptorOption].
func WithInterceptorLoggerFactory(logging.LoggerFactory) InterceptorOption { return withoutEffect }

// WithNackGeneratorOptions has no effect; see [InterceptorOption].
func WithNackGeneratorOptions(...nack.GeneratorOption) InterceptorOption { return withoutEffect }

// WithNackResponderOptions has no effect; see [InterceptorOption].
func WithNackResponderOptions(...nack.ResponderOption) InterceptorOption { return withoutEffect }

// WithReportReceiverOptions has no effect; see [InterceptorOption].
func WithReportReceiverOptions(...report.ReceiverOption) InterceptorOption { return withoutEffect }

// WithReportSenderOptions has no effect; see [InterceptorOption].
func WithReportSenderOptions(...report.SenderOption) InterceptorOption { return withoutEffect }

// WithStatsInterceptorOptions has no effect; see [InterceptorOption].
func WithStatsInterceptorOptions(...stats.Option) InterceptorOption { return withoutEffect }

// WithTWCCOptions has no effect; see [InterceptorOption].
func WithTWCCOptions(...twcc.Option) InterceptorOption { return withoutEffect }

// RegisterDefaultInterceptors registers the feedback and the header extensions of
// what a connection does by default: NACK and PLI, transport-wide feedback, and the
// identifiers of simulcast. The registry stays as it is.
func RegisterDefaultInterceptors(mediaEngine *MediaEngine, interceptorRegistry *interceptor.Registry) error {
	return RegisterDefaultInterceptorsWithOptions(mediaEngine, interceptorRegistry)
}

// RegisterDefaultInterceptorsWithOptions is RegisterDefaultInterceptors: the options
// have no effect.
func RegisterDefaultInterceptorsWithOptions(mediaEngine *MediaEngine, interceptorRegistry *interceptor.Registry, _ ...InterceptorOption) error {
	if err := ConfigureNack(mediaEngine, interceptorRegistry); err != nil {
		return err
	}
	if err := ConfigureSimulcastExtensionHeaders(mediaEngine); err != nil {
		return err
	}
	return ConfigureTWCCSender(mediaEngine, interceptorRegistry)
}

// ConfigureStatsInterceptor does nothing: see [PeerConnection.GetStats].
func ConfigureStatsInterceptor(*interceptor.Registry) error { return nil }

// ConfigureStatsInterceptorWithOptions does nothing: see [PeerConnection.GetStats].
func ConfigureStatsInterceptorWithOptions(*interceptor.Registry, ...stats.Option) error { return nil }

// ConfigureRTCPReports does nothing: a connection always sends sender and receiver
// reports (RFC 3550 section 6.4).
func ConfigureRTCPReports(*interceptor.Registry) error { return nil }

// ConfigureRTCPReportsWithOptions does nothing, as ConfigureRTCPReports.
func ConfigureRTCPReportsWithOptions(*interceptor.Registry, []report.ReceiverOption, ...report.SenderOption) error {
	return nil
}

// ConfigureNack registers NACK and PLI for the video codecs that are registered
// (RFC 4585 section 4.2). What was negotiated is then asked for, and answered.
func ConfigureNack(mediaEngine *MediaEngine, interceptorRegistry *interceptor.Registry) error {
	return ConfigureNackWithOptions(mediaEngine, interceptorRegistry, nil)
}

// ConfigureNackWithOptions is ConfigureNack: the options have no effect.
func ConfigureNackWithOptions(mediaEngine *MediaEngine, _ *interceptor.Registry, _ []nack.GeneratorOption, _ ...nack.ResponderOption) error {
	mediaEngine.RegisterFeedback(RTCPFeedback{Type: TypeRTCPFBNACK}, RTPCodecTypeVideo)
	mediaEngine.RegisterFeedback(RTCPFeedback{Type: TypeRTCPFBNACK, Parameter: "pli"}, RTPCodecTypeVideo)
	return nil
}

// ConfigureTWCCHeaderExtensionSender is for programs with a congestion controller of
// their own, such as pion's cc with gcc: it registers the header extension of
// transport-wide sequence numbers
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2), and adds pion's
// interceptor that writes them. A connection leaves the path to the program then: it
// does not pace, and has no estimate for OnTargetBitrate. What it sends itself, such as
// retransmissions, has no number. The feedback of the peer comes by [RTPSender.Read],
// which the program has to call.
//
// Without it a connection numbers and paces its packets, where the peer gives the
// feedback for it.
func ConfigureTWCCHeaderExtensionSender(mediaEngine *MediaEngine, interceptorRegistry *interceptor.Registry) error {
	numbering, err := twcc.NewHeaderExtensionInterceptor()
	if err != nil {
		return newError(KindOperation, "configure transport-wide sequence numbers", err)
	}
	if err := registerTransportNumbers(mediaEngine); err != nil {
		return err
	}
	interceptorRegistry.Add(numbering)
	return nil
}

func registerTransportNumbers(mediaEngine *MediaEngine) error {
	for _, kind := range []RTPCodecType{RTPCodecTypeVideo, RTPCodecTypeAudio} {
		if err := mediaEngine.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uriTransportCC}, kind); err != nil {
			return err
		}
	}
	return nil
}

// ConfigureTWCCSender registers transport-wide feedback and its header extension for
// the codecs that are registered
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3).
func ConfigureTWCCSender(mediaEngine *MediaEngine, interceptorRegistry *interceptor.Registry) error {
	return ConfigureTWCCSenderWithOptions(mediaEngine, interceptorRegistry)
}

// ConfigureTWCCSenderWithOptions is ConfigureTWCCSender: the options have no effect.
func ConfigureTWCCSenderWithOptions(mediaEngine *MediaEngine, _ *interceptor.Registry, _ ...twcc.Option) error {
	mediaEngine.RegisterFeedback(RTCPFeedback{Type: TypeRTCPFBTransportCC}, RTPCodecTypeVideo)
	mediaEngine.RegisterFeedback(RTCPFeedback{Type: TypeRTCPFBTransportCC}, RTPCodecTypeAudio)
	return registerTransportNumbers(mediaEngine)
}

// ConfigureCongestionControlFeedback registers the feedback of RFC 8888, and adds
// pion's interceptor that sends it about the packets of the tracks that are read.
func ConfigureCongestionControlFeedback(mediaEngine *MediaEngine, interceptorRegistry *interceptor.Registry) error {
	return ConfigureCongestionControlFeedbackWithOptions(mediaEngine, interceptorRegistry)
}

// ConfigureCongestionControlFeedbackWithOptions is
// ConfigureCongestionControlFeedback with options of the interceptor.
func ConfigureCongestionControlFeedbackWithOptions(mediaEngine *MediaEngine, interceptorRegistry *interceptor.Registry, opts ...rfc8888.Option) error {
	mediaEngine.RegisterFeedback(RTCPFeedback{Type: TypeRTCPFBACK, Parameter: "ccfb"}, RTPCodecTypeVideo)
	mediaEngine.RegisterFeedback(RTCPFeedback{Type: TypeRTCPFBACK, Parameter: "ccfb"}, RTPCodecTypeAudio)
	generator, err := rfc8888.NewSenderInterceptor(opts...)
	if err != nil {
		return newError(KindOperation, "configure congestion control feedback", err)
	}
	interceptorRegistry.Add(generator)
	return nil
}

// ConfigureSimulcastExtensionHeaders registers the header extensions that name
// m-line and layer (RFC 9143 section 15, RFC 8852). They are negotiated even without
// it.
func ConfigureSimulcastExtensionHeaders(mediaEngine *MediaEngine) error {
	for _, uri := range []string{uriMID, uriRID, uriRepairedRID} {
		if err := mediaEngine.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uri}, RTPCodecTypeVideo); err != nil {
			return err
		}
	}
	return nil
}

// ConfigureFlexFEC03 registers forward error correction
// (draft-ietf-payload-flexible-fec-scheme-03) under a payload type, and adds pion's
// interceptor that makes it of the video that is sent.
func ConfigureFlexFEC03(payloadType PayloadType, mediaEngine *MediaEngine, interceptorRegistry *interceptor.Registry, options ...flexfec.FecOption) error {
	codec := RTPCodecParameters{
		RTPCodecCapability: RTPCodecCapability{MimeType: MimeTypeFlexFEC03, ClockRate: 90000, SDPFmtpLine: "repair-window=10000000"},
		PayloadType:        payloadType,
	}
	if err := mediaEngine.RegisterCodec(codec, RTPCodecTypeVideo); err != nil {
		return err
	}
	generator, err := flexfec.NewFecInterceptor(options...)
	if err != nil {
		return newError(KindOperation, "configure FlexFEC-03", err)
	}
	interceptorRegistry.Add(generator)
	return nil
}
