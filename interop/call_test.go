package interop

import (
	"embed"
	"slices"
	"strings"
	"testing"

	"github.com/passerelle-rtc/webrtc"
)

// pictures are colour bars of 64 by 48 pixels, one key frame for each codec
// (GStreamer's encoders), which fit into one packet. Sent again and again they
// are a stream that every decoder takes.
//
//go:embed testdata/bars.*
var pictures embed.FS

func picture(codec string) []byte {
	frame, err := pictures.ReadFile("testdata/bars." + strings.ToLower(codec))
	if err != nil {
		panic(err)
	}
	return frame
}

// silence is 20 ms of Opus (RFC 6716 section 3.1: CELT, full band, one frame).
var silence = []byte{0xf8, 0xff, 0xfe}

// counts are what has arrived of each kind: frames where the stack decodes,
// otherwise packets.
type counts struct{ Audio, Video int }

func (d *drivenPeer) AddMedia(codec string) error { return d.call(nil, "addMedia", codec) }

func (d *drivenPeer) AddSimulcast() error { return d.call(nil, "addSimulcast") }

func (d *drivenPeer) Counts() (c counts, err error) {
	err = d.call(&c, "counts")
	return
}

// A callPeer is a peer with media.
type callPeer interface {
	remote
	AddMedia(codec string) error // sends audio, and video with a codec, and takes the same
	AddSimulcast() error         // sends video in the layers q, h and f
	Counts() (counts, error)
}

// A caller is a stack whose peers have media, with the codecs of its video.
type caller struct {
	name    string
	codecs  []string
	newPeer func(testing.TB) callPeer
}

func newChromiumCall(t testing.TB) callPeer {
	return inPage(t, "Chromium", tabOf(harness(t)), "newCallPeer()")
}

func newFirefoxCall(t testing.TB) callPeer {
	d := inPage(t, "Firefox", firefoxPage(t), "newCallPeer()")
	t.Cleanup(func() { d.Close() })
	return d
}

func (p *program) caller(codecs ...string) caller {
	return caller{p.name, codecs, func(t testing.TB) callPeer { return p.newPeer(t) }}
}

var callers = []caller{
	{"Chromium", []string{"VP8", "VP9", "H264", "AV1"}, newChromiumCall},
	{"pion", []string{"VP8", "VP9", "H264", "AV1"}, newPionCall},
	{"Firefox", []string{"VP8", "VP9", "AV1"}, newFirefoxCall},
	gstreamer.caller("VP8", "H264"),
	aiortc.caller("VP8", "H264"),
	nodeDataChannel.caller("VP8"),
	libwebrtc.caller("VP8", "VP9", "AV1"),
	werift.caller("VP8"),
}

// Audio, video and a data channel with every stack, either side offering: all
// three m-lines are accepted, with VP8 and Opus and in both directions.
func TestEveryStackNegotiatesAudioVideoAndData(t *testing.T) {
	for _, c := range callers {
		for _, how := range []signalling{{weOffer: true}, {weOffer: false}} {
			t.Run(c.name+"/"+how.String(), func(t *testing.T) {
				r, l := c.newPeer(t), newLocalMedia(t)
				if err := r.AddMedia("VP8"); err != nil {
					t.Fatal(err)
				}
				if how.weOffer {
					l.create("data", channelInit{})
				} else if err := r.CreateChannel("data", channelInit{}); err != nil {
					t.Fatal(err)
				}
				for _, kind := range []string{"audio", "video"} {
					if err := l.AddTrack(kind); err != nil {
						t.Fatal(err)
					}
				}
				l.connect(r, how)
				accepted(t, l, "application", "audio", "video")
				l.saw("channel data open")
				if _, err := r.WaitChannel("data", "open"); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// Janus answers our audio and video.
func TestJanusNegotiatesAudioAndVideo(t *testing.T) {
	r, l := janus.newPeer(t), newLocalMedia(t)
	for _, kind := range []string{"audio", "video"} {
		if err := l.AddTrack(kind); err != nil {
			t.Fatal(err)
		}
	}
	l.connect(r, signalling{weOffer: true})
	accepted(t, l, "audio", "video")
}

// accepted checks that m-lines of these kinds, and no others, were negotiated, and
// that media flows both ways.
func accepted(t *testing.T, l *localMedia, kinds ...string) {
	t.Helper()
	for _, description := range []*webrtc.SessionDescription{l.LocalDescription(), l.RemoteDescription()} {
		lines := mediaLines(description.SDP)
		for i := range lines {
			lines[i], _, _ = strings.Cut(lines[i], " ")
		}
		slices.Sort(lines)
		if !slices.Equal(lines, kinds) || strings.Contains(strings.Join(mediaLines(description.SDP), " "), "rejected") {
			t.Errorf("m-lines %q\n%s", mediaLines(description.SDP), description.SDP)
		}
	}
	for _, transceiver := range l.GetTransceivers() {
		if current := transceiver.CurrentDirection(); current != webrtc.RTPTransceiverDirectionSendrecv {
			t.Errorf("mid %s, %v: %v", transceiver.Mid(), transceiver.Kind(), current)
		}
		want := map[webrtc.RTPCodecType]string{webrtc.RTPCodecTypeAudio: "audio/opus", webrtc.RTPCodecTypeVideo: "video/VP8"}[transceiver.Kind()]
		if codecs := transceiver.Sender().GetParameters().Codecs; !slices.ContainsFunc(codecs, func(c webrtc.RTPCodecParameters) bool {
			return strings.EqualFold(c.MimeType, want)
		}) {
			t.Errorf("mid %s: no %s in %v", transceiver.Mid(), want, codecs)
		}
	}
}
