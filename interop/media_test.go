package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	pion "github.com/pion/webrtc/v4"

	"github.com/passerelle-rtc/webrtc"
)

// A negotiator is an end of a connection with transceivers, which are known by
// their mid: ours, Chromium's or pion's.
type negotiator interface {
	Transceivers() ([]transceiverInfo, error)
	AddTrack(kind string) error
	AddTransceiver(kind, direction string) error
	RemoveTrack(mid string) error
	ReplaceTrack(mid string) error
	SetDirection(mid, direction string) error
	Stop(mid string) error

	Signaling() (string, error)
	SetLocal(kind string) (description, error) // offer and answer are made on the way
	SetRemote(description) error
}

// A mediaRemote is the other end of a negotiation.
type mediaRemote interface {
	remote
	negotiator
}

// errCannot is a method that a stack does not have.
var errCannot = errors.New("this stack cannot")

// description is RTCSessionDescription.
type description struct {
	Type string `json:"type"`
	SDP  string `json:"sdp"`
}

// transceiverInfo is what both ends must agree on. What is null is empty.
type transceiverInfo struct {
	MID              string `json:"mid"`
	Kind             string `json:"kind"`
	Direction        string `json:"direction"`
	CurrentDirection string `json:"currentDirection"`
}

// silent is a track that sends nothing.
type silent struct {
	id   string
	kind webrtc.RTPCodecType
}

func (s *silent) Bind(webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	return webrtc.RTPCodecParameters{}, nil
}
func (s *silent) Unbind(webrtc.TrackLocalContext) error { return nil }
func (s *silent) ID() string                            { return s.id }
func (s *silent) RID() string                           { return "" }
func (s *silent) StreamID() string                      { return "stream" }
func (s *silent) Kind() webrtc.RTPCodecType             { return s.kind }

// localMedia is our end.
type localMedia struct {
	*local
	tracks int // made so far
}

func newLocalMedia(t testing.TB) *localMedia {
	l := newLocal(t)
	l.OnNegotiationNeeded(func() { l.note("negotiationneeded") })
	l.OnTrack(func(track *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		l.note(fmt.Sprintf("track %v %s of %s", track.Kind(), receiver.RTPTransceiver().Mid(), track.StreamID()))
	})
	return &localMedia{local: l}
}

func (m *localMedia) Transceivers() (list []transceiverInfo, err error) {
	for _, t := range m.GetTransceivers() {
		info := transceiverInfo{MID: t.Mid(), Kind: t.Kind().String(), Direction: t.Direction().String()}
		if current := t.CurrentDirection(); current != webrtc.RTPTransceiverDirectionUnknown {
			info.CurrentDirection = current.String()
		}
		list = append(list, info)
	}
	return list, nil
}

func (m *localMedia) track(kind webrtc.RTPCodecType) *silent {
	m.tracks++
	return &silent{id: fmt.Sprintf("track-%d", m.tracks), kind: kind}
}

func (m *localMedia) transceiver(mid string) (*webrtc.RTPTransceiver, error) {
	for _, t := range m.GetTransceivers() {
		if t.Mid() == mid {
			return t, nil
		}
	}
	return nil, fmt.Errorf("no transceiver of ours has the mid %q", mid)
}

func (m *localMedia) AddTrack(kind string) error {
	_, err := m.PeerConnection.AddTrack(m.track(webrtc.NewRTPCodecType(kind)))
	return err
}

func (m *localMedia) AddTransceiver(kind, direction string) error {
	_, err := m.AddTransceiverFromKind(webrtc.NewRTPCodecType(kind),
		webrtc.RTPTransceiverInit{Direction: webrtc.NewRTPTransceiverDirection(direction)})
	return err
}

func (m *localMedia) RemoveTrack(mid string) error {
	t, err := m.transceiver(mid)
	if err != nil {
		return err
	}
	return m.PeerConnection.RemoveTrack(t.Sender())
}

func (m *localMedia) ReplaceTrack(mid string) error {
	t, err := m.transceiver(mid)
	if err != nil {
		return err
	}
	return t.Sender().ReplaceTrack(m.track(t.Kind()))
}

func (m *localMedia) SetDirection(mid, direction string) error {
	t, err := m.transceiver(mid)
	if err != nil {
		return err
	}
	return t.SetDirection(webrtc.NewRTPTransceiverDirection(direction))
}

func (m *localMedia) Stop(mid string) error {
	t, err := m.transceiver(mid)
	if err != nil {
		return err
	}
	return t.Stop()
}

func (m *localMedia) Signaling() (string, error) { return m.SignalingState().String(), nil }

func (m *localMedia) SetLocal(kind string) (description, error) {
	if err := m.SetLocalDescription(webrtc.SessionDescription{Type: webrtc.NewSDPType(kind)}); err != nil {
		return description{}, err
	}
	if d := m.LocalDescription(); d != nil {
		return description{d.Type.String(), d.SDP}, nil
	}
	return description{}, nil
}

func (m *localMedia) SetRemote(d description) error {
	return m.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.NewSDPType(d.Type), SDP: d.SDP})
}

