package codebuild

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// buildspec is a build specification, as far as it has an effect.
// Source: CodeBuild user guide, "Build specification reference".
type buildspec struct {
	Version any `yaml:"version"`
	Env     struct {
		Variables      map[string]string `yaml:"variables"`
		ParameterStore map[string]string `yaml:"parameter-store"`
		SecretsManager map[string]string `yaml:"secrets-manager"`
	} `yaml:"env"`
	Phases map[string]struct {
		Commands []string `yaml:"commands"`
		Finally  []string `yaml:"finally"`
	} `yaml:"phases"`
	Artifacts *struct {
		Files         []string `yaml:"files"`
		BaseDirectory string   `yaml:"base-directory"`
		DiscardPaths  string   `yaml:"discard-paths"`
	} `yaml:"artifacts"`
}

func parseBuildspec(text string) (buildspec, error) {
	var spec buildspec
	if err := yaml.Unmarshal([]byte(text), &spec); err != nil {
		return spec, err
	}
	if version := fmt.Sprint(spec.Version); version != "0.1" && version != "0.2" {
		return spec, fmt.Errorf("invalid buildspec version specified: %s", version)
	}
	return spec, nil
}

// phaseNames are the phases of a buildspec and their names in a build.
var phaseNames = []struct{ key, name string }{
	{"install", "INSTALL"}, {"pre_build", "PRE_BUILD"}, {"build", "BUILD"}, {"post_build", "POST_BUILD"},
}

// script makes a shell script of the phases. Every command is a file in folder
// that is read by the one shell; what happened is written to the file
// "result": "begin BUILD", "fail BUILD 1 3" (the second command, exit status
// 3), "end BUILD".
func (spec buildspec) script(folder string) (string, error) {
	var b strings.Builder
	result := quote(filepath.Join(folder, "result"))
	fmt.Fprintf(&b, "ek_ok=1; ek_at=\ntrap 'ek_s=$?; [ -z \"$ek_at\" ] || echo \"fail $ek_at $ek_s\" >>%s' EXIT\n", result)
	command := func(name string, i int, text string) error {
		file := filepath.Join(folder, fmt.Sprintf("%s.%d", name, i))
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			return err
		}
		line, _, _ := strings.Cut(text, "\n")
		fmt.Fprintf(&b, "printf '%%s\\n' %s\nek_at='%s %d'; . %s; ek_s=$?; ek_at=\n", quote("[Container] Running command "+line), name, i, quote(file))
		fmt.Fprintf(&b, "if [ $ek_s -ne 0 ]; then echo \"fail %s %d $ek_s\" >>%s; ek_ok=0; CODEBUILD_BUILD_SUCCEEDING=0; break; fi\n", name, i, result)
		return nil
	}
	for _, phase := range phaseNames {
		condition := "[ $ek_ok = 1 ]"
		if phase.name == "POST_BUILD" {
			condition = "[ $ek_ok = 1 ] || [ -n \"$ek_built\" ]"
		}
		fmt.Fprintf(&b, "if %s; then\necho 'begin %s' >>%s\necho '[Container] Entering phase %s'\n", condition, phase.name, result, phase.name)
		if phase.name == "BUILD" {
			b.WriteString("ek_built=1\n")
		}
		steps := spec.Phases[phase.key]
		for part, commands := range [][]string{steps.Commands, steps.Finally} {
			if len(commands) == 0 {
				continue
			}
			b.WriteString("while :; do\n")
			for i, text := range commands {
				if err := command(phase.name, part*1000+i, text); err != nil {
					return "", err
				}
			}
			b.WriteString("break; done\n")
		}
		fmt.Fprintf(&b, "echo 'end %s' >>%s\nfi\n", phase.name, result)
	}
	return b.String(), nil
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// matching lists the files below base that the patterns name, sorted.
func matching(base string, patterns []string) ([]string, error) {
	var compiled []*regexp.Regexp
	for _, p := range patterns {
		// "**/*" is every file, in whatever folder; "*" is of one folder.
		text := regexp.QuoteMeta(path.Clean(p))
		text = strings.NewReplacer(`\*\*/`, "(.*/)?", `\*\*`, ".*", `\*`, "[^/]*", `\?`, "[^/]").Replace(text)
		re, err := regexp.Compile("^" + text + "$")
		if err != nil {
			return nil, err
		}
		compiled = append(compiled, re)
	}
	var files []string
	err := filepath.WalkDir(base, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(base, name)
		relative = filepath.ToSlash(relative)
		if err == nil && slices.ContainsFunc(compiled, func(re *regexp.Regexp) bool { return re.MatchString(relative) }) {
			files = append(files, relative)
		}
		return err
	})
	slices.Sort(files)
	return files, err
}
