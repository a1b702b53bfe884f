package webrtc

import (
	"crypto/rand"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
)

// signalledSCTP is what a transport and its peer say of SCTP in descriptions, so that
// the association needs no handshake (SNAP, draft-hancke-tsvwg-snap-00). Owned by the
// loop.
type signalledSCTP struct {
	config *sctp.Config // of the machine whose INIT chunk is signalled; nil: none is
	peer   []byte       // the peer's INIT chunk, where both ends signalled one
}

// signalsSCTP reports whether INIT chunks go into descriptions.
func (e *SettingEngine) signalsSCTP() bool { return e.sctp.snap && e.sctp.engine != SCTPEnginePion }

// localInit is the INIT chunk for a description, the same in all of them: "Subsequent
// offers and answers MUST include the a=sctp-init line in the negotiated SDP with the
// same value as in the initial negotiation." It is nil where it is not asked for, and
// once the association has been negotiated without it. On the loop.
func (t *SCTPTransport) localInit() []byte {
	if !t.api.settings.signalsSCTP() || t.negotiated && t.signalled.peer == nil {
		return nil
	}
	if t.signalled.config == nil {
		cfg := newSCTPConfig(&t.api.settings)
		t.signalled.config = &cfg
	}
	return sctp.New(*t.signalled.config).SignalledInit()
}

// associationConfig is the configuration of the next association: that whose INIT
// chunk has been signalled, where one has. On the loop.
func (t *SCTPTransport) associationConfig() sctp.Config {
	if t.signalled.peer != nil && t.signalled.config != nil {
		return *t.signalled.config
	}
	return newSCTPConfig(&t.api.settings)
}

// newSCTPConfig draws the numbers of an association.
func newSCTPConfig(settings *SettingEngine) sctp.Config {
	cfg := sctp.Config{
		Port: sctpPort, MTU: sctpMTU, MaxWindow: int(settings.sctp.receiveBuffer), ZeroChecksum: true,
		Congestion: settings.sctp.congestion.algorithm(),
	}
	// crypto/rand does not fail: it ends the program (Go 1.24).
	_, _ = rand.Read(cfg.Seed[:])
	_, _ = rand.Read(cfg.Secret[:])
	return cfg
}
