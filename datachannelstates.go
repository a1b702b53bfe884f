package webrtc

import "github.com/passerelle-rtc/webrtc/internal/sctp"

// The life of a channel: connecting, open, closing, closed. All of this file
// runs on the loop; the transport calls it.

func (d *DataChannel) setID(id uint16) {
	d.published.publish(d.transport.loop, &dataChannelSnapshot{state: d.published.latest().state, id: &id})
	d.sending.id = id
}

// setState publishes a state. It reports false where the channel is there or
// beyond: states only move forward.
func (d *DataChannel) setState(state DataChannelState) bool {
	old := d.published.latest()
	if old.state >= state {
		return false
	}
	d.published.publish(d.transport.loop, &dataChannelSnapshot{state: state, id: old.id})
	d.transport.countState(d, old.state, state)
	if state == DataChannelStateClosed {
		d.sending.close()
		close(d.done)
		if d.incoming != nil {
			d.incoming.end()
		}
	}
	return true
}

// announceOpen makes the channel usable and queues its open event. An accepted
// channel is open already when OnDataChannel runs, as W3C wants.
//
// See https://www.w3.org/TR/webrtc/#announcing-a-data-channel-as-open
func (d *DataChannel) announceOpen() {
	d.setState(DataChannelStateOpen)
	d.transport.loop.Emit(func() {
		if !d.stopped.Load() { // a peer that has closed it meanwhile does not undo the event
			d.opened.deliver(d.transport.loop)
		}
	})
	d.transport.onDataChannelOpened.emit(d.transport.loop, d)
}

// startClosing is the closing procedure begun by this end: the stream is reset
// after what is queued.
//
// See https://www.w3.org/TR/webrtc/#data-transport-closing-procedure
func (d *DataChannel) startClosing() {
	before := d.published.latest()
	if !d.setState(DataChannelStateClosing) {
		return
	}
	if before.state == DataChannelStateConnecting {
		d.transport.drop(d)
		d.announceClosed()
		return
	}
	d.transport.reset(d.sending.id)
}

// peerClosed is the closing procedure begun by the peer, or its answer to ours.
func (d *DataChannel) peerClosed() {
	if !d.setState(DataChannelStateClosing) {
		return
	}
	d.onClosing.emit(d.transport.loop)
	d.transport.reset(d.sending.id)
}

// closed ends the procedure: both directions of the stream are reset.
func (d *DataChannel) closed() {
	if d.setState(DataChannelStateClosing) {
		d.onClosing.emit(d.transport.loop)
	}
	d.transport.forget(d.sending.id)
	d.announceClosed()
}

func (d *DataChannel) announceClosed() {
	if d.setState(DataChannelStateClosed) {
		d.onClose.emit(d.transport.loop)
	}
}

// transportEnded closes the channel after the end of what is underneath;
// failure is nil if that was in order.
//
// See https://www.w3.org/TR/webrtc/#announcing-a-data-channel-as-closed
func (d *DataChannel) transportEnded(failure error) {
	if d.published.latest().state == DataChannelStateClosed {
		return
	}
	if d.setState(DataChannelStateClosing) {
		d.onClosing.emit(d.transport.loop)
	}
	if failure != nil {
		d.onError.emit(d.transport.loop, failure)
	}
	d.announceClosed()
}

// cannotOpen ends a channel that never opened: error and close, without closing.
// On the loop.
//
// See https://www.w3.org/TR/webrtc/#dfn-unable-to-create-an-rtcdatachannel
func (d *DataChannel) cannotOpen(failure error) {
	if d.published.latest().state == DataChannelStateClosed {
		return
	}
	d.onError.emit(d.transport.loop, failure)
	d.announceClosed()
}

// closeSilently is for PeerConnection.Close, which fires no events.
func (d *DataChannel) closeSilently() {
	d.stopped.Store(true)
	d.setState(DataChannelStateClosed)
	d.opened.missed()
}

// tryAdd is add with the checks that need the transport's state.
func (t *SCTPTransport) tryAdd(channel *DataChannel, op string) error {
	if t.state == SCTPTransportStateClosed {
		return errorf(KindInvalidState, op, "the SCTP transport is closed")
	}
	if id := channel.published.latest().id; id != nil {
		switch {
		case t.taken(*id):
			return errorf(KindOperation, op, "ID %d is in use", *id)
		case t.maxChannels != 0 && *id >= t.maxChannels:
			return errorf(KindOperation, op, "ID %d: the peer has %d streams", *id, t.maxChannels)
		}
	}
	if t.ids != nil && !t.assign(channel) {
		return errorf(KindOperation, op, "all IDs are in use")
	}
	t.channelCounts.requested++
	t.add(channel)
	if t.hookAdded != nil {
		t.hookAdded()
	}
	return nil
}

// taken reports whether a channel uses the identifier.
func (t *SCTPTransport) taken(id uint16) bool {
	if t.ids != nil {
		return t.ids.InUse(sctp.StreamID(id))
	}
	for _, waiting := range t.connecting {
		if other := waiting.published.latest().id; other != nil && *other == id {
			return true
		}
	}
	return false
}

// drop removes a channel that never opened.
func (t *SCTPTransport) drop(channel *DataChannel) {
	for i, waiting := range t.connecting {
		if waiting == channel {
			t.connecting = append(t.connecting[:i:i], t.connecting[i+1:]...)
			break
		}
	}
	if id := channel.published.latest().id; id != nil && t.channels[*id] == channel {
		t.forget(*id)
	}
}
