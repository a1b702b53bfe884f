package turn

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun"
)

// The nonces of servers with none, one and both of the features of RFC 8489 section
// 18.1.
const (
	plainNonce     = "obMatJos2AAAAn"
	algorithmNonce = "obMatJos2gAAAn"
	anonymousNonce = "obMatJos2QAAAn"
	bothNonce      = "obMatJos2wAAAn"
)

var (
	sha256List = []byte{0, 2, 0, 0}
	bothList   = []byte{0, 9, 0, 3, 1, 2, 3, 0, 0, 2, 0, 0, 0, 1, 0, 0} // one that nobody knows first
)

func algorithmsOf(value []byte) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrPasswordAlgorithms, Value: value}
}

func sha256Key() []byte {
	sum := sha256.Sum256([]byte("user:" + realm + ":pass"))
	return sum[:]
}

// strong signs a response with MESSAGE-INTEGRITY-SHA256.
type strong []byte

func (k strong) AddTo(m *stun.Message) error {
	addIntegritySHA256(m, k)
	return nil
}

// challengeWith answers the newest Allocate request.
func (s *script) challengeWith(c int, nonce string, setters ...stun.Setter) {
	s.t.Helper()
	all := append([]stun.Setter{code(c, ""), stun.NewRealm(realm), stun.NewNonce(nonce)}, setters...)
	s.must(s.answer(s.last(stun.MethodAllocate), stun.ClassErrorResponse, all...))
}

