package srtp

import (
	"bytes"
	"testing"
)

func TestKeysFromExporter(t *testing.T) {
	// RFC 5764 section 4.2: client_write_SRTP_master_key, server's, client_write_SRTP_master_salt, server's.
	eachProfile(t, func(t *testing.T, p Profile) {
		var material, want [4][]byte
		var all []byte
		for i, n := range []int{p.KeyLen(), p.KeyLen(), p.SaltLen(), p.SaltLen()} {
			material[i] = bytes.Repeat([]byte{byte(i + 1)}, n)
			all = append(all, material[i]...)
		}
		want = material
		for _, isClient := range []bool{true, false} {
			local, remote, err := KeysFromExporter(p, all, isClient)
			if err != nil {
				t.Fatal(err)
			}
			if !isClient {
				local, remote = remote, local
			}
			if !bytes.Equal(local.Key, want[0]) || !bytes.Equal(remote.Key, want[1]) || !bytes.Equal(local.Salt, want[2]) || !bytes.Equal(remote.Salt, want[3]) {
				t.Errorf("client %t: %x, %x", isClient, local, remote)
			}
		}
		if _, _, err := KeysFromExporter(p, all[1:], true); err == nil {
			t.Error("a byte too few was taken")
		}
		if _, err := NewInbound(p, Keys{Key: material[0], Salt: material[2][1:]}, Options{}); err == nil {
			t.Error("a short salt was taken")
		}
		if _, err := NewOutbound(p, Keys{Key: material[0][1:], Salt: material[2]}, Options{}); err == nil {
			t.Error("a short key was taken")
		}
	})
	if _, _, err := KeysFromExporter(9, nil, true); err == nil {
		t.Error("an unknown profile was taken")
	}
	if _, err := NewInbound(9, Keys{}, Options{}); err == nil {
		t.Error("an unknown profile was taken")
	}
}

func TestOverheadOfProfiles(t *testing.T) {
	// RFC 5764 section 4.1.2 and RFC 7714 section 12; SRTCP adds E flag and index.
	for p, want := range map[Profile][4]int{
		AES128_CM_SHA1_80: {16, 14, 10, 14}, AES128_CM_SHA1_32: {16, 14, 4, 14},
		AEAD_AES_128_GCM: {16, 12, 16, 20}, AEAD_AES_256_GCM: {32, 12, 16, 20}, 99: {},
	} {
		if got := [4]int{p.KeyLen(), p.SaltLen(), p.RTPOverhead(), p.RTCPOverhead()}; got != want {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}
}
