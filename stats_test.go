package webrtc

import (
	"encoding/base64"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/mux"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// wire counts what a host sends, by a tap on the network.
type wire struct {
	mu sync.Mutex
	wireCounts
}

func (w *wire) get() wireCounts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wireCounts
}

type wireCounts struct {
	requests, responses uint64 // STUN
	packets, bytes      uint64 // DTLS
	last                time.Time
}

// tapWire counts what a and b send each other.
func tapWire(r *rig) (a, b *wire) {
	a, b = new(wire), new(wire)
	r.net.Tap(func(p simnet.Packet) simnet.Verdict {
		w := a
		if p.Src.Addr() == r.hostB.Addr() {
			w = b
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case mux.Classify(p.Data) != mux.STUN:
			w.packets++
			w.bytes += uint64(len(p.Data))
			w.last = p.Time
		case p.Data[0] == 0:
			w.requests++
		default:
			w.responses++
		}
		return simnet.Pass
	})
	return a, b
}

// quiet waits until nothing has been sent for 200 ms.
func quiet(a, b *wire) {
	for {
		before := [2]wireCounts{a.get(), b.get()}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if before == [2]wireCounts{a.get(), b.get()} {
			return
		}
	}
}

// entries returns the entries of one Go type.
func entries[T Stats](r StatsReport) []T {
	var all []T
	for _, s := range r {
		if s, ok := s.(T); ok {
			all = append(all, s)
		}
	}
	return all
}

func one[T Stats](t testing.TB, r StatsReport) T {
	t.Helper()
	all := entries[T](r)
	if len(all) != 1 {
		t.Fatalf("%d entries of type %T, want 1", len(all), *new(T))
	}
	return all[0]
}

// checkReport checks what holds for every report: keys, timestamps, and
// references that resolve.
func checkReport(t testing.TB, r StatsReport) {
	t.Helper()
	for id, s := range r {
		v := reflect.ValueOf(s)
		if id != s.entryID() || id != v.FieldByName("ID").String() || id == "" {
			t.Errorf("%T under %q has the ID %q", s, id, v.FieldByName("ID"))
		}
		_, received := s.(RemoteInboundRTPStreamStats)
		_, sent := s.(RemoteOutboundRTPStreamStats)
		at := v.FieldByName("Timestamp").Interface().(StatsTimestamp)
		if now := newStatsTimestamp(time.Now()); at != now && (!received && !sent || at > now) {
			t.Errorf("%T: timestamp %v, want %v", s, at, now)
		}
		for i := range v.NumField() {
			name, field := v.Type().Field(i).Name, v.Field(i)
			if !strings.HasSuffix(name, "ID") || name == "ID" || field.IsZero() {
				continue
			}
			if r[field.String()] == nil || !slices.Contains(s.references(), field.String()) {
				t.Errorf("%T.%s = %q does not resolve", s, name, field)
			}
		}
	}
}

