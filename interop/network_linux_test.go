package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

const isolatedEnv = "PASSERELLE_INTEROP_ISOLATED"

// runIsolated runs this test binary again in a network namespace of its own:
// loopback plus one veth address with a default route, the layout in which
// every peer gathers candidates, and from which no packet can leave. (libnice and
// werift pass over interfaces whose name begins with veth.) It needs
// root and iproute2; without them the tests run where they are and stay on
// loopback, since both ends are on one machine and no server is configured.
func runIsolated() (code int, done bool) {
	if os.Getenv(isolatedEnv) != "" || os.Geteuid() != 0 {
		return 0, false
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return 0, false
	}
	const layout = `ip link set lo up && ip link add lan0 type veth peer name lan1 &&
ip addr add 10.78.0.1/24 dev lan0 && ip link set lan0 up && ip link set lan1 up &&
ip route add default via 10.78.0.2`
	runtime.LockOSThread() // Pdeathsig follows the thread that starts the child
	defer runtime.UnlockOSThread()
	start := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(name, args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		return cmd
	}
	if out, err := start("sh", "-c", layout).CombinedOutput(); err != nil {
		fmt.Printf("interop: no network namespace (%v: %s), using the machine's own network\n", err, strings.TrimSpace(string(out)))
		return 0, false
	}
	self := start("sh", append([]string{"-c", layout + ` && exec "$0" "$@"`}, os.Args...)...)
	self.Env = append(os.Environ(), isolatedEnv+"=1")
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := self.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, true
	case errors.As(err, &exit):
		return max(exit.ExitCode(), 1), true
	default:
		fmt.Println("interop:", err)
		return 1, true
	}
}

func networkKind() string {
	if os.Getenv(isolatedEnv) != "" {
		return "own namespace"
	}
	return "this machine's"
}
