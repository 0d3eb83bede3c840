package drift

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// File is where known differences are listed, below the root module.
const File = "drift.ignore"

// known is one entry of the file.
type known struct {
	line               int
	address, attribute *regexp.Regexp
	// text is the entry without its reason, as it is shown.
	text, reason string
	expires      time.Time
	used         bool
}

// Known is the list of differences that are known.
type Known struct {
	file    string
	entries []*known
}

// ReadKnown reads the file of known differences. A file that isn't there lists none. An entry is a line of an address, an
// attribute's path, the last day on which it counts and the reason:
//
//	# address                          attribute        until       reason
//	module.edge[*].aws_lb.this         idle_timeout     2027-03-31  raised by hand while uploads time out, OPS-112
//
// In both, [*] stands for any key of an instance and any place in a list. An attribute covers what is below it. A failure
// lists every line that is wrong.
func ReadKnown(file string) (*Known, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &Known{file: file}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the known differences: %w", err)
	}
	list := &Known{file: file}
	var wrong []string
	for i, line := range strings.Split(string(content), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		entry, err := parse(line)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("line %d: %v", i+1, err))
			continue
		}
		entry.line = i + 1
		list.entries = append(list.entries, entry)
	}
	if len(wrong) > 0 {
		return nil, &report.Failure{
			Reason:   fmt.Sprintf("the list of known differences %s has %d lines that are none", file, len(wrong)),
			Evidence: wrong,
			Effect:   "nothing was compared",
			Next:     "write ADDRESS ATTRIBUTE YYYY-MM-DD REASON, or # before a comment",
		}
	}
	return list, nil
}

// addressForm is what Terraform takes as the address of a resource, with keys of instances.
var addressForm = regexp.MustCompile(`^(module\.[\w-]+(\[[^\]]+\])?\.)*[a-z][a-z0-9_]*\.[\w-]+(\[[^\]]+\])?$`)

func parse(line string) (*known, error) {
	fields := words(line, 4)
	switch {
	case len(fields) < 2:
		return nil, errors.New("the attribute, the last day and the reason are missing")
	case len(fields) < 3:
		return nil, errors.New("the last day, YYYY-MM-DD, and the reason are missing")
	case !addressForm.MatchString(fields[0]):
		return nil, fmt.Errorf("%q is not the address of a resource, like module.edge.aws_lb.this", fields[0])
	}
	expires, err := time.Parse(time.DateOnly, fields[2])
	if err != nil {
		return nil, fmt.Errorf("%q is not a day, YYYY-MM-DD", fields[2])
	}
	if len(fields) < 4 {
		return nil, errors.New("the reason is missing")
	}
	return &known{
		address: pattern(fields[0], ""), attribute: pattern(fields[1], `([.\[].*)?`),
		text: fields[0] + " " + fields[1], reason: fields[3], expires: expires,
	}, nil
}

// pattern matches what is written, with anything in the place of each [*].
func pattern(written, rest string) *regexp.Regexp {
	parts := strings.Split(written, "[*]")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile(`^` + strings.Join(parts, `\[("([^"\\]|\\.)*"|\d+)\]`) + rest + `$`)
}

// words cuts a line at spaces into at most n; the last is the rest of the line. Spaces in the quotes of a key don't count.
func words(line string, n int) []string {
	var found []string
	rest := strings.TrimSpace(line)
	for len(found) < n-1 && rest != "" {
		end, quoted := len(rest), false
		for i, c := range rest {
			if c == '"' {
				quoted = !quoted
			}
			if (c == ' ' || c == '\t') && !quoted {
				end = i
				break
			}
		}
		found = append(found, rest[:end])
		rest = strings.TrimSpace(rest[end:])
	}
	if rest != "" {
		found = append(found, rest)
	}
	return found
}

// Apply takes out of drift what is known, and notes the entries that have expired and those that nothing needed. An entry
// counts until its day is over, in UTC. A resource that was deleted is never known: it has to come back or leave the
// configuration.
func (k *Known) Apply(drift *report.Drift, now time.Time) {
	var remaining []report.DriftedResource
	for _, resource := range drift.Resources {
		var changes []report.AttributeChange
		for _, change := range resource.Changes {
			entry := k.find(resource.Address, change.Path, now)
			if entry == nil {
				changes = append(changes, change)
				continue
			}
			drift.Ignored = append(drift.Ignored, report.KnownDifference{
				Address: resource.Address, Change: change, Reason: entry.reason, Expires: entry.expires.Format(time.DateOnly),
			})
		}
		if len(changes) > 0 || len(resource.Changes) == 0 {
			resource.Changes = changes
			remaining = append(remaining, resource)
		}
	}
	drift.Resources = remaining
	for _, entry := range k.entries {
		day := entry.expires.Format(time.DateOnly)
		switch {
		case entry.expired(now):
			drift.Notes = append(drift.Notes, fmt.Sprintf("%s:%d: the entry for %s has expired on %s and counts no longer (%s)", k.file, entry.line, entry.text, day, entry.reason))
		case !entry.used:
			drift.Notes = append(drift.Notes, fmt.Sprintf("%s:%d: nothing differs that the entry for %s is for; it can go", k.file, entry.line, entry.text))
		}
	}
}

// find returns the entry that covers a change.
func (k *Known) find(address, attribute string, now time.Time) *known {
	for _, entry := range k.entries {
		if !entry.expired(now) && entry.address.MatchString(address) && entry.attribute.MatchString(attribute) {
			entry.used = true
			return entry
		}
	}
	return nil
}

func (e *known) expired(now time.Time) bool { return !now.UTC().Before(e.expires.AddDate(0, 0, 1)) }
