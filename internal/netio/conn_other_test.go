//go:build !linux

package netio

func implementations() []implementation { return []implementation{portable()} }
