package webrtc

// ICEParameters are an end's credentials for ICE and what it says about itself
// (webrtc-pc section 5.6.3, RTCIceParameters).
type ICEParameters struct {
	// UsernameFragment has 4 to 256 characters (RFC 8839 section 5.4).
	UsernameFragment string `json:"usernameFragment"`
	// Password has 22 to 256 characters.
	Password string `json:"password"`
	// ICELite says that the end only answers checks (RFC 8445 section 2.5): see
	// [SettingEngine.SetLite].
	ICELite bool `json:"iceLite"`
}
