package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc"
)

// A stack is another WebRTC implementation.
type stack struct {
	name string
	// newPeer makes a peer connection that is closed with the test; it skips
	// or fails the test when the stack is not there.
	newPeer func(t testing.TB) remote
}

var stacks = []stack{
	{"Chromium", newBrowserPeer},
	{"pion", newPionPeer},
	{"Firefox", newFirefoxPeer},
}

// each runs a test against every stack.
func each(t *testing.T, test func(t *testing.T, newPeer func(testing.TB) remote)) {
	for _, s := range stacks {
		t.Run(s.name, func(t *testing.T) { test(t, s.newPeer) })
	}
}

// A remote is the peer connection of another stack. Channels are known by
// their label. Methods that wait give up after a time, with an error that says
// what they saw.
type remote interface {
	Offer() (sdp string, err error) // sets it as local description
	Answer(offer string) (sdp string, err error)
	Accept(answer string) error
	Gathered() (sdp string, err error)          // the local description with all candidates
	NextCandidates() ([]json.RawMessage, error) // RTCIceCandidateInit each; null is the end
	AddCandidate(init json.RawMessage) error    // null is the end

	CreateChannel(label string, init channelInit) error
	WaitChannel(label, state string) (channelInfo, error)
	Echo(label string) error // from now on every message goes back
	CloseChannel(label string) error
	Send(label string, plan []message) (fingerprints []string, err error)
	Received(label string, n int) (fingerprints []string, err error) // waits for n
	Fill(label string, size, threshold int) (fillResult, error)      // see the method of the page

	WaitState(states ...string) (string, error)
	Events() ([]string, error) // "channel x open", "connection connected", ...
	Close() error
}

// channelInit is RTCDataChannelInit.
type channelInit struct {
	Ordered           *bool   `json:"ordered,omitempty"`
	MaxRetransmits    *uint16 `json:"maxRetransmits,omitempty"`
	MaxPacketLifeTime *uint16 `json:"maxPacketLifeTime,omitempty"`
	Protocol          *string `json:"protocol,omitempty"`
	Negotiated        *bool   `json:"negotiated,omitempty"`
	ID                *uint16 `json:"id,omitempty"`
}

// channelInfo is what both ends of a channel must agree on.
type channelInfo struct {
	Label             string  `json:"label"`
	Protocol          string  `json:"protocol"`
	ID                uint16  `json:"id"`
	Ordered           bool    `json:"ordered"`
	MaxRetransmits    *uint16 `json:"maxRetransmits"`
	MaxPacketLifeTime *uint16 `json:"maxPacketLifeTime"`
	Negotiated        bool    `json:"negotiated"`
}

func (c channelInfo) String() string {
	text, _ := json.Marshal(c)
	return string(text)
}

// fillResult tells how much Fill queued and how much was left when the event came.
type fillResult struct{ Queued, Low uint64 }

// A drivenPeer lives elsewhere: in the page of a browser, or in a program of
// peers/. Its methods there have the names and arguments that page/peer.js
// gives them, and travel as JSON.
type drivenPeer struct {
	stack string
	run   func(result any, method string, args ...any) error
}

// newBrowserPeer makes an RTCPeerConnection in a tab of Chromium.
func newBrowserPeer(t testing.TB) remote {
	return inPage(t, "Chromium", tabOf(harness(t)), "newPeer()")
}

// A page runs JavaScript: a promise is waited for, its value decoded from JSON.
type page func(expression string, result any) error

func tabOf(tab context.Context) page {
	return func(expression string, result any) error { return evaluate(tab, expression, result) }
}

// inPage makes a peer by an expression and drives it through page/peer.js.
func inPage(t testing.TB, stack string, p page, expression string) *drivenPeer {
	t.Helper()
	var index int
	if err := p(expression, &index); err != nil {
		t.Fatal(err)
	}
	return &drivenPeer{stack, func(result any, method string, args ...any) error {
		encoded := make([]string, len(args))
		for i, arg := range args {
			text, err := json.Marshal(arg)
			if err != nil {
				return err
			}
			encoded[i] = string(text)
		}
		return p(fmt.Sprintf("peer(%d).%s(%s)", index, method, strings.Join(encoded, ", ")), result)
	}}
}

// call runs the peer's method of that name.
func (d *drivenPeer) call(result any, method string, args ...any) error {
	if err := d.run(result, method, args...); err != nil {
		return fmt.Errorf("%s %s: %w", d.stack, method, err)
	}
	return nil
}

func (d *drivenPeer) Offer() (sdp string, err error) { err = d.call(&sdp, "offer"); return }
func (d *drivenPeer) Answer(offer string) (sdp string, err error) {
	err = d.call(&sdp, "answer", offer)
	return
}
func (d *drivenPeer) RestartICE() error                 { return d.call(nil, "restartIce") }
func (d *drivenPeer) Accept(answer string) error        { return d.call(nil, "accept", answer) }
func (d *drivenPeer) Gathered() (sdp string, err error) { err = d.call(&sdp, "gathered"); return }
func (d *drivenPeer) NextCandidates() (list []json.RawMessage, err error) {
	err = d.call(&list, "nextCandidates")
	return
}
func (d *drivenPeer) takeCandidates() (list []webrtc.ICECandidateInit, err error) {
	err = d.call(&list, "takeCandidates")
	return
}
func (d *drivenPeer) AddCandidate(init json.RawMessage) error {
	return d.call(nil, "addCandidate", init)
}
func (d *drivenPeer) CreateChannel(label string, init channelInit) error {
	return d.call(nil, "createChannel", label, init)
}
func (d *drivenPeer) WaitChannel(label, state string) (info channelInfo, err error) {
	err = d.call(&info, "waitChannel", label, state)
	return
}
func (d *drivenPeer) Echo(label string) error         { return d.call(nil, "echo", label) }
func (d *drivenPeer) CloseChannel(label string) error { return d.call(nil, "closeChannel", label) }
func (d *drivenPeer) Send(label string, plan []message) (prints []string, err error) {
	err = d.call(&prints, "send", label, plan)
	return
}
func (d *drivenPeer) Received(label string, n int) (prints []string, err error) {
	err = d.call(&prints, "received", label, n)
	return
}
func (d *drivenPeer) Fill(label string, size, threshold int) (result fillResult, err error) {
	err = d.call(&result, "fill", label, size, threshold)
	return
}
func (d *drivenPeer) WaitState(states ...string) (state string, err error) {
	args := make([]any, len(states))
	for i := range states {
		args[i] = states[i]
	}
	err = d.call(&state, "waitState", args...)
	return
}
func (d *drivenPeer) Events() (log []string, err error) { err = d.call(&log, "events"); return }
func (d *drivenPeer) Close() error                      { return d.call(nil, "close") }
