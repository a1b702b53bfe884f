package interop

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

const patience = time.Minute // for what should take milliseconds: machines are loaded, and paused

// local is our peer connection with a log of its events.
type local struct {
	*webrtc.PeerConnection
	t          testing.TB
	candidates chan *webrtc.ICECandidate // nil is the end

	mu       sync.Mutex
	log      []string
	changed  chan struct{} // closed and replaced at every change
	accepted map[string]*localChannel
}

// localChannel is a channel of ours with its inbox.
type localChannel struct {
	*webrtc.DataChannel
	inbox *inbox
	echo  bool
}

func newLocal(t testing.TB) *local {
	return newLocalWith(t, webrtc.SettingEngine{}, webrtc.Configuration{})
}

func newLocalWith(t testing.TB, settings webrtc.SettingEngine, config webrtc.Configuration) *local {
	t.Helper()
	settings.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(config)
	if err != nil {
		t.Fatal(err)
	}
	l := &local{PeerConnection: pc, t: t, candidates: make(chan *webrtc.ICECandidate, 64),
		changed: make(chan struct{}), accepted: map[string]*localChannel{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("our events: %s", strings.Join(l.events(), ", "))
			t.Logf("our stats: %s", transportStats(pc.GetStats()))
		}
		pc.Close()
	})
	pc.OnSignalingStateChange(func(to webrtc.SignalingState) { l.note("signaling " + to.String()) })
	pc.OnICEGatheringStateChange(func(to webrtc.ICEGatheringState) { l.note("gathering " + to.String()) })
	pc.OnICEConnectionStateChange(func(to webrtc.ICEConnectionState) { l.note("ice " + to.String()) })
	pc.OnConnectionStateChange(func(to webrtc.PeerConnectionState) { l.note("connection " + to.String()) })
	pc.OnICECandidate(func(c *webrtc.ICECandidate) { l.candidates <- c })
	pc.OnDataChannel(func(dc *webrtc.DataChannel) {
		channel := l.adopt(dc)
		l.change(func() {
			l.log = append(l.log, "datachannel "+dc.Label())
			l.accepted[dc.Label()] = channel
		})
	})
	return l
}

// transportStats are the numbers of what is below the channels, for failed tests.
func transportStats(report webrtc.StatsReport) string {
	maps.DeleteFunc(report, func(_ string, entry webrtc.Stats) bool {
		switch entry := entry.(type) {
		case webrtc.ICECandidatePairStats:
			return entry.BytesReceived == 0 && entry.RequestsSent == 0
		case webrtc.TransportStats, webrtc.SCTPTransportStats, webrtc.DataChannelStats:
			return false
		}
		return true
	})
	text, err := json.Marshal(report)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (l *local) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *local) note(what string) { l.change(func() { l.log = append(l.log, what) }) }

func (l *local) events() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.log)
}

// until waits until condition, which runs under the lock, is true.
func (l *local) until(what string, condition func() bool) {
	l.t.Helper()
	limit := time.After(patience)
	for {
		l.mu.Lock()
		ok, changed := condition(), l.changed
		l.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-limit:
			l.t.Fatalf("timeout waiting for %s", what)
		}
	}
}

// saw waits for an event.
func (l *local) saw(event string) {
	l.t.Helper()
	l.until(event, func() bool { return slices.Contains(l.log, event) })
}

