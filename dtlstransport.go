package webrtc

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/dtls"
	"github.com/passerelle-rtc/webrtc/internal/loop"
	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/pion/rtcp"
)

// DTLSTransport keeps what an ICE transport carries private and proves who the
// peer is by the fingerprint that was signalled (RFC 6347, RFC 8827 section
// 6.5). A PeerConnection makes its own; [API.NewDTLSTransport] makes one that
// stands alone. All methods are safe for concurrent use.
//
// See https://www.w3.org/TR/webrtc/#rtcdtlstransport-interface
type DTLSTransport struct {
	api         *API
	loop        *loop.Loop
	ice         *ICETransport
	log         connLog
	certificate Certificate

	// Owned by the loop.
	state       DTLSTransportState
	remote      *DTLSParameters // nil until begin; those of association, once there is one
	association *dtls.Association
	cause       error // why state is failed
	sctp        *SCTPTransport
	rtp         *rtpTransport
	onState     func(now time.Time, state DTLSTransportState) // of the connection
	waiters     []chan struct{}

	fingerprints atomic.Pointer[[]DTLSFingerprint] // the peer's, now in force
	current      atomic.Pointer[dtls.Association]  // association, for the readers

	inbound earlyPackets // DTLS datagrams, for the association
	data    earlyPackets // application data, for SCTP

	published     slot[dtlsTransportSnapshot]
	onStateChange eventHandler[DTLSTransportState]
	onError       eventHandler[error]
}

type dtlsTransportSnapshot struct {
	state              DTLSTransportState
	remoteCertificates [][]byte
	cause              error
}

// NewDTLSTransport makes a transport on an ICE transport. Of certificates the
// first is used; with none, one is made (ECDSA P-256). An expired certificate
// is an InvalidAccessError.
func (api *API) NewDTLSTransport(transport *ICETransport, certificates []Certificate) (*DTLSTransport, error) {
	const op = "new DTLS transport"
	certificate, err := chooseCertificate(certificates, time.Now(), op)
	if err != nil {
		return nil, err
	}
	t := newDTLSTransport(api, transport, certificate)
	transport.loop.Post(func(time.Time) { t.attach() })
	return t, nil
}

// chooseCertificate returns the first of certificates, or a new one.
func chooseCertificate(certificates []Certificate, now time.Time, op string) (Certificate, error) {
	if len(certificates) == 0 {
		c, err := newDefaultCertificate(now)
		if err != nil {
			return Certificate{}, newError(KindOperation, op, err)
		}
		return *c, nil
	}
	c := certificates[0]
	if now.After(c.Expires()) {
		return Certificate{}, errorf(KindInvalidAccess, op, "certificate expired at %v", c.Expires())
	}
	return c, nil
}

func newDTLSTransport(api *API, transport *ICETransport, certificate Certificate) *DTLSTransport {
	t := &DTLSTransport{
		api: api, loop: transport.loop, ice: transport, log: transport.log,
		certificate: certificate,
		state:       DTLSTransportStateNew,
	}
	t.rtp = newRTPTransport(t)
	t.published.init(&dtlsTransportSnapshot{state: DTLSTransportStateNew})
	return t
}

// attach makes the readers pass DTLS to t. On the loop.
func (t *DTLSTransport) attach() {
	t.ice.dtls = t
	t.ice.gatherer.publishInbound()
}

// ICETransport returns the transport underneath.
func (t *DTLSTransport) ICETransport() *ICETransport { return t.ice }

// State returns where the transport is.
func (t *DTLSTransport) State() DTLSTransportState { return t.published.Load().state }

// OnStateChange sets the handler for changes of State.
func (t *DTLSTransport) OnStateChange(f func(DTLSTransportState)) { t.onStateChange.set(f) }

// OnError sets the handler that learns why the transport failed: a fingerprint
// that does not match, a peer's alert, no common cipher suite.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcdtlstransport-onerror
func (t *DTLSTransport) OnError(f func(error)) { t.onError.set(f) }

