package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// natServer is the address of coturn, on the bridge that is the internet of the test.
const natServer = "203.0.113.1"

// natPublic's default route swallows what has no other, as the internet does: to send
// to a private address is no error.
const natPublic = `ip link add wan type bridge
ip addr add 203.0.113.1/24 dev wan
ip link set wan up
ip link add sink arp off type veth peer name sunk
ip link set sunk up
ip link set sink up
ip route add default dev sink
echo 1 > /proc/sys/net/ipv4/ip_forward`

// natRouter needs $lan and $wan, the router's addresses.
const natRouter = `ip addr add $lan dev lan
ip link set lan up
ip addr add $wan/24 dev wan
ip link set wan up
ip route add default via 203.0.113.1
echo 1 > /proc/sys/net/ipv4/ip_forward
`

// natRules is a NAT of Linux, whose filtering is address and port-dependent (RFC 4787
// section 5). A packet that nobody asked for must not be tracked: it would take the
// port of the mapping for its peer, and so make the mapping depend on the peer.
const natRules = `nft -f - <<rules
table ip nat {
	chain out { type nat hook postrouting priority 100; oifname "wan" %s; }
}
table ip filter {
	chain in { type filter hook input priority 0; iifname "wan" ct state new drop; }
	chain through { type filter hook forward priority 0; iifname "wan" ct state new drop; }
}
rules
`

// A natSite is a kind of network that a user sits on.
type natSite struct {
	name   string
	router string // what makes the router what it is; empty: no router
	// blocked is whether it lets no UDP through. It needs no NAT, and has none.
	blocked bool
	// listens is whether its user takes TCP connections (RFC 6544), as a server does.
	listens bool
}

var natSites = []natSite{
	{name: "none"},
	// The port stays the same, whatever the destination.
	{"cone", fmt.Sprintf(natRules, "masquerade"), false, false},
	{"symmetric", fmt.Sprintf(natRules, "masquerade fully-random"), false, false},
	{"UDP blocked", "ip rule add iif lan ipproto udp blackhole\nip rule add iif wan ipproto udp blackhole\n", true, false},
	{name: "TCP port", listens: true},
}

// natPaths has a row for each site of the offerer, and a column for each of the
// answerer; empty: not tried. It is the core of expectedPaths in natmatrix_test.go at
// the root.
var natPaths = [][]string{
	{"direct", "reflexive", "reflexive", "relay over TCP", ""},
	{"reflexive", "reflexive", "relay", "relay over TCP", ""},
	{"reflexive", "relay", "relay", "relay over TCP", ""},
	{"relay over TCP", "relay over TCP", "relay over TCP", "relay over TCP", "TCP"},
	{"", "", "", "TCP", ""},
}

// namespace is a network namespace, which lives as long as a process in it.
type namespace string // the process's id

// newNamespace returns a namespace that ends with the test, or with this process.
func newNamespace(t *testing.T) namespace {
	t.Helper()
	keeper := exec.Command("cat")
	keeper.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	input, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Skipf("this system makes no network namespace: %v", err)
	}
	t.Cleanup(func() { input.Close(); _ = keeper.Wait() })
	n := namespace(fmt.Sprint(keeper.Process.Pid))
	// IPv6 has no part in this, and its link-local addresses take a second to come up.
	if err := n.script("ip link set lo up\nif [ -d /proc/sys/net/ipv6 ]; then echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; fi"); err != nil {
		t.Fatal(err)
	}
	return n
}

// command is one that is killed with ctx.
func (n namespace) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"-t", string(n), "-n", name}, args...)...)
}

