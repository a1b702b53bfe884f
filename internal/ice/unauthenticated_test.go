package ice

import (
	"net/netip"
	"testing"
	"time"
)

// RFC 7675 section 5.1: consent comes of valid responses alone. What a stranger sends
// from the peer's own address, who sees all requests and knows all but the passwords,
// and what was recorded before the path died, keeps no pair alive: the state changes
// and the loss of consent come as in silence, and nobody is answered or followed.
func TestNothingUnauthenticatedKeepsAPairAlive(t *testing.T) {
	type forger func(x *node, request []byte) []byte
	wrong := newIntegrity("wrong password of 22 chars")
	answer := func(request []byte, key *integrity) []byte {
		var id transactionID
		copy(id[:], request[8:headerSize])
		e := newEncoder(bindingSuccess, id, 100)
		e.xorAddress(netip.MustParseAddrPort("192.0.2.1:1000"))
		if key == nil {
			return withFingerprint(e.b)
		}
		return e.finish(key)
	}
	var recorded [][]byte // answers and requests of the peer, from when the path was there
	forgers := map[string]forger{
		"silence":                    func(*node, []byte) []byte { return nil },
		"answers without integrity":  func(_ *node, request []byte) []byte { return answer(request, nil) },
		"answers of another's key":   func(_ *node, request []byte) []byte { return answer(request, wrong) },
		"answers with our own key":   func(x *node, request []byte) []byte { return answer(request, newIntegrity(x.local.Pwd)) },
		"our own requests reflected": func(_ *node, request []byte) []byte { return request },
		"recorded messages": func(*node, []byte) []byte {
			recorded = append(recorded[1:], recorded[0])
			return recorded[0]
		},
		"indications": func(*node, []byte) []byte {
			e := newEncoder(bindingIndication, transactionID{1}, 100)
			return e.finishUnsigned()
		},
		"role conflicts": func(_ *node, request []byte) []byte {
			var id transactionID
			copy(id[:], request[8:headerSize])
			e := newEncoder(bindingError, id, 100)
			e.errorCode(codeRoleConflict, "Role Conflict")
			return e.finish(wrong)
		},
		"datagrams of other protocols": func(*node, []byte) []byte { return []byte{22, 254, 253, 0, 1, 2, 3} },
	}
	for name, forge := range forgers {
		recorded = nil
		n, a, b := connected(t, 10*ms, func(c *AgentConfig) { c.FailedTimeout = time.Minute })
		peer := b.paths[0].public
		n.tap = func(_ time.Time, from, _ netip.AddrPort, data []byte) {
			if from == peer {
				recorded = append(recorded, append([]byte(nil), data...))
			}
		}
		n.run(10 * time.Second)
		n.tap = nil
		n.drop = func(netip.AddrPort, netip.AddrPort, []byte) bool { return true }
		n.run(10*time.Second + 10*ms)
		last, role, request := a.lastResponse(), a.agent.Role(), []byte(nil)
		a.events = nil
		a.onSend = func(d Datagram) bool {
			if d.Data[0] == 0 && d.Data[1] == 1 {
				request = append([]byte(nil), d.Data...)
			}
			return true
		}
		for at := n.now.Sub(epoch); at < time.Minute; at += 100 * ms {
			n.run(at)
			if request != nil {
				if data := forge(a, request); data != nil {
					_ = a.inject(a.paths[0], peer, data)
				}
			}
		}
		if got, want := a.when(Disconnected), last+defaultDisconnected; got != want {
			t.Errorf("%s: disconnected at %v, want %v", name, got, want)
		}
		lost := time.Duration(-1)
		for _, e := range a.events {
			if _, ok := e.event.(*ConsentLost); ok {
				lost = e.at
			}
		}
		if want := last + consentExpiry; lost != want {
			t.Errorf("%s: consent lost at %v, want %v", name, lost, want)
		}
		if a.agent.Role() != role || len(a.agent.RemoteCandidates()) != 1 {
			t.Errorf("%s: %v with %d remote candidates", name, a.agent.Role(), len(a.agent.RemoteCandidates()))
		}
	}
}
