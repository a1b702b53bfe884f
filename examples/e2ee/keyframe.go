package main

import (
	"github.com/pion/rtcp"

	"github.com/passerelle-rtc/webrtc"
)

// passOnKeyframeRequests asks the camera's encoder for what the decoder of the
// picture that goes back asks for: a picture that needs no earlier one. The first
// is asked for at once, as that decoder has seen none of the packets so far.
func passOnKeyframeRequests(sender *webrtc.RTPSender, remote *webrtc.TrackRemote) {
	for {
		remote.RequestKeyFrame()
		for asked := false; !asked; {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				switch p.(type) {
				case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
					asked = true
				}
			}
		}
	}
}
