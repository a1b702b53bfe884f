package webrtc

import (
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/dtls"
	"github.com/passerelle-rtc/webrtc/internal/pionsctp"
	"github.com/passerelle-rtc/webrtc/internal/sctp"
)

// SCTPEngine selects what carries data channels.
type SCTPEngine int

const (
	// SCTPEngineDefault is SCTPEngineNative.
	SCTPEngineDefault SCTPEngine = iota
	// SCTPEngineNative is this library's own implementation of SCTP.
	SCTPEngineNative
	// SCTPEnginePion is github.com/pion/sctp.
	SCTPEnginePion
)

// String names the engine.
func (e SCTPEngine) String() string { return sctpEngineText.name(int(e)) }

var sctpEngineText = enumText{"default", "native", "pion"}

// SCTPCongestionControl is how the native engine finds how much the path of data
// channels carries. See [SettingEngine.SetSCTPCongestionControl].
type SCTPCongestionControl int

const (
	// SCTPCongestionControlDefault is SCTPCongestionControlCUBIC.
	SCTPCongestionControlDefault SCTPCongestionControl = iota
	// SCTPCongestionControlCUBIC is that of most TCP (RFC 9438): it regains what it had
	// after a loss in seconds, on long fast paths too.
	SCTPCongestionControlCUBIC
	// SCTPCongestionControlNewReno is that of SCTP itself (RFC 9260 section 7.2): gentler,
	// and slow to fill a path that is long and fast.
	SCTPCongestionControlNewReno
)

// String names the algorithm.
func (c SCTPCongestionControl) String() string { return sctpCongestionText.name(int(c)) }

var sctpCongestionText = enumText{"default", "cubic", "newreno"}

func (c SCTPCongestionControl) algorithm() sctp.Congestion {
	if c == SCTPCongestionControlNewReno {
		return sctp.NewReno
	}
	return sctp.CUBIC
}

// sctpEngine is one SCTP association, whichever engine it is. Safe for concurrent
// use; allowed in the calls to sctpEvents.
type sctpEngine interface {
	sendEngine
	// Start begins the handshake and returns at once. With the peer's INIT chunk,
	// where both ends have signalled theirs, there is none.
	Start(peerInit []byte)
	// HandlePacket takes a packet, of which it keeps nothing.
	HandlePacket(packet []byte)
	// Reset resets our direction of a stream after what is queued.
	Reset(id uint16)
	// Close aborts the association.
	Close()
	// PathChanged tells that packets take another path, on which they may be up to
	// maxMTU bytes long once a probe has shown it; 0: no longer than at first.
	PathChanged(maxMTU int)
	Stats() sctpStats
}

// streamParams is how messages travel on a stream. At most one of the pointers is
// set; nil: reliable.
type streamParams struct {
	unordered      bool
	maxRetransmits *uint16
	maxLifetime    *uint16 // milliseconds
	priority       uint16  // of DCEP
}

// sctpStats are an association's numbers. What follows established is zero before.
type sctpStats struct {
	bytesSent, bytesReceived uint64
	mtu                      uint32
	established              bool
	streams                  int    // with an open or unacknowledged direction
	maxStreams               uint16 // 0: not known
	rtt                      time.Duration
	congestionWindow         uint32
	peerWindow               uint32
}

// cell holds a value of an interface type, which an atomic.Pointer does not take as it
// is. Safe for concurrent use.
type cell[T any] struct{ p atomic.Pointer[T] }

// Load returns the value, nil where there is none.
func (c *cell[T]) Load() (value T) {
	if v := c.p.Load(); v != nil {
		return *v
	}
	return value
}

func (c *cell[T]) store(value T) { c.p.Store(&value) }

// take empties the cell.
func (c *cell[T]) take() (value T) {
	if v := c.p.Swap(nil); v != nil {
		return *v
	}
	return value
}

// newEngine makes the engine that the settings select. On the loop.
func (t *SCTPTransport) newEngine(association *dtls.Association) sctpEngine {
	events := &sctpEvents{t: t}
	if t.api.settings.sctp.engine != SCTPEnginePion {
		cfg := t.associationConfig()
		cfg.MaxMTU = t.probeLimit(association)
		events.engine = newSCTPLane(cfg, association.WriteBurst, events)
		return events.engine
	}
	events.engine = pionEngine{pionsctp.New(pionsctp.Config{
		Write:          association.Write,
		MTU:            sctpMTU,
		MaxMessageSize: pionsctp.MaxSendSize, // the peer's limit, which may change, is obeyed in send
		ReceiveBuffer:  t.api.settings.sctp.receiveBuffer,
		Port:           sctpPort,
		LoggerFactory:  t.log.factory(),
		Handler:        events,
	})}
	return events.engine
}

// pionEngine fits pion/sctp to the seam.
type pionEngine struct{ *pionsctp.Association }

// Start begins the handshake; signalled handshakes are not for this engine.
func (e pionEngine) Start([]byte) { e.Association.Start() }

// Open makes a stream usable.
func (e pionEngine) Open(id uint16, p streamParams) error {
	return e.Association.Open(id, pionsctp.StreamParams{
		Unordered: p.unordered, MaxRetransmits: p.maxRetransmits, MaxLifetime: p.maxLifetime,
	})
}

// PathChanged does nothing: this engine does not ask.
func (e pionEngine) PathChanged(int) {}

// Close aborts the association.
func (e pionEngine) Close() { e.Association.Close(true) }

// Stats returns the present numbers.
func (e pionEngine) Stats() sctpStats {
	s := e.Association.Stats()
	return sctpStats{
		bytesSent: s.BytesSent, bytesReceived: s.BytesReceived, mtu: s.MTU, established: s.Established,
		streams: s.Streams, maxStreams: s.MaxStreams, rtt: s.RTT, congestionWindow: s.CongestionWindow, peerWindow: s.PeerWindow,
	}
}
