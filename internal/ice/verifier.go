package ice

import "bytes"

// keyring holds the credentials of one generation and what is computed with
// them. It is immutable but for the integrity objects, whose owner is the agent.
type keyring struct {
	local, remote Credentials
	ours, theirs  *integrity // keyed with our and with the peer's password; theirs nil: not known yet
}

func newKeyring(local, remote Credentials) keyring {
	k := keyring{local: local, remote: remote, ours: newIntegrity(local.Pwd)}
	if remote.Pwd != "" {
		k.theirs = newIntegrity(remote.Pwd)
	}
	return k
}

// addresses tells whether a request's USERNAME names this generation: our
// fragment, a colon, and the peer's fragment once that is known (RFC 8445
// section 7.2.2).
func (k *keyring) addresses(username []byte) bool {
	ours, theirs, ok := bytes.Cut(username, colon)
	return ok && string(ours) == k.local.Ufrag && (k.theirs == nil || string(theirs) == k.remote.Ufrag)
}

var colon = []byte{':'}

// Verifier decides, before a datagram costs its connection anything, whether it
// is a STUN message of the peer. It is immutable and safe for concurrent use.
type Verifier struct{ keys []keyring }

func newVerifier(rings ...keyring) *Verifier {
	v := &Verifier{}
	for _, k := range rings {
		// Own integrity objects: those of the agent are in use elsewhere.
		v.keys = append(v.keys, newKeyring(k.local, k.remote))
	}
	return v
}

// Verify tells whether data is a Binding request to this end, or a Binding
// response to it, with a valid FINGERPRINT and MESSAGE-INTEGRITY (RFC 8445
// sections 7.1 and 7.3, RFC 8489 sections 9.1.3 and 14.7). Responses are not
// matched with requests here; the Agent does that.
func (v *Verifier) Verify(data []byte) bool {
	m, err := parseMessage(data)
	if err != nil || m.integrity == 0 || !m.checkFingerprint() {
		return false
	}
	for i := range v.keys {
		k := &v.keys[i]
		switch m.typ {
		case bindingRequest:
			if k.addresses(m.username) && k.ours.clone().check(&m) {
				return true
			}
		case bindingSuccess, bindingError:
			if k.theirs != nil && k.theirs.clone().check(&m) {
				return true
			}
		default:
			return false
		}
	}
	return false
}
