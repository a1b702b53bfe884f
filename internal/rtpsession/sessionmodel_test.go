package rtpsession

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// model is a Sender and a Receiver with a path between them that loses, reorders and repeats, both ways.
type model struct {
	testing.TB
	random   *rand.Rand
	now      time.Time
	lossless bool

	tx        *Sender
	rx        *Receiver
	path      []flight
	streams   []*modelStream
	delivered map[string]bool
}

// flight is a datagram on its way.
type flight struct {
	at     time.Time
	packet []byte
	rtcp   bool
	toTx   bool
}

type modelStream struct {
	*SendStream
	section  uint64
	interval time.Duration
	next     time.Time
	seq      uint16
	written  int
	arrived  int // of the media's own packets, copies too
}

func newModel(t testing.TB, seed uint64) *model {
	m := &model{
		TB: t, random: rand.New(rand.NewPCG(seed, 1)), now: epoch, tx: NewSender(uint16(seed * 997)), rx: NewReceiver(1),
		delivered: make(map[string]bool),
	}
	plain := video
	layers := Section{Key: 3, MID: "3", Codecs: []Codec{video, rtx}, RIDs: []RID{"h", "l"}}
	m.rx.Configure(m.now, testIDs, []Section{
		{Key: 1, MID: "1", Codecs: []Codec{audio}}, {Key: 2, MID: "2", Codecs: []Codec{video, rtx}, SSRCs: []Source{{SSRC: 20, RTX: 21}}},
		layers, {Key: 4, MID: "4", Codecs: []Codec{plain}},
	})
	f := videoFormat()
	m.add(1, 10, 0, "", SendFormat{PayloadType: 111, ClockRate: 48000, Extensions: testIDs, Allowed: f.Allowed}, 20*time.Millisecond)
	m.add(2, 20, 21, "", f, 4*time.Millisecond)
	m.add(3, 30, 31, "h", f, 3*time.Millisecond)
	m.add(3, 32, 33, "l", f, 9*time.Millisecond)
	f.HasRTX = false
	m.add(4, 40, 0, "", f, 5*time.Millisecond)
	return m
}

func (m *model) add(section uint64, ssrc, rtx SSRC, rid RID, f SendFormat, interval time.Duration) {
	s := m.tx.Add(ssrc, rtx, MID(fmt.Sprint(section)), rid, uint16(m.random.Uint32()))
	if err := s.SetFormat(f, false); err != nil {
		m.Fatal(err)
	}
	m.streams = append(m.streams, &modelStream{SendStream: s, section: section, interval: interval, next: m.now, seq: uint16(m.random.Uint32())})
}

// send puts a datagram on the path.
func (m *model) send(packet []byte, isRTCP, toTx bool) {
	copies := 1
	if !m.lossless {
		switch n := m.random.IntN(100); {
		case n < 10:
			copies = 0
		case n < 14:
			copies = 2
		}
	}
	for range copies {
		delay := 20 * time.Millisecond
		if !m.lossless {
			delay += time.Duration(m.random.IntN(20)) * time.Millisecond
		}
		m.path = append(m.path, flight{m.now.Add(delay), bytes.Clone(packet), isRTCP, toTx})
	}
}

func (m *model) write(s *modelStream) {
	payload := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(s.SSRC)), uint32(s.written))
	h := mediaHeader(0, 0, s.seq, uint32(m.now.Sub(epoch).Milliseconds())*90)
	p, err := s.Write(m.now, make([]byte, 0, 1500), &h, payload)
	if err != nil {
		m.Fatal(err)
	}
	m.tx.ReportFrom(m.now)
	m.depart(p)
	s.seq++
	s.written++
	s.next = s.next.Add(s.interval)
}

func (m *model) depart(p OutPacket) {
	m.tx.Depart(m.now, &p)
	m.send(p.Data, false, false)
	m.tx.checkInvariants(m)
}

// arrive takes a datagram off the path.
func (m *model) arrive(f flight) {
	switch {
	case !f.rtcp:
		h, _ := ParseHeader(f.packet)
		for _, s := range m.streams {
			if s.SSRC == h.SSRC {
				s.arrived++
			}
		}
		d, ok := m.rx.HandlePacket(m.now, f.packet)
		if ok {
			m.deliver(d)
		}
		for {
			d, _, ok, done := m.rx.NextHeld()
			if done {
				break
			}
			if ok {
				m.deliver(d)
			}
		}
		for _, ok := m.rx.NextStarted(); ok; _, ok = m.rx.NextStarted() {
		}
		m.rx.checkInvariants(m)
	default:
		packets, err := ParseCompound(f.packet)
		if err != nil {
			m.Fatal(err)
		}
		if f.toTx {
			m.tx.HandleRTCP(m.now, packets)
		} else {
			m.rx.HandleRTCP(m.now, packets)
		}
		m.tx.checkInvariants(m)
	}
}

