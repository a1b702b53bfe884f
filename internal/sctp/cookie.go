package sctp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// stateCookie is what INIT ACK gives the peer to keep, so that its sender keeps
// nothing (RFC 9260 section 5.1.3).
type stateCookie struct {
	made                time.Time
	localTag, remoteTag uint32
	localTie, remoteTie uint32 // tags of the association that existed; 0: none
	localTSN, remoteTSN chunk.TSN
	peer                peerTraits
}

const (
	cookieFields = 8 + 4*4 + 2*4 + 4 + 2*2 + 1
	cookieSize   = sha256.Size + cookieFields
)

// seal writes the cookie with its MAC in front.
func (c *stateCookie) seal(secret []byte) []byte {
	b := make([]byte, sha256.Size, cookieSize)
	b = binary.BigEndian.AppendUint64(b, uint64(c.made.UnixNano()))
	for _, n := range []uint32{
		c.localTag, c.remoteTag, c.localTie, c.remoteTie, uint32(c.localTSN), uint32(c.remoteTSN), c.peer.window,
	} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	b = binary.BigEndian.AppendUint16(b, c.peer.outbound)
	b = binary.BigEndian.AppendUint16(b, c.peer.inbound)
	flags := byte(0)
	for i, set := range []bool{c.peer.forwardTSN, c.peer.interleaves, c.peer.reconfig, c.peer.zeroChecksum} {
		if set {
			flags |= 1 << i
		}
	}
	b = append(b, flags)
	copy(b, mac(secret, b[sha256.Size:]))
	return b
}

// openCookie authenticates a cookie and reads it (RFC 9260 section 5.1.5, 1 and 2).
func openCookie(secret, b []byte) (c stateCookie, ok bool) {
	if len(b) != cookieSize || !hmac.Equal(b[:sha256.Size], mac(secret, b[sha256.Size:])) {
		return stateCookie{}, false
	}
	b = b[sha256.Size:]
	word := func(i int) uint32 { return binary.BigEndian.Uint32(b[8+4*i:]) }
	flags := b[cookieFields-1]
	return stateCookie{
		made:     time.Unix(0, int64(binary.BigEndian.Uint64(b))),
		localTag: word(0), remoteTag: word(1), localTie: word(2), remoteTie: word(3),
		localTSN: chunk.TSN(word(4)), remoteTSN: chunk.TSN(word(5)),
		peer: peerTraits{
			window:   word(6),
			outbound: binary.BigEndian.Uint16(b[36:]), inbound: binary.BigEndian.Uint16(b[38:]),
			forwardTSN: flags&1 != 0, interleaves: flags&2 != 0, reconfig: flags&4 != 0, zeroChecksum: flags&8 != 0,
		},
	}, true
}

func mac(secret, b []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(b)
	return h.Sum(nil)
}
