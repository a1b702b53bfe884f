package webrtc

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp"
)

// ReadWriteCloser reads and writes a detached channel message by message.
type ReadWriteCloser interface {
	io.ReadWriteCloser
	// ReadDataChannel is Read that also tells text from binary messages.
	ReadDataChannel(p []byte) (n int, isString bool, err error)
	// WriteDataChannel is Write that sends a text message if isString is true.
	WriteDataChannel(p []byte, isString bool) (n int, err error)
}

// ReadWriteCloserDeadliner is a ReadWriteCloser with deadlines, which work as
// those of net.Conn.
type ReadWriteCloserDeadliner interface {
	ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// Detach returns the channel for reading and writing message by message instead
// of through OnMessage. The API must have been made with
// [SettingEngine.DetachDataChannels] and the channel be open, otherwise it
// returns an InvalidStateError.
//
// Read returns one message; it returns io.ErrShortBuffer, and keeps the
// message, if p is too small, and io.EOF once the channel is closed and all is
// read. Write sends one message.
func (d *DataChannel) Detach() (ReadWriteCloser, error) { return d.DetachWithDeadline() }

// DetachWithDeadline is Detach with deadlines.
func (d *DataChannel) DetachWithDeadline() (ReadWriteCloserDeadliner, error) {
	if err := d.detachable("detach"); err != nil {
		return nil, err
	}
	return &detachedChannel{channel: d}, nil
}

// DetachStream returns the channel as a stream of bytes: Write splits what is
// larger than a message and goes at the pace of the path, Read joins messages.
// Both ends should use it. The channel must be ordered and reliable. The
// conditions of [DataChannel.Detach] apply.
func (d *DataChannel) DetachStream() (io.ReadWriteCloser, error) {
	const op = "detach stream"
	if err := d.detachable(op); err != nil {
		return nil, err
	}
	if !d.params.Ordered || d.params.MaxRetransmits != nil || d.params.MaxPacketLifeTime != nil {
		return nil, errorf(KindInvalidState, op, "data channel %q is not ordered and reliable", d.params.Label)
	}
	return &byteStream{channel: d}, nil
}

func (d *DataChannel) detachable(op string) error {
	if d.incoming == nil {
		return errorf(KindInvalidState, op, "call SettingEngine.DetachDataChannels before NewAPI")
	}
	if d.ReadyState() == DataChannelStateConnecting {
		return errorf(KindInvalidState, op, "data channel %q is not open yet: detach in OnOpen", d.params.Label)
	}
	return nil
}

// detachedChannel is a channel's messages as a connection.
type detachedChannel struct {
	channel *DataChannel

	mu    sync.Mutex
	write time.Time // deadline
}

func (c *detachedChannel) Read(p []byte) (int, error) {
	n, _, err := c.ReadDataChannel(p)
	return n, err
}

func (c *detachedChannel) ReadDataChannel(p []byte) (n int, isString bool, err error) {
	err = c.channel.incoming.pop(func(m DataChannelMessage) error {
		if len(m.Data) > len(p) {
			return io.ErrShortBuffer
		}
		n, isString = copy(p, m.Data), m.IsString
		return nil
	})
	return n, isString, err
}

func (c *detachedChannel) Write(p []byte) (int, error) { return c.WriteDataChannel(p, false) }

func (c *detachedChannel) WriteDataChannel(p []byte, isString bool) (int, error) {
	ppid := sctp.PPIDBinary
	if isString {
		ppid = sctp.PPIDString
	}
	if err := c.writeMessage(ppid, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// writeMessage sends p, waiting for room where the SettingEngine says so.
func (c *detachedChannel) writeMessage(ppid sctp.PPID, p []byte) error {
	c.mu.Lock()
	end := c.write
	c.mu.Unlock()
	if !end.IsZero() && !time.Now().Before(end) {
		return os.ErrDeadlineExceeded
	}
	if !c.channel.transport.api.settings.blockWrite {
		return c.channel.send(ppid, p)
	}
	ctx := context.Background()
	if !end.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	err := c.channel.sendContext(ctx, ppid, p)
	if errors.Is(err, context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return err
}

func (c *detachedChannel) SetReadDeadline(t time.Time) error {
	c.channel.incoming.setDeadline(t)
	return nil
}

// SetWriteDeadline bounds writes that begin after it.
func (c *detachedChannel) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write = t
	return nil
}

// Close closes the channel; reads that wait end with io.EOF.
func (c *detachedChannel) Close() error {
	err := c.channel.Close()
	c.channel.incoming.end()
	return err
}

// byteStream is a channel as a stream of bytes. One reader and one writer may
// use it at a time.
type byteStream struct {
	channel *DataChannel

	reading sync.Mutex
	rest    []byte // of the message that was read last

	writing sync.Mutex
}

// streamChunk is the size of the messages that Write makes: large enough to
// be cheap, small enough not to hold up other channels.
const streamChunk = 16 << 10

func (s *byteStream) Read(p []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for len(s.rest) == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		err := s.channel.incoming.pop(func(m DataChannelMessage) error {
			s.rest = m.Data
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *byteStream) Write(p []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	size := min(streamChunk, int(s.channel.transport.MaxMessageSize()))
	written := 0
	for written < len(p) {
		chunk := p[written:min(written+size, len(p))]
		if err := s.channel.sendContext(context.Background(), sctp.PPIDBinary, chunk); err != nil {
			return written, err
		}
		written += len(chunk)
	}
	return written, nil
}

// Close closes the channel after what was written has been sent.
func (s *byteStream) Close() error {
	err := s.channel.Close()
	s.channel.incoming.end()
	return err
}