// GetLocalParameters returns the fingerprints to signal to the peer, with the
// role DTLSRoleAuto.
func (t *DTLSTransport) GetLocalParameters() (DTLSParameters, error) {
	fingerprints, err := t.certificate.GetFingerprints()
	if err != nil {
		return DTLSParameters{}, newError(KindOperation, "get local DTLS parameters", err)
	}
	return DTLSParameters{Role: DTLSRoleAuto, Fingerprints: fingerprints}, nil
}

// GetRemoteCertificate returns the peer's certificate in DER form once the
// transport is connected, nil before.
func (t *DTLSTransport) GetRemoteCertificate() []byte {
	if chain := t.GetRemoteCertificates(); len(chain) > 0 {
		return chain[0]
	}
	return nil
}

// GetRemoteCertificates returns the chain of certificates that the peer uses, its
// own first, each in DER form; empty before the transport is connected.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcdtlstransport-getremotecertificates
func (t *DTLSTransport) GetRemoteCertificates() [][]byte {
	var chain [][]byte
	for _, der := range t.published.Load().remoteCertificates {
		chain = append(chain, slices.Clone(der))
	}
	return chain
}

// Start begins the handshake with the peer's parameters as soon as the ICE
// transport is connected, and returns when it has ended: nil when connected, an
// OperationError when it failed. With the peer's role DTLSRoleAuto the
// controlling end of ICE is the server. A second call is an InvalidStateError,
// parameters without a fingerprint are an InvalidAccessError.
func (t *DTLSTransport) Start(remoteParameters DTLSParameters) error {
	return t.StartContext(context.Background(), remoteParameters)
}

// StartContext is Start with a limit: it returns the context's error when ctx
// ends first, and the transport goes on.
func (t *DTLSTransport) StartContext(ctx context.Context, remoteParameters DTLSParameters) error {
	const op = "start DTLS transport"
	done := make(chan struct{})
	err := doOn(t.loop, op, func(now time.Time) error {
		if t.remote != nil {
			return errorf(KindInvalidState, op, "started before")
		}
		t.waiters = append(t.waiters, done)
		return t.begin(now, remoteParameters, op)
	})
	if err != nil {
		return err
	}
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	catchUp(t.loop)
	switch s := t.published.Load(); s.state {
	case DTLSTransportStateFailed:
		return dtlsError(op, s.cause)
	case DTLSTransportStateClosed:
		return closedError(op)
	}
	return nil
}

// Stop sends close_notify and ends the transport. Idempotent.
func (t *DTLSTransport) Stop() error {
	_ = doOn(t.loop, "stop DTLS transport", func(now time.Time) error {
		t.close(now)
		if t.sctp != nil {
			t.sctp.dtlsStateChanged(now, t.state)
		}
		return nil
	})
	t.release()
	return nil
}

// begin keeps the peer's parameters and starts the handshake when ICE allows.
// Later ones, as of an answer after a provisional one, replace them until then.
// After that the association goes on if the peer's certificate is still one that
// was signalled, and otherwise another begins: see renew. On the loop.
//
// See RFC 8842 section 5.5.
func (t *DTLSTransport) begin(now time.Time, remote DTLSParameters, op string) error {
	if len(remote.Fingerprints) == 0 {
		return errorf(KindInvalidAccess, op, "no fingerprint")
	}
	if t.isAnother(remote) {
		t.renew(now, errNewPeer)
	}
	if t.state == DTLSTransportStateClosed {
		return closedError(op)
	}
	t.fingerprints.Store(&remote.Fingerprints)
	if t.association == nil {
		t.remote = &remote
		t.startHandshake(now)
	} else if t.state == DTLSTransportStateConnected {
		t.connected(now)
	}
	return nil
}

// iceStateChanged runs on the loop when the transport underneath moves.
func (t *DTLSTransport) iceStateChanged(now time.Time, _ ICETransportState) { t.startHandshake(now) }

