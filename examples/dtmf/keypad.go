package main

import (
	"errors"

	"github.com/pion/rtp"
)

// keyNames are the events 0 to 15 of RFC 4733 section 3.2.
const keyNames = "0123456789*#ABCD"

// A keypad reads telephone keys out of RTP events.
type keypad struct {
	begun bool
	at    uint32 // timestamp of the last event
}

// read returns the key of an event when it begins, and "" for the packets that go
// on with the same: all packets of an event have its timestamp (RFC 4733 section
// 2.2.1), and the last one is sent three times.
func (k *keypad) read(packet *rtp.Packet) (string, error) {
	if len(packet.Payload) < 4 { // section 2.3: event, end bit and volume, duration
		return "", errors.New("an event that is too short")
	}
	if k.begun && packet.Timestamp == k.at {
		return "", nil
	}
	k.begun, k.at = true, packet.Timestamp
	if event := int(packet.Payload[0]); event < len(keyNames) {
		return keyNames[event : event+1], nil
	}
	return "", nil // a fax, or something else that is no key
}
