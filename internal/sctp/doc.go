// Package sctp holds the machines of data channels over SCTP: the messages that
// open a channel (RFC 8832) and the allocation of stream identifiers.
//
// It is pure: no I/O, no goroutine, no lock, no clock.
package sctp
