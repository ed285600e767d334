package pipeline

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/shared/yamldoc"
)

// Build is how a repository makes its cloud assembly: commands that run in
// CodeBuild, or locally as a process, and the folder that they leave it in.
type Build struct {
	Commands    []string      `json:"commands"` // run in one shell, one after the other
	Output      string        `json:"output"`   // folder of the repository with the cloud assembly
	Image       string        `json:"image"`    // of CodeBuild
	Compute     string        `json:"compute"`  // small, medium, large
	Timeout     time.Duration `json:"timeout"`
	Environment []Variable    `json:"environment,omitempty"` // sorted by name

	at Position
}

// Variable is an environment variable of a build, in exactly one of its forms.
type Variable struct {
	Name           string `json:"name"`
	Value          string `json:"value,omitempty"`
	ParameterStore string `json:"parameterStore,omitempty"` // name below BuildParameters
	Secret         string `json:"secret,omitempty"`         // name below BuildSecrets, or name#jsonKey
}

// What a build may read: names below these prefixes and nothing else, so that
// no repository's commands reach a secret of the suite or of somebody else.
// The build's role allows the same names.
const (
	BuildParameters = "/evenkeel-build/"
	BuildSecrets    = "evenkeel-build/"
)

// The defaults of a build. The image is one that AWS keeps current.
const (
	defaultOutput  = "cdk.out"
	DefaultImage   = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
	defaultCompute = "small"
	defaultBuild   = 15 * time.Minute
)

// The bounds of a build. CodeBuild itself takes 5 minutes to 36 hours; a
// longer one than an hour would hold the repository's lock for as long.
// Source: CodeBuild API reference, StartBuild, timeoutInMinutesOverride.
const (
	minBuild     = 5 * time.Minute
	MaxBuild     = time.Hour
	maxCommands  = 50
	maxCommand   = 16 << 10 // bytes of all commands
	maxVariables = 50
	maxValues    = 8 << 10 // bytes of all variables; they travel through the workflow
)

var computes = []string{"small", "medium", "large"}