// browserMedia is an end with W3C's API; page/media.js is its other half.
type browserMedia struct{ *drivenPeer }

// newBrowserMedia makes one in Chromium, with an RTCConfiguration.
func newBrowserMedia(t testing.TB, config map[string]any) mediaRemote {
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return browserMedia{inPage(t, "Chromium", tabOf(harness(t)), "newMediaPeer("+string(text)+")")}
}

func (b browserMedia) Transceivers() (list []transceiverInfo, err error) {
	err = b.call(&list, "transceivers")
	return
}
func (b browserMedia) AddTrack(kind string) error { return b.call(nil, "addTrack", kind) }
func (b browserMedia) AddTransceiver(kind, direction string) error {
	return b.call(nil, "addTransceiver", kind, direction)
}
func (b browserMedia) RemoveTrack(mid string) error  { return b.call(nil, "removeTrack", mid) }
func (b browserMedia) ReplaceTrack(mid string) error { return b.call(nil, "replaceTrack", mid) }
func (b browserMedia) SetDirection(mid, direction string) error {
	return b.call(nil, "setDirection", mid, direction)
}
func (b browserMedia) Stop(mid string) error { return b.call(nil, "stop", mid) }
func (b browserMedia) Signaling() (state string, err error) {
	err = b.call(&state, "signaling")
	return
}
func (b browserMedia) SetLocal(kind string) (d description, err error) {
	err = b.call(&d, "setLocal", kind)
	return
}
func (b browserMedia) SetRemote(d description) error { return b.call(nil, "setRemote", d) }

// pionMedia is pion's end.
type pionMedia struct{ *pionPeer }

func newPionMedia(t testing.TB) mediaRemote { return pionMedia{newPionPeer(t).(*pionPeer)} }

func (p pionMedia) Transceivers() (list []transceiverInfo, err error) {
	for _, t := range p.pc.GetTransceivers() {
		info := transceiverInfo{MID: t.Mid(), Kind: t.Kind().String(), Direction: t.Direction().String()}
		// pion keeps the transceivers of rejected m-lines. It does not export
		// their current direction.
		d := p.pc.CurrentLocalDescription()
		if d == nil || info.MID == "" || slices.Contains(mediaLines(d.SDP), info.Kind+" "+info.MID) {
			list = append(list, info)
		}
	}
	return list, nil
}

func (p pionMedia) track(kind pion.RTPCodecType) (*pion.TrackLocalStaticRTP, error) {
	codec := pion.RTPCodecCapability{MimeType: pion.MimeTypeVP8}
	if kind == pion.RTPCodecTypeAudio {
		codec.MimeType = pion.MimeTypeOpus
	}
	return pion.NewTrackLocalStaticRTP(codec, kind.String(), "stream")
}

func (p pionMedia) transceiver(mid string) (*pion.RTPTransceiver, error) {
	for _, t := range p.pc.GetTransceivers() {
		if t.Mid() == mid {
			return t, nil
		}
	}
	return nil, fmt.Errorf("no transceiver of pion's has the mid %q", mid)
}

func (p pionMedia) AddTrack(kind string) error {
	track, err := p.track(pion.NewRTPCodecType(kind))
	if err == nil {
		_, err = p.pc.AddTrack(track)
	}
	return err
}

func (p pionMedia) AddTransceiver(kind, direction string) error {
	_, err := p.pc.AddTransceiverFromKind(pion.NewRTPCodecType(kind),
		pion.RTPTransceiverInit{Direction: pion.NewRTPTransceiverDirection(direction)})
	return err
}

func (p pionMedia) RemoveTrack(mid string) error {
	t, err := p.transceiver(mid)
	if err != nil {
		return err
	}
	return p.pc.RemoveTrack(t.Sender())
}

func (p pionMedia) ReplaceTrack(mid string) error {
	t, err := p.transceiver(mid)
	if err != nil {
		return err
	}
	track, err := p.track(t.Kind())
	if err != nil {
		return err
	}
	return t.Sender().ReplaceTrack(track)
}

func (p pionMedia) SetDirection(string, string) error { return errCannot }
func (p pionMedia) Stop(string) error                 { return errCannot }
func (p pionMedia) Signaling() (string, error)        { return p.pc.SignalingState().String(), nil }

func (p pionMedia) SetLocal(kind string) (description, error) {
	var d pion.SessionDescription
	var err error
	if p.pc.SignalingState() == pion.SignalingStateHaveRemoteOffer {
		d, err = p.pc.CreateAnswer(nil)
	} else {
		d, err = p.pc.CreateOffer(nil)
	}
	if err != nil {
		return description{}, err
	}
	return description{d.Type.String(), d.SDP}, p.pc.SetLocalDescription(d)
}

func (p pionMedia) SetRemote(d description) error {
	return p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.NewSDPType(d.Type), SDP: d.SDP})
}

// exchange runs one offer and answer.
func exchange(t testing.TB, offerer, answerer negotiator) {
	t.Helper()
	carry(t, "offer", offerer, answerer)
	carry(t, "answer", answerer, offerer)
	for _, end := range []negotiator{offerer, answerer} {
		wantSignaling(t, end, "stable")
	}
}

