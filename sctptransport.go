package webrtc

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/loop"
	"github.com/passerelle-rtc/webrtc/internal/pionsctp"
	"github.com/passerelle-rtc/webrtc/internal/sctp"
)

// sctpPort is the only port in use: data channels do not multiplex
// associations. See RFC 8841 section 5.
const sctpPort = 5000

// SCTPTransport is the SCTP association that the data channels of a connection
// share (RFC 8831). A PeerConnection makes its own; [API.NewSCTPTransport]
// makes one that stands alone. All methods are safe for concurrent use.
//
// See https://www.w3.org/TR/webrtc/#rtcsctptransport-interface
type SCTPTransport struct {
	api  *API
	loop *loop.Loop
	dtls *DTLSTransport
	log  connLog

	// Owned by the loop.
	state       SCTPTransportState
	negotiated  bool   // begin was called
	remoteMax   uint64 // largest message the peer takes; 0 is no limit
	maxChannels uint16 // streams that both ends have; 0 until connected
	ids         *sctp.StreamIDs
	connecting  []*DataChannel // created, not yet announced; in order of creation
	channels    map[uint16]*DataChannel
	established chan struct{} // closed when state leaves connecting
	signalled   signalledSCTP

	statsID        string // of its entry in a StatsReport
	channelsMade   atomic.Uint64
	channelCounts  channelCounts
	closedChannels []channelRecord // the last ones, oldest first

	engine   cell[sctpEngine]
	gap      *sctpGap         // between two associations of the same channels; the loop's
	sender   cell[sendEngine] // what takes messages, the engine or the gap; never empty once it was filled
	byStream sync.Map         // uint16 to *DataChannel, for the readers
	window   *deliveryWindow

	published           slot[sctpTransportSnapshot]
	onDataChannel       eventHandler[*DataChannel]
	onDataChannelOpened eventHandler[*DataChannel]
	onStateChange       eventHandler[SCTPTransportState]
	onClose             eventHandler[error]
	onError             eventHandler[error]
	hookDataChannel     *eventHandler[*DataChannel] // the connection's OnDataChannel
	hookAdded           func()                      // the connection learns of a new channel
	hookLost            func(now time.Time, cause error) (waits bool)
}

type sctpTransportSnapshot struct {
	transport      *DTLSTransport
	state          SCTPTransportState
	maxMessageSize uint32
	maxChannels    uint16 // 0: not negotiated
}

// NewSCTPTransport makes a transport on a DTLS transport.
func (api *API) NewSCTPTransport(dtls *DTLSTransport) *SCTPTransport {
	t := newSCTPTransport(api, dtls)
	t.loop.Post(func(time.Time) { dtls.sctp = t })
	return t
}

func newSCTPTransport(api *API, dtls *DTLSTransport) *SCTPTransport {
	t := &SCTPTransport{
		api: api, loop: dtls.loop, dtls: dtls, log: dtls.log,
		state:       SCTPTransportStateConnecting,
		channels:    make(map[uint16]*DataChannel),
		established: make(chan struct{}),
		statsID:     "S" + newConnectionID(),
		window:      newDeliveryWindow(maxUndelivered),
	}
	t.published.init(&sctpTransportSnapshot{transport: dtls, state: SCTPTransportStateConnecting})
	return t
}

// Transport returns the DTLS transport underneath.
func (t *SCTPTransport) Transport() *DTLSTransport { return t.published.Load().transport }

// State returns where the association is.
func (t *SCTPTransport) State() SCTPTransportState { return t.published.Load().state }

// MaxMessageSize returns the size in bytes of the largest message that Send
// takes, or 0 before it has been negotiated.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcsctptransport-maxmessagesize
func (t *SCTPTransport) MaxMessageSize() uint32 { return t.published.Load().maxMessageSize }

// MaxChannels returns how many channels can be open at a time: the number of
// streams that both ends have, or 0, W3C's null, until it has been negotiated.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcsctptransport-maxchannels
func (t *SCTPTransport) MaxChannels() uint16 { return t.published.Load().maxChannels }

// GetCapabilities returns what to signal to the peer: the largest message that
// it may send.
func (t *SCTPTransport) GetCapabilities() SCTPCapabilities {
	return SCTPCapabilities{MaxMessageSize: t.api.settings.localMaxMessageSize()}
}

