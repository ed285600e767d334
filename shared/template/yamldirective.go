package template

// Directives, and the tags that they shorten.

func (p *yamlParser) directives() {
	version := false
	for t := p.peek(); t.kind == tokDirective; t = p.peek() {
		text, handle := p.text(t), p.handle(t)
		switch {
		case handle != "":
			if _, has := p.handles[handle]; has {
				p.fail(t.start, "duplicate %%TAG directive for %s", excerpt(handle))
			}
			if p.handles == nil {
				p.handles = map[string]string{}
			}
			p.handles[handle] = text
		case version:
			p.fail(t.start, "duplicate %%YAML directive")
		case text != "1.1" && text != "1.2":
			p.fail(t.start, "YAML of version %s is not supported", text)
		default:
			version = true
		}
		p.next()
	}
}

// prefix is what a tag handle stands for.
func (p *yamlParser) prefix(handle string) (string, bool) {
	if prefix, ok := p.handles[handle]; ok {
		return prefix, true
	}
	switch handle {
	case "!":
		return "!", true
	case "!!":
		return yamlTag, true
	}
	return "", false
}

// expandTag puts the prefix of a tag's handle before it.
func (p *yamlParser) expandTag(q *properties, t *token) {
	handle := p.handle(t)
	if t.to >= 0 && p.handles["!"] != "" {
		handle, q.tag = "!", q.tag[1:]
	}
	if handle == "" {
		return
	}
	prefix, known := p.prefix(handle)
	if !known {
		p.fail(t.start, "undefined tag handle %s", excerpt(handle))
	}
	q.tag = prefix + q.tag
}
