package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log"
	"slices"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

const maxPeople = 12

var errRoomFull = errors.New("the room is full")

// A room passes on what each of its participants sends to all others.
type room struct {
	api     *webrtc.API
	printer *log.Logger
	closed  chan struct{}
	ticking sync.WaitGroup

	mu     sync.Mutex
	people []*participant // in the order of their coming
}

func newRoom(api *webrtc.API, printer *log.Logger) *room {
	r := &room{api: api, printer: printer, closed: make(chan struct{})}
	r.ticking.Go(r.tick)
	return r
}

// close sends everybody away.
func (r *room) close() {
	close(r.closed)
	r.ticking.Wait()
	for _, p := range r.everybody() {
		r.leave(p.id, "was sent away")
	}
}

func (r *room) everybody() []*participant {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.people)
}

// tick measures the layers of all pictures and chooses among them, once a second.
func (r *room) tick() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-r.closed:
			return
		case now := <-ticker.C:
			r.mu.Lock()
			for _, p := range r.people {
				if p.picture != nil {
					p.picture.measure(now.Sub(last))
				}
			}
			for _, p := range r.people {
				if pictures := p.chooseLayers(); len(pictures) > 0 {
					p.send(message{Pictures: pictures})
				}
			}
			r.mu.Unlock()
			last = now
		}
	}
}

// join answers the offer of somebody who comes. Its tracks go to the others, and
// theirs to it, with offers of the program's that follow.
func (r *room) join(ctx context.Context, name string, offer webrtc.SessionDescription) (*participant, error) {
	p, err := newParticipant(r, rand.Text(), name)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	if len(r.people) >= maxPeople {
		r.mu.Unlock()
		p.close()
		return nil, errRoomFull
	}
	for _, other := range r.people {
		for _, publication := range other.publications() {
			p.subscribe(publication)
		}
	}
	r.people = append(r.people, p)
	r.mu.Unlock()

	if err := p.answer(ctx, offer); err != nil {
		r.leave(p.id, "could not join: "+err.Error())
		return nil, err
	}
	r.printer.Printf("%s joined", p.name)
	r.tellPeople()
	return p, nil
}

// leave takes a participant from the room. It reports whether there was one.
func (r *room) leave(id, how string) bool {
	r.mu.Lock()
	i := slices.IndexFunc(r.people, func(p *participant) bool { return p.id == id })
	if i < 0 {
		r.mu.Unlock()
		return false
	}
	p := r.people[i]
	r.people = slices.Delete(r.people, i, i+1)
	for _, other := range r.people {
		other.unsubscribe(p)
		p.unsubscribe(other)
	}
	r.mu.Unlock()
	p.close()
	r.printer.Printf("%s %s", p.name, how)
	r.tellPeople()
	return true
}

// publish gives everybody else a participant's new publication.
func (r *room) publish(p *participant, add func() publication) {
	r.mu.Lock()
	defer r.mu.Unlock()
	publication := add()
	if publication == nil || !slices.Contains(r.people, p) {
		return
	}
	for _, other := range r.people {
		if other != p {
			other.subscribe(publication)
		}
	}
}

// tellPeople tells everybody who is in the room.
func (r *room) tellPeople() {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []person
	for _, p := range r.people {
		list = append(list, person{ID: p.id, Name: p.name, Muted: p.muted})
	}
	for _, p := range r.people {
		p.send(message{People: list})
	}
}
