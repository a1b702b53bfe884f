package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/internal/leak"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) {
	webtest.CommandLine(t, run, "-sessions 0", "-token ü", "-ice-server nonsense", "-ice-server turn:turn.example.net", "-ice-server stun:a>b")
}

// patience is how long something may take on a machine that does much else.
const patience = 20 * time.Second

// A request is one of HTTP, with what a test says of it.
type request struct {
	method, path, body string
	header             map[string]string
}

func (r request) do(t *testing.T, program *webtest.Program) (*http.Response, string) {
	t.Helper()
	path := r.path
	if !strings.HasPrefix(path, "http") {
		path = program.URL + path
	}
	made, err := http.NewRequest(r.method, path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range r.header {
		made.Header.Set(name, value)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(made)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response, string(text)
}

// A client is the other end of a session.
type client struct {
	t       *testing.T
	program *webtest.Program
	pc      *webrtc.PeerConnection
	url     string // of the session
	etag    string
}

// offered makes a client with an offer that is set.
func offered(t *testing.T, program *webtest.Program, prepare func(pc *webrtc.PeerConnection)) *client {
	t.Helper()
	c := &client{t: t, program: program, pc: webtest.NewPeer(t)}
	prepare(c.pc)
	gathered := webrtc.GatheringCompletePromise(c.pc)
	offer, err := c.pc.CreateOffer(nil)
	if err == nil {
		err = c.pc.SetLocalDescription(offer)
	}
	if err != nil {
		t.Fatal(err)
	}
	<-gathered
	return c
}

// post sends an offer and takes the answer.
func (c *client) post(path, offer string) {
	c.t.Helper()
	response, answer := request{"POST", path, offer, map[string]string{"Content-Type": typeSDP}}.do(c.t, c.program)
	if response.StatusCode != http.StatusCreated || response.Header.Get("Content-Type") != typeSDP {
		c.t.Fatalf("%s: %s %s", path, response.Status, answer)
	}
	c.url, c.etag = response.Header.Get("Location"), response.Header.Get("ETag")
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		c.t.Fatal(err)
	}
}

// A publisher sends frames that are all key frames, and counts who asks for them.
type publisher struct {
	*client
	asked chan struct{}
}

// camera adds what a publisher sends. It stops with the test.
func camera(t *testing.T, asked chan struct{}, kinds ...string) func(pc *webrtc.PeerConnection) {
	return func(pc *webrtc.PeerConnection) {
		for _, mimeType := range kinds {
			track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mimeType}, mimeType, "camera")
			if err != nil {
				t.Fatal(err)
			}
			sender, err := pc.AddTrack(track)
			if err != nil {
				t.Fatal(err)
			}
			if track.Kind() == webrtc.RTPCodecTypeVideo {
				prefer(t, pc.GetTransceivers()[0], mimeType)
				go func() {
					for {
						packets, _, err := sender.ReadRTCP()
						if err != nil {
							return
						}
						for _, p := range packets {
							if _, ok := p.(*rtcp.PictureLossIndication); ok {
								select {
								case asked <- struct{}{}:
								default:
								}
							}
						}
					}
				}()
			}
			stop, ended := make(chan struct{}), make(chan struct{})
			t.Cleanup(func() { close(stop); <-ended })
			go func() {
				defer close(ended)
				start := "\x10\x00\x00" // of a frame of VP8
				if mimeType == webrtc.MimeTypeVP9 {
					start = "\x82\x49\x83\x42"
				}
				ticker := time.NewTicker(20 * time.Millisecond)
				defer ticker.Stop()
				for {
					select {
					case <-ticker.C:
						track.WriteSample(media.Sample{Data: []byte(start + " " + mimeType), Duration: 20 * time.Millisecond})
					case <-stop:
						return
					}
				}
			}()
		}
	}
}

func publish(t *testing.T, program *webtest.Program, path string, kinds ...string) *publisher {
	t.Helper()
	p := &publisher{asked: make(chan struct{}, 100)}
	p.client = offered(t, program, camera(t, p.asked, kinds...))
	p.post(path, p.pc.LocalDescription().SDP)
	program.WaitFor(path[1:] + ": somebody publishes")
	return p
}

// quiet waits until nobody asks for key frames; requests are half a second apart.
func (p *publisher) quiet() {
	for {
		select {
		case <-p.asked:
		case <-time.After(700 * time.Millisecond):
			return
		}
	}
}

// A watcher notes what comes.
type watcher struct {
	*client
	came   chan string // MIME types, once for each track
	closed chan struct{}
}

