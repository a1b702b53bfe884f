package sctp

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// The parameters of the peer's requests. Its first number is its initial TSN (RFC 6525
// section 4.1).
func outgoing(n int, last chunk.TSN, ids ...StreamID) []byte {
	return chunk.AppendOutgoingReset(nil, uint32(scriptTSN)+uint32(n), 0, last, ids)
}

func incoming(n int, ids ...StreamID) []byte {
	return chunk.AppendIncomingReset(nil, uint32(scriptTSN)+uint32(n), ids)
}

func addStreams(kind chunk.ParameterType, n int, count uint16) []byte {
	return chunk.AppendParameter(nil, kind, append(word(uint32(scriptTSN)+uint32(n)), byte(count>>8), byte(count), 0, 0))
}

// reconfig sends a RE-CONFIG and returns the results in the one that answers.
func (s *script) reconfig(parameters ...[]byte) []chunk.ReconfigResult {
	s.t.Helper()
	return results(s.t, s.chunks(chunk.AppendReconfig(nil, slices.Concat(parameters...))))
}

// results reads the Re-configuration Responses, which have to be in one chunk.
func results(t testing.TB, answers []answer) (list []chunk.ReconfigResult) {
	t.Helper()
	chunks := 0
	for _, a := range answers {
		for _, c := range a.chunks {
			n := len(list)
			parameters := chunk.ParseReconfig(c.Value)
			for p, ok := parameters.Next(); ok && c.Type == chunk.TypeReconfig; p, ok = parameters.Next() {
				if r, err := chunk.ParseReconfigResponse(p.Value); p.Type == chunk.ParameterReconfigResponse && err == nil {
					list = append(list, r.Result)
				}
			}
			if len(list) > n {
				chunks++
			}
		}
	}
	if chunks > 1 {
		t.Errorf("%d chunks with responses", chunks)
	}
	return list
}

// request returns the Outgoing SSN Reset Request among what was sent.
func request(t testing.TB, answers []answer) (r chunk.OutgoingReset, ids []StreamID) {
	t.Helper()
	for _, a := range answers {
		for _, c := range a.chunks {
			parameters := chunk.ParseReconfig(c.Value)
			for p, ok := parameters.Next(); ok && c.Type == chunk.TypeReconfig; p, ok = parameters.Next() {
				if p.Type != chunk.ParameterOutgoingReset {
					continue
				}
				r, err := chunk.ParseOutgoingReset(p.Value)
				if err != nil {
					t.Fatal(err)
				}
				for i := range r.NumStreams() {
					ids = append(ids, r.Stream(i))
				}
				return r, ids
			}
		}
	}
	t.Fatalf("no request in %q", kinds(answers))
	return r, nil
}

func response(n uint32, result chunk.ReconfigResult) []byte {
	return chunk.AppendReconfig(nil, chunk.AppendReconfigResponse(nil, n, result))
}

const (
	nothing   = chunk.ResultNothingToDo
	performed = chunk.ResultPerformed
	denied    = chunk.ResultDenied
	wrong     = chunk.ResultWrongSSN
	already   = chunk.ResultAlreadyInProgress
	sequence  = chunk.ResultBadSequence
	progress  = chunk.ResultInProgress
)

