package dtls

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// seedDatagrams are what two ends really send, for the corpora.
func seedDatagrams(f *testing.F) [][]byte {
	var out [][]byte
	w := newWire(0)
	client, server := newEnd(f, w, Client, nil), newEnd(f, w, Server, nil)
	start(f, server)
	start(f, client)
	for _, e := range []*end{client, server} {
		e.await(f, "connected", 10*time.Second, connected(e))
	}
	client.Close()
	server.Close()
	for _, d := range append(w.datagrams(Client), w.datagrams(Server)...) {
		out = append(out, d.data)
	}
	return append(out, nil, []byte{22}, make([]byte, recordHeaderLen),
		[]byte{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40},
		[]byte{23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40})
}

// FuzzHandleDatagram throws datagrams at both roles before, during and after the handshake. Nothing may panic, nothing
// unauthenticated may change the state of a connected pair, and Close must leave nothing.
func FuzzHandleDatagram(f *testing.F) {
	for _, d := range seedDatagrams(f) {
		for phase := range uint8(8) {
			f.Add(phase, d, []byte(nil))
		}
	}
	f.Fuzz(func(t *testing.T, phase uint8, first, second []byte) {
		synctest.Test(t, func(t *testing.T) {
			w := newWire(time.Millisecond)
			client, server := newEnd(t, w, Client, nil), newEnd(t, w, Server, nil)
			throw := func() {
				for _, d := range [][]byte{first, second} {
					w.deliver(Client, append([]byte(nil), d...))
					w.deliver(Server, append([]byte(nil), d...))
				}
			}
			wasConnected := false
			if phase%8 == 0 {
				throw()
			}
			start(t, server)
			start(t, client)
			for i := uint8(1); i < 8; i++ {
				if phase%8 == i {
					wasConnected = connected(client, server)()
					throw()
				}
				time.Sleep(time.Millisecond)
			}
			if wasConnected {
				if client.State() != Connected || server.State() != Connected {
					t.Errorf("states %v and %v after garbage", client.State(), server.State())
				}
				if n := len(client.received()) + len(server.received()); n != 0 {
					t.Errorf("%d forged records delivered", n)
				}
			}
			client.Close()
			server.Close()
		})
	})
}

func FuzzNextRecord(f *testing.F) {
	for _, d := range seedDatagrams(f) {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		total, rest := 0, datagram
		for len(rest) > 0 {
			h, record, next, ok := nextRecord(rest)
			if !ok {
				return
			}
			if len(record) < recordHeaderLen || len(record)+len(next) != len(rest) || h.seq > maxSequence {
				t.Fatalf("record of %d bytes, %d left of %d", len(record), len(next), len(rest))
			}
			total += len(record)
			rest = next
			for body := record[recordHeaderLen:]; len(body) > 0; {
				frag, more, ok := nextFragment(body)
				if !ok {
					break
				}
				if frag.offset+len(frag.body) > frag.length || len(more) >= len(body) {
					t.Fatalf("fragment %+v", frag)
				}
				body = more
			}
		}
		if total != len(datagram) {
			t.Fatalf("%d of %d bytes in records", total, len(datagram))
		}
	})
}

func FuzzOpen(f *testing.F) {
	client, _ := testKeys(f, suiteByID(0xc02b))
	f.Add(client.seal(make([]byte, 0, 100), typeApplicationData, 1, 5, []byte("data")))
	f.Add([]byte{23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, datagram []byte) {
		h, record, _, ok := nextRecord(datagram)
		if !ok {
			return
		}
		for i := range cipherSuites {
			open, _ := testKeys(t, &cipherSuites[i])
			o := opener{protection: open}
			var c counters
			if plaintext, ok := o.open(h, append([]byte(nil), record...), &c); ok && !bytes.Equal(plaintext, []byte("data")) {
				t.Fatalf("%s opens a forgery to %x", cipherSuites[i].name, plaintext)
			}
		}
	})
}

func FuzzParseHello(f *testing.F) {
	for _, d := range seedDatagrams(f) {
		if len(d) > recordHeaderLen+messageHeaderLen && d[0] == typeHandshake {
			f.Add(d[recordHeaderLen+messageHeaderLen:])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if hello, ok := parseClientHello(body); ok {
			if got := hello.chooseSRTP([]SRTPProfile{8, 7}); len(hello.srtp) > 0 && len(got) == 0 {
				t.Fatal("a client's use_srtp is left without an answer")
			}
		}
		if hello, ok := parseServerHello(body); ok && len(hello.random) != randomLen {
			t.Fatalf("server random of %d bytes", len(hello.random))
		}
	})
}

// FuzzAssembler cuts a message in fragments as the input says, in any order and overlapping, and wants it back whole.
func FuzzAssembler(f *testing.F) {
	f.Add([]byte("a message that is cut"), []byte{0, 5, 5, 30, 2, 4})
	f.Add([]byte{}, []byte{0, 0})
	f.Fuzz(func(t *testing.T, body, cuts []byte) {
		if len(body) > maxMessage {
			return
		}
		var a assembler
		add := func(from, to int) {
			a.add(0, fragment{typ: messageCertificate, length: len(body), offset: from, body: body[from:to]})
		}
		for i := 0; i+1 < len(cuts); i += 2 {
			from := min(int(cuts[i]), len(body))
			add(from, min(from+int(cuts[i+1]), len(body)))
		}
		add(0, len(body))
		m, ok := a.peek()
		if !ok || !bytes.Equal(m.body, body) {
			t.Fatalf("assembled %x, %v", m.body, ok)
		}
		a.take()
		if a.held != 0 || !a.add(0, fragment{typ: messageCertificate, length: len(body)}) {
			t.Fatalf("%d bytes held after all was taken", a.held)
		}
	})
}
