package loop

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// pass lets virtual time go by; what other goroutines of the bubble did in it
// is visible afterwards.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
