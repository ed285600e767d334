package validation

import (
	"path"
	"strings"
	"sync"

	"github.com/evenkeel/evenkeel/shared/template"
)

// nested finds the templates of nested stacks: among those that are validated
// together, then by Options.ReadFile. It serves several templates at a time.
type nested struct {
	files map[string][]byte
	read  func(name string) ([]byte, error)
	known sync.Map // name → func() *template.Node
}

// of returns the root of the template that a TemplateURL in a file names, nil
// if it is on the internet, is not at hand or cannot be parsed.
func (n *nested) of(file, url string) *template.Node {
	if strings.Contains(url, "://") || strings.Contains(url, "{{") || url == "" {
		return nil
	}
	name := url
	if !path.IsAbs(url) {
		name = path.Join(path.Dir(file), url)
	}
	load, _ := n.known.LoadOrStore(name, sync.OnceValue(func() *template.Node { return n.load(name) }))
	return load.(func() *template.Node)()
}

func (n *nested) load(name string) *template.Node {
	data, ok := n.files[name]
	if !ok {
		if n.read == nil {
			return nil
		}
		var err error
		if data, err = n.read(name); err != nil {
			return nil
		}
	}
	root, err := template.ParseNode(name, data)
	if err != nil || !root.IsMap() {
		return nil // it is no template
	}
	return root
}
