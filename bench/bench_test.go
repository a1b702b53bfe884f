package main

import (
	"strings"
	"testing"
)

// The numbers are for people; that every one of them can be measured on both
// stacks is for the tests.
func TestEveryRowIsMeasured(t *testing.T) {
	var table strings.Builder
	scenarios := plan(true, 0)
	if err := compare(&table, stacks, scenarios, 1); err != nil {
		t.Fatal(err)
	}
	for _, sc := range scenarios {
		for _, row := range sc.rows {
			if !strings.Contains(table.String(), "| "+row.name+" |") {
				t.Errorf("no row %q", row.name)
			}
		}
	}
	t.Log("\n" + table.String())
}
