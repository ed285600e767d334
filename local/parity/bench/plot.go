package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The plot's area, in pixels.
const (
	width, height = 760, 460
	left, right   = 64, 20
	top, bottom   = 20, 48
)

// plot draws time against size, both logarithmic, since templates are of 100
// bytes and of a megabyte. The fitted straight line is a curve there.
func plot(all, grown []single) string {
	var points []single
	for _, s := range all {
		if s.Failure == "" && s.Size > 0 && s.Warm > 0 {
			points = append(points, s)
		}
	}
	if len(points) == 0 {
		return "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"
	}
	x, y := scales(append(slices.Clone(points), grown...))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for _, tick := range x.ticks() {
		fmt.Fprintf(&b, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
			x.at(tick), top, height-bottom, x.at(tick), height-bottom+18, decimal(tick))
	}
	for _, tick := range y.ticks() {
		fmt.Fprintf(&b, `<path d="M%d %.1f H%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g ms</text>`+"\n",
			left, y.at(tick), width-right, left-6, y.at(tick)+4, tick)
	}
	for _, s := range points {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="2" fill="#1f77b4" fill-opacity="0.5"/>`+"\n", x.at(float64(s.Size)), y.at(1000*s.Warm))
	}
	for _, s := range grown {
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="none" stroke="#d62728"/>`+"\n", x.at(float64(s.Size)), y.at(1000*s.Warm))
	}
	if l := fitted(grown); len(grown) > 1 {
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="#d62728" stroke-width="1.5"/>`+"\n", curve(l, x, y))
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#d62728">one template, grown: %.2f ms + %.3f ms per KB, R² = %.3f</text>`+"\n", left+12, top+18, l.at, l.slope, l.r2)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#1f77b4">templates of the corpus</text>`+"\n", left+12, top+36)
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">size of the template</text>`+"\n</svg>\n", (left+width-right)/2, height-10)
	return b.String()
}

func curve(l line, x, y scale) string {
	var b strings.Builder
	verb := "M"
	for i := range 101 {
		size := x.low * math.Pow(x.high/x.low, float64(i)/100)
		if ms := l.at + l.slope*size/1024; ms >= y.low && ms <= y.high {
			fmt.Fprintf(&b, "%s%.1f %.1f ", verb, x.at(size), y.at(ms))
			verb = "L"
		}
	}
	return strings.TrimSpace(b.String())
}

// scale maps powers of ten between low and high to pixels.
type scale struct{ low, high, from, to float64 }

func (s scale) at(v float64) float64 {
	return s.from + (s.to-s.from)*math.Log(v/s.low)/math.Log(s.high/s.low)
}

func (s scale) ticks() []float64 {
	var all []float64
	for v := s.low; v <= s.high*1.01; v *= 10 {
		all = append(all, v)
	}
	return all
}

func scales(points []single) (x, y scale) {
	x = scale{math.Inf(1), 0, left, width - right}
	y = scale{math.Inf(1), 0, height - bottom, top}
	for _, s := range points {
		x.low, x.high = math.Min(x.low, float64(s.Size)), math.Max(x.high, float64(s.Size))
		y.low, y.high = math.Min(y.low, 1000*s.Warm), math.Max(y.high, 1000*s.Warm)
	}
	return x.rounded(), y.rounded()
}

// rounded extends a scale to powers of ten.
func (s scale) rounded() scale {
	s.low = math.Pow(10, math.Floor(math.Log10(s.low)))
	s.high = math.Pow(10, math.Ceil(math.Log10(s.high)))
	if s.high <= s.low {
		s.high = 10 * s.low
	}
	return s
}

// decimal writes a power of ten of bytes.
func decimal(bytes float64) string {
	switch {
	case bytes >= 1e6:
		return fmt.Sprintf("%g MB", bytes/1e6)
	case bytes >= 1e3:
		return fmt.Sprintf("%g kB", bytes/1e3)
	}
	return fmt.Sprintf("%g B", bytes)
}
