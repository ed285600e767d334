package pipeline

import (
	"path"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// branchGlob is a branch name in which *, ? and [a-z] stand for others. Git
// allows none of these characters in a name.
// Source: git-check-ref-format(1).
var branchGlob = newPattern(`^[^\s~^:\\]+$`)

// Follows reports whether the stage follows the branch. Its own may be a glob
// in the form of path.Match: * does not cross a slash.
func (s Stage) Follows(branch string) bool {
	matched, err := path.Match(s.Branch, branch)
	return err == nil && matched
}

func isGlob(branch string) bool { return strings.ContainsAny(branch, "*?[") }

func (d *decoder) branch(n *yaml.Node) string {
	value := d.matching(n, "branch", branchGlob, "a branch name, such as main, or a glob, such as release/*")
	if _, err := path.Match(value, ""); err != nil {
		d.fault(position(n), "branch "+strconv.Quote(value)+" is not a glob: a bracket is not closed")
	}
	return value
}

// together lists, for the limits, groups of stages that one branch may follow:
// for each name, the stages of that name and the globs that match it; and all
// globs, of which one branch may match each.
func together(stages []Stage) [][]Stage {
	groups, seen := [][]Stage{}, map[string]bool{}
	var globs []Stage
	for _, s := range stages {
		if isGlob(s.Branch) {
			globs = append(globs, s)
			continue
		}
		if seen[s.Branch] {
			continue
		}
		seen[s.Branch] = true
		var group []Stage
		for _, other := range stages {
			if other.Follows(s.Branch) {
				group = append(group, other)
			}
		}
		groups = append(groups, group)
	}
	if len(globs) > 0 {
		groups = append(groups, globs)
	}
	return groups
}
