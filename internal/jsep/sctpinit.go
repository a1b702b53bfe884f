package jsep

import (
	"encoding/base64"
	"slices"
)

// SNAP (draft-hancke-tsvwg-snap-00): where both sides describe their INIT chunks in the m-section of data, SCTP begins
// without a handshake.

const sctpInitKey = "sctp-init"

// signalledInit is a=sctp-init.
type signalledInit struct {
	text  string // "": not given
	line  int    // of the SDP
	chunk []byte // of a remote description, once it is checked
}

// signalsInit reports whether the section describes an INIT chunk.
func (m *media) signalsInit() bool { return m != nil && m.data != nil && m.init.text != "" }

// wantsSCTPInit reports whether this side's INIT chunk is to be written: into an offer always, into an answer (was is
// what it answers) where the offer has one. The draft defines it for the newer form of m-line alone.
func (w *writer) wantsSCTPInit(old bool, was *media) bool {
	if old || w.s.cfg.CheckSCTPInit == nil || w.in.SCTPInit == nil {
		return false
	}
	return w.typ == Offer || was.signalsInit()
}

// checkSCTPInit reads the INIT chunks of a remote description. "If the data is not properly base64-encoded this results
// in an error", and so does one that is not valid, and another one for an association that goes on.
func (s *Session) checkSCTPInit(d *description) *Error {
	for i := range d.media {
		m := &d.media[i]
		if !m.signalsInit() || m.rejected {
			continue
		}
		if s.cfg.CheckSCTPInit == nil {
			m.init = signalledInit{}
			continue
		}
		in := &m.init
		chunk, err := base64.StdEncoding.DecodeString(in.text)
		if err != nil || len(chunk) == 0 {
			return syntaxf(in.line, "a=sctp-init:%s is not base64", quote(in.text))
		}
		if err := s.cfg.CheckSCTPInit(chunk); err != nil {
			return m.failf("a=sctp-init: %w", err)
		}
		if was := s.signalled(d, i); was != nil && !slices.Equal(was, chunk) {
			return m.failf("a=sctp-init is another than that of the association in use")
		}
		in.chunk = chunk
	}
	return nil
}

// signalled is the remote's INIT chunk with which the association of m-section i began, nil where it began otherwise, or
// where d brings a new DTLS association and with it a new one of SCTP (RFC 8842 section 5.5).
func (s *Session) signalled(d *description, i int) []byte {
	mine, theirs := s.currentLocal.section(i), s.currentRemote.section(i)
	if !mine.signalsInit() || !theirs.signalsInit() || mine.rejected || theirs.rejected {
		return nil
	}
	if !slices.Equal(s.currentRemote.transport(i, nil).Fingerprints, d.transport(i, nil).Fingerprints) {
		return nil
	}
	return theirs.init.chunk
}
