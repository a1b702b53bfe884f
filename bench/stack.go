package main

import (
	"errors"
	"fmt"
	"time"
)

// stack is an implementation under measurement.
type stack struct {
	name    string
	newPeer func() (peer, error)
}

var stacks = []stack{{"passerelle", newPasserelle}, {"pion", newPion}}

// peer is one connection. Candidates are opaque: they go to a peer of the same
// stack.
type peer interface {
	newChannel(label string) (channel, error)
	onChannel(func(channel))
	onCandidate(func(candidate any))
	addCandidate(candidate any) error
	offer() (description any, err error) // made and set
	answer() (description any, err error)
	setRemote(description any) error
	Close() error
}

// channel is a data channel. Both stacks have W3C's methods; only the message's
// type differs.
type channel interface {
	OnOpen(func())
	Send([]byte) error
	BufferedAmount() uint64
	SetBufferedAmountLowThreshold(uint64)
	OnBufferedAmountLow(func())
	onMessage(func([]byte))
}

// couple is two connections with one open channel.
type couple struct {
	a, b     peer
	atA, atB channel
}

const patience = 20 * time.Second

// connect makes a couple, candidates trickling, and returns when both ends of
// the channel are open.
func (s *stack) connect() (*couple, error) {
	c := &couple{}
	var err error
	if c.a, err = s.newPeer(); err != nil {
		return nil, err
	}
	if c.b, err = s.newPeer(); err != nil {
		return nil, err
	}
	fromA, fromB := make(chan any, 64), make(chan any, 64)
	c.a.onCandidate(func(v any) { fromA <- v })
	c.b.onCandidate(func(v any) { fromB <- v })
	open := make(chan struct{}, 2)
	accepted := make(chan channel, 1)
	c.b.onChannel(func(d channel) {
		accepted <- d
		d.OnOpen(func() { open <- struct{}{} })
	})
	if c.atA, err = c.a.newChannel("bench"); err != nil {
		return nil, err
	}
	c.atA.OnOpen(func() { open <- struct{}{} })
	if err := c.negotiate(); err != nil {
		return nil, fmt.Errorf("%s: negotiate: %w", s.name, err)
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for opened := 0; opened < 2; {
		select {
		case v := <-fromA:
			err = c.b.addCandidate(v)
		case v := <-fromB:
			err = c.a.addCandidate(v)
		case <-open:
			opened++
		case <-limit.C:
			err = errors.New("not connected in time")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: connect: %w", s.name, err)
		}
	}
	c.atB = <-accepted
	return c, nil
}

func (c *couple) negotiate() error {
	offer, err := c.a.offer()
	if err != nil {
		return err
	}
	if err := c.b.setRemote(offer); err != nil {
		return err
	}
	answer, err := c.b.answer()
	if err != nil {
		return err
	}
	return c.a.setRemote(answer)
}

func (c *couple) close() error { return errors.Join(c.a.Close(), c.b.Close()) }
