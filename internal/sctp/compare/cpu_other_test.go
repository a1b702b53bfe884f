//go:build !unix

package compare

import "time"

// cpuTime is the processor time of the process; 0: it is not known.
func cpuTime() time.Duration { return 0 }