// localMaxMessageSize is the max-message-size that we announce; it must fit in
// the receive window, or a message of that size would never arrive whole.
func (e *SettingEngine) localMaxMessageSize() uint32 {
	limit := uint32(maxNativeMessage)
	if e.sctp.engine == SCTPEnginePion {
		limit = pionsctp.DefaultMaxMessageSize
	}
	if e.sctp.receiveBuffer != 0 {
		limit = pionsctp.MaxMessageSize(e.sctp.receiveBuffer)
	}
	if e.sctp.maxMessageSize != 0 {
		return min(e.sctp.maxMessageSize, limit)
	}
	return min(pionsctp.DefaultMaxMessageSize, limit)
}

// maxNativeMessage is the largest message in bytes that our own engine sends to a peer
// that takes it, and may announce: a quarter of the window that it grows to.
const maxNativeMessage = 4 << 20

// BufferedAmount returns the bytes that wait on all channels.
func (t *SCTPTransport) BufferedAmount() int {
	total := uint64(0)
	t.byStream.Range(func(_, channel any) bool {
		total += channel.(*DataChannel).BufferedAmount()
		return true
	})
	return int(total)
}

// OnDataChannel sets the handler for channels that the peer opened. It must
// return before messages of the channel are delivered: set the channel's
// handlers in it.
func (t *SCTPTransport) OnDataChannel(f func(*DataChannel)) { t.onDataChannel.set(f) }

// OnDataChannelOpened sets the handler for every channel that opens.
func (t *SCTPTransport) OnDataChannelOpened(f func(*DataChannel)) { t.onDataChannelOpened.set(f) }

// OnStateChange sets the handler for changes of State.
func (t *SCTPTransport) OnStateChange(f func(SCTPTransportState)) { t.onStateChange.set(f) }

// OnClose sets the handler for the end of the association by the peer or by a
// failure; err is nil if it was shut down in order. Otherwise OnError comes first,
// with the same error. Stop and PeerConnection.Close of this end call neither.
func (t *SCTPTransport) OnClose(f func(err error)) { t.onClose.set(f) }

// OnError sets the handler for failures of the association.
func (t *SCTPTransport) OnError(f func(err error)) { t.onError.set(f) }

// Start begins the association with what the peer signalled, as soon as DTLS is
// connected, and returns when it is established or has failed. Both ends may
// start at once.
func (t *SCTPTransport) Start(capabilities SCTPCapabilities) error {
	const op = "start SCTP transport"
	err := doOn(t.loop, op, func(now time.Time) error {
		if t.negotiated {
			return errorf(KindInvalidState, op, "started before")
		}
		t.begin(now, uint64(capabilities.MaxMessageSize), nil)
		return nil
	})
	if err != nil {
		return err
	}
	<-t.established
	catchUp(t.loop)
	if t.State() == SCTPTransportStateClosed {
		return closedError(op)
	}
	return nil
}

// Stop aborts the association. Idempotent.
func (t *SCTPTransport) Stop() error {
	_ = doOn(t.loop, "stop SCTP transport", func(now time.Time) error { t.close(now); return nil })
	t.release()
	return nil
}

// moveTo puts the association on another DTLS transport, as long as it has not
// begun: the m-section of data need not be bundled with the first. On the loop.
func (t *SCTPTransport) moveTo(dtls *DTLSTransport) {
	if t.dtls == dtls || t.engine.Load() != nil {
		return
	}
	t.dtls.sctp = nil
	t.dtls, dtls.sctp = dtls, t
	t.publish()
}

// begin keeps the peer's parameters and starts the association when DTLS
// allows; a later call with other parameters changes the message size only. init is
// the peer's INIT chunk where both ends have signalled theirs. On the loop.
func (t *SCTPTransport) begin(now time.Time, remoteMax uint64, init []byte) {
	t.remoteMax = remoteMax
	if t.engine.Load() == nil {
		t.signalled.peer = init
	}
	t.negotiated = true
	t.publish()
	t.dtlsStateChanged(now, t.dtls.state)
}

// dtlsStateChanged runs on the loop when the transport underneath moves.
func (t *SCTPTransport) dtlsStateChanged(now time.Time, state DTLSTransportState) {
	switch state {
	case DTLSTransportStateConnected:
		t.startEngine(now)
	case DTLSTransportStateClosed, DTLSTransportStateFailed:
		if t.hookAdded != nil && !t.negotiated {
			return // of a connection that has not negotiated data: another may carry it
		}
		t.lost(now, errors.New("the connection underneath has ended"))
	}
}

// lost ends the association, unless the connection waits whether the peer begins
// another. On the loop.
func (t *SCTPTransport) lost(now time.Time, cause error) {
	if t.state != SCTPTransportStateClosed && t.hookLost != nil && t.hookLost(now, cause) {
		return
	}
	t.ended(now, cause)
}

