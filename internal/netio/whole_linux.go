package netio

import "golang.org/x/sys/unix"

// Datagrams that nobody may fragment. The system says that of a socket, not of a
// datagram (IP_MTU_DISCOVER of ip(7), IPV6_MTU_DISCOVER of ipv6(7)): such a datagram is
// sent alone, and the socket's mode is changed around that. IP_PMTUDISC_PROBE forbids
// fragments and, unlike IP_PMTUDISC_DO, does not believe what the system has heard of
// the path before, which is what a probe is to find out.

// together is how much of the head of ds one system call may take: datagrams that may
// be fragmented, or one that may not.
func together(ds []Datagram) []Datagram {
	ds = ds[:min(len(ds), maxBatch)]
	if ds[0].Buffer.Whole() {
		return ds[:1]
	}
	for i := range ds {
		if ds[i].Buffer.Whole() {
			return ds[:i]
		}
	}
	return ds
}

// SendsWhole reports that KeepWhole is obeyed.
func (c *batchConn) SendsWhole() bool { return true }

// sendWhole sends the one datagram of m.ds, which is lost where a link is too small
// for it; the host's own says so with EMSGSIZE.
//
// Somebody else who sent through the socket at the same time would have the mode too.
// Nobody does: a Socket has one writer.
func (c *batchConn) sendWhole(fd uintptr, m *messages) {
	var undo [2]discovery
	changed, err := c.forbidFragments(int(fd), &undo)
	if err == nil {
		c.sendFrom(fd, m, false)
	}
	for _, d := range undo[:changed] {
		if e := unix.SetsockoptInt(int(fd), d.level, d.option, d.mode); e != nil && m.err == nil && err == nil {
			err = e
		}
	}
	if err != nil && m.n == 0 {
		m.err = err
	}
}

// discovery is a mode of path MTU discovery of one family.
type discovery struct{ level, option, mode int }

// forbidFragments sets the mode for every family that the socket sends to. undo gets
// what was changed: the first changed of it.
func (c *batchConn) forbidFragments(fd int, undo *[2]discovery) (changed int, err error) {
	all := [2]discovery{
		{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE},
		{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE},
	}
	for _, d := range all {
		if d.level == unix.IPPROTO_IPV6 && !c.v6 || d.level == unix.IPPROTO_IP && c.v6 && !c.dual {
			continue
		}
		before, err := unix.GetsockoptInt(fd, d.level, d.option)
		if err != nil {
			return changed, err
		}
		if err := unix.SetsockoptInt(fd, d.level, d.option, d.mode); err != nil {
			return changed, err
		}
		d.mode = before
		undo[changed] = d
		changed++
	}
	return changed, nil
}
