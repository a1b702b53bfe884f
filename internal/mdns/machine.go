package mdns

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Port is where all of Multicast DNS is spoken (RFC 6762 section 3).
const Port = 5353

// The groups of RFC 6762 section 3.
var (
	Group4 = netip.AddrFrom4([4]byte{224, 0, 0, 251})
	Group6 = netip.MustParseAddr("ff02::fb")
)

// Timing and bounds.
const (
	firstInterval  = time.Second // RFC 6762 section 5.2: at least, then doubling
	recordInterval = time.Second // RFC 6762 section 6: between two answers with a record
	hostTTL        = 120         // s, RFC 6762 section 10
	cacheFlush     = 1 << 15     // RFC 6762 section 10.2
	maxQueries     = 256         // names that are looked up at a time
	maxNames       = 4096        // names that are answered for
	maxHeard       = 256         // addresses of others that are kept
	maxRecords     = 64          // of a message that are read
	maxMessage     = 9000        // RFC 6762 section 17
	maxLabel       = 63          // RFC 1035 section 2.3.4
	suffix         = ".local"
)

// IsName tells whether a name is one that ICE looks up by Multicast DNS: one
// label, of letters, digits and hyphens, under "local".
func IsName(name string) bool {
	label, ok := strings.CutSuffix(strings.ToLower(name), suffix)
	if !ok || label == "" || len(label) > maxLabel {
		return false
	}
	return strings.IndexFunc(label, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	}) < 0
}

// Machine looks up names and answers for its own. The zero value is ready. It has
// one owner.
type Machine struct {
	queries map[string]*query // by name in lower case
	own     map[string]*ownName
	heard   []heardAddress
	out     [][]byte
	found   []Answer
}

type query struct {
	next     time.Time
	interval time.Duration
}

// ownName is a name of this host, with the addresses that it stands for.
type ownName struct {
	addrs []ownAddr
	sent  time.Time // the latest answer; zero: none
}

// ownAddr is an address that a name stands for, and how often it was published.
type ownAddr struct {
	netip.Addr
	uses int
}

// Answer is an address that a name was found to have.
type Answer struct {
	Name string // in lower case
	Addr netip.Addr
}

// Query begins to look a name up, at once and then again until Forget; what was heard
// of it already is found at once. A name that is looked up already is asked for once
// more. It returns false for a name that is
// not to be looked up here, and where too many are.
func (m *Machine) Query(now time.Time, name string) bool {
	name = strings.ToLower(name)
	if !IsName(name) || m.queries[name] == nil && len(m.queries) >= maxQueries {
		return false
	}
	if m.queries == nil {
		m.queries = make(map[string]*query)
	}
	if own := m.own[name]; own != nil {
		for _, a := range own.addrs {
			m.found = append(m.found, Answer{name, a.Addr})
		}
	}
	q := &query{next: now, interval: firstInterval}
	if m.recall(now, name) {
		q.next = now.Add(firstInterval)
	}
	m.queries[name] = q
	m.Advance(now)
	return true
}

// Forget ends a look-up.
func (m *Machine) Forget(name string) { delete(m.queries, strings.ToLower(name)) }

// Publish answers for a name from now on. A name may have several addresses, and an
// address of it several owners, each of which withdraws it. It is not announced (RFC
// 6762 section 8.3): nobody has asked for it yet, and whoever is told of it then would
// have to wait for a second (section 6). False: it is no name, or there are too many.
func (m *Machine) Publish(name string, addr netip.Addr) bool {
	name = strings.ToLower(name)
	if !IsName(name) || m.own[name] == nil && len(m.own) >= maxNames {
		return false
	}
	if m.own == nil {
		m.own = make(map[string]*ownName)
	}
	own := m.own[name]
	if own == nil {
		own = &ownName{}
		m.own[name] = own
	}
	addr = addr.Unmap().WithZone("")
	i := own.index(addr)
	if i < 0 {
		i = len(own.addrs)
		own.addrs = append(own.addrs, ownAddr{Addr: addr})
	}
	own.addrs[i].uses++
	return true
}

// Withdraw ends what one Publish began. With the last it says goodbye to the address
// (RFC 6762 section 10.1).
func (m *Machine) Withdraw(name string, addr netip.Addr) {
	name = strings.ToLower(name)
	own := m.own[name]
	addr = addr.Unmap().WithZone("")
	if own == nil {
		return
	}
	i := own.index(addr)
	if i < 0 {
		return
	}
	if own.addrs[i].uses--; own.addrs[i].uses > 0 {
		return
	}
	own.addrs = slices.Delete(own.addrs, i, i+1)
	if len(own.addrs) == 0 {
		delete(m.own, name)
	}
	m.send(response(name, []netip.Addr{addr}, 0))
}

