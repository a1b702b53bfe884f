package webrtc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// ICECandidate is one address at which an end may be reached (webrtc-pc section
// 4.8.1, RTCIceCandidate). It is a plain value: comparable, and free to copy.
// One that has no address, but only SDPMid, SDPMLineIndex and UsernameFragment,
// says that its m-line has no more candidates of that generation.
type ICECandidate struct {
	// Foundation groups candidates of the same origin (RFC 8445 section
	// 5.1.1.3).
	Foundation string `json:"foundation"`
	// Priority is the candidate's priority (RFC 8445 section 5.1.2).
	Priority uint32 `json:"priority"`
	// Address is an IP address, or a name where the sender hides the address
	// (mDNS).
	Address string `json:"address"`
	// Protocol is the transport protocol between the ends.
	Protocol ICEProtocol `json:"protocol"`
	// Port is the port at Address.
	Port uint16 `json:"port"`
	// Typ says how the candidate was found.
	Typ ICECandidateType `json:"type"`
	// Component is 1 for RTP and data, 2 for RTCP that is not multiplexed.
	Component uint16 `json:"component"`
	// RelatedAddress is the address that the candidate was derived from; empty
	// for host candidates.
	RelatedAddress string `json:"relatedAddress"`
	// RelatedPort is the port at RelatedAddress.
	RelatedPort uint16 `json:"relatedPort"`
	// TCPType is "active", "passive" or "so" (RFC 6544 section 4.5); empty for
	// UDP.
	TCPType string `json:"tcpType"`
	// SDPMid is the media stream identification of the m-line that the
	// candidate belongs to.
	SDPMid string `json:"sdpMid"`
	// SDPMLineIndex is that m-line's position, counted from 0.
	SDPMLineIndex uint16 `json:"sdpMLineIndex"`
	// UsernameFragment tells which ICE generation the candidate belongs to. It
	// may be empty.
	UsernameFragment string `json:"usernameFragment,omitempty"`
	// RelayProtocol is how this end reaches the TURN server of a local relay
	// candidate: "udp", "tcp" or "tls" (RTCIceServerTransportProtocol). It is
	// empty for every other candidate.
	RelayProtocol string `json:"relayProtocol,omitempty"`
	// URL is the server that a local srflx or relay candidate came from. It is
	// empty for every other candidate.
	URL string `json:"url,omitempty"`

	// extensions holds the attributes that this package does not know, as
	// "key value" pairs separated by blanks, in the order of the SDP. A string
	// keeps the type comparable.
	extensions string
}

// ICECandidateInit is the form in which candidates travel between the ends
// (webrtc-pc section 4.8.1.4, RTCIceCandidateInit).
type ICECandidateInit struct {
	// Candidate is the candidate attribute, "candidate:" included (RFC 8839
	// section 5.1). Empty means that no more candidates will come.
	Candidate string `json:"candidate"`
	// SDPMid names the m-line; nil is W3C's null.
	SDPMid *string `json:"sdpMid"`
	// SDPMLineIndex is the m-line's position, counted from 0; it counts where
	// SDPMid is nil.
	SDPMLineIndex *uint16 `json:"sdpMLineIndex"`
	// UsernameFragment tells the ICE generation; nil is W3C's null.
	UsernameFragment *string `json:"usernameFragment"`
}

// newICECandidate makes the public form of c, which belongs to the m-line mid.
func newICECandidate(c ice.Candidate, mid string, mline uint16) ICECandidate {
	candidate := ICECandidate{
		Foundation:       c.Foundation,
		Priority:         c.Priority,
		Address:          c.Hostname,
		Protocol:         newICEProtocol(c.Transport),
		Port:             c.Addr.Port(),
		Typ:              newICECandidateType(c.Type),
		Component:        c.Component,
		TCPType:          c.TCPType,
		SDPMid:           mid,
		SDPMLineIndex:    mline,
		UsernameFragment: c.UsernameFragment,
		RelayProtocol:    c.RelayProtocol,
		URL:              c.URL,
		extensions:       joinExtensions(c.Extensions),
	}
	if c.Hostname == "" && c.Addr.IsValid() {
		candidate.Address = addressText(c.Addr.Addr())
	}
	if c.Related.IsValid() {
		candidate.RelatedAddress = addressText(c.Related.Addr())
		candidate.RelatedPort = c.Related.Port()
	}
	return candidate
}

// addressText leaves out the zone, which means nothing on another host.
func addressText(addr netip.Addr) string {
	return addr.Unmap().WithZone("").String()
}

