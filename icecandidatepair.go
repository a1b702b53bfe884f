package webrtc

// ICECandidatePair is a local and a remote candidate that are used together
// (webrtc-pc section 5.6.4, RTCIceCandidatePair).
type ICECandidatePair struct {
	// Local is this end's candidate.
	Local *ICECandidate
	// Remote is the other end's candidate.
	Remote *ICECandidate
}

// NewICECandidatePair returns the pair of local and remote.
func NewICECandidatePair(local, remote *ICECandidate) *ICECandidatePair {
	return &ICECandidatePair{Local: local, Remote: remote}
}

// String describes the pair for a person.
func (p *ICECandidatePair) String() string {
	if p == nil {
		return "no pair"
	}
	return "local " + candidateText(p.Local) + ", remote " + candidateText(p.Remote)
}

func candidateText(c *ICECandidate) string {
	if c == nil {
		return "none"
	}
	return c.String()
}
