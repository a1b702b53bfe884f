package webrtc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/passerelle-rtc/webrtc/internal/loop"
	"github.com/pion/logging"
)

// connLog writes a connection's log, in order with its events and on the same
// goroutine: the application's logger may block, the loop may not. The zero
// value is silent.
type connLog struct {
	loop    *loop.Loop
	logger  *slog.Logger
	api     *API
	pending *atomic.Int32 // lines that wait for the callback goroutine
}

// maxPendingLines bounds pending: a peer causes lines, and a handler that does
// not return holds them up.
const maxPendingLines = 1024

// newConnectionID returns the random name that a connection has in the log.
func newConnectionID() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func newConnLog(api *API, l *loop.Loop, id string) connLog {
	logger := api.settings.Logger
	if logger == nil && api.settings.LoggerFactory != nil {
		logger = slog.New(&leveledHandler{logger: api.settings.LoggerFactory.NewLogger("webrtc")})
	}
	if logger == nil {
		return connLog{}
	}
	return connLog{loop: l, logger: logger.With("connection", id), api: api, pending: new(atomic.Int32)}
}

func (l connLog) debug(msg string, args ...any) { l.log(slog.LevelDebug, msg, args) }
func (l connLog) info(msg string, args ...any)  { l.log(slog.LevelInfo, msg, args) }
func (l connLog) warn(msg string, args ...any)  { l.log(slog.LevelWarn, msg, args) }

func (l connLog) log(level slog.Level, msg string, args []any) {
	if l.logger == nil {
		return
	}
	l.deliver(func() { l.logger.Log(context.Background(), level, msg, args...) })
}

// deliver queues one line, unless too many wait.
func (l connLog) deliver(write func()) {
	if l.pending.Add(1) > maxPendingLines {
		l.pending.Add(-1)
		return
	}
	l.loop.Deliver(func() {
		l.pending.Add(-1)
		write()
	})
}

// factory is the log of the protocol engines: what the application gave, or
// nothing.
func (l connLog) factory() logging.LoggerFactory {
	if l.api != nil && l.api.settings.LoggerFactory != nil {
		return engineLogs{l}
	}
	return silentFactory{}
}

// engineLogs makes loggers for the engines, which log while they hold locks:
// each line is taken to the callback goroutine, so that the application's
// logger may block or call any method.
type engineLogs struct{ log connLog }

func (f engineLogs) NewLogger(scope string) logging.LeveledLogger {
	return &engineLogger{log: f.log, scope: scope}
}

// engineLogger is one of them. It leaves out trace lines: there are several for
// each packet.
type engineLogger struct {
	silentLogger
	log    connLog
	scope  string
	logger logging.LeveledLogger // made and used on the callback goroutine
}

func (l *engineLogger) write(level func(logging.LeveledLogger, string), line string) {
	l.log.deliver(func() {
		if l.logger == nil {
			l.logger = l.log.api.settings.LoggerFactory.NewLogger(l.scope)
		}
		level(l.logger, line)
	})
}

func (l *engineLogger) Debug(msg string) { l.write(logging.LeveledLogger.Debug, msg) }
func (l *engineLogger) Info(msg string)  { l.write(logging.LeveledLogger.Info, msg) }
func (l *engineLogger) Warn(msg string)  { l.write(logging.LeveledLogger.Warn, msg) }
func (l *engineLogger) Error(msg string) { l.write(logging.LeveledLogger.Error, msg) }

func (l *engineLogger) Debugf(format string, args ...any) { l.Debug(fmt.Sprintf(format, args...)) }
func (l *engineLogger) Infof(format string, args ...any)  { l.Info(fmt.Sprintf(format, args...)) }
func (l *engineLogger) Warnf(format string, args ...any)  { l.Warn(fmt.Sprintf(format, args...)) }
func (l *engineLogger) Errorf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }

// silentFactory keeps the engines from reading PION_LOG_* variables.
type silentFactory struct{}

func (silentFactory) NewLogger(string) logging.LeveledLogger { return silentLogger{} }

type silentLogger struct{}

func (silentLogger) Trace(string)          {}
func (silentLogger) Tracef(string, ...any) {}
func (silentLogger) Debug(string)          {}
func (silentLogger) Debugf(string, ...any) {}
func (silentLogger) Info(string)           {}
func (silentLogger) Infof(string, ...any)  {}
func (silentLogger) Warn(string)           {}
func (silentLogger) Warnf(string, ...any)  {}
func (silentLogger) Error(string)          {}
func (silentLogger) Errorf(string, ...any) {}

// leveledHandler writes slog records to a logger of pion's kind.
type leveledHandler struct {
	logger logging.LeveledLogger
	prefix string
}

func (h *leveledHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *leveledHandler) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	text.WriteString(h.prefix)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&text, " %s=%v", a.Key, a.Value)
		return true
	})
	switch {
	case r.Level >= slog.LevelError:
		h.logger.Error(text.String())
	case r.Level >= slog.LevelWarn:
		h.logger.Warn(text.String())
	case r.Level >= slog.LevelInfo:
		h.logger.Info(text.String())
	default:
		h.logger.Debug(text.String())
	}
	return nil
}

func (h *leveledHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	prefix := h.prefix
	for _, a := range attrs {
		prefix += fmt.Sprintf(" %s=%v", a.Key, a.Value)
	}
	return &leveledHandler{logger: h.logger, prefix: prefix}
}

func (h *leveledHandler) WithGroup(string) slog.Handler { return h }
