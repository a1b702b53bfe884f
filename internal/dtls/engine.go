package dtls

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	engine "github.com/pion/dtls/v2"
	"github.com/pion/logging"
)

// engineRun is one handshake of the engine: its inner connection, and a goroutine that ends with the handshake.
type engineRun struct {
	conn *innerConn
	done chan struct{} // closed when the engine has no goroutine left
	// The rest belongs to the engine's handshake goroutine until done.
	verified [][]byte // certificates that VerifyPeer accepted
	refused  error    // what VerifyPeer said
}

// signatureSchemes leaves out Ed25519, and with it a hole: the engine only checks that a signature's scheme is on this list, then
// goes by the certificate's key. With Ed25519's "no hash" and an ECDSA key it verifies a signature over nothing, which anybody
// can make without the private key.
var signatureSchemes = []tls.SignatureScheme{
	tls.ECDSAWithP256AndSHA256, tls.ECDSAWithP384AndSHA384, tls.ECDSAWithP521AndSHA512,
	tls.PKCS1WithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512,
}

// engineConfig is the engine's configuration for our role. As server hello is the client's.
func (a *Association) engineConfig(run *engineRun, hello *clientHello) *engine.Config {
	ids := make([]uint16, len(cipherSuites))
	for i, s := range cipherSuites {
		ids[i] = s.id
	}
	cert := a.cfg.Certificate
	profiles := a.cfg.SRTPProfiles
	master := engine.RequestExtendedMasterSecret
	if hello != nil {
		profiles = hello.chooseSRTP(profiles)
		if hello.master {
			master = engine.RequireExtendedMasterSecret
		}
	}
	cfg := &engine.Config{
		Certificates:         []tls.Certificate{cert},
		GetClientCertificate: func(*engine.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil },
		CipherSuites:         []engine.CipherSuiteID{}, // not nil, which would add CBC suites
		CustomCipherSuites:   engineSuites(ids),
		SignatureSchemes:     signatureSchemes,
		ClientAuth:           engine.RequireAnyClientCert,
		InsecureSkipVerify:   true, // VerifyPeer checks the fingerprint instead (RFC 8122 section 6.2)
		VerifyPeerCertificate: func(der [][]byte, _ [][]*x509.Certificate) error {
			return run.verify(a.cfg.VerifyPeer, der)
		},
		ExtendedMasterSecret:    master,
		InsecureSkipVerifyHello: true, // ICE has shown that the address is the peer's (RFC 8445 section 7)
		FlightInterval:          engineNever,
		MTU:                     a.cfg.MTU - recordHeaderLen - messageHeaderLen,
		ReplayProtectionWindow:  windowSize,
		KeyLogWriter:            keyLogger{a},
		LoggerFactory:           a.cfg.LoggerFactory,
	}
	if cfg.LoggerFactory == nil {
		cfg.LoggerFactory = silent{} // the engine's default reads the environment
	}
	for _, p := range profiles {
		cfg.SRTPProtectionProfiles = append(cfg.SRTPProtectionProfiles, engine.SRTPProtectionProfile(p))
	}
	return cfg
}

// verify asks VerifyPeer once; the engine asks again each time it parses the flight.
func (r *engineRun) verify(ask func([][]byte) error, der [][]byte) error {
	if r.refused != nil {
		return r.refused
	}
	if r.verified != nil && equalChains(r.verified, der) {
		return nil
	}
	if err := ask(der); err != nil {
		r.refused = err
		return err
	}
	r.verified = der
	return nil
}

