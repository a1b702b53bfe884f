package web

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A Run is an example without the process around it. It ends with ctx and
// returns the exit code: 0 for success and for an interrupted server, 1 for a
// failure, 2 for wrong flags.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// Main runs an example until it ends or is interrupted.
func Main(run Run) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// A Command is the command line of an example.
type Command struct {
	*flag.FlagSet
	Addr           string // of the page, host:port
	stdout, stderr io.Writer
}

// NewCommand makes a command line with the flag -addr. The example adds its own
// flags and calls Parse.
func NewCommand(name string, stdout, stderr io.Writer) *Command {
	c := &Command{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), stdout: stdout, stderr: stderr}
	c.SetOutput(io.Discard)
	c.StringVar(&c.Addr, "addr", "127.0.0.1:8080", "serve the page on `host:port`")
	return c
}

// Parse reads the arguments and checks them. Where it returns false, the program
// has ended with that exit code: help was asked for, or an argument is wrong.
func (c *Command) Parse(args []string, check func() error) (code int, goOn bool) {
	err := c.FlagSet.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(c.stdout, "usage: %s [flags]\n", c.Name())
		c.SetOutput(c.stdout)
		c.PrintDefaults()
		return 0, false
	case err == nil && c.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", c.Arg(0))
	case err == nil && check != nil:
		err = check()
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "%s: %v (%[1]s -h lists the flags)\n", c.Name(), err)
		return 2, false
	}
	return 0, true
}

// End reports err, if any, and returns the exit code.
func (c *Command) End(err error) int {
	if err != nil {
		fmt.Fprintf(c.stderr, "%s: %v\n", c.Name(), err)
		return 1
	}
	return 0
}
