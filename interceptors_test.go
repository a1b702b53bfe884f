package webrtc

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/stats"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// tap is an interceptor that notes its calls, marks attributes, and counts packets.
type tap struct {
	mu     sync.Mutex
	calls  []string
	local  *interceptor.StreamInfo
	remote *interceptor.StreamInfo
	counts map[string]int
	change func(*rtp.Header)
	fail   error
}

func (t *tap) NewInterceptor(string) (interceptor.Interceptor, error) { return t, t.fail }

func (t *tap) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, fmt.Sprintf(format, args...))
}

func (t *tap) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[what]++
}

func (t *tap) counted(what string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[what]
}

type tapMark struct{}

func (t *tap) BindRTCPReader(below interceptor.RTCPReader) interceptor.RTCPReader {
	return interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, a, err := below.Read(b, a)
		if err == nil {
			t.count("RTCP read")
			a.Set(tapMark{}, "rtcp")
		}
		return n, a, err
	})
}

func (t *tap) BindRTCPWriter(below interceptor.RTCPWriter) interceptor.RTCPWriter {
	return interceptor.RTCPWriterFunc(func(p []rtcp.Packet, a interceptor.Attributes) (int, error) {
		t.count("RTCP written")
		return below.Write(p, a)
	})
}

func (t *tap) BindLocalStream(info *interceptor.StreamInfo, below interceptor.RTPWriter) interceptor.RTPWriter {
	t.note("bind local")
	t.local = info
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		t.count("written")
		if t.change != nil {
			t.change(h)
		}
		return below.Write(h, payload, a)
	})
}

func (t *tap) UnbindLocalStream(info *interceptor.StreamInfo) { t.note("unbind local") }

func (t *tap) BindRemoteStream(info *interceptor.StreamInfo, below interceptor.RTPReader) interceptor.RTPReader {
	t.note("bind remote")
	t.remote = info
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, a, err := below.Read(b, a)
		if err == nil {
			t.count("read")
			a.Set(tapMark{}, "rtp")
		}
		return n, a, err
	})
}

func (t *tap) UnbindRemoteStream(info *interceptor.StreamInfo) { t.note("unbind remote") }

func (t *tap) Close() error {
	t.note("close")
	return nil
}

// withInterceptors gives each end a registry with these factories.
func withInterceptors(a, b interceptor.Factory) rigOption {
	options := func(f interceptor.Factory) []func(*API) {
		if f == nil {
			return nil
		}
		registry := &interceptor.Registry{}
		registry.Add(f)
		return []func(*API){WithInterceptorRegistry(registry)}
	}
	return withAPIs(options(a), options(b))
}

// pump writes packets every 20 ms until the test ends the returned function.
func pump(track *TrackLocalStaticRTP) (stop func()) {
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for seq := uint16(1); ; seq++ {
			_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 1800}, Payload: []byte{0x10, 1, 2}})
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-ended }
}

// What a program adds to the registry stands around tracks and RTCP, is told what
// was negotiated, and is bound and unbound in turn.
func TestInterceptorsStandAroundTracksAndRTCP(t *testing.T) {
	atA, atB := &tap{change: func(h *rtp.Header) { h.Timestamp += 7 }}, &tap{}
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		stop := pump(track)
		first, a, err := remote.ReadRTP()
		must(t, err)
		if first.Timestamp%1800 != 7 || a.Get(tapMark{}) != "rtp" {
			t.Errorf("timestamp %d, attributes %v", first.Timestamp, a)
		}
		if atB.remote.SSRC != uint32(remote.SSRC()) || atB.remote.MimeType != MimeTypeVP8 || atB.remote.ClockRate != 90000 ||
			atB.remote.PayloadType != uint8(remote.PayloadType()) || len(atB.remote.RTCPFeedback) == 0 || len(atB.remote.RTPHeaderExtensions) == 0 {
			t.Errorf("remote stream %+v", atB.remote)
		}
		encoding := sender.GetParameters().Encodings[0]
		if atA.local.SSRC != uint32(encoding.SSRC) || atA.local.SSRCRetransmission != uint32(encoding.RTX.SSRC) || atA.local.PayloadTypeRetransmission == 0 ||
			!slices.Contains(atA.local.RTCPFeedback, interceptor.RTCPFeedback{Type: "nack", Parameter: "pli"}) {
			t.Errorf("local stream %+v", atA.local)
		}
		must(t, r.b.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(remote.SSRC())}}))
		must(t, sender.SetReadDeadline(time.Now().Add(time.Minute)))
		for pli := false; !pli; {
			packets, a, err := sender.ReadRTCP()
			must(t, err)
			for _, p := range packets {
				_, is := p.(*rtcp.PictureLossIndication)
				pli = pli || is
			}
			if a.Get(tapMark{}) != "rtcp" {
				t.Errorf("attributes %v", a)
			}
		}
		if atA.counted("written") == 0 || atB.counted("read") == 0 || atB.counted("RTCP written") != 1 || atA.counted("RTCP read") == 0 {
			t.Errorf("counted %v and %v", atA.counts, atB.counts)
		}
		other := vp8Track(t, "other")
		must(t, sender.ReplaceTrack(other)) // the stream goes on
		stop()
		must(t, other.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2}, Payload: []byte{0x10, 9}}))
		for {
			p, _, err := remote.ReadRTP()
			must(t, err)
			if p.Payload[1] == 9 {
				break
			}
		}
	}, withInterceptors(atA, atB))
	if want := []string{"bind local", "unbind local", "close"}; !slices.Equal(atA.calls, want) {
		t.Errorf("calls %q, want %q", atA.calls, want)
	}
	if want := []string{"bind remote", "unbind remote", "close"}; !slices.Equal(atB.calls, want) {
		t.Errorf("calls %q, want %q", atB.calls, want)
	}
}

