package interop

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"

	"github.com/passerelle-rtc/webrtc"
)

// joinWith connects us, with settings, to a peer by a channel of each end, and has
// messages echoed.
func joinWith(t *testing.T, settings webrtc.SettingEngine, r remote, how signalling) *local {
	t.Helper()
	l := newLocalWith(t, settings, webrtc.Configuration{})
	ours := l.create("ours", channelInit{})
	if err := r.CreateChannel("theirs", channelInit{}); err != nil {
		t.Fatal(err)
	}
	l.connect(r, how)
	open(t, l, r, ours)
	roundTrip(t, l, r, ours, true)
	return l
}

// RFC 8445 section 2.5: we are the lite end, as a server at a public address is,
// and the others check, whoever offers.
func TestOthersReachOurLiteAgent(t *testing.T) {
	each(t, func(t *testing.T, newPeer func(testing.TB) remote) {
		for _, how := range []signalling{{weOffer: true}, {weOffer: false, trickle: true}} {
			t.Run(how.String(), func(t *testing.T) {
				var settings webrtc.SettingEngine
				settings.SetLite(true)
				l := joinWith(t, settings, newPeer(t), how)
				if role := l.SCTP().Transport().ICETransport().Role(); role != webrtc.ICERoleControlled {
					t.Errorf("our role is %v", role)
				}
			})
		}
	})
}

// A lite agent of pion's, which we check, whoever offers.
func TestWeReachALiteAgent(t *testing.T) {
	for _, how := range []signalling{{weOffer: true}, {weOffer: false, trickle: true}} {
		t.Run(how.String(), func(t *testing.T) {
			r := newPionPeerWith(t, func(settings *pion.SettingEngine) { settings.SetLite(true) })
			l := joinWith(t, webrtc.SettingEngine{}, r, how)
			if role := l.SCTP().Transport().ICETransport().Role(); role != webrtc.ICERoleControlling {
				t.Errorf("our role is %v", role)
			}
		})
	}
}

// draft-ietf-mmusic-mdns-ice-candidates: a page without media permission hides its
// addresses behind names, which we look up. Where we hide ours too, at least one of
// the ends has to find a name of the other's.
func TestChromiumHidesItsAddresses(t *testing.T) {
	server := httptest.NewServer(http.FileServerFS(pageFiles))
	t.Cleanup(server.Close)
	join := func(t *testing.T, mode webrtc.MulticastDNSMode) *local {
		browser, stop, err := startBrowser()
		if err != nil {
			missing(t, "Chromium: %v", err)
		}
		t.Cleanup(stop)
		tab := newTab(t, browser, server.URL+"/page/peer.html")
		var settings webrtc.SettingEngine
		settings.SetICEMulticastDNSMode(mode)
		return joinWith(t, settings, inPage(t, "Chromium", tabOf(tab), "newPeer()"), signalling{weOffer: true})
	}
	t.Run("we hide ours", func(t *testing.T) {
		l := join(t, webrtc.MulticastDNSModeQueryAndGather)
		for _, c := range l.SCTP().Transport().ICETransport().GetLocalCandidates() {
			if !strings.HasSuffix(c.Address, ".local") {
				t.Errorf("candidate %v shows an address", c)
			}
		}
	})
	t.Run("we show ours", func(t *testing.T) {
		l := join(t, webrtc.MulticastDNSModeQueryOnly)
		// Its checks may connect us before its name is found.
		for range 100 {
			for _, c := range l.SCTP().Transport().ICETransport().GetRemoteCandidates() {
				if strings.HasSuffix(c.Address, ".local") {
					return
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error("no candidate with a name was found: only the browser's checks connected us")
	})
}
