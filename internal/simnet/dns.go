package simnet

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// SetDNS sets what host resolves name to; no addresses: the name exists but
// has none. Names that were never set are not found.
func (h *Host) SetDNS(name string, addrs ...netip.Addr) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.dns[name] = addrs
}

// SetDNSDelay sets how long each lookup of a name takes; 0 at first.
func (h *Host) SetDNSDelay(d time.Duration) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.dnsDelay = d
}

// LookupNetIP looks a name up in what SetDNS has set. An IP address resolves to
// itself, at once. Errors are *net.DNSError: not found, or ctx's end.
func (h *Host) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if network != "ip" && network != "ip4" && network != "ip6" {
		return nil, net.UnknownNetworkError(network)
	}
	wanted := func(a netip.Addr) bool {
		return network == "ip" || a.Unmap().Is4() == (network == "ip4")
	}
	notFound := &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	if addr, err := netip.ParseAddr(host); err == nil {
		if !wanted(addr) {
			return nil, notFound
		}
		return []netip.Addr{addr.Unmap()}, nil
	}
	h.net.mu.Lock()
	delay := h.dnsDelay
	h.net.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: host, IsTimeout: err == context.DeadlineExceeded}
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	var found []netip.Addr
	for _, a := range h.dns[host] {
		if wanted(a) {
			found = append(found, a.Unmap())
		}
	}
	if len(found) == 0 {
		return nil, notFound
	}
	return found, nil
}
