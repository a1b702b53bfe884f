package main

import "testing"

func TestLayersAreChosenByWhatFits(t *testing.T) {
	for _, test := range []struct {
		what  string
		rates []int
		share int
		now   int
		want  int
	}{
		{"nothing is known of the network", []int{100, 400, 1500}, 0, -1, 0},
		{"all fit", []int{100, 400, 1500}, 2000, 0, 2},
		{"the largest fits only without something to spare", []int{100, 400, 1500}, 1600, 1, 1},
		{"the largest still fits", []int{100, 400, 1500}, 1600, 2, 2},
		{"it does not fit any more", []int{100, 400, 1500}, 1400, 2, 1},
		{"the smallest goes in any case", []int{100, 400, 1500}, 20, 2, 0},
		{"the camera has left out a layer", []int{100, 400, 0}, 9000, 2, 1},
		{"nothing flows", []int{0, 0, 0}, 9000, 1, 1},
		{"one layer", []int{800}, 10, 0, 0},
	} {
		if got := largestThatFits(test.rates, test.share, test.now); got != test.want {
			t.Errorf("%s: layer %d, want %d", test.what, got, test.want)
		}
	}
}
