package webrtc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/mdns"
	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// multicastDNS is the Multicast DNS of all connections on a network: one socket, which is open
// while names are looked up or answered for. All methods may be called on any
// goroutine but a loop's: they open and close sockets.
type multicastDNS struct {
	network netio.Network

	life sync.Mutex // of opening and closing; taken before mu

	mu      sync.Mutex
	users   int // names that are looked up or answered for
	machine *mdns.Machine
	conn    netio.MulticastConn // nil: nobody uses it
	timer   *time.Timer
	waiting map[string][]chan netip.Addr
	reader  sync.WaitGroup
}

var errNoMulticast = errors.New("the network has no multicast")

// acquire opens the socket for one more user.
func (d *multicastDNS) acquire() error {
	d.life.Lock()
	defer d.life.Unlock()
	if d.users > 0 {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.users++
		d.conn.Rejoin() // interfaces may have come since
		return nil
	}
	network, ok := d.network.(netio.Multicaster)
	if !ok {
		return errNoMulticast
	}
	conn, err := network.ListenMulticast(mdns.Group4, mdns.Group6, mdns.Port)
	if err != nil {
		return fmt.Errorf("open the socket of multicast DNS: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users, d.conn, d.machine = 1, conn, new(mdns.Machine)
	d.waiting = make(map[string][]chan netip.Addr)
	d.reader.Go(func() { d.read(conn) })
	return nil
}

// release ends one use, and closes the socket with the last.
func (d *multicastDNS) release() {
	d.life.Lock()
	defer d.life.Unlock()
	d.mu.Lock()
	d.users--
	if d.users > 0 {
		d.mu.Unlock()
		return
	}
	conn := d.conn
	d.conn, d.machine, d.waiting = nil, nil, nil
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.mu.Unlock()
	_ = conn.Close()
	d.reader.Wait()
}

func (d *multicastDNS) read(conn netio.MulticastConn) {
	buffer := make([]byte, 9000) // RFC 6762 section 17
	for {
		n, src, err := conn.Receive(buffer)
		if err != nil {
			return
		}
		d.input(func(now time.Time) { d.machine.HandleMessage(now, src, buffer[:n]) })
	}
}

// input gives the machine an input, if it is there, and carries off what it has to
// say.
func (d *multicastDNS) input(f func(now time.Time)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return
	}
	f(time.Now())
	for {
		b, ok := d.machine.NextMessage()
		if !ok {
			break
		}
		_ = d.conn.Send(b) // as if it were lost
	}
	for {
		a, ok := d.machine.NextAnswer()
		if !ok {
			break
		}
		for _, c := range d.waiting[a.Name] {
			select {
			case c <- a.Addr:
			default:
			}
		}
	}
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if at := d.machine.Deadline(); !at.IsZero() {
		d.timer = time.AfterFunc(time.Until(at), func() {
			d.input(func(now time.Time) { d.machine.Advance(now) })
		})
	}
}

// lookUp finds an address of a name.
func (d *multicastDNS) lookUp(ctx context.Context, name string) (netip.Addr, error) {
	if err := d.acquire(); err != nil {
		return netip.Addr{}, err
	}
	defer d.release()
	found := make(chan netip.Addr, 1)
	asked := false
	d.input(func(now time.Time) {
		d.waiting[name] = append(d.waiting[name], found)
		asked = d.machine.Query(now, name)
	})
	defer d.input(func(time.Time) { d.forget(name, found) })
	if !asked {
		return netip.Addr{}, errors.New("too many names are being looked up")
	}
	select {
	case addr := <-found:
		return addr, nil
	case <-ctx.Done():
		return netip.Addr{}, fmt.Errorf("multicast DNS: no answer: %w", ctx.Err())
	}
}

func (d *multicastDNS) forget(name string, found chan netip.Addr) {
	all := d.waiting[name]
	for i, c := range all {
		if c == found {
			all = append(all[:i:i], all[i+1:]...)
			break
		}
	}
	if len(all) > 0 {
		d.waiting[name] = all
		return
	}
	delete(d.waiting, name)
	d.machine.Forget(name)
}

// publish answers for a name until withdraw.
func (d *multicastDNS) publish(name string, addr netip.Addr) error {
	if err := d.acquire(); err != nil {
		return err
	}
	done := false
	d.input(func(time.Time) { done = d.machine.Publish(name, addr) })
	if !done {
		d.release()
		return errors.New("multicast DNS: too many names, or no name")
	}
	return nil
}

func (d *multicastDNS) withdraw(name string, addr netip.Addr) {
	d.input(func(time.Time) { d.machine.Withdraw(name, addr) })
	d.release()
}
