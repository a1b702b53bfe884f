package jsep

import (
	"slices"
	"strconv"
	"strings"
)

// PayloadTypes hands out the payload types of one BUNDLE group, where a number stands for one
// codec in all m-sections (RFC 9143 section 9.1.1). The zero value is ready, and assignment makes a copy.
//
// For an offer: Learn from the remote description, then from the local one, Inherit what stood earlier,
// then Assign m-section by m-section.
type PayloadTypes struct {
	of [128]*Codec // nil: the number is free; what is pointed to does not change
}

// rtcpRange are the payload types that with the marker bit look like RTCP when both share a port (RFC 5761
// section 4); they are neither used nor accepted.
func rtcpRange(payloadType uint8) bool { return payloadType >= 64 && payloadType <= 95 }

// dynamic are the ranges of numbers to give out, in this order: those of RFC 3551 section 3, then those that are
// neither assigned nor look like RTCP.
var dynamic = [...][2]uint8{{96, 127}, {35, 63}}

// Learn takes over the numbers of an m-section of a description. It fails (*Error, InvalidAccess) when one
// of them already stands for a different codec, which then stays; the rest is learned. That the parameters that
// a codec only declares differ from m-section to m-section is no failure: browsers write and accept that.
func (p *PayloadTypes) Learn(codecs []Codec) error {
	var fail *Error
	for _, c := range codecs {
		n := c.PayloadType & 0x7f
		switch {
		case p.of[n] == nil:
			p.set(n, c)
		case !sameUnderNumber(*p.of[n], c):
			if fail == nil {
				fail = failf(InvalidAccess, "payload type %d is %s in one m-section and %s in another of the same bundle",
					n, quote(p.of[n].Name), quote(c.Name))
			}
		case p.of[n].Kind == 0:
			known := *p.of[n]
			known.Kind = c.Kind
			p.set(n, known)
		}
	}
	if fail != nil {
		return fail
	}
	return nil
}

func (p *PayloadTypes) set(n uint8, c Codec) { p.of[n] = &c }

// Inherit takes over the numbers of earlier that are free here: a number that once stood for a codec is not
// given to another one (RFC 3264 section 8.3.2).
func (p *PayloadTypes) Inherit(earlier PayloadTypes) {
	for n := range p.of {
		if p.of[n] == nil {
			p.of[n] = earlier.of[n]
		}
	}
}

// sameUnderNumber reports whether two formats may share a payload type. Both are of one group, so what rtx and red
// name are the same numbers too.
func sameUnderNumber(a, b Codec) bool {
	if !MatchCodec(a, b) {
		return false
	}
	switch {
	case a.is("rtx"):
		x, xok := parseFmtp(a.Fmtp).payloadType("apt")
		y, yok := parseFmtp(b.Fmtp).payloadType("apt")
		return x == y && xok == yok
	case a.is("red"):
		return slices.Equal(redBlocks(a.Fmtp), redBlocks(b.Fmtp))
	}
	return true
}

// Assign returns codecs with the numbers they have in this group; new ones keep the number they ask for
// when it is free. apt of rtx and the list of red follow the numbers; where they name no codec of the list, the rtx or
// red is dropped. An rtx without apt becomes one after each media codec that has none of its own.
// It fails (*Error, OperationError) when the numbers run out.
func (p *PayloadTypes) Assign(codecs []Codec) ([]Codec, error) {
	a := &assignment{types: p, out: slices.Clone(codecs), done: make([]bool, len(codecs))}
	for _, c := range codecs {
		a.wanted[c.PayloadType&0x7f] = true
	}
	is := func(name string) func(c *Codec) bool { return func(c *Codec) bool { return c.is(name) } }
	err := a.number(func(c *Codec) bool { return !c.is("rtx") && !c.is("red") })
	if err == nil {
		a.translate(is("red"), a.renumberRed)
		err = a.number(is("red"))
	}
	if err == nil {
		a.translate(is("rtx"), a.renumberRTX)
		a.expand()
		err = a.number(is("rtx"))
	}
	if err != nil {
		return nil, err
	}
	return a.out, nil
}

// assignment is the work of one Assign.
type assignment struct {
	types *PayloadTypes
	out   []Codec
	done  []bool // whether out[i] has its number
	used  [128]bool
	// wanted are the numbers that the list came with.
	wanted [128]bool
	new    [128]uint8 // what became of them
	has    [128]bool
}

// number gives each format that which selects its number: first to those that are known as they are, then
// to those that are known with other declarations, then new ones as asked for, then whatever is free.
func (a *assignment) number(which func(*Codec) bool) *Error {
	for _, find := range []func(Codec) (uint8, bool){a.equal, a.matching, a.asked, a.free} {
		for i := range a.out {
			c := &a.out[i]
			if a.done[i] || !which(c) {
				continue
			}
			if n, ok := find(*c); ok {
				a.give(i, n)
			}
		}
	}
	for i := range a.out {
		if !a.done[i] && which(&a.out[i]) {
			return failf(OperationError, "no payload type is left for %s", quote(a.out[i].Name))
		}
	}
	return nil
}

