package webrtc

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// natted is a connection behind a NAT that knows a STUN server, and one that has
// a public address.
func natted(t *testing.T, f func(t *testing.T, inside, outside *PeerConnection)) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		n.SetDefaultLink(simnet.Link{Delay: 5 * time.Millisecond})
		n.STUNServer("stun", "198.51.100.1:3478")
		nat := n.NAT("nat", "203.0.113.5", simnet.PortRestricted)
		config := Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:198.51.100.1"}}}}
		inside := connectionOn(t, nat.Host("in", "10.0.0.2"), SettingEngine{}, config)
		defer inside.Close()
		outside := connectionOn(t, n.Host("out", "192.0.2.7"), SettingEngine{}, Configuration{})
		defer outside.Close()
		f(t, inside, outside)
	})
}

func TestStatsOfCandidates(t *testing.T) {
	natted(t, func(t *testing.T, inside, outside *PeerConnection) {
		d, err := inside.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		negotiate(t, inside, outside)
		wait(t, "open", ready, time.Minute)
		time.Sleep(5 * time.Second)
		report := inside.GetStats()
		checkReport(t, report)
		var got []string
		for _, c := range entries[ICECandidateStats](report) {
			got = append(got, string(c.Type)+" "+c.CandidateType.String()+" "+c.IP)
			m := members(t, c)
			if c.CandidateType == ICECandidateTypeSrflx {
				if m["url"] != "stun:198.51.100.1" || m["relatedAddress"] != "10.0.0.2" || m["relatedPort"] == nil || m["relatedPort"] == 0.0 {
					t.Errorf("%v", m)
				}
			} else if m["url"] != nil || m["relatedAddress"] != nil || m["relatedPort"] != nil {
				t.Errorf("%v", m)
			}
			if m["protocol"] != "udp" || m["foundation"] == nil || m["usernameFragment"] == nil || m["priority"] == 0.0 || m["tcpType"] != nil {
				t.Errorf("%v", m)
			}
		}
		slices.Sort(got)
		want := []string{"local-candidate host 10.0.0.2", "local-candidate srflx 203.0.113.5", "remote-candidate host 192.0.2.7"}
		if !slices.Equal(got, want) {
			t.Errorf("candidates %q, want %q", got, want)
		}
		// RFC 8445 section 7.2.5.3.1: the pair's local candidate is the one that the
		// peer sees.
		pair := one[ICECandidatePairStats](t, report)
		if local := report[pair.LocalCandidateID].(ICECandidateStats); local.CandidateType != ICECandidateTypeSrflx {
			t.Errorf("the pair's local candidate is %+v", local)
		}
		transport := inside.SCTP().Transport().ICETransport()
		selected, _ := transport.GetSelectedCandidatePair()
		if found, ok := report.GetICECandidatePairStats(selected); !ok || found != pair {
			t.Errorf("the selected pair is %+v, want %+v", found, pair)
		}
		for _, c := range append(transport.GetLocalCandidates(), transport.GetRemoteCandidates()...) {
			if s, ok := report.GetICECandidateStats(&c); !ok || s.IP != c.Address || s.Port != int32(c.Port) {
				t.Errorf("%v: %+v", c, s)
			}
		}
		if _, ok := report.GetICECandidateStats(&ICECandidate{Address: "192.0.2.99"}); ok {
			t.Error("found a candidate that is not there")
		}
	})
}

