package oggreader

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/passerelle-rtc/webrtc/examples/samples"
	"github.com/passerelle-rtc/webrtc/pkg/media"
	"github.com/passerelle-rtc/webrtc/pkg/media/internal/oggpage"
)

func TestFileOfFFmpegIsRead(t *testing.T) {
	reader, header, err := NewWith(iotest.OneByteReader(bytes.NewReader(samples.Opus)))
	if err != nil {
		t.Fatal(err)
	}
	if want := (OggHeader{Version: 1, Channels: 2, PreSkip: 312, SampleRate: 48000}); *header != want {
		t.Errorf("header is %+v, not %+v", *header, want)
	}
	payload, page, err := reader.ParseNextPage()
	if err != nil {
		t.Fatal(err)
	}
	if kind, ok := page.HeaderType(payload); !ok || kind != HeaderOpusTags {
		t.Errorf("second page is %q", kind)
	}
	tags, err := ParseOpusTags(payload)
	if err != nil || tags.Vendor != "ffmpeg" || !slices.Equal(tags.UserComments, []UserComment{{"encoder", "Lavc libopus"}}) {
		t.Errorf("comments are %+v, %v", tags, err)
	}
	pages := 0
	for last := page; ; last = page {
		if payload, page, err = reader.ParseNextPage(); err == io.EOF {
			if pages != 151 || last.GranulePosition != 312+3*48000 || !last.LastPage() {
				t.Errorf("%d pages, the last one %+v", pages, last)
			}
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if pages++; pages < 151 && page.GranulePosition != uint64(pages*960) {
			t.Errorf("page %d: %+v", pages, page)
		}
		if _, ok := page.HeaderType(payload); ok {
			t.Errorf("page %d is a header", pages)
		}
	}
}

// page returns a page of the stream 7 with packets of these sizes; a negative one
// is the beginning of a packet that goes on.
func page(sequence uint32, flags byte, sizes ...int) []byte {
	p := oggpage.Page{Flags: flags, Serial: 7, Sequence: sequence, Granule: uint64(sequence)}
	for i, size := range sizes {
		n := max(size, -size)
		p.Body = append(p.Body, bytes.Repeat([]byte{byte(sequence*16) + byte(i)}, n)...)
		for range n / 255 {
			p.Segments = append(p.Segments, 255)
		}
		if size >= 0 {
			p.Segments = append(p.Segments, byte(n%255))
		}
	}
	return p.Marshal()
}

// RFC 3533 section 5: lacing values, packets over several pages.
func TestPacketsAreTakenApartAndPutTogether(t *testing.T) {
	for name, test := range map[string]struct {
		pages [][]byte
		sizes []int
	}{
		"several on a page":       {[][]byte{page(0, 0, 10, 0, 300, 255)}, []int{10, 0, 300, 255}},
		"over two pages":          {[][]byte{page(0, 0, 10, -510), page(1, 1, 20, 30)}, []int{10, 530, 30}},
		"over three":              {[][]byte{page(0, 0, -255), page(1, 1, -510), page(2, 1, 0)}, []int{765}},
		"beginning is missing":    {[][]byte{page(5, 1, 20, 30)}, []int{30}},
		"long before the middle":  {[][]byte{page(5, 1, -510), page(6, 1, 20, 30)}, []int{30}},
		"middle is missing":       {[][]byte{page(0, 0, 10, -510), page(2, 1, 20, 30)}, []int{10, 30}},
		"end is missing":          {[][]byte{page(0, 0, 10, -510), page(1, 0, 20, 30)}, []int{10, 20, 30}},
		"a page without segments": {[][]byte{page(0, 0, -255), page(1, 1), page(2, 0, 3)}, []int{3}},
	} {
		reader, err := NewWithOptions(bytes.NewReader(bytes.Join(test.pages, nil)))
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int
		for {
			packet, _, err := reader.ParseNextPacket()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			sizes = append(sizes, len(packet))
		}
		if !slices.Equal(sizes, test.sizes) {
			t.Errorf("%s: packets of %d bytes, not %d", name, sizes, test.sizes)
		}
	}
}

func TestPacketsOfSeveralStreamsAreKeptApart(t *testing.T) {
	other := oggpage.Page{Serial: 8, Sequence: 0, Segments: []byte{255}, Body: bytes.Repeat([]byte{'o'}, 255)}
	rest := oggpage.Page{Serial: 8, Sequence: 1, Flags: 1, Segments: []byte{1}, Body: []byte{'o'}}
	file := bytes.Join([][]byte{page(0, 0, -255), other.Marshal(), page(1, 1, 2), rest.Marshal()}, nil)
	reader, err := NewWithOptions(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if packet, at, err := reader.ParseNextPacket(); err != nil || len(packet) != 257 || at.Serial != 7 {
		t.Errorf("%d bytes of stream %d, %v", len(packet), at.Serial, err)
	}
	if packet, at, err := reader.ParseNextPacket(); err != nil || string(packet) != string(bytes.Repeat([]byte{'o'}, 256)) || at.Serial != 8 {
		t.Errorf("%q of stream %d, %v", packet, at.Serial, err)
	}
}

func TestFaultsNameTheirOffset(t *testing.T) {
	first := int64(len(page(0, 0, 10)))
	two := append(page(0, 0, 10), page(1, 0, 20)...)
	change := func(at int64, value byte) []byte {
		b := bytes.Clone(two)
		b[at] = value
		return b
	}
	for name, test := range map[string]struct {
		file   []byte
		offset int64
		cutOff bool
	}{
		"signature":       {change(first, 'o'), first, false},
		"version":         {change(first+4, 1), first + 4, false},
		"checksum":        {change(first+40, 0xff), first, false},
		"half a header":   {two[:first+20], first, true},
		"no segments":     {two[:first+27], first, true},
		"half its packet": {two[:len(two)-1], first, true},
	} {
		reader, err := NewWithOptions(bytes.NewReader(test.file))
		for err == nil {
			_, _, err = reader.ParseNextPacket()
		}
		var fault *media.FormatError
		if !errors.As(err, &fault) || fault.Offset != test.offset || errors.Is(err, io.ErrUnexpectedEOF) != test.cutOff {
			t.Errorf("%s: %v", name, err)
		}
	}
	reader, _ := NewWithOptions(bytes.NewReader(change(first+40, 0xff)), WithDoChecksum(false))
	for range 2 {
		if _, _, err := reader.ParseNextPage(); err != nil {
			t.Errorf("without checksums: %v", err)
		}
	}
}

func TestPacketOfNoEndIsRefused(t *testing.T) {
	size := 0
	reader, _ := NewWithOptions(&endless{next: func() []byte {
		sequence := uint32(size / (255 * 255))
		size += 255 * 255
		return page(sequence, byte(min(sequence, 1)), -255*255)
	}})
	_, _, err := reader.ParseNextPacket()
	var fault *media.FormatError
	if !errors.As(err, &fault) || size > MaxPacket+1<<20 {
		t.Errorf("after %d bytes: %v", size, err)
	}
}

// endless reads one slice after the other.
type endless struct {
	next func() []byte
	left []byte
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.left) == 0 {
		e.left = e.next()
	}
	n := copy(b, e.left)
	e.left = e.left[n:]
	return n, nil
}

func TestFileThatGrowsIsReadOnFromTheLastWholePage(t *testing.T) {
	cut := 300
	reader, _, err := NewWith(bytes.NewReader(samples.Opus[:cut]))
	packets := 0
	for resets := 0; err != io.EOF; {
		if _, _, err = reader.ParseNextPacket(); errors.Is(err, io.ErrUnexpectedEOF) {
			if cut, resets = min(cut+4001, len(samples.Opus)), resets+1; resets > 20 {
				t.Fatal("no progress")
			}
			reader.ResetReader(func(read int64) io.Reader { return bytes.NewReader(samples.Opus[read:cut]) })
		} else if err == nil {
			packets++
		}
	}
	if packets != 152 {
		t.Errorf("%d packets, not 152", packets)
	}
}

// RFC 7845 section 5.1.
func TestIdentificationHeaders(t *testing.T) {
	head := func(channels, family byte, table ...byte) []byte {
		return append([]byte("OpusHead\x01"+string([]byte{channels})+"\x38\x01\x80\xbb\x00\x00\x00\x01"+string([]byte{family})), table...)
	}
	version := head(2, 0)
	version[8] = 16
	for name, test := range map[string]struct {
		payload []byte
		offset  int64 // of the fault, or -1
	}{
		"mono":                {head(1, 0), -1},
		"stereo":              {head(2, 0), -1},
		"5.1":                 {head(6, 1, 4, 2, 0, 4, 1, 2, 3, 5), -1},
		"silence":             {head(2, 255, 1, 0, 0, 255), -1},
		"reserved family":     {head(1, 77, 1, 0, 0), -1},
		"three, family 0":     {head(3, 0), 9},
		"no channel":          {head(0, 0), 9},
		"next version":        {version, 8},
		"family 3":            {head(1, 3, 1, 0, 0), 18},
		"table cut off":       {head(6, 1, 4, 2, 0, 4, 1, 2, 3), 19},
		"no stream":           {head(1, 1, 0, 0, 255), 19},
		"more coupled":        {head(2, 1, 1, 2, 0, 1), 19},
		"channel out of them": {head(2, 1, 1, 0, 0, 1), 22},
		"short":               {head(2, 0)[:18], 0},
		"other signature":     {[]byte("OpusTags-----------"), 0},
	} {
		header, err := ParseOpusHead(test.payload)
		var fault *media.FormatError
		switch {
		case test.offset == -1 && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.offset >= 0 && (!errors.As(err, &fault) || fault.Offset != test.offset || header != nil):
			t.Errorf("%s: %v", name, err)
		}
	}
	if h, _ := ParseOpusHead(head(6, 1, 4, 2, 0, 4, 1, 2, 3, 5)); h.StreamCount != 4 || h.CoupledCount != 2 || h.ChannelMapping != "\x00\x04\x01\x02\x03\x05" || h.OutputGain != 256 {
		t.Errorf("5.1 is %+v", h)
	}
	if _, _, err := NewWith(bytes.NewReader(page(0, 0, 19))); err == nil {
		t.Error("a first page without its flag is taken")
	}
	if _, _, err := NewWith(bytes.NewReader(nil)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an empty file: %v", err)
	}
	if _, _, err := NewWith(nil); err == nil {
		t.Error("a nil stream is read")
	}
}

// RFC 7845 section 5.2.
func TestCommentsThatLieAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		payload string
		offset  int64
	}{
		"signature":           {"OpusHead", 0},
		"empty":               {"", 0},
		"no vendor":           {"OpusTags\x00\x00", 8},
		"vendor cut off":      {"OpusTags\x05\x00\x00\x00abc", 8},
		"vendor of 4 GB":      {"OpusTags\xff\xff\xff\xffabcdef", 8},
		"no count":            {"OpusTags\x03\x00\x00\x00abc", 15},
		"4 billion comments":  {"OpusTags\x00\x00\x00\x00\xff\xff\xff\xff", 12},
		"comment cut off":     {"OpusTags\x00\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00a=b", 16},
		"comment without '='": {"OpusTags\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00ab", 16},
	} {
		_, err := ParseOpusTags([]byte(test.payload))
		var fault *media.FormatError
		if !errors.As(err, &fault) || fault.Offset != test.offset {
			t.Errorf("%s: %v", name, err)
		}
	}
	tags, err := ParseOpusTags([]byte("OpusTags\x00\x00\x00\x00\x01\x00\x00\x00\x05\x00\x00\x00a=b=c padding"))
	if err != nil || !slices.Equal(tags.UserComments, []UserComment{{"a", "b=c"}}) {
		t.Errorf("%+v, %v", tags, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(samples.Opus[:1000])
	f.Add(bytes.Join([][]byte{page(0, 2, -255), page(1, 1, 2)}, nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, next := range []func(*OggReader) ([]byte, *OggPageHeader, error){(*OggReader).ParseNextPage, (*OggReader).ParseNextPacket} {
			reader, err := NewWithOptions(bytes.NewReader(file), WithDoChecksum(false))
			for total := 0; err == nil; {
				var payload []byte
				var header *OggPageHeader
				if payload, header, err = next(reader); err != nil {
					break
				}
				header.HeaderType(payload)
				if total += len(payload); total > len(file) {
					t.Fatal("more was returned than there is")
				}
			}
		}
	})
}

func FuzzOpusHeaders(f *testing.F) {
	f.Add([]byte("OpusTags\x00\x00\x00\x00\x01\x00\x00\x00\x05\x00\x00\x00a=b=c padding"))
	f.Add([]byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x01\x01\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		_, _ = ParseOpusHead(payload)
		_, _ = ParseOpusTags(payload)
	})
}
