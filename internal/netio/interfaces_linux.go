package netio

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// unusableAddrs lists the IPv6 addresses that a new socket should not use:
// deprecated ones (RFC 4862 section 5.5.4), and tentative ones and duplicates,
// which cannot be bound. Where the kernel does not say, it is empty.
func unusableAddrs() map[addrKey]bool {
	text, err := os.ReadFile("/proc/net/if_inet6")
	if err != nil {
		return nil
	}
	return parseIfInet6(text)
}

// parseIfInet6 reads the lines of /proc/net/if_inet6: the address as 32 hex
// digits, then in hex the interface's index, the prefix length, the scope and
// the flags, then the interface's name.
func parseIfInet6(text []byte) map[addrKey]bool {
	const bad = unix.IFA_F_DEPRECATED | unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED
	var set map[addrKey]bool
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) < 6 {
			continue
		}
		var raw [16]byte
		if n, err := hex.Decode(raw[:], fields[0][:min(32, len(fields[0]))]); err != nil || n != 16 {
			continue
		}
		index, err := strconv.ParseUint(string(fields[1]), 16, 31)
		if err != nil {
			continue
		}
		flags, err := strconv.ParseUint(string(fields[4]), 16, 32)
		if err != nil || flags&bad == 0 {
			continue
		}
		if set == nil {
			set = make(map[addrKey]bool)
		}
		set[addrKey{int(index), netip.AddrFrom16(raw)}] = true
	}
	return set
}
