package cloudtrail

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// element is a parsed XML element.
type element struct {
	name     string
	text     string
	children []*element
}

func parseXML(data []byte) (*element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(data))
	root := &element{}
	stack := []*element{root}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			child := &element{name: t.Name.Local}
			top.children = append(top.children, child)
			stack = append(stack, child)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
	if len(root.children) == 0 {
		return nil, errors.New("no XML element")
	}
	return root.children[0], nil
}

// find returns the first descendant with the name.
func (e *element) find(name string) *element {
	for _, child := range e.children {
		if child.name == name {
			return child
		}
		if found := child.find(name); found != nil {
			return found
		}
	}
	return nil
}

// failure returns the record's errorCode and errorMessage. EC2's are prefixed
// with "Client." or "Server."; other services' are not.
func failure(c Call) (code, message string) {
	code, message = errorOf(c.Response)
	if c.Service == "ec2" && code != "" {
		if c.Status >= 500 {
			return "Server." + code, message
		}
		return "Client." + code, message
	}
	return code, message
}

func errorOf(body []byte) (code, message string) {
	var document struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Upper   string `json:"Message"`
	}
	if json.Unmarshal(body, &document) == nil {
		_, name, found := strings.Cut(document.Type, "#")
		if !found {
			name = document.Type
		}
		return name, document.Message + document.Upper
	}
	root, err := parseXML(body)
	if err != nil {
		return "InternalFailure", ""
	}
	if e := root.find("Code"); e != nil {
		code = strings.TrimSpace(e.text)
	}
	if e := root.find("Message"); e != nil {
		message = strings.TrimSpace(e.text)
	}
	return code, message
}

// responseElements returns the record's responseElements of a successful call.
func responseElements(c Call) any {
	if out := DecodeJSON(c.Response); out != nil {
		return lowerKeys(out)
	}
	root, err := parseXML(c.Response)
	if err != nil {
		return nil
	}
	if c.Service != "ec2" {
		result := root.find(c.Action + "Result")
		if result == nil {
			return nil
		}
		return fields(result, c.Account)
	}
	out, _ := fields(root, c.Account).(map[string]any)
	if out == nil {
		out = map[string]any{}
	}
	out["requestId"] = c.RequestID
	if wrapped[c.Action] {
		out["xmlns"] = "http://ec2.amazonaws.com/doc/2016-11-15/"
		return map[string]any{c.Action + "Response": out}
	}
	rename(out, "return", "_return")
	return out
}

// fields renders an element: children named "item" or "member" are a list.
func fields(e *element, account string) any {
	if len(e.children) == 0 {
		text := strings.TrimSpace(e.text)
		if text == "" && strings.HasSuffix(e.name, "Set") {
			return map[string]any{} // a list without elements
		}
		return scalar(e.name, text)
	}
	if e.children[0].name == "item" || e.children[0].name == "member" {
		items := make([]any, 0, len(e.children))
		for _, child := range e.children {
			items = append(items, fields(child, account))
		}
		return map[string]any{"items": items}
	}
	out := map[string]any{}
	for _, child := range e.children {
		if child.name == "tagSet" && len(child.children) == 0 {
			continue
		}
		out[lowerFirst(child.name)] = fields(child, account)
	}
	if _, rule := out["securityGroupRuleId"]; rule {
		if _, ok := out["groupOwnerId"]; !ok {
			out["groupOwnerId"] = account
		}
	}
	return out
}
