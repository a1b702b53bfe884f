package webrtc

import (
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
