package assembly_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/shared/assembly"
	"github.com/evenkeel/evenkeel/shared/pipeline"
)

func partition(string) string { return "aws" }

func stages(stacks ...pipeline.Stack) []pipeline.Stage {
	return []pipeline.Stage{{Name: "test", Account: "222222222222", Region: "eu-central-1", Stacks: stacks}}
}

func TestResolve(t *testing.T) {
	a, err := assembly.Read(read(files()), "cdk.out")
	if err != nil {
		t.Fatal(err)
	}
	resolved, problems := a.Resolve(stages(
		pipeline.Stack{Name: "shop", StackName: "shop-test", Artifact: "Shop", Parameters: map[string]pipeline.Parameter{"B": {Output: "plain.X"}}, Tags: map[string]string{"team": "ours"}},
		pipeline.Stack{Name: "plain", StackName: "plain-test", Template: "t.yaml"},
		pipeline.Stack{Name: "network", StackName: "network-test", Artifact: "Net", DependsOn: []string{"plain"}},
	), partition)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, s := range resolved[0].Stacks {
		got = append(got, fmt.Sprintf("%s %s %s %v %v %v", s.Name, s.StackName, s.Template, s.DependsOn, s.Parameters, s.Tags))
	}
	want := []string{
		"plain plain-test t.yaml [] map[] map[]",
		"network Net cdk.out/Net.template.json [plain] map[] map[]",
		"shop shop-main cdk.out/Shop.template.json [network] map[A:{1    {0 0}} B:{ plain.X   {0 0}}] map[team:ours]",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestResolveProblems(t *testing.T) {
	a, err := assembly.Read(read(files()), "cdk.out")
	if err != nil {
		t.Fatal(err)
	}
	net := pipeline.Stack{Name: "network", Artifact: "Net"}
	tests := []struct {
		name   string
		stages []pipeline.Stage
		want   string
	}{
		{"no such artifact", stages(pipeline.Stack{Name: "x", Artifact: "Nope"}), `test/x: the cloud assembly has no stack "Nope"; it has Net, Prod/Web, Shop`},
		{"a dependency that nobody deploys", stages(pipeline.Stack{Name: "shop", Artifact: "Shop"}), "depends on Net, which no stack of this stage deploys; add a stack with artifact: Net"},
		{"a cycle of both files", stages(pipeline.Stack{Name: "shop", Artifact: "Shop"}, pipeline.Stack{Name: "network", Artifact: "Net", DependsOn: []string{"shop"}}), "in a cycle: shop, network"},
		{"one stack twice in a stage", stages(net, pipeline.Stack{Name: "again", Artifact: "Net"}), "is deployed by test/network as well"},
		{"one stack in two stages", append(stages(net), pipeline.Stage{Name: "prod", Account: "222222222222", Region: "eu-central-1", Stacks: []pipeline.Stack{net}}), "prod/network: the stack Net in 222222222222, eu-central-1, is deployed by test/network as well"},
		{"another account", []pipeline.Stage{{Name: "prod", Account: "333333333333", Region: "eu-central-1", Stacks: []pipeline.Stack{net, {Name: "shop", Artifact: "Shop"}}}}, "made for the account 222222222222, the stage has 333333333333"},
		{"too much", stages(net, pipeline.Stack{Name: "fat", Template: "t", Tags: map[string]string{"x": strings.Repeat("x", 200_000)}}), "more than 128 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := a.Resolve(tt.stages, partition)
			var all []string
			for _, p := range problems {
				all = append(all, p.Stage+"/"+p.Stack+": "+p.Message)
			}
			if len(problems) != 1 || !strings.Contains(all[0], tt.want) {
				t.Errorf("got %v, want …%s…", all, tt.want)
			}
		})
	}
}
