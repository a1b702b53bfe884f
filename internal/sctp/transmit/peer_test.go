package transmit

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// peer is the other end in tests: a receiver by the book, in few lines. It keeps
// every TSN apart and puts messages together when asked.
type peer struct {
	initial    chunk.TSN
	cumulative chunk.TSN
	ahead      map[chunk.TSN]bool // above cumulative
	pieces     map[chunk.TSN]piece
	duplicates []chunk.TSN
	window     uint32

	packets   int           // since the last SACK
	delayed   time.Duration // when a SACK is due; 0: none is
	at        bool          // a SACK is due at once
	forwards  []chunk.TSN
	skipped   []chunk.SkippedStream
	skippedI  []chunk.SkippedMessage
	heartbeat []byte
	largest   int
	bytes     int // of payload, each once
	noDelay   bool
}

type piece struct {
	flags   chunk.DataFlags
	stream  chunk.StreamID
	ssn     chunk.SSN
	mid     chunk.MID
	fsn     uint32
	ppid    chunk.PPID
	payload []byte
}

func newPeer(initial chunk.TSN, window uint32) *peer {
	return &peer{initial: initial, cumulative: initial - 1, ahead: map[chunk.TSN]bool{}, pieces: map[chunk.TSN]piece{}, window: window}
}

// receive takes a packet; keep: its payload is wanted.
func (p *peer) receive(now time.Duration, packet []byte, keep bool) error {
	p.largest = max(p.largest, len(packet))
	_, chunks, err := chunk.ParsePacket(packet)
	if err != nil {
		return err
	}
	data := false
	for {
		c, ok := chunks.Next()
		if !ok {
			break
		}
		switch c.Type {
		case chunk.TypeData:
			d, err := chunk.ParseData(c)
			if err != nil {
				return err
			}
			data = true
			p.take(d.TSN, piece{flags: d.Flags, stream: d.Stream, ssn: d.SSN, ppid: d.PPID, payload: d.Payload}, keep)
		case chunk.TypeIData:
			d, err := chunk.ParseIData(c)
			if err != nil {
				return err
			}
			data = true
			p.take(d.TSN, piece{flags: d.Flags, stream: d.Stream, mid: d.MID, fsn: d.FSN, ppid: d.PPID, payload: d.Payload}, keep)
		case chunk.TypeForwardTSN:
			f, err := chunk.ParseForwardTSN(c.Value)
			if err != nil {
				return err
			}
			for i := range f.NumSkipped() {
				p.skipped = append(p.skipped, f.Skipped(i))
			}
			p.forward(f.CumulativeTSN)
		case chunk.TypeIForwardTSN:
			f, err := chunk.ParseIForwardTSN(c.Value)
			if err != nil {
				return err
			}
			for i := range f.NumSkipped() {
				p.skippedI = append(p.skippedI, f.Skipped(i))
			}
			p.forward(f.CumulativeTSN)
		case chunk.TypeHeartbeat:
			p.heartbeat, _ = chunk.ParseHeartbeatInfo(c.Value)
			p.heartbeat = slices.Clone(p.heartbeat)
		}
	}
	if data {
		p.packets++
		if p.packets >= 2 || len(p.ahead) > 0 || p.noDelay {
			p.at = true
		} else if p.delayed == 0 {
			p.delayed = now + worstDelay
		}
	}
	return chunks.Err()
}

func (p *peer) take(tsn chunk.TSN, c piece, keep bool) {
	if c.flags&chunk.FlagImmediate != 0 {
		p.at = true
	}
	if !p.cumulative.Less(tsn) || p.ahead[tsn] {
		p.duplicates = append(p.duplicates, tsn)
		p.at = true
		return
	}
	p.bytes += len(c.payload)
	if keep {
		c.payload = bytes.Clone(c.payload)
		p.pieces[tsn] = c
	}
	if tsn == p.cumulative+1 {
		p.cumulative++
		p.catchUp()
		return
	}
	p.ahead[tsn] = true
}

func (p *peer) catchUp() {
	if len(p.ahead) == 0 {
		return
	}
	p.at = true
	for p.ahead[p.cumulative+1] {
		p.cumulative++
		delete(p.ahead, p.cumulative)
	}
}

func (p *peer) forward(tsn chunk.TSN) {
	p.at = true
	p.forwards = append(p.forwards, tsn)
	for p.cumulative.Less(tsn) {
		p.cumulative++
		delete(p.ahead, p.cumulative)
	}
	p.catchUp()
}

// sack makes the SACK that is due, or says that none is.
func (p *peer) sack(now time.Duration) ([]byte, bool) {
	if !p.at && (p.delayed == 0 || now < p.delayed) {
		return nil, false
	}
	p.at, p.delayed, p.packets = false, 0, 0
	value := chunk.AppendSACK(nil, p.cumulative, p.window, p.gaps(), p.duplicates)
	p.duplicates = p.duplicates[:0]
	return value[chunk.HeaderSize:], true
}

// gaps lists at most 250 blocks, the lowest first.
func (p *peer) gaps() []chunk.Gap {
	if len(p.ahead) == 0 {
		return nil
	}
	offsets := make([]int, 0, len(p.ahead))
	for tsn := range p.ahead {
		offsets = append(offsets, int(p.cumulative.Distance(tsn)))
	}
	slices.Sort(offsets)
	var gaps []chunk.Gap
	for _, o := range offsets {
		if n := len(gaps); n > 0 && int(gaps[n-1].Last)+1 == o {
			gaps[n-1].Last++
		} else if n == 250 || o > 65535 {
			break
		} else {
			gaps = append(gaps, chunk.Gap{First: uint16(o), Last: uint16(o)})
		}
	}
	return gaps
}

// got is a message that has arrived whole.
type got struct {
	stream  chunk.StreamID
	number  uint32 // SSN or MID
	ppid    chunk.PPID
	loose   bool
	payload []byte
}

// messages puts together what arrived, in the order of the first fragments' TSNs.
func (p *peer) messages(interleaved bool) ([]got, error) {
	tsns := make([]chunk.TSN, 0, len(p.pieces))
	for tsn := range p.pieces {
		tsns = append(tsns, tsn)
	}
	slices.SortFunc(tsns, func(a, b chunk.TSN) int { return int(int32(a-p.initial)) - int(int32(b-p.initial)) })
	var list []got
	for i, tsn := range tsns {
		c := p.pieces[tsn]
		if c.flags&chunk.FlagBegin == 0 {
			continue
		}
		m := got{c.stream, uint32(c.ssn), c.ppid, c.flags&chunk.FlagUnordered != 0, c.payload}
		if interleaved {
			m.number = uint32(c.mid)
		}
		whole := c.flags&chunk.FlagEnd != 0
		next := uint32(1)
		for j := i + 1; j < len(tsns) && !whole; j++ {
			d := p.pieces[tsns[j]]
			if interleaved && (d.stream != c.stream || d.mid != c.mid || (d.flags^c.flags)&chunk.FlagUnordered != 0) {
				continue
			}
			if interleaved && d.fsn != next || !interleaved && tsns[j] != tsn+chunk.TSN(next) {
				break // the rest was abandoned
			}
			switch {
			case interleaved && d.flags&chunk.FlagBegin != 0, !interleaved && (d.stream != c.stream || d.flags&chunk.FlagBegin != 0):
				return list, fmt.Errorf("TSN %d is not fragment %d of the message from TSN %d", tsns[j], next, tsn)
			}
			next++
			m.payload = append(m.payload, d.payload...)
			whole = d.flags&chunk.FlagEnd != 0
		}
		if whole {
			list = append(list, m)
		}
	}
	return list, nil
}
