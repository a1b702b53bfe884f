package archtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// conformancePage is the page whose tables say which test shows what.
const conformancePage = "docs/conformance.md"

var (
	testName  = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	doneState = regexp.MustCompile(`^done\b`)
)

// testsBelow lists the test functions of every test file below dir, those of
// nested modules and of other platforms too.
func testsBelow(dir string) (map[string]bool, error) {
	tests := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			tests[m[1]] = true
		}
		return nil
	})
	return tests, err
}

// checkConformance names each test that the page mentions and tests lacks, and
// each row of a table that says done without naming a test.
func checkConformance(page string, tests map[string]bool) []string {
	var violations []string
	for i, line := range strings.Split(page, "\n") {
		names := testName.FindAllString(line, -1)
		for _, name := range names {
			if !tests[name] {
				violations = append(violations, fmt.Sprintf("%s:%d: there is no test %s", conformancePage, i+1, name))
			}
		}
		if doneState.MatchString(lastCell(line)) && len(names) == 0 {
			violations = append(violations, fmt.Sprintf("%s:%d: a row says done and names no test", conformancePage, i+1))
		}
	}
	return violations
}

// lastCell returns the text of a table row's last cell, or "" for other lines.
func lastCell(line string) string {
	row, ok := strings.CutSuffix(strings.TrimSpace(line), "|")
	if !ok || !strings.HasPrefix(row, "|") {
		return ""
	}
	return strings.TrimSpace(row[strings.LastIndex(row, "|")+1:])
}
