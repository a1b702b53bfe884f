package rtpsession

import (
	"encoding/binary"
	"fmt"

	"github.com/pion/rtp"
)

// The most that a header has room for here. RFC 8285 has no limit but the
// packet; these keep the writer's work on the stack.
const (
	maxOwnElements = 16
	maxElements    = 32
)

// ExtensionError says which element of a header extension cannot be sent.
type ExtensionError struct {
	ID     uint8
	Reason string
}

func (e *ExtensionError) Error() string {
	return fmt.Sprintf("rtpsession: header extension %d %s", e.ID, e.Reason)
}

// ExtensionWriter writes RTP headers: the application's, with elements of our
// own in their header extension (RFC 8285), such as MID, abs-send-time or the
// transport-wide sequence number. Our own replace the application's of the same
// id. The zero value adds nothing. It allocates only errors.
//
// The one-byte form is chosen where all elements fit in it, which nearly all
// peers understand; otherwise the two-byte form, if AllowTwoByte.
type ExtensionWriter struct {
	// AllowTwoByte permits the two-byte form, which a peer has to have agreed
	// to mix with the other (extmap-allow-mixed, RFC 8285 section 6).
	AllowTwoByte bool

	own     [maxOwnElements]Element
	count   int
	dropped [256 / 64]uint64
	sizes   []ElementSize // of the application's elements
	offsets [maxOwnElements]uint16
}

// Reset forgets all own and dropped elements.
func (w *ExtensionWriter) Reset() {
	*w = ExtensionWriter{AllowTwoByte: w.AllowTwoByte}
}

// Set adds or replaces an own element, for all headers from now on. The data is
// kept, not copied. It is an error where id or data fit in neither form, or
// there are more than 16.
func (w *ExtensionWriter) Set(id uint8, data []byte) error {
	switch {
	case id == 0:
		return &ExtensionError{id, "is padding"}
	case len(data) > 255:
		return &ExtensionError{id, "has more than 255 octets"}
	}
	for i := range w.own[:w.count] {
		if w.own[i].ID == id {
			w.own[i].Data = data
			return nil
		}
	}
	if w.count == maxOwnElements {
		return &ExtensionError{id, "is one too many"}
	}
	w.own[w.count] = Element{ID: id, Data: data}
	w.count++
	return nil
}

// Remove takes an own element back. Removing one that is not there is no error.
func (w *ExtensionWriter) Remove(id uint8) {
	for i := range w.own[:w.count] {
		if w.own[i].ID == id {
			copy(w.own[i:], w.own[i+1:w.count])
			w.count--
			w.own[w.count] = Element{}
			return
		}
	}
}

// Drop leaves the application's element id out of all headers from now on, as
// for an id that this connection gave to nothing.
func (w *ExtensionWriter) Drop(id uint8) { w.dropped[id/64] |= 1 << (id % 64) }

// Expect leaves the application's element out of headers where it has another size than one of these.
func (w *ExtensionWriter) Expect(size ElementSize) { w.sizes = append(w.sizes, size) }

func (w *ExtensionWriter) drops(id uint8, size int) bool {
	for _, s := range w.sizes {
		if s.ID == id && size != int(s.A) && size != int(s.B) {
			return true
		}
	}
	if w.dropped[id/64]&(1<<(id%64)) != 0 {
		return true
	}
	for i := range w.own[:w.count] {
		if w.own[i].ID == id {
			return true
		}
	}
	return false
}

// Offset is where the data of the own element id begins in the header that was
// written last, counted from the header's first octet, for values that are only
// known when the packet leaves. It is -1 for an element that is not there.
func (w *ExtensionWriter) Offset(id uint8) int {
	for i := range w.own[:w.count] {
		if w.own[i].ID == id && w.offsets[i] != 0 {
			return int(w.offsets[i])
		}
	}
	return -1
}

// AppendHeader appends the application's header with our elements to dst. Version
// and the fields that say what is there are written as what is written demands:
// the padding bit follows PaddingSize. A header extension of another profile
// than those of RFC 8285 is kept where we add nothing, and left out where we do.
func (w *ExtensionWriter) AppendHeader(dst []byte, h *rtp.Header) ([]byte, error) {
	if len(h.CSRC) > 15 {
		return dst, HeaderError("more than 15 contributing sources")
	}
	var elements [maxElements]Element
	n := 0
	raw := false
	if h.Extension {
		if h.ExtensionProfile == profileOneByte || h.ExtensionProfile&profileTwoByteMask == profileTwoByte {
			var err error
			if n, err = w.collect(&elements, h); err != nil {
				return dst, err
			}
		} else {
			raw = w.count == 0
		}
	}
	begin := len(dst)
	dst = appendFixedHeader(dst, h)
	if raw {
		return appendRawExtension(dst, begin, h)
	}
	return w.appendElements(dst, begin, elements[:n])
}

