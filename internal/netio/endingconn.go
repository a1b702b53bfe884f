package netio

// endingConn tells when its reading ends.
type endingConn struct {
	PacketConn
	ended func(error)
}

// Ending is conn, which calls ended with what ends its reading, net.ErrClosed after
// Close, on its reader.
func Ending(conn PacketConn, ended func(error)) PacketConn {
	return &endingConn{PacketConn: conn, ended: ended}
}

func (c *endingConn) ReadBatch(ds []Datagram) (int, error) {
	n, err := c.PacketConn.ReadBatch(ds)
	if err != nil {
		c.ended(err)
	}
	return n, err
}

// count keeps what the inner PacketConn counts in a Socket's Stats.
func (c *endingConn) count() *counters {
	if inner, ok := c.PacketConn.(counted); ok {
		return inner.count()
	}
	return nil
}

// SendsWhole tells what the inner PacketConn can.
func (c *endingConn) SendsWhole() bool {
	inner, ok := c.PacketConn.(WholeSender)
	return ok && inner.SendsWhole()
}