func TestStatsOfAScriptedRunAreExact(t *testing.T) {
	const delay = 25 * time.Millisecond
	inBubble(t, func(t *testing.T, r *rig) {
		wireA, wireB := tapWire(r)
		protocol := "p"
		atA, atB := r.openPair("chat", &DataChannelInit{Protocol: &protocol})
		must(t, atA.Send(make([]byte, 100_000)))
		must(t, atA.Send(nil))
		must(t, atA.SendText("héllo"))
		must(t, atB.SendText("hi"))
		time.Sleep(20 * time.Second)
		quiet(wireA, wireB)

		for _, end := range []struct {
			pc                            *PeerConnection
			channel                       *DataChannel
			out, in                       wireCounts
			sent, received, bytes, others int
			counts                        PeerConnectionStats
			role                          ICERole
			dtls                          string
		}{
			{r.a, atA, wireA.get(), wireB.get(), 3, 1, 100_006, 2, PeerConnectionStats{DataChannelsOpened: 1, DataChannelsRequested: 1}, ICERoleControlling, "server"},
			{r.b, atB, wireB.get(), wireA.get(), 1, 3, 2, 100_006, PeerConnectionStats{DataChannelsOpened: 1, DataChannelsAccepted: 1}, ICERoleControlled, "client"},
		} {
			report := end.pc.GetStats()
			checkReport(t, report)
			now := newStatsTimestamp(time.Now())

			want := end.counts
			want.Timestamp, want.Type, want.ID = now, StatsTypePeerConnection, end.pc.ID()
			if got, ok := report.GetConnectionStats(end.pc); !ok || got != want {
				t.Errorf("connection: %+v, want %+v", got, want)
			}
			channel, ok := report.GetDataChannelStats(end.channel)
			wantChannel := DataChannelStats{
				Timestamp: now, Type: StatsTypeDataChannel, ID: channel.ID,
				Label: "chat", Protocol: "p", DataChannelIdentifier: channel.DataChannelIdentifier,
				TransportID: channel.TransportID, State: DataChannelStateOpen,
				MessagesSent: uint32(end.sent), BytesSent: uint64(end.bytes),
				MessagesReceived: uint32(end.received), BytesReceived: uint64(end.others),
			}
			if !ok || channel != wantChannel || *channel.DataChannelIdentifier != *end.channel.ID() {
				t.Errorf("channel: %+v, want %+v", channel, wantChannel)
			}

			transport := one[TransportStats](t, report)
			ice := end.pc.SCTP().Transport().ICETransport()
			parameters, _ := ice.GetLocalParameters()
			wantTransport := TransportStats{
				Timestamp: now, Type: StatsTypeTransport, ID: transport.ID,
				PacketsSent: end.out.packets, BytesSent: end.out.bytes,
				PacketsReceived: end.in.packets, BytesReceived: end.in.bytes,
				ICERole: end.role, ICELocalUsernameFragment: parameters.UsernameFragment,
				DTLSState: DTLSTransportStateConnected, ICEState: ice.State(),
				SelectedCandidatePairID: transport.SelectedCandidatePairID, SelectedCandidatePairChanges: 1,
				LocalCertificateID: transport.LocalCertificateID, RemoteCertificateID: transport.RemoteCertificateID,
				TLSVersion: "FEFD", DTLSCipher: transport.DTLSCipher, DTLSRole: end.dtls,
				SRTPCipher: "SRTP_AEAD_AES_256_GCM",
			}
			if transport != wantTransport || !strings.HasPrefix(transport.DTLSCipher, "TLS_ECDHE_ECDSA_WITH_") {
				t.Errorf("transport: %+v, want %+v", transport, wantTransport)
			}

			pair := one[ICECandidatePairStats](t, report)
			if pair.State != StatsICECandidatePairStateSucceeded || !pair.Nominated || pair.ID != transport.SelectedCandidatePairID {
				t.Errorf("pair: %+v", pair)
			}
			if pair.PacketsSent != end.out.packets || pair.BytesSent != end.out.bytes ||
				pair.PacketsReceived != end.in.packets || pair.BytesReceived != end.in.bytes ||
				pair.PacketsDiscardedOnSend != 0 || pair.BytesDiscardedOnSend != 0 {
				t.Errorf("pair has carried %+v, the wire %+v out, %+v in", pair, end.out, end.in)
			}
			if pair.LastPacketSentTimestamp != newStatsTimestamp(end.out.last) ||
				pair.LastPacketReceivedTimestamp != newStatsTimestamp(end.in.last.Add(delay)) {
				t.Errorf("last packets at %v, %v; want %v, %v", pair.LastPacketSentTimestamp.Time(),
					pair.LastPacketReceivedTimestamp.Time(), end.out.last, end.in.last.Add(delay))
			}
			if pair.RequestsSent+pair.ConsentRequestsSent != end.out.requests || pair.RetransmissionsSent != 0 ||
				pair.RequestsReceived != end.in.requests || pair.ResponsesSent != end.out.responses ||
				pair.ResponsesReceived != end.in.responses || pair.ConsentRequestsSent < 8 {
				t.Errorf("pair: %+v; the wire %+v out, %+v in", pair, end.out, end.in)
			}
			roundTrip := 2 * delay.Seconds()
			total := time.Duration(pair.ResponsesReceived) * 2 * delay
			if *pair.CurrentRoundTripTime != roundTrip || pair.TotalRoundTripTime != total.Seconds() {
				t.Errorf("round trips %v, %v in all; want %v, %v", *pair.CurrentRoundTripTime, pair.TotalRoundTripTime, roundTrip, total)
			}
			association := one[SCTPTransportStats](t, report)
			if association.TransportID != transport.ID || association.SmoothedRoundTripTime < roundTrip ||
				association.CongestionWindow == 0 || *association.ReceiverWindow == 0 || association.MTU/4 != sctpMTU/4 { // packets are multiples of four bytes
				t.Errorf("association: %+v", association)
			}
		}
		a, b := one[SCTPTransportStats](t, r.a.GetStats()), one[SCTPTransportStats](t, r.b.GetStats())
		if a.BytesSent != b.BytesReceived || b.BytesSent != a.BytesReceived || a.BytesSent < 100_000 {
			t.Errorf("SCTP bytes sent %d, %d; received %d, %d", a.BytesSent, b.BytesSent, a.BytesReceived, b.BytesReceived)
		}
	}, withLink(simnet.Link{Delay: delay}))
}

