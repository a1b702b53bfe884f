package chunk

import (
	"encoding/binary"
	"fmt"
)

// DataFlags are the flags of DATA and I-DATA.
type DataFlags byte

// The flags of RFC 9260 section 3.3.1 and RFC 8260 section 2.1.
const (
	FlagEnd       DataFlags = 0x01 // last fragment of a message
	FlagBegin     DataFlags = 0x02 // first fragment
	FlagUnordered DataFlags = 0x04
	FlagImmediate DataFlags = 0x08 // the SACK is not to be delayed (RFC 7053)
)

const (
	// DataHeaderSize is what DATA adds to its payload, padding aside.
	DataHeaderSize = 16
	// IDataHeaderSize is what I-DATA adds to its payload, padding aside.
	IDataHeaderSize = 20
)

// Data is DATA (RFC 9260 section 3.3.1).
type Data struct {
	Flags   DataFlags
	TSN     TSN
	Stream  StreamID
	SSN     SSN // of no meaning with FlagUnordered
	PPID    PPID
	Payload []byte
}

// IData is I-DATA (RFC 8260 section 2.1).
type IData struct {
	Flags   DataFlags
	TSN     TSN
	Stream  StreamID
	MID     MID
	PPID    PPID   // with FlagBegin, otherwise 0
	FSN     uint32 // number of the fragment: 0 with FlagBegin
	Payload []byte
}

// ParseData reads a DATA chunk. Its payload may be empty, which RFC 9260 section
// 6.2 makes an error of the peer. Errors: ErrTruncated.
func ParseData(c Chunk) (Data, error) {
	v := c.Value
	if len(v) < DataHeaderSize-HeaderSize {
		return Data{}, fmt.Errorf("%w: DATA of %d bytes", ErrTruncated, len(v))
	}
	return Data{
		Flags:   DataFlags(c.Flags),
		TSN:     TSN(binary.BigEndian.Uint32(v)),
		Stream:  StreamID(binary.BigEndian.Uint16(v[4:])),
		SSN:     SSN(binary.BigEndian.Uint16(v[6:])),
		PPID:    PPID(binary.BigEndian.Uint32(v[8:])),
		Payload: v[12:],
	}, nil
}

// AppendData appends a DATA chunk.
func AppendData(b []byte, d *Data) []byte {
	start := len(b)
	return finish(append(AppendDataHeader(b, d), d.Payload...), start)
}

// AppendDataHeader appends what comes before the payload of a DATA chunk: a payload of
// that length, and its padding, have to follow.
func AppendDataHeader(b []byte, d *Data) []byte {
	n := DataHeaderSize + len(d.Payload)
	b = append(b, byte(TypeData), byte(d.Flags), byte(n>>8), byte(n))
	b = binary.BigEndian.AppendUint32(b, uint32(d.TSN))
	b = binary.BigEndian.AppendUint16(b, uint16(d.Stream))
	b = binary.BigEndian.AppendUint16(b, uint16(d.SSN))
	return binary.BigEndian.AppendUint32(b, uint32(d.PPID))
}

// ParseIData reads an I-DATA chunk. Errors: ErrTruncated.
func ParseIData(c Chunk) (IData, error) {
	v := c.Value
	if len(v) < IDataHeaderSize-HeaderSize {
		return IData{}, fmt.Errorf("%w: I-DATA of %d bytes", ErrTruncated, len(v))
	}
	d := IData{
		Flags:   DataFlags(c.Flags),
		TSN:     TSN(binary.BigEndian.Uint32(v)),
		Stream:  StreamID(binary.BigEndian.Uint16(v[4:])),
		MID:     MID(binary.BigEndian.Uint32(v[8:])),
		Payload: v[16:],
	}
	if word := binary.BigEndian.Uint32(v[12:]); d.Flags&FlagBegin != 0 {
		d.PPID = PPID(word)
	} else {
		d.FSN = word
	}
	return d, nil
}

// AppendIData appends an I-DATA chunk.
func AppendIData(b []byte, d *IData) []byte {
	start := len(b)
	return finish(append(AppendIDataHeader(b, d), d.Payload...), start)
}

// AppendIDataHeader appends what comes before the payload of an I-DATA chunk: a payload
// of that length, and its padding, have to follow.
func AppendIDataHeader(b []byte, d *IData) []byte {
	n := IDataHeaderSize + len(d.Payload)
	b = append(b, byte(TypeIData), byte(d.Flags), byte(n>>8), byte(n))
	b = binary.BigEndian.AppendUint32(b, uint32(d.TSN))
	b = binary.BigEndian.AppendUint16(b, uint16(d.Stream))
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(d.MID))
	word := d.FSN
	if d.Flags&FlagBegin != 0 {
		word = uint32(d.PPID)
	}
	return binary.BigEndian.AppendUint32(b, word)
}
