package main

import "math"

// line is y = at + slope·x.
type line struct {
	at, slope float64
	r2        float64 // how much of the variance it explains
	exponent  float64 // of y ~ x^exponent; 1 is linear
}

// fit finds the least-squares line through points. Large x weigh more there, so
// the exponent says it again on logarithmic axes.
func fit(xs, ys []float64) line {
	at, slope, r2 := squares(xs, ys)
	lx, ly := make([]float64, 0, len(xs)), make([]float64, 0, len(ys))
	for i := range xs {
		if xs[i] > 0 && ys[i] > 0 {
			lx, ly = append(lx, math.Log(xs[i])), append(ly, math.Log(ys[i]))
		}
	}
	_, exponent, _ := squares(lx, ly)
	return line{at: at, slope: slope, r2: r2, exponent: exponent}
}

func squares(xs, ys []float64) (at, slope, r2 float64) {
	n := float64(len(xs))
	if n < 2 {
		return 0, 0, 0
	}
	var mx, my float64
	for i := range xs {
		mx += xs[i] / n
		my += ys[i] / n
	}
	var xx, xy, yy float64
	for i := range xs {
		xx += (xs[i] - mx) * (xs[i] - mx)
		xy += (xs[i] - mx) * (ys[i] - my)
		yy += (ys[i] - my) * (ys[i] - my)
	}
	if xx == 0 || yy == 0 {
		return my, 0, 0
	}
	slope = xy / xx
	return my - slope*mx, slope, xy * xy / (xx * yy)
}