func TestStatsOfAPairWithoutDelayHaveARoundTripOfZero(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		synctest.Wait()
		pair := one[ICECandidatePairStats](t, r.a.GetStats())
		if pair.CurrentRoundTripTime == nil || *pair.CurrentRoundTripTime != 0 {
			t.Errorf("round trip %v, want a measured 0", pair.CurrentRoundTripTime)
		}
		if text := members(t, pair)["currentRoundTripTime"]; text != 0.0 {
			t.Errorf("in JSON %v", text)
		}
	})
}

// webrtc-stats: "Two stats objects will have the same id if they were produced by
// inspecting the same underlying object"; an id is never used again.
func TestStatsIDsAreStableAndNeverUsedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		synctest.Wait()
		first := r.a.GetStats()
		time.Sleep(10 * time.Second)
		second := r.a.GetStats()
		if !maps.EqualFunc(first, second, func(a, b Stats) bool { return reflect.TypeOf(a) == reflect.TypeOf(b) }) {
			t.Errorf("first %v, then %v", slices.Collect(maps.Keys(first)), slices.Collect(maps.Keys(second)))
		}
		closed := make(chan struct{})
		atB.OnClose(func() { close(closed) })
		must(t, atA.Close())
		wait(t, "close", closed, time.Minute)
		synctest.Wait()
		again, err := r.a.CreateDataChannel("again", nil)
		must(t, err)
		wait(t, "open", opened(again), time.Minute)
		report := r.a.GetStats()
		old, _ := report.GetDataChannelStats(atA)
		renewed, _ := report.GetDataChannelStats(again)
		if *old.DataChannelIdentifier != *renewed.DataChannelIdentifier || old.ID == renewed.ID {
			t.Errorf("%+v, %+v: want the same stream and different IDs", old, renewed)
		}
		if old.State != DataChannelStateClosed || renewed.State != DataChannelStateOpen {
			t.Errorf("states %v, %v", old.State, renewed.State)
		}
		counts := one[PeerConnectionStats](t, report)
		if counts.DataChannelsOpened != 2 || counts.DataChannelsClosed != 1 || counts.DataChannelsRequested != 2 {
			t.Errorf("%+v", counts)
		}
		other := r.b.GetStats()
		for id := range report {
			if s, ok := other[id]; ok && reflect.TypeOf(s) != reflect.TypeOf(CertificateStats{}) {
				t.Errorf("%q is an entry of both connections", id)
			}
		}
	})
}