// An interceptor may do what it likes with the connection while it is bound.
func TestAnInterceptorMayCloseTheConnection(t *testing.T) {
	atA := &closer{tap: &tap{}}
	inBubble(t, func(t *testing.T, r *rig) {
		atA.pc = r.a
		_, err := r.a.AddTrack(vp8Track(t, "video"))
		must(t, err)
		newTrickle(t, r.a, r.b)
		negotiate(t, r.a, r.b)
		wait(t, "close", r.a.loop.Done(), time.Minute)
		synctest.Wait()
	}, withInterceptors(atA, nil))
}

type closer struct {
	*tap
	pc *PeerConnection
}

func (c *closer) NewInterceptor(string) (interceptor.Interceptor, error) { return c, nil }

func (c *closer) BindLocalStream(info *interceptor.StreamInfo, below interceptor.RTPWriter) interceptor.RTPWriter {
	_ = c.pc.GetTransceivers()
	_, _ = c.pc.CreateDataChannel("from an interceptor", nil)
	_ = c.pc.Close()
	return below
}

func TestAFactoryThatFailsMakesNoConnection(t *testing.T) {
	registry := &interceptor.Registry{}
	cause := errors.New("no interceptor today")
	registry.Add(&tap{fail: cause})
	if _, err := NewAPI(WithInterceptorRegistry(registry)).NewPeerConnection(Configuration{}); !errors.Is(err, cause) || !errors.Is(err, ErrOperation) {
		t.Errorf("%v", err)
	}
}

// pion's own interceptor counts what passes, from the first packet on.
func TestPionsStatsInterceptorCounts(t *testing.T) {
	getters := make(chan stats.Getter, 2)
	factory, err := stats.NewInterceptor()
	must(t, err)
	factory.OnNewPeerConnection(func(_ string, g stats.Getter) { getters <- g })
	inBubble(t, func(t *testing.T, r *rig) {
		local, remoteStats := <-getters, <-getters
		track := vp8Track(t, "video")
		_, remote := r.mediaPair(track)
		stop := pump(track)
		ssrc := uint32(remote.SSRC())
		synctest.Wait() // its recorder drops what it is told before its goroutine runs
		if remoteStats.Get(ssrc) == nil {
			t.Fatal("the interceptor does not know a track whose SSRC is known")
		}
		for range 10 {
			_, _, err := remote.ReadRTP()
			must(t, err)
		}
		stop()
		synctest.Wait()
		if n := remoteStats.Get(ssrc).InboundRTPStreamStats.PacketsReceived; n != 10 {
			t.Errorf("%d packets received", n)
		}
		if n := local.Get(ssrc).OutboundRTPStreamStats.PacketsSent; n < 10 {
			t.Errorf("%d packets sent", n)
		}
	}, withInterceptors(factory, factory))
}

