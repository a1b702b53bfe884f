package netio

import (
	"slices"
	"sync"
)

// An InterfaceWatcher is a [Network] that tells when its interfaces change.
type InterfaceWatcher interface {
	// WatchInterfaces calls changed each time that Interfaces lists something
	// else than before, until stop has been called. The calls come one at a time,
	// on a goroutine of the network's; changed must not block. After stop, which
	// may be called once and waits for it, that goroutine has ended.
	WatchInterfaces(changed func()) (stop func(), err error)
}

// WatchInterfaces listens to what the kernel says on Linux, and elsewhere looks
// every two seconds.
func (s system) WatchInterfaces(changed func()) (stop func(), err error) {
	hints, end, err := interfaceHints()
	if err != nil {
		return nil, err
	}
	last, err := s.Interfaces()
	if err != nil {
		end()
		return nil, err
	}
	var work sync.WaitGroup
	work.Go(func() {
		for range hints {
			list, err := s.Interfaces()
			if err == nil && !slices.Equal(list, last) {
				last = list
				changed()
			}
		}
	})
	return func() {
		end()
		work.Wait()
	}, nil
}
