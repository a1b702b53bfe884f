package jsep

// Direction says who sends, seen from the side that writes it (RFC 8866 section 6.7). The zero
// value is the default of SDP: both do.
type Direction uint8

// The directions. Stopped is W3C's: it stands on no line of an SDP.
const (
	Sendrecv Direction = iota
	Sendonly
	Recvonly
	Inactive
	Stopped
)

var directionNames = [...]string{Sendrecv: "sendrecv", Sendonly: "sendonly", Recvonly: "recvonly", Inactive: "inactive", Stopped: "stopped"}

// String returns the attribute's name.
func (d Direction) String() string {
	if int(d) < len(directionNames) {
		return directionNames[d]
	}
	return "unknown"
}

// ParseDirection reads the name of a direction attribute; "stopped" is none.
func ParseDirection(v string) (Direction, bool) {
	for d := Sendrecv; d < Stopped; d++ {
		if directionNames[d] == v {
			return d, true
		}
	}
	return 0, false
}

// DirectionOf is the direction of a side that sends and receives as said.
func DirectionOf(send, receive bool) Direction {
	switch {
	case send && receive:
		return Sendrecv
	case send:
		return Sendonly
	case receive:
		return Recvonly
	default:
		return Inactive
	}
}

// Sends reports whether the side that writes d sends.
func (d Direction) Sends() bool { return d == Sendrecv || d == Sendonly }

// Receives reports whether the side that writes d receives.
func (d Direction) Receives() bool { return d == Sendrecv || d == Recvonly }

// Reverse is d seen from the other side.
func (d Direction) Reverse() Direction {
	switch d {
	case Sendonly:
		return Recvonly
	case Recvonly:
		return Sendonly
	default:
		return d
	}
}

// Intersect keeps what both allow; d and o are seen from the same side. The direction of an answer is
// wanted.Intersect(offered.Reverse()) (RFC 9429 section 5.3.1, RFC 3264 section 6.1). What is stopped stays so.
func (d Direction) Intersect(o Direction) Direction {
	if d == Stopped || o == Stopped {
		return Stopped
	}
	return DirectionOf(d.Sends() && o.Sends(), d.Receives() && o.Receives())
}
