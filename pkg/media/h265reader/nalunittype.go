package h265reader

import "strconv"

// NalUnitType is the nal_unit_type of a NAL unit (ITU-T H.265 table 7-1).
type NalUnitType uint8

// The types of NAL units that have a name.
const (
	// NalUnitTypeTrailN: Slice segment of a trailing picture, not a reference in its sub-layer.
	NalUnitTypeTrailN NalUnitType = 0
	// NalUnitTypeTrailR: Slice segment of a trailing picture, a reference.
	NalUnitTypeTrailR NalUnitType = 1
	// NalUnitTypeTsaN: Slice segment of a TSA picture, not a reference in its sub-layer.
	NalUnitTypeTsaN NalUnitType = 2
	// NalUnitTypeTsaR: Slice segment of a TSA picture, a reference.
	NalUnitTypeTsaR NalUnitType = 3
	// NalUnitTypeStsaN: Slice segment of an STSA picture, not a reference in its sub-layer.
	NalUnitTypeStsaN NalUnitType = 4
	// NalUnitTypeStsaR: Slice segment of an STSA picture, a reference.
	NalUnitTypeStsaR NalUnitType = 5
	// NalUnitTypeRadlN: Slice segment of a RADL picture, not a reference in its sub-layer.
	NalUnitTypeRadlN NalUnitType = 6
	// NalUnitTypeRadlR: Slice segment of a RADL picture, a reference.
	NalUnitTypeRadlR NalUnitType = 7
	// NalUnitTypeRaslN: Slice segment of a RASL picture, not a reference in its sub-layer.
	NalUnitTypeRaslN NalUnitType = 8
	// NalUnitTypeRaslR: Slice segment of a RASL picture, a reference.
	NalUnitTypeRaslR NalUnitType = 9
	// NalUnitTypeBlaWLp: Slice segment of a BLA picture with leading pictures.
	NalUnitTypeBlaWLp NalUnitType = 16
	// NalUnitTypeBlaWRadl: Slice segment of a BLA picture with RADL pictures.
	NalUnitTypeBlaWRadl NalUnitType = 17
	// NalUnitTypeBlaNLp: Slice segment of a BLA picture without leading pictures.
	NalUnitTypeBlaNLp NalUnitType = 18
	// NalUnitTypeIdrWRadl: Slice segment of an IDR picture with RADL pictures.
	NalUnitTypeIdrWRadl NalUnitType = 19
	// NalUnitTypeIdrNLp: Slice segment of an IDR picture without leading pictures.
	NalUnitTypeIdrNLp NalUnitType = 20
	// NalUnitTypeCraNut: Slice segment of a CRA picture.
	NalUnitTypeCraNut NalUnitType = 21
	// NalUnitTypeVps: Video parameter set.
	NalUnitTypeVps NalUnitType = 32
	// NalUnitTypeSps: Sequence parameter set.
	NalUnitTypeSps NalUnitType = 33
	// NalUnitTypePps: Picture parameter set.
	NalUnitTypePps NalUnitType = 34
	// NalUnitTypeAud: Access unit delimiter.
	NalUnitTypeAud NalUnitType = 35
	// NalUnitTypeEos: End of sequence.
	NalUnitTypeEos NalUnitType = 36
	// NalUnitTypeEob: End of bitstream.
	NalUnitTypeEob NalUnitType = 37
	// NalUnitTypeFd: Filler data.
	NalUnitTypeFd NalUnitType = 38
	// NalUnitTypePrefixSei: Supplemental enhancement information before the slices.
	NalUnitTypePrefixSei NalUnitType = 39
	// NalUnitTypeSuffixSei: Supplemental enhancement information behind the slices.
	NalUnitTypeSuffixSei NalUnitType = 40
	// NalUnitTypeReserved41: First of the reserved ones.
	NalUnitTypeReserved41 NalUnitType = 41
	// NalUnitTypeReserved47: Last of the reserved ones.
	NalUnitTypeReserved47 NalUnitType = 47
	// NalUnitTypeUnspec48: First of the unspecified ones; RFC 7798 uses some in RTP payloads.
	NalUnitTypeUnspec48 NalUnitType = 48
	// NalUnitTypeUnspec63: Last of the unspecified ones.
	NalUnitTypeUnspec63 NalUnitType = 63
)

var nalUnitTypeNames = map[NalUnitType]string{
	NalUnitTypeTrailN:    "TrailN",
	NalUnitTypeTrailR:    "TrailR",
	NalUnitTypeTsaN:      "TsaN",
	NalUnitTypeTsaR:      "TsaR",
	NalUnitTypeStsaN:     "StsaN",
	NalUnitTypeStsaR:     "StsaR",
	NalUnitTypeRadlN:     "RadlN",
	NalUnitTypeRadlR:     "RadlR",
	NalUnitTypeRaslN:     "RaslN",
	NalUnitTypeRaslR:     "RaslR",
	NalUnitTypeBlaWLp:    "BlaWLp",
	NalUnitTypeBlaWRadl:  "BlaWRadl",
	NalUnitTypeBlaNLp:    "BlaNLp",
	NalUnitTypeIdrWRadl:  "IdrWRadl",
	NalUnitTypeIdrNLp:    "IdrNLp",
	NalUnitTypeCraNut:    "CraNut",
	NalUnitTypeVps:       "VPS",
	NalUnitTypeSps:       "SPS",
	NalUnitTypePps:       "PPS",
	NalUnitTypeAud:       "AUD",
	NalUnitTypeEos:       "EOS",
	NalUnitTypeEob:       "EOB",
	NalUnitTypeFd:        "FD",
	NalUnitTypePrefixSei: "PrefixSEI",
	NalUnitTypeSuffixSei: "SuffixSEI",
}

// String returns the name and the number, as in "SPS(33)".
func (n *NalUnitType) String() string {
	name, ok := nalUnitTypeNames[*n]
	switch {
	case ok:
	case *n >= NalUnitTypeReserved41 && *n <= NalUnitTypeReserved47:
		name = "Reserved"
	case *n >= NalUnitTypeUnspec48 && *n <= NalUnitTypeUnspec63:
		name = "Unspecified"
	default:
		name = "Unknown"
	}
	return name + "(" + strconv.Itoa(int(*n)) + ")"
}
