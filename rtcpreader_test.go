package webrtc

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// A sender's readers outlast its tracks, and end with it: io.EOF, as pion's do.
func TestRTCPReadersEndWithTheirSender(t *testing.T) {
	for name, end := range map[string]func(r *rig, s *RTPSender) error{
		"Stop of the sender":      func(_ *rig, s *RTPSender) error { return s.Stop() },
		"Stop of the transceiver": func(r *rig, _ *RTPSender) error { return r.stopAndNegotiate() },
		"Close":                   func(r *rig, _ *RTPSender) error { return r.a.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				sender, _ := r.mediaPair(vp8Track(t, "video"))
				ended := make(chan error, 1)
				go func() {
					for {
						if _, _, err := sender.ReadRTCP(); err != nil {
							ended <- err
							return
						}
					}
				}()
				must(t, sender.ReplaceTrack(nil))
				must(t, r.a.RemoveTrack(sender))
				synctest.Wait()
				select {
				case err := <-ended:
					t.Fatalf("ended without a track: %v", err)
				default:
				}
				must(t, end(r, sender))
				if err := wait(t, "end", ended, time.Minute); !errors.Is(err, io.EOF) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func (r *rig) stopAndNegotiate() error {
	if err := r.a.GetTransceivers()[0].Stop(); err != nil {
		return err
	}
	negotiate(r.t, r.a, r.b)
	return nil
}

// A sender that was stopped refuses tracks; AddTrack of the connection uses its
// transceiver again.
func TestAStoppedSenderSendsAgainByAddTrackAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender, err := r.a.AddTrack(vp8Track(t, "one"))
		must(t, err)
		must(t, sender.Stop())
		must(t, sender.Stop())
		if err := sender.ReplaceTrack(vp8Track(t, "two")); !errors.Is(err, ErrInvalidState) {
			t.Errorf("replace: %v", err)
		}
		if err := sender.AddEncoding(vp8Track(t, "two", WithRTPStreamID("h"))); !errors.Is(err, ErrInvalidState) {
			t.Errorf("add encoding: %v", err)
		}
		track := vp8Track(t, "three")
		again, remote := r.mediaPair(track)
		if again != sender {
			t.Error("another sender")
		}
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2}, Payload: []byte{0x10, 1}}))
		_, _, err = remote.ReadRTP()
		must(t, err)
	})
}

// Both ends of a stream read what the other says of it: reports, and what the
// program sends itself.
func TestSenderAndReceiverReadRTCP(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		defer pump(track)()
		ssrc := uint32(remote.SSRC())
		n, err := r.b.GetReceivers()[0].Transport().WriteRTCP([]rtcp.Packet{&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: ssrc}}}})
		if err != nil || n != 20 {
			t.Fatalf("%d, %v", n, err)
		}
		for found := map[string]bool{}; !found["FIR"] || !found["RR"]; {
			packets, _, err := sender.ReadRTCP()
			must(t, err)
			for _, p := range packets {
				switch p.(type) {
				case *rtcp.FullIntraRequest:
					found["FIR"] = true
				case *rtcp.ReceiverReport:
					found["RR"] = true
				}
			}
		}
		receiver := r.b.GetReceivers()[0]
		for report := false; !report; {
			b := make([]byte, 1500)
			n, _, err := receiver.ReadSimulcast(b, "")
			must(t, err)
			packets, err := rtcp.Unmarshal(b[:n])
			must(t, err)
			sr, is := packets[0].(*rtcp.SenderReport)
			report = is && sr.SSRC == ssrc
		}
	})
}

func TestReadersOfRTCPHaveDeadlines(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender, _ := r.mediaPair(vp8Track(t, "video"))
		receiver := r.b.GetReceivers()[0]
		for name, c := range map[string]struct {
			set  func(time.Time) error
			read func() error
		}{
			"sender":   {sender.SetReadDeadline, func() error { _, _, err := sender.ReadRTCP(); return err }},
			"receiver": {receiver.SetReadDeadline, func() error { _, _, err := receiver.ReadRTCP(); return err }},
			"layer of a sender": {
				func(at time.Time) error { return sender.SetReadDeadlineSimulcast(at, "") },
				func() error { _, _, err := sender.ReadSimulcastRTCP(""); return err },
			},
			"layer of a receiver": {
				func(at time.Time) error { return receiver.SetReadDeadlineSimulcast(at, "") },
				func() error { _, _, err := receiver.ReadSimulcastRTCP(""); return err },
			},
		} {
			began := time.Now()
			must(t, c.set(began.Add(50*time.Millisecond)))
			if err := c.read(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != 50*time.Millisecond {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
			must(t, c.set(time.Time{}))
		}
		for name, err := range map[string]error{
			"sender, deadline":   sender.SetReadDeadlineSimulcast(time.Time{}, "h"),
			"receiver, deadline": receiver.SetReadDeadlineSimulcast(time.Time{}, "h"),
			"sender":             third(sender.ReadSimulcastRTCP("h")),
			"receiver":           third(receiver.ReadSimulcastRTCP("h")),
		} {
			if !errors.Is(err, ErrInvalidAccess) {
				t.Errorf("%s, a layer that is not there: %v", name, err)
			}
		}
	})
}

func third[A, B any](_ A, _ B, err error) error { return err }

// A packet that does not fit is lost, and the next one is read.
func TestAShortBufferLosesAnRTCPPacket(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		defer pump(track)()
		must(t, r.b.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(remote.SSRC())}}))
		if _, _, err := sender.Read(make([]byte, 3)); !errors.Is(err, io.ErrShortBuffer) {
			t.Errorf("%v", err)
		}
		_, _, err := sender.Read(make([]byte, 1500))
		must(t, err)
	})
}
