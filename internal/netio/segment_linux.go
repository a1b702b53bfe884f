package netio

import "golang.org/x/sys/unix"

// Generic segmentation offload of UDP (UDP_SEGMENT, Linux 4.18, udp(7)): one
// message carries several datagrams of one size to one destination, the last of
// which may be shorter. The kernel passes its layers once for all of them.

const (
	maxSegments  = 64    // of one message: UDP_MAX_SEGMENTS of the kernel
	maxSegmented = 65000 // bytes of one message, below what an IP packet can have
)

// run is how many datagrams at the head of ds one message can carry, at least one.
func run(ds []Datagram) int {
	size := len(ds[0].Buffer.Bytes())
	if size == 0 {
		return 1
	}
	n, total := 1, size
	for n < len(ds) && n < maxSegments && ds[n].Addr == ds[0].Addr && ds[n].Local == ds[0].Local {
		next := len(ds[n].Buffer.Bytes())
		if next == 0 || next > size || total+next > maxSegmented {
			break
		}
		n, total = n+1, total+next
		if next < size {
			break // only the last may be shorter
		}
	}
	return n
}

// setSegment says that the message is a run of datagrams of a size.
func (c *control) setSegment(size int) {
	*(*uint16)(c.add(unix.SOL_UDP, unix.UDP_SEGMENT, 2)) = uint16(size)
}
