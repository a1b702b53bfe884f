package mdns

import (
	"slices"
	"time"
)

// heardAddress is an address of somebody's name that was told on a group, wanted or
// not. Who is asked for a record that was multicast within the last second does not
// answer before that is over, as whoever asks should have seen and cached it (RFC 6762
// section 6); and browsers announce names as they make them.
type heardAddress struct {
	Answer
	until time.Time
}

// keep remembers an address for ttl seconds, for as long as a host's at most (RFC 6762
// section 10), or forgets it: ttl 0 is a goodbye (section 10.1). Where too many are
// kept, it is not.
func (m *Machine) keep(now time.Time, a Answer, ttl uint32) {
	m.heard = slices.DeleteFunc(m.heard, func(h heardAddress) bool {
		return h.Answer == a || !now.Before(h.until)
	})
	if ttl > 0 && len(m.heard) < maxHeard {
		m.heard = append(m.heard, heardAddress{a, now.Add(time.Duration(min(ttl, hostTTL)) * time.Second)})
	}
}

// recall finds what is remembered of a name, and tells whether that is anything.
func (m *Machine) recall(now time.Time, name string) (known bool) {
	for _, h := range m.heard {
		if h.Name == name && now.Before(h.until) {
			m.found = append(m.found, h.Answer)
			known = true
		}
	}
	return known
}
