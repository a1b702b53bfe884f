package ice

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pion/stun"
)

// What we write, pion/stun reads, and the other way round.
func TestMessagesAgreeWithPionSTUN(t *testing.T) {
	const pwd = "a password of 22+ characters"
	key := newIntegrity(pwd)
	for _, addr := range []string{"192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"} {
		want := netip.MustParseAddrPort(addr)
		e := newEncoder(bindingSuccess, transactionID{1, 2, 3}, 20)
		e.text(attrSoftware, "odd length.")
		e.xorAddress(want)
		data := e.finish(key)
		m := &stun.Message{Raw: bytes.Clone(data)}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		if err := stun.NewShortTermIntegrity(pwd).Check(m); err != nil {
			t.Error(err)
		}
		if err := stun.Fingerprint.Check(m); err != nil {
			t.Error(err)
		}
		got, err := mappedAddress(m)
		if err != nil || got != want {
			t.Errorf("pion/stun reads %v, %v", got, err)
		}
		theirs := stun.MustBuild(stun.NewTransactionIDSetter([12]byte{9}), stun.BindingSuccess,
			&stun.XORMappedAddress{IP: want.Addr().AsSlice(), Port: int(want.Port())},
			stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
		own, err := parseMessage(theirs.Raw)
		if err != nil || own.mapped != want || !own.checkFingerprint() || !key.check(&own) {
			t.Errorf("of pion/stun: %v, %v", own.mapped, err)
		}
	}
}

// RFC 5769 section 2.1: the sample request, with its known password.
func TestSampleRequestOfRFC5769(t *testing.T) {
	data := []byte("\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae" +
		"\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff" +
		"\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09evtj:h6vY\x20\x20\x20" +
		"\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2" +
		"\x80\x28\x00\x04\xe5\x7a\x3b\xcf")
	m, err := parseMessage(data)
	if err != nil {
		t.Fatal(err)
	}
	if !m.checkFingerprint() || !newIntegrity("VOkJxbRl1RmTxUk/WvJxBt").check(&m) {
		t.Error("not authentic")
	}
	if string(m.username) != "evtj:h6vY" || m.priority != 0x6e0001ff || m.role != attrControlled || m.tieBreaker != 0x932ff9b151263b36 {
		t.Errorf("%+v", m)
	}
	v := newVerifier(newKeyring(Credentials{"evtj", "VOkJxbRl1RmTxUk/WvJxBt"}, Credentials{}))
	if !v.Verify(data) {
		t.Error("not verified")
	}
	for i := range data {
		data[i] ^= 0x10
		if v.Verify(data) && (i < 72 || i > 75) { // the padding of USERNAME is signed too
			t.Errorf("verified with byte %d changed", i)
		}
		data[i] ^= 0x10
	}
}

// RFC 8489 sections 5 and 14: what is not well-formed is refused.
func TestMalformedMessagesAreRefused(t *testing.T) {
	header := func(length int, attributes string) []byte {
		b := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
		binary.BigEndian.PutUint16(b[2:], uint16(length))
		return append(b, attributes...)
	}
	tests := map[string][]byte{
		"no header":                    header(0, "")[:19],
		"first bits not zero":          append([]byte{0x40}, header(0, "")[1:]...),
		"other cookie":                 append(header(0, "")[:4], make([]byte, 16)...),
		"length beyond the end":        header(4, ""),
		"length before the end":        header(0, "\x80\x22\x00\x00"),
		"length not a multiple of 4":   header(2, "\x80\x22"),
		"attribute beyond the end":     header(4, "\x80\x22\x00\x01"),
		"integrity too short":          header(8, "\x00\x08\x00\x04abcd"),
		"fingerprint too short":        header(4, "\x80\x28\x00\x00"),
		"after the fingerprint":        header(12, "\x80\x28\x00\x04abcd\x80\x22\x00\x00"),
		"priority of 3 bytes":          header(8, "\x00\x24\x00\x03abc\x00"),
		"role of 4 bytes":              header(8, "\x80\x29\x00\x04abcd"),
		"use-candidate with a value":   header(8, "\x00\x25\x00\x04abcd"),
		"error code of 3 bytes":        header(8, "\x00\x09\x00\x03abc\x00"),
		"empty mapped address":         header(4, "\x00\x20\x00\x00"),
		"mapped address of one byte":   header(8, "\x00\x20\x00\x01\x00\x00\x00\x00"),
		"mapped address without IP":    header(8, "\x00\x20\x00\x04\x00\x01ab"),
		"short IPv6 mapped address":    header(12, "\x00\x20\x00\x08\x00\x02abcdef"),
		"long IPv4 mapped address":     header(16, "\x00\x20\x00\x0c\x00\x01abcdefghij"),
		"mapped address of family 3":   header(12, "\x00\x20\x00\x08\x00\x03abcdef"),
		"longer than any datagram":     header(4000, strings.Repeat("\x80\x22\x00\x00", 1000)),
		"user name of 514 bytes":       header(520, "\x00\x06\x02\x02"+strings.Repeat("a", 516)),
		"attribute length 65535":       header(8, "\x80\x22\xff\xffabcd"),
		"half an attribute header":     header(6, "\x80\x22\x00\x00\x80\x22"),
		"integrity of 24 bytes":        header(28, "\x00\x08\x00\x18"+strings.Repeat("a", 24)),
		"fingerprint twice":            header(16, "\x80\x28\x00\x04abcd\x80\x28\x00\x04abcd"),
		"integrity after fingerprint":  header(32, "\x80\x28\x00\x04abcd\x00\x08\x00\x14"+strings.Repeat("a", 20)),
		"truncated in the cookie":      header(0, "")[:6],
		"nothing but a type of DTLS":   {22, 0xfe, 0xfd},
		"nothing at all":               {},
		"error without a class byte":   header(4, "\x00\x09\x00\x00"),
		"tie-breaker of nine bytes":    header(16, "\x80\x2a\x00\x09abcdefghi\x00\x00\x00"),
		"mapped address, header alone": header(8, "\x00\x20\x00\x02\x00\x01\x00\x00"),
	}
	for name, data := range tests {
		if _, err := parseMessage(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if newVerifier(newKeyring(Credentials{"u", "p"}, Credentials{"v", "q"})).Verify(data) {
			t.Errorf("%s: verified", name)
		}
	}
}

// RFC 8489 section 14.5: attributes after MESSAGE-INTEGRITY are ignored, but
// for FINGERPRINT; nobody has signed them.
func TestUnsignedAttributesAreIgnored(t *testing.T) {
	e := newEncoder(bindingRequest, transactionID{}, 100)
	e.text(attrUsername, "a:b")
	key := newIntegrity("p")
	at := len(e.b)
	v := e.attribute(attrMessageIntegrity, integritySize)
	copy(v, key.compute(e.b, at))
	e.attribute(attrUseCandidate, 0)
	e.uint32(attrPriority, 5)
	e.uint64(attrControlling, 5)
	m, err := parseMessage(withFingerprint(e.b))
	if err != nil || !m.checkFingerprint() || !key.check(&m) {
		t.Fatalf("not authentic: %v", err)
	}
	if m.useCandidate || m.priority != 0 || m.role != 0 {
		t.Errorf("obeyed: %+v", m)
	}
}

func TestIntegrityIsHMACSHA1(t *testing.T) {
	for _, size := range []int{1, 22, 64, 65, 256} {
		pwd := strings.Repeat("k", size)
		e := newEncoder(bindingRequest, transactionID{byte(size)}, 100)
		e.text(attrUsername, "a:b")
		signed := e.finish(newIntegrity(pwd).clone())
		mac := hmac.New(sha1.New, []byte(pwd))
		head := bytes.Clone(signed[:len(signed)-32])
		binary.BigEndian.PutUint16(head[2:], uint16(len(head)-20+24))
		mac.Write(head)
		if !bytes.Equal(mac.Sum(nil), signed[len(signed)-28:len(signed)-8]) {
			t.Errorf("password of %d bytes", size)
		}
	}
}

// The guard in mappedAddress is needed: the library's own entry point panics on
// an empty value that ends the message, and takes other short ones as they come.
func TestPionSTUNPanicsOnAnEmptyMappedAddress(t *testing.T) {
	read := func(value ...byte) (m *stun.Message, err error, panicked bool) {
		built := stun.MustBuild(stun.NewTransactionIDSetter([12]byte{1}), stun.BindingSuccess)
		built.Add(stun.AttrXORMappedAddress, value)
		m = &stun.Message{Raw: slices.Clip(built.Raw)}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		defer func() { panicked = recover() != nil }()
		var a stun.XORMappedAddress
		return m, a.GetFrom(m), false
	}
	m, _, panicked := read()
	if !panicked {
		t.Error("pion/stun does not panic any more on an empty value: is the guard still needed?")
	}
	if _, err := mappedAddress(m); err == nil {
		t.Error("empty value accepted")
	}
	m, err, _ := read(0, 2, 1, 1, 9, 9, 9, 9)
	if err != nil {
		t.Error("pion/stun refuses an IPv6 address of 4 bytes now: is the guard still needed?")
	}
	if _, err := mappedAddress(m); err == nil {
		t.Error("IPv6 address of 4 bytes accepted")
	}
}
