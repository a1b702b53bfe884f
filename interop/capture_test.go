package interop

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var capture = flag.Bool("capture", false, "write the descriptions of every stack to ../internal/jsep/testdata")

const goldenFolder = "../internal/jsep/testdata"

// Every stack makes the descriptions that the golden tests of internal/jsep read:
// its offers, and its answers to the offers that are in those golden files. With
// -capture they are written there, with a note of where they come from; what has
// then changed shows in the golden files.
func TestEveryStackMakesTheGoldenDescriptions(t *testing.T) {
	offers := map[string]func(r callPeer) error{
		"data":      func(r callPeer) error { return r.CreateChannel("x", channelInit{}) },
		"call":      func(r callPeer) error { return errorsOf(r.AddMedia("VP8"), r.CreateChannel("x", channelInit{})) },
		"simulcast": func(r callPeer) error { return r.AddSimulcast() },
	}
	for _, c := range callers {
		for kind, prepare := range offers {
			if kind == "simulcast" && !slices.Contains([]string{"Chromium", "Firefox", "pion", libwebrtc.name}, c.name) {
				continue // the others send one layer
			}
			t.Run(c.name+"/offer of "+kind, func(t *testing.T) {
				r := c.newPeer(t)
				if err := prepare(r); err != nil {
					t.Fatal(err)
				}
				if _, err := r.Offer(); err != nil {
					t.Fatal(err)
				}
				sdp, err := r.Gathered()
				if err != nil {
					t.Fatal(err)
				}
				captured(t, c.name, kind+".offer", sdp)
			})
		}
		for kind, golden := range map[string]string{"data.answer": "offer.golden", "call.media-answer": "call.golden"} {
			t.Run(c.name+"/"+kind, func(t *testing.T) { answers(t, c, kind, golden) })
		}
	}
	t.Run("Janus/call.media-answer", func(t *testing.T) {
		answers(t, janus.caller(), "call.media-answer", "call.golden")
	})
}

func errorsOf(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

// answers has a stack answer a golden offer.
func answers(t *testing.T, c caller, kind, golden string) {
	offer, err := os.ReadFile(filepath.Join(goldenFolder, golden))
	if err != nil {
		t.Fatal(err)
	}
	r := c.newPeer(t)
	if strings.HasPrefix(kind, "call") {
		err = r.AddMedia("VP8")
	}
	if err == nil {
		_, err = r.Answer(string(offer))
	}
	if err != nil {
		t.Fatal(err)
	}
	sdp, err := r.Gathered()
	if err != nil {
		t.Fatal(err)
	}
	captured(t, c.name, kind, sdp)
}

// captured writes a description for the golden tests.
func captured(t *testing.T, stack, kind, sdp string) {
	if !*capture {
		return
	}
	version := browserVersion()
	switch stack {
	case "Firefox":
		version = firefox.version
	case "pion":
		version = "pion/webrtc " + moduleVersion("github.com/pion/webrtc/v4")
	}
	for _, p := range append(programs, janus) {
		if p.name == stack {
			version = p.version
		}
	}
	name := strings.ToLower(strings.NewReplacer("@roamhq/wrtc", "libwebrtc").Replace(stack)) + "-" + kind + ".sdp"
	if host, err := os.Hostname(); err == nil { // GStreamer's CNAME has it
		sdp = strings.ReplaceAll(sdp, "@"+host+"-", "@host-")
	}
	text := fmt.Sprintf("# From %s, all candidates gathered (interop, go test -capture).\n%s", version, sdp)
	if err := os.WriteFile(filepath.Join(goldenFolder, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
