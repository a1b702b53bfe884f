package webrtc

// StatsReport holds the Stats of a connection's objects by their ID. An object
// has the same ID in every report, and no other object ever has it.
//
// See https://www.w3.org/TR/webrtc/#rtcstatsreport-object
type StatsReport map[string]Stats

// lookUp returns the entry of an ID if it is of the wanted kind.
func lookUp[T Stats](r StatsReport, id string) (T, bool) {
	stats, ok := r[id].(T)
	return stats, ok
}

// GetConnectionStats returns the entry of the connection itself.
func (r StatsReport) GetConnectionStats(conn *PeerConnection) (PeerConnectionStats, bool) {
	return lookUp[PeerConnectionStats](r, conn.ID())
}

// GetDataChannelStats returns the entry of a data channel.
func (r StatsReport) GetDataChannelStats(dc *DataChannel) (DataChannelStats, bool) {
	return lookUp[DataChannelStats](r, dc.statsID)
}

// GetCertificateStats returns the entry of a certificate.
func (r StatsReport) GetCertificateStats(c *Certificate) (CertificateStats, bool) {
	if c == nil || c.x509Cert == nil {
		return CertificateStats{}, false
	}
	return lookUp[CertificateStats](r, certificateStatsID(c.x509Cert.Raw))
}

// GetCodecStats returns the entry of a codec that a stream uses. Where several
// transports have the same, it is that of one of them.
func (r StatsReport) GetCodecStats(c *RTPCodecParameters) (CodecStats, bool) {
	if c == nil {
		return CodecStats{}, false
	}
	for _, stats := range r {
		if s, ok := stats.(CodecStats); ok && s.describes(*c) {
			return s, true
		}
	}
	return CodecStats{}, false
}

// GetICECandidateStats returns the entry of a candidate of either end. If both
// ends have an equal one, it is the local one's.
func (r StatsReport) GetICECandidateStats(c *ICECandidate) (ICECandidateStats, bool) {
	if c == nil {
		return ICECandidateStats{}, false
	}
	var found ICECandidateStats
	ok := false
	for _, stats := range r {
		s, is := stats.(ICECandidateStats)
		if is && s.describes(c) && (!ok || s.Type == StatsTypeLocalCandidate) {
			found, ok = s, true
		}
	}
	return found, ok
}

// GetICECandidatePairStats returns the entry of a pair, as
// ICETransport.GetSelectedCandidatePair returns it.
func (r StatsReport) GetICECandidatePairStats(c *ICECandidatePair) (ICECandidatePairStats, bool) {
	if c == nil || c.Local == nil || c.Remote == nil {
		return ICECandidatePairStats{}, false
	}
	for _, stats := range r {
		pair, ok := stats.(ICECandidatePairStats)
		if !ok {
			continue
		}
		local, okLocal := lookUp[ICECandidateStats](r, pair.LocalCandidateID)
		remote, okRemote := lookUp[ICECandidateStats](r, pair.RemoteCandidateID)
		if okLocal && okRemote && local.describes(c.Local) && remote.describes(c.Remote) {
			return pair, true
		}
	}
	return ICECandidatePairStats{}, false
}

// reachable adds to result what the entries of ids refer to, directly or not,
// and the entries themselves.
func (r StatsReport) reachable(result StatsReport, ids ...string) {
	for _, id := range ids {
		stats, ok := r[id]
		if _, done := result[id]; done || !ok {
			continue
		}
		result[id] = stats
		r.reachable(result, stats.references()...)
	}
}
