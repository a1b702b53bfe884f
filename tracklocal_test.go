package webrtc

import (
	"errors"
	"testing"

	"github.com/pion/rtp"
)

// clip is a track as a program may write one: it knows one codec.
type clip struct {
	mimeType string
	bound    map[string]PayloadType
}

func (c *clip) Bind(context TrackLocalContext) (RTPCodecParameters, error) {
	for _, codec := range context.CodecParameters() {
		if codec.MimeType == c.mimeType {
			c.bound[context.ID()] = codec.PayloadType
			header := &rtp.Header{Version: 2, PayloadType: uint8(codec.PayloadType), SSRC: uint32(context.SSRC())}
			_, err := context.WriteStream().WriteRTP(header, []byte("frame"))
			return codec, err
		}
	}
	return RTPCodecParameters{}, errors.New("no common codec")
}

func (c *clip) Unbind(context TrackLocalContext) error {
	delete(c.bound, context.ID())
	return nil
}

func (c *clip) ID() string         { return "clip" }
func (c *clip) RID() string        { return "" }
func (c *clip) StreamID() string   { return "stream" }
func (c *clip) Kind() RTPCodecType { return RTPCodecTypeVideo }

type recorder []rtp.Header

func (r *recorder) WriteRTP(header *rtp.Header, payload []byte) (int, error) {
	*r = append(*r, header.Clone())
	return header.MarshalSize() + len(payload), nil
}

func (r *recorder) Write(b []byte) (int, error) {
	var packet rtp.Packet
	if err := packet.Unmarshal(b); err != nil {
		return 0, err
	}
	return r.WriteRTP(&packet.Header, packet.Payload)
}

func TestTrackChoosesACodecOfItsContext(t *testing.T) {
	var sent recorder
	parameters := RTPParameters{
		HeaderExtensions: []RTPHeaderExtensionParameter{{URI: uriMID, ID: 1}},
		Codecs:           codecsOf(t, "96 video/VP8 90000", "102 video/H264 90000 packetization-mode=1"),
	}
	coding := RTPCodingParameters{SSRC: 1, RTX: RTPRtxParameters{SSRC: 2}, FEC: RTPFecParameters{SSRC: 3}}
	context := newTrackLocalContext("binding", parameters, coding, &sent)
	parameters.Codecs[1].PayloadType, parameters.HeaderExtensions[0].ID = 0, 0
	context.CodecParameters()[1].PayloadType = 0
	context.HeaderExtensions()[0].ID = 0

	c := &clip{mimeType: MimeTypeH264, bound: map[string]PayloadType{}}
	var track TrackLocal = c
	codec, err := track.Bind(context)
	if err != nil || codec.PayloadType != 102 || c.bound["binding"] != 102 {
		t.Fatalf("bound to %s, %v", textOf(codec), err)
	}
	if len(sent) != 1 || sent[0].PayloadType != 102 || sent[0].SSRC != 1 {
		t.Errorf("sent %v", sent)
	}
	if context.SSRCRetransmission() != 2 || context.SSRCForwardErrorCorrection() != 3 || context.HeaderExtensions()[0].ID != 1 {
		t.Errorf("context %+v", context)
	}
	if err := track.Unbind(context); err != nil || len(c.bound) != 0 {
		t.Errorf("still bound: %v, %v", c.bound, err)
	}
	if _, err := (&clip{mimeType: MimeTypeAV1}).Bind(context); err == nil {
		t.Error("bound without a common codec")
	}
}
