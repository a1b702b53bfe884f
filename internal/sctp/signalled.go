package sctp

import (
	"errors"
	"fmt"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// ErrInvalidInit: what the peer signalled is not an INIT chunk that an association
// could begin with. To be matched with errors.Is.
var ErrInvalidInit = errors.New("sctp: invalid INIT chunk")

// SignalledInit returns the INIT chunk, without padding, that Connect would send: what
// SDP carries as a=sctp-init (draft-hancke-tsvwg-snap-00). It changes no state; an
// Association of the same Config gives the same.
func (a *Association) SignalledInit() []byte {
	i := a.localInit(a.localTag, a.localTSN)
	b := chunk.AppendInit(nil, chunk.TypeInit, &i)
	return b[:int(b[2])<<8|int(b[3])]
}

// CheckInit reports what is wrong with an INIT chunk that a peer has signalled; the
// error matches ErrInvalidInit. The padding of its last parameter may be missing.
func CheckInit(b []byte) error {
	_, err := parseSignalled(b)
	return err
}

// Begin moves to ESTABLISHED without a handshake, as both ends know the INIT chunks of
// each other from signalling and DTLS has shown that the peer is there: steps A to E of
// RFC 9260 section 5.1 are left out. peer is what its SignalledInit returned. An
// association that has begun or ended keeps its state. Errors: ErrInvalidInit.
func (a *Association) Begin(now time.Time, peer []byte) error {
	i, err := parseSignalled(peer)
	if err != nil || a.state != StateClosed || a.ended {
		return err
	}
	a.remoteTag, a.remoteTSN, a.peer = i.Tag, i.InitialTSN, a.traits(&i)
	a.establish(now)
	return nil
}

// parseSignalled reads one INIT chunk and checks it as handleInit does one of a packet
// (RFC 9260 section 3.3.2).
func parseSignalled(b []byte) (chunk.Init, error) {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrInvalidInit, fmt.Errorf(format, args...))
	}
	chunks := chunk.NewChunks(b)
	c, ok := chunks.Next()
	if !ok {
		if err := chunks.Err(); err != nil {
			return chunk.Init{}, invalid("%w", err)
		}
		return chunk.Init{}, invalid("it is empty")
	}
	if len(b)-len(c.Raw) > 3 {
		return chunk.Init{}, invalid("%d bytes follow it", len(b)-len(c.Raw))
	}
	if c.Type != chunk.TypeInit {
		return chunk.Init{}, invalid("it is %v", c.Type)
	}
	i, err := chunk.ParseInit(c.Value)
	switch {
	case err != nil:
		return chunk.Init{}, invalid("%w", err)
	case i.Tag == 0:
		return chunk.Init{}, invalid("its tag is 0")
	case i.OutboundStreams == 0 || i.InboundStreams == 0:
		return chunk.Init{}, invalid("%d outbound and %d inbound streams", i.OutboundStreams, i.InboundStreams)
	case i.Window < minWindow:
		return chunk.Init{}, invalid("a window of %d bytes", i.Window)
	}
	if _, host := unrecognizedParameters(&i); host != nil {
		return chunk.Init{}, invalid("it has a host name") // section 3.3.2.1.4
	}
	return i, nil
}
