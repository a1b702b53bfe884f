package main

import (
	"fmt"
	"strings"

	"github.com/passerelle-rtc/webrtc"
)

// linksOf makes the Link headers that tell of ICE servers (RFC 9725 section 4.6,
// RFC 8288 section 3).
func linksOf(urls []string, username, credential string) (links []string, err error) {
	for _, url := range urls {
		server := webrtc.ICEServer{URLs: []string{url}}
		link := "<" + url + `>; rel="ice-server"`
		if strings.HasPrefix(url, "turn") {
			server.Username, server.Credential = username, credential
			link += fmt.Sprintf(`; username=%s; credential=%s; credential-type="password"`, quoted(username), quoted(credential))
		}
		if err := check(server); err != nil {
			return nil, fmt.Errorf("-ice-server %s: %w", url, err)
		}
		links = append(links, link)
	}
	return links, nil
}

// check lets the library say what is wrong with a server.
func check(server webrtc.ICEServer) error {
	if strings.ContainsAny(server.URLs[0], "<> \"\r\n") {
		return fmt.Errorf("this is not the URL of a STUN or TURN server")
	}
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{ICEServers: []webrtc.ICEServer{server}})
	if err != nil {
		return err
	}
	return pc.Close()
}

// quoted is a quoted-string (RFC 9110 section 5.6.4).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
