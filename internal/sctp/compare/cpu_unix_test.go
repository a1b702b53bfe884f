//go:build unix

package compare

import (
	"syscall"
	"time"
)

// cpuTime is the processor time of the process; 0: it is not known.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
