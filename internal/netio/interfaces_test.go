package netio

import (
	"net"
	"net/netip"
	"testing"
)

func TestInterfaceEntries(t *testing.T) {
	eth := net.Interface{Index: 3, Name: "eth0", Flags: net.FlagUp}
	tun := net.Interface{Index: 4, Name: "tun0", Flags: net.FlagUp | net.FlagPointToPoint}
	lo := net.Interface{Index: 1, Name: "lo", Flags: net.FlagUp | net.FlagLoopback}
	unusable := map[addrKey]bool{{3, netip.MustParseAddr("2001:db8::dead")}: true}
	none := Interface{}
	for _, tt := range []struct {
		ifi  net.Interface
		addr string
		want Interface
	}{
		{eth, "192.0.2.7/24", Interface{"eth0", 3, netip.MustParseAddr("192.0.2.7"), 24, false, false}},
		{eth, "2001:db8::7/64", Interface{"eth0", 3, netip.MustParseAddr("2001:db8::7"), 64, false, false}},
		{eth, "fe80::7/10", Interface{"eth0", 3, netip.MustParseAddr("fe80::7%eth0"), 10, false, false}},
		{eth, "169.254.1.1/16", Interface{"eth0", 3, netip.MustParseAddr("169.254.1.1"), 16, false, false}},
		{eth, "fd00::7/8", Interface{"eth0", 3, netip.MustParseAddr("fd00::7"), 8, false, false}},
		{tun, "10.0.0.1/32", Interface{"tun0", 4, netip.MustParseAddr("10.0.0.1"), 32, false, true}},
		{lo, "127.0.0.1/8", Interface{"lo", 1, netip.MustParseAddr("127.0.0.1"), 8, true, false}},
		{lo, "::1/128", Interface{"lo", 1, netip.MustParseAddr("::1"), 128, true, false}},
		{eth, "2001:db8::dead/64", none}, // deprecated
		{tun, "2001:db8::dead/64", Interface{"tun0", 4, netip.MustParseAddr("2001:db8::dead"), 64, false, true}},
		{eth, "0.0.0.0/0", none},
		{eth, "::/0", none},
		{eth, "224.0.0.1/4", none},
		{eth, "ff02::1/16", none},
		// RFC 8445 section 5.1.1.1.
		{eth, "::192.0.2.1/96", none},
		{eth, "fec0::1/10", none},
	} {
		ip, ipnet, err := net.ParseCIDR(tt.addr)
		if err != nil {
			t.Fatal(err)
		}
		ipnet.IP = ip
		got, ok := interfaceEntry(tt.ifi, ipnet, unusable)
		if got != tt.want || ok != (tt.want != none) {
			t.Errorf("%s on %s: %+v %v, want %+v", tt.addr, tt.ifi.Name, got, ok, tt.want)
		}
	}
	if _, ok := interfaceEntry(eth, &net.IPNet{IP: net.IP{1, 2, 3}}, nil); ok {
		t.Error("an address of three bytes became an entry")
	}
}

func TestSystemListsLoopback(t *testing.T) {
	list, err := System().Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if i.Addr == netip.MustParseAddr("127.0.0.1") && i.Loopback && i.Bits == 8 && i.Index > 0 && i.Name != "" {
			return
		}
	}
	t.Errorf("no 127.0.0.1/8 in %+v", list)
}