func (m *model) deliver(d Delivery) {
	payload := d.Header.Payload(d.Packet)
	ssrc := SSRC(binary.BigEndian.Uint32(payload))
	i := slices.IndexFunc(m.streams, func(s *modelStream) bool { return s.SSRC == ssrc })
	if i < 0 || d.Stream.SSRC != ssrc || d.Stream.Section != m.streams[i].section || d.Stream.RID != m.streams[i].RID {
		m.Fatalf("a packet of %d came with %+v", ssrc, d.Stream)
	}
	if m.delivered[string(payload)] {
		m.Fatalf("packet %x came twice", payload)
	}
	m.delivered[string(payload)] = true
}

// step is one millisecond.
func (m *model) step(writes bool) {
	m.now = m.now.Add(time.Millisecond)
	due := m.path[:0:0]
	m.path = slices.DeleteFunc(m.path, func(f flight) bool {
		if f.at.After(m.now) {
			return false
		}
		due = append(due, f)
		return true
	})
	for _, f := range due {
		m.arrive(f)
	}
	for _, s := range m.streams {
		if writes && !s.next.After(m.now) {
			m.write(s)
		}
	}
	if at := m.rx.Deadline(); !at.IsZero() && !at.After(m.now) {
		m.rx.Advance(m.now)
		for packet := m.rx.NextFeedback(m.now, nil); len(packet) > 0; packet = m.rx.NextFeedback(m.now, nil) {
			m.send(packet, true, true)
		}
		if at := m.rx.Deadline(); !at.IsZero() && !at.After(m.now) {
			m.Fatalf("what was due at %v is still due", at.Sub(epoch))
		}
	}
	for p, ok := m.tx.NextResend(m.now, make([]byte, 0, 1500)); ok; p, ok = m.tx.NextResend(m.now, make([]byte, 0, 1500)) {
		m.depart(p)
	}
	if at := m.tx.Deadline(); !at.IsZero() && !at.After(m.now) {
		m.report()
	}
	if rtt := m.tx.RTT(); rtt > 0 {
		m.rx.SetRTT(rtt)
	}
	if m.tx.CanPad() && m.random.IntN(50) == 0 {
		if p, ok := m.tx.Padding(m.now, make([]byte, 0, 1500), 100+m.random.IntN(400)); ok {
			m.depart(p)
		}
	}
}

func (m *model) report() {
	in := m.rx.Received(m.now)
	// The two halves are of the two ends here: the sender's reports go one way, the receiver's another.
	m.tx.Report(m.now, 1, Received{Streams: true, Video: true})
	for packet := m.tx.NextReport(m.now, nil); len(packet) > 0; packet = m.tx.NextReport(m.now, nil) {
		m.send(packet, true, false)
	}
	if len(in.Blocks) > 0 {
		m.send(AppendDescription(AppendReceiverReport(nil, 1, in.Blocks), 1, "c"), true, true)
	}
}

func (m *model) run(d time.Duration, lossless, writes bool) {
	m.lossless = lossless
	for range d / time.Millisecond {
		m.step(writes)
	}
}

// Each packet is delivered once and to its layer, lost ones too unless they were asked for in vain, and both ends agree on
// what was lost (RFC 3550 appendix A.3, RFC 4585 section 6.2.1, RFC 4588, RFC 8852).
func TestALossyPathDeliversEachPacketOnce(t *testing.T) {
	for seed := range uint64(6) {
		m := newModel(t, seed)
		m.run(50*time.Millisecond, true, true)
		m.run(5*time.Second, false, true)
		m.run(100*time.Millisecond, true, true)
		m.run(4*time.Second, true, false)
		for _, s := range m.streams {
			in := m.rx.Stream(s.SSRC)
			if in == nil {
				t.Fatalf("seed %d: stream %d did not come", seed, s.SSRC)
			}
			missing, given := 0, 0
			for i := range s.written {
				if !m.delivered[string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(s.SSRC)), uint32(i)))] {
					missing++
				}
			}
			lost := in.Reception.Stats().PacketsLost
			if in.nack != nil {
				given = int(in.nack.Stats().GivenUp)
				if in.nack.Missing() != 0 || missing > given || missing > s.written/100 {
					t.Errorf("seed %d, stream %d: %d of %d not delivered, %d given up, %d missing", seed, s.SSRC, missing, s.written, given, in.nack.Missing())
				}
			} else if missing == 0 || int64(missing) < lost {
				t.Errorf("seed %d, stream %d: %d not delivered, %d lost", seed, s.SSRC, missing, lost)
			}
			// Without RTX what is sent again comes as the packet itself. Then sent less arrived is what was lost.
			sent := s.written
			if s.RTX == 0 && in.nack != nil {
				continue
			}
			if lost != int64(sent-s.arrived) || s.Remote().PacketsLost != lost {
				t.Errorf("seed %d, stream %d: sent %d, arrived %d, lost %d, reported as %d", seed, s.SSRC, sent, s.arrived, lost, s.Remote().PacketsLost)
			}
		}
		if rtt := m.tx.RTT(); rtt < 39*time.Millisecond || rtt > 90*time.Millisecond {
			t.Errorf("seed %d: RTT %v", seed, rtt)
		}
	}
}
