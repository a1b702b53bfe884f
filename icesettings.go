package webrtc

import (
	"net"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// SetHostAcceptanceMinWait sets how long after checks began no pair with a host
// candidate of either end is nominated. Default 0. It concerns the controlling
// end; see [SettingEngine.SetRelayAcceptanceMinWait].
func (e *SettingEngine) SetHostAcceptanceMinWait(t time.Duration) { e.ice.acceptance[ice.Host] = t }

// SetSrflxAcceptanceMinWait is SetHostAcceptanceMinWait for server-reflexive
// candidates.
func (e *SettingEngine) SetSrflxAcceptanceMinWait(t time.Duration) {
	e.ice.acceptance[ice.ServerReflexive] = t
}

// SetPrflxAcceptanceMinWait is SetHostAcceptanceMinWait for peer-reflexive
// candidates.
func (e *SettingEngine) SetPrflxAcceptanceMinWait(t time.Duration) {
	e.ice.acceptance[ice.PeerReflexive] = t
}

// SetRelayAcceptanceMinWait is SetHostAcceptanceMinWait for relayed candidates.
//
// All four are 0 by default, since nomination waits by itself where that can win
// something: while pairs of a better type are being checked, for two round trips
// of the best valid pair and 200 ms at most. A fixed wait is added for those who
// would rather connect late than over a relay.
func (e *SettingEngine) SetRelayAcceptanceMinWait(t time.Duration) { e.ice.acceptance[ice.Relay] = t }

// SetICEMaxBindingRequests sets how often a check is sent until its pair has
// failed. 0 is the default, 7 (RFC 8489 section 6.2.1).
func (e *SettingEngine) SetICEMaxBindingRequests(d uint16) { e.ice.maxRequests = d }

// SetICEUseCandidateCheckPriority is there for programs written for pion/webrtc.
// It changes nothing: of several pairs that a peer nominates at a time the one of
// highest priority is always taken (RFC 5245 section 8.1.1.2), and a later
// nomination is followed.
func (e *SettingEngine) SetICEUseCandidateCheckPriority(bool) {}

// SetRemoteIPFilter keeps only the peer's candidates for whose address filter is
// true; names are resolved first. Peer-reflexive candidates, which are learnt from
// the peer's own checks, do not pass it. It runs on a goroutine of its own.
func (e *SettingEngine) SetRemoteIPFilter(filter func(net.IP) (keep bool)) {
	e.ice.remoteFilter = filter
}

// RenominationOption is an option of [SettingEngine.SetICERenomination].
type RenominationOption func(*renominationSettings)

type renominationSettings struct{ interval time.Duration }

// WithRenominationInterval sets the shortest time between two nominations.
func WithRenominationInterval(interval time.Duration) RenominationOption {
	return func(s *renominationSettings) { s.interval = interval }
}

// defaultRenominationInterval is pion's.
const defaultRenominationInterval = 3 * time.Second

// SetICERenomination lets the controlling end move to a better path that turns out
// to work after one was chosen, as when an interface comes up, without an ICE
// restart (draft-thatcher-ice-renomination). The peer has to know the attribute:
// this package, libwebrtc and pion/webrtc do. What a peer renominates is followed
// with or without this setting. An interval that is not positive is a TypeError.
func (e *SettingEngine) SetICERenomination(options ...RenominationOption) error {
	settings := renominationSettings{interval: defaultRenominationInterval}
	for _, option := range options {
		if option != nil {
			option(&settings)
		}
	}
	if settings.interval <= 0 {
		return errorf(KindTypeError, "set ICE renomination", "interval %v: want more than 0", settings.interval)
	}
	e.ice.renominateAfter = settings.interval
	return nil
}
