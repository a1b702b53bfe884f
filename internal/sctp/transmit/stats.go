package transmit

// Stats are counters since the start.
type Stats struct {
	Sent          uint64 // DATA and I-DATA chunks, each once
	Retransmitted uint64 // transmissions of chunks after their first
	Lost          uint64 // times that a chunk was taken for lost
	Spurious      uint64 // retransmissions that the peer reported as duplicates in time
	Abandoned     uint64 // messages (RFC 3758), those dropped unsent among them
	Forwards      uint64 // FORWARD-TSN and I-FORWARD-TSN chunks
	Recoveries    uint64 // Fast Recoveries
	Timeouts      uint64 // expiries of T3-rtx
	TailProbes    uint64 // tail loss probes (RFC 8985 section 7)
	MTUProbes     uint64 // probes of the path MTU (RFC 8899)
}

// Stats returns the counters.
func (q *Queue) Stats() Stats { return q.stats }
