package dtls

import "fmt"

const (
	alertWarning = 1
	alertFatal   = 2

	alertCloseNotify  = 0
	alertDecryptError = 51
)

// AlertError says that the peer ended the association with an alert (RFC 5246 section 7.2).
type AlertError struct {
	// Description is the alert's number.
	Description uint8
	// Authenticated tells whether the alert came under the keys of epoch 1. One that did not was believed because the
	// peer said nothing more after it.
	Authenticated bool
}

func (e *AlertError) Error() string {
	how := ""
	if !e.Authenticated {
		how = " during the handshake"
	}
	return fmt.Sprintf("dtls: peer sent alert %s%s", alertName(e.Description), how)
}

// LocalAlertError says that this end ended the association with a fatal alert.
type LocalAlertError struct {
	// Description is the number of the alert that was sent (RFC 5246 section 7.2).
	Description uint8
	// Err is why it was sent.
	Err error
}

// Error is the text of the reason.
func (e *LocalAlertError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *LocalAlertError) Unwrap() error { return e.Err }

var alertNames = map[uint8]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed", 22: "record_overflow",
	30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate", 42: "bad_certificate",
	43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
	47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error",
	60: "export_restriction", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
	86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
	110: "unsupported_extension", 112: "unrecognized_name", 115: "unknown_psk_identity", 116: "certificate_required",
	120: "no_application_protocol",
}

func alertName(description uint8) string {
	if name, ok := alertNames[description]; ok {
		return fmt.Sprintf("%s (%d)", name, description)
	}
	return fmt.Sprint(description)
}
