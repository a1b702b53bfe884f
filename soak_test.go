package webrtc

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/pion/rtp"
)

// soak is how many peers are in the room, for how long, and how often one leaves
// and another comes: eight for half a minute, or 20 for as long as PASSERELLE_SOAK
// says, such as 30m in CI. The time is simulated.
func soak(t *testing.T) (peers int, open, change time.Duration) {
	text := os.Getenv("PASSERELLE_SOAK")
	if text == "" {
		return 8, 30 * time.Second, 10 * time.Second
	}
	open, err := time.ParseDuration(text)
	must(t, err)
	return 20, open, time.Minute
}

// roomPace is the time between the packets of a stream.
const roomPace = 200 * time.Millisecond

// room is a forwarding server with its peers. Every peer sends audio and video,
// and gets those of all others.
type room struct {
	t      *testing.T
	net    *simnet.Net
	server *simnet.Host
	random *rand.Rand

	mu     sync.Mutex
	peers  []*roomPeer
	joined int
	wrong  []string
	// Packets that were sent in the room and that its peers got, and how many were
	// missing in between.
	sent, got, missing int
}

// roomPeer is both ends of one peer's connection.
type roomPeer struct {
	room   *room
	name   string
	client *PeerConnection
	server *PeerConnection
	leave  chan struct{}
	done   sync.WaitGroup

	negotiation sync.Mutex
	published   []*TrackLocalStaticRTP // of the server, by kind
	senders     map[*TrackLocalStaticRTP]*RTPTransceiver
}

func (r *room) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrong) < 20 {
		r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
	}
}

// join adds a peer and gives everybody the tracks of everybody.
func (r *room) join() {
	r.joined++
	host := r.net.Host(fmt.Sprintf("peer%d", r.joined), fmt.Sprintf("198.51.%d.%d", 100+r.joined/200, 1+r.joined%200))
	p := &roomPeer{
		room: r, name: fmt.Sprintf("peer-%d", r.joined), leave: make(chan struct{}),
		client:  connectionOn(r.t, host, SettingEngine{}, Configuration{}),
		server:  connectionOn(r.t, r.server, SettingEngine{}, Configuration{}),
		senders: make(map[*TrackLocalStaticRTP]*RTPTransceiver),
	}
	p.publish()
	p.client.OnTrack(func(remote *TrackRemote, _ *RTPReceiver) {
		p.done.Add(1)
		defer p.done.Done()
		p.watch(remote)
	})
	for _, other := range r.peers {
		p.subscribe(other)
	}
	connected := connectedOnce(p.client)
	p.negotiate()
	wait(r.t, p.name+" to connect", connected, time.Minute)
	for _, other := range r.peers {
		other.subscribe(p)
		other.negotiate()
	}
	r.peers = append(r.peers, p)
}

// publish sends the peer's media to the server, which forwards it.
func (p *roomPeer) publish() {
	byKind := make(map[RTPCodecType]*TrackLocalStaticRTP)
	for _, mime := range []string{MimeTypeOpus, MimeTypeVP8} {
		track, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: mime}, p.name+"-"+mime[:5], p.name)
		must(p.room.t, err)
		_, err = p.client.AddTrack(track)
		must(p.room.t, err)
		forward, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: mime}, p.name+"-"+mime[:5], p.name)
		must(p.room.t, err)
		byKind[forward.Kind()] = forward
		p.published = append(p.published, forward)
		_, err = p.server.AddTransceiverFromKind(forward.Kind(), RTPTransceiverInit{Direction: RTPTransceiverDirectionRecvonly})
		must(p.room.t, err)
		p.done.Add(1)
		go p.send(track)
	}
	p.server.OnTrack(func(remote *TrackRemote, _ *RTPReceiver) {
		p.done.Add(1)
		defer p.done.Done()
		batch := make([]rtp.Packet, 16)
		for {
			n, err := remote.ReadBatch(batch)
			if err != nil {
				return
			}
			if err := byKind[remote.Kind()].WriteBatch(batch[:n]); err != nil {
				p.room.fail("%s: forward: %v", p.name, err)
			}
		}
	})
}

