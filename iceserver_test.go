package webrtc

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestICEServerThatIsValid(t *testing.T) {
	for _, server := range []ICEServer{
		{URLs: []string{"stun:stun.example.org"}},
		{URLs: []string{"stun:stun1.example.org", "stuns:stun2.example.org:443"}},
		{URLs: []string{"stun:stun.example.org"}, Username: "ignored", Credential: 5, CredentialType: ICECredentialTypeOauth},
		{URLs: []string{"turn:turn.example.org"}, Username: "user", Credential: "secret"},
		{URLs: []string{"turns:turn.example.org", "turn:turn.example.org?transport=tcp", "stun:turn.example.org"}, Username: "user", Credential: "secret"},
		{URLs: []string{"turn:turn.example.org"}, Username: strings.Repeat("u", 508), Credential: "pässwörd and blanks"},
	} {
		urls, err := server.urls()
		if err != nil {
			t.Errorf("%+v: %v", server, err)
		}
		if len(urls) != len(server.URLs) {
			t.Errorf("%+v: %d URLs", server, len(urls))
		}
		if err := server.validate(); err != nil {
			t.Errorf("%+v: %v", server, err)
		}
	}
}

// webrtc-pc section 4.4.1.5, set a configuration and validate an ICE server URL.
func TestICEServerMisuse(t *testing.T) {
	turn := []string{"turn:turn.example.org"}
	for _, test := range []struct {
		rule   string
		server ICEServer
		kind   error
		cause  error
		text   string
	}{
		{"If urls is empty, throw a SyntaxError", ICEServer{}, ErrSyntax, nil, "without URLs"},
		{"If urls is empty, throw a SyntaxError", ICEServer{URLs: []string{}}, ErrSyntax, nil, "without URLs"},
		{"each url is validated", ICEServer{URLs: []string{"stun:stun.example.org", ""}}, ErrSyntax, nil, "no scheme"},
		{"scheme is neither stun, stuns, turn, nor turns", ICEServer{URLs: []string{"http://example.org"}}, ErrSyntax, nil, `"http"`},
		{"syntax comes before credentials", ICEServer{URLs: []string{"turn:"}}, ErrSyntax, nil, "no host"},
		{"username or credential missing", ICEServer{URLs: turn}, ErrInvalidAccess, ErrNoTurnCredentials, `"turn:turn.example.org"`},
		{"username or credential missing", ICEServer{URLs: turn, Username: "user"}, ErrInvalidAccess, ErrNoTurnCredentials, ""},
		{"username or credential missing", ICEServer{URLs: turn, Credential: "secret"}, ErrInvalidAccess, ErrNoTurnCredentials, ""},
		{"username or credential missing", ICEServer{URLs: []string{"turns:turn.example.org"}}, ErrInvalidAccess, ErrNoTurnCredentials, ""},
		{"the second of two URLs counts", ICEServer{URLs: []string{"stun:stun.example.org", "turn:turn.example.org"}}, ErrInvalidAccess, ErrNoTurnCredentials, "turn.example.org"},
		{"RFC 8265 section 4.2: a password has one character or more", ICEServer{URLs: turn, Username: "user", Credential: ""}, ErrInvalidAccess, ErrNoTurnCredentials, ""},
		{"RFC 8489 section 14.3: fewer than 509 bytes", ICEServer{URLs: turn, Username: strings.Repeat("u", 509), Credential: "secret"}, ErrInvalidAccess, ErrTurnCredentials, "509 bytes"},
		{"RFC 8489 section 14.3: UTF-8", ICEServer{URLs: turn, Username: "\xff", Credential: "secret"}, ErrInvalidAccess, ErrTurnCredentials, "username"},
		{"RFC 8265 section 4.2: no control characters", ICEServer{URLs: turn, Username: "user", Credential: "a\nb"}, ErrInvalidAccess, ErrTurnCredentials, "credential"},
		{"the credential is a DOMString", ICEServer{URLs: turn, Username: "user", Credential: []byte("secret")}, ErrInvalidAccess, ErrTurnCredentials, "[]uint8"},
		{"the credential is a DOMString", ICEServer{URLs: turn, Username: "user", Credential: OAuthCredential{}}, ErrInvalidAccess, ErrTurnCredentials, "OAuthCredential"},
		{"not supported", ICEServer{URLs: turn, Username: "user", Credential: OAuthCredential{}, CredentialType: ICECredentialTypeOauth}, ErrNotSupported, nil, "7635"},
		{"Web IDL section 3.2.18", ICEServer{URLs: turn, Username: "user", Credential: "secret", CredentialType: 7}, ErrType, ErrUnknownType, "7"},
	} {
		err := test.server.validate()
		if !errors.Is(err, test.kind) {
			t.Errorf("%s: %+v: got %v, want %v", test.rule, test.server, err, test.kind)
			continue
		}
		if test.cause != nil && !errors.Is(err, test.cause) {
			t.Errorf("%s: %v does not match %v", test.rule, err, test.cause)
		}
		if !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: the text %q does not say %s", test.rule, err, test.text)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the text %q shows the credential", test.rule, err)
		}
	}
}

