package chunk

// ParseHeartbeatInfo returns the information of HEARTBEAT or HEARTBEAT ACK (RFC
// 9260 sections 3.3.5 and 3.3.6); false when there is none.
func ParseHeartbeatInfo(value []byte) ([]byte, bool) {
	p := Parameters{rest: value}
	info, ok := p.Next()
	if !ok || info.Type != ParameterHeartbeatInfo {
		return nil, false
	}
	return info.Value, true
}

// AppendHeartbeat appends a HEARTBEAT whose information is info.
func AppendHeartbeat(b, info []byte) []byte {
	b, start := begin(b, TypeHeartbeat, 0)
	return finish(AppendParameter(b, ParameterHeartbeatInfo, info), start)
}

// AppendPad appends a PAD chunk of n bytes in all (RFC 4820 section 3): n is at
// least 4, at most 65,535, and clipped to that.
func AppendPad(b []byte, n int) []byte {
	b, start := begin(b, TypePad, 0)
	for range min(max(n, HeaderSize), 0xffff) - HeaderSize {
		b = append(b, 0)
	}
	return finish(b, start)
}
