package netio

// Stats are a Socket's counts since it was made. A count never falls.
type Stats struct {
	DatagramsSent, BytesSent         uint64 // handed to the network
	DatagramsReceived, BytesReceived uint64 // handed to the Handler
	// Calls are system calls, those that moved nothing included; on a
	// PacketConn of another package, calls of ReadBatch and WriteBatch.
	SendCalls, ReceiveCalls uint64
	// Truncated counts received datagrams longer than MaxDatagram.
	Truncated uint64
	// ReceiveErrors counts errors of the socket, such as those that ICMP
	// messages bring, that did not end the reader.
	ReceiveErrors uint64
	Dropped       Drops
	// Queued is how many datagrams wait in the egress now.
	Queued int
}

// Drops counts the datagrams that were given to Send and never left.
type Drops struct {
	QueueFull   uint64 // too many wait already, for the destination or the socket
	WouldBlock  uint64 // the socket was full
	TooLong     uint64 // longer than the path or the protocol takes
	Unreachable uint64 // no route, interface down, address of the other family
	Denied      uint64 // a firewall or a policy of the host
	Closed      uint64 // the socket was closed
	Failed      uint64 // any other error
}

// Total is the sum over all reasons.
func (d Drops) Total() uint64 {
	return d.QueueFull + d.WouldBlock + d.TooLong + d.Unreachable + d.Denied + d.Closed + d.Failed
}

// Stats is what the socket counted until now. Any goroutine may call it, also
// after Close.
func (s *Socket) Stats() Stats {
	st := s.egress.stats()
	st.DatagramsReceived = s.datagramsIn.Load()
	st.BytesReceived = s.bytesIn.Load()
	st.ReceiveCalls = s.reads.Load()
	var n *counters
	if c, ok := s.conn.(counted); ok {
		n = c.count()
	}
	if n != nil {
		st.SendCalls = n.writeCalls.Load()
		st.ReceiveCalls = n.readCalls.Load()
		st.Truncated = n.truncated.Load()
		st.ReceiveErrors = n.readErrors.Load()
	}
	return st
}
