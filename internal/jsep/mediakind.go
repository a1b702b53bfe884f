package jsep

// MediaKind is the media of an RTP m-line. The zero value means that nobody said it.
type MediaKind uint8

// The kinds of media.
const (
	Audio MediaKind = iota + 1
	Video
)

// String returns the media field of the m-line ("audio", "video"), "unknown" for the zero value.
func (k MediaKind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Video:
		return "video"
	default:
		return "unknown"
	}
}

// ParseMediaKind reads the media field of an m-line (RFC 8866 section 5.14).
func ParseMediaKind(media string) (MediaKind, bool) {
	switch media {
	case "audio":
		return Audio, true
	case "video":
		return Video, true
	default:
		return 0, false
	}
}
