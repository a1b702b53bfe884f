package netio

import "net"

func newPacketConn(udp *net.UDPConn) (PacketConn, error) { return newBatchConn(udp) }
