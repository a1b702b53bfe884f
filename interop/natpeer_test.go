package interop

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// natPeerEnv makes this test binary an end of a connection: "offer" or "answer".
// natServerEnv is the address of its STUN and TURN server, natPortEnv the port at which
// it takes TCP connections, where it does.
const (
	natPeerEnv   = "PASSERELLE_INTEROP_NAT_PEER"
	natServerEnv = "PASSERELLE_INTEROP_NAT_SERVER"
	natPortEnv   = "PASSERELLE_INTEROP_NAT_PORT"
)

// natLine is what the ends say to each other, a JSON object a line. The last one is
// for the test: how the end is connected, once a message has come through.
type natLine struct {
	Description *webrtc.SessionDescription `json:",omitempty"`
	Candidate   *webrtc.ICECandidateInit   `json:",omitempty"`
	Path        *natPath                   `json:",omitempty"`
}

// natPath is the selected pair as an end has it.
type natPath struct {
	Local         webrtc.ICECandidateType
	TCPType       string // of the local candidate
	RelayProtocol string // of the local candidate
	Pair          string // for a person
}

type natPeer struct {
	*webrtc.PeerConnection
	mu  sync.Mutex
	out *json.Encoder
}

// runNATPeer is the end's program, which lasts as long as its input.
func runNATPeer() (done bool) {
	role := os.Getenv(natPeerEnv)
	if role == "" {
		return false
	}
	p := &natPeer{out: json.NewEncoder(os.Stdout)}
	if err := p.run(role == "offer", os.Getenv(natServerEnv)); err != nil {
		fmt.Fprintln(os.Stderr, role, err)
	}
	return true
}

func (p *natPeer) say(line natLine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.out.Encode(line) // the test ends the peer when it does not read any more
}

func (p *natPeer) run(offers bool, server string) (err error) {
	var settings webrtc.SettingEngine
	// A relay would win where a direct path needs the repetition of a check, or a loaded
	// machine is slow with it; the table asks which paths there are.
	settings.SetRelayAcceptanceMinWait(2 * time.Second)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
	if port := os.Getenv(natPortEnv); port != "" {
		listener, err := net.Listen("tcp4", ":"+port)
		if err != nil {
			return err
		}
		mux := webrtc.NewICETCPMux(nil, listener, 0)
		defer mux.Close()
		settings.SetICETCPMux(mux)
	}
	p.PeerConnection, err = webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{ICEServers: []webrtc.ICEServer{
		{URLs: []string{"stun:" + server}},
		{URLs: []string{"turn:" + server, "turn:" + server + "?transport=tcp"}, Username: "alice", Credential: "secret"},
	}})
	if err != nil {
		return err
	}
	defer p.Close()
	p.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil {
			init := c.ToJSON()
			p.say(natLine{Candidate: &init})
		}
	})
	p.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) { fmt.Fprintln(os.Stderr, "ice", s) })
	if offers {
		channel, err := p.CreateDataChannel("x", nil)
		if err != nil {
			return err
		}
		channel.OnOpen(func() { _ = channel.SendText("through?") })
		channel.OnMessage(func(webrtc.DataChannelMessage) { p.connected() })
		if err := p.describe(p.CreateOffer(nil)); err != nil {
			return err
		}
	}
	p.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(webrtc.DataChannelMessage) {
			_ = channel.SendText("through")
			p.connected()
		})
	})
	for in := json.NewDecoder(os.Stdin); ; {
		var line natLine
		if err := in.Decode(&line); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := p.take(line); err != nil {
			return err
		}
	}
}

func (p *natPeer) take(line natLine) error {
	if line.Candidate != nil {
		return p.AddICECandidate(*line.Candidate)
	}
	if line.Description == nil {
		return nil
	}
	if err := p.SetRemoteDescription(*line.Description); err != nil || line.Description.Type == webrtc.SDPTypeAnswer {
		return err
	}
	return p.describe(p.CreateAnswer(nil))
}

// describe sends the description, and then the candidates as they are found.
func (p *natPeer) describe(d webrtc.SessionDescription, err error) error {
	if err != nil {
		return err
	}
	p.say(natLine{Description: &d})
	return p.SetLocalDescription(d)
}

func (p *natPeer) connected() {
	pair, err := p.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		fmt.Fprintln(os.Stderr, "a message came, but there is no pair:", err)
		return
	}
	p.say(natLine{Path: &natPath{pair.Local.Typ, pair.Local.TCPType, pair.Local.RelayProtocol, pair.String()}})
}
