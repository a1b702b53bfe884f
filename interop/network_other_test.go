//go:build !linux

package interop

// runIsolated does nothing here: network namespaces are Linux's.
func runIsolated() (code int, done bool) { return 0, false }

func networkKind() string { return "this machine's" }