// webrtc-pc section 8: "even past the associated peer connection being closed".
func TestStatsAfterCloseAreTheLastValues(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		wireA, wireB := tapWire(r)
		atA, _ := r.openPair("x", nil)
		must(t, atA.SendText("last"))
		quiet(wireA, wireB)
		before := r.a.GetStats()
		must(t, r.a.Close())
		after := r.a.GetStats()
		checkReport(t, after)
		if !slices.Equal(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after))) {
			t.Fatalf("before %v, after %v", slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
		}
		channel, _ := after.GetDataChannelStats(atA)
		if channel.MessagesSent != 1 || channel.BytesSent != 4 || channel.State != DataChannelStateClosed {
			t.Errorf("%+v", channel)
		}
		if pair, old := one[ICECandidatePairStats](t, after), one[ICECandidatePairStats](t, before); pair.RequestsSent != old.RequestsSent ||
			pair.TotalRoundTripTime != old.TotalRoundTripTime || pair.PacketsSent != wireA.get().packets {
			t.Errorf("pair %+v, before %+v", pair, old)
		}
		transport := one[TransportStats](t, after)
		if transport.ICEState != ICETransportStateClosed || transport.DTLSState != DTLSTransportStateClosed ||
			transport.PacketsSent != wireA.get().packets || transport.DTLSCipher == "" || transport.SelectedCandidatePairChanges != 1 {
			t.Errorf("%+v", transport)
		}
		if n := one[PeerConnectionStats](t, after); n.DataChannelsClosed != 1 {
			t.Errorf("%+v", n)
		}
		time.Sleep(time.Second)
		if again := one[TransportStats](t, r.a.GetStats()); again.PacketsSent != transport.PacketsSent || again.Timestamp != transport.Timestamp+1000 {
			t.Errorf("%+v", again)
		}
	})
}

// webrtc-stats: "When the state of the RTCPeerConnection visibly changes as a
// result of [...] an event firing, subsequent new getStats() calls must return
// up-to-date dictionaries for the affected objects."
func TestStatsAreUpToDateInEveryCallback(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		seen := make(map[string]bool)
		check := func(what string) StatsReport {
			mu.Lock()
			seen[what] = true
			mu.Unlock()
			report := r.b.GetStats()
			checkReport(t, report)
			return report
		}
		r.b.OnSignalingStateChange(func(SignalingState) { check("signaling") })
		r.b.OnICEGatheringStateChange(func(ICEGatheringState) { check("gathering") })
		r.b.OnConnectionStateChange(func(s PeerConnectionState) { check("connection " + s.String()) })
		r.b.OnICEConnectionStateChange(func(s ICEConnectionState) {
			if got := one[TransportStats](t, check("ICE "+s.String())).ICEState; got < ICETransportStateChecking {
				t.Errorf("ICE is %v, the transport's entry says %v", s, got)
			}
		})
		closed := make(chan struct{})
		r.b.OnDataChannel(func(d *DataChannel) {
			if s, ok := check("channel").GetDataChannelStats(d); !ok || s.State < DataChannelStateOpen {
				t.Errorf("in OnDataChannel: %+v", s)
			}
			d.OnOpen(func() { check("open") })
			received := uint32(0)
			d.OnMessage(func(m DataChannelMessage) {
				received++
				if s, _ := check("message").GetDataChannelStats(d); s.MessagesReceived != received {
					t.Errorf("in OnMessage: %d received, want %d", s.MessagesReceived, received)
				}
			})
			d.OnClose(func() {
				s, _ := check("close").GetDataChannelStats(d)
				if s.State != DataChannelStateClosed || s.MessagesReceived != 3 || s.BytesReceived != 6 {
					t.Errorf("in OnClose: %+v", s)
				}
				must(t, r.b.Close())
				check("closed")
				close(closed)
			})
		})
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		negotiate(t, r.a, r.b)
		wait(t, "open", ready, time.Minute)
		for _, text := range []string{"a", "bb", "ccc"} {
			must(t, d.SendText(text))
		}
		must(t, d.Close())
		wait(t, "close", closed, time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		for _, what := range []string{"signaling", "gathering", "connection connected", "ICE checking", "channel", "open", "message", "close", "closed"} {
			if !seen[what] {
				t.Errorf("never in %s", what)
			}
		}
	}, withLink(simnet.Link{Delay: 10 * time.Millisecond}))
}

func TestStatsWhileTheConnectionCloses(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 200 {
				if len(r.a.GetStats()) < 8 {
					t.Error("a report that is not whole")
				}
			}
		}()
		must(t, r.a.Close())
		wait(t, "reports", done, time.Minute)
	})
}