// RFC 6525 section 5.2: each request has its answer, a repeated one the same again
// (5.2.1), and the number of each counts, whatever comes of it.
func TestReconfigurationRequestsAreAnswered(t *testing.T) {
	last := scriptTSN - 1
	for _, c := range []struct {
		name  string
		steps [][]byte // one RE-CONFIG each
		want  []chunk.ReconfigResult
	}{
		{"out of sequence, behind", [][]byte{outgoing(-1, last, 1), outgoing(0, last, 1)}, []chunk.ReconfigResult{sequence, performed}},
		{"out of sequence, ahead", [][]byte{outgoing(1, last, 1), outgoing(0, last, 1)}, []chunk.ReconfigResult{sequence, performed}},
		{"outgoing, 5.2.2 E5", [][]byte{outgoing(0, last, 1), outgoing(0, last, 1), outgoing(1, last, 2)}, []chunk.ReconfigResult{performed, performed, performed}},
		{"outgoing, all streams, 5.2.2 E3", [][]byte{outgoing(0, last)}, []chunk.ReconfigResult{performed}},
		{"outgoing, a stream that cannot be", [][]byte{outgoing(0, last, 1, 65535), outgoing(0, last, 1, 65535), outgoing(1, last, 1)}, []chunk.ReconfigResult{wrong, wrong, performed}},
		{"outgoing, before its data, 5.2.2 E2", [][]byte{outgoing(0, last+1, 1), outgoing(0, last+1, 1)}, []chunk.ReconfigResult{progress, progress}},
		{"another while one is in progress", [][]byte{outgoing(0, last+1, 1), outgoing(1, last+1, 2), outgoing(2, last+1, 2)}, []chunk.ReconfigResult{progress, already, already}},
		{"outgoing, far behind all that can arrive", [][]byte{outgoing(0, last+1<<17, 1)}, []chunk.ReconfigResult{denied}},
		{"incoming, of no stream of ours, 5.2.3", [][]byte{incoming(0, 1), incoming(0, 1)}, []chunk.ReconfigResult{nothing, nothing}},
		{"incoming, a stream that the peer does not take", [][]byte{incoming(0, 200)}, []chunk.ReconfigResult{wrong}},
		{"SSN/TSN reset, 5.2.1", [][]byte{chunk.AppendParameter(nil, chunk.ParameterTSNReset, word(uint32(scriptTSN)))}, []chunk.ReconfigResult{denied}},
		{"add outgoing streams, 5.2.5", [][]byte{addStreams(chunk.ParameterAddOutgoing, 0, 28)}, []chunk.ReconfigResult{performed}},
		{"add more of them than there can be", [][]byte{addStreams(chunk.ParameterAddOutgoing, 0, 65500)}, []chunk.ReconfigResult{denied}},
		{"add incoming streams, 5.2.6", [][]byte{addStreams(chunk.ParameterAddIncoming, 0, 1), outgoing(1, last, 1)}, []chunk.ReconfigResult{denied, performed}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openScript(t, peerInit())
			for i, step := range c.steps {
				answers := s.chunks(chunk.AppendReconfig(nil, step))
				if got := results(t, answers); len(got) != 1 || got[0] != c.want[i] {
					t.Errorf("request %d: %v, want %v", i, got, c.want[i])
				}
				// 5.2.1: "a selective acknowledgment (SACK) chunk SHOULD be sent back".
				if k := kinds(answers); k != "RE-CONFIG SACK" {
					t.Errorf("request %d: answered by %q", i, k)
				}
				answer, _ := find(answers, chunk.TypeReconfig)
				parameters := chunk.ParseReconfig(answer.Value)
				p, _ := parameters.Next()
				// 5.1.7 D1, D3 and D4, and 4.4: both TSNs for SSN/TSN resets, for others neither.
				if size := len(p.Value); string(p.Value[:4]) != string(step[4:8]) || (size == 16) != (c.name == "SSN/TSN reset, 5.2.1") {
					t.Errorf("request %d: the response is % x", i, p.Value)
				}
			}
		})
	}
}

// RFC 6525 section 5.2.1: "If multiple parameters have to be returned, they MUST be put
// into one RE-CONFIG chunk", and a retransmission of both has the same answer.
func TestTwoRequestsHaveOneAnswer(t *testing.T) {
	s := openScript(t, peerInit())
	for range 3 {
		got := s.reconfig(outgoing(0, scriptTSN-1, 1), incoming(1, 1))
		if !slices.Equal(got, []chunk.ReconfigResult{performed, nothing}) {
			t.Fatalf("%v", got)
		}
	}
	resets := 0
	for _, m := range s.got {
		if m.Reset {
			resets++
		}
	}
	if resets != 1 {
		t.Errorf("%d resets were told", resets)
	}
}

// RFC 6525 section 5.2.2 E2, E4 and E5: while a reset is in progress, what came behind it
// is held; when the data before it is there, a repeated request learns of the end, and
// so does one under a new number, which resets nothing twice.
func TestAResetInProgressEnds(t *testing.T) {
	for name, n := range map[string]int{"the same number": 0, "a new number": 1} {
		t.Run(name, func(t *testing.T) {
			s := openScript(t, peerInit())
			s.chunks(peerData(0, 1, 0))
			if got := s.reconfig(outgoing(0, scriptTSN+1, 1)); !slices.Equal(got, []chunk.ReconfigResult{progress}) {
				t.Fatal(got)
			}
			s.chunks(peerData(2, 1, 0)) // of the next use of the stream
			if got := s.reconfig(outgoing(n, scriptTSN+1, 1)); !slices.Equal(got, []chunk.ReconfigResult{progress}) {
				t.Fatal(got)
			}
			s.chunks(peerData(1, 1, 1))
			if got := s.reconfig(outgoing(2*n, scriptTSN+1, 1)); !slices.Equal(got, []chunk.ReconfigResult{performed}) {
				t.Fatal(got)
			}
			s.Reset(s.now, 1)
			r, _ := request(t, s.drain())
			s.chunks(response(r.Request, performed))
			var list []string
			for _, m := range s.got {
				list = append(list, fmt.Sprint(m.Payload, m.Reset))
			}
			if want := []string{"[0] false", "[1] false", "[] true", "[2] false"}; !slices.Equal(list, want) {
				t.Errorf("%q, want %q", list, want)
			}
		})
	}
}

