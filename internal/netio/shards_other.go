//go:build !linux

package netio

import "syscall"

// Other systems give all that arrives to one of the sockets of a port.
const canShard = false

func reusePort(string, string, syscall.RawConn) error { return nil }
