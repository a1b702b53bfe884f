package webrtc

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// locatedRig has a STUN and two TURN servers that DNS tells of.
type locatedRig struct {
	net           *simnet.Net
	host          *simnet.Host
	first, second *simnet.TURNServer
}

func newLocatedRig(t *testing.T) *locatedRig {
	t.Helper()
	r := &locatedRig{net: simnet.New(1)}
	r.net.SetDefaultLink(simnet.Link{Delay: 10 * time.Millisecond})
	r.net.STUNServer("stun", "198.51.100.1:5000")
	r.first, r.second = r.net.TURNServer("first", "198.51.100.3:5001"), r.net.TURNServer("second", "198.51.100.4:5002")
	r.host = r.net.NAT("nat", "203.0.113.5", simnet.PortRestricted).Host("h", "10.0.0.2")
	for name, addr := range map[string]string{"one.example": "198.51.100.1", "three.example": "198.51.100.3", "four.example": "198.51.100.4", "nowhere.example": "198.51.100.99"} {
		r.host.SetDNS(name, netip.MustParseAddr(addr))
	}
	return r
}

func (r *locatedRig) gather(t *testing.T, urls ...string) (candidates []ICECandidate, failures []ICECandidateError, took time.Duration) {
	t.Helper()
	server := turnServer(r.first)
	server.URLs = urls
	pc := connectionOn(t, r.host, SettingEngine{}, Configuration{ICEServers: []ICEServer{server}})
	defer pc.Close()
	began := time.Now()
	candidates, failures = gatherAll(t, pc)
	return candidates, failures, time.Since(began)
}

// RFC 8489 section 8.1 and RFC 5928 section 3, step 3: where the URL has a domain and
// no port, SRV records name server and port. With a port, or an address, they do not
// count.
func TestServersAreFoundByTheirServiceRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLocatedRig(t)
		defer r.net.Close()
		r.host.SetService("stun", "udp", "example.org", netio.ServiceRecord{Target: "one.example.", Port: 5000})
		r.host.SetService("turn", "udp", "example.org", netio.ServiceRecord{Target: "four.example", Port: 5002})
		candidates, failures, _ := r.gather(t, "stun:example.org", "turn:example.org")
		if got := summary(candidates); !slices.Contains(got, "srflx 203.0.113.5") || !slices.Contains(got, "relay 198.51.100.4") || len(failures) != 0 {
			t.Errorf("gathered %q, failures %v", got, failures)
		}
		if _, failures, _ := r.gather(t, "stun:example.org:5000"); len(failures) != 1 {
			t.Errorf("with a port: failures %v", failures)
		}
	})
}

// RFC 8489 section 8.1 and RFC 2782: a server that cannot be reached gives way to the
// next.
func TestTheNextServiceRecordIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLocatedRig(t)
		defer r.net.Close()
		r.host.SetService("turn", "udp", "example.org",
			netio.ServiceRecord{Target: "unknown.example", Port: 1}, netio.ServiceRecord{Target: "nowhere.example", Port: 5001}, netio.ServiceRecord{Target: "four.example", Port: 5002})
		candidates, failures, took := r.gather(t, "turn:example.org")
		if got := summary(candidates); !slices.Contains(got, "relay 198.51.100.4") || len(failures) != 0 || took > 15*time.Second {
			t.Errorf("gathered %q in %v, failures %v", got, took, failures)
		}
	})
}

// RFC 8489 section 8.1: without SRV records, or an answer of any kind, the domain's own
// addresses have the server at the default port, in bounded time. RFC 2782: a target
// "." says that there is none.
func TestWithoutServiceRecordsTheDomainIsTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLocatedRig(t)
		defer r.net.Close()
		r.net.STUNServer("plain", "198.51.100.7:3478")
		r.host.SetDNS("example.org", netip.MustParseAddr("198.51.100.7"))
		candidates, failures, _ := r.gather(t, "stun:example.org")
		if got := summary(candidates); !slices.Contains(got, "srflx 203.0.113.5") || len(failures) != 0 {
			t.Errorf("gathered %q, failures %v", got, failures)
		}
		r.host.SetDNSDelay(3 * time.Second) // longer than serviceTimeout, shorter than lookupTimeout
		r.host.SetService("stun", "udp", "example.org", netio.ServiceRecord{Target: "nowhere.example", Port: 1})
		candidates, failures, took := r.gather(t, "stun:example.org")
		if got := summary(candidates); !slices.Contains(got, "srflx 203.0.113.5") || len(failures) != 0 || took > 4*time.Second {
			t.Errorf("behind a slow resolver: %q in %v, failures %v", got, took, failures)
		}
		r.host.SetDNSDelay(0)
		r.host.SetService("stun", "udp", "example.org", netio.ServiceRecord{Target: "."})
		if _, failures, _ := r.gather(t, "stun:example.org"); len(failures) != 1 || failures[0].ErrorCode != 701 {
			t.Errorf("with no service: %v", failures)
		}
	})
}

// A slow look-up of one server holds no other up.
func TestASlowLookUpDelaysNoOtherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLocatedRig(t)
		defer r.net.Close()
		r.host.SetDNSDelay(time.Hour)
		pc := connectionOn(t, r.host, SettingEngine{}, Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:example.org", "stun:198.51.100.1:5000"}}}})
		defer pc.Close()
		found := make(chan time.Time, 4)
		began := time.Now()
		pc.OnICECandidate(func(c *ICECandidate) {
			if c != nil && c.Typ == ICECandidateTypeSrflx {
				found <- time.Now()
			}
		})
		_, err := pc.CreateDataChannel("x", nil)
		must(t, err)
		must(t, pc.SetLocalDescription(SessionDescription{}))
		if at := wait(t, "reflexive candidate", found, time.Minute); at.Sub(began) > time.Second {
			t.Errorf("came after %v", at.Sub(began))
		}
	})
}
