package netio

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

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
	for n < len(ds) && n < maxSegments && ds[n].Addr == ds[0].Addr {
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

// segmentControl is a control message with the size of the segments. Its alignment
// is that of the kernel's struct cmsghdr.
type segmentControl struct {
	header unix.Cmsghdr
	size   uint16
	_      [6]byte
}

// set makes the control message that of a message with segments of a size.
func (s *segmentControl) set(hdr *unix.Msghdr, size int) {
	s.header.Level, s.header.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	s.header.SetLen(unix.CmsgLen(2))
	s.size = uint16(size)
	hdr.Control = (*byte)(unsafe.Pointer(s))
	hdr.SetControllen(unix.CmsgSpace(2))
}
