package main

import (
	"fmt"
	"strings"

	"github.com/pion/sdp/v3"
)

// A protocol is one of the two ways of a session.
type protocol struct {
	name     string
	takes    string // what the program does: recvonly or sendonly
	offers   string // what the other does
	doing    string // in words
	finished string
}

var (
	whip = protocol{"whip", "recvonly", "sendonly", "publishes", "has stopped publishing"}
	whep = protocol{"whep", "sendonly", "recvonly", "watches", "has stopped watching"}
)

// An offer is the description that a session begins with.
type offer struct {
	text   string
	parsed sdp.SessionDescription
}

func parseOffer(text string) (*offer, error) {
	o := &offer{text: text}
	if err := o.parsed.UnmarshalString(text); err != nil {
		return nil, err
	}
	if len(o.parsed.MediaDescriptions) == 0 {
		return nil, fmt.Errorf("there is no m-line in it")
	}
	return o, nil
}

// check checks the rules of RFC 9725 sections 4.2 and 4.4.2, of which WHEP has its
// own with the directions the other way around: each m-line is audio or video, no
// kind is there twice, and media goes in one direction.
func (o *offer) check(p protocol) error {
	seen := map[string]bool{}
	for i, media := range o.parsed.MediaDescriptions {
		kind := media.MediaName.Media
		if kind != "audio" && kind != "video" {
			return fmt.Errorf("m-line %d: %s is neither audio nor video", i, kind)
		}
		if seen[kind] {
			return fmt.Errorf("m-line %d: one track of %s is all that a session has", i, kind)
		}
		seen[kind] = true
		if got := direction(&o.parsed, media); got != p.offers && got != "sendrecv" {
			return fmt.Errorf("m-line %d: who %s offers %s, not %s", i, p.doing, p.offers, got)
		}
	}
	return nil
}

// direction is that of an m-line (RFC 8866 section 6.7).
func direction(session *sdp.SessionDescription, media *sdp.MediaDescription) string {
	for _, attributes := range [][]sdp.Attribute{media.Attributes, session.Attributes} {
		for _, a := range attributes {
			switch a.Key {
			case "sendonly", "recvonly", "sendrecv", "inactive":
				return a.Key
			}
		}
	}
	return "sendrecv"
}

// codecs names the codecs of a kind in the order of the offer, by their MIME types
// in lower case. Static payload types have no name here: no browser has them alone.
func (o *offer) codecs(kind string) (names []string) {
	for _, media := range o.parsed.MediaDescriptions {
		if media.MediaName.Media != kind {
			continue
		}
		for _, format := range media.MediaName.Formats {
			for _, a := range media.Attributes {
				number, encoding, _ := strings.Cut(a.Value, " ")
				if a.Key == "rtpmap" && number == format {
					encoding, _, _ = strings.Cut(encoding, "/")
					names = append(names, kind+"/"+strings.ToLower(encoding))
				}
			}
		}
	}
	return names
}

// rejected names an m-line that an answer rejects, or "".
func rejected(answer string) string {
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(answer); err != nil {
		return err.Error()
	}
	for _, media := range parsed.MediaDescriptions {
		if media.MediaName.Port.Value == 0 {
			return media.MediaName.Media
		}
	}
	return ""
}