// startHandshake starts the handshake once both the peer's parameters and a
// path are there. On the loop.
func (t *DTLSTransport) startHandshake(now time.Time) {
	if t.remote == nil || t.state != DTLSTransportStateNew || t.ice.path.Load() == nil {
		return
	}
	settings := &t.api.settings
	var a *dtls.Association
	a = dtls.New(dtls.Config{
		Role:               t.role(),
		Certificate:        t.certificate.tlsCertificate(),
		SRTPProfiles:       settings.rtp.profiles(),
		VerifyPeer:         t.verify,
		Output:             &dtlsOutput{ice: t.ice},
		RetransmitInterval: settings.dtls.retransmissionInterval,
		LoggerFactory:      t.log.factory(),
		KeyLog:             settings.dtls.keyLog,
		OnState: func(s dtls.State, err error) {
			t.loop.Post(func(now time.Time) { t.handleState(now, a, s, err) })
		},
	})
	t.association = a
	t.current.Store(a)
	t.setState(now, DTLSTransportStateConnecting, nil)
	deliver := func(plaintext []byte) {
		if t.current.Load() == a { // else what was under way before it was replaced
			t.deliver(plaintext)
		}
	}
	a.SetDeliver(deliver)
	if err := a.Start(); err != nil {
		t.setState(now, DTLSTransportStateFailed, err)
		return
	}
	t.inbound.open(now, func(now time.Time, datagram []byte) { a.HandleDatagram(now, datagram, deliver) })
}

// role is ours, from the peer's. See RFC 8842 section 5.
func (t *DTLSTransport) role() dtls.Role {
	switch t.remote.Role {
	case DTLSRoleClient:
		return dtls.Server
	case DTLSRoleServer:
		return dtls.Client
	}
	if t.ice.role == ICERoleControlling {
		return dtls.Server
	}
	return dtls.Client
}

// isClient reports whether this end is the DTLS client, which decides the
// parity of stream identifiers (RFC 8832 section 6). On the loop, after begin.
func (t *DTLSTransport) isClient() bool { return t.role() == dtls.Client }

// verify checks the peer's certificate against the fingerprints in force. Any
// goroutine.
func (t *DTLSTransport) verify(der [][]byte) error {
	if len(der) == 0 {
		return errors.New("the peer sent no certificate")
	}
	if _, err := x509.ParseCertificate(der[0]); err != nil {
		return fmt.Errorf("the peer's certificate: %w", err)
	}
	if t.api.settings.dtls.disableFingerprintVerification {
		return nil
	}
	return verifyFingerprints(der[0], *t.fingerprints.Load())
}

// receive takes a DTLS datagram from an address that ICE has validated. On the
// socket's reader.
func (t *DTLSTransport) receive(now time.Time, datagram []byte) { t.inbound.handle(now, datagram) }

// deliver takes opened application data, on the socket's reader.
func (t *DTLSTransport) deliver(plaintext []byte) {
	now := time.Now()
	t.ice.dataReceived(now)
	t.data.handle(now, plaintext)
}

// handleState runs on the loop when an association moves.
func (t *DTLSTransport) handleState(now time.Time, a *dtls.Association, s dtls.State, err error) {
	if a != t.association {
		return // it was replaced
	}
	switch s {
	case dtls.Connected:
		t.connected(now)
	case dtls.Closed:
		t.setState(now, DTLSTransportStateClosed, nil)
	case dtls.Failed:
		t.setState(now, DTLSTransportStateFailed, err)
	}
}

// connected checks the peer once more, as the fingerprints may have changed
// since the handshake did.
func (t *DTLSTransport) connected(now time.Time) {
	association := t.association
	if err := t.verify(association.PeerCertificates()); err != nil {
		t.setState(now, DTLSTransportStateFailed, err)
		t.ice.gatherer.work.Go(association.Close)
		return
	}
	t.setState(now, DTLSTransportStateConnected, nil)
	t.rtp.connected(now)
}

// mediaReceived notes that an SRTP or SRTCP packet of the peer has authenticated.
// On the socket's reader.
func (t *DTLSTransport) mediaReceived(now time.Time) { t.ice.dataReceived(now) }

