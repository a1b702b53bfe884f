package jsep

const (
	defaultMaxMessageSize = 65536 // RFC 8841 section 6.1
	defaultSCTPPort       = 5000
)

// limits bound what a remote description may cost. They are checked before the parser
// of pion/sdp sees the text, which spends some 250 bytes a line.
type limits struct {
	bytes, lines, lineBytes, mLines, attributes int
	candidates                                  int
}

func limitsOf(cfg Config) limits {
	l := limits{
		bytes:      1 << 20,
		lines:      16384,
		lineBytes:  16 << 10,
		mLines:     256,
		attributes: 2048,
		candidates: 256,
	}
	for _, o := range []struct {
		to   *int
		from int
	}{
		{&l.bytes, cfg.MaxSDPBytes},
		{&l.lines, cfg.MaxSDPLines},
		{&l.lineBytes, cfg.MaxSDPLineBytes},
		{&l.mLines, cfg.MaxMLines},
		{&l.attributes, cfg.MaxAttributes},
		{&l.candidates, cfg.MaxCandidates},
	} {
		if o.from > 0 {
			*o.to = o.from
		}
	}
	return l
}
