package jsep

import "testing"

// RFC 9429 section 5.2.1 and 5.3.1; webrtc-pc, setCodecPreferences.
func TestPreferencesOrderAndFilter(t *testing.T) {
	const video = "96 VP8/90000 | 97 rtx/90000 apt=96 | 98 VP9/90000 | 99 rtx/90000 apt=98 | 102 H264/90000 profile-level-id=42e01f | 103 rtx/90000 apt=102 | 118 red/90000 | 119 rtx/90000 apt=118 | 120 ulpfec/90000"
	const audio = "111 opus/48000/2 | 63 red/48000/2 111/111 | 0 PCMU/8000 | 126 telephone-event/8000"
	for _, c := range []struct{ what, preferences, codecs, want string }{
		{"their order, their choice", "0 H264/90000 profile-level-id=42e01f | 0 vp8/90000", video, "102 H264/90000 profile-level-id=42e01f | 96 VP8/90000"},
		{"rtx without apt is for all, each after its codec", "0 VP9/90000 | 0 rtx/90000 | 0 VP8/90000", video, "98 VP9/90000 | 99 rtx/90000 apt=98 | 96 VP8/90000 | 97 rtx/90000 apt=96"},
		{"rtx for one", "96 VP9/90000 | 97 rtx/90000 apt=96 | 98 VP8/90000", video, "98 VP9/90000 | 99 rtx/90000 apt=98 | 96 VP8/90000"},
		{"rtx for a preference that is not there", "97 rtx/90000 apt=33 | 98 VP8/90000", video, "96 VP8/90000"},
		{"rtx of red", "0 VP8/90000 | 0 red/90000 | 0 ulpfec/90000 | 0 rtx/90000", video, "96 VP8/90000 | 97 rtx/90000 apt=96 | 118 red/90000 | 119 rtx/90000 apt=118 | 120 ulpfec/90000"},
		{"what nobody offers", "0 H265/90000 | 0 VP8/90000", video, "96 VP8/90000"},
		{"a lower level is the same codec", "0 H264/90000 profile-level-id=42e034", video, "102 H264/90000 profile-level-id=42e01f"},
		{"another profile is not", "0 H264/90000 profile-level-id=42001f", video, ""},
		{"no media codec", "0 rtx/90000 | 0 red/90000 | 0 ulpfec/90000", video, ""},
		{"red with what it carries", "0 PCMU/8000 | 0 red/48000/2 96/96 | 0 opus/48000/2", audio, "0 PCMU/8000 | 63 red/48000/2 111/111 | 111 opus/48000/2"},
		{"red without what it carries", "0 PCMU/8000 | 0 red/48000/2", audio, "0 PCMU/8000"},
		{"a list without numbers", "0 VP9/90000 | 0 rtx/90000", "0 VP8/90000 | 0 rtx/90000 | 0 VP9/90000", "0 VP9/90000 | 0 rtx/90000"},
		{"a list without numbers, no rtx", "0 VP9/90000", "0 VP8/90000 | 0 rtx/90000 | 0 VP9/90000", "0 VP9/90000"},
	} {
		want(t, c.what, PreferCodecs(list(t, c.preferences), list(t, c.codecs)), c.want)
	}
}