// carry has one end set a description, and the other take it.
func carry(t testing.TB, kind string, from, to negotiator) description {
	t.Helper()
	d, err := from.SetLocal(kind)
	if err != nil {
		t.Fatalf("%T: set local %s: %v", from, kind, err)
	}
	if err := to.SetRemote(d); err != nil {
		t.Fatalf("%T: set remote %s: %v\n%s", to, kind, err, d.SDP)
	}
	return d
}

func wantSignaling(t testing.TB, end negotiator, want string) {
	t.Helper()
	if state, err := end.Signaling(); err != nil || state != want {
		t.Fatalf("%T: signaling state %q, want %s (%v)", end, state, want, err)
	}
}

// agree compares the transceivers of both ends: each m-line has one at each, and
// what flows is what both directions allow (RFC 9429 sections 5.2.1 and 5.3.1).
func agree(t testing.TB, ours, theirs negotiator) {
	t.Helper()
	a, err := ours.Transceivers()
	if err != nil {
		t.Fatal(err)
	}
	b, err := theirs.Transceivers()
	if err != nil {
		t.Fatal(err)
	}
	byMID := func(x, y transceiverInfo) int { return strings.Compare(x.MID, y.MID) }
	slices.SortFunc(a, byMID)
	slices.SortFunc(b, byMID)
	differ := func(why string) {
		t.Helper()
		t.Errorf("%s\nours   %v\ntheirs %v", why, a, b)
	}
	if len(a) != len(b) {
		differ("the ends have different transceivers")
		return
	}
	for i := range a {
		if a[i].MID != b[i].MID || a[i].MID == "" || a[i].Kind != b[i].Kind {
			differ("the ends have different transceivers")
			return
		}
		flow := common(a[i].Direction, turned(b[i].Direction))
		if a[i].CurrentDirection != flow {
			differ(fmt.Sprintf("mid %s: our current direction is %q, want %s", a[i].MID, a[i].CurrentDirection, flow))
		}
		if current := b[i].CurrentDirection; current != "" && current != turned(flow) {
			differ(fmt.Sprintf("mid %s: their current direction is %q, want %s", a[i].MID, current, turned(flow)))
		}
	}
}

// turned is a direction as the other end names it.
func turned(direction string) string {
	switch direction {
	case "sendonly":
		return "recvonly"
	case "recvonly":
		return "sendonly"
	}
	return direction
}

// common is what two directions both allow.
func common(a, b string) string {
	send := strings.HasPrefix(a, "send") && strings.HasPrefix(b, "send")
	receive := strings.Contains(a, "recv") && strings.Contains(b, "recv")
	switch {
	case send && receive:
		return "sendrecv"
	case send:
		return "sendonly"
	case receive:
		return "recvonly"
	}
	return "inactive"
}

// sameLines compares the m-lines of two descriptions: how many, their kinds,
// mids, and which are rejected.
func sameLines(t testing.TB, ours, theirs string) {
	t.Helper()
	a, b := mediaLines(ours), mediaLines(theirs)
	if !slices.Equal(a, b) {
		t.Errorf("the m-lines differ\nours   %v\ntheirs %v", a, b)
	}
}

func mediaLines(sdp string) (lines []string) {
	for section := range strings.SplitSeq(sdp, "\r\nm=") {
		if strings.HasPrefix(section, "v=") {
			continue
		}
		fields := strings.Fields(section)
		_, mid, _ := strings.Cut(section, "\r\na=mid:")
		mid, _, _ = strings.Cut(mid, "\r\n")
		line := fields[0] + " " + mid
		// A bundled m-line of an offer may have port 0 as well, and says so.
		if fields[1] == "0" && !strings.Contains(section, "\r\na=bundle-only") {
			line = fields[0] + " rejected"
		}
		lines = append(lines, line)
	}
	return lines
}

// ping has a new channel opened by one end and a message echoed on it.
func ping(t testing.TB, l *local, r remote, label string, we bool) {
	t.Helper()
	var channel *localChannel
	if we {
		channel = l.create(label, channelInit{})
		l.saw("channel " + label + " open")
	} else {
		if err := r.CreateChannel(label, channelInit{}); err != nil {
			t.Fatal(err)
		}
		channel = l.channel(label)
	}
	if _, err := r.WaitChannel(label, "open"); err != nil {
		t.Fatal(err)
	}
	echo(t, l, r, channel)
}

// echo has one message go to the other end and back.
func echo(t testing.TB, l *local, r remote, channel *localChannel) {
	t.Helper()
	if err := r.Echo(channel.Label()); err != nil {
		t.Fatal(err)
	}
	before, _ := channel.inbox.wait(0)
	sent, err := l.send(channel, []message{{true, 20}})
	if err != nil {
		t.Fatal(err)
	}
	received, err := channel.inbox.wait(len(before) + 1)
	if err != nil {
		t.Fatalf("channel %s: %v", channel.Label(), err)
	}
	sameMessages(t, channel.Label(), true, sent, received[len(before):])
}
