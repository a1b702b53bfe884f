package webrtc

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
)

// DataChannel carries messages to and from the peer, in order and reliably or
// not, as it was created. [PeerConnection.CreateDataChannel] makes one;
// OnDataChannel brings those that the peer made. All methods are safe for
// concurrent use and may be called in callbacks.
//
// See https://www.w3.org/TR/webrtc/#rtcdatachannel
type DataChannel struct {
	transport *SCTPTransport

	params DataChannelParameters // as created; ID is in the snapshot

	published slot[dataChannelSnapshot] // replaced on the loop
	acked     atomic.Bool               // the peer knows the channel: unordered sending may begin
	stopped   atomic.Bool               // Close was called here: what arrives is dropped
	done      chan struct{}             // closed with state closed
	announced atomic.Bool               // the open event is queued

	statsID string // of its entry in a StatsReport
	traffic *channelTraffic

	sending  sendBuffer
	incoming *messageQueue // nil unless channels are detached

	opened              openEvent
	onDial              signalHandler
	onBufferedAmountLow signalHandler
	onClosing           signalHandler
	onClose             signalHandler
	onError             eventHandler[error]
	onMessage           eventHandler[DataChannelMessage]
}

type dataChannelSnapshot struct {
	state DataChannelState
	id    *uint16
}

// NewDataChannel makes a channel on a transport, in the manner of ORTC. It
// opens when the transport is connected. It returns a TypeError for parameters
// that contradict each other, an OperationError for an ID that is taken, and an
// InvalidStateError on a closed transport.
func (api *API) NewDataChannel(transport *SCTPTransport, params *DataChannelParameters) (*DataChannel, error) {
	const op = "new data channel"
	if params == nil {
		return nil, errorf(KindTypeError, op, "no parameters")
	}
	return transport.create(*params, op)
}

// create checks params, makes the channel and adds it. Any goroutine.
//
// See https://www.w3.org/TR/webrtc/#dom-peerconnection-createdatachannel
func (t *SCTPTransport) create(params DataChannelParameters, op string) (*DataChannel, error) {
	if err := params.validate(); err != nil {
		return nil, reop(op, err)
	}
	channel := newDataChannel(t, params)
	err := doOn(t.loop, op, func(time.Time) error { return t.tryAdd(channel, op) })
	if err != nil {
		return nil, err
	}
	return channel, nil
}

func newDataChannel(t *SCTPTransport, params DataChannelParameters) *DataChannel {
	if params.Priority == PriorityTypeUnknown {
		params.Priority = PriorityTypeLow
	}
	d := &DataChannel{
		transport: t, params: params, done: make(chan struct{}),
		statsID: t.channelStatsID(), traffic: new(channelTraffic),
	}
	d.sending.init(d)
	if t.api.settings.detachDataChannels {
		d.incoming = newMessageQueue(maxUndelivered)
	}
	d.published.init(&dataChannelSnapshot{state: DataChannelStateConnecting, id: cloneUint16(params.ID)})
	return d
}

// newAcceptedChannel makes the channel that the peer's OPEN describes.
func newAcceptedChannel(t *SCTPTransport, open *sctp.ChannelOpen) *DataChannel {
	params := DataChannelParameters{
		Label: open.Label, Protocol: open.Protocol, Ordered: open.Ordered,
		Priority: priorityFromDCEP(open.Priority),
	}
	parameter := uint16(min(open.ReliabilityParameter, math.MaxUint16))
	switch open.Reliability {
	case sctp.MaxRetransmits:
		params.MaxRetransmits = &parameter
	case sctp.MaxLifetime:
		params.MaxPacketLifeTime = &parameter
	}
	d := newDataChannel(t, params)
	d.acked.Store(true)
	return d
}

// Label returns the name that the creator gave the channel. It need not be
// unique.
func (d *DataChannel) Label() string { return d.params.Label }

// Protocol returns the subprotocol that the creator named, or "".
func (d *DataChannel) Protocol() string { return d.params.Protocol }

// Ordered reports whether messages arrive in the order of sending.
func (d *DataChannel) Ordered() bool { return d.params.Ordered }

// MaxPacketLifeTime returns for how many milliseconds a message is
// retransmitted, or nil if that has no limit.
func (d *DataChannel) MaxPacketLifeTime() *uint16 { return cloneUint16(d.params.MaxPacketLifeTime) }

// MaxRetransmits returns how often a message is retransmitted, or nil if that
// has no limit.
func (d *DataChannel) MaxRetransmits() *uint16 { return cloneUint16(d.params.MaxRetransmits) }

// Priority returns the channel's share when several of this end have something to
// send: the path is divided among them as 1 (very low), 2, 4 and 8 (high). The peer is
// told, for what it sends. SCTPEnginePion does not divide.
//
// See https://www.w3.org/TR/webrtc-priority/#datachannel
func (d *DataChannel) Priority() PriorityType { return d.params.Priority }

