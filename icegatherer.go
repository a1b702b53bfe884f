package webrtc

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/loop"
	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// ICEGatherer opens sockets and collects the local candidates of one ICE
// transport: its host addresses and what STUN servers see of them (RFC 8445
// section 5.1). A PeerConnection makes its own; [API.NewICEGatherer] makes one
// that stands alone, in the manner of ORTC. All methods are safe for
// concurrent use.
type ICEGatherer struct {
	api  *API
	loop *loop.Loop
	log  connLog

	// Owned by the loop.
	policy     ICEGatherPolicy
	servers    []iceServerURL
	machine    *ice.Gatherer
	generation int                         // counts the times that it gathered anew
	stale      bool                        // credentials are newer than what was gathered
	sockets    map[ice.LocalID]localPath   // those of relays among them
	places     map[ice.LocalID]hostAddress // of sockets, but for relays
	relays     []*relay
	lastID     ice.LocalID
	state      ICEGathererState
	candidates []ice.LocalCandidate
	stunAddrs  []netip.AddrPort
	failures   []ice.GatherError // servers that did not answer one socket
	asked      []netip.AddrPort  // stunAddrs when gathering was complete
	addresses  []hostAddress     // as last seen
	hidden     []hiddenAddress   // names in the place of addresses
	asking     int               // calls of askServers that this generation waits for
	looking    bool              // at the addresses, see icemobility.go
	lookAgain  bool
	displaced  bool // the address that data left from is gone
	transport  *ICETransport
	mid        string // of the m-section that its candidates belong to, "" without a PeerConnection
	mLineIndex uint16
	hooks      gathererHooks
	dirty      bool

	credentials ice.Credentials // owned by the loop; published for the getters
	inbound     atomic.Pointer[inbound]
	work        sync.WaitGroup // socket opening and look-ups
	context     context.Context
	cancel      context.CancelFunc

	published        slot[gathererSnapshot]
	onLocalCandidate eventHandler[*ICECandidate]
	onStateChange    eventHandler[ICEGathererState]
	onError          eventHandler[*ICECandidateError]
}

// gathererHooks let the PeerConnection hear of a gatherer's progress on the
// loop. Unset ones are skipped.
type gathererHooks struct {
	candidate func(ice.LocalCandidate)
	displaced func() // data has to leave from another address
	failed    func(*ICECandidateError)
	state     func(ICEGathererState)
}

type gathererSnapshot struct {
	state       ICEGathererState
	gathering   ICEGathererState // the last state that was not closed
	candidates  []ice.LocalCandidate
	mid         string
	mLineIndex  uint16
	credentials ice.Credentials
}

// NewICEGatherer makes a gatherer with a loop of its own. It returns a
// SyntaxError or InvalidAccessError for a bad server, and an error for bad
// credentials in the SettingEngine.
func (api *API) NewICEGatherer(opts ICEGatherOptions) (*ICEGatherer, error) {
	const op = "new ICE gatherer"
	credentials, err := api.settings.iceCredentials(op)
	if err != nil {
		return nil, err
	}
	g, err := newICEGatherer(api, loop.New(loop.Config{Executor: api.settings.callbackExecutor}), connLog{}, credentials, opts, op)
	if err != nil {
		return nil, err
	}
	g.log = newConnLog(api, g.loop, newConnectionID())
	g.loop.Post(func(time.Time) { g.loop.Join(g.member()) })
	return g, nil
}

// iceCredentials are those that the application fixed, or new ones.
func (e *SettingEngine) iceCredentials(op string) (ice.Credentials, error) {
	credentials := e.ice.credentials
	if credentials == (ice.Credentials{}) {
		credentials = ice.NewCredentials(nil)
	}
	if err := credentials.Validate(); err != nil {
		return ice.Credentials{}, newError(KindSyntaxError, op, err)
	}
	return credentials, nil
}

func newICEGatherer(api *API, l *loop.Loop, log connLog, credentials ice.Credentials, opts ICEGatherOptions, op string) (*ICEGatherer, error) {
	servers, err := parseICEServers(opts.ICEServers, op)
	if err != nil {
		return nil, err
	}
	if err := api.settings.ice.rewriteError; err != nil {
		return nil, newError(KindTypeError, op, err)
	}
	g := &ICEGatherer{
		api: api, loop: l, log: log, policy: opts.ICEGatherPolicy, servers: servers,
		sockets:     make(map[ice.LocalID]localPath),
		places:      make(map[ice.LocalID]hostAddress),
		state:       ICEGathererStateNew,
		credentials: credentials,
	}
	g.machine = g.newMachine()
	g.context, g.cancel = context.WithCancel(context.Background())
	g.inbound.Store(&inbound{})
	g.published.init(&gathererSnapshot{state: ICEGathererStateNew, gathering: ICEGathererStateNew, credentials: credentials})
	return g, nil
}

