package jsep

// State is the signaling state of W3C webrtc-pc section 4.3.1 (RTCSignalingState).
type State uint8

// The signaling states. Closed is final: nothing leaves it.
const (
	Stable             State = iota // no offer is outstanding
	HaveLocalOffer                  // our offer waits for an answer
	HaveRemoteOffer                 // the peer's offer waits for our answer
	HaveLocalPranswer               // we answered provisionally
	HaveRemotePranswer              // the peer answered provisionally
	Closed
)

var stateNames = [...]string{
	Stable:             "stable",
	HaveLocalOffer:     "have-local-offer",
	HaveRemoteOffer:    "have-remote-offer",
	HaveLocalPranswer:  "have-local-pranswer",
	HaveRemotePranswer: "have-remote-pranswer",
	Closed:             "closed",
}

// String returns W3C's name of the state.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// Type is the type of a session description (W3C RTCSdpType).
type Type uint8

// The description types.
const (
	Offer Type = iota
	Pranswer
	Answer
	Rollback
)

var typeNames = [...]string{Offer: "offer", Pranswer: "pranswer", Answer: "answer", Rollback: "rollback"}

// String returns W3C's name of the type.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// side says who made a description.
type side uint8

const (
	local side = iota
	remote
)

func (s side) String() string {
	if s == remote {
		return "remote"
	}
	return "local"
}

// event is one application of a description.
type event struct {
	side side
	typ  Type
}

// transitions is the whole signaling state machine: W3C webrtc-pc section 4.4.1.4
// and RFC 9429 section 3.2. What is absent is an InvalidStateError.
//
// A rollback undoes an offer on the side that set it (RFC 9429 section 4.1.10.2);
// it is refused once a provisional answer was applied (W3C section 4.4.1.4). A remote
// offer in have-local-offer rolls the local one back first (W3C section 4.4.1.4).
var transitions = map[State]map[event]State{
	Stable: {
		{local, Offer}:  HaveLocalOffer,
		{remote, Offer}: HaveRemoteOffer,
	},
	HaveLocalOffer: {
		{local, Offer}:     HaveLocalOffer,
		{local, Rollback}:  Stable,
		{remote, Answer}:   Stable,
		{remote, Pranswer}: HaveRemotePranswer,
		{remote, Offer}:    HaveRemoteOffer,
	},
	HaveRemoteOffer: {
		{remote, Offer}:    HaveRemoteOffer,
		{remote, Rollback}: Stable,
		{local, Answer}:    Stable,
		{local, Pranswer}:  HaveLocalPranswer,
	},
	HaveLocalPranswer: {
		{local, Pranswer}: HaveLocalPranswer,
		{local, Answer}:   Stable,
	},
	HaveRemotePranswer: {
		{remote, Pranswer}: HaveRemotePranswer,
		{remote, Answer}:   Stable,
	},
	Closed: {},
}

// next looks up the state that e leads to.
func (s State) next(e event) (State, *Error) {
	to, ok := transitions[s][e]
	if !ok {
		return s, failf(InvalidState, "a %s %s is not allowed in state %s", e.side, e.typ, s)
	}
	return to, nil
}
