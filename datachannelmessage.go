package webrtc

// DataChannelMessage is a message that a data channel received.
type DataChannelMessage struct {
	// IsString tells text (valid or not as UTF-8) from binary data.
	IsString bool
	// Data is the message. It belongs to the receiver.
	Data []byte
}
