package jsep

import (
	"slices"
	"strings"
	"testing"
)

func tags(a *Applied) string {
	var out []string
	for _, s := range a.Sections {
		if s.Rejected {
			out = append(out, "-")
		} else {
			out = append(out, s.BundleTag)
		}
	}
	return strings.Join(out, " ")
}

// RFC 9429 section 4.1.1 and section 5.2.1: which m-sections of an initial offer are bundle-only, and how many transports that makes.
func TestBundlePolicies(t *testing.T) {
	for _, c := range []struct {
		policy     BundlePolicy
		ports      string
		transports string
	}{
		{Balanced, "9 9 0 0 9", "0 1 0 0 4"},
		{MaxCompat, "9 9 9 9 9", "0 1 2 3 4"},
		{MaxBundle, "9 0 0 0 0", "0 0 0 0 0"},
	} {
		a, b := mediaPair()
		a.cfg.BundlePolicy = c.policy
		for _, kind := range []MediaKind{Audio, Video, Audio, Video} {
			a.AddTransceiver(TransceiverInit{Kind: kind})
		}
		text := must(a.CreateOffer(input()))
		got := must(a.SetLocal(Offer, ""))
		var ports []string
		for i := range got.Sections {
			sec := sectionOf(t, text, i)
			port := strings.Fields(sec)[1]
			if strings.Contains(sec, "a=bundle-only\r\n") != (port == "0") {
				t.Error(sec)
			}
			ports = append(ports, port)
		}
		if strings.Join(ports, " ") != c.ports || tags(got) != c.transports {
			t.Errorf("policy %v: ports %v, transports %v", c.policy, ports, tags(got))
		}
		if !strings.Contains(text, "a=group:BUNDLE 0 1 2 3 4\r\n") {
			t.Error(text)
		}
		answer := reply(t, b, peerInput(), Answer, text)
		if done := must(a.SetRemote(Answer, answer)); tags(done) != "0 0 0 0 0" {
			t.Errorf("policy %v: answered %v", c.policy, tags(done))
		}
		// What joins a bundle that is in force is not bundle-only and needs no transport.
		a.AddTransceiver(TransceiverInit{Kind: Audio})
		text = must(a.CreateOffer(input()))
		if again := must(a.SetLocal(Offer, "")); strings.Contains(text, "bundle-only") || tags(again) != "0 0 0 0 0 0" {
			t.Errorf("policy %v: re-offer %v\n%s", c.policy, tags(again), text)
		}
	}
}

// A peer that does not bundle rejects what is bundle-only, and has a transport for each of the others.
func TestAPeerThatDoesNotBundle(t *testing.T) {
	a, b := mediaPair()
	for range 2 {
		a.AddTransceiver(TransceiverInit{Kind: Audio})
		a.AddTransceiver(TransceiverInit{Kind: Video})
	}
	text := must(a.CreateOffer(mediaInput()))
	must(a.SetLocal(Offer, ""))
	text = strings.ReplaceAll(strings.ReplaceAll(text, "a=group:BUNDLE 0 1 2 3\r\n", ""), "a=bundle-only\r\n", "")
	answer := reply(t, b, mediaPeerInput(), Answer, text)
	done := must(a.SetRemote(Answer, answer))
	if tags(done) != "0 1 - -" || len(done.Removed) != 2 {
		t.Errorf("%v %+v", tags(done), done)
	}
	for _, s := range done.Sections[:2] {
		if s.LocalSetup != Passive || s.Remote.Ufrag == "" {
			t.Errorf("%+v", s)
		}
	}
	// RFC 9429 section 5.2.2: what the peer left out of the bundle stays out; what is new may come in.
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	text = must(a.CreateOffer(mediaInput()))
	got := must(a.SetLocal(Offer, ""))
	if !strings.Contains(text, "a=group:BUNDLE 4\r\n") || tags(got) != "0 1 4 -" {
		t.Errorf("%v\n%s", tags(got), text)
	}
}

