// Package receive is the inbound half of an SCTP association: which TSNs have
// arrived, when and how they are acknowledged (RFC 9260 section 6.2), reassembly
// of messages from DATA and I-DATA, what the peer skips (RFC 3758, RFC 8260), the
// receive window, and the messages that wait to be taken.
//
// It is pure: no I/O, no goroutine, no lock, no clock. Time comes in as now.
package receive
