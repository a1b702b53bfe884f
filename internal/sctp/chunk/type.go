package chunk

import "fmt"

// Type is the type of a chunk. Its two highest bits say what is to be done by who
// does not know it (RFC 9260 section 3.2).
type Type byte

// The chunk types of RFC 9260 section 3.2, RFC 3758 section 3.2, RFC 4820 section
// 3, RFC 6525 section 3.1 and RFC 8260 sections 2.1 and 2.3.1.
const (
	TypeData             Type = 0
	TypeInit             Type = 1
	TypeInitAck          Type = 2
	TypeSACK             Type = 3
	TypeHeartbeat        Type = 4
	TypeHeartbeatAck     Type = 5
	TypeAbort            Type = 6
	TypeShutdown         Type = 7
	TypeShutdownAck      Type = 8
	TypeError            Type = 9
	TypeCookieEcho       Type = 10
	TypeCookieAck        Type = 11
	TypeShutdownComplete Type = 14
	TypeIData            Type = 64
	TypeReconfig         Type = 130
	TypePad              Type = 132
	TypeForwardTSN       Type = 192
	TypeIForwardTSN      Type = 194
)

var typeNames = map[Type]string{
	TypeData: "DATA", TypeInit: "INIT", TypeInitAck: "INIT ACK", TypeSACK: "SACK",
	TypeHeartbeat: "HEARTBEAT", TypeHeartbeatAck: "HEARTBEAT ACK", TypeAbort: "ABORT",
	TypeShutdown: "SHUTDOWN", TypeShutdownAck: "SHUTDOWN ACK", TypeError: "ERROR",
	TypeCookieEcho: "COOKIE ECHO", TypeCookieAck: "COOKIE ACK",
	TypeShutdownComplete: "SHUTDOWN COMPLETE", TypeIData: "I-DATA", TypeReconfig: "RE-CONFIG",
	TypePad: "PAD", TypeForwardTSN: "FORWARD-TSN", TypeIForwardTSN: "I-FORWARD-TSN",
}

// String is the name in the RFC.
func (t Type) String() string {
	if name := typeNames[t]; name != "" {
		return name
	}
	return fmt.Sprintf("chunk type %d", byte(t))
}

// StopsPacket reports that who does not know the chunk must not process what
// follows it in the packet: the highest bit is 0.
func (t Type) StopsPacket() bool { return t&0x80 == 0 }

// WantsReport reports that who does not know the chunk must report it in an ERROR
// chunk: the second highest bit is 1.
func (t Type) WantsReport() bool { return t&0x40 != 0 }

// FlagT is the T bit of ABORT and SHUTDOWN COMPLETE: the verification tag is the
// sender's own, reflected (RFC 9260 section 8.5.1).
const FlagT = 0x01
