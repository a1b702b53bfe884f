package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// socketFailed takes a socket that died out of use: ICE goes on with the others.
// Any goroutine.
func (g *ICEGatherer) socketFailed(id ice.LocalID, err error) {
	g.loop.Post(func(now time.Time) {
		socket := g.sockets[id]
		if socket == nil {
			return
		}
		g.log.warn("UDP socket", "address", socket.LocalAddr(), "error", err)
		g.dropSocket(now, id)
	})
}
