package jsep

import "testing"

// RFC 3264 section 6.1 and RFC 9429 section 5.3.1: what an answerer that wants a direction answers to an offer.
func TestAnAnswersDirectionIsWhatBothAllow(t *testing.T) {
	all := []Direction{Sendrecv, Sendonly, Recvonly, Inactive}
	want := map[Direction][4]Direction{ // offered: the answer to each wish in the order of all
		Sendrecv: {Sendrecv, Sendonly, Recvonly, Inactive},
		Sendonly: {Recvonly, Inactive, Recvonly, Inactive},
		Recvonly: {Sendonly, Sendonly, Inactive, Inactive},
		Inactive: {Inactive, Inactive, Inactive, Inactive},
	}
	for offered, row := range want {
		for i, wanted := range all {
			if got := wanted.Intersect(offered.Reverse()); got != row[i] {
				t.Errorf("offered %v, wanted %v: answered %v, want %v", offered, wanted, got, row[i])
			}
		}
	}
	if Stopped.Intersect(Sendrecv) != Stopped || Sendrecv.Intersect(Stopped) != Stopped || Stopped.Reverse() != Stopped {
		t.Error("what is stopped does not stay so")
	}
	if Stopped.Sends() || Stopped.Receives() {
		t.Error("what is stopped sends or receives")
	}
}

func TestDirectionsReadAsTheyAreWritten(t *testing.T) {
	for _, d := range []Direction{Sendrecv, Sendonly, Recvonly, Inactive} {
		if got, ok := ParseDirection(d.String()); !ok || got != d || DirectionOf(d.Sends(), d.Receives()) != d {
			t.Errorf("%v reads as %v, %v", d, got, ok)
		}
	}
	for _, v := range []string{"stopped", "", "SENDRECV", "sendrecv "} {
		if _, ok := ParseDirection(v); ok {
			t.Errorf("%q is read as a direction", v)
		}
	}
	for _, k := range []MediaKind{Audio, Video} {
		if got, ok := ParseMediaKind(k.String()); !ok || got != k {
			t.Errorf("%v reads as %v, %v", k, got, ok)
		}
	}
	if _, ok := ParseMediaKind("application"); ok {
		t.Error("application is read as a kind of media")
	}
}
