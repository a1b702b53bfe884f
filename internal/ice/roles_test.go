package ice

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// RFC 8445 section 7.3.1.1, both ends of both conflicts.
func TestRoleConflictIsResolvedByTieBreaker(t *testing.T) {
	tests := []struct {
		name          string
		role          Role
		a, b          uint64
		wantA, wantB  Role
		changes       int
		before, after time.Duration
	}{
		{"both controlling, a larger", Controlling, 9, 5, Controlling, Controlled, 1, 0, 0},
		{"both controlling, b larger", Controlling, 5, 9, Controlled, Controlling, 1, 0, 0},
		{"both controlled, a larger", Controlled, 9, 5, Controlling, Controlled, 1, 0, 0},
		{"both controlled, b larger", Controlled, 5, 9, Controlled, Controlling, 1, 0, 0},
		{"both controlling, b late", Controlling, 9, 5, Controlling, Controlled, 1, 0, 70 * ms},
		{"both controlled, a late", Controlled, 9, 5, Controlling, Controlled, 1, 70 * ms, 0},
	}
	for _, test := range tests {
		n := newNetwork(t, 10*ms)
		a := n.node("a", AgentConfig{Role: test.role, TieBreaker: test.a})
		b := n.node("b", AgentConfig{Role: test.role, TieBreaker: test.b})
		a.path("192.0.2.1:1000", "")
		b.path("192.0.2.2:2000", "")
		a.gathered()
		b.gathered()
		n.run(test.before)
		a.learn(b)
		n.run(test.before + test.after)
		b.learn(a)
		n.run(2 * time.Second)
		if a.agent.Role() != test.wantA || b.agent.Role() != test.wantB {
			t.Errorf("%s: roles %v and %v", test.name, a.agent.Role(), b.agent.Role())
		}
		if got := countEvents[*RoleChanged](a) + countEvents[*RoleChanged](b); got != test.changes {
			t.Errorf("%s: %d role changes, want %d", test.name, got, test.changes)
		}
		if a.agent.State() != Completed || b.agent.State() != Completed {
			t.Errorf("%s: states %v, %v", test.name, a.agent.State(), b.agent.State())
		}
	}
}

// RFC 8445 section 7.2.5.1 switches roles on a 487, and RFC 8489 section 9.1.4
// drops an error response without integrity.
func TestForgedRoleConflictIsIgnored(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a, b := n.pairOf()
	pa := a.path("192.0.2.1:1000", "")
	pb := b.path("192.0.2.2:2000", "")
	forged := 0
	n.tap = func(_ time.Time, from, _ netip.AddrPort, data []byte) {
		if from != pa.public || data[1] != 1 || forged > 3 {
			return
		}
		forged++
		var id transactionID
		copy(id[:], data[8:])
		for _, key := range []*integrity{nil, newIntegrity("the wrong password of 22+ characters")} {
			e := newEncoder(bindingError, id, 100)
			e.errorCode(codeRoleConflict, "Role Conflict")
			m := e.b
			if key != nil {
				m = e.finish(key)
			} else {
				m = withFingerprint(m)
			}
			if err := a.agent.HandleDatagram(n.now, Datagram{Local: pa.id, Remote: pb.public, Data: m}); !errors.Is(err, ErrIntegrity) && !errors.Is(err, ErrUnknownTransaction) {
				t.Errorf("forged 487: %v", err)
			}
		}
	}
	signal(a, b)
	n.run(time.Second)
	if forged == 0 || a.agent.Role() != Controlling || countEvents[*RoleChanged](a) != 0 {
		t.Errorf("%d forged, role %v", forged, a.agent.Role())
	}
	if a.agent.State() != Completed || a.when(Connected) != 40*ms {
		t.Errorf("state %v, connected at %v", a.agent.State(), a.when(Connected))
	}
}

func withFingerprint(m []byte) []byte {
	e := encoder{m}
	at := len(e.b)
	v := e.attribute(attrFingerprint, fingerprintSize)
	sum := fingerprintOf(e.b[:at])
	copy(v, sum[:])
	return e.b
}

func TestSetRoleMakesALitePeersAgentControlling(t *testing.T) {
	n := newNetwork(t, 10*ms)
	a := n.node("a", AgentConfig{Role: Controlled, TieBreaker: 1})
	lite := n.node("lite", AgentConfig{Role: Controlled, TieBreaker: 2})
	a.path("192.0.2.1:1000", "")
	lite.path("192.0.2.2:2000", "")
	// RFC 8445 section 2.5: a lite agent sends no checks.
	lite.onSend = func(d Datagram) bool { return d.Data[0] == 1 }
	a.do(func(x *Agent) { x.SetRole(n.now, Controlling) })
	signal(a, lite)
	n.run(time.Second)
	if a.agent.State() != Completed || a.when(Connected) != 40*ms {
		t.Errorf("state %v, connected at %v", a.agent.State(), a.when(Connected))
	}
}
