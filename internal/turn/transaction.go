package turn

import (
	"encoding/binary"
	"io"
	"net/netip"
	"time"

	"github.com/pion/stun"
)

// Retransmission of requests over UDP (RFC 8489 section 6.2.1): RTO doubles, Rc
// requests are sent, and Rm times the first RTO passes after the last.
const (
	rto             = 500 * time.Millisecond
	rc              = 7
	rm              = 16
	streamTimeout   = 39500 * time.Millisecond // Ti, RFC 8489 section 6.2.2
	maxStaleNonces  = 3                        // challenges that one transaction goes through
	maxTransactions = 300
	udpTransport    = 17 // RFC 8656 section 18.8
)

// ADDITIONAL-ADDRESS-FAMILY (RFC 8656 section 18.11), and the number that it had in
// the drafts (draft-martinsen-tram-ssoda), which is the one that coturn reads. Servers
// ignore what they do not know above 0x7FFF.
const (
	attrAdditional      = stun.AttrType(0x8000)
	attrAdditionalDraft = stun.AttrType(0x8032)
)

// transaction is a request that waits for its response.
type transaction struct {
	method stun.Method
	family Family         // of Allocate
	peer   netip.AddrPort // of CreatePermission (without port) and ChannelBind
	number uint16         // of ChannelBind

	id        [stun.TransactionIDSize]byte
	raw       []byte
	signed    bool
	sent      int
	interval  time.Duration
	next, end time.Time // of the next transmission, or the end
	stale     int       // challenges to its credentials so far
}

// request sends the request of t, with the credentials where the server has asked
// for them.
func (c *Client) request(now time.Time, t *transaction) {
	if len(c.transactions) >= maxTransactions && t.peer.Addr().IsValid() {
		c.timedOut(now, t)
		return
	}
	t.raw = c.build(t)
	t.sent, t.interval = 0, rto
	t.end = now.Add(streamTimeout)
	c.transactions = append(c.transactions, t)
	c.transmit(now, t)
	if t.method == stun.MethodAllocate && t.signed {
		c.holds = true
	}
}

func (c *Client) transmit(now time.Time, t *transaction) {
	c.send(now, append([]byte(nil), t.raw...))
	t.sent++
	switch {
	case c.cfg.Stream:
		t.next = t.end
	case t.sent == rc:
		t.next = now.Add(rm * rto)
		t.end = t.next
	default:
		t.next = now.Add(t.interval)
		t.end = t.next.Add(rm * rto) // moved by the transmissions to come
		t.interval *= 2
	}
}

func (c *Client) newID() stun.Setter {
	var id [stun.TransactionIDSize]byte
	_, _ = io.ReadFull(c.cfg.Random, id[:])
	return stun.NewTransactionIDSetter(id)
}

// build encodes the request of t under a new transaction ID.
func (c *Client) build(t *transaction) []byte {
	m := &stun.Message{Type: stun.NewType(t.method, stun.ClassRequest)}
	m.WriteHeader()
	_ = c.newID().AddTo(m) // writes the ID, and fails never
	t.id = m.TransactionID
	c.addAttributes(m, t)
	t.signed = c.credentials.key != nil
	if t.signed {
		c.credentials.sign(m)
	}
	return m.Raw
}

// addAttributes adds what the method asks for. A Refresh without a live allocation
// gives it up (RFC 8656 section 8.1).
func (c *Client) addAttributes(m *stun.Message, t *transaction) {
	switch t.method {
	case stun.MethodAllocate:
		m.Add(stun.AttrRequestedTransport, []byte{udpTransport, 0, 0, 0})
		switch t.family {
		case IPv6:
			m.Add(stun.AttrRequestedAddressFamily, []byte{byte(IPv6), 0, 0, 0})
		case DualStack:
			m.Add(attrAdditional, []byte{byte(IPv6), 0, 0, 0})
			m.Add(attrAdditionalDraft, []byte{byte(IPv6), 0, 0, 0})
		}
	case stun.MethodRefresh:
		if c.state == allocated {
			m.Add(stun.AttrLifetime, binary.BigEndian.AppendUint32(nil, uint32(defaultLifetime/time.Second)))
		} else {
			m.Add(stun.AttrLifetime, []byte{0, 0, 0, 0})
		}
	case stun.MethodCreatePermission:
		addXORAddress(m, stun.AttrXORPeerAddress, t.peer)
	case stun.MethodChannelBind:
		m.Add(stun.AttrChannelNumber, []byte{byte(t.number >> 8), byte(t.number), 0, 0})
		addXORAddress(m, stun.AttrXORPeerAddress, t.peer)
	}
}

// handleResponse takes the response to one of our requests; others are dropped.
func (c *Client) handleResponse(now time.Time, m *stun.Message) error {
	for i, t := range c.transactions {
		if t.id != m.TransactionID || t.method != m.Type.Method {
			continue
		}
		failure, err := c.judge(m, t)
		if err != nil {
			return err // RFC 8489 section 9.2.5: as if it had not come
		}
		c.transactions = append(c.transactions[:i], c.transactions[i+1:]...)
		switch {
		case failure == nil:
			c.succeeded(now, t, m)
		case c.challenged(now, t, m, failure):
		default:
			c.refused(now, t, failure)
		}
		return nil
	}
	return ErrUnknownTransaction
}

