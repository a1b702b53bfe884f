package webrtc

import (
	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/pion/interceptor"
)

// API makes objects that share settings. The zero value is not usable; make
// one with [NewAPI]. An API is immutable and safe for concurrent use.
type API struct {
	settings SettingEngine
	media    *MediaEngine
	network  netio.Network
	registry *interceptor.Registry // nil: no interceptors

	// Services that all objects on the network share. They run while one needs them.
	interfaces *interfaceWatch
	mdns       *multicastDNS
}

// The services of the host's own network, one of each for the process.
var (
	systemInterfaces = &interfaceWatch{network: netio.System()}
	systemMDNS       = &multicastDNS{network: netio.System()}
)

// defaultMediaEngine has the codecs of browsers. It is never changed.
var defaultMediaEngine = func() *MediaEngine {
	m, err := newDefaultMediaEngine()
	if err != nil {
		panic(err) // a constant table that contradicts itself
	}
	return m
}()

// NewAPI returns an API with the given options, such as [WithSettingEngine].
// Without options it has the settings that the package-level constructors use.
func NewAPI(options ...func(*API)) *API {
	api := &API{network: netio.System(), interfaces: systemInterfaces, mdns: systemMDNS}
	for _, option := range options {
		option(api)
	}
	if api.media == nil {
		api.media = defaultMediaEngine
	}
	return api
}

// WithSettingEngine gives the API a copy of s; later changes to s have no
// effect on it.
func WithSettingEngine(s SettingEngine) func(*API) {
	return func(api *API) { api.settings = s }
}

// WithMediaEngine gives the API a copy of m: the codecs and header extensions
// that its connections negotiate. Without it they are those of
// [MediaEngine.RegisterDefaultCodecs].
func WithMediaEngine(m *MediaEngine) func(*API) {
	return func(api *API) { api.media = m.clone() }
}

// withNetwork replaces the host's network, for tests on a virtual one.
func withNetwork(n netio.Network) func(*API) {
	return func(api *API) {
		api.network, api.interfaces, api.mdns = n, &interfaceWatch{network: n}, &multicastDNS{network: n}
	}
}

// NewPeerConnection makes a connection with default settings. It checks the
// whole configuration and returns W3C's exception for the first fault:
// SyntaxError for a bad URL, InvalidAccessError for missing TURN credentials
// or an expired certificate, NotSupportedError for what this package cannot do.
//
// It makes an API of its own for the connection: [NewAPI] has one for many.
//
// See https://www.w3.org/TR/webrtc/#constructor
func NewPeerConnection(configuration Configuration) (*PeerConnection, error) {
	return NewAPI().NewPeerConnection(configuration)
}
