// Package dtls secures one transport with DTLS 1.2 (RFC 6347). github.com/pion/dtls/v2 makes the handshake; everything that
// touches the wire is ours: the border puts handshake messages together before the engine sees them, repeats flights with
// back-off, and the record layer owns epoch 1 with deterministic nonces, one sequence and a replay window.
//
// The engine's life ends with the handshake. It never sees application data, alerts of the peer, or fragments.
package dtls

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
)

// Role is the side of the handshake, which `a=setup` decides (RFC 5763 section 5).
type Role uint8

// The roles. A client sends the first ClientHello.
const (
	Client Role = iota
	Server
)

func (r Role) String() string {
	if r == Client {
		return "client"
	}
	return "server"
}

// State is the association's life. Initial, Connecting, Connected come in this order; Closed or Failed ends it from anywhere.
type State uint8

// The states.
const (
	Initial    State = iota // Start was not called
	Connecting              // the handshake runs, or waits for the peer
	Connected               // the peer is verified; data flows
	Closed                  // Close was called, or the peer sent an authenticated close_notify
	Failed                  // the handshake failed, or the peer sent a fatal alert; Err says why
)

func (s State) String() string {
	switch s {
	case Initial:
		return "initial"
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	case Closed:
		return "closed"
	case Failed:
		return "failed"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// SRTPProfile is a protection profile of use_srtp (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
type SRTPProfile uint16

// The profiles that WebRTC endpoints use.
const (
	AES128_CM_SHA1_80 SRTPProfile = 1
	AES128_CM_SHA1_32 SRTPProfile = 2
	AEAD_AES_128_GCM  SRTPProfile = 7
	AEAD_AES_256_GCM  SRTPProfile = 8
)

// Output takes the association's datagrams. Its methods are called with the association's lock held, in the order of the
// records' sequence numbers; they must not block and must not call the association.
type Output interface {
	// Buffer returns an empty slice of capacity n or more.
	Buffer(n int) []byte
	// Send sends b, which the last call of Buffer returned. More says that another datagram follows at once.
	Send(b []byte, more bool)
}

// A WholeOutput is an Output that can forbid the path to fragment a datagram.
type WholeOutput interface {
	Output
	// SendWhole is Send of a datagram that is to arrive in one piece or not at all.
	SendWhole(b []byte, more bool)
}

// Config describes an association. It must not be changed after New.
type Config struct {
	Role Role
	// Certificate is ours; its key is *ecdsa.PrivateKey or *rsa.PrivateKey.
	Certificate tls.Certificate
	// SRTPProfiles are offered, or chosen from, in this order: as server the first of ours that the client offers is taken,
	// and none if it offers no use_srtp. As client a server that does not answer use_srtp fails the handshake (the engine's rule).
	// Empty: use_srtp is not offered, and what a client offers in it does not matter.
	SRTPProfiles []SRTPProfile
	// VerifyPeer decides on the peer's certificates, DER, leaf first. It runs once for a certificate, on the engine's
	// goroutine without a lock, after the peer proved that it holds the key, and must not call Close. Its error aborts the handshake with
	// the alert bad_certificate and is what Err unwraps to. Required.
	VerifyPeer func(der [][]byte) error
	Output     Output
	// MTU bounds the handshake's datagrams, in bytes. Zero: DefaultMTU.
	MTU int
	// RetransmitInterval is how long the first repetition of a flight waits; it doubles up to 60 s. Zero: DefaultRetransmitInterval.
	// Who knows the round trip (ICE does) may set about twice that.
	RetransmitInterval time.Duration
	// LoggerFactory gets the engine's log. Nil: silent.
	LoggerFactory logging.LoggerFactory
	// KeyLog gets the NSS key log line, for debugging with a packet analyser. It breaks the secrecy of the connection.
	KeyLog io.Writer
	// OnState is called for each state after Initial, in order and one at a time, on whichever goroutine made the change, with no lock held.
	// It may call any method, Close included. The error is nil unless the state is Failed.
	OnState func(State, error)
}

// Association is one DTLS association. Its methods may be called on any goroutine.
//
// Two leaf locks guard it: mu for the handshake and all that is sent, opener's own for what is received, taken inside mu if both.
// Neither is held around VerifyPeer, OnState, or a deliver function.
type Association struct {
	cfg     Config
	deliver func([]byte) // set before Start

	opener opener
	// live is set once Connected was announced and early records were replayed: from then on the reader hands application
	// data straight to its deliver function.
	live atomic.Bool
	// repeatable says that the server's last flight is still kept.
	repeatable atomic.Bool
	counts     counters

	mu       sync.Mutex
	state    State
	err      error
	events   []State // not announced yet
	draining bool    // a goroutine is announcing

	border     border
	engine     *engineRun // nil until it runs
	secrets    *secrets   // nil until the engine has a master secret
	protection *protection
	epoch0Seq  uint64 // sequence number of our next record of epoch 0
	epoch1Seq  uint64 // and of epoch 1
	peer       [][]byte
	profile    SRTPProfile
	notified   bool // our close_notify or fatal alert went out

	early      [][]byte // authenticated application data from before live
	earlyBytes int
}

// New makes an association that does nothing until Start.
func New(cfg Config) *Association {
	if cfg.MTU <= 0 {
		cfg.MTU = DefaultMTU
	}
	cfg.MTU = max(cfg.MTU, minMTU)
	if cfg.RetransmitInterval <= 0 {
		cfg.RetransmitInterval = DefaultRetransmitInterval
	}
	return &Association{cfg: cfg}
}

// ErrNotConnected is what Write returns before Connected.
var ErrNotConnected = errors.New("dtls: not connected")

// ErrRecordTooLarge is what Write returns for more than 2^14 bytes (RFC 6347 section 4.1).
var ErrRecordTooLarge = errors.New("dtls: more than 16384 bytes in a record")

// ErrSequenceExhausted is what Write returns when the 48 bits of the sequence number are used up: RFC 6347 section 4.1 forbids
// to let them wrap.
var ErrSequenceExhausted = errors.New("dtls: sequence numbers are exhausted")

var errClosed = fmt.Errorf("dtls: association is closed: %w", net.ErrClosed)

// SetDeliver sets where application records go that came before Connected was announced. Call it before Start. The slice
// belongs to f.
func (a *Association) SetDeliver(f func(plaintext []byte)) { a.deliver = f }

// Start begins the handshake: a client sends its ClientHello, a server waits for one and takes what came before. It fails when
// the configuration cannot work, when it was called before, and with an error that unwraps to net.ErrClosed after Close.
func (a *Association) Start() error {
	if err := a.cfg.validate(); err != nil {
		return err
	}
	a.mu.Lock()
	if a.state != Initial {
		state := a.state
		a.mu.Unlock()
		if state == Closed || state == Failed {
			return errClosed
		}
		return errors.New("dtls: started twice")
	}
	a.setState(Connecting, nil)
	held := a.border.takeHeld()
	if a.cfg.Role == Client {
		a.startEngine(nil)
	}
	for _, record := range held {
		if h, record, _, ok := nextRecord(record); ok {
			a.handleRecord(h, record)
		}
	}
	a.flushToEngine()
	a.mu.Unlock()
	a.announce()
	return nil
}

func (c *Config) validate() error {
	if len(c.Certificate.Certificate) == 0 {
		return errors.New("dtls: no certificate")
	}
	switch c.Certificate.PrivateKey.(type) {
	case *ecdsa.PrivateKey, *rsa.PrivateKey:
	default:
		return fmt.Errorf("dtls: certificate key of type %T; want ECDSA or RSA", c.Certificate.PrivateKey)
	}
	if c.VerifyPeer == nil {
		return errors.New("dtls: no VerifyPeer")
	}
	if c.Output == nil {
		return errors.New("dtls: no Output")
	}
	if c.Role != Client && c.Role != Server {
		return fmt.Errorf("dtls: unknown role %d", c.Role)
	}
	return nil
}

// Write seals plaintext into one record and sends it, in one step, so that records leave in the order of their numbers. More
// is passed to Output.Send. It allocates nothing. Plaintext may be reused when it returns.
func (a *Association) Write(plaintext []byte, more bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	record, err := a.record(plaintext)
	if err != nil {
		return err
	}
	a.cfg.Output.Send(record, more)
	a.counts.bytesSent.Add(uint64(len(plaintext)))
	return nil
}

// record seals application data into memory of the Output, which has to send it next.
func (a *Association) record(plaintext []byte) ([]byte, error) {
	if len(plaintext) > maxPlaintext {
		return nil, ErrRecordTooLarge
	}
	switch a.state {
	case Connected:
	case Closed, Failed:
		return nil, errClosed
	default:
		return nil, ErrNotConnected
	}
	if a.epoch1Seq > maxSequence {
		return nil, ErrSequenceExhausted
	}
	return a.sealTo(a.cfg.Output.Buffer(len(plaintext)+a.protection.overhead()), typeApplicationData, plaintext), nil
}

var errNotWhole = errors.New("dtls: the Output cannot keep datagrams whole")

// WriteBurst is Write of one plaintext after the other that next returns, until ok is false; each is sealed before next is
// called again, which may then reuse its memory. Whole: nobody may fragment the record, and the Output has to be a WholeOutput.
// What cannot be sent is dropped, and the first error of that returned. Next is called with the association's lock held, but for
// the first time, and must not call the association.
func (a *Association) WriteBurst(next func() (plaintext []byte, whole, ok bool)) error {
	plaintext, whole, ok := next()
	if !ok {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var first error
	for ok {
		send, err := a.sender(whole)
		var record []byte
		if err == nil {
			record, err = a.record(plaintext)
		}
		if err != nil && first == nil {
			first = err
		}
		n := len(plaintext)
		plaintext, whole, ok = next()
		if err == nil && send != nil {
			send.SendWhole(record, ok)
		} else if err == nil {
			a.cfg.Output.Send(record, ok)
		}
		if err == nil {
			a.counts.bytesSent.Add(uint64(n))
		}
	}
	return first
}

// sender is the Output for a record that is to stay whole; nil: it need not.
func (a *Association) sender(whole bool) (WholeOutput, error) {
	if !whole {
		return nil, nil //nolint:nilnil // the ordinary case
	}
	if out, ok := a.cfg.Output.(WholeOutput); ok {
		return out, nil
	}
	return nil, errNotWhole
}

// sealTo is the one place where a record of epoch 1 for the wire is made.
func (a *Association) sealTo(dst []byte, typ uint8, plaintext []byte) []byte {
	record := a.protection.seal(dst, typ, 1, a.epoch1Seq, plaintext)
	a.epoch1Seq++
	a.counts.recordsSent.Add(1)
	return record
}

// MediaReceived says that an authenticated SRTP or SRTCP packet came: the peer has our last flight, and the server need
// not keep it any longer.
func (a *Association) MediaReceived() {
	if a.repeatable.CompareAndSwap(true, false) {
		a.mu.Lock()
		a.border.flight = flight{}
		a.mu.Unlock()
	}
}

// Role returns our side of the handshake.
func (a *Association) Role() Role { return a.cfg.Role }

// State returns the current state, which may not have been announced yet.
func (a *Association) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// Err returns why the association failed, nil in any other state.
func (a *Association) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// SelectedSRTPProfile returns the negotiated profile; false before Connected and when there is none of ours.
func (a *Association) SelectedSRTPProfile() (SRTPProfile, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.profile, a.profile != 0
}

// ExportKeyingMaterial is the exporter of RFC 5705 without a context: DTLS-SRTP asks for "EXTRACTOR-dtls_srtp". It fails before Connected.
func (a *Association) ExportKeyingMaterial(label string, n int) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == Initial || a.state == Connecting || a.secrets == nil {
		return nil, ErrNotConnected
	}
	return a.secrets.export(label, n)
}

// PeerCertificates returns the verified certificates of the peer, DER, leaf first; nil before Connected. The caller must not change them.
func (a *Association) PeerCertificates() [][]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.peer
}

// CipherSuite returns the negotiated suite's IANA number; 0 before there are keys.
func (a *Association) CipherSuite() uint16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.secrets == nil {
		return 0
	}
	return a.secrets.suite.id
}

