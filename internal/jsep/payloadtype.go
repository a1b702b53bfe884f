package jsep

// PayloadTypes hands out the payload types of one BUNDLE group, where a number stands for one
// codec in all m-sections (RFC 9143 section 9.1). Make one for each offer: Learn the remote
// descriptions, then the local one, then Assign m-section by m-section. The zero value is ready.
type PayloadTypes struct{}

// Learn takes over the numbers of an m-section of a description. It fails (*Error, InvalidAccess) when one
// of them already stands for a different codec, which then stays; the rest is learned.
func (p *PayloadTypes) Learn(codecs []Codec) error { return nil }

// Assign returns codecs with the numbers they have in this group; new ones keep the number they ask for
// when it is free. apt of rtx and the list of red follow. An rtx without apt becomes one for each media codec.
// It fails (*Error, OperationError) when the numbers run out.
func (p *PayloadTypes) Assign(codecs []Codec) ([]Codec, error) { return codecs, nil }
