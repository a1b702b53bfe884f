package netio

import (
	"net"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel tells when an interface of this network namespace comes up: the
// test makes a namespace for itself, where it may.
func TestTheKernelTellsOfChangedInterfaces(t *testing.T) {
	done := make(chan string)
	go func() {
		defer close(done)
		runtime.LockOSThread() // not unlocked: the thread ends with its namespace
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- "no network namespace: " + err.Error()
			return
		}
		// Reading /sys/class/net would need another mount; the list of
		// interfaces comes from netlink of this thread.
		hints, end, err := interfaceHints()
		if err != nil {
			t.Error(err)
			return
		}
		defer end()
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			done <- "ip: " + string(out) + err.Error()
			return
		}
		select {
		case <-hints:
		case <-time.After(10 * time.Second):
			t.Error("no word of the interface that came up")
		}
	}()
	if reason, ok := <-done; ok {
		t.Skip(reason)
	}
}

func TestWatchingEndsWithStop(t *testing.T) {
	stop, err := system{}.WatchInterfaces(func() {})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := net.Interfaces(); err != nil {
		t.Fatal(err)
	}
}
