module github.com/passerelle-rtc/webrtc/pkg/media/webm

go 1.25.0

require (
	github.com/at-wat/ebml-go v0.19.4
	github.com/passerelle-rtc/webrtc v0.0.0
	github.com/pion/rtp v1.10.6
)

require github.com/pion/randutil v0.1.0 // indirect

replace github.com/passerelle-rtc/webrtc => ../../..