// send writes numbered packets until the peer leaves.
func (p *roomPeer) send(track *TrackLocalStaticRTP) {
	defer p.done.Done()
	tick := time.NewTicker(roomPace)
	defer tick.Stop()
	for n := uint32(0); ; n++ {
		select {
		case <-p.leave:
			return
		case <-tick.C:
		}
		payload := binary.BigEndian.AppendUint32([]byte{0x10}, n)
		must(p.room.t, track.WriteRTP(&rtp.Packet{
			Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: n * 9600}, Payload: payload,
		}))
		p.room.mu.Lock()
		p.room.sent++
		p.room.mu.Unlock()
	}
}

// watch checks that what comes of another peer goes on without holes: of video,
// which is repaired, none but at the beginning; of audio no long ones.
func (p *roomPeer) watch(remote *TrackRemote) {
	seen := make(map[uint32]bool)
	first, last, got, missing := uint32(0), uint32(0), 0, 0
	for checked := uint32(0); ; {
		packet, _, err := remote.ReadRTP()
		if err != nil {
			break
		}
		n := binary.BigEndian.Uint32(packet.Payload[1:])
		if seen[n] {
			p.room.fail("%s got packet %d of %s twice", p.name, n, remote.ID())
		}
		seen[n] = true
		if got == 0 {
			first, last, checked = n, n, n
		}
		if int32(n-last) > 25 {
			p.room.fail("%s: %s jumps from %d to %d", p.name, remote.ID(), last, n)
		}
		// What is not there after two seconds does not come any more.
		for ; last > first+10 && checked < last-10; checked++ {
			if !seen[checked] {
				missing++
			}
			delete(seen, checked)
		}
		last = max(last, n)
		got++
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.room.got += got
	if remote.Kind() == RTPCodecTypeVideo {
		p.room.missing += missing
	}
}

// subscribe sends the peer what another one publishes.
func (p *roomPeer) subscribe(other *roomPeer) {
	for _, track := range other.published {
		transceiver, err := p.server.AddTransceiverFromTrack(track, RTPTransceiverInit{Direction: RTPTransceiverDirectionSendonly})
		must(p.room.t, err)
		p.senders[track] = transceiver
	}
}

// unsubscribe ends that, and leaves the m-lines to those who come.
func (p *roomPeer) unsubscribe(other *roomPeer) {
	for _, track := range other.published {
		must(p.room.t, p.senders[track].Stop())
		delete(p.senders, track)
	}
}

// negotiate runs one exchange, which the server offers.
func (p *roomPeer) negotiate() {
	p.negotiation.Lock()
	defer p.negotiation.Unlock()
	negotiate(p.room.t, p.server, p.client)
}

// leaveRoom closes both ends, and tells the others.
func (p *roomPeer) leaveRoom() {
	r := p.room
	close(p.leave)
	must(r.t, p.client.Close())
	must(r.t, p.server.Close())
	p.done.Wait()
	r.peers = slices.DeleteFunc(r.peers, func(other *roomPeer) bool { return other == p })
	for _, other := range r.peers {
		other.unsubscribe(p)
		other.negotiate()
	}
}

// A room of peers with 2 % loss, in which peers come and go: memory stays flat,
// every stream is continuous, and nothing is left behind.
func TestARoomOfPeersStaysFlatAndContinuous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &room{t: t, net: simnet.New(7), random: rand.New(rand.NewPCG(1, 2))}
		defer r.net.Close()
		r.net.SetDefaultLink(simnet.Link{Delay: 20 * time.Millisecond, Loss: 0.02})
		r.server = r.net.Host("server", "192.0.2.1")
		peers, open, change := soak(t)
		for range peers {
			r.join()
		}
		end := time.Now().Add(open)
		var heaps []uint64
		for time.Now().Before(end) {
			time.Sleep(change)
			r.peers[r.random.IntN(len(r.peers))].leaveRoom()
			r.join()
			heaps = append(heaps, liveHeap())
		}
		for len(r.peers) > 0 {
			r.peers[0].leaveRoom()
		}
		for _, wrong := range r.wrong {
			t.Error(wrong)
		}
		t.Logf("%d packets sent, %d delivered, %d of video missing, heaps %d", r.sent, r.got, r.missing, heaps)
		if r.got < r.sent*(peers-1)*8/10 {
			t.Errorf("%d packets sent to %d others, %d delivered", r.sent, peers-1, r.got)
		}
		if r.missing > r.got/1000 {
			t.Errorf("%d packets of video are missing, of %d", r.missing, r.got)
		}
		if n := len(heaps); n > 4 && heaps[n-1] > heaps[2]*13/10 {
			t.Errorf("the heap grows: %d", heaps)
		}
	})
}

// liveHeap is what is reachable.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