// toICE returns the form that package ice takes, or an error that says which
// field is not valid.
func (c ICECandidate) toICE() (ice.Candidate, error) {
	candidate := ice.Candidate{
		Foundation:       c.Foundation,
		Component:        c.Component,
		TCPType:          c.TCPType,
		Priority:         c.Priority,
		UsernameFragment: c.UsernameFragment,
		Extensions:       splitExtensions(c.extensions),
		RelayProtocol:    c.RelayProtocol,
		URL:              c.URL,
	}
	var err error
	if candidate.Transport, err = c.Protocol.toICE(); err != nil {
		return ice.Candidate{}, err
	}
	if candidate.Type, err = c.Typ.toICE(); err != nil {
		return ice.Candidate{}, err
	}
	if c.Address == "" {
		return ice.Candidate{}, errors.New("ICE candidate without an address")
	}
	if addr, err := netip.ParseAddr(c.Address); err == nil {
		candidate.Addr = netip.AddrPortFrom(addr.Unmap().WithZone(""), c.Port)
	} else {
		candidate.Hostname = c.Address
		candidate.Addr = netip.AddrPortFrom(netip.Addr{}, c.Port)
	}
	if c.RelatedAddress != "" {
		addr, err := netip.ParseAddr(c.RelatedAddress)
		if err != nil {
			return ice.Candidate{}, fmt.Errorf("ICE candidate: related address %s is not an IP address", quoteShort(c.RelatedAddress))
		}
		candidate.Related = netip.AddrPortFrom(addr.Unmap().WithZone(""), c.RelatedPort)
	}
	// The fields come from the application, or from the peer by way of it: what
	// the grammar of RFC 8839 section 5.1 does not allow could become another
	// line of SDP.
	text := candidate.String()
	parsed, err := ice.ParseCandidate(text)
	if err != nil {
		return ice.Candidate{}, err
	}
	if parsed.String() != text || parsed.Foundation != candidate.Foundation || parsed.Addr != candidate.Addr ||
		parsed.Hostname != candidate.Hostname || parsed.Type != candidate.Type {
		return ice.Candidate{}, fmt.Errorf("ICE candidate: %s is not well-formed", quoteShort(text))
	}
	parsed.URL, parsed.RelayProtocol = c.URL, c.RelayProtocol
	return parsed, nil
}

// String describes the candidate for a person, for instance "udp host
// 192.0.2.1:50000".
func (c ICECandidate) String() string {
	if c.isEnd() {
		return "end of candidates"
	}
	text := fmt.Sprintf("%v %v %s", c.Protocol, c.Typ, net.JoinHostPort(c.Address, strconv.Itoa(int(c.Port))))
	if c.TCPType != "" {
		text += " " + c.TCPType
	}
	if c.RelatedAddress != "" {
		text += " related " + net.JoinHostPort(c.RelatedAddress, strconv.Itoa(int(c.RelatedPort)))
	}
	return text
}

// isEnd reports whether the candidate is the end of a generation.
func (c ICECandidate) isEnd() bool {
	return c == ICECandidate{SDPMid: c.SDPMid, SDPMLineIndex: c.SDPMLineIndex, UsernameFragment: c.UsernameFragment}
}

// ToJSON returns the form to send to the other end (webrtc-pc section 4.8.1.3,
// toJSON). The Candidate of the end of candidates is empty; that of one that is not
// valid is "candidate:", which AddICECandidate refuses.
func (c ICECandidate) ToJSON() ICECandidateInit {
	init := ICECandidateInit{Candidate: "candidate:", SDPMid: &c.SDPMid, SDPMLineIndex: &c.SDPMLineIndex}
	if candidate, err := c.toICE(); err == nil {
		init.Candidate = candidate.String()
	}
	if c.isEnd() {
		init.Candidate = ""
	}
	if c.UsernameFragment != "" {
		init.UsernameFragment = &c.UsernameFragment
	}
	return init
}

func joinExtensions(extensions []ice.Extension) string {
	var b strings.Builder
	for i, e := range extensions {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.Key + " " + e.Value)
	}
	return b.String()
}

func splitExtensions(text string) []ice.Extension {
	if text == "" {
		return nil
	}
	words := strings.Split(text, " ")
	extensions := make([]ice.Extension, 0, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		extensions = append(extensions, ice.Extension{Key: words[i], Value: words[i+1]})
	}
	return extensions
}