// CipherSuiteName returns the IANA name of a suite that this package negotiates, and "" for any other.
func CipherSuiteName(id uint16) string {
	if s := suiteByID(id); s != nil {
		return s.name
	}
	return ""
}

// Version returns the protocol version on the wire, 0xfefd for DTLS 1.2, the only one.
func (a *Association) Version() uint16 { return versionDTLS12 }

// Overhead returns how many bytes a record is longer than its plaintext: the suite's once there are keys, before that the
// largest there is.
func (a *Association) Overhead() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.protection == nil {
		return maxOverhead
	}
	return a.protection.overhead()
}

// Close sends close_notify once, if the peer knows of the association, and ends it. When it returns the engine's goroutines are
// gone and nothing more is sent; it does not wait for an OnState or deliver that is running, and may be called in one. OnState
// gets Closed unless the association had ended before.
func (a *Association) Close() {
	a.mu.Lock()
	switch a.state {
	case Connecting, Connected:
		a.sendCloseNotify()
		a.setState(Closed, nil)
	case Initial:
		a.setState(Closed, nil)
	}
	a.border.fatal = flightItem{} // not to be repeated any more
	run := a.engine
	a.mu.Unlock()
	if run != nil {
		<-run.done
	}
	a.announce()
}

// sendCloseNotify sends close_notify once, in epoch 1 when that is what we send in by now.
func (a *Association) sendCloseNotify() {
	if a.border.flight.kind == flightNone && a.protection == nil {
		return // nothing was sent: the peer does not know of us
	}
	a.sendAlert(alertWarning, alertCloseNotify)
}