// judge checks that a response may be believed, and reads the error that it
// carries; nil for a success. The responses to what was signed are signed with the
// same key, but for the challenges and, with some servers, other errors: of those
// the transaction ID, which nobody off the path knows, has to be proof enough.
func (c *Client) judge(m *stun.Message, t *transaction) (*ErrorResponse, error) {
	success := m.Type.Class == stun.ClassSuccessResponse
	if t.signed {
		present, err := c.credentials.check(m)
		if err == nil && success && !present {
			err = ErrIntegrity
		}
		if err != nil {
			return nil, err
		}
	}
	if code := unknownAttribute(m); success && code != 0 {
		// RFC 8489 section 6.3.3: the transaction has failed.
		return &ErrorResponse{Method: t.method.String(), Code: 420, Reason: "the response has an attribute that is not understood"}, nil
	}
	if success {
		return nil, nil
	}
	failure, err := readError(m)
	if err != nil {
		return nil, err
	}
	if failure.Code != codeUnauthenticated && failure.Code != codeStaleNonce && stripped(m) {
		return nil, ErrIntegrity
	}
	failure.Method = t.method.String()
	return failure, nil
}

// challenged repeats the request where the server asks for credentials, or for
// its new nonce (RFC 8489 section 9.2.5). It reports whether it did. After a 401 to
// credentials "the client MUST NOT perform this retry if it is not changing" the
// realm; the nonce of such an answer is good for the requests to come.
func (c *Client) challenged(now time.Time, t *transaction, m *stun.Message, failure *ErrorResponse) bool {
	nonce, hasNonce := attribute(m, stun.AttrNonce)
	realm, hasRealm := attribute(m, stun.AttrRealm)
	if len(nonce) > maxNonce || len(realm) > maxNonce {
		return false
	}
	switch {
	case failure.Code == codeUnauthenticated && !t.signed && hasNonce && hasRealm:
		if !c.know(m, string(realm), string(nonce)) {
			return false
		}
	case failure.Code == codeUnauthenticated && t.signed && hasNonce && hasRealm:
		changed := string(realm) != c.credentials.realm
		if !c.know(m, string(realm), string(nonce)) || !changed || t.stale >= maxStaleNonces {
			return false
		}
		t.stale++
	case failure.Code == codeStaleNonce && t.signed && hasNonce && t.stale < maxStaleNonces:
		t.stale++
		if !hasRealm {
			realm = []byte(c.credentials.realm)
		}
		if !c.know(m, string(realm), string(nonce)) {
			return false
		}
	default:
		return false
	}
	c.request(now, t)
	return true
}

// know takes what the server wants the next requests to be signed with; false: that
// cannot be done, or is not to be.
func (c *Client) know(m *stun.Message, realm, nonce string) bool {
	next := c.credentials.learn(m, realm, nonce)
	if next != nil {
		c.credentials = *next
	}
	return next != nil
}

// succeeded acts on a success response.
func (c *Client) succeeded(now time.Time, t *transaction, m *stun.Message) {
	if c.state == releasing {
		c.released()
		return
	}
	switch t.method {
	case stun.MethodAllocate:
		c.allocatedBy(now, m)
	case stun.MethodRefresh:
		c.refreshed(now, m)
	case stun.MethodCreatePermission:
		c.permitted(now, t.peer.Addr())
	case stun.MethodChannelBind:
		c.bound(now, t)
	}
}

// refused acts on an error response that no credentials help against.
func (c *Client) refused(now time.Time, t *transaction, failure *ErrorResponse) {
	if c.state == releasing {
		c.released() // 437 "as having effectively succeeded", RFC 8656 section 8.3
		return
	}
	if t.method == stun.MethodAllocate || failure.Code == codeMismatch {
		c.holds = false
	}
	switch t.method {
	case stun.MethodAllocate:
		if failure.Code == codeFamilyNotSupported && t.family == DualStack {
			c.request(now, &transaction{method: stun.MethodAllocate, family: IPv6})
			return
		}
		if failure.Code == codeUnauthenticated && !t.signed {
			c.fail(errCredential)
			return
		}
		c.fail(failure)
	case stun.MethodRefresh:
		if failure.Code == codeMismatch {
			c.fail(failure) // RFC 8656 section 8.3: "the allocation no longer exists"
			return
		}
		c.lastRefusal = failure
		c.refreshLater(now)
	case stun.MethodCreatePermission:
		if failure.Code == codeMismatch {
			c.fail(failure) // the server knows no allocation
			return
		}
		c.forbidden(now, t.peer.Addr(), failure)
	case stun.MethodChannelBind:
		if failure.Code == codeMismatch {
			c.fail(failure)
			return
		}
		c.unbound(now, t)
	}
}

// timedOut acts on a request that was never answered.
func (c *Client) timedOut(now time.Time, t *transaction) {
	if c.state == releasing {
		c.released()
		return
	}
	switch t.method {
	case stun.MethodAllocate:
		c.fail(errNoAnswer)
	case stun.MethodRefresh:
		c.refreshLater(now)
	case stun.MethodCreatePermission:
		c.forbidden(now, t.peer.Addr(), errNoAnswer)
	case stun.MethodChannelBind:
		c.unbound(now, t)
	}
}
