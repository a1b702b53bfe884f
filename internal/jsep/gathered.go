package jsep

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// generation names the candidates of one m-section and one ICE generation.
type generation struct{ mid, ufrag string }

// gathered holds this side's candidates. They are kept apart from the descriptions, since a
// re-offer shares the generation of the description in force.
type gathered map[generation]*candidates

type candidates struct {
	lines []string // "candidate:..."
	end   bool
}

// of returns what was gathered, nil when nothing was.
func (g gathered) of(mid, ufrag string) *candidates { return g[generation{mid, ufrag}] }

// keep drops the generations that none of the descriptions has.
func (g gathered) keep(ds ...*description) {
	for key := range g {
		if !slices.ContainsFunc(ds, func(d *description) bool {
			m := d.byMID(key.mid)
			return m != nil && m.own.Ufrag == key.ufrag
		}) {
			delete(g, key)
		}
	}
}

// attributes are the lines for the end of an m-section.
func (c *candidates) attributes() []string {
	if !c.end {
		return c.lines
	}
	return append(slices.Clip(c.lines), endOfCandidates)
}

// LocalCandidate adds a gathered candidate to the local descriptions: of its "ufrag" extension's
// generation, else of the newest description's. It is ignored when no local description
// has an m-line with that MID. A candidate comes once.
func (s *Session) LocalCandidate(mid, candidate string) {
	line := candidateLine(candidate)
	if c := s.gather(mid, extension(line, "ufrag")); c != nil && !slices.Contains(c.lines, line) {
		c.lines = append(c.lines, line)
	}
}

// LocalEnd says that gathering for the newest generation of mid has ended.
func (s *Session) LocalEnd(mid string) {
	if c := s.gather(mid, ""); c != nil {
		c.end = true
	}
}

func (s *Session) gather(mid, ufrag string) *candidates {
	for _, d := range []*description{s.pendingLocal, s.currentLocal} {
		m := d.byMID(mid)
		if m == nil || m.rejected || (ufrag != "" && m.own.Ufrag != ufrag) {
			continue
		}
		key := generation{mid, m.own.Ufrag}
		if s.gathered[key] == nil {
			s.gathered[key] = &candidates{}
		}
		return s.gathered[key]
	}
	return nil
}

// defaultRank orders candidates for the m-line and c-line (RFC 8839 section 4.2.1.2): the one that
// most likely works with a peer that does not do ICE.
var defaultRank = map[string]int{"relay": 3, "srflx": 2, "host": 1}

// defaultAddr is the default candidate, invalid while there is none that an m-line can say: UDP
// candidates of component 1 with an address.
func (c *candidates) defaultAddr() netip.AddrPort {
	var best netip.AddrPort
	rank := 0
	for _, line := range c.lines {
		f := strings.Fields(strings.TrimPrefix(line, "candidate:"))
		if len(f) < 8 || f[1] != "1" || !strings.EqualFold(f[2], "udp") {
			continue
		}
		addr, err := netip.ParseAddr(f[4])
		port, perr := strconv.ParseUint(f[5], 10, 16)
		if err != nil || perr != nil || port == 0 {
			continue
		}
		r := 2 * defaultRank[f[7]]
		if addr.Is4() {
			r++
		}
		if r > rank {
			best, rank = netip.AddrPortFrom(addr.WithZone(""), uint16(port)), r
		}
	}
	return best
}

// appendDefault appends the edits that write the default candidate into m-section i of d (RFC 9429
// section 5.2.2). Until there is one it says port 9 and 0.0.0.0 (RFC 8840 section 4.1.1).
func (c *candidates) appendDefault(edits []edit, d *document, i int) []edit {
	p := &d.parts[i]
	addr := c.defaultAddr()
	if !addr.IsValid() || p.connection == [2]int{} {
		return edits
	}
	family := "IP4"
	if addr.Addr().Is6() {
		family = "IP6"
	}
	n := p.name
	return append(edits,
		edit{p.mline[0], p.mline[1], "m=" + n.media + " " + strconv.Itoa(int(addr.Port())) + " " + n.proto + " " + strings.Join(n.formats, " ")},
		edit{p.connection[0], p.connection[1], "c=IN " + family + " " + addr.Addr().String()})
}
