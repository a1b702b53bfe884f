package main

import (
	"fmt"
	"strconv"
	"strings"
)

// A fragment is what one end tells of its ICE session: application/trickle-ice-sdpfrag
// (RFC 8840 section 9). In a bundle one m-line is enough (RFC 9725 section 4.3.2).
type fragment struct {
	session    []string // lines before the m-line, such as a=ice-options:trickle
	media      string   // the m-line
	mid        string
	ufrag, pwd string
	candidates []string // without "a="
	end        bool     // no more candidates will come
}

// maxCandidates is the most candidates of a fragment.
const maxCandidates = 100

// parseFragment reads a fragment, or those lines of a description. Only the first
// m-line counts: in a bundle that is the one with the candidates.
func parseFragment(text string) (*fragment, error) {
	f := &fragment{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if len(line) < 2 || line[1] != '=' {
			return nil, fmt.Errorf("%.40q is no line of SDP", line)
		}
		switch {
		case line[0] == 'm' && f.media == "":
			f.media = line
		case line[0] == 'm':
			return f, nil
		case line[0] == 'a':
			if err := f.read(line); err != nil {
				return nil, err
			}
		}
	}
	if f.media == "" {
		return nil, fmt.Errorf("there is no m-line")
	}
	return f, nil
}

// read takes an attribute. Credentials may stand before the m-line.
func (f *fragment) read(line string) error {
	within := f.media != ""
	key, value, _ := strings.Cut(line[2:], ":")
	switch {
	case key == "ice-ufrag":
		f.ufrag = value
	case key == "ice-pwd":
		f.pwd = value
	case key == "mid" && within:
		f.mid = value
	case key == "candidate" && within:
		if len(f.candidates) == maxCandidates {
			return fmt.Errorf("there are more than %d candidates", maxCandidates)
		}
		f.candidates = append(f.candidates, line[2:])
	case key == "end-of-candidates":
		f.end = true
	case !within && (key == "ice-options" || key == "ice-lite" || key == "ice-pacing" || key == "group"):
		f.session = append(f.session, line)
	}
	return nil
}

// String is the fragment as it is sent.
func (f *fragment) String() string {
	lines := append([]string(nil), f.session...)
	lines = append(lines, f.media, "a=mid:"+f.mid, "a=ice-ufrag:"+f.ufrag, "a=ice-pwd:"+f.pwd)
	for _, candidate := range f.candidates {
		lines = append(lines, "a="+candidate)
	}
	if f.end {
		lines = append(lines, "a=end-of-candidates")
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// restart is the offer of an ICE restart: the description that the other end
// offered before, with the credentials and candidates of the fragment in place of
// its own. All else is as it was negotiated (RFC 9725 section 4.3.3).
func (f *fragment) restart(description string) string {
	var b strings.Builder
	mid, written := "", false
	write := func() { // the candidates go to the end of their m-line
		if mid != "" && mid == f.mid && !written {
			written = true
			for _, candidate := range f.candidates {
				b.WriteString("a=" + candidate + "\r\n")
			}
			if f.end {
				b.WriteString("a=end-of-candidates\r\n")
			}
		}
	}
	for line := range strings.Lines(description) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "o="):
			line = nextVersion(line)
		case strings.HasPrefix(line, "m="):
			write()
			mid = ""
		case strings.HasPrefix(line, "a=mid:"):
			mid = line[len("a=mid:"):]
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			line = "a=ice-ufrag:" + f.ufrag
		case strings.HasPrefix(line, "a=ice-pwd:"):
			line = "a=ice-pwd:" + f.pwd
		case strings.HasPrefix(line, "a=candidate:"), line == "a=end-of-candidates":
			continue
		}
		b.WriteString(line + "\r\n")
	}
	write()
	return b.String()
}

// nextVersion counts the version of an o-line up (RFC 8866 section 5.2).
func nextVersion(line string) string {
	fields := strings.Fields(line)
	if len(fields) > 2 {
		if version, err := strconv.ParseUint(fields[2], 10, 64); err == nil {
			fields[2] = strconv.FormatUint(version+1, 10)
		}
	}
	return strings.Join(fields, " ")
}
