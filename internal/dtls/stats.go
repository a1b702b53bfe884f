package dtls

import "sync/atomic"

// Stats counts what an association sent and received, from its start.
type Stats struct {
	RecordsSent, RecordsReceived uint64 // of epoch 1, authenticated
	BytesSent, BytesReceived     uint64 // of application data, without record overhead
	Retransmissions              uint64 // flights that were sent again

	Malformed       uint64 // records or messages that make no sense where they came
	Unauthenticated uint64 // records of epoch 1 that are forged or damaged
	Replayed        uint64 // records of epoch 1 that came before, or are older than the window
	PlainDropped    uint64 // records of epoch 0 that were ignored: after the handshake, or an alert not to be believed
	HeldDropped     uint64 // early records for which there was no room
	EngineDropped   uint64 // records of the engine that must not reach the wire; 0 unless it has changed
}

type counters struct {
	recordsSent, recordsReceived, bytesSent, bytesReceived, retransmissions        atomic.Uint64
	malformed, unauthenticated, replayed, plainDropped, heldDropped, engineDropped atomic.Uint64
}

// Stats returns the counters.
func (a *Association) Stats() Stats {
	c := &a.counts
	return Stats{
		RecordsSent: c.recordsSent.Load(), RecordsReceived: c.recordsReceived.Load(),
		BytesSent: c.bytesSent.Load(), BytesReceived: c.bytesReceived.Load(),
		Retransmissions: c.retransmissions.Load(),
		Malformed:       c.malformed.Load(), Unauthenticated: c.unauthenticated.Load(), Replayed: c.replayed.Load(),
		PlainDropped: c.plainDropped.Load(), HeldDropped: c.heldDropped.Load(), EngineDropped: c.engineDropped.Load(),
	}
}
