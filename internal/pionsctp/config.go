package pionsctp

import (
	"github.com/pion/logging"
	"github.com/pion/sctp"
)

const (
	// DefaultReceiveBuffer is the receive window of an association, in bytes.
	DefaultReceiveBuffer = 2 << 20
	// DefaultMaxMessageSize is what may be advertised as a=max-message-size with the
	// default receive buffer: MaxMessageSize(DefaultReceiveBuffer).
	DefaultMaxMessageSize = DefaultReceiveBuffer / 4
	// MaxSendSize is the largest message that is sent, in bytes, whatever the peer
	// accepts: a peer whose window is smaller than the message (pion/webrtc accepts
	// 1 GiB with a window of 1 MiB) would never get it, nor anything after it.
	MaxSendSize = 512 << 10
	// DefaultMTU is the size of an SCTP packet that fits UDP payloads of 1200 bytes
	// after 37 bytes of DTLS record (RFC 8831 section 5, RFC 8261 section 5).
	DefaultMTU = 1160

	// rtoMax caps the back-off of every retransmission timer, in milliseconds, as
	// browsers do. A sender whose peer's window was full finds out that it has
	// reopened when this timer fires.
	rtoMax = 3000

	// Messages of at most smallMessage bytes cost the heap hundreds and the window
	// next to nothing: while maxSmall of them are unread, packets that bring more are
	// dropped. Larger ones the window bounds.
	smallMessage = 64
	maxSmall     = 8192

	// maxEntries is how many DATA chunks a stream holds unread or incomplete before
	// pion/sctp aborts: out of reach of a peer that keeps to the default window.
	maxEntries = 1 << 16

	// maxQueue is how many packets wait for pion/sctp; more are dropped.
	maxQueue = 1024

	// maxUnread is how many streams may be reset by the peer and still hold messages
	// that the Handler has not taken.
	maxUnread = 16
)

// MaxMessageSize is what may be advertised as a=max-message-size for a receive
// buffer, in bytes: a message larger than the window never arrives, and one that
// nearly fills it waits for everything unread before it.
func MaxMessageSize(receiveBuffer uint32) uint32 { return receiveBuffer / 4 }

// Config of an Association. Write and Handler are required.
type Config struct {
	// Write sends one SCTP packet, which it must not keep. more tells that the packet
	// is full-size, so that others probably follow at once. It must neither block nor
	// call the Association. An error that is net.ErrClosed ends the association; after
	// any other the packet counts as lost.
	Write func(packet []byte, more bool) error
	// MTU is the size of the largest SCTP packet, in bytes; 0: DefaultMTU.
	MTU uint32
	// MaxMessageSize is the largest message that the peer accepts, in bytes. Clipped
	// to MaxSendSize; 0, the peer's "no limit" (RFC 8841 section 6.1), is MaxSendSize.
	MaxMessageSize uint32
	// ReceiveBuffer is the receive window in bytes; 0: DefaultReceiveBuffer. The heap
	// holds at most as much again in messages that Handlers have in hand.
	ReceiveBuffer uint32
	// Port is informational: pion/sctp sends from and to port 5000, and answers the
	// ports that a peer's INIT names.
	Port uint16
	// LoggerFactory makes pion/sctp's logger; nil: silent.
	LoggerFactory logging.LoggerFactory
	Handler       Handler
}

// Handler is told what happens. It is called on the association's goroutines, never
// with a lock held, and may call every method of the Association, Close included.
// The calls about one stream come in order, one after the other, except
// BufferedAmountLow.
type Handler interface {
	// Established: streams may be opened. Comes first.
	Established()
	// Message hands over one message and its payload. While it does not return,
	// nothing more comes from the stream, and unread bytes shrink the window of the
	// whole association: that is the back-pressure.
	Message(id uint16, ppid uint32, payload []byte)
	// StreamReset: the peer reset its direction, after all its messages were handed
	// over (RFC 8831 section 6.7).
	StreamReset(id uint16)
	// StreamClosed: both directions are reset, and ours acknowledged. The identifier
	// may be used again.
	StreamClosed(id uint16)
	// BufferedAmountLow: the bytes buffered on the stream fell to or below its
	// threshold.
	BufferedAmountLow(id uint16)
	// Closed comes last, after every other call has returned. nil: Close or the
	// peer's SHUTDOWN; *AbortError: the peer's ABORT; otherwise a failure. A peer that
	// falls silent after the handshake is never reported: pion/sctp retransmits for
	// ever, so that is for ICE consent to notice.
	Closed(err error)
}

// options are pion/sctp's for this Config. What is left at its default:
// WithEnableZeroChecksum (a checksum costs half a percent of what pion/sctp does with
// a packet; a peer that accepts zero gets it anyway), congestion control, RACK.
func (c *Config) options(conn *conn) []sctp.ClientOption {
	factory := c.LoggerFactory
	if factory == nil {
		factory = silent{}
	}
	return []sctp.ClientOption{
		sctp.WithNetConn(conn),
		sctp.WithLoggerFactory(factory),
		sctp.WithMTU(c.MTU),
		sctp.WithMaxMessageSize(c.MaxMessageSize),
		sctp.WithMaxReceiveBufferSize(c.ReceiveBuffer),
		sctp.WithMaxReassemblyQueueEntries(maxEntries),
		sctp.WithRTOMax(rtoMax),
		// With interleaving on, two pion/sctp ends deliver nothing as soon as several
		// streams carry large messages.
		sctp.WithEnableInterleaving(false),
	}
}

// normalise fills in the defaults.
func (c *Config) normalise() {
	if c.MTU == 0 {
		c.MTU = DefaultMTU
	}
	if c.ReceiveBuffer == 0 {
		c.ReceiveBuffer = DefaultReceiveBuffer
	}
	if c.MaxMessageSize == 0 || c.MaxMessageSize > MaxSendSize {
		c.MaxMessageSize = MaxSendSize
	}
}

// silent is a logger that logs nothing: pion's own default reads PION_LOG_*.
type silent struct{}

func (silent) NewLogger(string) logging.LeveledLogger { return silent{} }
func (silent) Trace(string)                           {}
func (silent) Tracef(string, ...any)                  {}
func (silent) Debug(string)                           {}
func (silent) Debugf(string, ...any)                  {}
func (silent) Info(string)                            {}
func (silent) Infof(string, ...any)                   {}
func (silent) Warn(string)                            {}
func (silent) Warnf(string, ...any)                   {}
func (silent) Error(string)                           {}
func (silent) Errorf(string, ...any)                  {}