// parseICEServers turns the URLs of servers, which must be valid, into what the
// gatherer queries.
func parseICEServers(servers []ICEServer, op string) ([]iceServerURL, error) {
	var urls []iceServerURL
	for _, server := range servers {
		all, err := server.urls()
		if err != nil {
			return nil, reop(op, err)
		}
		urls = append(urls, all...)
	}
	return urls, nil
}

// Gather starts gathering and returns at once; candidates come through
// OnLocalCandidate and end with a nil one. Further calls do nothing. After
// Close it returns an InvalidStateError.
func (g *ICEGatherer) Gather() error {
	return g.do("gather", func(now time.Time) error { return g.gather(now) })
}

// State returns what the gatherer is doing.
func (g *ICEGatherer) State() ICEGathererState { return g.published.Load().state }

// GetLocalParameters returns the user name fragment and password to signal to
// the peer, of the newest local description where there is a PeerConnection. They
// are there from the beginning; the error is always nil.
func (g *ICEGatherer) GetLocalParameters() (ICEParameters, error) {
	credentials := g.published.Load().credentials
	return ICEParameters{UsernameFragment: credentials.Ufrag, Password: credentials.Pwd, ICELite: g.api.settings.ice.lite}, nil
}

// GetLocalCandidates returns the candidates gathered so far; the error is
// always nil.
func (g *ICEGatherer) GetLocalCandidates() ([]ICECandidate, error) {
	s := g.published.Load()
	candidates := make([]ICECandidate, 0, len(s.candidates))
	for _, c := range s.candidates {
		candidates = append(candidates, newICECandidate(c.Candidate, s.mid, s.mLineIndex))
	}
	return candidates, nil
}

// OnLocalCandidate sets the handler for new candidates; nil is delivered once
// gathering has ended.
func (g *ICEGatherer) OnLocalCandidate(f func(*ICECandidate)) { g.onLocalCandidate.set(f) }

// OnStateChange sets the handler for changes of State.
func (g *ICEGatherer) OnStateChange(f func(ICEGathererState)) { g.onStateChange.set(f) }

// OnError sets the handler for servers that fail. Gathering goes on without
// them.
func (g *ICEGatherer) OnError(f func(*ICECandidateError)) { g.onError.set(f) }

// Close ends gathering and closes the sockets, and with them every transport
// that was made on the gatherer. It is idempotent and may be called in
// callbacks. The error is always nil.
func (g *ICEGatherer) Close() error {
	g.loop.Close(g.closeStack)
	g.releaseStack()
	return nil
}

// closeStack closes the gatherer and the transports on it, without events. It is
// part of the loop's last turn; releaseStack must follow.
func (g *ICEGatherer) closeStack(now time.Time) {
	if t := g.transport; t != nil {
		if d := t.dtls; d != nil {
			if s := d.sctp; s != nil {
				s.close(now)
			}
			d.close(now)
		}
		t.close(now)
	}
	g.close()
}

// releaseStack tells the peer, ends all goroutines and closes the sockets. When
// the loop has ended.
func (g *ICEGatherer) releaseStack() {
	if t := g.transport; t != nil && t.dtls != nil {
		if s := t.dtls.sctp; s != nil {
			s.release()
		}
		t.dtls.release()
	}
	g.work.Wait()
	for _, s := range g.takePaths() {
		_ = s.Close()
	}
}

// do runs f on the loop and waits until its results are published.
func (g *ICEGatherer) do(op string, f func(now time.Time) error) error { return doOn(g.loop, op, f) }

// label says which m-section the candidates belong to. On the loop.
func (g *ICEGatherer) label(mid string, mLineIndex uint16) {
	if g.mid != mid || g.mLineIndex != mLineIndex {
		g.mid, g.mLineIndex, g.dirty = mid, mLineIndex, true
	}
}

func (g *ICEGatherer) candidate(c ice.LocalCandidate, mid string, mLineIndex uint16) ICECandidate {
	return newICECandidate(c.Candidate, mid, mLineIndex)
}

// gather runs on the loop.
func (g *ICEGatherer) gather(time.Time) error {
	switch {
	case g.state == ICEGathererStateClosed:
		return closedError("gather")
	case g.state == ICEGathererStateNew || g.stale:
		g.begin()
	}
	return nil
}

