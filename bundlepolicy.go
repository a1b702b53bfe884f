package webrtc

import "encoding/json"

// BundlePolicy says how many transports are gathered for when the other end may
// not know BUNDLE (webrtc-pc section 4.2.4, RTCBundlePolicy; RFC 9429 section
// 4.1.1). The zero value means balanced.
type BundlePolicy int

const (
	// BundlePolicyUnknown is the zero value.
	BundlePolicyUnknown BundlePolicy = iota
	// BundlePolicyBalanced gathers for one audio, one video and one data section;
	// the others share.
	BundlePolicyBalanced
	// BundlePolicyMaxCompat gathers for every section.
	BundlePolicyMaxCompat
	// BundlePolicyMaxBundle gathers for one section only.
	BundlePolicyMaxBundle
)

var bundlePolicyText = enumText{
	BundlePolicyBalanced:  "balanced",
	BundlePolicyMaxCompat: "max-compat",
	BundlePolicyMaxBundle: "max-bundle",
}

// String returns W3C's name of the value, or "unknown".
func (p BundlePolicy) String() string {
	return bundlePolicyText.name(int(p))
}

// MarshalJSON encodes the value as a string.
func (p BundlePolicy) MarshalJSON() ([]byte, error) {
	return json.Marshal(p.String())
}

// UnmarshalJSON decodes a string; one that names no value is a TypeError.
func (p *BundlePolicy) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if text == unknownText {
		*p = BundlePolicyUnknown
		return nil
	}
	v, err := bundlePolicyText.parse("bundlePolicy", text)
	if err != nil {
		return err
	}
	*p = BundlePolicy(v)
	return nil
}