// WriteRTCP sends RTCP packets to the peer as one compound packet and returns its
// size; they pass no interceptor. Before the transport is connected they are
// dropped. It returns a TypeError for packets that cannot be marshalled.
func (t *DTLSTransport) WriteRTCP(pkts []rtcp.Packet) (int, error) {
	const op = "write RTCP"
	if t.State() == DTLSTransportStateClosed {
		return 0, closedError(op)
	}
	n, err := t.rtp.writeRTCP(pkts)
	return n, reop(op, err)
}

// dtlsError is W3C's RTCError for the failure of a DTLS transport.
func dtlsError(op string, cause error) *Error {
	e := newError(KindDTLSFailure, op, cause)
	var received *dtls.AlertError
	var sent *dtls.LocalAlertError
	switch {
	case errors.Is(cause, ErrFingerprint):
		e.Kind = KindFingerprintFailure // the alerts are of a dtls-failure
	case errors.As(cause, &received):
		e.ReceivedAlert = &received.Description
	case errors.As(cause, &sent):
		e.SentAlert = &sent.Description
	}
	return e
}

// setState publishes and announces a state; closed and failed are final.
func (t *DTLSTransport) setState(now time.Time, state DTLSTransportState, cause error) {
	if t.state == state || t.state == DTLSTransportStateClosed || t.state == DTLSTransportStateFailed {
		return
	}
	t.state, t.cause = state, cause
	t.publish()
	if cause != nil {
		t.log.warn("DTLS transport", "state", state.String(), "error", cause)
		t.onError.emit(t.loop, dtlsError("DTLS", cause))
	} else {
		t.log.info("DTLS transport", "state", state.String())
	}
	t.onStateChange.emit(t.loop, state)
	if t.onState != nil {
		t.onState(now, state)
	}
	if t.sctp != nil {
		t.sctp.dtlsStateChanged(now, state)
	}
	if state != DTLSTransportStateConnecting {
		t.wake()
	}
}

func (t *DTLSTransport) publish() {
	snapshot := &dtlsTransportSnapshot{state: t.state, cause: t.cause}
	if t.association != nil && t.state == DTLSTransportStateConnected {
		snapshot.remoteCertificates = t.association.PeerCertificates()
	} else if old := t.published.latest(); old != nil {
		snapshot.remoteCertificates = old.remoteCertificates
	}
	t.published.publish(t.loop, snapshot)
}

func (t *DTLSTransport) wake() {
	for _, w := range t.waiters {
		close(w)
	}
	t.waiters = nil
}

// close marks the transport closed without events; release must follow outside
// the loop.
func (t *DTLSTransport) close(time.Time) {
	t.state = DTLSTransportStateClosed
	t.rtp.close()
	t.publish()
	t.wake()
}

// release sends close_notify and waits for the association's goroutines. Off
// the loop, after close.
func (t *DTLSTransport) release() {
	t.inbound.shut()
	t.data.shut()
	var association *dtls.Association
	if t.loop.Ask(func(time.Time) { association = t.association }) != nil {
		<-t.loop.Done()
		association = t.association
	}
	if association != nil {
		association.Close()
	}
}

// dtlsOutput writes sealed datagrams to the selected pair. The association's
// lock guards it.
type dtlsOutput struct {
	ice    *ICETransport
	buffer *netio.Buffer
}

func (o *dtlsOutput) Buffer(n int) []byte {
	o.buffer = netio.GetBuffer()
	if n > len(o.buffer.Cap()) {
		o.buffer.Release()
		o.buffer = nil
		return make([]byte, 0, n) // more than a datagram holds: Send drops it
	}
	return o.buffer.Cap()[:0]
}

func (o *dtlsOutput) SendWhole(b []byte, more bool) {
	if o.buffer != nil {
		o.buffer.KeepWhole()
	}
	o.Send(b, more)
}

func (o *dtlsOutput) Send(b []byte, more bool) {
	buffer := o.buffer
	o.buffer = nil
	if buffer == nil {
		return
	}
	path := o.ice.path.Load()
	if path == nil {
		buffer.Release()
		return
	}
	buffer.SetLen(len(b))
	path.send(buffer, more)
}