// Negotiated reports whether both applications created the channel with the
// same ID, instead of one announcing it to the other.
func (d *DataChannel) Negotiated() bool { return d.params.Negotiated }

// ID returns the stream identifier, or nil until one is assigned, which is when
// the DTLS role is known.
func (d *DataChannel) ID() *uint16 { return cloneUint16(d.published.Load().id) }

// ReadyState returns where the channel is.
func (d *DataChannel) ReadyState() DataChannelState { return d.published.Load().state }

// Transport returns the association that carries the channel.
func (d *DataChannel) Transport() *SCTPTransport { return d.transport }

// OnOpen sets the handler for the channel becoming usable. It gets a goroutine
// of its own and need not return. If the event has been delivered while there
// was no handler, f is called now.
func (d *DataChannel) OnOpen(f func()) { d.opened.set(d.transport.loop, f) }

// OnDial sets a handler that runs before OnOpen on channels of this end.
func (d *DataChannel) OnDial(f func()) { d.onDial.set(f) }

// OnMessage sets the handler for messages. They are delivered one at a time
// after OnDataChannel has returned and OnOpen has started; a handler that takes
// long slows the peer's sending on all channels of the connection. The handler
// owns the message's bytes. Messages that arrive while there is no handler are
// dropped.
func (d *DataChannel) OnMessage(f func(msg DataChannelMessage)) { d.onMessage.set(f) }

// OnBufferedAmountLow sets the handler for BufferedAmount falling to the
// threshold or below.
func (d *DataChannel) OnBufferedAmountLow(f func()) { d.onBufferedAmountLow.set(f) }

// OnClosing sets the handler for the channel beginning to close because the
// peer closed it or the connection underneath ended; Close of this end is
// followed by OnClose alone.
func (d *DataChannel) OnClosing(f func()) { d.onClosing.set(f) }

// OnClose sets the handler for the channel being closed. After
// PeerConnection.Close of this end it is not called.
func (d *DataChannel) OnClose(f func()) { d.onClose.set(f) }

// OnError sets the handler for a failure; OnClose follows. That the peer closed
// its PeerConnection counts as one, that it closed the channel does not.
func (d *DataChannel) OnError(f func(err error)) { d.onError.set(f) }

// BufferedAmount returns how many bytes of the application's messages have been
// given to Send and have not been transmitted yet, as far as congestion control and the
// peer's window let them. With SCTPEnginePion bytes count until the peer has
// acknowledged them.
func (d *DataChannel) BufferedAmount() uint64 { return d.sending.amount() }

// BufferedAmountLowThreshold returns what SetBufferedAmountLowThreshold set; 0
// at first.
func (d *DataChannel) BufferedAmountLowThreshold() uint64 { return d.sending.threshold() }

// SetBufferedAmountLowThreshold sets the number of bytes at which
// OnBufferedAmountLow is called when BufferedAmount falls to it.
func (d *DataChannel) SetBufferedAmountLowThreshold(th uint64) { d.sending.setThreshold(th) }

// Send queues a binary message, which may be empty. It never blocks: use
// [DataChannel.SendContext], or BufferedAmount, to go at the pace of the path.
// data may be reused when it returns. It returns an InvalidStateError unless
// the channel is open, and a TypeError for a message larger than
// [SCTPTransport.MaxMessageSize].
//
// See https://www.w3.org/TR/webrtc/#datachannel-send
func (d *DataChannel) Send(data []byte) error { return d.send(sctp.PPIDBinary, data) }

// SendText queues a text message, which should be UTF-8. See Send.
func (d *DataChannel) SendText(s string) error { return d.send(sctp.PPIDString, []byte(s)) }

// SendContext is Send that first waits until less than 1 MiB waits to be
// sent, so that a loop around it runs at the pace of the path. It returns the
// context's error when ctx ends first; then nothing was queued.
func (d *DataChannel) SendContext(ctx context.Context, data []byte) error {
	return d.sendContext(ctx, sctp.PPIDBinary, data)
}

// SendTextContext is SendText that waits like SendContext.
func (d *DataChannel) SendTextContext(ctx context.Context, s string) error {
	return d.sendContext(ctx, sctp.PPIDString, []byte(s))
}

func (d *DataChannel) sendContext(ctx context.Context, ppid sctp.PPID, data []byte) error {
	const op = "send"
	for {
		room, waiting := d.sending.room()
		if room {
			return d.send(ppid, data)
		}
		select {
		case <-waiting:
		case <-d.done:
			return d.notOpen(op)
		case <-ctx.Done():
			d.sending.stopWaiting(waiting)
			return ctx.Err()
		}
	}
}