// create makes a channel of ours.
func (l *local) create(label string, init channelInit) *localChannel {
	l.t.Helper()
	dc, err := l.CreateDataChannel(label, &webrtc.DataChannelInit{
		Ordered: init.Ordered, MaxRetransmits: init.MaxRetransmits, MaxPacketLifeTime: init.MaxPacketLifeTime,
		Protocol: init.Protocol, Negotiated: init.Negotiated, ID: init.ID,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return l.adopt(dc)
}

func (l *local) adopt(dc *webrtc.DataChannel) *localChannel {
	channel := &localChannel{DataChannel: dc, inbox: newInbox()}
	dc.OnOpen(func() { l.note("channel " + dc.Label() + " open") })
	dc.OnClose(func() { l.note("channel " + dc.Label() + " close") })
	dc.OnError(func(err error) { l.note("channel " + dc.Label() + " error " + err.Error()) })
	dc.OnMessage(func(m webrtc.DataChannelMessage) {
		l.mu.Lock()
		echo := channel.echo
		l.mu.Unlock()
		if !echo {
			channel.inbox.add(m.IsString, m.Data)
			return
		}
		send := func() error { return dc.SendContext(l.t.Context(), m.Data) }
		if m.IsString {
			send = func() error { return dc.SendTextContext(l.t.Context(), string(m.Data)) }
		}
		if err := send(); err != nil {
			l.note("channel " + dc.Label() + " echo failed: " + err.Error())
		}
	})
	return channel
}

// channel waits for a channel that the remote end opened.
func (l *local) channel(label string) (channel *localChannel) {
	l.t.Helper()
	l.until("remote channel "+label, func() bool {
		channel = l.accepted[label]
		return channel != nil
	})
	return channel
}

func (l *local) echoOn(channel *localChannel) { l.change(func() { channel.echo = true }) }

func (c *localChannel) info() channelInfo {
	info := channelInfo{Label: c.Label(), Protocol: c.Protocol(), Ordered: c.Ordered(),
		MaxRetransmits: c.MaxRetransmits(), MaxPacketLifeTime: c.MaxPacketLifeTime(), Negotiated: c.Negotiated()}
	if id := c.ID(); id != nil {
		info.ID = *id
	}
	return info
}

// send sends a plan, waiting for room, and returns the fingerprints.
func (l *local) send(channel *localChannel, plan []message) ([]string, error) {
	prints := make([]string, len(plan))
	for i, m := range plan {
		payload := m.content(i)
		prints[i] = fingerprint(m.Text, payload)
		var err error
		if m.Text {
			err = channel.SendTextContext(l.t.Context(), string(payload))
		} else {
			err = channel.SendContext(l.t.Context(), payload)
		}
		if err != nil {
			return nil, err
		}
	}
	return prints, nil
}

// How two peers are connected.
type signalling struct {
	weOffer bool
	trickle bool // false: the descriptions hold all candidates
}

func (s signalling) String() string {
	name := "they offer"
	if s.weOffer {
		name = "we offer"
	}
	if s.trickle {
		return name + ", trickle"
	}
	return name + ", full descriptions"
}

// connect carries the descriptions and candidates between us and the remote.
// The offerer must have a channel already.
func (l *local) connect(r remote, how signalling) {
	l.t.Helper()
	must := func(err error) {
		l.t.Helper()
		if err != nil {
			l.t.Fatal(err)
		}
	}
	if how.weOffer {
		offer, err := l.CreateOffer(nil)
		must(err)
		must(l.SetLocalDescription(offer))
		answer, err := r.Answer(l.description(how))
		must(err)
		if !how.trickle {
			answer, err = r.Gathered()
			must(err)
		}
		must(l.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	} else {
		offer, err := r.Offer()
		must(err)
		if !how.trickle {
			offer, err = r.Gathered()
			must(err)
		}
		must(l.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}))
		answer, err := l.CreateAnswer(nil)
		must(err)
		must(l.SetLocalDescription(answer))
		must(r.Accept(l.description(how)))
	}
	if how.trickle {
		l.trickle(r)
	}
	l.saw("connection connected")
	_, err := r.WaitState("connected")
	must(err)
}

// description is our local description: as first set, so without candidates,
// or with all of them.
func (l *local) description(how signalling) string {
	l.t.Helper()
	if !how.trickle {
		select {
		case <-webrtc.GatheringCompletePromise(l.PeerConnection):
		case <-time.After(patience):
			l.t.Fatal("timeout waiting for our gathering")
		}
		return l.LocalDescription().SDP
	}
	var lines []string
	for line := range strings.Lines(l.LocalDescription().SDP) {
		// Candidates that were found meanwhile travel on their own.
		if !strings.HasPrefix(line, "a=candidate:") && !strings.HasPrefix(line, "a=end-of-candidates") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// keepTrickling carries the candidates of later exchanges to the other end until
// the test ends.
func keepTrickling(t *testing.T, l *local, r remote) {
	taker, ok := r.(interface {
		takeCandidates() ([]webrtc.ICECandidateInit, error)
	})
	if !ok {
		return // it gathers once
	}
	stop, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case c := <-l.candidates:
				if c != nil {
					init, _ := json.Marshal(c.ToJSON())
					_ = r.AddCandidate(init) // of an m-line that has been rejected meanwhile
				}
			case <-time.After(20 * time.Millisecond):
				list, _ := taker.takeCandidates()
				for _, init := range list {
					_ = l.AddICECandidate(init)
				}
			}
		}
	}()
}

// trickle carries the candidates of both sides, ends included.
func (l *local) trickle(r remote) {
	l.t.Helper()
	for ended := false; !ended; {
		select {
		case c := <-l.candidates:
			init := json.RawMessage("null")
			if ended = c == nil; !ended {
				init, _ = json.Marshal(c.ToJSON())
			}
			if err := r.AddCandidate(init); err != nil {
				l.t.Fatalf("their AddCandidate(%s): %v", init, err)
			}
		case <-time.After(patience):
			l.t.Fatal("timeout waiting for our candidates to end")
		}
	}
	for ended := false; !ended; {
		list, err := r.NextCandidates()
		if err != nil {
			l.t.Fatal(err)
		}
		for _, text := range list {
			var init webrtc.ICECandidateInit // stays empty for null: the end
			if err := json.Unmarshal(text, &init); err != nil {
				l.t.Fatal(err)
			}
			ended = ended || init.Candidate == ""
			if err := l.AddICECandidate(init); err != nil {
				l.t.Fatalf("our AddICECandidate(%s): %v", text, err)
			}
		}
	}
}
