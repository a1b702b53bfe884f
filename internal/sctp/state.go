package sctp

import (
	"errors"
	"fmt"
	"slices"
)

// State is a state of RFC 9260 section 4.
type State uint8

const (
	// StateClosed: before Connect or the peer's COOKIE ECHO, and after the end.
	StateClosed State = iota
	// StateCookieWait: INIT was sent. T1 runs.
	StateCookieWait
	// StateCookieEchoed: COOKIE ECHO was sent. T1 runs.
	StateCookieEchoed
	// StateEstablished: data flows.
	StateEstablished
	// StateShutdownPending: Shutdown was called, messages are still to be delivered.
	StateShutdownPending
	// StateShutdownSent: SHUTDOWN was sent. T2 runs.
	StateShutdownSent
	// StateShutdownReceived: the peer's SHUTDOWN came, messages of ours are still to be
	// delivered.
	StateShutdownReceived
	// StateShutdownAckSent: SHUTDOWN ACK was sent. T2 runs.
	StateShutdownAckSent
)

var stateNames = [...]string{
	"CLOSED", "COOKIE-WAIT", "COOKIE-ECHOED", "ESTABLISHED", "SHUTDOWN-PENDING", "SHUTDOWN-SENT",
	"SHUTDOWN-RECEIVED", "SHUTDOWN-ACK-SENT",
}

// String is the name in the RFC.
func (s State) String() string { return stateNames[s] }

// transitions are those of RFC 9260 section 4, figure 3, and of section 5.2.4: what
// is absent is invalid. Every state may end in CLOSED.
var transitions = map[State][]State{
	StateClosed:           {StateCookieWait, StateEstablished},
	StateCookieWait:       {StateCookieEchoed, StateEstablished},
	StateCookieEchoed:     {StateCookieWait, StateEstablished},
	StateEstablished:      {StateShutdownPending, StateShutdownSent, StateShutdownReceived, StateShutdownAckSent, StateEstablished},
	StateShutdownPending:  {StateShutdownSent, StateShutdownReceived, StateShutdownAckSent, StateEstablished},
	StateShutdownSent:     {StateShutdownAckSent, StateEstablished},
	StateShutdownReceived: {StateShutdownAckSent, StateEstablished},
	StateShutdownAckSent:  {},
}

// setState moves to a state. A move that the table does not have is a defect of this
// package, which CheckInvariants reports.
func (a *Association) setState(to State) {
	if to != StateClosed && !slices.Contains(transitions[a.state], to) {
		a.defect = fmt.Errorf("from %v to %v", a.state, to)
	}
	a.state = to
}

// live reports whether the association has a transmission control block with both
// directions: everything between the handshake and the end.
func (a *Association) live() bool { return a.state >= StateEstablished }

// rule is what holds in a state: which timers run, whether both directions exist,
// whether everything that was sent is acknowledged. nil: either.
type rule struct {
	t1, t2, live bool
	empty        *bool
}

var (
	yes = true
	no  = false
)

var rules = map[State]rule{
	StateClosed:           {},
	StateCookieWait:       {t1: true},
	StateCookieEchoed:     {t1: true},
	StateEstablished:      {live: true},
	StateShutdownPending:  {live: true, empty: &no},
	StateShutdownSent:     {t2: true, live: true, empty: &yes},
	StateShutdownReceived: {live: true, empty: &no},
	StateShutdownAckSent:  {t2: true, live: true, empty: &yes},
}

// CheckInvariants is for tests, to be called after every input: it reports what does
// not hold in the present state.
func (a *Association) CheckInvariants() error {
	r := rules[a.state]
	switch {
	case a.defect != nil:
		return fmt.Errorf("invalid transition: %w", a.defect)
	case a.t1.running() != r.t1:
		return fmt.Errorf("%v: T1 runs: %t", a.state, a.t1.running())
	case a.t2.running() != r.t2:
		return fmt.Errorf("%v: T2 runs: %t", a.state, a.t2.running())
	case r.live && (a.out == nil || a.in == nil):
		return fmt.Errorf("%v without both directions", a.state)
	case !r.live && a.out != nil:
		return fmt.Errorf("%v with a send queue", a.state)
	case r.live && (a.localTag == 0 || a.remoteTag == 0):
		return fmt.Errorf("%v with tags %d and %d", a.state, a.localTag, a.remoteTag)
	case r.empty != nil && a.out.Empty() != *r.empty:
		return fmt.Errorf("%v: all is acknowledged: %t", a.state, a.out.Empty())
	case a.state == StateCookieEchoed && len(a.cookie) == 0:
		return errors.New("COOKIE-ECHOED without a cookie")
	case len(a.outbox) > maxOutbox || len(a.control) > maxControl:
		return fmt.Errorf("%d packets and %d bytes of control chunks wait", len(a.outbox), len(a.control))
	}
	if err := a.reset.check(); err != nil {
		return fmt.Errorf("%v: %w", a.state, err)
	}
	if a.in != nil {
		if err := a.in.CheckInvariants(); err != nil {
			return fmt.Errorf("%v: receive: %w", a.state, err)
		}
	}
	if a.out != nil {
		if err := a.out.CheckInvariants(); err != nil {
			return fmt.Errorf("%v: transmit: %w", a.state, err)
		}
	}
	return nil
}
