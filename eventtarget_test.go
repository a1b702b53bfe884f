package webrtc

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestListenersRunAfterTheHandlerInTheOrderOfTheirAddition(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var got []string
		note := func(name string) func(SignalingState) { return func(SignalingState) { got = append(got, name) } }
		first, err := r.a.AddEventListener("signalingstatechange", note("first"))
		must(t, err)
		_, err = r.a.AddEventListener("signalingstatechange", note("second"))
		must(t, err)
		r.a.OnSignalingStateChange(note("handler"))
		_, err = r.a.CreateDataChannel("x", nil)
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		synctest.Wait()
		if want := []string{"handler", "first", "second"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		got = nil
		first()
		first()
		must(t, r.a.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
		synctest.Wait()
		if want := []string{"handler", "second"}; !slices.Equal(got, want) {
			t.Errorf("after removal: got %q, want %q", got, want)
		}
	})
}

func TestListenersHearEveryEventOfAChannel(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		heard := make(chan string, 16)
		note := func(name string) func() { return func() { heard <- name } }
		for _, name := range []string{"open", "bufferedamountlow", "closing", "close"} {
			_, err := d.AddEventListener(name, note(name))
			must(t, err)
		}
		_, err = d.AddEventListener("message", func(DataChannelMessage) { heard <- "message" })
		must(t, err)
		_, err = d.AddEventListener("error", func(error) { heard <- "error" })
		must(t, err)
		r.b.OnDataChannel(func(d *DataChannel) {
			d.OnMessage(func(m DataChannelMessage) { must(t, d.Send(m.Data)) })
		})
		negotiate(t, r.a, r.b)
		want := func(name string) {
			t.Helper()
			if got := wait(t, name, heard, time.Minute); got != name {
				t.Errorf("got %q, want %q", got, name)
			}
		}
		want("open")
		must(t, d.SendText("x"))
		both := []string{wait(t, "first", heard, time.Minute), wait(t, "second", heard, time.Minute)}
		slices.Sort(both) // the acknowledgement and the echo race each other
		if !slices.Equal(both, []string{"bufferedamountlow", "message"}) {
			t.Errorf("got %q", both)
		}
		must(t, r.b.Close())
		want("closing")
		want("error")
		want("close")
	})
}

func TestListenersOfTheWrongKindAreRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, test := range []struct {
			event    string
			listener any
		}{
			{"nosuchevent", func() {}},
			{"datachannel", func() {}},
			{"negotiationneeded", func(int) {}},
			{"datachannel", nil},
			{"negotiationneeded", (func())(nil)},
		} {
			if _, err := r.a.AddEventListener(test.event, test.listener); !errors.Is(err, ErrType) {
				t.Errorf("%s, %T: %v", test.event, test.listener, err)
			}
		}
	})
}

// DOM section 2.7, for the objects of media.
func TestListenersHearTheEventsOfTracksAndTones(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var got []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
		}
		sender := callingRig(t, r)
		track := r.b.GetReceivers()[0].Track()
		for _, event := range []string{"mute", "unmute", "ended"} {
			_, err := track.AddEventListener(event, func() { note(event) })
			must(t, err)
		}
		remove, err := track.AddEventListener("ended", func() { note("removed") })
		must(t, err)
		remove()
		_, err = track.Streams()[0].AddEventListener("removetrack", func(*TrackRemote) { note("removetrack") })
		must(t, err)
		_, err = sender.DTMF().AddEventListener("tonechange", func(tone string) { note("tone " + tone) })
		must(t, err)
		for _, event := range []string{"tone", "Mute"} {
			if _, err := track.AddEventListener(event, func() {}); !errors.Is(err, ErrType) {
				t.Errorf("%q: %v", event, err)
			}
		}
		if _, err := sender.DTMF().AddEventListener("tonechange", func() {}); !errors.Is(err, ErrType) {
			t.Errorf("a listener of another type: %v", err)
		}
		must(t, sender.DTMF().InsertDTMF("5", 0, 0))
		time.Sleep(time.Second)
		must(t, sender.transceiver.Stop())
		exchange(t, r.a, r.b)
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"tone 5", "unmute", "tone ", "mute", "removetrack", "ended"}; !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	})
}