// An interceptor's forward error correction has a stream of its own; it does not
// take the place of the media at the receiver.
func TestFlexFECOfAnInterceptorArrives(t *testing.T) {
	engine := &MediaEngine{}
	must(t, engine.RegisterDefaultCodecs())
	registry := &interceptor.Registry{}
	must(t, ConfigureFlexFEC03(49, engine, registry))
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		_, remote := r.mediaPair(track)
		stop := pump(track)
		defer stop()
		ssrc := remote.SSRC()
		for range 50 {
			p, _, err := remote.ReadRTP()
			must(t, err)
			if SSRC(p.SSRC) != ssrc || p.Payload[0] != 0x10 {
				t.Fatalf("got %v", p)
			}
		}
		in := &r.b.dtls.rtp.in
		in.mu.Lock()
		defer in.mu.Unlock()
		if streams := in.receiver.Streams(); len(streams) != 1 || streams[0].Counts().FEC == 0 {
			t.Errorf("%d streams, %d FEC packets", len(streams), streams[0].Counts().FEC)
		}
	}, withAPIs([]func(*API){WithMediaEngine(engine), WithInterceptorRegistry(registry)}, []func(*API){WithMediaEngine(engine)}))
}

// Retransmissions are the connection's own: an interceptor's would reuse their
// sequence numbers, with other bytes (RFC 3711 section 9.1). Other SSRCs are refused.
func TestInterceptorsCannotWriteForeignSSRCs(t *testing.T) {
	atA := &tap{}
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		_, remote := r.mediaPair(track)
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2}, Payload: []byte{0x10, 1}}))
		atA.change = func(h *rtp.Header) { h.SSRC = atA.local.SSRCRetransmission }
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 1}, Payload: []byte{0x10, 2}}))
		atA.change = func(h *rtp.Header) { h.SSRC = 1 }
		if err := track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 2}, Payload: []byte{0x10, 3}}); !errors.Is(err, ErrInvalidAccess) {
			t.Errorf("%v", err)
		}
		atA.change = nil
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 3}, Payload: []byte{0x10, 4}}))
		for _, want := range []byte{1, 4} {
			p, _, err := remote.ReadRTP()
			must(t, err)
			if p.Payload[1] != want {
				t.Errorf("payload %d, want %d", p.Payload[1], want)
			}
		}
	}, withInterceptors(atA, nil))
}

// The functions of pion's names register what is negotiated, and no interceptor that
// would do again what a connection does.
func TestConfigurationAddsNoInterceptorsOfItsOwn(t *testing.T) {
	registry, engine := &interceptor.Registry{}, &MediaEngine{}
	must(t, engine.RegisterCodec(RTPCodecParameters{RTPCodecCapability: RTPCodecCapability{MimeType: MimeTypeVP8, ClockRate: 90000}, PayloadType: 96}, RTPCodecTypeVideo))
	must(t, RegisterDefaultInterceptorsWithOptions(engine, registry, WithInterceptorLoggerFactory(nil), WithNackGeneratorOptions(), WithNackResponderOptions(),
		WithReportReceiverOptions(), WithReportSenderOptions(), WithStatsInterceptorOptions(), WithTWCCOptions()))
	must(t, RegisterDefaultInterceptors(engine, registry))
	must(t, ConfigureStatsInterceptor(registry))
	must(t, ConfigureStatsInterceptorWithOptions(registry))
	must(t, ConfigureRTCPReports(registry))
	must(t, ConfigureRTCPReportsWithOptions(registry, nil))
	all, err := registry.Build("")
	must(t, err)
	if _, none := all.(*interceptor.NoOp); !none {
		t.Errorf("the registry has interceptors: %T", all)
	}
	codec := engine.codecs(RTPCodecTypeVideo)[0]
	for _, f := range []RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}} {
		if !codec.hasFeedback(f.Type, f.Parameter) {
			t.Errorf("no feedback %v", f)
		}
	}
	if !slices.ContainsFunc(engine.audio.extensions, func(e engineExtension) bool { return e.uri == uriTransportCC }) {
		t.Error("no header extension for transport-wide feedback")
	}
	must(t, ConfigureCongestionControlFeedback(engine, registry))
	if !engine.codecs(RTPCodecTypeVideo)[0].hasFeedback("ack", "ccfb") {
		t.Error("no feedback of RFC 8888")
	}
}

// An application's interceptor ends with the track: a reader that waits for it does.
func TestAReaderBehindInterceptorsEndsWithTheTrack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, remote := r.mediaPair(vp8Track(t, "video"))
		ended := make(chan error, 1)
		go func() { _, _, err := remote.Read(make([]byte, 1500)); ended <- err }()
		must(t, remote.SetReadDeadline(time.Time{}))
		synctest.Wait()
		must(t, r.b.Close())
		if err := wait(t, "end", ended, time.Minute); !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
	}, withInterceptors(&tap{}, &tap{}))
}
