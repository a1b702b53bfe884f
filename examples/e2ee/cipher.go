package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/passerelle-rtc/webrtc"
)

// A frameCipher encrypts and decrypts frames, as worker.js does:
//
//	what packets and SFUs need to see | ciphertext and tag of AES-256-GCM | nonce
//	                 (0 to 10 bytes)    (as long as the frame, and 16)      (12)
//
// The first part is authenticated too. Nonces are random: 2^32 frames, years of a
// call, may share a key. Any number of cipher calls may run at a time.
type frameCipher struct{ aead cipher.AEAD }

// The page derives its key with the same numbers.
const (
	keySalt       = "passerelle e2ee"
	keyIterations = 100_000
	keyLength     = 32
)

func newFrameCipher(passphrase string) (*frameCipher, error) {
	key, err := pbkdf2.Key(sha256.New, passphrase, []byte(keySalt), keyIterations, keyLength)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &frameCipher{aead}, nil
}

// inClear is how many bytes of a frame are not encrypted. Browsers read the
// dimensions of a key frame of VP8 in its first 10 bytes and its kind in the first
// 3 (RFC 6386 section 9.1), and the mode of Opus in the first byte (RFC 6716
// section 3.1). What else may be in packets of H264 or AV1 is not any bytes: see
// webrtc.FrameTransform.
//
// length is that of the frame when it is not encrypted, which may be less.
func inClear(frame *webrtc.EncodedFrame, length int) (n int, err error) {
	switch {
	case strings.EqualFold(frame.Codec.MimeType, webrtc.MimeTypeVP8) && frame.KeyFrame:
		n = 10
	case strings.EqualFold(frame.Codec.MimeType, webrtc.MimeTypeVP8):
		n = 3
	case strings.EqualFold(frame.Codec.MimeType, webrtc.MimeTypeOpus):
		n = 1
	default:
		return 0, fmt.Errorf("this example encrypts VP8 and Opus, not %s", frame.Codec.MimeType)
	}
	return min(n, length), nil
}

// encrypt is a webrtc.FrameTransform.
func (c *frameCipher) encrypt(frame *webrtc.EncodedFrame) error {
	n, err := inClear(frame, len(frame.Data))
	if err != nil {
		return err
	}
	nonce := make([]byte, c.aead.NonceSize())
	rand.Read(nonce) // never fails
	out := make([]byte, n, len(frame.Data)+c.aead.Overhead()+len(nonce))
	copy(out, frame.Data)
	out = c.aead.Seal(out, nonce, frame.Data[n:], frame.Data[:n])
	frame.Data = append(out, nonce...)
	return nil
}

// decrypt is a webrtc.FrameTransform. It fails for a frame that another key, or
// none, has encrypted.
func (c *frameCipher) decrypt(frame *webrtc.EncodedFrame) error {
	end := len(frame.Data) - c.aead.NonceSize()
	if end < c.aead.Overhead() {
		return fmt.Errorf("a frame of %d bytes is not encrypted", len(frame.Data))
	}
	n, err := inClear(frame, end-c.aead.Overhead())
	if err != nil {
		return err
	}
	out := make([]byte, n, end)
	copy(out, frame.Data)
	frame.Data, err = c.aead.Open(out, frame.Data[end:], frame.Data[n:end], frame.Data[:n])
	return err
}
