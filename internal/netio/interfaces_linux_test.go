package netio

import (
	"maps"
	"net/netip"
	"testing"
)

// RFC 4862 section 5.5.4: "A deprecated address SHOULD continue to be used as
// a source address in existing communications, but SHOULD NOT be used to
// initiate new communications".
func TestDeprecatedAndTentativeAddressesAreUnusable(t *testing.T) {
	const text = `00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000001 02 40 00 00     eth0
20010db8000000000000000000000002 02 40 00 20     eth0
20010db8000000000000000000000003 0a 40 00 40     eth1
fe800000000000000000000000000004 02 40 20 c8     eth0
20010db80000000000000000000000zz 02 40 00 20     eth0
20010db8 02 40 00 20     eth0
20010db8000000000000000000000005 xx 40 00 20     eth0
20010db8000000000000000000000006 02 40 00 xx     eth0
20010db8000000000000000000000007 02 40
`
	want := map[addrKey]bool{
		{2, netip.MustParseAddr("2001:db8::2")}:  true,
		{10, netip.MustParseAddr("2001:db8::3")}: true,
		{2, netip.MustParseAddr("fe80::4")}:      true,
	}
	if got := parseIfInet6([]byte(text)); !maps.Equal(got, want) {
		t.Errorf("unusable: %v, want %v", got, want)
	}
	if got := parseIfInet6(nil); len(got) != 0 {
		t.Errorf("unusable in an empty file: %v", got)
	}
}

func FuzzParseIfInet6(f *testing.F) {
	f.Add([]byte("20010db8000000000000000000000002 02 40 00 20     eth0\n"))
	f.Add([]byte("20010db80000000000000000000000020 02 40 00 20 eth0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for key := range parseIfInet6(text) {
			if !key.addr.IsValid() || key.index < 0 {
				t.Fatalf("%+v", key)
			}
		}
	})
}