func TestICEServerReadsJSON(t *testing.T) {
	for _, test := range []struct {
		text string
		want ICEServer
	}{
		{`{"urls":"stun:a"}`, ICEServer{URLs: []string{"stun:a"}}},
		{`{"urls":["stun:a","stun:b"]}`, ICEServer{URLs: []string{"stun:a", "stun:b"}}},
		{` {"urls":["turn:a"],"username":"u","credential":"c"}`, ICEServer{URLs: []string{"turn:a"}, Username: "u", Credential: "c"}},
		{`{"urls":["turn:a"],"username":"u","credential":"c","credentialType":"password","other":1}`, ICEServer{URLs: []string{"turn:a"}, Username: "u", Credential: "c"}},
		{`{"urls":["turn:a"],"username":"u","credential":null}`, ICEServer{URLs: []string{"turn:a"}, Username: "u"}},
		{`{"urls":[],"credentialType":"oauth","credential":{"MACKey":"k","AccessToken":"t"}}`, ICEServer{URLs: []string{}, CredentialType: ICECredentialTypeOauth, Credential: OAuthCredential{MACKey: "k", AccessToken: "t"}}},
		{`{}`, ICEServer{URLs: []string{}}},
		{`{"urls":null}`, ICEServer{URLs: []string{}}},
	} {
		got := ICEServer{URLs: []string{"stale"}, Username: "stale"}
		if err := json.Unmarshal([]byte(test.text), &got); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{`[]`, `null`, `"stun:a"`, `5`, `{"urls":5}`, `{"urls":[5]}`, `{"urls":{}}`, `{"username":5}`, `{"credentialType":"x"}`, `{"credentialType":"oauth","credential":"c"}`, `{`} {
		got := ICEServer{Username: "kept"}
		if err := got.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s: no error, %+v", text, got)
		}
		if got.Username != "kept" {
			t.Errorf("%s: changed in spite of the error", text)
		}
	}
}

func TestICEServerWritesJSON(t *testing.T) {
	for _, test := range []struct {
		server ICEServer
		want   string
	}{
		{ICEServer{}, `{"urls":[],"credentialType":"password"}`},
		{ICEServer{URLs: []string{"turn:a"}, Username: "u", Credential: "c"}, `{"urls":["turn:a"],"username":"u","credential":"c","credentialType":"password"}`},
	} {
		b, err := json.Marshal(test.server)
		if err != nil || string(b) != test.want {
			t.Errorf("got %s, %v\nwant %s", b, err, test.want)
		}
		var back ICEServer
		if err := json.Unmarshal(b, &back); err != nil {
			t.Error(err)
		}
		if again, _ := json.Marshal(back); string(again) != test.want {
			t.Errorf("second round: got %s, want %s", again, test.want)
		}
	}
}
