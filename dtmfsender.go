package webrtc

import (
	"strings"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/dtmf"
)

// DTMFSender sends telephone keys over the audio of an [RTPSender], as RTP
// events (RFC 4733, RFC 7874 section 3). Its methods are safe for concurrent use
// and may be called in callbacks.
//
// See https://www.w3.org/TR/webrtc/#rtcdtmfsender
type DTMFSender struct {
	sender *RTPSender

	// Owned by the loop.
	player dtmf.Player
	member *loopMember // nil until the first InsertDTMF

	published    slot[string] // what is still to be played
	onToneChange eventHandler[string]
}

func newDTMFSender(s *RTPSender) *DTMFSender {
	d := &DTMFSender{sender: s}
	d.published.init(new(string))
	return d
}

// DTMF returns what sends telephone keys beside the sender's audio, or nil for
// video.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcrtpsender-dtmf
func (s *RTPSender) DTMF() *DTMFSender { return s.dtmf }

// InsertDTMF plays tones: 0 to 9, A to D, * and #; a comma is a pause of 2 s.
// duration is that of each tone, from 40 ms to 6 s, and interToneGap the silence
// behind it, from 30 ms to 6 s; a value beyond is brought to the limit, and 0
// stands for W3C's 100 ms and 70 ms. The tones replace those that are still to be
// played, but for one that is being played; "" cancels them. It returns an
// InvalidStateError unless CanInsertDTMF, and an InvalidCharacterError for
// any other character.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcdtmfsender-insertdtmf
func (d *DTMFSender) InsertDTMF(tones string, duration, interToneGap time.Duration) error {
	const op = "insert DTMF"
	if duration == 0 {
		duration = dtmf.DefaultDuration
	}
	if interToneGap == 0 {
		interToneGap = dtmf.DefaultGap
	}
	return d.sender.transceiver.pc.do(op, func(now time.Time) error {
		if _, ok := d.codec(); !ok {
			return errorf(KindInvalidState, op, "DTMF cannot be sent: see CanInsertDTMF")
		}
		if err := d.player.Insert(now, tones, duration, interToneGap); err != nil {
			return newError(KindInvalidCharacter, op, err)
		}
		d.join()
		return nil
	})
}

// CanInsertDTMF reports whether tones can be sent: the connection is connected,
// the transceiver sends a track, its encoding is active, and the peer takes
// telephone-event.
//
// See https://www.w3.org/TR/webrtc/#dfn-determine-if-dtmf-can-be-sent
func (d *DTMFSender) CanInsertDTMF() bool {
	t := d.sender.transceiver
	_, ok := dtmfCodec(t.pc.published.Load().state.connection, t.published.Load(), d.sender.published.Load())
	return ok
}

// ToneBuffer returns the tones that are still to be played.
func (d *DTMFSender) ToneBuffer() string { return *d.published.Load() }

// OnToneChange sets the handler that learns of each tone, commas included, as it
// begins, and gets "" when the last one and the gap behind it are over.
//
// See https://www.w3.org/TR/webrtc/#event-RTCDTMFSender-tonechange
func (d *DTMFSender) OnToneChange(f func(tone string)) { d.onToneChange.set(f) }

// codec is the telephone-event format to use now. On the loop.
func (d *DTMFSender) codec() (codec RTPCodecParameters, ok bool) {
	t := d.sender.transceiver
	return dtmfCodec(t.pc.state.connection, t.published.latest(), d.sender.published.latest())
}

// dtmfCodec is W3C's "determine if DTMF can be sent", and the telephone-event
// format that has the clock rate of the audio beside it, as they share a
// timestamp (RFC 4733 section 2.1); with none of that rate, the first.
func dtmfCodec(state PeerConnectionState, t *transceiverSnapshot, s *senderSnapshot) (codec RTPCodecParameters, ok bool) {
	sends := t.currentDirection == RTPTransceiverDirectionSendrecv || t.currentDirection == RTPTransceiverDirectionSendonly
	active := len(s.encodings) == 0 || s.encodings[0].Active == nil || *s.encodings[0].Active
	if state != PeerConnectionStateConnected || t.direction == RTPTransceiverDirectionStopped || s.track == nil || !sends || !active {
		return codec, false
	}
	rate := uint32(0)
	for _, c := range s.parameters.Codecs {
		event := strings.EqualFold(c.MimeType, MimeTypeTelephoneEvent)
		switch {
		case !event && rate == 0:
			rate = c.ClockRate
		case event && (!ok || codec.ClockRate != rate && c.ClockRate == rate):
			codec, ok = c, true
		}
	}
	return codec, ok
}

// join lets the player run on the connection's loop. On the loop.
func (d *DTMFSender) join() {
	if d.member != nil {
		return
	}
	d.member = &loopMember{deadline: d.player.Deadline, settle: d.settle, advance: func(now time.Time) {
		codec, _ := d.codec()
		d.player.Advance(now, codec.ClockRate)
	}}
	d.sender.owner.loop.Join(d.member)
}

// send puts a packet between those of the track, under the payload type of the
// codec. On the loop.
func (d *DTMFSender) send(now time.Time, codec RTPCodecParameters, p dtmf.Packet) {
	if len(d.sender.flows) == 0 {
		return
	}
	if path := d.sender.flows[0].path.Load(); path != nil {
		path.transport.insert(now, path.stream, codec.PayloadType, p.Marker, p.Start, p.Offset, p.Payload[:])
	}
}

// settle hands on what the player has: packets, tones, and the buffer.
func (d *DTMFSender) settle(now time.Time) bool {
	moved := false
	l := d.sender.owner.loop
	for packet, ok := d.player.NextPacket(); ok; packet, ok = d.player.NextPacket() {
		moved = true
		if codec, can := d.codec(); can {
			d.send(now, codec, packet)
		}
	}
	for tone, ok := d.player.NextTone(); ok; tone, ok = d.player.NextTone() {
		moved = true
		d.onToneChange.emit(l, tone)
	}
	if buffer := d.player.Buffer(); buffer != *d.published.latest() {
		d.published.publish(l, &buffer)
	}
	return moved
}
