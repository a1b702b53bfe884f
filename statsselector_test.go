package webrtc

import (
	"errors"
	"maps"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

// webrtc-pc section 8.2, getStats: "If no such sender or receiver exists, or if
// more than one exists [...] InvalidAccessError".
func TestStatsSelectors(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track, twice := &silentTrack{id: "t", kind: RTPCodecTypeAudio}, &silentTrack{id: "u", kind: RTPCodecTypeAudio}
		sender, err := r.a.AddTrack(track)
		must(t, err)
		for range 2 {
			transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
			must(t, err)
			must(t, transceiver.Sender().ReplaceTrack(twice))
		}
		receiver := r.a.GetReceivers()[0]
		foreign, err := r.b.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		for _, test := range []struct {
			name     string
			selector any
			want     error
		}{
			{"a sender", sender, nil},
			{"a receiver", receiver, nil},
			{"a local track", track, nil},
			{"a remote track", receiver.Track(), nil},
			{"a track of two senders", twice, ErrInvalidAccess},
			{"a sender of another connection", foreign.Sender(), ErrInvalidAccess},
			{"a receiver of another connection", foreign.Receiver(), ErrInvalidAccess},
			{"a track of another connection", foreign.Receiver().Track(), ErrInvalidAccess},
			{"a nil sender", (*RTPSender)(nil), ErrType},
			{"a text", "outbound-rtp", ErrType},
			{"a connection", r.a, ErrType},
		} {
			report, err := r.a.GetStatsFor(test.selector)
			if !errors.Is(err, test.want) || (report == nil) != (test.want != nil) || len(report) != 0 {
				t.Errorf("%s: %v, %v; want %v", test.name, report, err, test.want)
			}
			if got := r.a.GetStats(test.selector); (got == nil) != (test.want != nil) {
				t.Errorf("%s: GetStats gives %v", test.name, got)
			}
		}
		if len(r.a.GetStats(nil)) == 0 || r.a.GetStats(sender, receiver) != nil || sender.GetStats() == nil || receiver.GetStats() == nil {
			t.Error("nil is no selector, two are one too many")
		}
	})
}

// W3C's stats selection algorithm: "All stats objects referenced directly or
// indirectly by the RTCOutboundRtpStreamStats objects added."
func TestStatsSelectionFollowsReferences(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		synctest.Wait()
		owner := new(RTPSender)
		var c *statsCollector
		must(t, r.a.loop.Do(func(now time.Time) {
			c = r.a.gatherStats(now)
			c.addOwned(owner, scriptedStats{"stream", []string{r.a.dtls.ice.statsID}})
			c.addOwned(new(RTPReceiver), scriptedStats{"another", nil})
		}))
		got := make(map[string]int)
		for _, s := range c.selected(owner) {
			got[reflect.TypeOf(s).Name()]++
		}
		want := map[string]int{"scriptedStats": 1, "TransportStats": 1, "ICECandidatePairStats": 1, "ICECandidateStats": 2, "CertificateStats": 2}
		if !maps.Equal(got, want) {
			t.Errorf("selected %v, want %v", got, want)
		}
	})
}

type scriptedStats struct {
	id   string
	refs []string
}

func (scriptedStats) statsMarker()           {}
func (s scriptedStats) entryID() string      { return s.id }
func (s scriptedStats) references() []string { return s.refs }