// RFC 8489 appendix B.1: the sample request with USERHASH and MESSAGE-INTEGRITY-SHA256.
// The RFC's message length counts the header in, which no message may, and its HMAC is
// over that: so it shows the key and USERHASH here, and the HMAC under the right length
// was computed by another program. (The nonce has its feature bits at the wrong end.)
func TestSampleRequestOfRFC8489(t *testing.T) {
	read := func(text string) []byte {
		t.Helper()
		b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	sample := read(`0001009c 2112a442 78ad3433c6ad72c029da412e
		001e0020 4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704
		00150029 6f624d61744a6f7332414141 43662f2f3439396b39353464364f4c33346f4c394653547679363473 41000000
		0014000b 6578616d706c652e6f726700`)
	const name, nonce = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9", "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"
	key := sha256.Sum256([]byte(name + ":example.org:TheMatrIX"))
	h := hmac.New(sha256.New, key[:])
	h.Write(sample)
	if want := read("e4686c8f0edeb59013e07090010a93efccbccc544c0a45d9f830aa6d6f735a01"); !bytes.Equal(h.Sum(nil), want) {
		t.Error("another key than the RFC's")
	}
	m := &stun.Message{Type: stun.BindingRequest}
	copy(m.TransactionID[:], sample[8:20])
	m.WriteHeader()
	m.Add(attrUserhash, userhash(name, "example.org"))
	m.Add(stun.AttrNonce, []byte(nonce))
	m.Add(stun.AttrRealm, []byte("example.org"))
	addIntegritySHA256(m, key[:])
	sample[3] = 0x88
	want := append(sample, read("001c0020 234112fbd4e27f983eb4032836f998216f5b23f8d927753fbc4f882bfbdf0dec")...)
	if !bytes.Equal(m.Raw, want) {
		t.Errorf("got  %x\nwant %x", m.Raw, want)
	}
	c := credentials{algorithm: algorithmSHA256, key: key[:]}
	if err := decode(m, want); err != nil {
		t.Fatal(err)
	}
	if present, err := c.check(m); !present || err != nil {
		t.Errorf("checks as %v, %v", present, err)
	}
}

// RFC 8489 section 9.2.5: the first algorithm of the server's that is known is taken,
// the list goes back as it came, requests have MESSAGE-INTEGRITY-SHA256 alone, and
// USERHASH where the nonce asks for it.
func TestTheServersAlgorithmIsTaken(t *testing.T) {
	for _, test := range []struct {
		nonce     string
		list      []byte
		algorithm []byte // nil: none
		hashed    bool
	}{
		{"n1", nil, nil, false},
		{plainNonce, nil, nil, false},
		{anonymousNonce, nil, nil, true},
		{algorithmNonce, sha256List, []byte{0, 2, 0, 0}, false},
		{bothNonce, bothList, []byte{0, 2, 0, 0}, true},
		{algorithmNonce, []byte{0, 1, 0, 0, 0, 2, 0, 0}, []byte{0, 1, 0, 0}, false},
	} {
		s := newScript(t, Config{})
		var setters []stun.Setter
		if test.list != nil {
			setters = append(setters, algorithmsOf(test.list))
		}
		s.challengeWith(401, test.nonce, setters...)
		m := s.last(stun.MethodAllocate)
		list, _ := m.Get(stun.AttrPasswordAlgorithms)
		algorithm, _ := m.Get(stun.AttrPasswordAlgorithm)
		if !bytes.Equal(list, test.list) || !bytes.Equal(algorithm, test.algorithm) ||
			m.Contains(attrUserhash) != test.hashed || m.Contains(stun.AttrUsername) == test.hashed ||
			m.Contains(stun.AttrMessageIntegritySHA256) != (test.list != nil) || m.Contains(stun.AttrMessageIntegrity) == (test.list != nil) {
			t.Errorf("%q %v: %v", test.nonce, test.list, m)
		}
		if hash, err := m.Get(attrUserhash); test.hashed && (err != nil || !bytes.Equal(hash, userhash("user", realm))) {
			t.Errorf("%q: USERHASH %x", test.nonce, hash)
		}
	}
}

// RFC 8489 sections 9.2.1 and 9.2.5: a challenge whose nonce promises algorithms that
// are not there was tampered with, and one without a known algorithm cannot be met:
// no new request follows.
func TestAStrippedChallengeIsNotAnswered(t *testing.T) {
	for _, list := range [][]byte{nil, {}, {0, 9, 0, 0}, {0, 2}, {0, 2, 0, 8, 1, 2, 3, 4}, make([]byte, 400)} {
		s := newScript(t, Config{})
		var setters []stun.Setter
		if list != nil {
			setters = append(setters, algorithmsOf(list))
		}
		s.challengeWith(401, algorithmNonce, setters...)
		if n := s.count(stun.MethodAllocate); n != 1 || len(s.events) != 1 {
			t.Errorf("%v: %d requests, events %+v", list, n, s.events)
		}
	}
	// Other responses of that kind are as if they had not come.
	s := newScript(t, Config{})
	s.challengeWith(401, algorithmNonce, algorithmsOf(sha256List))
	err := s.answer(s.last(stun.MethodAllocate), stun.ClassErrorResponse, code(486, ""), stun.NewNonce(algorithmNonce))
	if !errors.Is(err, ErrIntegrity) || len(s.events) != 0 {
		t.Errorf("%v, events %+v", err, s.events)
	}
}

// RFC 8489 section 9.2.5: after PASSWORD-ALGORITHMS the weaker integrity proves nothing,
// and a later challenge does not lead back to it.
func TestStrongIntegrityIsNotBidDown(t *testing.T) {
	s := newScript(t, Config{})
	s.challengeWith(401, algorithmNonce, algorithmsOf(sha256List))
	m := s.last(stun.MethodAllocate)
	address := xor(stun.AttrXORRelayedAddress, relay)
	for i, setter := range []stun.Setter{key(), stun.MessageIntegrity(sha256Key()), strong(key()), strong("guess")} {
		if err := s.answer(m, stun.ClassSuccessResponse, address, setter); !errors.Is(err, ErrIntegrity) {
			t.Errorf("%d: %v", i, err)
		}
	}
	s.challengeWith(438, plainNonce)
	m = s.last(stun.MethodAllocate)
	if !m.Contains(stun.AttrMessageIntegritySHA256) || m.Contains(stun.AttrMessageIntegrity) {
		t.Errorf("after a plain challenge: %v", m)
	}
	// What follows the integrity is not protected by it.
	other := xor(stun.AttrXORMappedAddress, home)
	s.must(s.answer(m, stun.ClassSuccessResponse, address, lifetime(600*time.Second), strong(sha256Key()), other))
	if e, ok := s.events[0].(*Allocated); !ok || !slices.Contains(e.Relayed, relay) || e.Mapped.IsValid() {
		t.Errorf("events %+v", s.events)
	}
}
