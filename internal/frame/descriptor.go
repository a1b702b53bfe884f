package frame

// descriptor is read byte by byte. Behind its end it gives zeros and remembers
// it.
type descriptor struct {
	rest []byte
	cut  bool
}

func (p *descriptor) byte() byte {
	if len(p.rest) == 0 {
		p.cut = true
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}