var (
	// Only images that AWS itself keeps: a foreign one would run with the build's role.
	// Source: CodeBuild user guide, "Docker images provided by CodeBuild".
	imagePattern    = newPattern(`^aws/codebuild/[a-z0-9_-]*standard:[0-9]+(\.[0-9]+)*$`)
	timeoutPattern  = newPattern(`^[0-9]{1,2}m$|^1h$`)
	variablePattern = newPattern(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	buildParameter  = newPattern(`^/evenkeel-build/[a-zA-Z0-9_./-]{1,900}$`)
	buildSecret     = newPattern(`^evenkeel-build/[a-zA-Z0-9/_+=.@-]{1,480}(#[^#:\s]+)?$`)
	// An artifact's id, or the path that the CDK CLI shows: Prod/Shop.
	artifactPattern = newPattern(`^([A-Za-z0-9_./-]|\$\{stage\}){1,256}$`)
)

// reserved begin the names of variables that are not the repository's to set.
// Source: CodeBuild user guide, "Environment variables in build environments".
var reserved = []string{"CODEBUILD_", "AWS_", "EVENKEEL_"}

var buildKeys = []key{
	{"commands", true, "Shell commands that write the cloud assembly, such as npx cdk synth; they run in one shell, one after the other.", map[string]any{"type": "array", "minItems": 1, "maxItems": maxCommands, "items": map[string]any{"type": "string"}}},
	{"output", false, "Folder that the commands leave the cloud assembly in; cdk.out without it.", map[string]any{"type": "string"}},
	{"image", false, "Image of CodeBuild; " + DefaultImage + " without it.", text(imagePattern)},
	{"compute", false, "Size of the machine: small (the default), medium or large.", map[string]any{"enum": computes}},
	{"timeout", false, "How long the commands may take: 5m to 60m; 15m without it.", text(timeoutPattern)},
	{"environment", false, "Environment variables of the commands, by name.", mapOf(ref("variable"))},
}

var variableKeys = []key{
	{"parameterStore", false, "Name of a Systems Manager parameter below " + BuildParameters + "; CodeBuild reads it.", text(buildParameter)},
	{"secret", false, "Name of a Secrets Manager secret below " + BuildSecrets + ", with #key for one key of it; CodeBuild reads it.", text(buildSecret)},
}

func (d *decoder) build(e entry) *Build {
	b := &Build{Output: defaultOutput, Image: DefaultImage, Compute: defaultCompute, Timeout: defaultBuild, at: e.at}
	keys := d.object(e.value, "build", buildKeys)
	if k, ok := keys["commands"]; ok {
		b.Commands = d.commands(k)
	}
	if k, ok := keys["output"]; ok {
		b.Output = d.templatePath(k.value, "output")
		if b.Output == "." {
			d.fault(position(k.value), "output must be a folder of its own, such as "+defaultOutput)
		}
	}
	if k, ok := keys["image"]; ok {
		b.Image = d.matching(k.value, "image", imagePattern, "an image of CodeBuild, such as "+DefaultImage)
	}
	if k, ok := keys["compute"]; ok {
		b.Compute = d.oneOf(k.value, "compute", computes)
	}
	if k, ok := keys["timeout"]; ok {
		value := d.matching(k.value, "timeout", timeoutPattern, "minutes, such as 15m")
		timeout, err := time.ParseDuration(value)
		if err == nil && (timeout < minBuild || timeout > MaxBuild) {
			d.fault(position(k.value), "timeout "+strconv.Quote(value)+" is not between 5m and 60m")
		}
		b.Timeout = timeout
	}
	if k, ok := keys["environment"]; ok {
		b.Environment = d.environment(k)
	}
	return b
}

// commands are not items: the same command may stand twice.
func (d *decoder) commands(e entry) []string {
	var list []string
	size := 0
	for _, n := range e.value.Content {
		if value, ok := d.scalar(n, "a command"); ok {
			list = append(list, value)
			if size += len(value); strings.TrimSpace(value) == "" {
				d.fault(position(n), "a command is empty")
			}
		}
	}
	switch {
	case yamldoc.Kind(e.value) != "a list":
		d.fault(position(e.value), "commands must be a list, not "+yamldoc.Kind(e.value))
	case len(e.value.Content) == 0:
		d.fault(e.at, "commands names no command")
	case len(list) > maxCommands || size > maxCommand:
		d.fault(e.at, "the commands are too many or too long: "+strconv.Itoa(maxCommands)+" with "+strconv.Itoa(maxCommand>>10)+" KiB are the limit; put them into a script of the repository")
	}
	return list
}

func (d *decoder) environment(e entry) []Variable {
	entries := d.entries(e.value, "environment")
	if len(entries) > maxVariables {
		d.fault(e.at, "there are "+strconv.Itoa(len(entries))+" environment variables; the limit is "+strconv.Itoa(maxVariables))
		return nil
	}
	var list []Variable
	size := 0
	for _, v := range entries {
		if !variablePattern.matches(v.name) {
			d.fault(v.at, "the variable "+strconv.Quote(v.name)+" is not letters, digits and _, beginning with no digit")
		}
		for _, prefix := range reserved {
			if strings.HasPrefix(v.name, prefix) {
				d.fault(v.at, "the variable "+v.name+" is reserved: names that begin with "+prefix+" are set by the build itself")
			}
		}
		list = append(list, d.variable(v))
		size += len(v.name) + len(v.value.Value)
	}
	if size > maxValues {
		d.fault(e.at, "the environment variables have more than "+strconv.Itoa(maxValues>>10)+" KiB together")
	}
	slices.SortFunc(list, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (d *decoder) variable(e entry) Variable {
	v := Variable{Name: e.name}
	what := "variable " + e.name
	if yamldoc.Kind(e.value) != "a mapping" {
		v.Value, _ = d.scalar(e.value, what)
		return v
	}
	keys := d.object(e.value, what, variableKeys)
	if len(e.value.Content) != 2 {
		d.fault(position(e.value), what+" must have exactly one of the keys "+names(variableKeys))
		return v
	}
	if k, ok := keys["parameterStore"]; ok {
		v.ParameterStore = d.matching(k.value, "parameterStore", buildParameter, "a parameter that a build may read: its name begins with "+BuildParameters)
	}
	if k, ok := keys["secret"]; ok {
		v.Secret = d.matching(k.value, "secret", buildSecret, "a secret that a build may read: its name begins with "+BuildSecrets)
	}
	return v
}

// At returns where the build stands in evenkeel.yaml. It is zero for one that
// travelled as JSON.
func (b *Build) At() Position { return b.at }

// OutputFolder is where the cloud assembly is: what build says, or the CDK's
// own default for one that is checked in.
func (p *Pipeline) OutputFolder() string {
	if p.Build == nil {
		return defaultOutput
	}
	return p.Build.Output
}

// UsesAssembly reports whether a stack comes from the cloud assembly.
func (p *Pipeline) UsesAssembly() bool {
	for _, stack := range p.Stacks {
		if stack.Artifact != "" {
			return true
		}
	}
	return false
}

// artifactIn names the stack's artifact in a stage: the stage's own name for
// it, else the stack's with the stage's name in the place of ${stage}.
func (s Stage) artifactIn(stack Stack) string {
	name := stack.Artifact
	if own, ok := s.artifacts[stack.Name]; ok {
		name = own
	}
	return strings.ReplaceAll(name, "${stage}", s.Name)
}

// decodeArtifacts reads the artifacts of a stage.
func (d *decoder) decodeArtifacts(stage *Stage, e entry) {
	stage.artifacts, stage.artifactsAt = map[string]string{}, map[string]Position{}
	for _, a := range d.entries(e.value, "the artifacts of stage "+stage.Name) {
		stage.artifactsAt[a.name] = a.at
		stage.artifacts[a.name] = d.artifact(a)
	}
}

func (d *decoder) artifact(e entry) string {
	return d.matching(e.value, "artifact", artifactPattern, "the id of a stack in the cloud assembly, such as Shop or Shop-${stage}")
}

// checkArtifacts finds what build, template and artifact contradict each
// other in.
func (d *decoder) checkArtifacts(p *Pipeline, exists func(string) bool) {
	manifest := p.OutputFolder() + "/manifest.json"
	for _, stack := range p.Stacks {
		switch {
		case stack.Template != "" && stack.Artifact != "":
			d.fault(stack.at, "stack "+stack.Name+" has both a template and an artifact; it needs one of them")
		case stack.Artifact != "" && p.Build == nil && !exists(manifest):
			d.fault(stack.at, "stack "+stack.Name+" comes from a cloud assembly, but there is neither build nor the file "+manifest+"; add build: {commands: [npx cdk synth]}")
		}
	}
	if p.Build != nil && !p.UsesAssembly() {
		d.fault(p.Build.at, "build makes a cloud assembly, but no stack has an artifact of it; give a stack artifact: in place of template:")
	}
	for _, stage := range p.Stages {
		for _, name := range slices.Sorted(maps.Keys(stage.artifacts)) {
			switch i := p.index(name); {
			case i < 0:
				d.fault(stage.artifactsAt[name], "the stage sets the artifact of "+strconv.Quote(name)+", which is no stack; stacks are "+p.stackNames())
			case p.Stacks[i].Artifact == "":
				d.fault(stage.artifactsAt[name], "the stage sets the artifact of "+name+", which has a template")
			}
		}
	}
}
