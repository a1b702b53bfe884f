package srtp

import (
	"encoding/binary"

	engine "github.com/pion/srtp/v2"
)

// referenceKeys make transforms of pion/srtp: the path of the profiles that have no transform of ours, and what ours are tested against.
type referenceKeys struct {
	profile Profile
	keys    Keys
}

func newReferenceKeys(p Profile, k Keys) (*referenceKeys, error) {
	r := &referenceKeys{profile: p, keys: Keys{Key: append([]byte(nil), k.Key...), Salt: append([]byte(nil), k.Salt...)}}
	_, err := r.context()
	return r, err
}

func (k *referenceKeys) context() (*engine.Context, error) {
	return engine.CreateContext(k.keys.Key, k.keys.Salt, engine.ProtectionProfile(k.profile))
}

func (k *referenceKeys) rtp() rtpTransform   { return &referenceRTP{referenceContext{keys: k}} }
func (k *referenceKeys) rtcp() rtcpTransform { return &referenceRTCP{referenceContext{keys: k}} }

// maxReferenceStreams bounds the SSRCs that one context has seen. The engine makes state of each before it authenticates, and has no
// way to take it back, so the context is replaced.
const maxReferenceStreams = 64

// referenceContext uses the engine's context without the state that it keeps: rollover counter and index are set before each
// packet, and replay protection is off.
type referenceContext struct {
	keys    *referenceKeys
	context *engine.Context
	seen    map[uint32]struct{}
	scratch []byte // the engine does not work in place
}

func (c *referenceContext) of(ssrc uint32) (*engine.Context, error) {
	if _, ok := c.seen[ssrc]; ok {
		return c.context, nil
	}
	if c.context == nil || len(c.seen) >= maxReferenceStreams {
		context, err := c.keys.context()
		if err != nil {
			return nil, err
		}
		c.context, c.seen = context, map[uint32]struct{}{}
	}
	c.seen[ssrc] = struct{}{}
	return c.context, nil
}

// room returns scratch memory of length n.
func (c *referenceContext) room(n int) []byte {
	if cap(c.scratch) < n {
		c.scratch = make([]byte, n)
	}
	return c.scratch[:n]
}

type referenceRTP struct{ referenceContext }

func (t *referenceRTP) seal(packet []byte, h header, index uint64) ([]byte, error) {
	context, err := t.of(h.ssrc)
	if err != nil {
		return nil, err
	}
	context.SetROC(h.ssrc, uint32(index>>16))
	n := len(packet) + t.keys.profile.RTPOverhead()
	out, err := context.EncryptRTP(t.room(n), packet, nil)
	if err != nil {
		return nil, err
	}
	if len(out) != n {
		return nil, ErrHeader // the engine writes headers anew, and has not kept this one
	}
	return append(packet[:0], out...), nil
}

func (t *referenceRTP) open(packet []byte, h header, index uint64) ([]byte, error) {
	context, err := t.of(h.ssrc)
	if err != nil {
		return nil, err
	}
	context.SetROC(h.ssrc, uint32(index>>16))
	out, err := context.DecryptRTP(t.room(len(packet)), packet, nil)
	if err != nil {
		return nil, ErrAuth
	}
	return append(packet[:0], out...), nil
}

type referenceRTCP struct{ referenceContext }

// seal cannot make index 0: the engine counts up before it uses its index.
func (t *referenceRTCP) seal(packet []byte, index uint32) ([]byte, error) {
	ssrc := binary.BigEndian.Uint32(packet[4:])
	context, err := t.of(ssrc)
	if err != nil {
		return nil, err
	}
	context.SetIndex(ssrc, index-1)
	out, err := context.EncryptRTCP(nil, packet, nil)
	if err != nil {
		return nil, err
	}
	return append(packet[:0], out...), nil
}

func (t *referenceRTCP) open(packet []byte, _ bool, _ uint32) ([]byte, error) {
	context, err := t.of(binary.BigEndian.Uint32(packet[4:]))
	if err != nil {
		return nil, err
	}
	out, err := context.DecryptRTCP(nil, packet, nil)
	if err != nil {
		return nil, ErrAuth
	}
	return append(packet[:0], out...), nil
}
