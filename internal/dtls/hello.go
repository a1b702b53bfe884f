package dtls

import (
	"encoding/binary"

	"github.com/pion/dtls/v2/pkg/protocol/extension"
	"github.com/pion/dtls/v2/pkg/protocol/handshake"
)

// clientHello is what a server must know of a ClientHello before it can configure the engine.
type clientHello struct {
	srtp   []SRTPProfile // the client's use_srtp, as far as the engine knows the profiles; nil without
	master bool          // extended_master_secret is offered (RFC 7627 section 5.1)
}

// parseClientHello reads the body of a ClientHello, by the engine's own parser: what that refuses would stop the engine.
func parseClientHello(body []byte) (clientHello, bool) {
	var m handshake.MessageClientHello
	if m.Unmarshal(body) != nil {
		return clientHello{}, false
	}
	var hello clientHello
	for _, e := range m.Extensions {
		switch e := e.(type) {
		case *extension.UseSRTP:
			for _, p := range e.ProtectionProfiles {
				hello.srtp = append(hello.srtp, SRTPProfile(p))
			}
		case *extension.UseExtendedMasterSecret:
			hello.master = true
		}
	}
	return hello, true
}

// chooseSRTP picks the profiles to configure the engine with. It takes the first of the client's that it is given, so it is given
// only the one that we prefer. Without profiles of our own the client's first is accepted and not reported: the engine would
// refuse the client, though no media is to flow.
func (h clientHello) chooseSRTP(ours []SRTPProfile) []SRTPProfile {
	if len(h.srtp) == 0 {
		return nil
	}
	if len(ours) == 0 {
		return h.srtp[:1]
	}
	for _, p := range ours {
		for _, q := range h.srtp {
			if p == q {
				return []SRTPProfile{p}
			}
		}
	}
	return ours // nothing in common: the engine refuses with insufficient_security
}

// serverHello is what the key derivation needs of a ServerHello.
type serverHello struct {
	random []byte
	suite  uint16
}

// parseServerHello reads the body of a ServerHello (RFC 5246 section 7.4.1.3).
func parseServerHello(body []byte) (serverHello, bool) {
	const fixed = 2 + randomLen
	if len(body) < fixed+1 {
		return serverHello{}, false
	}
	at := fixed + 1 + int(body[fixed])
	if len(body) < at+2 {
		return serverHello{}, false
	}
	return serverHello{
		random: append([]byte(nil), body[2:fixed]...),
		suite:  binary.BigEndian.Uint16(body[at:]),
	}, true
}