func (a *assignment) give(i int, n uint8) {
	c := &a.out[i]
	if old := c.PayloadType & 0x7f; !a.has[old] {
		a.new[old], a.has[old] = n, true
	}
	c.PayloadType = n
	a.done[i], a.used[n] = true, true
	if a.types.of[n] == nil {
		a.types.set(n, *c)
	}
}

func (a *assignment) equal(c Codec) (uint8, bool) {
	return a.lookup(c, func(o Codec) bool { return sameUnderNumber(o, c) && equalParameters(o.Fmtp, c.Fmtp) })
}

func (a *assignment) matching(c Codec) (uint8, bool) {
	return a.lookup(c, func(o Codec) bool { return sameUnderNumber(o, c) })
}

// lookup finds a number that is known to fit, c's own before others.
func (a *assignment) lookup(c Codec, fits func(Codec) bool) (uint8, bool) {
	ok := func(n uint8) bool { return a.types.of[n] != nil && !a.used[n] && !rtcpRange(n) && fits(*a.types.of[n]) }
	if n := c.PayloadType & 0x7f; ok(n) {
		return n, true
	}
	for n := range uint8(128) {
		if ok(n) {
			return n, true
		}
	}
	return 0, false
}

// asked is the number that c brings, if it is one for it: its static number, or a dynamic one.
func (a *assignment) asked(c Codec) (uint8, bool) {
	n := c.PayloadType
	static, isStatic := staticNumber(c)
	switch {
	case isStatic && (n == static || n == 0):
		n = static
	case n < dynamic[1][0] || n > 127 || rtcpRange(n):
		return 0, false
	}
	return n, a.types.of[n] == nil && !a.used[n]
}

func (a *assignment) free(Codec) (uint8, bool) {
	// First those that nobody in the list asks for.
	for _, avoid := range []bool{true, false} {
		for _, r := range dynamic {
			for n := r[0]; n <= r[1]; n++ {
				if a.types.of[n] == nil && !a.used[n] && !(avoid && a.wanted[n]) {
					return n, true
				}
			}
		}
	}
	return 0, false
}

// translate rewrites the fmtp of the formats that which selects, and drops those for which that fails.
func (a *assignment) translate(which func(*Codec) bool, rewrite func(fmtp string) (string, bool)) {
	keep := 0
	for i, c := range a.out {
		if which(&c) {
			fmtp, ok := rewrite(c.Fmtp)
			if !ok {
				continue
			}
			c.Fmtp = fmtp
		}
		a.out[keep], a.done[keep] = c, a.done[i]
		keep++
	}
	a.out, a.done = a.out[:keep], a.done[:keep]
}

// renumberRed keeps a fmtp that is no list: video red has none.
func (a *assignment) renumberRed(fmtp string) (string, bool) {
	blocks := redBlocks(fmtp)
	if blocks == nil {
		return fmtp, true
	}
	words := make([]string, len(blocks))
	for i, pt := range blocks {
		if !a.has[pt] {
			return "", false
		}
		words[i] = strconv.Itoa(int(a.new[pt]))
	}
	return strings.Join(words, "/"), true
}

// renumberRTX keeps an rtx without apt for expand.
func (a *assignment) renumberRTX(fmtp string) (string, bool) {
	ps := parseFmtp(fmtp)
	if _, ok := ps.get("apt"); !ok {
		return fmtp, true
	}
	apt, ok := ps.payloadType("apt")
	if !ok || !a.has[apt] {
		return "", false
	}
	return setParameter(fmtp, "apt", strconv.Itoa(int(a.new[apt]))), true
}

// expand replaces the rtx without apt.
func (a *assignment) expand() {
	var general *Codec
	var protected [128]bool
	out, done := make([]Codec, 0, 2*len(a.out)), make([]bool, 0, 2*len(a.out))
	for i := range a.out {
		c := &a.out[i]
		if !c.is("rtx") {
			continue
		}
		if apt, ok := parseFmtp(c.Fmtp).payloadType("apt"); ok {
			protected[apt] = true
		} else if general == nil {
			general = c
		}
	}
	for i, c := range a.out {
		rtx := c.is("rtx")
		if _, ok := parseFmtp(c.Fmtp).get("apt"); rtx && !ok {
			continue
		}
		out, done = append(out, c), append(done, a.done[i])
		if general != nil && !c.IsResiliency() && !protected[c.PayloadType] && general.ClockRate == c.ClockRate {
			x := *general
			x.PayloadType, x.Fmtp = 0, setParameter(x.Fmtp, "apt", strconv.Itoa(int(c.PayloadType)))
			out, done = append(out, x), append(done, false)
		}
	}
	a.out, a.done = out, done
}