func (n namespace) script(text string) error {
	if out, err := n.command(context.Background(), "sh", "-e", "-c", text).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// internet is the bridge, and every site of each end.
type internet struct {
	public namespace
	hosts  [2][]namespace
	broken []error // by index: why a site is not there
}

func newInternet(t *testing.T) *internet {
	t.Helper()
	n := &internet{public: newNamespace(t), broken: make([]error, len(natSites))}
	if err := n.public.script(natPublic); err != nil {
		t.Skipf("this kernel makes no bridge: %v", err)
	}
	for end := range n.hosts {
		for i := range natSites {
			host, err := n.build(t, end, i)
			n.hosts[end] = append(n.hosts[end], host)
			n.broken[i] = errors.Join(n.broken[i], err)
		}
	}
	return n
}

// build makes a site and plugs it into the bridge.
func (n *internet) build(t *testing.T, end, i int) (host namespace, err error) {
	t.Helper()
	site, number := natSites[i], 16*(end+1)+i
	wan, plug := fmt.Sprintf("203.0.113.%d", number), fmt.Sprintf("p%d", number)
	host = newNamespace(t)
	outer := host
	var steps []func() error
	run := func(in namespace, format string, args ...any) {
		steps = append(steps, func() error { return in.script(fmt.Sprintf(format, args...)) })
	}
	if site.router == "" {
		run(n.public, "ip link add wan netns %s type veth peer name %s", host, plug)
		run(host, "ip addr add %s/24 dev wan\nip link set wan up\nip route add default via 203.0.113.1", wan)
	} else {
		outer = newNamespace(t)
		network := fmt.Sprintf("10.%d.%d", end, i)
		if site.blocked {
			network = fmt.Sprintf("198.18.%d", number)
		}
		run(n.public, "ip link add wan netns %s type veth peer name %s", outer, plug)
		run(outer, "ip link add eth netns %s type veth peer name lan", host)
		run(outer, "lan=%s.1/24 wan=%s\n%s%s", network, wan, natRouter, site.router)
		run(host, "ip addr add %[1]s.2/24 dev eth\nip link set eth up\nip route add default via %[1]s.1", network)
		if site.blocked {
			run(n.public, "ip route add %s.0/24 via %s", network, wan)
		}
	}
	// The bridge comes first: it is what the routes lead to.
	steps = slices.Insert(steps, 1, func() error {
		return n.public.script(fmt.Sprintf("ip link set %s master wan\nip link set %[1]s up", plug))
	})
	for _, step := range steps {
		if err := step(); err != nil {
			return host, fmt.Errorf("no network of the kind %q here: %w", site.name, err)
		}
	}
	return host, nil
}

// coturn starts a server of STUN and TURN at natServer.
func (n *internet) coturn(t *testing.T) {
	t.Helper()
	path, err := exec.LookPath("turnserver")
	if err != nil {
		missing(t, "coturn: %v", err)
	}
	folder := t.TempDir()
	log := new(lockedBuffer)
	cmd := n.public.command(context.Background(), path, "-n", "--no-cli", "--no-dtls", "--no-tls", "--log-file=stdout", "-v", "--fingerprint", "--realm=test",
		"--lt-cred-mech", "--user=alice:secret", "--listening-ip="+natServer, "--relay-ip="+natServer, "--listening-port=3478",
		"--pidfile="+folder+"/pid", "--userdb="+folder+"/db")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("coturn: %s", log.String())
		}
	})
	for end := time.Now().Add(patience); !strings.Contains(log.String(), "TCP listener opened on"); {
		if time.Now().After(end) {
			t.Fatal("coturn does not listen")
		}
		<-time.After(20 * time.Millisecond)
	}
}

// natEnd is the process of an end.
type natEnd struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	lines *json.Decoder
	log   lockedBuffer
	path  natPath
}

func newNATEnd(ctx context.Context, in namespace, role string, listens bool) (*natEnd, error) {
	e := &natEnd{cmd: in.command(ctx, os.Args[0])}
	e.cmd.Env = append(os.Environ(), natPeerEnv+"="+role, natServerEnv+"="+natServer)
	if listens {
		e.cmd.Env = append(e.cmd.Env, natPortEnv+"=443")
	}
	e.cmd.Stderr = &e.log
	output, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	e.lines = json.NewDecoder(output)
	if e.input, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return e, e.cmd.Start()
}

