package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) { webtest.CommandLine(t, run) }

// A guest does in Go what the page does.
type guest struct {
	t       *testing.T
	program *webtest.Program
	id      string
	pc      *webrtc.PeerConnection
	channel *webrtc.DataChannel
	layers  []*webrtc.TrackLocalStaticRTP // of the camera
	stop    chan struct{}
	sending sync.WaitGroup

	mu      sync.Mutex
	people  []person
	shares  map[string]int   // of the pictures of others, by whose
	seen    map[string]*seen // by stream and kind
	changed chan struct{}    // closed by the next change
	failed  error
}

// seen is what came of somebody's track.
type seen struct {
	packets, jumps int
	layer          byte // that the last packet came from
	last           uint16
	lastTime       uint32
}

func do(t *testing.T, method, url string, body any) (int, []byte) {
	t.Helper()
	text, _ := json.Marshal(body)
	request, err := http.NewRequest(method, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var b bytes.Buffer
	b.ReadFrom(response.Body)
	return response.StatusCode, b.Bytes()
}

func enter(t *testing.T, program *webtest.Program, name string, rids ...string) *guest {
	t.Helper()
	g := &guest{t: t, program: program, pc: webtest.NewPeer(t), stop: make(chan struct{}),
		shares: make(map[string]int), seen: make(map[string]*seen), changed: make(chan struct{})}
	sound, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "sound", "me")
	g.must(err)
	_, err = g.pc.AddTrack(sound)
	g.must(err)
	var sender *webrtc.RTPSender
	if len(rids) == 0 {
		rids = []string{""}
	}
	for _, rid := range rids {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "picture", "me", webrtc.WithRTPStreamID(rid))
		g.must(err)
		if sender == nil {
			sender, err = g.pc.AddTrack(track)
		} else {
			err = sender.AddEncoding(track)
		}
		g.must(err)
		g.layers = append(g.layers, track)
	}
	g.pc.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { g.watch(remote) })
	g.channel, err = g.pc.CreateDataChannel("room", nil)
	g.must(err)
	g.channel.OnMessage(g.hear)

	gathered := webrtc.GatheringCompletePromise(g.pc)
	offer, err := g.pc.CreateOffer(nil)
	g.must(err)
	g.must(g.pc.SetLocalDescription(offer))
	<-gathered
	status, text := do(t, "POST", program.URL+"/room", joinRequest{Name: name, Offer: *g.pc.LocalDescription()})
	var joined joinResponse
	if err := json.Unmarshal(text, &joined); status != http.StatusOK || err != nil {
		t.Fatalf("%s cannot join: %d %s", name, status, text)
	}
	g.id = joined.ID
	g.must(g.pc.SetRemoteDescription(*joined.Answer))
	g.sending.Go(func() { g.send(sound) })
	t.Cleanup(g.end)
	return g
}

func (g *guest) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) end() {
	select {
	case <-g.stop:
	default:
		close(g.stop)
	}
	g.sending.Wait()
	g.pc.Close()
}

// leave is the page's button.
func (g *guest) leave() {
	if status, text := do(g.t, "DELETE", g.program.URL+"/room/"+g.id, nil); status != http.StatusNoContent {
		g.t.Errorf("leaving: %d %s", status, text)
	}
	g.end()
}

// send sends sound and pictures of all sizes, all of them keyframes that name their
// layer, with numbers that have nothing to do with each other.
func (g *guest) send(sound *webrtc.TrackLocalStaticRTP) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := uint32(0); ; n++ {
		select {
		case <-g.stop:
			return
		case <-tick.C:
		}
		sound.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: n * 960}, Payload: []byte{0xfc}})
		for i, layer := range g.layers {
			picture := n + uint32(100*i)
			layer.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{Version: 2, SequenceNumber: uint16(n + uint32(20000*i)), Timestamp: n*1800 + uint32(i)<<30},
				Payload: []byte{0x90, 0xe0, byte(picture>>8) | 0x80, byte(picture), byte(n), 0, 0, 0x77, byte(i)},
			})
		}
	}
}

// watch notes what comes of one track.
func (g *guest) watch(remote *webrtc.TrackRemote) {
	s, key := &seen{}, remote.StreamID()+" "+remote.Kind().String()
	for {
		p, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		if len(p.Payload) == 0 {
			continue // a probe of the network
		}
		g.change(func() {
			if step := int16(p.SequenceNumber - s.last); s.packets > 0 {
				if step > 50 || step < -50 || int32(p.Timestamp-s.lastTime) > 90000 || int32(p.Timestamp-s.lastTime) < -90000 {
					s.jumps++
				}
			}
			s.packets++
			s.last, s.lastTime, s.layer = p.SequenceNumber, p.Timestamp, p.Payload[len(p.Payload)-1]
			g.seen[key] = s
		})
	}
}

// hear does what the program says, as the page does.
func (g *guest) hear(m webrtc.DataChannelMessage) {
	var said message
	err := json.Unmarshal(m.Data, &said)
	if err == nil && said.Offer != nil {
		if err = g.pc.SetRemoteDescription(*said.Offer); err == nil {
			err = g.pc.SetLocalDescription(webrtc.SessionDescription{})
		}
		if err == nil {
			g.tell(message{Answer: g.pc.LocalDescription()})
		}
	}
	g.change(func() {
		if err != nil && g.failed == nil {
			g.failed = err
		}
		if said.People != nil {
			g.people = said.People
		}
		for _, s := range said.Pictures {
			g.shares[s.Of] = s.Share
		}
	})
}

