package archtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// memberCell is the first cell of a row about members of an interface of W3C's, or
// about an algorithm: "RTCPeerConnection: createOffer, createAnswer".
var memberCell = regexp.MustCompile(`^(RTC\w+|MediaStream\w+|algorithm): (.+)$`)

// w3cMembers reads the list of members: an interface, dictionary or enumeration
// and its members a line, or an algorithm.
func w3cMembers(list string) map[string]bool {
	members := map[string]bool{}
	for line := range strings.Lines(list) {
		addMembers(members, strings.TrimSpace(line))
	}
	return members
}

// addMembers adds what a cell or a line names, and reports whether it is one of
// these. The name of an algorithm may have commas.
func addMembers(members map[string]bool, cell string) bool {
	m := memberCell.FindStringSubmatch(cell)
	if m == nil {
		return false
	}
	names := []string{m[2]}
	if m[1] != "algorithm" {
		names = strings.Split(m[2], ", ")
	}
	for _, name := range names {
		members[m[1]+": "+name] = true
	}
	return true
}

// checkMembers names each member of the list that no row of the page is about, and
// each that a row is about and the list lacks.
func checkMembers(page, list string) []string {
	want, got := w3cMembers(list), map[string]bool{}
	for line := range strings.Lines(page) {
		cells := strings.Split(line, "|")
		if len(cells) > 2 {
			addMembers(got, strings.TrimSpace(cells[1]))
		}
	}
	var violations []string
	for name := range want {
		if !got[name] {
			violations = append(violations, fmt.Sprintf("%s: no row is about %s", conformancePage, name))
		}
	}
	for name := range got {
		if !want[name] {
			violations = append(violations, fmt.Sprintf("%s: %s is not in W3C's list", conformancePage, name))
		}
	}
	slices.Sort(violations)
	return violations
}
