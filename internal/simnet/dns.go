package simnet

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// SetDNS sets what host resolves name to; no addresses: the name exists but
// has none. Names that were never set are not found.
func (h *Host) SetDNS(name string, addrs ...netip.Addr) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.dns[name] = addrs
}

// SetService sets what host finds for a service of a domain, as "turn" over "udp", in
// the order that the records are to be tried in. Those that were never set are not
// found.
func (h *Host) SetService(service, proto, domain string, records ...netio.ServiceRecord) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.located[serviceName(service, proto, domain)] = records
}

func serviceName(service, proto, domain string) string {
	return "_" + service + "._" + proto + "." + domain
}

// LookupService implements netio.ServiceResolver with what SetService has set.
func (h *Host) LookupService(ctx context.Context, service, proto, domain string) ([]netio.ServiceRecord, error) {
	name := serviceName(service, proto, domain)
	if err := h.dnsWait(ctx, name); err != nil {
		return nil, err
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	records := h.located[name]
	if len(records) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return slices.Clone(records), nil
}

// SetDNSDelay sets how long each lookup of a name takes; 0 at first.
func (h *Host) SetDNSDelay(d time.Duration) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.dnsDelay = d
}

// LookupNetIP looks a name, with or without the final dot, up in what SetDNS has set. An IP address resolves to
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
	if err := h.dnsWait(ctx, host); err != nil {
		return nil, err
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	var found []netip.Addr
	for _, a := range h.dns[strings.TrimSuffix(host, ".")] {
		if wanted(a) {
			found = append(found, a.Unmap())
		}
	}
	if len(found) == 0 {
		return nil, notFound
	}
	return found, nil
}

// dnsWait lets the delay of a lookup pass.
func (h *Host) dnsWait(ctx context.Context, name string) error {
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
		return &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: name, IsTimeout: err == context.DeadlineExceeded}
	}
	return nil
}
