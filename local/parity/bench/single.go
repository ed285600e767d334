package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/local/parity/lines"
	"github.com/evenkeel/evenkeel/shared/validation"
)

// single is what one template costs.
type single struct {
	File string  `json:"file"`
	Size int     `json:"size"`
	Cold float64 `json:"cold"` // seconds, the first time that this process sees the template
	Warm float64 `json:"warm"` // seconds, the best of three more times
	Heap uint64  `json:"heap"` // bytes at the highest, while it is validated
	// Failure says why there are no figures.
	Failure string `json:"failure,omitempty"`
}

// singles measures each template by itself, in a process that answers for all.
func singles(ctx context.Context, _ options, r *report) error {
	progress("each of %d templates in process", len(r.corpus.files))
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return ask(ctx, r.corpus, 20*time.Second, &r.singles, self, "-worker")
}

// ask has a program answer with a single for each template.
func ask(ctx context.Context, c corpus, patience time.Duration, into *[]single, argv ...string) error {
	command := func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir = c.dir
		return cmd
	}
	names := c.relative(c.files)
	return lines.Serve(ctx, names, command, patience, func(name, line, failure string) {
		s := single{File: name, Size: c.files[len(*into)].size}
		if failure == "" {
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				failure = err.Error()
			}
		}
		if failure != "" {
			s.Failure = failure
		}
		*into = append(*into, s)
	})
}

func work(r io.Reader, w io.Writer) error {
	out := json.NewEncoder(w)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		s, err := measure(lines.Text())
		if err != nil {
			return err
		}
		if err := out.Encode(s); err != nil {
			return err
		}
	}
	return nil
}

func measure(name string) (single, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return single{}, err
	}
	files := map[string][]byte{name: data}
	s := single{File: name, Size: len(data)}
	s.Cold = timed(files)
	s.Warm = min(timed(files), timed(files), timed(files))
	s.Heap = highest(func() { timed(files) })
	return s, nil
}

func timed(files map[string][]byte) float64 {
	start := time.Now()
	validation.Validate(files)
	return time.Since(start).Seconds()
}

// highest watches the heap while f runs. What is no longer used counts until it
// is collected, as it does for who pays for the memory.
func highest(f func()) uint64 {
	runtime.GC()
	stop := make(chan struct{})
	var peak uint64
	var watching sync.WaitGroup
	watching.Go(func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
	})
	f()
	close(stop)
	watching.Wait()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return max(peak, sample[0].Value.Uint64())
}

// together validates all templates in one call, as the function does.
func together(_ context.Context, _ options, r *report) error {
	files := make(map[string][]byte, len(r.corpus.files))
	for _, f := range r.corpus.files {
		data, err := os.ReadFile(f.path)
		if err != nil {
			return err
		}
		files[f.path] = data
	}
	r.grown = grown()
	progress("all templates in one call")
	r.togetherHeap = highest(func() { r.together = timed(files) })
	return nil
}

// quantile of what a peer or we took, in milliseconds; failed ones are left out.
func quantile(all []single, q float64, of func(single) float64) float64 {
	var values []float64
	for _, s := range all {
		if s.Failure == "" {
			values = append(values, 1000*of(s))
		}
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(len(values)-1, int(q*float64(len(values))))]
}