func watch(t *testing.T, program *webtest.Program, path string) *watcher {
	t.Helper()
	w := &watcher{came: make(chan string, 10), closed: make(chan struct{})}
	w.client = offered(t, program, func(pc *webrtc.PeerConnection) {
		receivers(t, pc)
		pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			for {
				packet, _, err := track.ReadRTP()
				if err != nil {
					return
				}
				if bytes.HasSuffix(packet.Payload, []byte(track.Codec().MimeType)) {
					w.came <- track.Codec().MimeType
					return
				}
			}
		})
	})
	w.post(path, w.pc.LocalDescription().SDP)
	w.pc.GetTransceivers()[0].Receiver().Transport().OnStateChange(func(state webrtc.DTLSTransportState) {
		if state == webrtc.DTLSTransportStateClosed {
			close(w.closed)
		}
	})
	return w
}

// prefer negotiates no other codec.
func prefer(t *testing.T, transceiver *webrtc.RTPTransceiver, mimeType string) {
	var list []webrtc.RTPCodecParameters
	for _, codec := range transceiver.Receiver().GetCapabilities(transceiver.Kind()).Codecs {
		if codec.MimeType == mimeType {
			list = append(list, webrtc.RTPCodecParameters{RTPCodecCapability: codec})
		}
	}
	if err := transceiver.SetCodecPreferences(list); err != nil {
		t.Fatal(err)
	}
}

// receivers is what a player offers.
func receivers(t *testing.T, pc *webrtc.PeerConnection) {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
}

// sees waits for packets of each of the codecs.
func (w *watcher) sees(codecs ...string) {
	w.t.Helper()
	missing := map[string]bool{}
	for _, codec := range codecs {
		missing[codec] = true
	}
	for len(missing) > 0 {
		select {
		case codec := <-w.came:
			delete(missing, codec)
		case <-time.After(patience):
			w.t.Fatalf("%v did not come", missing)
		}
	}
}

// ends waits for a channel.
func ends(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: did not happen", what)
	}
}

// What one publishes comes to all who watch; each who comes, and each who asks,
// makes the publisher send a key frame. With the publisher the stream ends.
func TestWhatIsPublishedIsWatched(t *testing.T) {
	program := webtest.Start(t, run)
	early := request{"POST", "/whep/live", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n", map[string]string{"Content-Type": typeSDP}}
	if response, text := early.do(t, program); response.StatusCode != http.StatusConflict || response.Header.Get("Retry-After") != "2" || !strings.Contains(text, "nobody publishes") {
		t.Errorf("a watcher before the publisher: %s, Retry-After %q: %s", response.Status, response.Header.Get("Retry-After"), text)
	}
	p := publish(t, program, "/whip/live", webrtc.MimeTypeVP8, webrtc.MimeTypeOpus)
	p.quiet()
	w := watch(t, program, "/whep/live")
	w.sees(webrtc.MimeTypeVP8, webrtc.MimeTypeOpus)
	ends(t, "a request for a key frame for who comes", p.asked)
	watch(t, program, "/whep/live").sees(webrtc.MimeTypeVP8, webrtc.MimeTypeOpus)
	last := watch(t, program, "/whep/live")
	last.sees(webrtc.MimeTypeVP8)
	p.quiet()
	for asked := false; !asked; { // the decoder asks
		for _, receiver := range last.pc.GetReceivers() {
			last.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(receiver.Track().SSRC())}})
		}
		select {
		case <-p.asked:
			asked = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	if response, text := (request{method: "DELETE", path: p.url}).do(t, program); response.StatusCode != http.StatusOK || text != "" {
		t.Errorf("DELETE: %s %s", response.Status, text)
	}
	ends(t, "the watcher is told", last.closed)
	program.WaitFor(`whip/live: somebody has stopped publishing`)
	if response, _ := (request{method: "DELETE", path: p.url}).do(t, program); response.StatusCode != http.StatusNotFound {
		t.Errorf("DELETE again: %s", response.Status)
	}
	if response, _ := early.do(t, program); response.StatusCode != http.StatusConflict {
		t.Errorf("a watcher after the publisher: %s", response.Status)
	}
	// Who goes without DELETE is missed, by DTLS's close_notify.
	p = publish(t, program, "/whip/again", webrtc.MimeTypeVP8)
	p.pc.Close()
	program.WaitFor(`whip/again: somebody has gone`)
	if code, _ := program.Interrupt(); code != 0 {
		t.Errorf("exit code %d of an interrupted program", code)
	}
}

// The publisher's first codec is taken, and a stream without sound is a stream.
func TestTheFirstCodecOfThePublisherIsTaken(t *testing.T) {
	program := webtest.Start(t, run)
	publish(t, program, "/whip/silent", webrtc.MimeTypeVP9)
	program.WaitFor(`the publisher's video is video/VP9`)
	watch(t, program, "/whep/silent").sees(webrtc.MimeTypeVP9)
	player := offered(t, program, func(pc *webrtc.PeerConnection) {
		receivers(t, pc)
		prefer(t, pc.GetTransceivers()[0], webrtc.MimeTypeH264)
	})
	response, text := request{"POST", "/whep/silent", player.pc.LocalDescription().SDP, map[string]string{"Content-Type": typeSDP}}.do(t, program)
	if response.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "video") {
		t.Errorf("a player without VP9: %s %s", response.Status, text)
	}
}
