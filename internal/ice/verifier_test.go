package ice

import (
	"testing"
	"time"
)

// Readers verify while the agent works with the same credentials.
func TestVerifierIsSafeForConcurrentUse(t *testing.T) {
	n, a, b := connected(t, 0)
	v := a.agent.Verifier()
	request := peerCheck(a.local, b.local, 1, Controlled, 1)
	results := make(chan int)
	for range 4 {
		go func() {
			good := 0
			for range 500 {
				if v.Verify(request) {
					good++
				}
			}
			results <- good
		}()
	}
	for range 500 {
		if err := a.inject(a.paths[0], b.paths[0].public, request); err != nil {
			t.Error(err)
		}
	}
	for range 4 {
		if good := <-results; good != 500 {
			t.Errorf("%d of 500 verified", good)
		}
	}
	n.run(10 * time.Second)
}

// Each change of credentials makes a new Verifier; those of both generations
// are good during a restart, and the old ones no longer once it is over.
func TestVerifierFollowsTheGenerations(t *testing.T) {
	n, a, b := connected(t, 0)
	oldA, oldB, before := a.local, b.local, a.agent.Verifier()
	old := peerCheck(oldA, oldB, 1, Controlled, 1)
	answer := newEncoder(bindingSuccess, transactionID{1}, 100)
	oldAnswer := answer.finish(newIntegrity(oldB.Pwd))
	if !before.Verify(old) || !before.Verify(oldAnswer) {
		t.Error("valid messages refused")
	}
	restart(n, a, b)
	fresh := peerCheck(a.local, b.local, 1, Controlled, 1)
	during := a.agent.Verifier()
	if during == before || !during.Verify(old) || !during.Verify(oldAnswer) || !during.Verify(fresh) || before.Verify(fresh) {
		t.Error("during a restart both generations are good")
	}
	n.run(20 * time.Second)
	after := a.agent.Verifier()
	if after == during || after.Verify(old) || after.Verify(oldAnswer) || !after.Verify(fresh) {
		t.Error("after a restart only the new generation is good")
	}
}
