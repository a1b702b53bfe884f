package webrtc

import (
	"errors"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
)

// sctpEvents takes what the SCTP engine reports, on the engine's goroutines,
// and keeps the methods off SCTPTransport's public face.
type sctpEvents struct {
	t      *SCTPTransport
	engine sctpEngine // whose events they are
}

// post runs f on the loop, unless the association has been replaced.
func (e *sctpEvents) post(f func(now time.Time)) {
	e.t.loop.Post(func(now time.Time) {
		if e.present() {
			f(now)
		}
	})
}

// present reports whether the association is still the transport's. On the loop.
func (e *sctpEvents) present() bool { return e.t.engine.Load() == e.engine }

// proven tells the loop that the peer sends on channels: the association is up. It
// waits for that, and reports false where the association has been replaced.
func (e *sctpEvents) proven() bool {
	present := false
	err := e.t.loop.Ask(func(time.Time) {
		if present = e.present(); present {
			e.t.announceAll()
		}
	})
	return err == nil && present
}

// Established is called once the association is up.
func (e *sctpEvents) Established() {
	e.post(func(time.Time) { e.t.announceAll() })
}

// Message takes one message. It blocks while too much waits for the
// application, which slows the sender.
func (e *sctpEvents) Message(id uint16, ppid uint32, payload []byte) {
	if sctp.PPID(ppid) == sctp.PPIDControl {
		e.control(id, payload)
		return
	}
	if channel := e.t.channel(id); channel != nil {
		channel.receive(e, sctp.PPID(ppid), payload)
		return
	}
	e.t.log.debug("message on a stream without a channel", "stream", id)
}

// control takes a DCEP message (RFC 8832). It waits for the loop, so that
// messages behind an OPEN find the channel and follow its event.
func (e *sctpEvents) control(id uint16, payload []byte) {
	message, err := sctp.ParseControl(payload)
	if err != nil {
		e.t.log.warn("data channel control message", "stream", id, "error", err)
		if !errors.Is(err, sctp.ErrUnknownMessage) {
			e.post(func(time.Time) { e.t.refuse(id) })
		}
		return
	}
	switch m := message.(type) {
	case *sctp.ChannelOpen:
		e.open(id, m)
	case sctp.ChannelAck:
		if channel := e.t.channel(id); channel != nil {
			channel.acknowledged()
		}
	}
}

// open takes an OPEN. It counts as a message until OnDataChannel has returned,
// so that a peer that opens and closes channels cannot pile up their events.
func (e *sctpEvents) open(id uint16, m *sctp.ChannelOpen) {
	size := channelOverhead + len(m.Label) + len(m.Protocol)
	if !e.t.window.acquire(size) {
		return
	}
	_ = e.t.loop.Ask(func(now time.Time) {
		if e.present() {
			e.t.accept(now, id, m)
		}
		e.t.loop.Emit(func() { e.t.window.release(size) })
	})
}

// channelOverhead is about what a channel and its events take, in bytes.
const channelOverhead = 4096

// StreamReset says that the peer closed its direction. Ours is closed in return
// even where no channel is, as the peer waits for it (RFC 8831 section 6.7).
func (e *sctpEvents) StreamReset(id uint16) {
	e.post(func(time.Time) { e.t.refuse(id) })
}

// StreamClosed says that both directions are reset: the identifier is free.
func (e *sctpEvents) StreamClosed(id uint16) {
	e.post(func(time.Time) {
		if channel := e.t.channels[id]; channel != nil {
			channel.closed()
		}
	})
}

// BufferedAmountLow says that the bytes waiting on a stream fell to its
// threshold.
func (e *sctpEvents) BufferedAmountLow(id uint16) {
	if channel := e.t.channel(id); channel != nil {
		channel.sending.drained()
	}
}

// Closed is the last call; nil is an end in order.
func (e *sctpEvents) Closed(err error) {
	e.post(func(now time.Time) { e.t.lost(now, err) })
}

// channel finds the channel of a stream. Any goroutine.
func (t *SCTPTransport) channel(id uint16) *DataChannel {
	channel, ok := t.byStream.Load(id)
	if !ok {
		return nil
	}
	return channel.(*DataChannel)
}

// refuse closes the peer's use of a stream, and the channel that is on it. On
// the loop.
//
// See RFC 8832 section 6: an OPEN that breaks the rules closes the channel.
func (t *SCTPTransport) refuse(id uint16) {
	if channel := t.channels[id]; channel != nil {
		channel.peerClosed()
	} else if engine := t.engine.Load(); engine != nil {
		engine.Reset(id)
	}
}

