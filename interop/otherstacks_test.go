package interop

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The programs of peers/: stacks that are neither a browser nor Go's.
var (
	gstreamer       = &program{name: "GStreamer", command: python("gstreamer/peer.py", "gi.repository.Gst")}
	aiortc          = &program{name: "aiortc", command: python("aiortc/peer.py", "aiortc")}
	nodeDataChannel = &program{name: "node-datachannel", command: node("node-datachannel/peer.mjs")}
	libwebrtc       = &program{name: "@roamhq/wrtc", command: node("wrtc/peer.mjs")}
	werift          = &program{name: "werift", command: node("werift/peer.mjs")}
	janus           = &program{name: "Janus", command: janusCommand} // answers only, has no channels
	programs        = []*program{gstreamer, aiortc, nodeDataChannel, libwebrtc, werift}
)

func janusCommand() (*exec.Cmd, error) {
	if _, err := exec.LookPath("janus"); err != nil {
		return nil, err
	}
	return python("janus/peer.py")()
}

func (p *program) stack() stack {
	return stack{p.name, func(t testing.TB) remote { return p.newPeer(t) }}
}

// otherStacks are all but Chromium and pion, whose tests go further.
func otherStacks() []stack {
	list := []stack{{"Firefox", newFirefoxPeer}}
	for _, p := range programs {
		list = append(list, p.stack())
	}
	return list
}

// everyStack is each of them once.
func everyStack() []stack {
	return append(slices.Clone(stacks), otherStacks()[1:]...) // Firefox is in both
}

func stopPeers() {
	stopFirefox()
	for _, p := range append(programs, janus) {
		p.stop()
	}
}

// peerVersions names the peers that took part.
func peerVersions() string {
	list := []string{browserVersion()}
	if firefox.client != nil {
		list = append(list, firefox.version)
	}
	for _, p := range append(programs, janus) {
		if p.version != "" {
			list = append(list, p.version)
		}
	}
	if coturnVersion != "" {
		list = append(list, coturnVersion)
	}
	return strings.Join(list, "; ")
}

// sizes is a plan of small and large messages, none above limit bytes.
func sizes(limit int) []message {
	plan := []message{{true, 12}, {false, 1}, {false, 1200}, {true, 16_000}, {false, 16_384}, {false, 65_535}, {true, limit}, {false, limit}}
	for i := range plan {
		plan[i].Size = min(plan[i].Size, limit)
	}
	return plan
}

// Every other stack as the other end, each side offering, with all candidates in
// the descriptions or trickled (aiortc cannot): a channel from either side opens, and on each one messages
// of every size go both ways, as they were (RFC 8831, 8832). Either side closes one.
func TestEveryStackExchangesMessagesOnChannelsOfBothSides(t *testing.T) {
	for _, s := range otherStacks() {
		for _, how := range []signalling{{weOffer: true}, {weOffer: false}, {true, true}, {false, true}} {
			if how.trickle && s.name == aiortc.name {
				continue
			}
			t.Run(s.name+"/"+how.String(), func(t *testing.T) {
				l, r, ours := connected(t, s.newPeer, how)
				theirs := l.channel("theirs")
				// What the peer says it takes (RFC 8841 section 6), or the largest we take.
				limit := min(largest, int(l.SCTP().MaxMessageSize()))
				for _, channel := range []*localChannel{ours, theirs} {
					l.saw("channel " + channel.Label() + " open")
					info, err := r.WaitChannel(channel.Label(), "open")
					if err != nil {
						t.Fatal(err)
					}
					if info.ID != channel.info().ID {
						t.Errorf("%s has ID %d here and %d there", channel.Label(), channel.info().ID, info.ID)
					}
					bothWays(t, l, r, channel, sizes(limit))
				}
				if a, b := ours.info().ID, theirs.info().ID; a%2 == b%2 {
					t.Errorf("channels of different ends have IDs %d and %d: one must be even, one odd (RFC 8832 section 6)", a, b)
				}
				if err := errorsOf(ours.Close(), r.CloseChannel("theirs")); err != nil {
					t.Fatal(err)
				}
				for _, label := range []string{"ours", "theirs"} {
					l.saw("channel " + label + " close")
					if _, err := r.WaitChannel(label, "closed"); err != nil {
						t.Error(err)
					}
				}
				t.Logf("messages of 1 to %d bytes both ways on both channels", limit)
			})
		}
	}
}

// bothWays sends a plan to them, has them send it to us, and then has them echo it.
func bothWays(t *testing.T, l *local, r remote, channel *localChannel, plan []message) {
	t.Helper()
	label := channel.Label()
	sent, err := l.send(channel, plan)
	if err != nil {
		t.Fatal(err)
	}
	received, err := r.Received(label, len(plan))
	if err != nil {
		t.Fatal(err)
	}
	sameMessages(t, "from us to them on "+label, true, sent, received)
	if sent, err = r.Send(label, plan); err != nil {
		t.Fatal(err)
	}
	if received, err = channel.inbox.wait(len(plan)); err != nil {
		t.Fatal(err)
	}
	sameMessages(t, "from them to us on "+label, true, sent, received)
	if err := r.Echo(label); err != nil {
		t.Fatal(err)
	}
	if sent, err = l.send(channel, plan); err != nil {
		t.Fatal(err)
	}
	if received, err = channel.inbox.wait(2 * len(plan)); err != nil {
		t.Fatal(err)
	}
	sameMessages(t, "echoed by them on "+label, true, sent, received[len(plan):])
}
