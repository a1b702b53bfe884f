// Package mirror sends back what comes; the examples that show a camera's way to Go
// and back share it.
package mirror

import (
	"errors"
	"io"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/relay"
)

// Reflect sends a track back, as the sender of the same transceiver, until the track
// ends. began is told the codec before the first packet leaves. Codec waits for the first packet, which
// tells which of the negotiated codecs the browser has chosen; until then there is
// nothing to send back.
func Reflect(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, began func(mimeType string)) error {
	codec := remote.Codec()
	if codec.MimeType == "" {
		return nil // the call ended before a packet came
	}
	local, err := webrtc.NewTrackLocalStaticRTP(codec.RTPCodecCapability, remote.ID(), "reflected")
	if err != nil {
		return err
	}
	sender := receiver.RTPTransceiver().Sender()
	if err := sender.ReplaceTrack(local); err != nil {
		return err
	}
	began(codec.MimeType)
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		remote.RequestKeyFrame() // the decoder of what comes back has seen none of the packets so far
		go relay.OnRequest(sender, remote.RequestKeyFrame)
	}
	packets := make([]rtp.Packet, 32)
	for {
		n, err := remote.ReadBatch(packets)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := local.WriteBatch(packets[:n]); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return err
		}
	}
}
