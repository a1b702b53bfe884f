// Package bandwidth decides how much a transport sends, when, and who gets what
// of it. It has three machines, which know nothing of each other:
//
//   - [Estimator] finds what the path carries without a queue: the delay-based
//     and the loss-based controller of draft-ietf-rmcat-gcc-02 over
//     transport-wide feedback, with probes; or receiver reports alone.
//   - [Pacer] spreads packets over time, by priority, and makes probes.
//   - [Allocator] distributes the estimate over senders, encodings and layers.
//
// All are pure: the time comes in, nothing is started, nothing is locked. Each
// has one owner. None looks into a packet, so that the package needs no type of
// RTP: a size, a kind and a transport-wide sequence number are all there is.
//
// # Driving them
//
// One estimator and one pacer belong to a transport, all its streams together.
// The owner moves what one puts out into the next, after every input and at the
// earlier of the two deadlines:
//
//	estimator := bandwidth.NewEstimator(now, bandwidth.Config{})
//	pacer := bandwidth.NewPacer[*rtpsession.Outgoing](now, bandwidth.PacerConfig{})
//
//	// A packet of the application, or a retransmission:
//	if !pacer.Enqueue(now, bandwidth.Packet[*rtpsession.Outgoing]{
//		Stream: ssrc, Kind: bandwidth.Video, Size: size, Value: packet,
//	}) {
//		release(packet) // the queue is full
//	}
//	drive(now)
//
//	// A transport-wide feedback message, a REMB, a receiver report:
//	estimator.HandleFeedback(now, results)
//	drive(now)
//
//	func drive(now time.Time) {
//		estimator.Advance(now)
//		for probe, ok := estimator.NextProbe(); ok; probe, ok = estimator.NextProbe() {
//			pacer.Probe(now, probe)
//		}
//		for event, ok := estimator.NextEvent(); ok; event, ok = estimator.NextEvent() {
//			pacer.SetTarget(now, event.Target)
//			for _, a := range allocator.Allocate(event.Target) {
//				// a.Encoding may send a.Bitrate
//			}
//		}
//		for r, ok := pacer.Next(now); ok; r, ok = pacer.Next(now) {
//			for each packet of r, or of r.Padding bytes of padding {
//				seq++ // stamp it, seal it, put it into the socket's batch
//				estimator.Sent(now, bandwidth.SentPacket{Seq: seq, Size: size, Kind: r.Kind, Probe: r.Probe})
//			}
//		}
//		// flush the batch; wake at the earlier of the deadlines that are not zero
//	}
//
// What leaves the pacer in one run of Next belongs into one batch of the
// socket: at most 5 ms of the pacing rate, and audio. The sequence number is
// stamped after the pacer, so that numbers are in the order of sending.
//
// Sizes are those of whole packets, of the same layers everywhere: the UDP
// payload, or better that with the headers of UDP and IP, since the path's rate
// is of these. W3C's availableOutgoingBitrate is [Stats.Target].
//
// When ICE selects another pair, [Estimator.HandleRouteChange] begins anew. When
// encodings change, [Estimator.SetDemand] gets the sum of their limits, so that
// no more is probed for than can be used.
package bandwidth
