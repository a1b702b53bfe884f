package webrtc

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/bandwidth"
	"github.com/passerelle-rtc/webrtc/internal/dtls"
	"github.com/passerelle-rtc/webrtc/internal/loop"
	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/passerelle-rtc/webrtc/internal/srtp"
)

// rtpTransport carries RTP and RTCP over the path of one DTLS transport, with the
// keys of its handshake (RFC 3550, RFC 5764). Its two halves are lanes: a leaf
// lock each, which is held for one packet. The loop gives it what was negotiated,
// the time, and takes what it tells.
type rtpTransport struct {
	dtls *DTLSTransport
	loop *loop.Loop
	in   rtpInbound
	out  rtpOutbound

	statsID string          // what the IDs of its streams begin with
	local   rtpsession.SSRC // of reports while nothing is sent
	active  bool            // media was negotiated. Owned by the loop.
	keyed   bool            // there are keys. Owned by the loop.

	cryptex   bool         // the peer takes encrypted header extensions (RFC 9335). Owned by the loop.
	cryptexIn srtp.Cryptex // what becomes of those that the peer sends. Owned by the loop.
	armed     armedDeadline

	allocation allocation          // owned by the loop
	onTarget   func(now time.Time) // of the connection; nil without one. Owned by the loop.

	standalone standaloneMedia
}

func newRTPTransport(t *DTLSTransport) *rtpTransport {
	r := &rtpTransport{dtls: t, loop: t.loop, statsID: "R" + newConnectionID()}
	r.local = rtpsession.SSRC(randomSSRC())
	r.in.receiver = rtpsession.NewReceiver(r.local)
	r.out.sender = rtpsession.NewSender(randomUint16())
	r.out.start(time.Now())
	return r
}

func randomUint16() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:])
}

// activate says that media is negotiated: keys are made, or will be when DTLS has
// connected. On the loop.
func (t *rtpTransport) activate(now time.Time, cname string) {
	if !t.active {
		t.active = true
		t.in.receiver.SetCNAME(cname)
		t.out.sender.SetCNAME(cname)
		t.loop.Join(&loopMember{deadline: t.deadline, advance: t.advance})
	}
	t.connected(now)
}

// setCryptex says whether the peer takes encrypted header extensions, and whether
// it may send them or has to. On the loop.
//
// See RFC 9335 section 4.
func (t *rtpTransport) setCryptex(out bool, in srtp.Cryptex) {
	t.cryptex, t.cryptexIn = out, in
	if keys := t.out.keys.Load(); keys != nil {
		keys.SetCryptex(out)
	}
}

// connected takes the keys of the DTLS association. On the loop.
//
// See RFC 5764 section 4.2.
func (t *rtpTransport) connected(now time.Time) {
	association := t.dtls.association
	if !t.active || t.keyed || association == nil || t.dtls.state != DTLSTransportStateConnected {
		return
	}
	negotiated, ok := association.SelectedSRTPProfile()
	if !ok {
		t.dtls.log.warn("media", "error", "the peer negotiated no SRTP profile in DTLS (RFC 5764)")
		return
	}
	profile := srtp.Profile(negotiated)
	material, err := association.ExportKeyingMaterial(srtp.ExporterLabel, profile.KeyingMaterialLen())
	if err == nil {
		err = t.key(now, profile, material, association.Role() == dtls.Client)
	}
	if err != nil {
		t.dtls.log.warn("SRTP keys", "error", err)
	}
}

func (t *rtpTransport) key(now time.Time, profile srtp.Profile, material []byte, client bool) error {
	local, remote, err := srtp.KeysFromExporter(profile, material, client)
	if err != nil {
		return err
	}
	options := t.dtls.api.settings.rtp.srtpOptions()
	outbound, err := srtp.NewOutbound(profile, local, options)
	if err != nil {
		return err
	}
	outbound.SetCryptex(t.cryptex)
	options.Cryptex = t.cryptexIn
	inbound, err := srtp.NewInbound(profile, remote, options)
	if err != nil {
		return err
	}
	t.keyed = true
	t.out.open(outbound)
	t.in.open(t, now, inbound)
	return nil
}

// deadline is that of the earlier lane. On the loop.
func (t *rtpTransport) deadline() time.Time {
	return t.armed.arm(func() time.Time { return earlier(t.in.deadline(), t.out.deadline()) })
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// rouse makes the loop look at the deadline if it is earlier than the one that it
// knows. Any goroutine, without a lane's lock.
func (t *rtpTransport) rouse(at time.Time) {
	if t.armed.earlier(at) {
		t.loop.Post(nothing)
	}
}

func nothing(time.Time) {}

// advance sends the reports and the feedback that are due. On the loop.
func (t *rtpTransport) advance(now time.Time) {
	t.sendFeedback(now)
	t.report(now)
	t.drive(now)
}

// sendRTCP protects a compound packet and sends it. buffer holds it, and is used
// up. Any goroutine.
func (t *rtpTransport) sendRTCP(buffer *netio.Buffer) {
	path := t.dtls.ice.path.Load()
	keys := t.out.keys.Load()
	if path == nil || keys == nil {
		buffer.Release()
		return
	}
	sealed, err := keys.ProtectRTCP(buffer.Cap()[:len(buffer.Bytes())])
	if err != nil {
		buffer.Release()
		return
	}
	buffer.SetLen(len(sealed))
	path.send(buffer, false)
}

// targetChanged takes a new estimate of the path. On the loop.
func (t *rtpTransport) targetChanged(now time.Time, target bandwidth.Bitrate) {
	t.allocation.target = target
	if t.onTarget != nil {
		t.onTarget(now)
	}
}

// close ends both halves: what waits for packets ends. On the loop.
func (t *rtpTransport) close() {
	t.standalone.end()
	t.in.close()
	t.out.close()
}
