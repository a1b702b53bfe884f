package mdns

import (
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// nameOf is a name as it is compared: in lower case, without the final dot.
func nameOf(n dnsmessage.Name) string {
	return strings.ToLower(strings.TrimSuffix(n.String(), "."))
}

// question asks for both kinds of addresses of a name.
func question(name string) []byte {
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil
	}
	m := dnsmessage.Message{}
	for _, t := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		m.Questions = append(m.Questions, dnsmessage.Question{Name: n, Type: t, Class: dnsmessage.ClassINET})
	}
	return pack(&m)
}

// response says which addresses a name has (RFC 6762 section 6), for ttl seconds.
func response(name string, addrs []netip.Addr, ttl uint32) []byte {
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true, Authoritative: true}}
	for _, addr := range addrs {
		h := dnsmessage.ResourceHeader{Name: n, Class: dnsmessage.ClassINET | cacheFlush, TTL: ttl}
		var body dnsmessage.ResourceBody
		if addr.Is4() {
			body = &dnsmessage.AResource{A: addr.As4()}
		} else {
			body = &dnsmessage.AAAAResource{AAAA: addr.As16()}
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: body})
	}
	return pack(&m)
}

func pack(m *dnsmessage.Message) []byte {
	b, err := m.Pack()
	if err != nil {
		return nil // too long: no name of ours is
	}
	return b
}