func (t *SCTPTransport) startEngine(now time.Time) {
	if !t.negotiated || t.engine.Load() != nil || t.state != SCTPTransportStateConnecting {
		return
	}
	engine := t.newEngine(t.dtls.association)
	t.engine.store(engine)
	if t.gap == nil {
		t.assignAll()
		t.sender.store(engine)
	}
	engine.Start(t.signalled.peer)
	t.dtls.data.open(now, func(_ time.Time, packet []byte) { engine.HandlePacket(packet) })
}

// sctpMTU leaves room in 1200 bytes, which every path carries (RFC 8831 section
// 5), for the record layer: 13 bytes of header, 8 of nonce, 16 of tag.
const sctpMTU = 1200 - 13 - 8 - 16

// sendLimit is the largest message that Send takes: what the peer announced, or our
// cap where the peer has no limit (RFC 8841 section 6.1). Who announces more than
// maxNativeMessage has none: its window is probably smaller, and a message that does
// not fit into it never arrives, with some engines.
func (t *SCTPTransport) sendLimit() uint32 {
	limit := uint64(maxNativeMessage)
	if t.api.settings.sctp.engine == SCTPEnginePion {
		limit = pionsctp.MaxSendSize
	}
	if t.remoteMax == 0 || t.remoteMax > limit {
		return pionsctp.MaxSendSize
	}
	return uint32(t.remoteMax)
}

// setState publishes and announces a state. On the loop.
func (t *SCTPTransport) setState(state SCTPTransportState) {
	if t.state == state || t.state == SCTPTransportStateClosed {
		return
	}
	if t.state == SCTPTransportStateConnecting {
		close(t.established)
	}
	t.state = state
	t.log.info("SCTP transport", "state", state.String())
	t.publish()
	t.onStateChange.emit(t.loop, state)
}

func (t *SCTPTransport) publish() {
	snapshot := &sctpTransportSnapshot{transport: t.dtls, state: t.state, maxChannels: t.maxChannels}
	if t.negotiated {
		snapshot.maxMessageSize = t.sendLimit()
	}
	t.published.publish(t.loop, snapshot)
}

// ended closes every channel after the association has gone: in order where
// cause is nil. W3C's procedure for a transport that closes by itself: each
// channel sees closing, error if there is one, and close. On the loop.
//
// See https://www.w3.org/TR/webrtc/#announcing-a-data-channel-as-closed
func (t *SCTPTransport) ended(_ time.Time, cause error) {
	if t.state == SCTPTransportStateClosed {
		return
	}
	t.setState(SCTPTransportStateClosed)
	t.window.close()
	failure := sctpError(cause)
	for _, channel := range t.all() {
		channel.transportEnded(failure)
	}
	if failure != nil {
		t.onError.emit(t.loop, failure)
	}
	t.onClose.emit(t.loop, failure)
	if engine := t.engine.Load(); engine != nil {
		// The peer hears of it, where it is not the cause.
		t.dtls.ice.gatherer.work.Go(func() { engine.Close() })
	}
}

// sctpError is W3C's RTCError for the end of an association; nil stays nil.
func sctpError(cause error) error {
	if cause == nil {
		return nil
	}
	e := newError(KindSCTPFailure, "SCTP", cause)
	var theirs *pionsctp.AbortError
	var ours *sctp.AbortError
	switch {
	case errors.As(cause, &theirs) && theirs.Code != 0:
		e.SCTPCauseCode = &theirs.Code
	case errors.As(cause, &ours) && ours.Code != 0:
		code := uint16(ours.Code)
		e.SCTPCauseCode = &code
	}
	return e
}

// close marks everything closed without events; release must follow outside
// the loop.
func (t *SCTPTransport) close(time.Time) {
	if t.state == SCTPTransportStateConnecting {
		close(t.established)
	}
	t.state = SCTPTransportStateClosed
	t.publish()
	t.window.close()
	for _, channel := range t.all() {
		channel.closeSilently()
	}
}

// release aborts the association and waits for its goroutines. Off the loop.
func (t *SCTPTransport) release() {
	if engine := t.engine.Load(); engine != nil {
		engine.Close()
	}
}

// all lists the channels that are not closed. On the loop.
func (t *SCTPTransport) all() []*DataChannel {
	all := append([]*DataChannel(nil), t.connecting...)
	for _, channel := range t.channels {
		if channel.published.latest().state != DataChannelStateConnecting {
			all = append(all, channel)
		}
	}
	return all
}