// carry gives the end's lines to the other until it is connected.
func (e *natEnd) carry(to *natEnd) error {
	for {
		var line natLine
		if err := e.lines.Decode(&line); err != nil {
			return err
		}
		if line.Path != nil {
			e.path = *line.Path
			return nil
		}
		if err := json.NewEncoder(to.input).Encode(line); err != nil {
			return err
		}
	}
}

// join connects a host of each of two sites, and returns the selected pair of each.
func (n *internet) join(from, to int) (paths [2]natPath, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var ends [2]*natEnd
	for i, site := range []int{from, to} {
		if ends[i], err = newNATEnd(ctx, n.hosts[i][site], []string{"offer", "answer"}[i], natSites[site].listens); err != nil {
			return paths, err
		}
		defer func(e *natEnd) { e.input.Close(); _ = e.cmd.Wait() }(ends[i])
	}
	var carried sync.WaitGroup
	var errs [2]error
	for i, e := range ends {
		carried.Go(func() { errs[i] = e.carry(ends[1-i]) })
	}
	carried.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return paths, fmt.Errorf("not connected: %w\nofferer: %s\nanswerer: %s", err, ends[0].log.String(), ends[1].log.String())
	}
	return [2]natPath{ends[0].path, ends[1].path}, nil
}

// natKind is the table's word for what the ends of two sites have selected. Each end
// tells of its own candidate: that of the other is peer-reflexive where a check
// was quicker than the signalling.
func natKind(paths [2]natPath, blocked [2]bool) string {
	relayed, reflexive := false, false
	for i, p := range paths {
		relayed = relayed || p.Local == webrtc.ICECandidateTypeRelay
		reflexive = reflexive || p.Local != webrtc.ICECandidateTypeHost
		if relay := p.Local == webrtc.ICECandidateTypeRelay; blocked[i] && !(relay && p.RelayProtocol == "tcp" || !relay && p.TCPType != "") {
			return "not over TCP"
		}
	}
	switch {
	case !relayed && paths[0].TCPType != "" && paths[1].TCPType != "":
		return "TCP"
	case relayed && (blocked[0] || blocked[1]):
		return "relay over TCP"
	case relayed:
		return "relay"
	case reflexive:
		return "reflexive"
	}
	return "direct"
}

// RFC 8445 section 2, RFC 4787 sections 4 and 5, RFC 8656 section 3.1, RFC 6544: the core
// of the table of networks, with the NAT of Linux and coturn.
func TestThePathBetweenRealNetworks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	for _, name := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(name); err != nil {
			missing(t, "%v", err)
		}
	}
	n := newInternet(t)
	n.coturn(t)
	type outcome struct {
		paths [2]natPath
		err   error
		took  time.Duration
	}
	outcomes := make([][]outcome, len(natSites))
	var joined sync.WaitGroup
	for i := range natSites {
		outcomes[i] = make([]outcome, len(natSites))
		joined.Go(func() {
			for j := range natSites {
				o, start := &outcomes[i][j], time.Now()
				if o.err = errors.Join(n.broken[i], n.broken[j]); o.err == nil && natPaths[i][j] != "" {
					o.paths, o.err = n.join(i, j)
				}
				o.took = time.Since(start)
			}
		})
	}
	joined.Wait()
	for i, from := range natSites {
		for j, to := range natSites {
			if natPaths[i][j] == "" {
				continue
			}
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				o := outcomes[i][j]
				if err := errors.Join(n.broken[i], n.broken[j]); err != nil {
					if _, missed := exec.LookPath("nft"); missed != nil {
						missing(t, "%v", missed)
					}
					t.Skip(err)
				}
				if o.err != nil {
					t.Fatal(o.err)
				}
				if kind := natKind(o.paths, [2]bool{from.blocked, to.blocked}); kind != natPaths[i][j] {
					t.Errorf("%s, want %s", kind, natPaths[i][j])
				}
				t.Logf("%v: %s; %s", o.took, o.paths[0].Pair, o.paths[1].Pair)
			})
		}
	}
}
