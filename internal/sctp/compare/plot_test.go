package compare

import (
	"fmt"
	"math"
	"strings"
)

// row is the goodput in one cell, in bit/s, in the order of kinds.
type row struct {
	cell
	goodput [3]float64
}

// Measures of the drawing, in pixels.
const (
	panelWidth, panelHeight = 330, 260
	marginLeft, marginTop   = 56, 64
	barWidth, groupWidth    = 22, 80
	lowest, highest         = 1e5, 1e8 // bit/s: the ends of the axis
)

var colours = []string{"#2b6cb0", "#c05621", "#718096"}

// height is where a value lies above the axis, which is logarithmic.
func height(v float64) float64 {
	v = min(max(v, lowest), highest)
	return panelHeight * math.Log10(v/lowest) / math.Log10(highest/lowest)
}

// plot draws the rows as bars, a panel for each round-trip time.
func plot(rows []row) string {
	var b strings.Builder
	width := marginLeft + 3*panelWidth + 20
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", width, marginTop+panelHeight+64)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	fmt.Fprintf(&b, `<text x="%d" y="20" font-size="15">Goodput of one bulk flow through a bottleneck of 100 Mb/s (Mb/s, logarithmic)</text>`+"\n", marginLeft)
	for i, k := range kinds {
		x := marginLeft + 150*i
		fmt.Fprintf(&b, `<rect x="%d" y="32" width="12" height="12" fill="%s"/><text x="%d" y="42">%s</text>`+"\n", x, colours[i], x+17, k.name)
	}
	bottom := marginTop + panelHeight
	for v := lowest; v <= highest; v *= 10 {
		y := float64(bottom) - height(v)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n",
			marginLeft, width-20, y, y, marginLeft-6, y+4, v/1e6)
	}
	for i, r := range rows {
		x := marginLeft + i/4*panelWidth + 8 + i%4*groupWidth
		for kind, v := range r.goodput {
			left := x + kind*barWidth
			fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="%d" height="%.1f" fill="%s"/>`, left, float64(bottom)-height(v), barWidth-2, height(v), colours[kind])
			fmt.Fprintf(&b, `<text x="%d" y="%.1f" font-size="8" text-anchor="middle">%.3g</text>`+"\n", left+barWidth/2-1, float64(bottom)-height(v)-3, v/1e6)
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%g %%</text>`+"\n", x+3*barWidth/2, bottom+16, r.loss*100)
		if i%4 == 0 {
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">loss each way; round trip %d ms</text>`+"\n", x+2*groupWidth-8, bottom+36, r.rtt.Milliseconds())
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}