// close runs on the loop.
func (g *ICEGatherer) close() {
	g.cancel()
	if g.state != ICEGathererStateClosed {
		g.work.Go(func() { g.api.interfaces.remove(g) })
		g.withdrawNames()
		g.state = ICEGathererStateClosed
		g.dirty = true
		g.publish()
	}
}

// enumerate lists the addresses to gather on. The application's filters run
// here, which may block, or close the connection: nobody waits for them. named are
// the addresses that have names.
func (g *ICEGatherer) enumerate(generation int, named []hiddenAddress) {
	addresses, err := hostAddresses(g.api)
	if err != nil {
		g.log.warn("enumerate network interfaces", "error", err)
	}
	if len(addresses) > maxSockets {
		g.log.warn("too many addresses to gather on", "addresses", len(addresses), "used", maxSockets)
		addresses = addresses[:maxSockets]
	}
	names := g.register(addresses, named)
	g.postNames(names, func(now time.Time) {
		if !g.gathers(generation) {
			return
		}
		for i := range addresses {
			if addresses[i].foreign != nil {
				addresses[i].fragment = g.credentials.Ufrag
			}
		}
		g.addresses = addresses
		fresh, live := g.reuse(now, addresses), g.reuseRelays(now, addresses)
		if g.policy == ICETransportPolicyRelay {
			fresh = nil // relays have sockets of their own
		}
		servers := g.serversToAsk()
		g.work.Go(func() {
			for _, a := range fresh {
				g.openSocket(a)
			}
			g.askServers(generation, servers, addresses, live)
		})
	})
}

// maxSockets bounds the sockets of one gatherer, as ICE bounds its candidates.
const maxSockets = 64

// askServers resolves the servers and asks those of TURN, all at once. It may take
// its time, so it has a goroutine.
func (g *ICEGatherer) askServers(generation int, servers []iceServerURL, addresses []hostAddress, live []*relay) {
	var lookups sync.WaitGroup
	for _, server := range servers {
		lookups.Go(func() {
			if server.isTURN() {
				g.gatherRelays(generation, server, addresses, live)
			} else {
				g.resolve(generation, server)
			}
		})
	}
	lookups.Wait()
	g.loop.Post(func(now time.Time) {
		if !g.gathers(generation) {
			return
		}
		if g.asking--; g.asking == 0 {
			g.machine.Complete(now)
		}
	})
}

func (g *ICEGatherer) openSocket(a hostAddress) {
	switch {
	case a.mux != nil:
		g.loop.Post(func(now time.Time) { g.openShared(now, a) })
		return
	case a.tcpType != "":
		g.loop.Post(func(now time.Time) { g.openTCP(now, a) })
		return
	}
	conn, err := g.listen(a)
	if err != nil {
		g.log.warn("open UDP socket", "address", a.Addr, "error", err)
		return
	}
	opened := g.loop.Post(func(now time.Time) {
		if g.state == ICEGathererStateClosed || g.hasPath(a) {
			g.work.Go(func() { _ = conn.Close() })
			return
		}
		id := g.nextID()
		conn := netio.Ending(conn, func(err error) { g.socketFailed(id, err) })
		g.addPath(now, id, a, netio.NewSocket(conn, func(now time.Time, ds []netio.Datagram) { g.receive(id, nil, now, ds) }))
	})
	if !opened {
		_ = conn.Close()
	}
}

func (g *ICEGatherer) listen(a hostAddress) (netio.PacketConn, error) {
	if a.foreign != nil {
		return listenForeign(a)
	}
	return listenUDP(g.api, a.Addr)
}

// openShared opens a path on a mux. On the loop.
func (g *ICEGatherer) openShared(now time.Time, a hostAddress) {
	if g.state == ICEGathererStateClosed || g.hasPath(a) {
		return
	}
	id := g.nextID()
	path, err := a.mux.Open(netio.MuxConfig{
		Local: netip.AddrPortFrom(a.Addr, a.port), Fragment: g.credentials.Ufrag,
		Handle: func(p *netio.MuxPath, now time.Time, ds []netio.Datagram) { g.receive(id, p, now, ds) },
		Failed: func(err error) { g.socketFailed(id, err) },
	})
	if err != nil {
		g.log.warn("use UDP mux", "address", a.Addr, "error", err)
		return
	}
	g.addPath(now, id, a, path)
}

func (g *ICEGatherer) nextID() ice.LocalID {
	g.lastID++
	return g.lastID
}