// sendAlert sends one alert, in epoch 1 once our Finished went out, and no second one.
func (a *Association) sendAlert(level, description uint8) {
	if a.notified {
		return
	}
	a.notified = true
	epoch := uint16(0)
	if a.border.finishedSent {
		epoch = 1
	}
	alert := flightItem{typ: typeAlert, epoch: epoch, payload: []byte{level, description}}
	if level == alertFatal {
		a.border.fatal = alert
	}
	a.sendItems([]flightItem{alert})
	a.border.sentAt = time.Now()
}

// fail ends the association with err, and notes the fatal alert that went out before.
func (a *Association) fail(err error) {
	if a.state == Connecting || a.state == Connected {
		if sent := a.border.fatal.payload; len(sent) == 2 {
			err = &LocalAlertError{Description: sent[1], Err: err}
		}
		a.setState(Failed, err)
	}
}

// setState moves on and queues the announcement. A final state stops the timers and lets go of all that was held.
func (a *Association) setState(s State, err error) {
	a.state, a.err = s, err
	a.events = append(a.events, s)
	if s != Closed && s != Failed {
		return
	}
	a.live.Store(false)
	a.repeatable.Store(false)
	a.border.end()
	a.early, a.earlyBytes = nil, 0
	if a.engine != nil {
		a.engine.conn.release()
	}
}

// announce calls OnState for what is queued, unless another goroutine is doing so, which then goes on to these too.
func (a *Association) announce() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		return
	}
	a.draining = true
	for len(a.events) > 0 {
		s, err := a.events[0], error(nil)
		a.events = a.events[1:]
		if s == Failed {
			err = a.err
		}
		a.mu.Unlock()
		if a.cfg.OnState != nil {
			a.cfg.OnState(s, err)
		}
		if s == Connected {
			a.replayEarly()
		}
		a.mu.Lock()
	}
	a.draining = false
}

// replayEarly hands out the application data that came before Connected was announced, then lets the reader deliver itself.
func (a *Association) replayEarly() {
	for {
		a.mu.Lock()
		if a.state != Connected {
			a.mu.Unlock()
			return
		}
		batch := a.early
		a.early, a.earlyBytes = nil, 0
		if len(batch) == 0 {
			a.live.Store(true)
			a.mu.Unlock()
			return
		}
		a.mu.Unlock()
		for _, plaintext := range batch {
			if a.deliver != nil {
				a.deliver(plaintext)
			}
		}
	}
}