func (g *guest) tell(m message) {
	text, _ := json.Marshal(m)
	g.channel.SendText(string(text))
}

func (g *guest) change(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.changed)
	g.changed = make(chan struct{})
}

// until waits until what the guest knows is as wanted.
func (g *guest) until(what string, ok func() bool) {
	g.t.Helper()
	limit := time.After(20 * time.Second)
	for {
		g.mu.Lock()
		done, changed, failed := ok(), g.changed, g.failed
		state := fmt.Sprintf("%+v, shares %v", g.people, g.shares)
		for key, s := range g.seen {
			state += fmt.Sprintf("\n%s %+v", key, *s)
		}
		g.mu.Unlock()
		if failed != nil {
			g.t.Fatalf("%s: %v", what, failed)
		}
		if done {
			return
		}
		select {
		case <-changed:
		case <-limit:
			g.t.Fatalf("%s: did not happen: %s", what, state)
		}
	}
}

// sees waits until more comes of another's sound and picture.
func (g *guest) sees(other *guest) {
	g.t.Helper()
	for _, kind := range []string{" audio", " video"} {
		var before int
		g.mu.Lock()
		if s := g.seen[other.id+kind]; s != nil {
			before = s.packets
		}
		g.mu.Unlock()
		g.until("packets of"+kind, func() bool { s := g.seen[other.id+kind]; return s != nil && s.packets > before+5 })
	}
}

func TestEverybodyGetsEverybodysMedia(t *testing.T) {
	program := webtest.Start(t, run)
	ann := enter(t, program, "Ann", "q", "h", "f")
	bob := enter(t, program, "Bob", "q", "h", "f")
	cid := enter(t, program, "Cid", "q", "h", "f")
	guests := []*guest{ann, bob, cid}
	for _, g := range guests {
		g.until("three people", func() bool { return len(g.people) == 3 })
		for _, other := range guests {
			if other != g {
				g.sees(other)
			}
		}
	}
	// One goes, another comes and takes over the m-lines.
	bob.leave()
	program.WaitFor("Bob left")
	ann.until("two people", func() bool { return len(ann.people) == 2 })
	ann.sees(cid)
	dan := enter(t, program, "Dan")
	ann.sees(dan)
	cid.sees(dan)
	dan.sees(ann)
	if n := strings.Count(ann.pc.LocalDescription().SDP, "\nm="); n != 7 { // its own three, and two for each of the others
		t.Errorf("%d m-lines, want 7: those of who left are used again", n)
	}
	ann.tell(message{Muted: &muted{Camera: true}})
	cid.until("Ann's camera is off", func() bool {
		for _, p := range cid.people {
			if p.Name == "Ann" && p.Muted.Camera {
				return true
			}
		}
		return false
	})
}

// What the page chooses comes, without a jump in the stream.
func TestLayersChangeWithoutAJump(t *testing.T) {
	program := webtest.Start(t, run)
	ann, bob := enter(t, program, "Ann", "q", "h", "f"), enter(t, program, "Bob", "q", "h", "f")
	bob.sees(ann)
	for _, layer := range []byte{2, 0, 1, 2, 1} {
		bob.tell(message{Choose: &choice{Of: ann.id, Layer: "qhf"[layer : layer+1]}})
		bob.until("the layer", func() bool { s := bob.seen[ann.id+" video"]; return s != nil && s.layer == layer })
	}
	bob.until("more packets", func() bool { return bob.seen[ann.id+" video"].packets > 50 })
	bob.mu.Lock()
	defer bob.mu.Unlock()
	if s := bob.seen[ann.id+" video"]; s.jumps > 0 {
		t.Errorf("%d jumps", s.jumps)
	}
}

// The guests send a few kilobits, and the room learns from probes that there is
// enough for the largest layer of a camera.
func TestThePathIsProbedForMoreThanIsSent(t *testing.T) {
	program := webtest.Start(t, run)
	ann, bob := enter(t, program, "Ann", "q", "h", "f"), enter(t, program, "Bob", "q", "h", "f")
	bob.sees(ann)
	bob.until("a megabit for Ann's picture", func() bool { return bob.shares[ann.id] > 1_000_000 })
}

func TestWhoCannotJoinIsTold(t *testing.T) {
	program := webtest.Start(t, run)
	for name, try := range map[string]struct {
		method, path string
		body         any
		status       int
	}{
		"no name":   {"POST", "/room", joinRequest{Name: "  "}, 400},
		"long name": {"POST", "/room", joinRequest{Name: strings.Repeat("x", 41)}, 400},
		"not SDP":   {"POST", "/room", joinRequest{Name: "x", Offer: webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: "nonsense"}}, 400},
		"not JSON":  {"POST", "/room", "x", 400},
		"unknown":   {"DELETE", "/room/none", nil, 404},
		"no method": {"GET", "/room", nil, 405},
	} {
		if status, text := do(t, try.method, program.URL+try.path, try.body); status != try.status {
			t.Errorf("%s: status %d, want %d: %s", name, status, try.status, text)
		}
	}
}
