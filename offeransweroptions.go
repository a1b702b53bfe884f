package webrtc

// OfferAnswerOptions holds what OfferOptions and AnswerOptions have in common
// (webrtc-pc section 4.2.6, RTCOfferAnswerOptions).
type OfferAnswerOptions struct {
	// VoiceActivityDetection is accepted and has no effect: W3C has dropped it.
	VoiceActivityDetection bool
	// ICETricklingSupported is accepted and has no effect:
	// a=ice-options:trickle is always in the SDP (RFC 9429 section 5.2.1).
	ICETricklingSupported bool
}

// OfferOptions are the options of CreateOffer (webrtc-pc section 4.2.6,
// RTCOfferOptions).
type OfferOptions struct {
	OfferAnswerOptions
	// ICERestart makes an offer with new ICE credentials, so that the transports
	// look for a path anew (RFC 8445 section 9). Data goes on over the old path
	// until there is one. See PeerConnection.RestartICE.
	ICERestart bool
	// OfferToReceiveAudio, unless nil, says whether the offer is to receive audio.
	// True adds a transceiver that receives where none does; false takes receiving
	// away from those there are (webrtc-pc section 4.4.3.2).
	//
	// Deprecated: use AddTransceiverFromKind and SetDirection.
	OfferToReceiveAudio *bool
	// OfferToReceiveVideo is OfferToReceiveAudio for video.
	//
	// Deprecated: use AddTransceiverFromKind and SetDirection.
	OfferToReceiveVideo *bool
}

// AnswerOptions are the options of CreateAnswer (webrtc-pc section 4.2.6,
// RTCAnswerOptions).
type AnswerOptions struct {
	OfferAnswerOptions
}
