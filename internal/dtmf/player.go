package dtmf

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits and defaults of webrtc-pc section 7.2.2, insertDTMF.
const (
	DefaultDuration = 100 * time.Millisecond
	DefaultGap      = 70 * time.Millisecond

	minDuration = 40 * time.Millisecond
	minGap      = 30 * time.Millisecond
	maxTime     = 6 * time.Second
	commaDelay  = 2 * time.Second
)

// ErrUnrecognized: a character is no tone.
var ErrUnrecognized = errors.New("unrecognized tone")

// Player plays the tones of one sender. The zero value is ready; its owner calls
// Advance when Deadline has come and drains NextTone and NextPacket.
type Player struct {
	buffer        string        // [[ToneBuffer]]
	duration, gap time.Duration // [[Duration]], [[InterToneGap]]
	due           time.Time     // of the playout task that is scheduled; zero: none is
	pending       []report      // of the tone that is played
	tones         []string
	packets       []Packet
}

// Insert replaces what is still to be played, but for a tone that is being
// played; an empty text only cancels. duration is that of a tone and gap of the
// silence behind it; both are clamped as W3C has it. It returns an error that
// matches ErrUnrecognized, and changes nothing, for a character that is no tone.
func (p *Player) Insert(now time.Time, tones string, duration, gap time.Duration) error {
	buffer := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'd' {
			return r - 'a' + 'A'
		}
		return r
	}, tones)
	for i, r := range buffer {
		if r != ',' && !strings.ContainsRune(codes, r) {
			return fmt.Errorf("%w %q at %d", ErrUnrecognized, r, i)
		}
	}
	p.buffer = buffer
	p.duration = max(minDuration, min(duration, maxTime))
	p.gap = max(minGap, min(gap, maxTime))
	if buffer != "" && p.due.IsZero() {
		p.due = now
	}
	return nil
}

// Buffer returns the tones that are still to be played.
func (p *Player) Buffer() string { return p.buffer }

// Deadline returns when Advance has something to do; zero is never.
func (p *Player) Deadline() time.Time {
	if len(p.pending) == 0 {
		return p.due
	}
	next := p.pending[0].packet.Start.Add(p.pending[0].after)
	if p.due.IsZero() || next.Before(p.due) {
		return next
	}
	return p.due
}

// Advance does what is due. clockRate is that of the telephone-event format to
// use, in hertz; 0 says that DTMF cannot be sent now (webrtc-pc section 7.3).
func (p *Player) Advance(now time.Time, clockRate uint32) {
	for len(p.pending) > 0 && !p.pending[0].packet.Start.Add(p.pending[0].after).After(now) {
		p.packets = append(p.packets, p.pending[0].packet)
		p.pending = p.pending[1:]
	}
	if !p.due.IsZero() && !p.due.After(now) {
		p.playout(now, clockRate)
	}
}

// playout is W3C's DTMF playout task.
func (p *Player) playout(now time.Time, clockRate uint32) {
	p.due = time.Time{}
	if clockRate == 0 {
		return
	}
	if p.buffer == "" {
		p.tones = append(p.tones, "")
		return
	}
	tone := p.buffer[:1]
	p.buffer = p.buffer[1:]
	if tone == "," {
		p.due = now.Add(commaDelay)
	} else {
		code := byte(strings.Index(codes, tone))
		p.pending = append(p.pending, reports(code, now, p.duration, p.gap, clockRate)...)
		p.due = now.Add(p.duration + p.gap)
	}
	p.tones = append(p.tones, tone)
}

// NextTone returns a tone that has begun, or "" when the last one is over.
func (p *Player) NextTone() (tone string, ok bool) {
	if len(p.tones) == 0 {
		return "", false
	}
	tone, p.tones = p.tones[0], p.tones[1:]
	return tone, true
}

// NextPacket returns a packet to send now.
func (p *Player) NextPacket() (Packet, bool) {
	if len(p.packets) == 0 {
		return Packet{}, false
	}
	packet := p.packets[0]
	p.packets = p.packets[1:]
	return packet, true
}
