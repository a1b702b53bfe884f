//go:build !linux

package netio

// unusableAddrs is empty: package net does not tell an address's state here.
func unusableAddrs() map[addrKey]bool { return nil }
