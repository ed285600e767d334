package sam

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/shared/template"
)

//go:generate go run generate.go

// data holds SAM's policy templates and connector profiles from
// aws-sam-translator 1.110.0 (serverless-application-model, Copyright 2018
// Amazon.com, Inc. or its affiliates, Apache-2.0) and the names of the managed
// policies from it and from cfn-lint 1.51.0 (MIT-0); see generate.go.
//
//go:embed data.json.gz
var data []byte

type library struct {
	templates  map[string]*policyTemplate
	connectors *node
	resources  *node
	managed    map[string]map[string]string // partition → name → path
}

// policyTemplate is one of SAM's policy templates.
type policyTemplate struct {
	parameters []string
	definition *node
}

func (p *policyTemplate) has(parameter string) bool { return slices.Contains(p.parameters, parameter) }

// sharedLibrary is the library, read when it is first needed.
var sharedLibrary = sync.OnceValue(readLibrary)

func readLibrary() *library {
	lib := &library{templates: map[string]*policyTemplate{}, managed: map[string]map[string]string{}}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return lib
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return lib
	}
	root, err := template.ParseNode("data.json", text)
	if err != nil {
		return lib
	}
	lib.connectors, lib.resources = root.Get("Connectors"), root.Get("Resources")
	for _, e := range root.Get("Policies").Entries {
		lib.templates[e.Key] = &policyTemplate{e.Value.Get("Parameters").Strings(), e.Value.Get("Definition")}
	}
	for _, e := range root.Get("Managed").Entries {
		names := map[string]string{}
		for _, path := range e.Value.Strings() {
			names[path[strings.LastIndexByte(path, '/')+1:]] = path
		}
		lib.managed[e.Key] = names
	}
	return lib
}

// managedPolicyARN is the ARN of a managed policy; other names stay.
func managedPolicyARN(partition, name string) string {
	managed := sharedLibrary().managed
	if path, ok := managed["known"][name]; ok {
		return "arn:aws:iam::aws:policy/" + path
	}
	if path, ok := managed[partition][name]; ok {
		return "arn:" + partition + ":iam::aws:policy/" + path
	}
	return name
}
