package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/relay"
)

// A session is a publisher or a watcher: one connection, and the resource by which
// it is changed and ended.
type session struct {
	server   *server
	protocol protocol
	name     string // of the stream
	stream   *stream
	id       string
	pc       *webrtc.PeerConnection
	gathered chan struct{} // has an element when all candidates of ours are there
	limit    *time.Timer   // for the connection to come up
	once     sync.Once     // of end
	began    bool          // it has been connected; of the connection's callbacks

	ctx    context.Context // ends with the session
	cancel context.CancelFunc

	turn sync.Mutex // held by whoever changes what follows
	etag string     // of the ICE session (RFC 9725 section 4.3.1)
}

func newSession(s *server, p protocol, name string, pc *webrtc.PeerConnection) *session {
	n := &session{server: s, protocol: p, name: name, id: newID(), pc: pc, etag: newETag(), gathered: make(chan struct{}, 1)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.limit = time.AfterFunc(maxConnecting, func() { n.end("did not connect") })
	pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			select {
			case n.gathered <- struct{}{}:
			default: // nobody waits any more
			}
		}
	})
	pc.OnConnectionStateChange(n.stateChanged)
	if p == whip {
		pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) { n.stream.receive(n, remote, receiver) })
	}
	return n
}

// newETag makes a strong entity-tag.
func newETag() string { return `"` + newID() + `"` }

func (s *session) printf(format string, args ...any) {
	s.server.printer.Printf("%s/%s: %s", s.protocol.name, s.name, fmt.Sprintf(format, args...))
}

func (s *session) stateChanged(state webrtc.PeerConnectionState) {
	switch state {
	case webrtc.PeerConnectionStateConnected:
		s.connected()
	case webrtc.PeerConnectionStateFailed:
		go s.end(fmt.Sprintf("was lost: %v", s.pc.FailureReason()))
	}
}

func (s *session) connected() {
	s.limit.Stop()
	s.server.mu.Lock()
	first := !s.began
	s.began = true
	if s.protocol == whip {
		s.stream.live = true
	}
	s.server.mu.Unlock()
	if first {
		// DTLS's close_notify is how the other end goes without a DELETE.
		s.pc.GetTransceivers()[0].Sender().Transport().OnStateChange(func(state webrtc.DTLSTransportState) {
			if state == webrtc.DTLSTransportStateClosed {
				go s.end("has gone")
			}
		})
		s.printf("somebody %s", s.protocol.doing)
	}
	if s.protocol == whep {
		s.stream.requestKeyFrames()
	}
}

// end closes the connection and forgets the session, once. Who publishes takes the
// watchers along: DTLS tells them (RFC 9725 section 4.2).
func (s *session) end(how string) {
	s.once.Do(func() {
		s.limit.Stop()
		s.cancel()
		s.server.mu.Lock()
		delete(s.server.sessions, s.id)
		var watchers []*session
		if s.protocol == whip {
			delete(s.server.streams, s.name)
			for _, other := range s.server.sessions {
				if other.stream == s.stream {
					watchers = append(watchers, other)
				}
			}
		}
		s.server.mu.Unlock()
		s.pc.Close()
		s.printf("somebody %s", how)
		for _, watcher := range watchers {
			watcher.end("has nothing more to watch")
		}
	})
}

// The longest wait for candidates of ours, and for a connection: a name is not for
// who never comes.
const (
	maxGathering  = 5 * time.Second
	maxConnecting = 30 * time.Second
)

// answer answers the offer that the session begins with. The answer holds all
// candidates: the protocols have no way for later ones (RFC 9725 section 4.3.2).
func (s *session) answer(ctx context.Context, o *offer) (string, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.text}
	if err := s.pc.SetRemoteDescription(offer); err != nil {
		return "", &refusal{status: http.StatusBadRequest, reason: err.Error()}
	}
	prepare := s.publish
	if s.protocol == whep {
		prepare = s.watch
	}
	if err := prepare(o); err != nil {
		return "", err
	}
	answer, err := s.describe(ctx)
	if err != nil {
		return "", err
	}
	if kind := rejected(answer); kind != "" { // no partial success (RFC 9725 section 4.4.3)
		return "", &refusal{status: http.StatusUnprocessableEntity, reason: "there is no codec in the offer that will do for " + kind}
	}
	if s.protocol == whip {
		return answer, s.makeTracks()
	}
	return answer, nil
}

