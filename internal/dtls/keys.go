package dtls

import (
	"bytes"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/pion/dtls/v2/pkg/crypto/prf"
)

const randomLen = 32 // bytes of client_random and server_random (RFC 5246 section 7.4.1.2)

// secrets is what a handshake agreed on.
type secrets struct {
	suite        *cipherSuite
	master       []byte
	clientRandom []byte
	serverRandom []byte
}

// keyLogLabel begins the line that the engine writes when it has a master secret, before it sends or accepts Finished
// (docs/adr/0001-dtls-keys-from-key-log.md).
var keyLogLabel = []byte("CLIENT_RANDOM ")

// parseKeyLog reads the engine's line `CLIENT_RANDOM <client_random> <master_secret>`.
func parseKeyLog(line []byte) (clientRandom, master []byte, err error) {
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(line), keyLogLabel)
	if !ok {
		return nil, nil, errors.New("dtls: the engine's key log line has an unknown label")
	}
	random, secret, ok := bytes.Cut(rest, []byte(" "))
	if !ok || len(random) != 2*randomLen || len(secret) != 2*48 {
		return nil, nil, errors.New("dtls: the engine's key log line is malformed")
	}
	clientRandom, master = make([]byte, randomLen), make([]byte, 48)
	if _, err := hex.Decode(clientRandom, random); err != nil {
		return nil, nil, fmt.Errorf("dtls: the engine's key log line: %w", err)
	}
	if _, err := hex.Decode(master, secret); err != nil {
		return nil, nil, fmt.Errorf("dtls: the engine's key log line: %w", err)
	}
	return clientRandom, master, nil
}

// deriveProtections expands the master secret into the client's and the server's write keys (RFC 5246 section 6.3).
func deriveProtections(s *cipherSuite, master, clientRandom, serverRandom []byte) (client, server *protection, err error) {
	block, err := prf.GenerateEncryptionKeys(master, clientRandom, serverRandom, 0, s.keyLen, s.ivLen, s.hash)
	if err != nil {
		return nil, nil, fmt.Errorf("dtls: key block: %w", err)
	}
	if client, err = newProtection(s, block.ClientWriteKey, block.ClientWriteIV); err != nil {
		return nil, nil, err
	}
	if server, err = newProtection(s, block.ServerWriteKey, block.ServerWriteIV); err != nil {
		return nil, nil, err
	}
	return client, server, nil
}

func newProtection(s *cipherSuite, key, iv []byte) (*protection, error) {
	aead, err := s.aead(key)
	if err != nil {
		return nil, fmt.Errorf("dtls: %s: %w", s.name, err)
	}
	p := &protection{aead: aead, explicit: s.explicit}
	copy(p.iv[:], iv)
	return p, nil
}

// reservedLabels may not be exported, since the protocol itself uses them (RFC 5705 section 4).
var reservedLabels = map[string]bool{
	"client finished": true, "server finished": true, "master secret": true,
	"extended master secret": true, "key expansion": true,
}

// export is RFC 5705's exporter without a context value.
func (s *secrets) export(label string, n int) ([]byte, error) {
	if reservedLabels[label] {
		return nil, fmt.Errorf("dtls: exporter label %q is reserved", label)
	}
	if n < 0 || n > 1<<16 {
		return nil, fmt.Errorf("dtls: cannot export %d bytes", n)
	}
	seed := append([]byte(label), s.clientRandom...)
	return prf.PHash(s.master, append(seed, s.serverRandom...), n, s.suite.hash)
}

// clientFinishedValid checks verify_data of the client's Finished against the handshake messages before it. RFC 5246 section 7.4.9:
// "Recipients of Finished messages MUST verify that the contents are correct." The engine does not, as a server.
func (s *secrets) clientFinishedValid(transcript, verifyData []byte) bool {
	want, err := prf.VerifyDataClient(s.master, transcript, s.suite.hash)
	return err == nil && subtle.ConstantTimeCompare(want, verifyData) == 1
}
