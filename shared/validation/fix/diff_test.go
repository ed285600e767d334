package fix_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/validation/fix"
)

func TestDiff(t *testing.T) {
	before := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n"
	after := "1\n2\nthree\n4\n5\n6\n7\n8\n9\n10\n11\n12\n14\n15\nsixteen\n"
	const want = `--- a/t.yaml
+++ b/t.yaml
@@ -1,6 +1,6 @@
 1
 2
-3
+three
 4
 5
 6
@@ -10,6 +10,6 @@
 10
 11
 12
-13
 14
 15
+sixteen
`
	if got := fix.Diff("t.yaml", []byte(before), []byte(after)); got != want {
		t.Errorf("%s", got)
	}
	if got := fix.Diff("t.yaml", []byte(before), []byte(before)); got != "" {
		t.Errorf("%s", got)
	}
}

// Texts with thousands of changes take no more memory than those with a few.
func TestDiffOfManyChanges(t *testing.T) {
	var before, after strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&before, "%d\nsame\n", i)
		fmt.Fprintf(&after, "%d!\nsame\n", i)
	}
	if got := fix.Diff("t", []byte("a\n"+before.String()), []byte("a\n"+after.String())); strings.Count(got, "\n-") != 39_999 || !strings.Contains(got, "@@ -1,40001 +1,40001 @@\n a\n-0\n") {
		t.Errorf("%.200s", got)
	}
}

// git makes of the first text what the second is.
func FuzzDiff(f *testing.F) {
	f.Add("a\nb\nc\n", "a\nc\nd\n")
	f.Add("", "a\n")
	f.Add("x\nx\nx\ny\n", "x\ny\nx\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before)+len(after) > 2000 || strings.ContainsAny(before+after, "\x00\r") {
			return
		}
		if before == "" || after == "" { // git makes and removes files for these
			return
		}
		folder := t.TempDir()
		patch := fix.Diff("t", []byte(before), []byte(after))
		if before == after {
			if patch != "" {
				t.Fatal(patch)
			}
			return
		}
		file := filepath.Join(folder, "t")
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		git := exec.Command("git", "apply", "--unidiff-zero", "-")
		git.Dir, git.Stdin = folder, strings.NewReader(patch)
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("%v %s\n%s", err, out, patch)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != after {
			t.Fatalf("%q, not %q: %v\n%s", got, after, err, patch)
		}
	})
}