// Advance repeats the queries that are due.
func (m *Machine) Advance(now time.Time) {
	var due []string
	for name, q := range m.queries {
		if !now.Before(q.next) {
			due = append(due, name)
			q.next = now.Add(q.interval)
			q.interval *= 2
		}
	}
	slices.Sort(due)
	for _, name := range due {
		m.send(question(name))
	}
}

// Deadline is when Advance is to be called; zero: never.
func (m *Machine) Deadline() time.Time {
	var t time.Time
	for _, q := range m.queries {
		if t.IsZero() || q.next.Before(t) {
			t = q.next
		}
	}
	return t
}

// NextMessage returns the next message to send to the groups.
func (m *Machine) NextMessage() ([]byte, bool) {
	if len(m.out) == 0 {
		return nil, false
	}
	b := m.out[0]
	m.out = m.out[1:]
	return b, true
}

// NextAnswer returns the next address that was found.
func (m *Machine) NextAnswer() (Answer, bool) {
	if len(m.found) == 0 {
		return Answer{}, false
	}
	a := m.found[0]
	m.found = m.found[1:]
	return a, true
}

func (m *Machine) send(message []byte) {
	if message != nil {
		m.out = append(m.out, message)
	}
}

// HandleMessage takes a message that was sent to a group. What is no message, or
// does not come from the port of Multicast DNS, is ignored (RFC 6762 sections 6
// and 11); simple resolvers, which ask from another port, are not served, so that
// an answer never goes to one address that somebody may have forged.
func (m *Machine) HandleMessage(now time.Time, src netip.AddrPort, data []byte) {
	if src.Port() != Port || len(data) > maxMessage {
		return
	}
	var p dnsmessage.Parser
	header, err := p.Start(data)
	if err != nil || header.OpCode != 0 || header.RCode != 0 { // RFC 6762 sections 18.3 and 18.11
		return
	}
	if header.Response {
		m.readAnswers(now, &p)
	} else {
		m.answerQuestions(now, &p)
	}
}

func (m *Machine) readAnswers(now time.Time, p *dnsmessage.Parser) {
	if p.SkipAllQuestions() != nil {
		return
	}
	for range maxRecords {
		h, err := p.AnswerHeader()
		if err != nil {
			return
		}
		name := nameOf(h.Name)
		wanted := IsName(name) && h.Class&^cacheFlush == dnsmessage.ClassINET
		var addr netip.Addr
		switch {
		case wanted && h.Type == dnsmessage.TypeA:
			var r dnsmessage.AResource
			r, err = p.AResource()
			addr = netip.AddrFrom4(r.A)
		case wanted && h.Type == dnsmessage.TypeAAAA:
			var r dnsmessage.AAAAResource
			r, err = p.AAAAResource()
			addr = netip.AddrFrom16(r.AAAA).Unmap()
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return
		}
		if !usable(addr) {
			continue
		}
		m.keep(now, Answer{name, addr}, h.TTL)
		if m.queries[name] != nil && h.TTL > 0 {
			m.found = append(m.found, Answer{name, addr})
		}
	}
}

// usable leaves out what can be nobody's address.
func usable(addr netip.Addr) bool {
	return addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast()
}

func (m *Machine) answerQuestions(now time.Time, p *dnsmessage.Parser) {
	asked := make(map[string][]netip.Addr)
	var order []string
	for range maxRecords {
		q, err := p.Question()
		if err != nil {
			break
		}
		// The top bit asks for a unicast answer, which need not be (section 5.4).
		if q.Class&^cacheFlush != dnsmessage.ClassINET && q.Class != dnsmessage.ClassANY {
			continue
		}
		name := nameOf(q.Name)
		own := m.own[name]
		if own == nil || !own.sent.IsZero() && now.Before(own.sent.Add(recordInterval)) {
			continue
		}
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
		for _, addr := range own.of(q.Type) {
			if !slices.Contains(asked[name], addr) {
				asked[name] = append(asked[name], addr)
			}
		}
	}
	for _, name := range order {
		if len(asked[name]) > 0 {
			m.own[name].sent = now
			m.send(response(name, asked[name], hostTTL))
		}
	}
}

// of are the addresses that a question is for.
func (o *ownName) of(t dnsmessage.Type) []netip.Addr {
	var all []netip.Addr
	for _, a := range o.addrs {
		if t == dnsmessage.TypeALL || t == dnsmessage.TypeA && a.Is4() || t == dnsmessage.TypeAAAA && a.Is6() {
			all = append(all, a.Addr)
		}
	}
	return all
}

// index is where an address is among those of the name; -1: nowhere.
func (o *ownName) index(addr netip.Addr) int {
	return slices.IndexFunc(o.addrs, func(a ownAddr) bool { return a.Addr == addr })
}