func TestStatsOfALostPathHaveNoSelectedPair(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		r.net.SetDefaultLink(simnet.Link{Down: true})
		time.Sleep(time.Minute)
		report := r.a.GetStats()
		checkReport(t, report)
		transport := one[TransportStats](t, report)
		if transport.SelectedCandidatePairID != "" || transport.SelectedCandidatePairChanges != 2 || transport.ICEState != ICETransportStateFailed {
			t.Errorf("%+v", transport)
		}
		if _, ok := members(t, transport)["selectedCandidatePairId"]; ok {
			t.Error("the JSON has a selected pair")
		}
		if pair := one[ICECandidatePairStats](t, report); pair.State != StatsICECandidatePairStateFailed {
			t.Errorf("the pair is %v", pair.State)
		}
	})
}

func TestStatsOfClosedChannelsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for range 3 * maxClosedChannels {
			d, err := r.a.CreateDataChannel("x", nil)
			must(t, err)
			must(t, d.Close())
		}
		last, err := r.a.CreateDataChannel("last", nil)
		must(t, err)
		must(t, last.Close())
		report := r.a.GetStats()
		if n := len(entries[DataChannelStats](report)); n != maxClosedChannels {
			t.Errorf("%d channels, want %d", n, maxClosedChannels)
		}
		if s, ok := report.GetDataChannelStats(last); !ok || s.State != DataChannelStateClosed || s.DataChannelIdentifier != nil {
			t.Errorf("the last one: %+v", s)
		}
		if n := one[PeerConnectionStats](t, report); n.DataChannelsOpened != 0 || n.DataChannelsClosed != 0 {
			t.Errorf("%+v", n)
		}
	})
}

func TestStatsCountMessagesOfDetachedChannels(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		must(t, atA.Send([]byte("abc")))
		must(t, atA.Send(nil))
		synctest.Wait()
		if s, _ := r.b.GetStats().GetDataChannelStats(atB); s.MessagesReceived != 2 || s.BytesReceived != 3 {
			t.Errorf("%+v", s)
		}
	}, withEngines(func(_, b *SettingEngine) { b.DetachDataChannels() }))
}

func TestStatsOfCertificates(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		synctest.Wait()
		report := r.a.GetStats()
		transport := one[TransportStats](t, report)
		dtls := r.a.SCTP().Transport()
		parameters, err := dtls.GetLocalParameters()
		must(t, err)
		certificate := r.a.GetConfiguration().Certificates[0]
		local, ok := report.GetCertificateStats(&certificate)
		// RFC 4572 section 5: "UHEX = DIGIT / %x41-46 ; A-F uppercase"
		if !ok || local.ID != transport.LocalCertificateID || local.FingerprintAlgorithm != "sha-256" ||
			local.Fingerprint != strings.ToUpper(parameters.Fingerprints[0].Value) {
			t.Errorf("local certificate %+v, fingerprint %v", local, parameters.Fingerprints)
		}
		remote := report[transport.RemoteCertificateID].(CertificateStats)
		der, err := base64.StdEncoding.DecodeString(remote.Base64Certificate)
		must(t, err)
		if !slices.Equal(der, dtls.GetRemoteCertificate()) || remote.IssuerCertificateID != "" {
			t.Errorf("remote certificate %+v", remote)
		}
		if n := len(entries[CertificateStats](report)); n != 2 {
			t.Errorf("%d certificates", n)
		}
	})
}

// webrtc-stats, issuerCertificateId: "refers to the stats object that contains
// the next certificate in the certificate chain. If the current certificate is at
// the end of the chain [...], this will not be set."
func TestStatsOfACertificateChain(t *testing.T) {
	c := &statsCollector{report: make(StatsReport)}
	leaf := c.addCertificates([][]byte{[]byte("leaf"), []byte("issuer"), []byte("root")})
	var chain []string
	for id := leaf; id != ""; id = c.report[id].(CertificateStats).IssuerCertificateID {
		der, err := base64.StdEncoding.DecodeString(c.report[id].(CertificateStats).Base64Certificate)
		must(t, err)
		chain = append(chain, string(der))
	}
	if !slices.Equal(chain, []string{"leaf", "issuer", "root"}) {
		t.Errorf("%q", chain)
	}
	if got := c.addCertificates(nil); got != "" {
		t.Errorf("no certificate has the ID %q", got)
	}
}