// publish gets ready to receive. For each kind one codec is taken, the first of the
// offer that there is, so that watchers can be answered before anything comes.
func (s *session) publish(o *offer) error {
	for _, transceiver := range s.pc.GetTransceivers() {
		if err := transceiver.SetDirection(webrtc.RTPTransceiverDirectionRecvonly); err != nil {
			return err
		}
		capabilities := transceiver.Receiver().GetCapabilities(transceiver.Kind()).Codecs
		its := func(name string) []webrtc.RTPCodecParameters { return codecsOf(capabilities, name) }
		offered := o.codecs(transceiver.Kind().String())
		first := slices.IndexFunc(offered, func(name string) bool { return isMedia(name) && len(its(name)) > 0 })
		if first < 0 {
			return &refusal{status: http.StatusUnprocessableEntity,
				reason: fmt.Sprintf("none of the codecs of %v is known here: %s", transceiver.Kind(), strings.Join(offered, ", "))}
		}
		if err := transceiver.SetCodecPreferences(append(its(offered[first]), its(webrtc.MimeTypeRTX)...)); err != nil {
			return err
		}
	}
	return nil
}

// codecsOf are the codecs of a MIME type, in all their profiles.
func codecsOf(capabilities []webrtc.RTPCodecCapability, name string) (list []webrtc.RTPCodecParameters) {
	for _, codec := range capabilities {
		if strings.EqualFold(codec.MimeType, name) {
			list = append(list, webrtc.RTPCodecParameters{RTPCodecCapability: codec})
		}
	}
	return list
}

// isMedia is false for what only helps a codec.
func isMedia(name string) bool {
	switch _, encoding, _ := strings.Cut(name, "/"); encoding {
	case "rtx", "red", "ulpfec", "flexfec-03", "telephone-event", "cn":
		return false
	}
	return true
}

// makeTracks makes the tracks of the stream, of the codecs that were negotiated.
func (s *session) makeTracks() error {
	for _, transceiver := range s.pc.GetTransceivers() {
		codecs := transceiver.Receiver().GetParameters().Codecs
		if len(codecs) == 0 {
			return &refusal{status: http.StatusUnprocessableEntity, reason: "no codec of " + transceiver.Kind().String() + " was agreed on"}
		}
		track, err := relay.NewTrack(codecs[0].RTPCodecCapability, transceiver.Kind().String(), s.name)
		if err != nil {
			return err
		}
		s.stream.tracks[transceiver.Kind()] = track
		s.printf("the publisher's %v is %s", transceiver.Kind(), codecs[0].MimeType)
	}
	close(s.stream.ready)
	return nil
}

// watch gets ready to send the tracks of the stream that the offer has a place for.
func (s *session) watch(*offer) error {
	for _, transceiver := range s.pc.GetTransceivers() {
		track := s.stream.tracks[transceiver.Kind()]
		if track == nil {
			if err := transceiver.SetDirection(webrtc.RTPTransceiverDirectionInactive); err != nil {
				return err
			}
			continue
		}
		sender, codec := transceiver.Sender(), track.Codec().MimeType
		capabilities := sender.GetCapabilities(track.Kind()).Codecs
		if err := transceiver.SetCodecPreferences(append(codecsOf(capabilities, codec), codecsOf(capabilities, webrtc.MimeTypeRTX)...)); err != nil {
			return err
		}
		if err := sender.ReplaceTrack(track); err != nil {
			return &refusal{status: http.StatusUnprocessableEntity, reason: fmt.Sprintf("%s of the stream: %v", codec, err)}
		}
		if err := sender.SetStreams(s.name); err != nil {
			return err
		}
		if err := transceiver.SetDirection(webrtc.RTPTransceiverDirectionSendonly); err != nil {
			return err
		}
		go track.PassOnRequests(sender)
	}
	return nil
}

// describe answers the remote description that is set, and waits for candidates.
func (s *session) describe(ctx context.Context) (string, error) {
	answer, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return "", &refusal{status: http.StatusUnprocessableEntity, reason: err.Error()}
	}
	select {
	case <-s.gathered: // of the time before a restart
	default:
	}
	if err := s.pc.SetLocalDescription(answer); err != nil {
		return "", &refusal{status: http.StatusUnprocessableEntity, reason: err.Error()}
	}
	limit := time.NewTimer(maxGathering)
	defer limit.Stop()
	select {
	case <-s.gathered:
	case <-limit.C: // what there is may do
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	return s.pc.LocalDescription().SDP, nil
}

// delete ends the session. Entity-tags do not matter here (RFC 9725 section 4.3.1).
func (s *session) delete(w http.ResponseWriter, _ *http.Request) {
	s.end(s.protocol.finished)
	w.WriteHeader(http.StatusOK)
}
