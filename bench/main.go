package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	quick := flag.Bool("quick", false, "one short round, to see that it works")
	only := flag.String("only", "", "comma-separated `groups`: throughput, latency, setup, idle")
	size := flag.Int("size", 0, "`bytes` of a message; 0 is both 100 and 16384")
	profile := flag.String("profile", "", "run this `stack` only and write cpu.prof and mem.prof")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("bench: unexpected argument %q", flag.Arg(0))
	}
	scenarios := plan(*quick, *size)
	if *only != "" {
		groups := strings.Split(*only, ",")
		scenarios = slices.DeleteFunc(scenarios, func(s scenario) bool { return !slices.Contains(groups, s.group) })
	}
	rounds := 3
	if *quick {
		rounds = 1
	}
	measured := stacks
	if *profile != "" {
		measured = slices.DeleteFunc(slices.Clone(stacks), func(s stack) bool { return s.name != *profile })
		if len(measured) == 0 {
			log.Fatalf("bench: no stack %q", *profile)
		}
		defer profiled()()
	}
	if err := compare(os.Stdout, measured, scenarios, rounds); err != nil {
		log.Fatal("bench: ", err)
	}
}

// plan lists what is measured. All of it takes less than a minute.
func plan(quick bool, size int) []scenario {
	duration, setUps, couples := 1200*time.Millisecond, 40, 50
	if quick {
		duration, setUps, couples = 100*time.Millisecond, 4, 4
	}
	sizes := []int{16 << 10, 100}
	if size != 0 {
		sizes = []int{size}
	}
	var all []scenario
	for _, size := range sizes {
		all = append(all, throughput(size, duration))
	}
	for _, size := range sizes {
		all = append(all, latency(size, duration/2))
	}
	return append(all, setUp(setUps), idle(couples))
}

// compare runs each scenario on the stacks in turns, so that a change of the
// machine's mood meets both, and prints the median of the rounds.
func compare(w io.Writer, measured []stack, scenarios []scenario, rounds int) error {
	fmt.Fprintf(w, "%s, %d processors, %s\n\n| |", runtime.Version(), runtime.GOMAXPROCS(0), runtime.GOARCH)
	for _, s := range measured {
		fmt.Fprintf(w, " %s |", s.name)
	}
	fmt.Fprint(w, " ratio | |\n|---|")
	fmt.Fprintln(w, strings.Repeat("--:|", len(measured)+1)+"---|")
	for _, sc := range scenarios {
		results := make([][]result, len(measured))
		for range rounds {
			for i := range measured {
				r, err := sc.run(&measured[i])
				if err != nil {
					return err
				}
				results[i] = append(results[i], r)
				time.Sleep(50 * time.Millisecond) // what Close left behind ends
			}
		}
		for _, row := range sc.rows {
			fmt.Fprintln(w, line(row, results))
		}
	}
	return nil
}

// line shows the medians of one number; the ratio is the first stack's to the
// second's.
func line(r row, results [][]result) string {
	medians := make([]float64, len(results))
	for i, rounds := range results {
		var all []float64
		for _, one := range rounds {
			all = append(all, one[r.name])
		}
		slices.Sort(all)
		medians[i] = all[len(all)/2]
	}
	s := "| " + r.name + " |"
	for _, m := range medians {
		s += " " + number(m) + " |"
	}
	if len(medians) != 2 || medians[1] == 0 {
		return s + " | |"
	}
	ratio := medians[0] / medians[1]
	verdict := "better"
	switch {
	case ratio > 0.97 && ratio < 1.03:
		verdict = "same"
	case (ratio > 1) != r.more:
		verdict = "**worse**"
	}
	return s + fmt.Sprintf(" %.2f | %s |", ratio, verdict)
}

func number(f float64) string {
	switch {
	case f >= 1000 || f == float64(int(f)):
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// profiled starts a CPU profile; the result ends it and writes the heap's.
func profiled() func() {
	cpu, err := os.Create("cpu.prof")
	if err != nil {
		log.Fatal("bench: ", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		log.Fatal("bench: ", err)
	}
	return func() {
		pprof.StopCPUProfile()
		cpu.Close()
		mem, err := os.Create("mem.prof")
		if err != nil {
			log.Fatal("bench: ", err)
		}
		defer mem.Close()
		if err := pprof.Lookup("allocs").WriteTo(mem, 0); err != nil {
			log.Fatal("bench: ", err)
		}
	}
}
