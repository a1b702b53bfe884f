package bandwidth

// Reason says why the target changed.
type Reason uint8

const (
	ReasonNone         Reason = iota
	ReasonIncrease            // nothing speaks against more
	ReasonOveruse             // a queue grows
	ReasonLoss                // more than 10 % of the packets were lost
	ReasonProbe               // a probe was measured
	ReasonSilence             // no feedback comes
	ReasonRemote              // REMB, the receiver's own limit
	ReasonLimits              // SetLimits
	ReasonRouteChange         // another path: begin again
	ReasonReceiverLoss        // the loss-only mode followed a receiver report
)

// String is the reason in lower case.
func (r Reason) String() string {
	switch r {
	case ReasonIncrease:
		return "increase"
	case ReasonOveruse:
		return "over-use"
	case ReasonLoss:
		return "loss"
	case ReasonProbe:
		return "probe"
	case ReasonSilence:
		return "silence"
	case ReasonRemote:
		return "remote limit"
	case ReasonLimits:
		return "limits"
	case ReasonRouteChange:
		return "route change"
	case ReasonReceiverLoss:
		return "receiver report"
	}
	return "none"
}

// Event tells that the target changed.
type Event struct {
	Target Bitrate
	Reason Reason
}