func (d *DataChannel) send(ppid sctp.PPID, data []byte) error {
	const op = "send"
	if d.ReadyState() != DataChannelStateOpen || d.stopped.Load() {
		return d.notOpen(op)
	}
	if limit := d.transport.MaxMessageSize(); uint64(len(data)) > uint64(limit) {
		return errorf(KindTypeError, op, "message has %d bytes, the peer takes at most %d", len(data), limit)
	}
	if err := d.sending.send(ppid, data); err != nil {
		if d.ReadyState() != DataChannelStateOpen {
			return d.notOpen(op)
		}
		return newError(KindOperation, op, err)
	}
	return nil
}

func (d *DataChannel) notOpen(op string) error {
	if d.transport.loop.Closed() {
		return closedError(op)
	}
	return errorf(KindInvalidState, op, "%w: %q is %v", ErrDataChannelNotOpen, d.params.Label, d.ReadyState())
}

// Close closes the channel once what is queued has been sent; messages that
// still arrive are dropped. It returns at once, OnClose tells of the end.
// Idempotent. The error is always nil.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcdatachannel-close
func (d *DataChannel) Close() error {
	d.stopped.Store(true)
	_ = doOn(d.transport.loop, "close data channel", func(time.Time) error { d.startClosing(); return nil })
	return nil
}

// openStream opens the stream and announces the channel to the peer. On the
// loop. Until the peer has answered, even an unordered channel sends in order,
// so that no message overtakes the OPEN. See RFC 8832 section 6.
func (d *DataChannel) openStream() error {
	d.onDial.emit(d.transport.loop)
	if d.params.Negotiated {
		d.acked.Store(true)
		return d.sending.open(d.streamParams())
	}
	params := d.streamParams()
	params.unordered = false
	if err := d.sending.open(params); err != nil {
		return err
	}
	message, err := d.openMessage().Marshal()
	if err != nil {
		return err
	}
	if limit := d.transport.sendLimit(); len(message) > int(limit) {
		return fmt.Errorf("label and protocol do not fit in a message, the peer takes at most %d bytes", limit)
	}
	return d.sending.send(sctp.PPIDControl, message)
}

// acceptStream answers the peer's OPEN. On the loop.
func (d *DataChannel) acceptStream() error {
	if err := d.sending.open(d.streamParams()); err != nil {
		return err
	}
	message, err := sctp.ChannelAck{}.Marshal()
	if err != nil {
		return err
	}
	return d.sending.send(sctp.PPIDControl, message)
}

func (d *DataChannel) streamParams() streamParams {
	return streamParams{
		unordered: !d.params.Ordered, maxRetransmits: d.params.MaxRetransmits, maxLifetime: d.params.MaxPacketLifeTime,
		priority: d.Priority().dcep(),
	}
}

func (d *DataChannel) openMessage() sctp.ChannelOpen {
	open := sctp.ChannelOpen{
		Ordered: d.params.Ordered, Label: d.params.Label, Protocol: d.params.Protocol,
		Priority: d.Priority().dcep(),
	}
	switch {
	case d.params.MaxRetransmits != nil:
		open.Reliability, open.ReliabilityParameter = sctp.MaxRetransmits, uint32(*d.params.MaxRetransmits)
	case d.params.MaxPacketLifeTime != nil:
		open.Reliability, open.ReliabilityParameter = sctp.MaxLifetime, uint32(*d.params.MaxPacketLifeTime)
	}
	return open
}

// acknowledged notes that the peer knows the channel. On the stream's reader.
func (d *DataChannel) acknowledged() {
	if d.acked.CompareAndSwap(false, true) && !d.params.Ordered {
		_ = d.sending.open(d.streamParams())
	}
}

// receive takes a message of an association on the stream's reader, and blocks while
// too much waits for the application. The first one waits for the loop, so that it
// follows the open event: it may come before the loop knows that the association
// is up, and before the turn has ended that opens the channel.
func (d *DataChannel) receive(from *sctpEvents, ppid sctp.PPID, payload []byte) {
	if !d.announced.Load() {
		if !from.proven() {
			return
		}
		d.announced.Store(true)
	}
	d.acknowledged() // a message proves it as well as an ACK
	if ppid == sctp.PPIDStringEmpty || ppid == sctp.PPIDBinaryEmpty {
		payload = []byte{}
	}
	message := DataChannelMessage{IsString: ppid == sctp.PPIDString || ppid == sctp.PPIDStringEmpty, Data: payload}
	if d.stopped.Load() {
		return
	}
	if d.incoming != nil {
		d.incoming.push(message, &d.traffic.received)
		return
	}
	window := d.transport.window
	if !window.acquire(len(payload)) {
		return
	}
	d.transport.loop.Deliver(func() {
		defer window.release(len(payload))
		if !d.stopped.Load() {
			d.traffic.received.add(len(message.Data))
			d.onMessage.call(message)
		}
	})
}
