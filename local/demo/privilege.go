package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/infra/permission"
	"github.com/evenkeel/evenkeel/local/gateway"
)

// applicationPrefix and the function's name are what a function calls itself in
// its user agent (AWS_SDK_UA_APP_ID).
const applicationPrefix = "evenkeel-"

func privilegeGroup() Group {
	return Group{"Every call of a function is one that it declares", nil, []Step{
		{Want: "the recorded calls are among functions/*/permissions.json", Run: privileges},
	}}
}

// privileges compares the calls that the gateway recorded with what the
// functions declare. The emulators enforce no policy: on AWS a call that is
// not declared would be denied, here it would pass unseen.
func privileges(ctx context.Context, w *World) (string, error) {
	calls, err := w.calls(ctx)
	if err != nil {
		return "", err
	}
	declared, err := declarations(filepath.Join(w.Opts.Project, "functions"))
	if err != nil {
		return "", err
	}
	functions, undeclared, seen := map[string]bool{}, []string{}, 0
	for _, call := range calls {
		function := strings.TrimPrefix(call.Application, applicationPrefix)
		declared, ok := declared[function]
		if !ok {
			continue // a person, the CLI or the local cloud itself
		}
		functions[function] = true
		seen++
		where, statements := "hub", declared.Hub
		if call.Account != w.Cloud.State.Hub {
			where, statements = "workload", declared.Workload
		}
		if !allowed(statements, call.Service+":"+call.Action) {
			undeclared = append(undeclared, fmt.Sprintf("%s calls %s:%s in the %s account", function, call.Service, call.Action, where))
		}
	}
	if len(undeclared) > 0 {
		return "", fmt.Errorf("not declared: %s", strings.Join(undeclared, "; "))
	}
	return fmt.Sprintf("%d kinds of call by %d functions", seen, len(functions)), expect("functions that called", len(functions), len(declared))
}

// declarations reads what each function declares, by its name.
func declarations(folder string) (map[string]permission.Document, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "permissions.json"))
	if err != nil {
		return nil, err
	}
	declared := map[string]permission.Document{}
	for _, file := range files {
		if declared[filepath.Base(filepath.Dir(file))], err = permission.Read(file); err != nil {
			return nil, err
		}
	}
	return declared, nil
}

func (w *World) calls(ctx context.Context) ([]gateway.Recorded, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Cloud.State.Endpoint+gateway.Prefix+"calls", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var calls []gateway.Recorded
	return calls, json.NewDecoder(response.Body).Decode(&calls)
}

func allowed(statements []permission.Statement, action string) bool {
	return slices.ContainsFunc(statements, func(s permission.Statement) bool {
		return slices.ContainsFunc(s.Actions, func(declared string) bool {
			prefix, wildcard := strings.CutSuffix(declared, "*")
			return declared == action || wildcard && strings.HasPrefix(action, prefix)
		})
	})
}
