package film

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/passerelle-rtc/webrtc"
)

// AddTo adds a track of the file's codec and lets no other one be negotiated: the
// file is as it is. Retransmissions (RTX) stay possible.
func (f *File) AddTo(pc *webrtc.PeerConnection) (*webrtc.TrackLocalStaticSample, *webrtc.RTPTransceiver, error) {
	kind, _, _ := strings.Cut(f.MimeType, "/")
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: f.MimeType}, kind, "film")
	if err != nil {
		return nil, nil, err
	}
	sender, err := pc.AddTrack(track)
	if err != nil {
		return nil, nil, err
	}
	var codecs []webrtc.RTPCodecParameters
	for _, codec := range sender.GetCapabilities(track.Kind()).Codecs {
		if strings.EqualFold(codec.MimeType, f.MimeType) || strings.EqualFold(codec.MimeType, webrtc.MimeTypeRTX) {
			codecs = append(codecs, webrtc.RTPCodecParameters{RTPCodecCapability: codec})
		}
	}
	transceivers := pc.GetTransceivers()
	its := slices.IndexFunc(transceivers, func(t *webrtc.RTPTransceiver) bool { return t.Sender() == sender })
	if its < 0 {
		return nil, nil, webrtc.ErrConnectionClosed
	}
	return track, transceivers[its], transceivers[its].SetCodecPreferences(codecs)
}

// Loop plays each file to the track of the same index until ctx ends. Each round
// begins for all at the same time, so that picture and sound stay together. printf
// is told of errors and of the first end; it is called from several goroutines.
func Loop(ctx context.Context, files []*File, tracks []*webrtc.TrackLocalStaticSample, printf func(format string, args ...any)) {
	for round := 1; ctx.Err() == nil; round++ {
		var played sync.WaitGroup
		for i, f := range files {
			played.Go(func() {
				if err := f.Play(ctx, tracks[i]); err != nil {
					printf("%s: %v", f.Name, err)
				}
			})
		}
		played.Wait()
		if round == 1 && ctx.Err() == nil {
			printf("played to the end; again")
		}
	}
}
