package netio

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// A socket whose every read fails, such as one on a host that has lost its
// interfaces, costs a try a second, and is heard again once it works.
func TestAMulticastSocketThatFailsIsTriedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &multicastConn{received: make(chan groupDatagram, groupQueue), closing: make(chan struct{}), closed: make(chan struct{})}
		group, src := net.IPv4(224, 0, 0, 251), netip.MustParseAddrPort("192.0.2.7:5353")
		tries, healed := 0, make(chan struct{})
		failing := errors.New("network is down")
		c.readers.Go(func() {
			c.read(func(b []byte) (int, net.IP, net.Addr, error) {
				select {
				case <-healed:
					healed = nil
					return copy(b, "hello"), group, net.UDPAddrFromAddrPort(src), nil
				default:
					tries++
					return 0, nil, nil, failing
				}
			})
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if tries < 55 || tries > 75 {
			t.Errorf("tried to read %d times in a minute of errors, want about one a second", tries)
		}
		close(healed)
		b := make([]byte, 10)
		if n, from, err := c.Receive(b); err != nil || string(b[:n]) != "hello" || from != src {
			t.Errorf("received %q from %v, %v", b[:n], from, err)
		}
		start := time.Now()
		if err := c.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("closing took %v, %v", time.Since(start), err)
		}
		if _, _, err := c.Receive(b); !errors.Is(err, net.ErrClosed) {
			t.Errorf("received after Close: %v", err)
		}
	})
}
