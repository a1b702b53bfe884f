package webrtc

// dcep is the priority as DCEP writes it. See RFC 8831 section 6.4 and
// https://www.w3.org/TR/webrtc-priority/#datachannel.
func (p PriorityType) dcep() uint16 {
	switch p {
	case PriorityTypeVeryLow:
		return 128
	case PriorityTypeMedium:
		return 512
	case PriorityTypeHigh:
		return 1024
	}
	return 256
}

// priorityFromDCEP is dcep backwards: the nearest that is not lower.
func priorityFromDCEP(priority uint16) PriorityType {
	switch {
	case priority <= 128:
		return PriorityTypeVeryLow
	case priority <= 256:
		return PriorityTypeLow
	case priority <= 512:
		return PriorityTypeMedium
	}
	return PriorityTypeHigh
}
