package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// rules hold for every file of the module. Test files of machines and adapters
// may import what they need (os, sync, net, another engine as an oracle) and
// may start goroutines: the rules about imports, goroutines and the clock are
// for what a program links.
var rules = map[string]func(*source) []violation{
	"a machine imports no I/O, locks or contexts":  machineImports,
	"a machine starts no goroutine":                machineGoroutines,
	"a machine does not read the clock":            machineClock,
	"machines and adapters stand alone":            separation,
	"what helps tests is imported by tests only":   testHelpers,
	"pion packages appear where the table says":    pionPackages,
	"files stay under 800 lines":                   fileLength,
	"a file is named after one noun":               fileNames,
	"unsafe is for internal/netio":                 unsafeImports,
	"no cgo":                                       cgo,
	"tests do not sleep outside a synctest bubble": sleepingTests,
}

// ioPackages are forbidden in machines, with all below them. sync/atomic is not
// among them: a published value takes no lock.
var ioPackages = []string{"net", "os", "context", "syscall"}

// textPackages lie below one of ioPackages but do no I/O.
var textPackages = []string{"net/netip", "net/url"}

func machineImports(s *source) []violation {
	if _, k := room(s.dir()); k != machine || s.test() {
		return nil
	}
	var broken []violation
	for _, i := range s.imports() {
		forbidden := i.path == "sync" || slices.ContainsFunc(ioPackages, func(p string) bool {
			return i.path == p || strings.HasPrefix(i.path, p+"/")
		})
		if forbidden && !slices.Contains(textPackages, i.path) {
			broken = append(broken, s.violation(i.pos, "a machine imports %q", i.path))
		}
	}
	return broken
}

func machineGoroutines(s *source) []violation {
	if _, k := room(s.dir()); k != machine || s.test() {
		return nil
	}
	var broken []violation
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			broken = append(broken, s.violation(g.Pos(), "a machine starts a goroutine"))
		}
		return true
	})
	return broken
}

// clock is what of package time reads the clock or waits for it.
var clock = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker",
}

func machineClock(s *source) []violation {
	if _, k := room(s.dir()); k != machine || s.test() {
		return nil
	}
	return s.uses("time", clock, "a machine uses time.%s: time comes in as an argument")
}

// uses reports every mention of a package's members, and a dot import, which
// would hide them. Naming a member is enough: it need not be called.
func (s *source) uses(pkg string, members []string, format string) []violation {
	var broken []violation
	name := ""
	for _, i := range s.imports() {
		switch {
		case i.path != pkg:
		case i.name == ".":
			broken = append(broken, s.violation(i.pos, "package %s is imported with a dot", pkg))
		case i.name != "":
			name = i.name
		default:
			name = path.Base(pkg)
		}
	}
	if name == "" {
		return broken
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && slices.Contains(members, sel.Sel.Name) {
			broken = append(broken, s.violation(sel.Pos(), format, sel.Sel.Name))
		}
		return true
	})
	return broken
}

