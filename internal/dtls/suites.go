package dtls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
	"sync/atomic"

	engine "github.com/pion/dtls/v2"
	"github.com/pion/dtls/v2/pkg/crypto/clientcertificate"
	"github.com/pion/dtls/v2/pkg/protocol/recordlayer"
	"golang.org/x/crypto/chacha20poly1305"
)

// cipherSuite describes one suite that we negotiate: ECDHE with an AEAD, nothing else. No CBC (its padding check leaks time), no
// CCM (the engine draws its nonces at random and no browser offers it).
type cipherSuite struct {
	id       uint16
	name     string
	ecdsa    bool // the certificate's kind; false is RSA
	keyLen   int
	ivLen    int // bytes of write_IV in the key block
	explicit int
	hash     func() hash.Hash
	aead     func(key []byte) (cipher.AEAD, error)
}

// cipherSuites is in the order of our ClientHello. RFC 8827 section 6.5 makes the first one mandatory. AES-128 comes before
// ChaCha20, which is the faster one only on machines without AES instructions, and both before AES-256, which is slower and
// adds nothing that a 128-bit level needs.
var cipherSuites = []cipherSuite{
	{0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", true, 16, 4, explicitNonce, sha256.New, newGCM},
	{0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", false, 16, 4, explicitNonce, sha256.New, newGCM},
	{0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", true, 32, 12, 0, sha256.New, chacha20poly1305.New},
	{0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", false, 32, 12, 0, sha256.New, chacha20poly1305.New},
	{0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", true, 32, 4, explicitNonce, sha512.New384, newGCM},
	{0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", false, 32, 4, explicitNonce, sha512.New384, newGCM},
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// suiteByID finds one of our suites; nil when it is not ours.
func suiteByID(id uint16) *cipherSuite {
	for i := range cipherSuites {
		if cipherSuites[i].id == id {
			return &cipherSuites[i]
		}
	}
	return nil
}

// engineSuites gives the engine every suite that ids names as a custom one, which is the only way to set their order: the engine
// puts custom suites before its own. It then works with its own code for the AES-GCM suites, whose IDs it knows, and with
// engineSuite for ChaCha20.
func engineSuites(ids []uint16) func() []engine.CipherSuite {
	return func() []engine.CipherSuite {
		var list []engine.CipherSuite
		for _, id := range ids {
			if s := suiteByID(id); s != nil {
				list = append(list, &engineSuite{suite: s})
			}
		}
		return list
	}
}

// engineSuite is a suite as the engine wants it. What it seals never reaches the wire: the border opens it and seals it again.
type engineSuite struct {
	suite *cipherSuite
	keys  atomic.Pointer[engineKeys] // the engine's reader asks while its handshake goroutine sets
}

// engineKeys are the two directions, each used by one goroutine of the engine at a time.
type engineKeys struct{ local, remote *protection }

var errSuiteNotReady = errors.New("dtls: the cipher suite has no keys yet")

func (s *engineSuite) String() string           { return s.suite.name }
func (s *engineSuite) ID() engine.CipherSuiteID { return engine.CipherSuiteID(s.suite.id) }
func (s *engineSuite) ECC() bool                { return true }
func (s *engineSuite) IsInitialized() bool      { return s.keys.Load() != nil }
func (s *engineSuite) HashFunc() func() hash.Hash {
	return s.suite.hash
}

func (s *engineSuite) CertificateType() clientcertificate.Type {
	if s.suite.ecdsa {
		return clientcertificate.ECDSASign
	}
	return clientcertificate.RSASign
}

func (s *engineSuite) AuthenticationType() engine.CipherSuiteAuthenticationType {
	return engine.CipherSuiteAuthenticationTypeCertificate
}

func (s *engineSuite) KeyExchangeAlgorithm() engine.CipherSuiteKeyExchangeAlgorithm {
	return engine.CipherSuiteKeyExchangeAlgorithmEcdhe
}

// Init takes the keys of both directions from the master secret.
func (s *engineSuite) Init(masterSecret, clientRandom, serverRandom []byte, isClient bool) error {
	client, server, err := deriveProtections(s.suite, masterSecret, clientRandom, serverRandom)
	if err != nil {
		return err
	}
	if isClient {
		s.keys.Store(&engineKeys{local: client, remote: server})
	} else {
		s.keys.Store(&engineKeys{local: server, remote: client})
	}
	return nil
}

// Encrypt seals raw, a record with its header.
func (s *engineSuite) Encrypt(_ *recordlayer.RecordLayer, raw []byte) ([]byte, error) {
	keys := s.keys.Load()
	if keys == nil {
		return nil, errSuiteNotReady
	}
	h, record, _, ok := nextRecord(raw)
	if !ok {
		return nil, errors.New("dtls: the engine wrote a malformed record")
	}
	body := record[recordHeaderLen:]
	return keys.local.seal(make([]byte, len(body)+keys.local.overhead()), h.typ, h.epoch, h.seq, body), nil
}

// Decrypt opens the record in and returns it as a header with its plaintext.
func (s *engineSuite) Decrypt(in []byte) ([]byte, error) {
	keys := s.keys.Load()
	if keys == nil {
		return nil, errSuiteNotReady
	}
	if len(in) < recordHeaderLen {
		return nil, errors.New("dtls: short record")
	}
	if in[0] == typeChangeCipherSpec {
		return in, nil
	}
	plaintext, ok := keys.remote.open(in)
	if !ok {
		return nil, errors.New("dtls: record does not authenticate")
	}
	return append(in[:recordHeaderLen], plaintext...), nil
}
