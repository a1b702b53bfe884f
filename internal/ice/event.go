package ice

import "net/netip"

// AgentEvent is one of the pointers below.
type AgentEvent interface{ isAgentEvent() }

// StateChanged reports the state that was entered.
type StateChanged struct{ State State }

// SelectedPairChanged reports the pair that carries data from now on.
type SelectedPairChanged struct{ Pair Pair }

// ConsentLost reports that nothing may be sent on the selected pair any more
// (RFC 7675 section 5.1): the peer has not answered for 30 s, or the transport
// failed, or the pair's socket was removed. There is no selected pair until
// SelectedPairChanged. A StateChanged to Disconnected or Failed follows unless
// the agent is in that state already.
type ConsentLost struct{ Pair Pair }

// RoleChanged reports that a role conflict was resolved against this end
// (RFC 8445 section 7.3.1.1).
type RoleChanged struct{ Role Role }

// RemoteValidated reports that a request with valid integrity came from an
// address for the first time: DTLS may be taken from there. It precedes the
// events that the request causes.
type RemoteValidated struct {
	Local  LocalID
	Remote netip.AddrPort // as received, with its zone
}

// RemotePeerReflexive reports a remote candidate learnt from a request
// (RFC 8445 section 7.3.1.3).
type RemotePeerReflexive struct{ Candidate Candidate }

func (*StateChanged) isAgentEvent()        {}
func (*SelectedPairChanged) isAgentEvent() {}
func (*ConsentLost) isAgentEvent()         {}
func (*RoleChanged) isAgentEvent()         {}
func (*RemoteValidated) isAgentEvent()     {}
func (*RemotePeerReflexive) isAgentEvent() {}
