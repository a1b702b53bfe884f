package main

import "github.com/passerelle-rtc/webrtc"

// A message goes over the data channel of a participant. One field is set.
type message struct {
	// From the program.
	Offer    *webrtc.SessionDescription `json:"offer,omitempty"`
	People   []person                   `json:"people,omitempty"`   // all in the room, whenever that changes
	Pictures []shown                    `json:"pictures,omitempty"` // those that the participant gets, every second

	// From the page.
	Answer *webrtc.SessionDescription `json:"answer,omitempty"`
	Choose *choice                    `json:"choose,omitempty"`
	Muted  *muted                     `json:"muted,omitempty"`
}

// A person is a participant as the others see it.
type person struct {
	ID    string `json:"id"` // also of the MediaStream
	Name  string `json:"name"`
	Muted muted  `json:"muted"`
}

// muted says what a participant has switched off.
type muted struct {
	Camera     bool `json:"camera"`
	Microphone bool `json:"microphone"`
}

// A choice is the layer that a participant wants of another's picture.
type choice struct {
	Of    string `json:"of"`
	Layer string `json:"layer"` // its RID, "" for what the network carries
}

// shown is what a participant gets of another's picture.
type shown struct {
	Of     string       `json:"of"`
	Layer  string       `json:"layer"`  // the RID of what is sent now
	Choice string       `json:"choice"` // as in choice
	Share  int          `json:"share"`  // what the network carries of this picture, in bit/s; 0 while unknown
	Layers []shownLayer `json:"layers"`
}

type shownLayer struct {
	RID  string `json:"rid"`
	Rate int    `json:"rate"` // bit/s, 0 for what the camera does not send at the moment
}
