package jsep

import "testing"

func BenchmarkCreateOffer(b *testing.B) {
	s := newSession()
	in := input()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.CreateOffer(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSetRemote(b *testing.B) {
	for _, name := range []string{"chromium-data", "chromium-media", "firefox-media"} {
		b.Run(name, func(b *testing.B) {
			text := fixture(b, name+".offer.sdp")
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := newSession().SetRemote(Offer, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