// announceAll opens the channels that waited for the association, which is up.
// On the loop.
//
// See https://www.w3.org/TR/webrtc/#sctp-transport-connected
func (t *SCTPTransport) announceAll() {
	if t.state != SCTPTransportStateConnecting {
		return
	}
	t.limitChannels(t.engine.Load().Stats().maxStreams)
	t.setState(SCTPTransportStateConnected)
	t.resume()
	waiting := t.connecting
	t.connecting = nil
	for _, channel := range waiting {
		t.open(channel)
	}
}

// limitChannels takes the number of streams that was negotiated; an engine that
// does not know it says 0, which is no limit of its own.
func (t *SCTPTransport) limitChannels(streams uint16) {
	if streams == 0 {
		streams = sctp.MaxStreams
	}
	t.maxChannels = streams
	t.ids.SetLimit(int(streams))
}

// add takes a new channel of this end; it opens at once if the association is
// up. On the loop.
func (t *SCTPTransport) add(channel *DataChannel) {
	if t.state == SCTPTransportStateConnected {
		t.open(channel)
		return
	}
	t.connecting = append(t.connecting, channel)
}

// assignAll gives the channels that waited for the DTLS role their identifiers:
// the application's choices first, so that ours keep clear of them. On the loop.
func (t *SCTPTransport) assignAll() {
	t.ids = sctp.NewStreamIDs(t.dtls.isClient())
	for _, chosen := range []bool{true, false} {
		for _, channel := range t.connecting {
			if (channel.params.ID != nil) == chosen {
				t.assign(channel)
			}
		}
	}
}

// assign gives the channel a stream identifier of our parity, unless the
// application chose one. It reports false when none is free. On the loop, once
// the DTLS role is known.
//
// See RFC 8832 section 6.
func (t *SCTPTransport) assign(channel *DataChannel) bool {
	if id := channel.params.ID; id != nil {
		t.ids.Take(sctp.StreamID(*id))
		t.register(channel, *id)
		return true
	}
	next, ok := t.ids.Next()
	if ok {
		t.register(channel, uint16(next))
	}
	return ok
}

func (t *SCTPTransport) register(channel *DataChannel, id uint16) {
	channel.setID(id)
	t.channels[id] = channel
	t.byStream.Store(id, channel)
}

// open opens the channel's stream, tells the peer unless it was negotiated out
// of band, and announces the channel. On the loop.
//
// See https://www.w3.org/TR/webrtc/#announcing-a-data-channel-as-open
func (t *SCTPTransport) open(channel *DataChannel) {
	id := channel.published.latest().id
	const op = "open data channel"
	if id == nil {
		channel.cannotOpen(errorf(KindDataChannelFailure, op, "all stream identifiers are in use"))
		return
	}
	if *id >= t.maxChannels {
		t.forget(*id)
		channel.cannotOpen(errorf(KindDataChannelFailure, op, "ID %d: the peer has %d streams", *id, t.maxChannels))
		return
	}
	if err := channel.openStream(); err != nil {
		t.forget(*id)
		channel.cannotOpen(newError(KindDataChannelFailure, op, err))
		return
	}
	channel.announceOpen()
}

// accept makes the channel that the peer's OPEN asks for. On the loop.
//
// See RFC 8832 section 6 and https://www.w3.org/TR/webrtc/#announcing-a-data-channel-instance
func (t *SCTPTransport) accept(_ time.Time, id uint16, open *sctp.ChannelOpen) {
	t.announceAll() // the peer's OPEN proves that the association is up
	if t.state != SCTPTransportStateConnected {
		return
	}
	// The peer opens streams of its own parity only.
	ours := t.dtls.isClient() == (id%2 == 0)
	if ours || !t.ids.Take(sctp.StreamID(id)) {
		t.log.warn("peer opened a stream that it may not use", "stream", id)
		t.refuse(id)
		return
	}
	channel := newAcceptedChannel(t, open)
	t.register(channel, id)
	if err := channel.acceptStream(); err != nil {
		t.forget(id)
		t.log.warn("accept data channel", "stream", id, "error", err)
		return
	}
	t.channelCounts.accepted++
	channel.setState(DataChannelStateOpen)
	if t.hookDataChannel != nil {
		t.hookDataChannel.emit(t.loop, channel)
	}
	t.onDataChannel.emit(t.loop, channel)
	channel.announceOpen()
}

// forget frees the channel's identifier: both directions of the stream are
// reset. On the loop.
func (t *SCTPTransport) forget(id uint16) {
	delete(t.channels, id)
	t.byStream.Delete(id)
	t.ids.Release(sctp.StreamID(id))
}
