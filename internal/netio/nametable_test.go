package netio

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

func TestANameIsOfTheLastThatTookIt(t *testing.T) {
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	table := nameTable[int]{}
	one := table.add(1, nil, here, "x")
	two := table.add(2, nil, there, "x")
	three := table.add(3, nil, here, "x")
	if table[muxName{here, "x"}] != 3 || table[muxName{there, "x"}] != 2 {
		t.Errorf("%v, want x of 3 here and of 2 there", table)
	}
	if all := table.having("x"); len(all) != 2 || !slices.Contains(all, 2) || !slices.Contains(all, 3) {
		t.Errorf("x is of %v, want 2 and 3", all)
	}
	table.drop(1, one, here)
	if table[muxName{here, "x"}] != 3 {
		t.Error("1 took x from 3 when it went")
	}
	for i := range 2 * maxNames {
		two = table.add(2, two, there, fmt.Sprint(i))
		two = table.add(2, two, there, fmt.Sprint(i))
	}
	if want := []string{"4", "5", "6", "7"}; !slices.Equal(two, want) || len(table) != 1+maxNames {
		t.Errorf("2 has the names %v of %d in all, want %v of %d", two, len(table), want, 1+maxNames)
	}
	table.drop(2, two, there)
	table.drop(3, three, here)
	if len(table) != 0 {
		t.Errorf("%v is left", table)
	}
}