// local returns the package of this module that an import path names.
func local(importPath string) (dir string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

func separation(s *source) []violation {
	from, k := room(s.dir())
	if k != machine && k != adapter && k != format || s.test() {
		return nil
	}
	var broken []violation
	for _, i := range s.imports() {
		dir, ok := local(i.path)
		if !ok {
			continue
		}
		to, target := room(dir)
		switch {
		case to == from:
		case to == leaf && from != leaf:
		case k == adapter && target == runtime: // buffers and their pool
		case k == format && target == machine:
		default:
			broken = append(broken, s.violation(i.pos,
				"%s imports %s: only the root moves one's output into the next", from, to))
		}
	}
	return broken
}

func testHelpers(s *source) []violation {
	if _, k := room(s.dir()); k == testOnly || s.test() {
		return nil
	}
	var broken []violation
	for _, i := range s.imports() {
		if dir, ok := local(i.path); ok {
			if to, target := room(dir); target == testOnly {
				broken = append(broken, s.violation(i.pos, "a program would link %s", to))
			}
		}
	}
	return broken
}

func pionPackages(s *source) []violation {
	const prefix = "github.com/pion/"
	if s.test() {
		return nil
	}
	in, _ := room(s.dir())
	var broken []violation
	for _, i := range s.imports() {
		name, ok := strings.CutPrefix(i.path, prefix)
		if ok && !slices.ContainsFunc(pion[in], func(allowed string) bool {
			return name == allowed || strings.HasPrefix(name, allowed+"/")
		}) {
			broken = append(broken, s.violation(i.pos, "%s imports %s; it may import of pion: %q", in, i.path, pion[in]))
		}
	}
	return broken
}

const maxLines = 800

func fileLength(s *source) []violation {
	if s.lines < maxLines {
		return nil
	}
	return []violation{s.violation(0, "%d lines; files stay under %d, 500 is the aim", s.lines, maxLines)}
}

var vagueNames = []string{"util.go", "common.go", "helpers.go", "types.go"}

func fileNames(s *source) []violation {
	if !slices.Contains(vagueNames, path.Base(s.path)) {
		return nil
	}
	return []violation{s.violation(0, "name the file after the noun that it holds")}
}

func unsafeImports(s *source) []violation {
	if in, _ := room(s.dir()); in == "internal/netio" {
		return nil
	}
	return s.importOf("unsafe", "unsafe is allowed in internal/netio only")
}

func cgo(s *source) []violation { return s.importOf("C", "cgo is not allowed") }

func (s *source) importOf(pkg, text string) []violation {
	var broken []violation
	for _, i := range s.imports() {
		if i.path == pkg {
			broken = append(broken, s.violation(i.pos, "%s", text))
		}
	}
	return broken
}

// sleepingTests is a heuristic: a test file that sleeps must import
// testing/synctest or call inBubble, which makes a bubble, or hold no test itself
// and stand beside a file that does: then its functions can be called in a bubble.
func sleepingTests(s *source) []violation {
	if !s.test() || s.importsSynctest() || s.bubbles && (s.callsInBubble() || !s.holdsTests()) {
		return nil
	}
	return s.uses("time", []string{"Sleep"}, "a test uses time.%s outside a synctest bubble")
}

func (s *source) importsSynctest() bool {
	return slices.ContainsFunc(s.imports(), func(i imported) bool { return i.path == "testing/synctest" })
}

func (s *source) callsInBubble() bool {
	calls := false
	ast.Inspect(s.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok {
			name, ok := call.Fun.(*ast.Ident)
			calls = calls || ok && name.Name == "inBubble"
		}
		return !calls
	})
	return calls
}

// holdsTests reports whether the go command runs something of the file.
func (s *source) holdsTests() bool {
	return slices.ContainsFunc(s.ast.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Recv == nil && slices.ContainsFunc([]string{"Test", "Benchmark", "Fuzz", "Example"}, func(prefix string) bool {
			return strings.HasPrefix(f.Name.Name, prefix)
		})
	})
}

// checkRequires reports the modules that a go.mod requires, directly or not,
// and that nobody has agreed to, as well as replaced ones: a library's replace
// directives do not reach those who use it.
func checkRequires(gomod string) []violation {
	var broken []violation
	block := ""
	for n, line := range strings.Split(gomod, "\n") {
		where := fmt.Sprintf("go.mod:%d", n+1)
		line, _, _ = strings.Cut(line, "//")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case block != "" && words[0] == ")":
			block = ""
			continue
		case block == "" && len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		switch {
		case words[0] == "replace":
			broken = append(broken, violation{where, "the module builds differently for those who import it: no replace"})
		case words[0] == "require" && len(words) > 1 && requires[unquoted(words[1])] == "":
			broken = append(broken, violation{where, fmt.Sprintf(
				"%s is not on the list: write an ADR in docs/adr that says why, then add it to requires in internal/archtest/house.go", words[1])})
		}
	}
	return broken
}

func unquoted(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}
