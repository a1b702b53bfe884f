package webrtc

import "strconv"

// unknownText is what String returns for the zero value of most enumerations
// and for every value that has no name.
const unknownText = "unknown"

// enumText holds the W3C names of an enumeration. The index is the value; an
// empty string marks a value that has no name.
type enumText []string

// name returns the text of v.
func (e enumText) name(v int) string {
	if v < 0 || v >= len(e) || e[v] == "" {
		return unknownText
	}
	return e[v]
}

// value returns the value whose text is exactly text.
func (e enumText) value(text string) (int, bool) {
	if text == "" {
		return 0, false
	}
	for v, name := range e {
		if name == text {
			return v, true
		}
	}
	return 0, false
}

// valueOrUnknown is value for enumerations of states, which take a text of a
// later specification as unknown instead of refusing it.
func (e enumText) valueOrUnknown(text string) int {
	v, _ := e.value(text)
	return v
}

// parse is value for enumerations that a program sets. A text that is not in
// the list is a TypeError, as Web IDL section 3.2.18 (enumeration types) has
// it, whose text names what would have been accepted.
func (e enumText) parse(what, text string) (int, error) {
	v, ok := e.value(text)
	if !ok {
		return 0, errorf(KindTypeError, "", "%w %s %s, want one of %s", ErrUnknownType, what, strconv.Quote(text), e.list())
	}
	return v, nil
}

// list returns the names for an error text.
func (e enumText) list() string {
	out := ""
	for _, name := range e {
		if name == "" {
			continue
		}
		if out != "" {
			out += ", "
		}
		out += name
	}
	return out
}
