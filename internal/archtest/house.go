package archtest

import "strings"

// kind is what a package is in the house.
type kind uint8

const (
	other    kind = iota
	api           // the root package
	example       // programs that use the root
	runtime       // goroutines, sockets, the clock
	machine       // pure: time and datagrams come in
	adapter       // one pion package behind our own seam
	format        // files of media, for applications
	testOnly      // helps tests only
)

// house is the table of the internal packages.
var house = map[string]kind{
	"internal/loop":       runtime,
	"internal/netio":      runtime,
	"internal/jsep":       machine,
	"internal/ice":        machine,
	"internal/turn":       machine,
	"internal/sctp":       machine,
	"internal/rtpsession": machine,
	"internal/frame":      machine,
	"internal/dtmf":       machine,
	"internal/bandwidth":  machine,
	"internal/mdns":       machine,
	"internal/mux":        machine,
	"internal/seqnum":     machine,
	"internal/dtls":       adapter,
	"internal/srtp":       adapter,
	"internal/pionsctp":   adapter,
	"pkg":                 format,
	"internal/simnet":     testOnly,
	"internal/leak":       testOnly,
	"internal/archtest":   testOnly,
}

// leaf is the one package below machines and adapters that they share: serial
// number arithmetic, which imports nothing of ours.
const leaf = "internal/seqnum"

// room returns the package of the table that dir is or lies in, and its kind.
func room(dir string) (string, kind) {
	switch {
	case dir == ".":
		return dir, api
	case dir == "examples" || strings.HasPrefix(dir, "examples/"):
		return "examples", example
	}
	for name, k := range house {
		if dir == name || strings.HasPrefix(dir, name+"/") {
			return name, k
		}
	}
	return dir, other
}

// pion lists the modules of pion that each package may import. The root takes
// codecs (stun, sdp, rtp, rtcp), logging and interceptor for the API's types,
// the examples use these types, and the engines take pion's loggers.
var pion = map[string][]string{
	".":                   {"stun", "sdp/v3", "rtp", "rtcp", "logging", "interceptor"},
	"examples":            {"sdp/v3", "rtp", "rtcp", "logging", "interceptor"},
	"internal/jsep":       {"sdp/v3"},
	"internal/ice":        {"stun"},
	"internal/turn":       {"stun"},
	"internal/rtpsession": {"rtp", "rtcp"},
	"internal/frame":      {"rtp"},
	"internal/dtls":       {"dtls/v2", "logging"},
	"internal/srtp":       {"srtp/v2"},
	"internal/pionsctp":   {"sctp", "logging"},
	"pkg":                 {"rtp"},
}

// requires is what the root go.mod may require. Each entry beyond the charter's
// list needs an ADR in docs/adr.
var requires = map[string]string{
	"github.com/pion/dtls/v2":      "the handshake",
	"github.com/pion/sctp":         "the first SCTP engine",
	"github.com/pion/srtp/v2":      "SRTP contexts",
	"github.com/pion/stun":         "STUN messages",
	"github.com/pion/sdp/v3":       "SDP",
	"github.com/pion/rtp":          "RTP headers, the API's types",
	"github.com/pion/rtcp":         "RTCP packets, the API's types",
	"github.com/pion/interceptor":  "the API's types",
	"github.com/pion/logging":      "the API's types",
	"golang.org/x/crypto":          "ChaCha20-Poly1305",
	"golang.org/x/net":             "messages and sockets of multicast DNS",
	"golang.org/x/sys":             "socket options",
	"github.com/pion/randutil":     "through pion/dtls and pion/sctp",
	"github.com/pion/transport/v2": "through pion/dtls, pion/srtp and pion/stun",
	"github.com/pion/transport/v5": "through pion/sctp",
}
