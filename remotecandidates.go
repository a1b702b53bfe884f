package webrtc

import (
	"net/netip"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/mdns"
)

// The peer's candidates on their way to the agent. All of this file runs on the
// loop, but for the look-ups of names.

const (
	// maxEarlyCandidates bounds the remote candidates kept before ICE starts.
	maxEarlyCandidates = 100
	// maxNames bounds the look-ups under way: each has a goroutine.
	maxNames = 16
)

// addRemote adds a candidate, or keeps it until there is an agent.
func (t *ICETransport) addRemote(now time.Time, c ice.Candidate, op string) error {
	switch {
	case t.state == ICETransportStateClosed || t.gatherer.state == ICEGathererStateClosed:
		return closedError(op)
	case c.Hostname != "" && t.gatherer.policy == ICETransportPolicyRelay:
		return nil // W3C: not allowed, and without a sign of it
	case c.Hostname != "" && !c.Addr.Addr().IsValid():
		return t.resolveRemote(c, op)
	case t.api.settings.ice.remoteFilter != nil:
		return t.filterRemote(c, op)
	}
	return t.takeRemote(now, c, op)
}

// takeRemote adds a candidate that has an address and is wanted.
func (t *ICETransport) takeRemote(now time.Time, c ice.Candidate, op string) error {
	switch {
	case t.state == ICETransportStateClosed || t.gatherer.state == ICEGathererStateClosed:
		return closedError(op)
	case t.agent == nil && len(t.early) >= maxEarlyCandidates:
		return errorf(KindOperation, op, "more than %d remote candidates", maxEarlyCandidates)
	case t.agent == nil:
		t.early = append(t.early, c)
		return nil
	}
	if err := t.agent.AddRemoteCandidate(now, c); err != nil {
		return newError(KindOperation, op, err)
	}
	t.dirty = true
	return nil
}

// resolveRemote looks up a candidate whose address is a name, and adds it when
// there is an answer.
func (t *ICETransport) resolveRemote(c ice.Candidate, op string) error {
	if mdns.IsName(c.Hostname) && t.api.settings.ice.mdnsMode == MulticastDNSModeDisabled || t.knowsName(c) {
		return nil
	}
	if t.names >= maxNames {
		return errorf(KindOperation, op, "more than %d names of remote candidates at a time", maxNames)
	}
	t.names++
	g := t.gatherer
	g.work.Go(func() {
		addrs, err := t.lookUpName(c.Hostname)
		t.loop.Post(func(now time.Time) { t.resolved(now, c, addrs, err) })
	})
	return nil
}

// knowsName tells whether a candidate with a name has been looked up before, as
// descriptions repeat the candidates that they had.
func (t *ICETransport) knowsName(c ice.Candidate) bool {
	if t.agent == nil {
		return false
	}
	return slices.ContainsFunc(t.agent.RemoteCandidates(), func(old ice.Candidate) bool {
		return old.Hostname == c.Hostname && old.Addr.Port() == c.Addr.Port() && old.Transport == c.Transport &&
			old.UsernameFragment == c.UsernameFragment
	})
}

func (t *ICETransport) resolved(now time.Time, c ice.Candidate, addrs []netip.Addr, err error) {
	t.names--
	if err == nil && len(addrs) > 0 {
		// The name stays with it: the address is not for everybody to know (section
		// 3.3 of draft-ietf-mmusic-mdns-ice-candidates).
		c.Addr = netip.AddrPortFrom(addrs[0].Unmap(), c.Addr.Port())
		if err := t.addRemote(now, c, "add remote candidate"); err != nil {
			t.log.warn("add remote candidate", "name", c.Hostname, "error", err)
		}
	} else {
		t.log.warn("look up remote candidate", "name", c.Hostname, "error", err)
	}
	t.passEnd(now)
}

// filterRemote asks the application about a candidate, off the loop, and adds it
// if it is wanted. The filter may block, or close the connection: nobody waits.
func (t *ICETransport) filterRemote(c ice.Candidate, op string) error {
	if t.filtering >= maxEarlyCandidates {
		return errorf(KindOperation, op, "more than %d remote candidates wait for the filter", maxEarlyCandidates)
	}
	t.filtering++
	filter := t.api.settings.ice.remoteFilter
	go func() {
		keep := filter(c.Addr.Addr().AsSlice())
		t.loop.Post(func(now time.Time) {
			t.filtering--
			if !keep {
				t.log.info("remote candidate refused by the filter", "candidate", c.String())
			} else if err := t.takeRemote(now, c, op); err != nil {
				t.log.warn("add remote candidate", "error", err)
			}
			t.passEnd(now)
		})
	}()
	return nil
}

// remoteEnd takes the peer's end of candidates.
func (t *ICETransport) remoteEnd(now time.Time) {
	t.ended = true
	t.passEnd(now)
}

// passEnd tells the agent of the end once every candidate before it is known.
func (t *ICETransport) passEnd(now time.Time) {
	if t.ended && t.names == 0 && t.filtering == 0 && t.agent != nil {
		t.agent.RemoteEnd(now)
	}
}
