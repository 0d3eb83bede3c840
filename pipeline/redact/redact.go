// Package redact hides secrets in what people read: values that are known to be secret, in each form in which a program may
// print them, and whatever looks like a credential.
package redact

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Hidden stands where a secret stood.
const Hidden = "***"

// Shortest is the length below which a value is left alone. A secret "on" or "1" would put stars into every other word and
// tell by them what it is.
const Shortest = 4

// Values are secrets whose values are known. They stay in memory. The zero Values knows none, and any number of goroutines
// may use one.
type Values struct {
	mutex    sync.Mutex
	forms    []string
	replacer *strings.Replacer
}

// Add adds values to what is hidden.
func (v *Values) Add(values ...string) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for _, value := range values {
		v.forms = append(v.forms, formsOf(value)...)
		if strings.Contains(value, "\n") { // a private key: log lines come one by one
			for line := range strings.Lines(value) {
				v.forms = append(v.forms, formsOf(line)...)
			}
		}
	}
	v.replacer = nil
}

// Replace hides the values in a text.
func (v *Values) Replace(text string) string {
	return v.ready().Replace(text)
}

func (v *Values) ready() *strings.Replacer {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.replacer == nil {
		// At one place the first that fits is taken: the longest has to come first, or it would be replaced in part.
		slices.SortFunc(v.forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
		v.forms = slices.Compact(v.forms)
		var pairs []string
		for _, form := range v.forms {
			pairs = append(pairs, form, Hidden)
		}
		v.replacer = strings.NewReplacer(pairs...)
	}
	return v.replacer
}

func formsOf(value string) []string {
	value = strings.TrimSpace(value)
	if len(value) < Shortest {
		return nil
	}
	quoted := strconv.Quote(value)
	forms := []string{
		value, html.EscapeString(value), quoted[1 : len(quoted)-1],
		url.QueryEscape(value), url.PathEscape(value), strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
	}
	if document, err := json.Marshal(value); err == nil {
		forms = append(forms, string(document[1:len(document)-1]))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		forms = append(forms, encoding.EncodeToString([]byte(value)))
		// Behind something else, as in "user:password", the value's bytes fall on the characters in one of three ways. Those
		// of the characters at either end that hold bits of the neighbours are left: nobody knows them beforehand.
		for before := range 3 {
			text := encoding.EncodeToString(append(make([]byte, before), value...))
			first, last := (before*8+5)/6, (before+len(value))*8/6
			if last-first >= 6 {
				forms = append(forms, text[first:last])
			}
		}
	}
	return forms
}