// webrtc-stats, RTCIceCandidateStats.address: "By default, the user agent MUST
// leave the address member as null in the RTCIceCandidateStats dictionary of any
// remote candidate. Once a RTCPeerConnection instance learns on an address by
// the web application using addIceCandidate(), the user agent can expose [it]".
func TestStatsHideAddressesThatWereNotSignalled(t *testing.T) {
	natted(t, func(t *testing.T, inside, outside *PeerConnection) {
		d, err := outside.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		toInside := newTrickle(t, outside, inside)
		must(t, outside.SetLocalDescription(SessionDescription{}))
		must(t, inside.SetRemoteDescription(*outside.LocalDescription()))
		toInside.open()
		must(t, inside.SetLocalDescription(SessionDescription{}))
		must(t, outside.SetRemoteDescription(*inside.LocalDescription())) // without candidates, and none follow
		wait(t, "open", ready, time.Minute)
		synctest.Wait()

		remote := func(pc *PeerConnection) (found ICECandidateStats, report StatsReport) {
			report = pc.GetStats()
			checkReport(t, report)
			for _, c := range entries[ICECandidateStats](report) {
				if c.Type == StatsTypeRemoteCandidate {
					found = c
				}
			}
			return found, report
		}
		learnt, report := remote(outside)
		if m := members(t, learnt); learnt.CandidateType != ICECandidateTypePrflx || m["address"] != nil || m["port"] == 0.0 {
			t.Errorf("the learnt candidate: %v", m)
		}
		if _, present := members(t, learnt)["address"]; !present {
			t.Error("address is absent, not null")
		}
		selected, _ := outside.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
		if _, ok := report.GetICECandidatePairStats(selected); !ok {
			t.Error("the selected pair is not found by its candidates")
		}
		if signalled, _ := remote(inside); signalled.CandidateType != ICECandidateTypeHost || signalled.IP != "192.0.2.7" {
			t.Errorf("the signalled candidate: %+v", signalled)
		}

		// The candidate is signalled late: the same object, and it may be seen.
		for _, c := range inside.SCTP().Transport().ICETransport().GetLocalCandidates() {
			mid := "0"
			init := c.ToJSON()
			init.SDPMid = &mid
			must(t, outside.AddICECandidate(init))
		}
		known := entries[ICECandidateStats](outside.GetStats())
		i := slices.IndexFunc(known, func(c ICECandidateStats) bool { return c.ID == learnt.ID })
		if i < 0 || known[i].IP != "203.0.113.5" || known[i].CandidateType != ICECandidateTypeSrflx {
			t.Errorf("after signalling: %+v", known)
		}
	})
}

func TestStatsOfPairsInTheirStates(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		r.net.Host("silent", "192.0.2.66")
		negotiate(t, r.a, r.b)
		foundation := func(f, address, priority string) ICECandidateInit {
			mid := "0"
			return ICECandidateInit{Candidate: "candidate:" + f + " 1 udp " + priority + " " + address + " typ host", SDPMid: &mid}
		}
		must(t, r.a.AddICECandidate(foundation("8", "192.0.2.66 9", "2130706433")))
		must(t, r.a.AddICECandidate(foundation("8", "192.0.2.66 10", "2130706432")))
		states := func() map[StatsICECandidatePairState]int {
			synctest.Wait()
			report := r.a.GetStats()
			checkReport(t, report)
			states := make(map[StatsICECandidatePairState]int)
			for _, p := range entries[ICECandidatePairStats](report) {
				states[p.State]++
				if p.State != StatsICECandidatePairStateSucceeded && (p.CurrentRoundTripTime != nil || p.LastPacketSentTimestamp != 0 || p.Nominated) {
					t.Errorf("%+v", p)
				}
			}
			return states
		}
		if got := states(); got[StatsICECandidatePairStateFrozen] == 0 || got[StatsICECandidatePairStateInProgress]+got[StatsICECandidatePairStateWaiting] == 0 {
			t.Errorf("at first: %v", got)
		}
		wait(t, "open", ready, time.Minute)
		time.Sleep(time.Minute)
		if got := states(); got[StatsICECandidatePairStateSucceeded] != 1 {
			t.Errorf("at last: %v", got)
		}
	}, withLink(simnet.Link{Delay: 300 * time.Millisecond}))
}

