package srtp

// rtpTransform protects and opens single RTP packets, in place. It knows the session keys of one direction and nothing of indexes
// and replays. One goroutine at a time uses it.
type rtpTransform interface {
	// seal encrypts the packet and appends the tag; the capacity suffices.
	seal(packet []byte, h header, index uint64) ([]byte, error)
	// open verifies the tag and decrypts. After an error the payload is of no use.
	open(packet []byte, h header, index uint64) ([]byte, error)
}

// rtcpTransform does the same with compound RTCP packets. The index has 31 bits.
type rtcpTransform interface {
	seal(packet []byte, index uint32) ([]byte, error)
	// open gets the E flag and index as the packet's trailer says them.
	open(packet []byte, encrypted bool, index uint32) ([]byte, error)
}

// sessionKeys are those of one direction, derived once. They make a transform for each goroutine that needs one.
type sessionKeys interface {
	rtp() rtpTransform
	rtcp() rtcpTransform
}

// newSessionKeys derives the keys for the profile's transform.
func newSessionKeys(p Profile, k Keys) (sessionKeys, error) {
	if err := k.check(p); err != nil {
		return nil, err
	}
	switch s := shapes[p]; {
	case !s.accelerated:
		return newReferenceKeys(p, k)
	case s.authKey == 0:
		return newGCMKeys(p, k)
	}
	return newCMKeys(p, k)
}
