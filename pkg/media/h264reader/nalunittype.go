package h264reader

import "strconv"

// NalUnitType is the nal_unit_type of a NAL unit (ITU-T H.264 table 7-1).
type NalUnitType uint8

// The types of NAL units that have a name.
const (
	// NalUnitTypeUnspecified: Unspecified.
	NalUnitTypeUnspecified NalUnitType = 0
	// NalUnitTypeCodedSliceNonIdr: Coded slice of a non-IDR picture.
	NalUnitTypeCodedSliceNonIdr NalUnitType = 1
	// NalUnitTypeCodedSliceDataPartitionA: Coded slice data partition A.
	NalUnitTypeCodedSliceDataPartitionA NalUnitType = 2
	// NalUnitTypeCodedSliceDataPartitionB: Coded slice data partition B.
	NalUnitTypeCodedSliceDataPartitionB NalUnitType = 3
	// NalUnitTypeCodedSliceDataPartitionC: Coded slice data partition C.
	NalUnitTypeCodedSliceDataPartitionC NalUnitType = 4
	// NalUnitTypeCodedSliceIdr: Coded slice of an IDR picture.
	NalUnitTypeCodedSliceIdr NalUnitType = 5
	// NalUnitTypeSEI: Supplemental enhancement information.
	NalUnitTypeSEI NalUnitType = 6
	// NalUnitTypeSPS: Sequence parameter set.
	NalUnitTypeSPS NalUnitType = 7
	// NalUnitTypePPS: Picture parameter set.
	NalUnitTypePPS NalUnitType = 8
	// NalUnitTypeAUD: Access unit delimiter.
	NalUnitTypeAUD NalUnitType = 9
	// NalUnitTypeEndOfSequence: End of sequence.
	NalUnitTypeEndOfSequence NalUnitType = 10
	// NalUnitTypeEndOfStream: End of stream.
	NalUnitTypeEndOfStream NalUnitType = 11
	// NalUnitTypeFiller: Filler data.
	NalUnitTypeFiller NalUnitType = 12
	// NalUnitTypeSpsExt: Sequence parameter set extension.
	NalUnitTypeSpsExt NalUnitType = 13
	// NalUnitTypeCodedSliceAux: Coded slice of an auxiliary coded picture without partitioning.
	NalUnitTypeCodedSliceAux NalUnitType = 19
)

var nalUnitTypeNames = map[NalUnitType]string{
	NalUnitTypeUnspecified:              "Unspecified",
	NalUnitTypeCodedSliceNonIdr:         "CodedSliceNonIdr",
	NalUnitTypeCodedSliceDataPartitionA: "CodedSliceDataPartitionA",
	NalUnitTypeCodedSliceDataPartitionB: "CodedSliceDataPartitionB",
	NalUnitTypeCodedSliceDataPartitionC: "CodedSliceDataPartitionC",
	NalUnitTypeCodedSliceIdr:            "CodedSliceIdr",
	NalUnitTypeSEI:                      "SEI",
	NalUnitTypeSPS:                      "SPS",
	NalUnitTypePPS:                      "PPS",
	NalUnitTypeAUD:                      "AUD",
	NalUnitTypeEndOfSequence:            "EndOfSequence",
	NalUnitTypeEndOfStream:              "EndOfStream",
	NalUnitTypeFiller:                   "Filler",
	NalUnitTypeSpsExt:                   "SpsExt",
	NalUnitTypeCodedSliceAux:            "NalUnitTypeCodedSliceAux",
}

// String returns the name and the number, as in "SPS(7)".
func (n *NalUnitType) String() string {
	name, ok := nalUnitTypeNames[*n]
	if !ok {
		name = "Unknown"
	}
	return name + "(" + strconv.Itoa(int(*n)) + ")"
}
