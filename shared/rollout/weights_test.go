package rollout

import "testing"

func TestPercent(t *testing.T) {
	for _, tt := range []struct {
		candidate, live int64
		want            int
		ok              bool
	}{
		{0, 100, 0, true}, {5, 95, 5, true}, {100, 0, 100, true}, {1, 1, 50, true}, {1, 0, 100, true}, {0, 255, 0, true}, {999, 0, 100, true},
		{0, 0, 0, false}, {1, 2, 0, false}, {13, 242, 0, false}, {-1, 2, 0, false}, {1000, 0, 0, false}, {-1, 1, 0, false},
	} {
		if got, ok := Percent(tt.candidate, tt.live); got != tt.want || ok != tt.ok {
			t.Errorf("Percent(%d, %d) = %d, %v", tt.candidate, tt.live, got, ok)
		}
	}
}

// FuzzWeights: what is set is read again as the same, no set is all zero or
// beyond what a record takes, and more percent is never less weight.
func FuzzWeights(f *testing.F) {
	f.Add(0, int64(0), int64(0))
	f.Add(100, int64(255), int64(255))
	f.Add(-7, int64(13), int64(242))
	f.Fuzz(func(t *testing.T, percent int, candidate, live int64) {
		c, l := Weights(percent)
		if c < 0 || l < 0 || c+l == 0 || c > 255 || l > 255 {
			t.Fatalf("%d: %d and %d", percent, c, l)
		}
		if got, ok := Percent(c, l); !ok || got != min(max(percent, 0), 100) {
			t.Fatalf("%d is read as %d, %v", percent, got, ok)
		}
		if percent < 1000 {
			if more, less := Weights(percent + 1); more < c || less > l {
				t.Fatalf("%d: %d and %d, then %d and %d", percent, c, l, more, less)
			}
		}
		if got, ok := Percent(candidate, live); ok {
			if got < 0 || got > 100 || candidate*(100-int64(got)) != live*int64(got) {
				t.Fatalf("%d and %d are read as %d", candidate, live, got)
			}
		} else if got != 0 {
			t.Fatalf("%d and %d: %d, and not ok", candidate, live, got)
		}
	})
}
