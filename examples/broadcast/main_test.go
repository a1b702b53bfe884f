package main

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/webtest"
	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCommandLine(t *testing.T) { webtest.CommandLine(t, run) }

// A peer is a page in Go.
type peer struct {
	t      *testing.T
	pc     *webrtc.PeerConnection
	hangUp func()

	mu      sync.Mutex
	told    []news
	came    map[webrtc.RTPCodecType]int // packets
	last    uint16                      // number of the newest packet of video
	jumps   int                         // in those numbers
	asked   int                         // key frames of a broadcaster
	changed chan struct{}
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{t: t, pc: webtest.NewPeer(t), came: map[webrtc.RTPCodecType]int{}, changed: make(chan struct{})}
	channel, err := p.pc.CreateDataChannel("news", nil)
	if err != nil {
		t.Fatal(err)
	}
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		var n news
		if err := json.Unmarshal(m.Data, &n); err != nil {
			t.Error(err)
		}
		p.change(func() { p.told = append(p.told, n) })
	})
	return p
}

func (p *peer) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

// until waits until a condition holds.
func (p *peer) until(what string, ok func() bool) {
	p.t.Helper()
	for limit := time.After(20 * time.Second); ; {
		p.mu.Lock()
		done, changed := ok(), p.changed
		p.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-limit:
			p.t.Fatalf("%s: did not happen; told %+v, packets %v", what, p.told, p.came)
		}
	}
}

// knows waits until the last news are these.
func (p *peer) knows(want news) {
	p.t.Helper()
	p.until("the news", func() bool { return len(p.told) > 0 && p.told[len(p.told)-1] == want })
}

// sees waits for more packets of both kinds.
func (p *peer) sees() {
	p.t.Helper()
	p.mu.Lock()
	sound, pictures := p.came[webrtc.RTPCodecTypeAudio], p.came[webrtc.RTPCodecTypeVideo]
	p.mu.Unlock()
	p.until("more packets", func() bool {
		return p.came[webrtc.RTPCodecTypeAudio] > sound+3 && p.came[webrtc.RTPCodecTypeVideo] > pictures+3
	})
}

// broadcasting begins a broadcast whose numbers begin at one of its own.
func broadcasting(t *testing.T, program *webtest.Program, begin uint16) *peer {
	t.Helper()
	p := newPeer(t)
	stop, ended := make(chan struct{}), sync.WaitGroup{}
	t.Cleanup(func() { close(stop); ended.Wait() })
	for _, mimeType := range []string{webrtc.MimeTypeVP8, webrtc.MimeTypeOpus} {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mimeType}, mimeType, "camera")
		if err != nil {
			t.Fatal(err)
		}
		sender, err := p.pc.AddTrack(track)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				packets, _, err := sender.ReadRTCP()
				if err != nil {
					return
				}
				for _, packet := range packets {
					if _, ok := packet.(*rtcp.PictureLossIndication); ok {
						p.change(func() { p.asked++ })
					}
				}
			}
		}()
		ended.Go(func() {
			ticker := time.NewTicker(20 * time.Millisecond)
			defer ticker.Stop()
			for n := begin; ; n++ {
				select {
				case <-ticker.C:
				case <-stop:
					return
				}
				payload := []byte{0x90, 0xe0, byte(n>>8) | 0x80, byte(n), byte(n), 0, 0, 0x77}
				track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n, Timestamp: uint32(n) * 1800}, Payload: payload})
			}
		})
	}
	p.hangUp = program.Call(p.pc)
	return p
}

func watching(t *testing.T, program *webtest.Program) *peer {
	t.Helper()
	p := newPeer(t)
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := p.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	p.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			if len(packet.Payload) == 0 {
				continue // a probe of the network
			}
			p.change(func() {
				p.came[track.Kind()]++
				if track.Kind() == webrtc.RTPCodecTypeVideo {
					if step := int16(packet.SequenceNumber - p.last); p.came[track.Kind()] > 1 && (step > 100 || step < -100) {
						p.jumps++
					}
					p.last = packet.SequenceNumber
				}
			})
		}
	})
	p.hangUp = program.CallAt("/watch/offer", p.pc)
	return p
}

// Who watches may come before and after; each who comes makes the broadcaster send
// a key frame. All are told who is there. The next broadcaster goes on in the same
// stream, without a jump.
func TestEverybodyWatchesOne(t *testing.T) {
	program := webtest.Start(t, run)
	program.ServesPage()
	early := watching(t, program)
	early.knows(news{Watching: 1})
	first := broadcasting(t, program, 100)
	early.knows(news{Live: true, Watching: 1})
	early.sees()
	late := watching(t, program)
	for _, p := range []*peer{first, early, late} {
		p.knows(news{Live: true, Watching: 2})
	}
	late.sees()
	first.until("a request for a key frame", func() bool { return first.asked > 0 })

	second := newPeer(t)
	if _, err := second.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	if text := program.Refuses(second.pc); !strings.Contains(text, "somebody broadcasts already") {
		t.Errorf("a second broadcaster: %s", text)
	}
	late.hangUp()
	early.knows(news{Live: true, Watching: 1})
	first.hangUp()
	program.WaitFor("the broadcast is over")
	early.knows(news{Watching: 1})

	broadcasting(t, program, 40000)
	early.knows(news{Live: true, Watching: 1})
	early.sees()
	early.mu.Lock()
	if early.jumps > 0 {
		t.Errorf("%d jumps where one broadcaster followed the other", early.jumps)
	}
	early.mu.Unlock()
	if code, _ := program.Interrupt(); code != 0 {
		t.Errorf("exit code %d of an interrupted program", code)
	}
}

// A page that is closed, or whose browser has crashed, sends no DELETE.
func TestABroadcasterWhoGoesWithoutAWordIsMissed(t *testing.T) {
	program := webtest.Start(t, run)
	viewer := watching(t, program)
	b := broadcasting(t, program, 1)
	viewer.knows(news{Live: true, Watching: 1})
	b.pc.Close()
	viewer.knows(news{Watching: 1})
	program.WaitFor("the page hung up")
}
