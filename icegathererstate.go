package webrtc

// ICEGathererState is the state of one ICEGatherer (ORTC section 2.4.3,
// RTCIceGathererState).
type ICEGathererState uint32

const (
	// ICEGathererStateUnknown is the zero value.
	ICEGathererStateUnknown ICEGathererState = iota
	// ICEGathererStateNew means that gathering has not begun.
	ICEGathererStateNew
	// ICEGathererStateGathering means that candidates are being gathered.
	ICEGathererStateGathering
	// ICEGathererStateComplete means that gathering is over.
	ICEGathererStateComplete
	// ICEGathererStateClosed means that the gatherer is closed.
	ICEGathererStateClosed
)

var iceGathererStateText = enumText{
	ICEGathererStateNew:       "new",
	ICEGathererStateGathering: "gathering",
	ICEGathererStateComplete:  "complete",
	ICEGathererStateClosed:    "closed",
}

// String returns W3C's name of the value, or "unknown".
func (s ICEGathererState) String() string {
	return iceGathererStateText.name(int(s))
}
