package webrtc

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// Read reads the next compound RTCP packet that the peer sent about what the sender
// sends, its first layer with simulcast, and returns its size. It waits for one, up
// to the read deadline: os.ErrDeadlineExceeded. The connection acts on reports,
// NACKs and the like whether or not a program reads them; who reads too slowly
// loses the oldest. It goes on while the sender has no track, and returns io.EOF
// once the sender, its transceiver or the connection has ended. io.ErrShortBuffer
// is for a packet that does not fit in b, which is lost then.
func (s *RTPSender) Read(b []byte) (n int, a interceptor.Attributes, err error) {
	return s.readRTCP(b, func() (*sendEncoding, error) { return s.encodingAt(0) })
}

// ReadRTCP is Read for parsed packets. Packets that are malformed in themselves are
// left out.
func (s *RTPSender) ReadRTCP() ([]rtcp.Packet, interceptor.Attributes, error) {
	return parseRTCP(s.owner.api, s.Read)
}

// ReadSimulcast is Read for the layer with a RID. A layer that the sender does not
// have is an InvalidAccessError.
func (s *RTPSender) ReadSimulcast(b []byte, rid string) (n int, a interceptor.Attributes, err error) {
	return s.readRTCP(b, func() (*sendEncoding, error) { return s.layer(rid, "read RTCP") })
}

// ReadSimulcastRTCP is ReadSimulcast for parsed packets.
func (s *RTPSender) ReadSimulcastRTCP(rid string) ([]rtcp.Packet, interceptor.Attributes, error) {
	return parseRTCP(s.owner.api, func(b []byte) (int, interceptor.Attributes, error) { return s.ReadSimulcast(b, rid) })
}

// SetReadDeadline bounds how long Read and ReadRTCP wait; the zero time removes the
// bound.
func (s *RTPSender) SetReadDeadline(t time.Time) error {
	e, err := s.encodingAt(0)
	if err == nil {
		e.rtcp.setDeadline(t)
	}
	return nil
}

// SetReadDeadlineSimulcast is SetReadDeadline for the layer with a RID. A layer that
// the sender does not have is an InvalidAccessError.
func (s *RTPSender) SetReadDeadlineSimulcast(deadline time.Time, rid string) error {
	e, err := s.layer(rid, "set read deadline")
	if err == nil {
		e.rtcp.setDeadline(deadline)
	}
	return err
}

// readRTCP reads from the encoding that find names, and from the next one when that
// was replaced.
func (s *RTPSender) readRTCP(b []byte, find func() (*sendEncoding, error)) (int, interceptor.Attributes, error) {
	e, err := find()
	for err == nil {
		n, a, readErr := e.rtcpChain.read(e.rtcp, s.owner.interceptors, b)
		if !errors.Is(readErr, io.EOF) {
			return n, a, readErr
		}
		next, _ := find()
		if next == nil || next == e {
			return 0, nil, io.EOF
		}
		e = next
	}
	return 0, nil, err
}

func (s *RTPSender) encodingAt(i int) (*sendEncoding, error) {
	flows := s.published.Load().flows
	if i >= len(flows) {
		return nil, io.EOF
	}
	return flows[i], nil
}

func (s *RTPSender) layer(rid, op string) (*sendEncoding, error) {
	p := s.published.Load()
	i := slices.IndexFunc(p.encodings, func(e RTPEncodingParameters) bool { return e.RID == rid })
	if i < 0 && len(p.flows) == 1 && p.track != nil && p.track.RID() == rid {
		i = 0
	}
	if i < 0 || i >= len(p.flows) {
		return nil, errorf(KindInvalidAccess, op, "there is no layer %s", quoteShort(rid))
	}
	return p.flows[i], nil
}

// Read reads the next compound RTCP packet that the peer sent about what the
// receiver receives, sender reports above all, for the first layer with simulcast,
// and returns its size. It waits, and ends, as [RTPSender.Read] does: io.EOF comes
// with the end of the track.
func (r *RTPReceiver) Read(b []byte) (n int, a interceptor.Attributes, err error) {
	for {
		t := r.Track()
		n, a, err = t.rtcpChain.read(t.rtcp, r.owner.interceptors, b)
		if !errors.Is(err, io.EOF) || t == r.Track() {
			return n, a, err
		}
	}
}

// ReadRTCP is Read for parsed packets. Packets that are malformed in themselves are
// left out.
func (r *RTPReceiver) ReadRTCP() ([]rtcp.Packet, interceptor.Attributes, error) {
	return parseRTCP(r.owner.api, r.Read)
}

// ReadSimulcast is Read for the layer with a RID. A layer that the receiver does not
// have is an InvalidAccessError.
func (r *RTPReceiver) ReadSimulcast(b []byte, rid string) (n int, a interceptor.Attributes, err error) {
	t, err := r.layer(rid, "read RTCP")
	if err != nil {
		return 0, nil, err
	}
	return t.rtcpChain.read(t.rtcp, r.owner.interceptors, b)
}

// ReadSimulcastRTCP is ReadSimulcast for parsed packets.
func (r *RTPReceiver) ReadSimulcastRTCP(rid string) ([]rtcp.Packet, interceptor.Attributes, error) {
	return parseRTCP(r.owner.api, func(b []byte) (int, interceptor.Attributes, error) { return r.ReadSimulcast(b, rid) })
}

// SetReadDeadline bounds how long Read and ReadRTCP wait; the zero time removes the
// bound. The error is always nil.
func (r *RTPReceiver) SetReadDeadline(t time.Time) error {
	r.Track().rtcp.setDeadline(t)
	return nil
}

// SetReadDeadlineSimulcast is SetReadDeadline for the layer with a RID. A layer that
// the receiver does not have is an InvalidAccessError.
func (r *RTPReceiver) SetReadDeadlineSimulcast(deadline time.Time, rid string) error {
	t, err := r.layer(rid, "set read deadline")
	if err == nil {
		t.rtcp.setDeadline(deadline)
	}
	return err
}

func (r *RTPReceiver) layer(rid, op string) (*TrackRemote, error) {
	for _, t := range r.published.Load().tracks {
		if t.RID() == rid {
			return t, nil
		}
	}
	return nil, errorf(KindInvalidAccess, op, "there is no layer %s", quoteShort(rid))
}

// parseRTCP reads a compound packet and parses it.
func parseRTCP(api *API, read func([]byte) (int, interceptor.Attributes, error)) ([]rtcp.Packet, interceptor.Attributes, error) {
	b := make([]byte, api.settings.receiveMTU())
	n, attributes, err := read(b)
	if err != nil {
		return nil, nil, err
	}
	packets, err := rtpsession.ParseCompound(b[:n])
	if err != nil {
		return nil, nil, newError(KindOperation, "read RTCP", err)
	}
	return packets, attributes, nil
}
