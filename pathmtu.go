package webrtc

import (
	"github.com/passerelle-rtc/webrtc/internal/dtls"
	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// EnableSCTPPathMTUDiscovery makes the association of data channels look for packets
// larger than the 1200 bytes of UDP payload that every path is taken to carry: probes
// of its own, while data is under way, up to 1500 bytes of IP (RFC 8899). Only probes
// leave with fragmentation forbidden; what they do not show to pass is not sent. A new
// selected pair begins at 1200 bytes again, and so does a path where packets of the
// size that was found get lost in a row. The size is the mtu of [SCTPTransportStats].
//
// Probes need a system that can forbid fragmentation of single datagrams (Linux), and a
// pair of UDP sockets without a relay between them: elsewhere, over TCP, through a
// UDPMux, and with SCTPEnginePion packets stay at 1200 bytes.
//
// A message that has been sent in larger packets is repeated in such ones. When the
// path shrinks, it needs fragments of IP to arrive (RFC 9260 section 6.9): a path that
// begins to drop these, and tells nobody, holds reliable channels up for as long as it
// is selected. Off by default.
func (e *SettingEngine) EnableSCTPPathMTUDiscovery(isEnabled bool) { e.sctp.pathMTU = isEnabled }

const (
	// probedMTU is the size in bytes of the largest IP packet that is tried: Ethernet's.
	probedMTU = 1500

	ipv4Header = 20
	ipv6Header = 40
	udpHeader  = 8
)

// wholeSender is a localPath that can forbid the path to fragment a datagram.
type wholeSender interface{ SendsWhole() bool }

var _ wholeSender = (*netio.Socket)(nil)

// probeLimit is how large SCTP packets may become on the selected pair, in bytes; 0: no
// larger than at first. A relay may take datagrams apart and put them together again,
// and a probe would tell of the way to it only. On the loop.
func (t *SCTPTransport) probeLimit(association *dtls.Association) int {
	transport := t.dtls.ice
	path := transport.path.Load()
	if !t.api.settings.sctp.pathMTU || path == nil || association == nil {
		return 0
	}
	sender, ok := path.socket.(wholeSender)
	if !ok || !sender.SendsWhole() || transport.selected.Remote.Typ == ICECandidateTypeRelay {
		return 0
	}
	header := ipv6Header
	if path.remote.Addr().Unmap().Is4() {
		header = ipv4Header
	}
	return min(probedMTU-header-udpHeader, netio.MaxDatagram) - association.Overhead()
}

// pathChanged tells the association that its packets take another pair. On the loop.
func (t *ICETransport) pathChanged() {
	if t.dtls == nil || t.dtls.sctp == nil {
		return
	}
	s := t.dtls.sctp
	if engine := s.engine.Load(); engine != nil {
		engine.PathChanged(s.probeLimit(t.dtls.association))
	}
}
