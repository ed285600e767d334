package simulator

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// decodeQuery fills an SDK input shape from form parameters: "Name=v",
// "List.member.1.Field=v", "Map.entry.1.key=k".
func decodeQuery(form url.Values, in any) error {
	return decodeQueryValue(form, "", reflect.ValueOf(in).Elem())
}

func decodeQueryValue(form url.Values, name string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !present(form, name) {
			return nil
		}
		p := reflect.New(v.Type().Elem())
		if err := decodeQueryValue(form, name, p.Elem()); err != nil {
			return err
		}
		v.Set(p)
	case reflect.Struct:
		return decodeQueryStruct(form, name, v)
	case reflect.Slice:
		return decodeQueryList(form, name, v)
	case reflect.Map:
		return decodeQueryMap(form, name, v)
	default:
		if !form.Has(name) {
			return nil
		}
		return decodeScalar(form.Get(name), name, v)
	}
	return nil
}

func decodeQueryStruct(form url.Values, name string, v reflect.Value) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || field.Name == "ResultMetadata" {
			continue
		}
		if err := decodeQueryValue(form, join(name, field.Name), v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func decodeQueryList(form url.Values, name string, v reflect.Value) error {
	for n := 1; ; n++ {
		item := fmt.Sprintf("%s.member.%d", name, n)
		if !present(form, item) {
			if n == 1 && form.Has(name) { // an empty list, which is not the same as none
				v.Set(reflect.MakeSlice(v.Type(), 0, 0))
			}
			return nil
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := decodeQueryValue(form, item, e); err != nil {
			return err
		}
		v.Set(reflect.Append(v, e))
	}
}

func decodeQueryMap(form url.Values, name string, v reflect.Value) error {
	for n := 1; ; n++ {
		key := fmt.Sprintf("%s.entry.%d.key", name, n)
		if !form.Has(key) {
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := decodeQueryValue(form, fmt.Sprintf("%s.entry.%d.value", name, n), e); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(form.Get(key)), e)
	}
}

func decodeScalar(text, name string, v reflect.Value) error {
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(text)
		v.SetBool(b)
	case reflect.Int32, reflect.Int64:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v.SetInt(n)
	default:
		return fmt.Errorf("parameter %s cannot be read", name)
	}
	if err != nil {
		return fmt.Errorf("value %q at %q is not valid", text, name)
	}
	return nil
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

func present(form url.Values, name string) bool {
	if form.Has(name) {
		return true
	}
	for key := range form {
		if strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

// encodeXML writes the members of an SDK output shape. A nil pointer, a nil
// list and an empty enumeration are left out, as the service leaves them out.
func encodeXML(b *strings.Builder, out any) {
	v := reflect.ValueOf(out)
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	encodeXMLStruct(b, v)
}

func encodeXMLStruct(b *strings.Builder, v reflect.Value) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.IsExported() && field.Name != "ResultMetadata" {
			encodeXMLElement(b, field.Name, v.Field(i))
		}
	}
}

func encodeXMLElement(b *strings.Builder, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if v.IsNil() {
			return
		}
	case reflect.String:
		if v.Len() == 0 {
			return
		}
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	b.WriteString("<" + name + ">")
	encodeXMLContent(b, v)
	b.WriteString("</" + name + ">")
}

func encodeXMLContent(b *strings.Builder, v reflect.Value) {
	if t, ok := v.Interface().(time.Time); ok {
		b.WriteString(t.UTC().Format("2006-01-02T15:04:05.000Z"))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		encodeXMLStruct(b, v)
	case reflect.Slice:
		for i := range v.Len() {
			b.WriteString("<member>")
			encodeXMLContent(b, v.Index(i))
			b.WriteString("</member>")
		}
	case reflect.Map:
		for _, key := range sortedMapKeys(v) {
			b.WriteString("<entry><key>")
			escapeXML(b, key.String())
			b.WriteString("</key><value>")
			encodeXMLContent(b, v.MapIndex(key))
			b.WriteString("</value></entry>")
		}
	case reflect.String:
		escapeXML(b, v.String())
	case reflect.Bool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	default:
		fmt.Fprint(b, v.Interface())
	}
}

func escapeXML(b *strings.Builder, text string) {
	_ = xml.EscapeText(b, []byte(text))
}