func equalChains(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// handleClientHello configures the engine by the client's first message and starts it. False: the message is unreadable.
func (a *Association) handleClientHello(m message) bool {
	hello, ok := parseClientHello(m.body)
	if !ok {
		return false
	}
	a.startEngine(&hello)
	return true
}

// startEngine begins the engine's handshake.
func (a *Association) startEngine(hello *clientHello) {
	run := &engineRun{done: make(chan struct{})}
	run.conn = newInnerConn(a.fromEngine)
	a.engine = run
	go a.runEngine(run, a.engineConfig(run, hello))
}

// runEngine is the engine's goroutine. The engine is let go as soon as it has an outcome: the border answers whatever may still
// come of the handshake.
func (a *Association) runEngine(run *engineRun, cfg *engine.Config) {
	var conn *engine.Conn
	var err error
	if a.cfg.Role == Client {
		conn, err = engine.ClientWithContext(context.Background(), run.conn, cfg)
	} else {
		conn, err = engine.ServerWithContext(context.Background(), run.conn, cfg)
	}
	// EOF ends the engine's goroutines; whatever it writes from here on, a close_notify for one, goes nowhere.
	run.conn.release()
	var profile SRTPProfile
	if conn != nil {
		if p, ok := conn.SelectedSRTPProtectionProfile(); ok {
			profile = SRTPProfile(p)
		}
		_ = conn.Close() // waits for its goroutines; the connection under it cannot fail
	}
	a.mu.Lock()
	a.handshakeDone(run, profile, err)
	a.mu.Unlock()
	close(run.done)
	a.announce()
}

// handshakeDone takes the engine's outcome, unless the association ended meanwhile.
func (a *Association) handshakeDone(run *engineRun, profile SRTPProfile, err error) {
	if a.state != Connecting {
		return
	}
	switch {
	case run.refused != nil:
		a.fail(fmt.Errorf("dtls: peer's certificate is refused: %w", run.refused))
		return
	case err != nil:
		a.fail(fmt.Errorf("dtls: handshake as %s: %w", a.cfg.Role, err))
		return
	case len(run.verified) == 0 || a.secrets == nil:
		a.fail(errors.New("dtls: the engine finished without a verified peer"))
		return
	}
	a.peer = run.verified
	for _, p := range a.cfg.SRTPProfiles {
		if p == profile {
			a.profile = p
		}
	}
	a.border.concluded()
	if a.cfg.Role == Client {
		a.border.flight = flight{kind: a.border.flight.kind}
	}
	a.setState(Connected, nil)
}

// keyLogger takes the master secret from the engine, which writes it when both sides' randoms and the suite are known, before it
// sends or parses a Finished.
type keyLogger struct{ a *Association }

func (k keyLogger) Write(line []byte) (int, error) {
	k.a.setSecrets(line)
	if k.a.cfg.KeyLog != nil {
		return k.a.cfg.KeyLog.Write(line)
	}
	return len(line), nil
}

// setSecrets opens epoch 1: it derives the keys and replays the records that waited for them. It runs on the engine's goroutine.
func (a *Association) setSecrets(line []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state != Connecting || a.secrets != nil {
		return
	}
	random, master, err := parseKeyLog(line)
	if err != nil {
		a.fail(err)
		return
	}
	s := &secrets{suite: suiteByID(a.border.hello.suite), master: master, clientRandom: random, serverRandom: a.border.hello.random}
	if s.suite == nil {
		a.fail(fmt.Errorf("dtls: suite %#04x is not ours", a.border.hello.suite))
		return
	}
	client, server, err := deriveProtections(s.suite, master, random, s.serverRandom)
	if err != nil {
		a.fail(err)
		return
	}
	ours, theirs := client, server
	if a.cfg.Role == Server {
		ours, theirs = server, client
	}
	a.secrets, a.protection = s, ours
	a.opener.mu.Lock()
	a.opener.protection = theirs
	a.opener.mu.Unlock()
	for _, record := range a.border.takeHeld() {
		if h, record, _, ok := nextRecord(record); ok {
			a.handleRecord(h, record)
		}
	}
	a.flushToEngine()
}

// silent is a log that goes nowhere.
type silent struct{}

func (silent) NewLogger(string) logging.LeveledLogger { return silent{} }

func (silent) Trace(string)          {}
func (silent) Tracef(string, ...any) {}
func (silent) Debug(string)          {}
func (silent) Debugf(string, ...any) {}
func (silent) Info(string)           {}
func (silent) Infof(string, ...any)  {}
func (silent) Warn(string)           {}
func (silent) Warnf(string, ...any)  {}
func (silent) Error(string)          {}
func (silent) Errorf(string, ...any) {}
