//go:build !linux

package netio

import "net"

func newPacketConn(udp *net.UDPConn) (PacketConn, error) { return newSingleConn(udp), nil }
