package verification

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

func decodeJSON(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("a second value")
	}
	return document, nil
}

// differs compares the value at the path with the expected scalar; "" means
// that they are equal. Numbers are equal by value: 1 is 1.0.
func differs(document any, path string, expected json.RawMessage) string {
	got, ok := at(document, path)
	if !ok {
		return path + " is not there, expected " + string(expected)
	}
	want, err := decodeJSON(expected)
	if err != nil {
		return fmt.Sprintf("the value expected at %s is not JSON", path)
	}
	if same(got, want) {
		return ""
	}
	shown, err := json.Marshal(got)
	if err != nil {
		shown = []byte("something else")
	}
	return fmt.Sprintf("%s is %s, expected %s", path, shorten(concealed(path, string(shown)), maxWhy), string(expected))
}

func same(a, b any) bool {
	x, isNumber := a.(json.Number)
	y, too := b.(json.Number)
	if !isNumber || !too {
		switch a.(type) {
		case map[string]any, []any:
			return false
		}
		switch b.(type) {
		case map[string]any, []any:
			return false
		}
		return a == b
	}
	if x == y {
		return true
	}
	// An exponent can make a number of any size: such are equal as text only.
	if strings.ContainsAny(string(x)+string(y), "eE") {
		p, err1 := x.Float64()
		q, err2 := y.Float64()
		return err1 == nil && err2 == nil && p == q
	}
	p, ok1 := new(big.Rat).SetString(string(x))
	q, ok2 := new(big.Rat).SetString(string(y))
	return ok1 && ok2 && p.Cmp(q) == 0
}

// at walks a path such as $.items[0]['a b']; ok is false when nothing is there.
// The decoder of evenkeel.yaml has checked the form.
func at(document any, path string) (value any, ok bool) {
	rest, rooted := strings.CutPrefix(path, "$")
	if !rooted {
		return nil, false
	}
	value = document
	for rest != "" {
		var name string
		var index int
		var byName bool
		if name, index, byName, rest, ok = segment(rest); !ok {
			return nil, false
		}
		if byName {
			members, isObject := value.(map[string]any)
			if value, ok = members[name]; !isObject || !ok {
				return nil, false
			}
			continue
		}
		items, isArray := value.([]any)
		if !isArray || index >= len(items) {
			return nil, false
		}
		value = items[index]
	}
	return value, true
}

// segment cuts the first step off a path.
func segment(path string) (name string, index int, byName bool, rest string, ok bool) {
	if after, dotted := strings.CutPrefix(path, "."); dotted {
		end := strings.IndexAny(after, ".[")
		if end < 0 {
			end = len(after)
		}
		return after[:end], 0, true, after[end:], end > 0
	}
	if after, quoted := strings.CutPrefix(path, "['"); quoted {
		name, rest, ok = strings.Cut(after, "']")
		return name, 0, true, rest, ok
	}
	after, bracket := strings.CutPrefix(path, "[")
	number, rest, closed := strings.Cut(after, "]")
	index, err := strconv.Atoi(number)
	return "", index, false, rest, bracket && closed && err == nil && index >= 0
}