// RFC 6525 section 5.2.3: an Incoming SSN Reset Request is answered, and an Outgoing SSN
// Reset Request follows it with its number (5.1.2 A4), after what is queued.
func TestThePeerMayAskForOurReset(t *testing.T) {
	for _, all := range []bool{false, true} {
		s := openScript(t, peerInit())
		for id := range StreamID(3) {
			if err := s.Open(id, reliable); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Send(s.now, 1, PPIDBinary, []byte("last")); err != nil {
			t.Fatal(err)
		}
		s.want("DATA", s.drain())
		ids := []StreamID{1}
		if all {
			ids = nil
		}
		answers := s.chunks(chunk.AppendReconfig(nil, incoming(0, ids...)))
		if got := results(t, answers); !slices.Equal(got, []chunk.ReconfigResult{performed}) {
			t.Fatal(got)
		}
		closed := []StreamID{1}
		if all {
			r, ids := request(t, answers) // those with nothing on its way
			if slices.Sort(ids); !slices.Equal(ids, []StreamID{0, 2}) || r.Response != uint32(scriptTSN) {
				t.Errorf("%v are reset first, %+v", ids, r)
			}
			s.chunks(response(r.Request, performed))
			closed = []StreamID{0, 1, 2}
		}
		answers = s.chunks(s.sackAll())
		r, ids := request(t, answers)
		if !slices.Equal(ids, []StreamID{1}) || r.Response != uint32(scriptTSN) || r.LastTSN != s.out.NextTSN()-1 {
			t.Errorf("%v are reset, %+v", ids, r)
		}
		for _, id := range closed {
			if err := s.Send(s.now, id, PPIDBinary, []byte("more")); err == nil || !slices.Contains(s.events, Event(ResetRequested{id})) {
				t.Errorf("stream %d is open, events %v", id, s.events)
			}
		}
		s.chunks(response(r.Request, performed))
		s.reconfig(outgoing(1, scriptTSN-1, closed...))
		for _, id := range closed {
			if !slices.Contains(s.events, Event(StreamClosed{id})) {
				t.Errorf("stream %d is not closed, events %v", id, s.events)
			}
		}
	}
}

// RFC 6525 section 5.2.3: where our Outgoing SSN Reset Request "completely overlaps the
// received Incoming SSN Reset Request Parameter", there is "Nothing to do"; otherwise it
// is processed as any other.
func TestAskedForWhatIsUnderWay(t *testing.T) {
	s := openScript(t, peerInit())
	for id := range StreamID(2) {
		if err := s.Open(id, reliable); err != nil {
			t.Fatal(err)
		}
	}
	s.Reset(s.now, 0)
	first, _ := request(t, s.drain())
	if got := s.reconfig(incoming(0, 0)); !slices.Equal(got, []chunk.ReconfigResult{nothing}) {
		t.Error(got)
	}
	if got := s.reconfig(incoming(1, 0, 1)); !slices.Equal(got, []chunk.ReconfigResult{performed}) {
		t.Error(got)
	}
	r, ids := request(t, s.chunks(response(first.Request, performed)))
	if !slices.Equal(ids, []StreamID{1}) || r.Request != first.Request+1 || r.Response != uint32(scriptTSN)+1 {
		t.Errorf("%v are reset, %+v after %+v", ids, r, first)
	}
}

// RFC 6525 section 5.1.1: one request is in flight, and its timer is RTO, doubled at
// every expiration. Section 5.2.7 H2: "In progress" starts it again.
func TestAResetIsRepeatedUntilItIsAnswered(t *testing.T) {
	s := openScript(t, peerInit())
	for id := range StreamID(2) {
		if err := s.Open(id, reliable); err != nil {
			t.Fatal(err)
		}
	}
	begin := s.now
	s.Reset(s.now, 0)
	first, _ := request(t, s.drain())
	if first.Request != uint32(s.localTSN) || first.Response != uint32(scriptTSN)-1 || first.LastTSN != s.localTSN-1 {
		t.Errorf("%+v", first) // 4.1, 5.1.2 A3 and A4
	}
	s.Reset(s.now, 1)
	s.want("", s.drain())
	for _, at := range []time.Duration{time.Second, 3 * time.Second, 6 * time.Second, 9 * time.Second} { // RTO.Max is 3 s
		s.want("", s.wait(begin.Add(at-time.Millisecond).Sub(s.now)))
		r, ids := request(t, s.wait(time.Millisecond))
		if r.Request != first.Request || r.Response != first.Response || r.LastTSN != first.LastTSN || !slices.Equal(ids, []StreamID{0}) {
			t.Errorf("after %v: %+v of %v", at, r, ids)
		}
	}
	s.want("", s.chunks(response(first.Request+1, performed))) // not the one that is in flight: H1
	s.want("", s.chunks(response(first.Request, progress)))
	s.want("", s.wait(time.Second-time.Millisecond))
	if r, _ := request(t, s.wait(time.Millisecond)); r.Request != first.Request {
		t.Errorf("after In progress: %+v", r)
	}
	r, ids := request(t, s.chunks(response(first.Request, performed)))
	if r.Request != first.Request+1 || !slices.Equal(ids, []StreamID{1}) {
		t.Errorf("the next: %+v of %v", r, ids)
	}
}

// RFC 6525 section 5.1.1: a request that is not answered counts as any other silence.
func TestASilentPeerOfAResetIsGone(t *testing.T) {
	s := openScript(t, peerInit(), func(c *Config) { c.MaxRetransmits = 3 })
	if err := s.Open(0, reliable); err != nil {
		t.Fatal(err)
	}
	s.Reset(s.now, 0)
	s.wait(20 * time.Second)
	if s.State() != StateClosed || !slices.Contains(s.events, Event(Closed{ErrTimeout})) {
		t.Errorf("%v, %v", s.State(), s.events)
	}
}

// RFC 6525 section 5.2.7 H3 and H4: the numbers of a stream begin anew where the peer has
// performed the reset, and go on where it has not. A number that the peer does not want
// is followed by the next, for a while.
func TestResultsOfAReset(t *testing.T) {
	for _, c := range []struct {
		name    string
		results []chunk.ReconfigResult
		ssn     chunk.SSN // of the next message
	}{
		{"performed", []chunk.ReconfigResult{performed}, 0},
		{"nothing to do", []chunk.ReconfigResult{nothing}, 0},
		{"denied", []chunk.ReconfigResult{denied}, 1},
		{"wrong stream", []chunk.ReconfigResult{wrong}, 1},
		{"unknown result", []chunk.ReconfigResult{99}, 1},
		{"in progress", []chunk.ReconfigResult{progress, progress, performed}, 0},
		{"bad sequence number, once", []chunk.ReconfigResult{sequence, performed}, 0},
		{"another in progress", []chunk.ReconfigResult{already, already, performed}, 0},
		{"bad sequence number, for ever", slices.Repeat([]chunk.ReconfigResult{sequence}, maxRefused+1), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openScript(t, peerInit())
			message := func() chunk.Data {
				if err := s.Open(7, reliable); err != nil {
					t.Fatal(err)
				}
				if err := s.Send(s.now, 7, PPIDBinary, []byte{1}); err != nil {
					t.Fatal(err)
				}
				sent, _ := find(s.drain(), chunk.TypeData)
				d, err := chunk.ParseData(sent)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			message()
			s.chunks(s.sackAll())
			s.Reset(s.now, 7)
			s.reconfig(outgoing(0, scriptTSN-1, 7))
			number := uint32(s.localTSN)
			for i, result := range c.results {
				if i > 0 {
					r, _ := request(t, s.wait(rtoMax))
					if again := c.results[i-1] == progress; r.Request != number && again || r.Request != number+1 && !again {
						t.Errorf("request %d has number %d after %d", i, r.Request, number)
					}
					number = r.Request
				}
				s.chunks(response(number, result))
			}
			if !slices.Contains(s.events, Event(StreamClosed{7})) {
				t.Fatalf("the stream is not free: %v", s.events)
			}
			if d := message(); d.SSN != c.ssn || d.Stream != 7 {
				t.Errorf("the next message has number %d, want %d", d.SSN, c.ssn)
			}
		})
	}
}

// RFC 6525 section 5.1.1: without the peer's support "the sender MUST NOT send any
// re-configuration request".
func TestAPeerWithoutReconfigurationIsAskedForNone(t *testing.T) {
	i := peerInit()
	i.Extensions = []byte{byte(chunk.TypeForwardTSN)}
	s := openScript(t, i)
	if err := s.Open(1, reliable); err != nil {
		t.Fatal(err)
	}
	s.Reset(s.now, 1)
	s.want("", s.wait(10*time.Second))
}

// RFC 9260 section 3.2.1, of the parameters of RE-CONFIG: what is unknown ends the chunk
// or not, and is reported or not.
func TestUnknownParametersOfAReconfiguration(t *testing.T) {
	for _, c := range []struct {
		kind chunk.ParameterType
		want string
	}{{0x3fff, ""}, {0x7fff, "ERROR"}, {0xbfff, "RE-CONFIG SACK"}, {0xffff, "ERROR RE-CONFIG SACK"}} {
		s := openScript(t, peerInit())
		unknown := chunk.AppendParameter(nil, c.kind, []byte{1, 2, 3, 4})
		s.want(c.want, s.chunks(chunk.AppendReconfig(nil, append(unknown, outgoing(0, scriptTSN-1, 1)...))))
	}
}
