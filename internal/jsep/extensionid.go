package jsep

import "slices"

// ExtensionIDs hands out the IDs of one BUNDLE group: its m-sections share an RTP session (RFC 9143 section 9.1),
// in which an ID stands for one extension (RFC 8285 section 5). The zero value is ready, and assignment makes a
// copy. Use it as PayloadTypes.
type ExtensionIDs struct {
	of [lastTwoByteID + 1]*Extension // nil: the ID is free; what is pointed to does not change
}

// Learn takes over assignments that a description made; it fails (*Error, InvalidAccess) when an ID already stands for
// another extension, which then stays. IDs that are not yet valid ones (from 4096) are not learned.
func (x *ExtensionIDs) Learn(es []Extension) error {
	var fail *Error
	for _, e := range es {
		if e.ID < 1 || e.ID > lastTwoByteID {
			continue
		}
		if x.of[e.ID] == nil {
			x.set(e)
		} else if !x.of[e.ID].is(e) && fail == nil {
			fail = failf(InvalidAccess, "extension ID %d is %s in one m-section and %s in another of the same bundle",
				e.ID, quote(x.of[e.ID].URI), quote(e.URI))
		}
	}
	if fail != nil {
		return fail
	}
	return nil
}

func (x *ExtensionIDs) set(e Extension) { x.of[e.ID] = &e }

// Inherit takes over the IDs of earlier that are free here.
func (x *ExtensionIDs) Inherit(earlier ExtensionIDs) {
	for id := range x.of {
		if x.of[id] == nil {
			x.of[id] = earlier.of[id]
		}
	}
}

// Assign returns es with the IDs they have in this group; new ones keep the ID they ask for when it is free. With
// allowMixed those that one-byte headers have no room for get an ID of two-byte headers; those that
// find none, and what comes twice, are left out.
func (x *ExtensionIDs) Assign(es []Extension, allowMixed bool) []Extension {
	var out []Extension
	for _, e := range es {
		if slices.ContainsFunc(out, e.is) {
			continue
		}
		e.ID = x.find(e, allowMixed)
		if e.ID == 0 {
			continue
		}
		if x.of[e.ID] == nil {
			x.set(e)
		}
		out = append(out, e)
	}
	return out
}

func (x *ExtensionIDs) find(e Extension, allowMixed bool) int {
	for id := range x.of {
		if x.of[id] != nil && x.of[id].is(e) && usableID(id, allowMixed) {
			return id
		}
	}
	if usableID(e.ID, allowMixed) && x.of[e.ID] == nil {
		return e.ID
	}
	return x.spare(allowMixed)
}

// spare returns an ID that nothing stands for, 0 when there is none: from the top of those of one-byte headers, as libwebrtc
// does, which leaves alone the low numbers that others ask for by habit.
func (x *ExtensionIDs) spare(allowMixed bool) int {
	for id := lastOneByteID; id >= 1; id-- {
		if x.of[id] == nil {
			return id
		}
	}
	return freeID(func(id int) bool { return x.of[id] != nil }, allowMixed)
}
