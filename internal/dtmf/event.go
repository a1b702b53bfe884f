package dtmf

import (
	"encoding/binary"
	"time"
)

const (
	// firstReport is when a tone is reported first: after the length of a usual
	// audio packet, as a duration of zero would say that the event is a state
	// (RFC 4733 section 2.3.5).
	firstReport = 20 * time.Millisecond
	// reportInterval is the time between the reports of one event (RFC 4733
	// section 2.5.1.2).
	reportInterval = 50 * time.Millisecond
	// finals is how often the last report of an event or a segment is sent (RFC
	// 4733 section 2.5.1.4).
	finals = 3
	// maxDuration is the longest event that one timestamp can have, in ticks (RFC
	// 4733 section 2.5.1.3).
	maxDuration = 0xFFFF
	// volume is the power of the tone below 0 dBm0, in dB (RFC 4733 section
	// 2.3.4).
	volume = 10

	endBit = 0x80
)

// codes are the event codes of RFC 4733 section 3.2: each tone's is its index.
const codes = "0123456789*#ABCD"

// Packet is one report of an event, for the media stream to send under the
// payload type of telephone-event.
type Packet struct {
	// Start is when the tone began. The media stream turns it into a timestamp,
	// the same for all packets of a tone.
	Start time.Time
	// Offset is to be added to that timestamp, in ticks: 0, or where in a long
	// tone the segment begins.
	Offset uint32
	// Marker is the RTP marker bit: the first packet of a tone (RFC 4733 section
	// 2.2.2).
	Marker bool
	// Payload is the event code, the end bit with the volume, and the duration
	// since the beginning of the segment in ticks (RFC 4733 section 2.3).
	Payload [4]byte
}

// report is a packet and when, after the beginning of its tone, it is sent.
type report struct {
	after  time.Duration
	packet Packet
}

// reports lists the packets of a tone, in the order of sending. gap is the
// silence that follows: the repetitions of the last packet are over before it
// ends. Those of a segment come at once, as the next one has begun. clockRate is
// in hertz.
func reports(code byte, start time.Time, duration, gap time.Duration, clockRate uint32) []report {
	total := ticks(duration, clockRate)
	var out []report
	add := func(after time.Duration, offset, length uint32, end bool) {
		p := Packet{Start: start, Offset: offset, Marker: len(out) == 0}
		p.Payload[0], p.Payload[1] = code, volume
		if end {
			p.Payload[1] |= endBit
		}
		binary.BigEndian.PutUint16(p.Payload[2:], uint16(length))
		out = append(out, report{after, p})
	}
	offset := uint32(0)
	for after := firstReport; after < duration; after += reportInterval {
		for ticks(after, clockRate)-offset > maxDuration {
			for range finals {
				add(after, offset, maxDuration, false)
			}
			offset += maxDuration
		}
		add(after, offset, ticks(after, clockRate)-offset, false)
	}
	for total-offset > maxDuration {
		for range finals {
			add(duration, offset, maxDuration, false)
		}
		offset += maxDuration
	}
	pause := min(reportInterval, gap/finals)
	for i := range finals {
		add(duration+time.Duration(i)*pause, offset, total-offset, true)
	}
	return out
}

// ticks is a time in units of the RTP timestamp.
func ticks(d time.Duration, clockRate uint32) uint32 {
	return uint32(uint64(d) * uint64(clockRate) / uint64(time.Second))
}