// AppendPacket appends a whole packet: the header, the payload, and as many
// octets of padding as the header says.
func (w *ExtensionWriter) AppendPacket(dst []byte, h *rtp.Header, payload []byte) ([]byte, error) {
	out, err := w.AppendHeader(dst, h)
	if err != nil {
		return dst, err
	}
	out = append(out, payload...)
	if h.PaddingSize > 0 {
		for range h.PaddingSize - 1 {
			out = append(out, 0)
		}
		out = append(out, h.PaddingSize)
	}
	return out, nil
}

// collect takes the application's elements, except those that are ours. The list
// in rtp.Header shows ids only by copying them, so the ids are tried, from 1 on.
func (w *ExtensionWriter) collect(elements *[maxElements]Element, h *rtp.Header) (n int, err error) {
	left := len(h.Extensions)
	for id := 1; id < 256 && left > 0; id++ {
		data := h.GetExtension(uint8(id))
		if data == nil {
			continue
		}
		left--
		if w.drops(uint8(id), len(data)) {
			continue
		}
		if n == maxElements {
			return 0, &ExtensionError{uint8(id), "is one too many"}
		}
		elements[n] = Element{ID: uint8(id), Data: data}
		n++
	}
	return n, nil
}

func appendFixedHeader(dst []byte, h *rtp.Header) []byte {
	first := byte(rtpVersion<<6 | len(h.CSRC))
	if h.PaddingSize > 0 {
		first |= 0x20
	}
	second := h.PayloadType & 0x7F
	if h.Marker {
		second |= 0x80
	}
	dst = append(dst, first, second)
	dst = binary.BigEndian.AppendUint16(dst, h.SequenceNumber)
	dst = binary.BigEndian.AppendUint32(dst, h.Timestamp)
	dst = binary.BigEndian.AppendUint32(dst, h.SSRC)
	for _, c := range h.CSRC {
		dst = binary.BigEndian.AppendUint32(dst, c)
	}
	return dst
}

func appendRawExtension(dst []byte, begin int, h *rtp.Header) ([]byte, error) {
	var data []byte
	if len(h.Extensions) > 0 {
		data = h.GetExtension(0)
	}
	if len(data)%4 != 0 || len(data) > 65535*4 {
		return dst[:begin], HeaderError("header extension is not a number of 32-bit words")
	}
	dst[begin] |= 0x10
	dst = binary.BigEndian.AppendUint16(dst, h.ExtensionProfile)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(data)/4))
	return append(dst, data...), nil
}

// appendElements appends the header extension to the fixed header at begin and
// sets the header's X bit. Nothing to write means no header extension.
func (w *ExtensionWriter) appendElements(dst []byte, begin int, theirs []Element) ([]byte, error) {
	clear(w.offsets[:])
	own := w.own[:w.count]
	if len(theirs)+len(own) == 0 {
		return dst, nil
	}
	twoByte := false
	for _, list := range [...][]Element{theirs, own} {
		for _, e := range list {
			if len(e.Data) > 255 {
				return dst[:begin], &ExtensionError{e.ID, "has more than 255 octets"}
			}
			if e.ID > 14 || len(e.Data) == 0 || len(e.Data) > 16 { // RFC 8285 section 4.2
				if !w.AllowTwoByte {
					return dst[:begin], &ExtensionError{e.ID, "needs the two-byte form, which was not negotiated"}
				}
				twoByte = true
			}
		}
	}
	dst[begin] |= 0x10
	heading := len(dst)
	profile := uint16(profileOneByte)
	if twoByte {
		profile = profileTwoByte
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(profile)<<16)
	for _, e := range theirs {
		dst = appendElement(dst, e, twoByte)
	}
	for i, e := range own {
		dst = appendElement(dst, e, twoByte)
		w.offsets[i] = uint16(len(dst) - len(e.Data) - begin)
	}
	for (len(dst)-heading)%4 != 0 {
		dst = append(dst, 0)
	}
	binary.BigEndian.PutUint16(dst[heading+2:], uint16((len(dst)-heading)/4-1))
	return dst, nil
}

func appendElement(dst []byte, e Element, twoByte bool) []byte {
	if twoByte {
		dst = append(dst, e.ID, byte(len(e.Data)))
	} else {
		dst = append(dst, e.ID<<4|byte(len(e.Data)-1))
	}
	return append(dst, e.Data...)
}