// addPath makes a path known, and its candidate. On the loop.
func (g *ICEGatherer) addPath(now time.Time, id ice.LocalID, a hostAddress, path localPath) {
	g.sockets[id], g.places[id] = path, a
	g.machine.AddSocket(now, ice.LocalSocket{ID: id, Addr: path.LocalAddr(), Interface: a.Name, TCPType: a.tcpType})
}

// resolve has the sockets ask a STUN server.
func (g *ICEGatherer) resolve(generation int, server iceServerURL) {
	if server.isSecure() {
		g.serverFailed(generation, server.raw, "STUN over TLS (stuns:) is not supported")
		return
	}
	targets, err := g.lookUp(server)
	if err != nil {
		g.serverFailed(generation, server.raw, err.Error())
		return
	}
	g.askForReflexive(generation, server, targets)
}

// serverFailed raises the failure of a server that could not be tried.
func (g *ICEGatherer) serverFailed(generation int, url, reason string) {
	g.loop.Post(func(time.Time) {
		if g.gathers(generation) {
			g.serverError(url, netip.AddrPort{}, codeUnreachable, reason)
		}
	})
}

// member is the gatherer's seat in the loop.
func (g *ICEGatherer) member() loop.Member {
	return &loopMember{
		deadline: func() time.Time { return earlier(g.machine.Deadline(), g.relayDeadline()) },
		advance: func(now time.Time) {
			g.machine.Advance(now)
			for _, r := range g.relays {
				r.conn.advance(now)
			}
		},
		settle: g.settle,
	}
}

// setState publishes and announces a new state. On the loop.
func (g *ICEGatherer) setState(state ICEGathererState) {
	g.state = state
	g.dirty = true
	g.onStateChange.emit(g.loop, state)
	if g.transport != nil {
		g.transport.onGatheringStateChange.emit(g.loop, state)
	}
	if g.hooks.state != nil {
		g.hooks.state(state)
	}
}

// settle drains the machine, and tells the transport and the connection.
func (g *ICEGatherer) settle(now time.Time) bool {
	moved := false
	for {
		event, ok := g.machine.NextEvent()
		if !ok {
			break
		}
		moved = true
		g.handleEvent(now, event)
	}
	for {
		d, ok := g.machine.NextDatagram()
		if !ok {
			break
		}
		moved = true
		g.transmit(d)
	}
	g.publish()
	return moved
}

func (g *ICEGatherer) handleEvent(now time.Time, event ice.GatherEvent) {
	if g.state == ICEGathererStateClosed || g.stale {
		return // what is stale is gathered again
	}
	switch e := event.(type) {
	case *ice.GatherCandidate:
		g.found(now, e.Candidate)
	case *ice.GatherError:
		if g.isTURN(e.URL) {
			return // gatherRelays tells what becomes of those
		}
		if e.Code == codeUnreachable {
			g.failures = append(g.failures, *e)
			return // another socket may reach the server
		}
		g.serverError(e.URL, e.Addr, e.Code, e.Text)
	case *ice.GatherDone:
		if g.asking > 0 {
			return // it was reopened since
		}
		g.reportUnreachable()
		g.asked, g.stunAddrs = g.stunAddrs, nil
		g.publishInbound()
		if g.transport != nil {
			g.transport.localEnd(now)
		}
		g.setState(ICEGathererStateComplete)
		g.onLocalCandidate.emit(g.loop, nil)
	}
}

// attach makes t the transport that hears of the candidates, those gathered so
// far first. On the loop.
func (g *ICEGatherer) attach(now time.Time, t *ICETransport) {
	g.transport = t
	for _, c := range g.candidates {
		t.addLocal(now, c)
	}
	if g.state == ICEGathererStateComplete {
		t.localEnd(now)
	}
}

// transmit sends a STUN message. On the loop.
func (g *ICEGatherer) transmit(d ice.Datagram) {
	socket := g.sockets[d.Local]
	if socket == nil {
		return
	}
	b := netio.GetBuffer()
	b.SetLen(copy(b.Cap(), d.Data))
	socket.Send(b, d.Remote, false)
}

func (g *ICEGatherer) publish() {
	if !g.dirty {
		return
	}
	g.dirty = false
	gathering := g.state
	if gathering == ICEGathererStateClosed {
		gathering = g.published.latest().gathering
	}
	g.published.publish(g.loop, &gathererSnapshot{state: g.state, gathering: gathering, candidates: g.candidates, mid: g.mid, mLineIndex: g.mLineIndex, credentials: g.credentials})
}
