package rtpsession

// frameCounter counts the frames of a stream of video that have come whole, by what RTP itself says of them: the packets of a frame
// have one timestamp, and the last has the marker bit (RFC 3550 section 5.1 leaves that to the profile; RFC 6184 section 5.1, RFC
// 7741 section 4.1 and their like say so). It sees each sequence number once, in any order.
type frameCounter struct {
	slots  []frameSlot // by sequence number; nil before the first packet
	newest uint16
	frames uint64
}

// frameSlot is what is known of a sequence number.
type frameSlot struct {
	timestamp uint32
	state     slotState
	counted   bool // the frame that begins here
	marker    bool
}

type slotState uint8

const (
	slotEmpty slotState = iota
	slotBegin           // not a packet of the stream: before its first
	slotFull
)

// frameSlots is how many sequence numbers are remembered: more than a frame has, and what may yet be sent again of those before.
const frameSlots = 1024

func (c *frameCounter) at(seq uint16) *frameSlot { return &c.slots[seq%frameSlots] }

// add takes a packet that has not come before.
func (c *frameCounter) add(seq uint16, timestamp uint32, marker bool) {
	if c.slots == nil {
		c.slots = make([]frameSlot, frameSlots)
		c.newest = seq
		c.at(seq - 1).state = slotBegin
	}
	switch ahead := int16(seq - c.newest); {
	case ahead > 0:
		if ahead >= frameSlots {
			clear(c.slots)
		}
		for n := c.newest + 1; ahead < frameSlots && n != seq; n++ {
			*c.at(n) = frameSlot{}
		}
		c.newest = seq
	case -ahead >= frameSlots-1:
		return // too old to tell what lies around it
	}
	if c.at(seq).state == slotBegin {
		c.at(seq - 1).state = slotBegin // it came behind the one that seemed to be the first
	}
	*c.at(seq) = frameSlot{timestamp: timestamp, marker: marker, state: slotFull}
	c.complete(seq)
	if before := c.at(seq - 1); before.state == slotFull && !c.joined(seq-1) {
		c.complete(seq - 1)
	}
	if after := c.at(seq + 1); seq != c.newest && after.state == slotFull && !c.joined(seq) {
		c.complete(seq + 1)
	}
}

// joined reports whether the packet behind seq is of the same frame, both being there.
func (c *frameCounter) joined(seq uint16) bool {
	a, b := c.at(seq), c.at(seq+1)
	return !a.marker && a.timestamp == b.timestamp
}

// complete counts the frame of a packet if all of it is there, and it is not counted yet. The end is looked for first: of a frame
// whose packets come in order it is only there with the last.
func (c *frameCounter) complete(seq uint16) {
	end, begin := seq, seq
	for !c.at(end).marker {
		if end == c.newest || c.at(end+1).state != slotFull {
			return
		}
		if !c.joined(end) {
			break // the marker bit was never set; the next frame has begun
		}
		end++
	}
	for {
		before := c.at(begin - 1)
		if before.state == slotEmpty || c.newest-begin >= frameSlots-1 {
			return
		}
		if before.state == slotBegin || !c.joined(begin-1) {
			break
		}
		begin--
	}
	if first := c.at(begin); !first.counted {
		first.counted = true
		c.frames++
	}
}
