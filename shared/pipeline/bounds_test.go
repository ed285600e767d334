package pipeline_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/pipeline"
)

func stage(name string) string {
	return fmt.Sprintf("- {name: %s, branch: main, account: \"111111111111\", region: us-east-1, approval: never}\n", name)
}

func repeat(n int, format func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(format(i))
	}
	return b.String()
}

// TestHostileFiles: whatever the file is, it is refused with few words and in
// little memory. Step Functions takes 256 KB of a task's result.
func TestHostileFiles(t *testing.T) {
	const head = "version: 1\nstacks:\n"
	chain := func(i int) string { return fmt.Sprintf("  s%d: {template: t, dependsOn: [s%d]}\n", i+1, i) }
	tests := []struct{ name, text, want string }{
		{"huge", strings.Repeat("# nothing\n", 100_000), "the limit is 256"},
		{"unknown references", head + repeat(250, func(i int) string { return fmt.Sprintf("  s%d: {template: t, dependsOn: [nope]}\n", i) }) + "stages:\n" + stage("a"), "there are more faults"},
		{"unknown keys", repeat(20_000, func(i int) string { return fmt.Sprintf("k%d: 1\n", i) }), "there are more faults"},
		{"a long chain", head + "  s0: {template: t}\n" + repeat(5_000, chain) + "stages:\n" + stage("a"), "there are 5001 stacks; the limit is 300"},
		{"many stages", head + "  s: {template: t}\nstages:\n" + repeat(101, func(i int) string { return stage(fmt.Sprintf("a%d", i)) }), "there are 101 stages; the limit is 100"},
		{"stages times stacks", head + "  s0: {template: t}\n" + repeat(100, chain) + "stages:\n" + repeat(3, func(i int) string { return stage(fmt.Sprintf("a%d", i)) }), "more than 300 stacks together"},
		{"many parameters", head + "  s0: {template: t, parameters: {" + repeat(9_000, func(i int) string { return fmt.Sprintf("P%d: x, ", i) }) + "}}\nstages:\n" + repeat(3, func(i int) string { return stage(fmt.Sprintf("a%d", i)) }), "too large together"},
		{"deep", strings.Repeat("[", 100_000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := pipeline.Decode("evenkeel.yaml", []byte(tt.text), func(string) bool { return true })
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %.300v, want %q", err, tt.want)
			}
			if n := len(err.Error()); n > 64<<10 {
				t.Errorf("the message has %d bytes", n)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 128<<20 {
				t.Errorf("%d MiB were allocated", used>>20)
			}
		})
	}
}

// TestWhatIsAcceptedFitsAWorkflow: stages that pass leave room in the 256 KB
// for what a run adds to them.
func TestWhatIsAcceptedFitsAWorkflow(t *testing.T) {
	file := func(stages int) string {
		return "version: 1\nstacks:\n" + repeat(20, func(i int) string {
			return fmt.Sprintf("  s%d: {template: templates/t%d.yaml, parameters: {A: \"%s\"}}\n", i, i, strings.Repeat("<", 400))
		}) + "stages:\n" + repeat(stages, func(i int) string { return stage(fmt.Sprintf("a%d", i)) })
	}
	largest := 0
	for n := range 15 {
		p, err := pipeline.Decode("evenkeel.yaml", []byte(file(n+1)), func(string) bool { return true })
		if err != nil {
			break
		}
		data, err := json.Marshal(p.For("main"))
		if err != nil {
			t.Fatal(err)
		}
		largest = len(data)
	}
	if largest < 60<<10 || largest > 160<<10 {
		t.Errorf("the largest stages that pass have %d bytes", largest)
	}
}
