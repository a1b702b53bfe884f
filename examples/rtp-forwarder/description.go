package main

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"github.com/passerelle-rtc/webrtc"
)

// A description is the SDP (RFC 8866) of what is sent over UDP. It is complete
// when the codec of each stream is known.
type description struct {
	to map[webrtc.RTPCodecType]netip.AddrPort

	mu       sync.Mutex
	expected int
	media    []string
}

// expect says how many streams there will be.
func (d *description) expect(streams int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expected = streams
}

// add adds a stream. With the last one it returns the description.
func (d *description) add(kind webrtc.RTPCodecType, codec webrtc.RTPCodecParameters) (sdp string, complete bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	to := d.to[kind]
	_, name, _ := strings.Cut(codec.MimeType, "/")
	encoding := fmt.Sprintf("%s/%d", name, codec.ClockRate)
	if codec.Channels > 0 {
		encoding += fmt.Sprintf("/%d", codec.Channels)
	}
	media := fmt.Sprintf("m=%v %d RTP/AVP %d\r\nc=%s\r\na=rtpmap:%[3]d %[5]s\r\n", kind, to.Port(), codec.PayloadType, connection(to.Addr()), encoding)
	if codec.SDPFmtpLine != "" {
		media += fmt.Sprintf("a=fmtp:%d %s\r\n", codec.PayloadType, codec.SDPFmtpLine)
	}
	d.media = append(d.media, media+"a=recvonly\r\n")
	if len(d.media) != d.expected {
		return "", false
	}
	return fmt.Sprintf("v=0\r\no=- 0 0 %s\r\ns=rtp-forwarder\r\nt=0 0\r\n", connection(to.Addr())) + strings.Join(d.media, ""), true
}

// connection is the value of a c= line (RFC 8866 section 5.7).
func connection(addr netip.Addr) string {
	if addr.Unmap().Is4() {
		return "IN IP4 " + addr.Unmap().String()
	}
	return "IN IP6 " + addr.String()
}
