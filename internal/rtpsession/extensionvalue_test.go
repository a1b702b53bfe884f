package rtpsession

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

func marshalled(t testing.TB, e interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	data, err := e.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What pion/rtp writes, and what the specifications have as bits where it
// writes nothing.
func TestExtensionValues(t *testing.T) {
	if got, ok := ReadAudioLevel(marshalled(t, rtp.AudioLevelExtension{Level: 42, Voice: true})); !ok || got != (AudioLevel{42, true}) {
		t.Errorf("audio level %+v", got) // RFC 6464 section 3
	}
	for i, want := range []uint8{5, 127} { // RFC 6465 section 3
		if got, ok := ReadContributorLevel([]byte{5, 0xFF}, i); !ok || got != want {
			t.Errorf("level of contributing source %d is %d", i, got)
		}
	}
	for data, want := range map[string]int32{"\x00\x00\x01": 1, "\xff\xff\xff": -1, "\x80\x00\x00": -1 << 23} { // RFC 5450 section 3
		if got, ok := ReadTransmissionOffset([]byte(data)); !ok || got != want {
			t.Errorf("transmission offset %d, want %d", got, want)
		}
	}
	if got, ok := ReadTransportSequence(marshalled(t, rtp.TransportCCExtension{TransportSequence: 65534})); !ok || got != 65534 {
		t.Errorf("transport sequence %d", got)
	}
	for b, want := range map[byte]VideoOrientation{ // 3GPP TS 26.114 section 7.4.5
		0: {}, 1: {Rotation: 90}, 2: {Rotation: 180}, 3: {Rotation: 270}, 4: {Flipped: true}, 0xF8: {Back: true},
	} {
		if got, ok := ReadVideoOrientation([]byte{b}); !ok || got != want {
			t.Errorf("video orientation %d is %+v", b, got)
		}
	}
	least, most, ok := ReadPlayoutDelay(marshalled(t, rtp.PlayoutDelayExtension{MinDelay: 0x123, MaxDelay: 0xABC}))
	if !ok || least != 0x123*10*time.Millisecond || most != 0xABC*10*time.Millisecond {
		t.Errorf("playout delay %v to %v", least, most)
	}
	for _, offset := range []time.Duration{0, 1500 * time.Millisecond, -1500 * time.Millisecond} {
		got, ok := ReadCaptureTime(marshalled(t, rtp.NewAbsCaptureTimeExtensionWithCaptureClockOffset(epoch, offset)))
		if !ok || !got.Time.Equal(epoch) || !got.HasOffset || got.Offset != offset {
			t.Errorf("capture time %+v, want an offset of %v", got, offset)
		}
	}
	if got, ok := ReadCaptureTime(marshalled(t, rtp.NewAbsCaptureTimeExtension(epoch))); !ok || !got.Time.Equal(epoch) || got.HasOffset {
		t.Errorf("capture time %+v", got)
	}
}

func TestSendTimesAreNearTheClock(t *testing.T) {
	for _, off := range []time.Duration{0, time.Millisecond, -time.Millisecond, 31 * time.Second, -31 * time.Second} {
		for second := range 130 {
			now := epoch.Add(time.Duration(second) * time.Second)
			sent := now.Add(off)
			got, ok := ReadSendTime(marshalled(t, rtp.NewAbsSendTimeExtension(sent)), now)
			if d := got.Sub(sent); !ok || d.Abs() > 4*time.Microsecond {
				t.Fatalf("%v at second %d is %v off", off, second, d)
			}
		}
	}
}

// FuzzExtensionValues looks for panics, and that short data is no value.
func FuzzExtensionValues(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, level := ReadAudioLevel(data)
		_, orientation := ReadVideoOrientation(data)
		_, contributor := ReadContributorLevel(data, 0)
		_, transport := ReadTransportSequence(data)
		at, send := ReadSendTime(data, epoch)
		_, offset := ReadTransmissionOffset(data)
		_, _, delay := ReadPlayoutDelay(data)
		capture, captured := ReadCaptureTime(data)
		for size, ok := range map[int][]bool{1: {level, orientation, contributor}, 2: {transport}, 3: {send, offset, delay}, 8: {captured}} {
			for _, ok := range ok {
				if ok != (len(data) >= size) {
					t.Fatalf("%x", data)
				}
			}
		}
		if send && at.Sub(epoch).Abs() > 32*time.Second+time.Millisecond {
			t.Fatalf("%x is %v", data, at)
		}
		if capture.HasOffset != (len(data) >= 16) {
			t.Fatalf("%x: %+v", data, capture)
		}
	})
}
