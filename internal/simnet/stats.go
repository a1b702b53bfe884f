package simnet

// Stats counts packets: datagrams and segments of streams. At any time
// Sent + Injected + Duplicated = Delivered + Lost + InFlight.
type Stats struct {
	Sent       uint64 // by hosts, whatever became of it
	Injected   uint64
	Duplicated uint64 // copies that a link made
	Delivered  uint64 // to a socket or a server
	Lost       uint64 // all of Drops
	InFlight   uint64

	Bytes          uint64 // payload of Sent
	DeliveredBytes uint64 // payload of Delivered

	Drops Drops
}

// Drops counts lost packets by reason.
type Drops struct {
	Tap          uint64 // a tap's verdict
	Loss         uint64 // chance
	Down         uint64 // the link was down
	Queue        uint64 // no room before the bottleneck
	TooBig       uint64 // longer than the link's MTU, or than a receive buffer
	Filtered     uint64 // by a NAT
	Unreachable  uint64 // no such host, no UDP socket on the port, or the interface was down
	ReceiveQueue uint64 // the socket's queue was full
}

// HostStats counts one host's packets and their payload bytes.
type HostStats struct {
	Sent, SentBytes         uint64
	Received, ReceivedBytes uint64
	Lost                    uint64 // of Sent, for any reason
}

// Stats is the state of the counters.
func (n *Net) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.stats
	s.InFlight = uint64(len(n.flight))
	return s
}

// Stats is the state of the host's counters.
func (h *Host) Stats() HostStats {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return h.stats
}

// lose counts one datagram of from (nil: injected) as lost for a reason, a
// field of n.stats.Drops. n.mu is held.
func (n *Net) lose(from *Host, reason *uint64) {
	*reason++
	n.stats.Lost++
	if from != nil {
		from.stats.Lost++
	}
}