// webrtc-stats: "The candidate pair that is the current pair for a transport is
// deleted after an ICE restart when the RTCIceTransport switches": what follows
// counts for the new pair, from zero.
func TestTrafficCountsAreOfAGeneration(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		transport := r.a.dtls.ice
		remote := netip.MustParseAddrPort("192.0.2.2:5000")
		must(t, r.a.loop.Do(func(now time.Time) {
			transport.prepare(now, ICERoleControlling)
			transport.validatedPath(1, remote)
			old := transport.pathTraffic(1, remote)
			transport.gatherer.inbound.Load().count(1, remote, 10, now)
			transport.gatherer.inbound.Load().count(2, remote, 5, now) // another socket: no pair of ours
			transport.path.Store(&icePath{remote: remote, traffic: old})

			transport.agent.Restart(now, ice.NewCredentials(nil))
			transport.validatedPath(1, remote)
			if transport.pathTraffic(1, remote) != old {
				t.Error("the pair that carries data lost its count")
			}
			renewed := transport.countPath(1, remote, transport.agent.Generation())
			transport.gatherer.inbound.Load().count(1, remote, 7, now)
			if old.received.bytes.Load() != 10 || renewed.received.bytes.Load() != 7 || transport.traffic.received.bytes.Load() != 22 {
				t.Errorf("old %d, new %d, in all %d", old.received.bytes.Load(), renewed.received.bytes.Load(), transport.traffic.received.bytes.Load())
			}
			transport.path.Store(&icePath{remote: remote, traffic: renewed})
			for port := range uint16(2 * maxPaths) {
				transport.validatedPath(1, netip.AddrPortFrom(remote.Addr(), 6000+port))
			}
			if len(transport.traffic.paths) != maxPaths || transport.pathTraffic(1, remote) != renewed {
				t.Errorf("%d paths, that of the data among them: %v", len(transport.traffic.paths), transport.pathTraffic(1, remote) == renewed)
			}
			transport.path.Store(nil)
		}))
	})
}

// webrtc-stats: "A candidate pair that is not the current pair for a transport is
// deleted when the RTCIceTransport does an ICE restart"; "the current pair [...]
// when the RTCIceTransport switches to using a candidate pair generated from the
// new candidates". A candidate goes with its pairs.
func TestStatsOfAnICERestart(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		wireA, wireB := tapWire(r)
		atA, _ := r.openPair("x", nil)
		quiet(wireA, wireB)
		old := one[ICECandidatePairStats](t, r.a.GetStats())
		carried := wireA.get().packets
		r.a.RestartICE()
		negotiate(t, r.a, r.b)
		time.Sleep(20 * time.Millisecond) // the answer is there, no new pair yet
		during := r.a.GetStats()
		checkReport(t, during)
		if pair, ok := during[old.ID].(ICECandidatePairStats); !ok || pair.PacketsSent != carried ||
			one[TransportStats](t, during).SelectedCandidatePairID != old.ID {
			t.Errorf("during the restart: %+v", during)
		}
		time.Sleep(time.Second)
		must(t, atA.SendText("over the new pair"))
		quiet(wireA, wireB)
		report := r.a.GetStats()
		checkReport(t, report)
		renewed := one[ICECandidatePairStats](t, report)
		transport := one[TransportStats](t, report)
		if renewed.ID == old.ID || renewed.ID != transport.SelectedCandidatePairID || transport.SelectedCandidatePairChanges != 2 {
			t.Errorf("after the restart: %+v", transport)
		}
		if renewed.PacketsSent == 0 || renewed.PacketsSent+carried != wireA.get().packets || transport.PacketsSent != wireA.get().packets {
			t.Errorf("%d packets on the new pair, %d on the old, %d in all", renewed.PacketsSent, carried, wireA.get().packets)
		}
		parameters, _ := r.a.SCTP().Transport().ICETransport().GetLocalParameters()
		if transport.ICELocalUsernameFragment != parameters.UsernameFragment || report[renewed.LocalCandidateID].(ICECandidateStats).UsernameFragment != parameters.UsernameFragment {
			t.Errorf("username fragments: %+v, want %s", transport, parameters.UsernameFragment)
		}
		if report[old.LocalCandidateID] != nil || report[old.RemoteCandidateID] != nil || len(entries[ICECandidateStats](report)) != 2 {
			t.Error("candidates of the generation before are there")
		}
	}, withLink(simnet.Link{Delay: 50 * time.Millisecond}))
}
