package netio

import (
	"net/netip"
	"slices"
)

// maxNames bounds the user name fragments of a path: a restart has two.
const maxNames = 4

// muxName is a user name fragment, and the address of this host where that tells
// paths apart, else the zero one.
type muxName struct {
	local    netip.Addr
	fragment string
}

// A nameTable finds the path that has a user name fragment. Of two with one the later
// has it.
type nameTable[P comparable] map[muxName]P

// add gives p one more name beside own, of which the oldest goes beyond maxNames, and
// returns what is its own then.
func (t nameTable[P]) add(p P, own []string, local netip.Addr, fragment string) []string {
	if slices.Contains(own, fragment) {
		return own
	}
	if len(own) == maxNames {
		t.drop(p, own[:1], local)
		own = slices.Delete(own, 0, 1)
	}
	t[muxName{local, fragment}] = p
	return append(own, fragment)
}

// drop takes names from p that nobody else has got meanwhile.
func (t nameTable[P]) drop(p P, names []string, local netip.Addr) {
	for _, fragment := range names {
		if key := (muxName{local, fragment}); t[key] == p {
			delete(t, key)
		}
	}
}

// having lists the paths with a name, one for each address at most.
func (t nameTable[P]) having(fragment string) (all []P) {
	for name, p := range t {
		if name.fragment == fragment {
			all = append(all, p)
		}
	}
	return all
}
