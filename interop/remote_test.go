package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
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

// browserPeer is an RTCPeerConnection in a tab; page/peer.js is its other half.
type browserPeer struct {
	tab   context.Context
	index int
}

func newBrowserPeer(t testing.TB) remote {
	b := &browserPeer{tab: harness(t)}
	if err := evaluate(b.tab, "newPeer()", &b.index); err != nil {
		t.Fatal(err)
	}
	return b
}

// call runs peer.js's method of that name.
func (b *browserPeer) call(result any, method string, args ...any) error {
	encoded := make([]string, len(args))
	for i, arg := range args {
		text, err := json.Marshal(arg)
		if err != nil {
			return err
		}
		encoded[i] = string(text)
	}
	err := evaluate(b.tab, fmt.Sprintf("peer(%d).%s(%s)", b.index, method, strings.Join(encoded, ", ")), result)
	if err != nil {
		return fmt.Errorf("Chromium %s: %w", method, err)
	}
	return nil
}

func (b *browserPeer) Offer() (sdp string, err error) { err = b.call(&sdp, "offer"); return }
func (b *browserPeer) Answer(offer string) (sdp string, err error) {
	err = b.call(&sdp, "answer", offer)
	return
}
func (b *browserPeer) Accept(answer string) error        { return b.call(nil, "accept", answer) }
func (b *browserPeer) Gathered() (sdp string, err error) { err = b.call(&sdp, "gathered"); return }
func (b *browserPeer) NextCandidates() (list []json.RawMessage, err error) {
	err = b.call(&list, "nextCandidates")
	return
}
func (b *browserPeer) AddCandidate(init json.RawMessage) error {
	return b.call(nil, "addCandidate", init)
}
func (b *browserPeer) CreateChannel(label string, init channelInit) error {
	return b.call(nil, "createChannel", label, init)
}
func (b *browserPeer) WaitChannel(label, state string) (info channelInfo, err error) {
	err = b.call(&info, "waitChannel", label, state)
	return
}
func (b *browserPeer) Echo(label string) error         { return b.call(nil, "echo", label) }
func (b *browserPeer) CloseChannel(label string) error { return b.call(nil, "closeChannel", label) }
func (b *browserPeer) Send(label string, plan []message) (prints []string, err error) {
	err = b.call(&prints, "send", label, plan)
	return
}
func (b *browserPeer) Received(label string, n int) (prints []string, err error) {
	err = b.call(&prints, "received", label, n)
	return
}
func (b *browserPeer) Fill(label string, size, threshold int) (result fillResult, err error) {
	err = b.call(&result, "fill", label, size, threshold)
	return
}
func (b *browserPeer) WaitState(states ...string) (state string, err error) {
	args := make([]any, len(states))
	for i := range states {
		args[i] = states[i]
	}
	err = b.call(&state, "waitState", args...)
	return
}
func (b *browserPeer) Events() (log []string, err error) { err = b.call(&log, "events"); return }
func (b *browserPeer) Close() error                      { return b.call(nil, "close") }
