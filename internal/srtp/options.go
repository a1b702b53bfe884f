package srtp

import "fmt"

// Options of an Outbound or Inbound. The zero value is what WebRTC wants.
type Options struct {
	// ReplayWindow is how many indexes behind the newest an RTP packet may be and still be opened, rounded up to a multiple of 64.
	// 0: DefaultReplayWindow. RFC 3711 section 3.3.2 asks for at least 64; more than 32768 cannot work, since the sequence number
	// tells no more apart.
	ReplayWindow int
	// RTCPReplayWindow is the same of RTCP. 0: DefaultRTCPReplayWindow.
	RTCPReplayWindow int
	// MaxStreams bounds the SSRCs without signalling that an Inbound keeps state of; those that Keep named come on top. 0: DefaultMaxStreams.
	MaxStreams int
	// Cryptex is what was negotiated about CSRCs and header extensions. The profiles that pion/srtp serves know no other than CryptexOff.
	Cryptex Cryptex
}

// Defaults of Options.
const (
	DefaultReplayWindow     = 1024
	DefaultRTCPReplayWindow = 256
	DefaultMaxStreams       = 1024

	minReplayWindow = 64
	maxReplayWindow = 1 << 15
)

// withDefaults fills in what is zero and refuses what cannot work.
func (o Options) withDefaults(p Profile) (Options, error) {
	if o.ReplayWindow == 0 {
		o.ReplayWindow = DefaultReplayWindow
	}
	if o.RTCPReplayWindow == 0 {
		o.RTCPReplayWindow = DefaultRTCPReplayWindow
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = DefaultMaxStreams
	}
	for _, w := range []int{o.ReplayWindow, o.RTCPReplayWindow} {
		if w < minReplayWindow || w > maxReplayWindow {
			return o, fmt.Errorf("srtp: replay window of %d packets; want %d to %d", w, minReplayWindow, maxReplayWindow)
		}
	}
	if o.Cryptex != CryptexOff && p.Supported() && !shapes[p].accelerated {
		return o, fmt.Errorf("srtp: %v does not have cryptex", p)
	}
	if o.MaxStreams < 0 {
		return o, fmt.Errorf("srtp: MaxStreams is %d", o.MaxStreams)
	}
	return o, nil
}
