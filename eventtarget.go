package webrtc

// eventSource is an event to which listeners can be added.
type eventSource interface {
	listen(listener any) (remove func(), ok bool)
}

// addEventListener adds a listener to the named event of an object.
func addEventListener(events map[string]eventSource, event string, listener any) (remove func(), err error) {
	const op = "add event listener"
	source, ok := events[event]
	if !ok {
		return nil, errorf(KindTypeError, op, "there is no event %q here", event)
	}
	remove, ok = source.listen(listener)
	if !ok {
		return nil, errorf(KindTypeError, op, "event %q: %T is not the type of the handler", event, listener)
	}
	return remove, nil
}

// AddEventListener adds a listener for an event under W3C's name, such as
// "datachannel". listener is a function of the type that the event's OnX method
// takes. Listeners run after the handler, in the order of their addition, on
// the same goroutine; those for "track" get a goroutine each, as its handler
// does. remove takes the listener away. It returns a TypeError for an unknown
// event and for a listener of another type.
//
// See https://dom.spec.whatwg.org/#dom-eventtarget-addeventlistener
func (pc *PeerConnection) AddEventListener(event string, listener any) (remove func(), err error) {
	return addEventListener(map[string]eventSource{
		"signalingstatechange":     &pc.onSignalingStateChange,
		"icegatheringstatechange":  &pc.onICEGatheringStateChange,
		"iceconnectionstatechange": &pc.onICEConnectionStateChange,
		"connectionstatechange":    &pc.onConnectionStateChange,
		"icecandidate":             &pc.onICECandidate,
		"icecandidateerror":        &pc.onICECandidateError,
		"negotiationneeded":        &pc.onNegotiationNeeded,
		"datachannel":              &pc.onDataChannel,
		"track":                    &pc.onTrack,
		"targetbitrate":            &pc.onTargetBitrate,
		"addstream":                &pc.legacy.onAddStream,
		"removestream":             &pc.legacy.onRemoveStream,
	}, event, listener)
}

// AddEventListener adds a listener for open, message, bufferedamountlow,
// closing, close or error. See [PeerConnection.AddEventListener]. Those for open
// get a goroutine of their own, as its handler does.
func (d *DataChannel) AddEventListener(event string, listener any) (remove func(), err error) {
	return addEventListener(map[string]eventSource{
		"open":              &d.opened,
		"message":           &d.onMessage,
		"bufferedamountlow": &d.onBufferedAmountLow,
		"closing":           &d.onClosing,
		"close":             &d.onClose,
		"error":             &d.onError,
	}, event, listener)
}

// AddEventListener adds a listener for statechange, gatheringstatechange or
// selectedcandidatepairchange. See [PeerConnection.AddEventListener].
func (t *ICETransport) AddEventListener(event string, listener any) (remove func(), err error) {
	return addEventListener(map[string]eventSource{
		"statechange":                 &t.onConnectionStateChange,
		"gatheringstatechange":        &t.onGatheringStateChange,
		"selectedcandidatepairchange": &t.onSelectedPairChange,
	}, event, listener)
}

// AddEventListener adds a listener for statechange or error. See
// [PeerConnection.AddEventListener].
func (t *DTLSTransport) AddEventListener(event string, listener any) (remove func(), err error) {
	return addEventListener(map[string]eventSource{
		"statechange": &t.onStateChange, "error": &t.onError,
	}, event, listener)
}

// AddEventListener adds a listener for mute, unmute or ended. See
// [PeerConnection.AddEventListener].
func (t *TrackRemote) AddEventListener(event string, listener any) (remove func(), err error) {
	return addEventListener(map[string]eventSource{
		"mute": &t.onMute, "unmute": &t.onUnmute, "ended": &t.onEnded,
	}, event, listener)
}

// AddEventListener adds a listener for tonechange. See
// [PeerConnection.AddEventListener].
func (d *DTMFSender) AddEventListener(event string, listener any) (remove func(), err error) {
	return addEventListener(map[string]eventSource{"tonechange": &d.onToneChange}, event, listener)
}

// AddEventListener adds a listener for statechange. See
// [PeerConnection.AddEventListener].
func (t *SCTPTransport) AddEventListener(event string, listener any) (remove func(), err error) {
	return addEventListener(map[string]eventSource{"statechange": &t.onStateChange}, event, listener)
}
