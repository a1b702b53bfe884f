// Package webrtc is W3C's RTCPeerConnection for Go programs, without cgo.
//
// A [PeerConnection] owns one object for each layer of the protocol: an
// [ICEGatherer] and [ICETransport] that find a path (RFC 8445), a
// [DTLSTransport] that keeps it private (RFC 6347, RFC 8827), and an
// [SCTPTransport] whose [DataChannel] objects carry messages (RFC 8831). With
// media each bundle of m-lines has an ICE and a DTLS transport. The same objects
// can be used on their own, in the manner of ORTC, through the constructors of
// [API].
//
// Audio and video go by tracks: an [RTPTransceiver] has an [RTPSender], which sends
// a [TrackLocal] of the program's, and an [RTPReceiver], whose [TrackRemote] the
// program reads. RTP and RTCP are the connection's business, codecs the program's.
//
// Names follow W3C in Go case, and github.com/pion/webrtc/v4 where it has the
// member, so that a program moves by changing its import path. Where the two
// differ in behaviour, W3C's is implemented; docs/migrating-from-pion.md lists
// the differences.
//
// # Goroutines and callbacks
//
// Every method may be called on any goroutine, and in every callback. The
// callbacks of all objects of a connection run one at a time, in the order of
// the events, and must return; only OnOpen and OnTrack handlers get goroutines
// of their own and may live as long as the connection. With
// [SettingEngine.SetCallbackExecutor] all of them run on a loop of the
// application's. An event carries its value, and no getter is older than the
// event being handled.
//
// # Errors
//
// The methods of connections and transports return an [*Error] whose Kind is
// the name of W3C's exception. Match it with errors.Is(err,
// webrtc.ErrInvalidState) and its siblings; on a closed connection it also
// matches net.ErrClosed. What a context that ended says is returned as it is,
// and so is what Go's readers and writers are expected to return (io.EOF,
// io.ErrShortBuffer, os.ErrDeadlineExceeded) by a detached channel.
package webrtc
