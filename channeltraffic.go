package webrtc

import (
	"strconv"
	"sync"
)

// messageCount counts the application's messages in one direction, and their
// bytes together with them. Safe for concurrent use.
type messageCount struct {
	mu       sync.Mutex
	messages uint64
	bytes    uint64
}

func (c *messageCount) add(n int) {
	c.mu.Lock()
	c.messages++
	c.bytes += uint64(n)
	c.mu.Unlock()
}

func (c *messageCount) get() (messages, bytes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.messages, c.bytes
}

// channelTraffic counts what a data channel carries. A message counts as sent
// when Send has taken it, and as received when OnMessage is called, or, on a
// detached channel, when it can be read.
type channelTraffic struct{ sent, received messageCount }

// channelCounts are the numbers of channels of an association.
//
// See https://www.w3.org/TR/webrtc-stats/#pcstats-dict*
type channelCounts struct {
	requested, accepted uint32 // made by this end, by the peer
	opened, closed      uint32 // entered the state open, left it
}

// channelRecord is what statistics need of a channel, and keep of the closed ones.
type channelRecord struct {
	statsID         string
	label, protocol string
	id              *uint16
	traffic         *channelTraffic
}

// maxClosedChannels bounds how many closed channels statistics keep: channels
// come and go without end, and a label has up to 64 KiB.
const maxClosedChannels = 64

// channelStatsID names the next channel. Any goroutine.
func (t *SCTPTransport) channelStatsID() string {
	return t.statsID + "-D" + strconv.FormatUint(t.channelsMade.Add(1), 10)
}

// countState counts a channel's change of state. On the loop.
func (t *SCTPTransport) countState(d *DataChannel, from, to DataChannelState) {
	if to == DataChannelStateOpen {
		t.channelCounts.opened++
	}
	if from == DataChannelStateOpen {
		t.channelCounts.closed++
	}
	if to != DataChannelStateClosed {
		return
	}
	if len(t.closedChannels) == maxClosedChannels {
		t.closedChannels = append(t.closedChannels[:0], t.closedChannels[1:]...)
	}
	t.closedChannels = append(t.closedChannels, d.forStats())
}
