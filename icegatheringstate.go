package webrtc

// ICEGatheringState sums up what a connection's ICE gatherers are doing (webrtc-pc
// section 4.3.2, RTCIceGatheringState).
type ICEGatheringState int

const (
	// ICEGatheringStateUnknown is the zero value.
	ICEGatheringStateUnknown ICEGatheringState = iota
	// ICEGatheringStateNew means that gathering has not begun.
	ICEGatheringStateNew
	// ICEGatheringStateGathering means that candidates are being gathered.
	ICEGatheringStateGathering
	// ICEGatheringStateComplete means that gathering is over.
	ICEGatheringStateComplete
)

var iceGatheringStateText = enumText{
	ICEGatheringStateNew:       "new",
	ICEGatheringStateGathering: "gathering",
	ICEGatheringStateComplete:  "complete",
}

// NewICEGatheringState returns the state with the given name, or
// ICEGatheringStateUnknown.
func NewICEGatheringState(raw string) ICEGatheringState {
	return ICEGatheringState(iceGatheringStateText.valueOrUnknown(raw))
}

// String returns W3C's name of the value, or "unknown".
func (s ICEGatheringState) String() string {
	return iceGatheringStateText.name(int(s))
}
