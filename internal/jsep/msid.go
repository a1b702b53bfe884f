package jsep

import (
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// msid is what the a=msid lines of an m-section say (RFC 8830).
type msid struct {
	present bool
	streams []string // MediaStream ids, each once
	track   string   // the appdata of the first line that has one
}

const (
	noStream   = "-" // RFC 8830 section 2: the track is in no stream
	maxStreams = 64  // of one m-section
)

func parseMSIDs(values []string) msid {
	var m msid
	for _, v := range values {
		f := strings.Fields(v)
		if len(f) == 0 {
			continue
		}
		m.present = true
		if f[0] != noStream && !slices.Contains(m.streams, f[0]) && len(m.streams) < maxStreams {
			m.streams = append(m.streams, f[0])
		}
		if len(f) > 1 {
			setFirst(&m.track, f[1])
		}
	}
	return m
}

// values are the values of the a=msid lines that say m.
func (m msid) values() []string {
	if len(m.streams) == 0 {
		return []string{noStream + " " + m.track}
	}
	var out []string
	for _, id := range m.streams {
		out = append(out, id+" "+m.track)
	}
	return out
}

func (m msid) attributes() []sdp.Attribute {
	var out []sdp.Attribute
	for _, v := range m.values() {
		out = append(out, attributeOf("msid", v))
	}
	return out
}

// msidToken makes an application's id one that a=msid can say: a token of at most 64 characters
// (RFC 8830 section 2). Most are already.
func msidToken(id string) string {
	if len(id) > 64 {
		id = id[:64]
	}
	if isToken(id) || id == "" {
		return id
	}
	b := []byte(id)
	for i := range b {
		if !isToken(string(b[i])) {
			b[i] = '_'
		}
	}
	return string(b)
}

// msidTokens is msidToken of each, every one once.
func msidTokens(ids []string) []string {
	var out []string
	for _, id := range ids {
		if id = msidToken(id); id != "" && id != noStream && !slices.Contains(out, id) && len(out) < maxStreams {
			out = append(out, id)
		}
	}
	return out
}

// randomID names a sender that never had a track. A source that fails leaves an id that is less
// random; nothing but a name depends on it.
func randomID(r io.Reader) string {
	var b [16]byte
	_, _ = io.ReadFull(r, b[:])
	return hex.EncodeToString(b[:])
}