// RFC 9429 section 5.3.1: with max-bundle an answer rejects what is not bundled with the first m-line.
func TestMaxBundleRejectsWhatIsNotBundled(t *testing.T) {
	a, b := mediaPair()
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	a.AddTransceiver(TransceiverInit{Kind: Video})
	a.AddTransceiver(TransceiverInit{Kind: Video})
	a.cfg.BundlePolicy = MaxCompat
	text := strings.Replace(offer(t, a, input()), "BUNDLE 0 1 2 3", "BUNDLE 0 2", 1)
	b.cfg.BundlePolicy = MaxBundle
	got := must(b.SetRemote(Offer, text))
	answer := must(b.CreateAnswer(peerInput()))
	done := must(b.SetLocal(Answer, ""))
	if tags(got) != "0 - 0 -" || tags(done) != "0 - 0 -" || !strings.Contains(answer, "a=group:BUNDLE 0 2\r\n") {
		t.Errorf("%v, %v\n%s", tags(got), tags(done), answer)
	}
}

// RFC 9143 section 7.3: the groups of an answer are those of the offer.
func TestTwoBundlesAreAnsweredAsTwo(t *testing.T) {
	a, b := mediaPair()
	a.cfg.BundlePolicy = MaxCompat
	for range 4 {
		a.AddTransceiver(TransceiverInit{Kind: Audio})
	}
	text := strings.Replace(offer(t, a, mediaInput()), "BUNDLE 0 1 2 3", "BUNDLE 2 0\r\na=group:BUNDLE 1 3", 1)
	answer := reply(t, b, mediaPeerInput(), Answer, text)
	if !strings.Contains(answer, "a=group:BUNDLE 2 0\r\na=group:BUNDLE 1 3\r\n") || tags(&Applied{Sections: b.Sections()}) != "2 1 2 1" {
		t.Errorf("%v\n%s", b.Sections(), answer)
	}
}

// The transport of a bundle outlives its tagged m-section, with its candidates and its DTLS role.
func TestTheTransportOutlivesItsTaggedSection(t *testing.T) {
	a, b := mediaPair()
	first := a.AddTransceiver(TransceiverInit{Kind: Audio})
	a.AddTransceiver(TransceiverInit{Kind: Video})
	in := mediaPeerInput()
	in.AnsweringRole = Passive
	must(a.SetRemote(Answer, reply(t, b, in, Answer, offer(t, a, mediaInput()))))
	a.LocalCandidate("0", hostLine)
	a.StopTransceiver(first)
	_, _, done := negotiate(t, a, b)
	if tags(done) != "- 1" || done.Sections[1].LocalSetup != Active || !slices.Equal(done.Sections[1].Local.Candidates, []string{hostLine}) {
		t.Errorf("%+v", done.Sections)
	}
	sdp, _ := a.CurrentLocal()
	if !strings.Contains(sectionOf(t, sdp.SDP, 1), hostLine) {
		t.Error(sdp.SDP)
	}
	// A new one in front of it.
	a.AddTransceiver(TransceiverInit{Kind: Audio})
	_, _, done = negotiate(t, a, b)
	if tags(done) != "2 2" || done.Sections[0].LocalSetup != Active || !slices.Equal(done.Sections[0].Local.Candidates, []string{hostLine}) {
		t.Errorf("%+v", done.Sections)
	}
}

// RFC 9143 section 7.5.1: what was gathered for an m-section before it was bundled is of a transport that is gone.
func TestABundledSectionLosesTheCandidatesOfItsOwn(t *testing.T) {
	a, b := mediaPair()
	first := a.AddTransceiver(TransceiverInit{Kind: Audio})
	a.AddTransceiver(TransceiverInit{Kind: Video})
	text := offer(t, a, mediaInput())
	const own = "candidate:7 1 udp 2130706431 192.0.2.7 7777 typ host"
	a.LocalCandidate("0", hostLine)
	a.LocalCandidate("1", own)
	a.LocalEnd("1")
	if pending, _ := a.PendingLocal(); !strings.Contains(sectionOf(t, pending.SDP, 1), own) {
		t.Error(pending.SDP)
	}
	must(a.SetRemote(Answer, reply(t, b, mediaPeerInput(), Answer, text)))
	again := must(a.CreateOffer(mediaInput()))
	if !strings.Contains(sectionOf(t, again, 0), hostLine) || strings.Contains(again, own) || !strings.Contains(sectionOf(t, again, 1), "video 9 ") {
		t.Error(again)
	}
	// As the tag it has those of the bundle's transport alone.
	a.StopTransceiver(first)
	_, _, done := negotiate(t, a, b)
	if got := done.Sections[1].Local.Candidates; !slices.Equal(got, []string{hostLine}) {
		t.Errorf("%q", got)
	}
}
