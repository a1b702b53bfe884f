package webrtc

import (
	"runtime"
	"strings"
	"testing"
)

// Connections that each have an API of their own share what watches the host, and none
// of them keeps a large stack.
func TestTheProcessWatchesTheHostOnce(t *testing.T) {
	const connections = 20
	watches := func() int {
		stacks := make([]byte, 1<<20)
		return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "netio.interfaceHints.func1(")
	}
	others, before := watches(), measure()
	for range connections {
		pc, err := NewPeerConnection(Configuration{})
		must(t, err)
		defer pc.Close()
		_, err = pc.CreateDataChannel("", nil)
		must(t, err)
		must(t, pc.SetLocalDescription(SessionDescription{}))
		<-GatheringCompletePromise(pc)
	}
	if n := watches(); n != max(others, 1) {
		t.Errorf("%d watches of the host for %d connections, %d before", n, connections, others)
	}
	const most = 32 << 10 // loop and some sockets
	if each := measure().less(before).stacks / connections; each > most {
		t.Errorf("%d bytes of stacks for each connection, want %d at most", each, most)
	}
}
