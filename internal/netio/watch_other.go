//go:build !linux

package netio

import (
	"sync"
	"time"
)

// watchInterval is how often interfaces are looked at where the system does not
// tell.
const watchInterval = 2 * time.Second

// interfaceHints returns a channel that gets a value at intervals. end closes it.
func interfaceHints() (hints <-chan struct{}, end func(), err error) {
	c, done := make(chan struct{}, 1), make(chan struct{})
	ticker := time.NewTicker(watchInterval)
	var work sync.WaitGroup
	work.Go(func() {
		defer close(c)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			select {
			case c <- struct{}{}:
			default:
			}
		}
	})
	return c, func() {
		close(done)
		work.Wait()
	}, nil
}
