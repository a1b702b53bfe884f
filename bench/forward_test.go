package main

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
)

// forwarder is a stack's track that is sent to a number of connections, which read
// what comes. Both stacks keep packets for NACKs and send reports, and neither has
// transport-wide feedback: nothing is paced.
type forwarder struct {
	name  string
	start func(b *testing.B, subscribers int) (write func([]rtp.Packet) error)
}

var forwarders = []forwarder{{"passerelle", forwardPasserelle}, {"pion", forwardPion}}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func forwardPasserelle(b *testing.B, subscribers int) func([]rtp.Packet) error {
	var engine webrtc.MediaEngine
	check(b, engine.RegisterDefaultCodecs())
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	api := webrtc.NewAPI(webrtc.WithMediaEngine(&engine), webrtc.WithSettingEngine(settings))
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "stream")
	check(b, err)
	for range subscribers {
		sender, err := api.NewPeerConnection(webrtc.Configuration{})
		check(b, err)
		receiver, err := api.NewPeerConnection(webrtc.Configuration{})
		check(b, err)
		b.Cleanup(func() { sender.Close(); receiver.Close() })
		receiver.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			packets := make([]rtp.Packet, 64)
			for {
				if _, err := t.ReadBatch(packets); err != nil {
					return
				}
			}
		})
		var once sync.Once
		connected := make(chan struct{})
		receiver.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
			if s == webrtc.PeerConnectionStateConnected {
				once.Do(func() { close(connected) })
			}
		})
		_, err = sender.AddTrack(track)
		check(b, err)
		offer, err := sender.CreateOffer(nil)
		check(b, err)
		gathered := webrtc.GatheringCompletePromise(sender)
		check(b, sender.SetLocalDescription(offer))
		<-gathered
		check(b, receiver.SetRemoteDescription(*sender.LocalDescription()))
		answer, err := receiver.CreateAnswer(nil)
		check(b, err)
		gathered = webrtc.GatheringCompletePromise(receiver)
		check(b, receiver.SetLocalDescription(answer))
		<-gathered
		check(b, sender.SetRemoteDescription(*receiver.LocalDescription()))
		<-connected
	}
	return track.WriteBatch
}

func forwardPion(b *testing.B, subscribers int) func([]rtp.Packet) error {
	engine, registry := &pion.MediaEngine{}, &interceptor.Registry{}
	check(b, engine.RegisterDefaultCodecs())
	check(b, pion.ConfigureNack(engine, registry))
	check(b, pion.ConfigureRTCPReports(registry))
	var settings pion.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	api := pion.NewAPI(pion.WithMediaEngine(engine), pion.WithInterceptorRegistry(registry), pion.WithSettingEngine(settings))
	track, err := pion.NewTrackLocalStaticRTP(pion.RTPCodecCapability{MimeType: pion.MimeTypeVP8}, "video", "stream")
	check(b, err)
	for range subscribers {
		sender, err := api.NewPeerConnection(pion.Configuration{})
		check(b, err)
		receiver, err := api.NewPeerConnection(pion.Configuration{})
		check(b, err)
		b.Cleanup(func() { sender.Close(); receiver.Close() })
		receiver.OnTrack(func(t *pion.TrackRemote, _ *pion.RTPReceiver) {
			buffer := make([]byte, 1500)
			for {
				if _, _, err := t.Read(buffer); err != nil {
					return
				}
			}
		})
		var once sync.Once
		connected := make(chan struct{})
		receiver.OnConnectionStateChange(func(s pion.PeerConnectionState) {
			if s == pion.PeerConnectionStateConnected {
				once.Do(func() { close(connected) })
			}
		})
		rtpSender, err := sender.AddTrack(track)
		check(b, err)
		go func() { // pion processes RTCP while it is read
			buffer := make([]byte, 1500)
			for {
				if _, _, err := rtpSender.Read(buffer); err != nil {
					return
				}
			}
		}()
		offer, err := sender.CreateOffer(nil)
		check(b, err)
		gathered := pion.GatheringCompletePromise(sender)
		check(b, sender.SetLocalDescription(offer))
		<-gathered
		check(b, receiver.SetRemoteDescription(*sender.LocalDescription()))
		answer, err := receiver.CreateAnswer(nil)
		check(b, err)
		gathered = pion.GatheringCompletePromise(receiver)
		check(b, receiver.SetLocalDescription(answer))
		<-gathered
		check(b, sender.SetRemoteDescription(*receiver.LocalDescription()))
		<-connected
	}
	return func(packets []rtp.Packet) error {
		for i := range packets {
			if err := track.WriteRTP(&packets[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// BenchmarkForward is one packet of 1,100 bytes written to each of 50 connections
// and read there, in frames of 16 packets. CPU is the whole process's.
func BenchmarkForward(b *testing.B) {
	const subscribers, frame = 50, 16
	for _, f := range forwarders {
		b.Run(fmt.Sprintf("%s/to %d", f.name, subscribers), func(b *testing.B) {
			write := f.start(b, subscribers)
			packets := make([]rtp.Packet, frame)
			for i := range packets {
				packets[i] = rtp.Packet{Header: rtp.Header{Version: 2}, Payload: make([]byte, 1100)}
			}
			seq := uint16(0)
			next := func() {
				for i := range packets {
					packets[i].SequenceNumber, packets[i].Timestamp = seq, packets[i].Timestamp+3000
					seq++
				}
				check(b, write(packets))
			}
			for range 64 {
				next()
			}
			runtime.GC()
			cpu := cpuTime()
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += frame {
				next()
			}
			b.StopTimer()
			b.ReportMetric(float64((cpuTime()-cpu)/time.Nanosecond)/float64(b.N), "cpu-ns/op")
		})
	}
}
