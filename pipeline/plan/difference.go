package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"znkr.io/diff"

	"github.com/slipway-ci/slipway/pipeline/redact"
)

// line is one line of a difference: what happens to what it says, in Terraform's symbols, how deep it is nested, and its text.
type line struct {
	symbol string
	depth  int
	text   string
}

const (
	none    = ""
	added   = "+"
	gone    = "-"
	changed = "~"
)

// longest is how many lines of one resource are shown, and widest how many characters of one value.
const (
	longest = 1000
	widest  = 1000
)

// differ writes how a value differs from another, as Terraform does.
type differ struct {
	lines []line
	left  int // lines that are too many
	// forced are the paths that force a replacement, joined.
	forced map[string]bool
}

func (d *differ) line(symbol string, depth int, format string, arguments ...any) {
	if len(d.lines) == longest {
		d.left++
		return
	}
	d.lines = append(d.lines, line{symbol, depth, fmt.Sprintf(format, arguments...)})
}

// members writes the members of two objects that differ, and counts the others. Path is where the objects are.
func (d *differ) members(before, after *value, depth int, path string) {
	keys := slices.Sorted(maps.Keys(before.members))
	for key := range after.members {
		if before.members[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	width, unchanged := 0, 0
	var differing []string
	for _, key := range keys {
		old, now := before.member(key), after.member(key)
		switch {
		case old.kind == null && now.kind == null:
		case path != "" && slices.Contains(names, key) && simple(now) && same(old, now):
			d.line(none, depth, "%s = %s", bare(key), cut(now))
		case same(old, now):
			unchanged++
		default:
			differing = append(differing, key)
			width = max(width, utf8.RuneCountInString(bare(key)))
		}
	}
	for _, key := range differing {
		d.attribute(padded(key, width), before.member(key), after.member(key), depth, path+"."+key)
	}
	d.unchanged(depth, unchanged, "attribute")
}

func (d *differ) unchanged(depth, count int, of string) {
	switch {
	case count == 1:
		d.line(none, depth, "# (1 unchanged %s hidden)", of)
	case count > 1:
		d.line(none, depth, "# (%d unchanged %ss hidden)", count, of)
	}
}

func padded(key string, width int) string {
	return fmt.Sprintf("%-*s = ", min(width, 40), bare(key))
}

// attribute writes one value that differs. Head is what stands before it: "size = ", or nothing in a list.
func (d *differ) attribute(head string, before, after *value, depth int, path string) {
	note := ""
	if d.forced[path] {
		note = " # forces replacement"
	}
	switch {
	case before.kind == null:
		d.whole(added, head, after, note, "", depth)
	case after.kind == null:
		if simple(before) {
			note = " -> null" + note
		}
		d.whole(gone, head, before, note, "", depth)
	case before.kind == secret && after.kind == secret:
		d.line(changed, depth, "%s(sensitive value)%s", head, note)
	case before.kind == object && after.kind == object:
		d.line(changed, depth, "%s{%s", head, note)
		d.members(before, after, depth+1, path)
		d.line(none, depth, "}")
	case before.kind == list && after.kind == list:
		d.line(changed, depth, "%s[%s", head, note)
		d.elements(before, after, depth+1, path)
		d.line(none, depth, "]")
	case before.document != nil && after.document != nil && before.document.kind == after.document.kind:
		if same(before.document, after.document) {
			d.line(changed, depth, "%sjsonencode(…)%s # the same document, written differently", head, note)
			return
		}
		d.line(changed, depth, "%sjsonencode(%s", head, note)
		d.attribute("", before.document, after.document, depth+1, path+".jsonencode")
		d.line(none, depth, ")")
	case before.kind == text && after.kind == text && (manyLines(before) || manyLines(after)):
		d.text(head, before.shown, after.shown, note, depth)
	case simple(before) && simple(after):
		old, now := cut(before), cut(after)
		if old == now && before.kind == after.kind {
			if before.shown == after.shown {
				note = " # another value, which is hidden" + note
			} else {
				old, now = apart(before.shown, after.shown)
			}
		}
		d.line(changed, depth, "%s%s -> %s%s", head, old, now, note)
	default:
		d.whole(gone, head, before, note, "", depth)
		d.whole(added, head, after, note, "", depth)
	}
}

// whole writes a value that is there on one side alone. End is what stands behind it: a comma in a list.
func (d *differ) whole(symbol, head string, v *value, note, end string, depth int) {
	switch {
	case v.document != nil:
		d.line(symbol, depth, "%sjsonencode(%s", head, note)
		d.whole(symbol, "", v.document, "", "", depth+1)
		d.line(symbol, depth, ")%s", end)
	case v.kind == object && len(v.members) > 0:
		d.line(symbol, depth, "%s{%s", head, note)
		width := 0
		var keys []string
		for _, key := range slices.Sorted(maps.Keys(v.members)) {
			if v.members[key].kind != null {
				keys = append(keys, key)
				width = max(width, utf8.RuneCountInString(bare(key)))
			}
		}
		for _, key := range keys {
			d.whole(symbol, padded(key, width), v.members[key], "", "", depth+1)
		}
		d.line(symbol, depth, "}%s", end)
	case v.kind == list && len(v.elements) > 0:
		d.line(symbol, depth, "%s[%s", head, note)
		for _, element := range v.elements {
			d.whole(symbol, "", element, "", ",", depth+1)
		}
		d.line(symbol, depth, "]%s", end)
	case manyLines(v):
		d.line(symbol, depth, "%s<<-EOT%s", head, note)
		for part := range strings.SplitSeq(v.shown, "\n") {
			d.line(symbol, depth+1, "%s", shortened(legible(part)))
		}
		d.line(symbol, depth, "EOT%s", end)
	default:
		d.line(symbol, depth, "%s%s%s%s", head, cut(v), end, note)
	}
}

// elements writes how a list differs from another. The elements that are in both are found first; of the others, objects are
// compared with each other where they have a name in common, or their place.
func (d *differ) elements(before, after *value, depth int, path string) {
	var from, to []string
	for _, element := range before.elements {
		from = append(from, identity(element))
	}
	for _, element := range after.elements {
		to = append(to, identity(element))
	}
	edits := diff.Edits(from, to)
	for len(edits) > 0 {
		if edits[0].Op == diff.Match {
			count := slices.IndexFunc(edits, func(e diff.Edit[string]) bool { return e.Op != diff.Match })
			if count < 0 {
				count = len(edits)
			}
			d.unchanged(depth, count, "element")
			edits = edits[count:]
			continue
		}
		count := slices.IndexFunc(edits, func(e diff.Edit[string]) bool { return e.Op == diff.Match })
		if count < 0 {
			count = len(edits)
		}
		var old, now []int
		for _, edit := range edits[:count] {
			if edit.Op == diff.Delete {
				old = append(old, edit.PosX)
			} else {
				now = append(now, edit.PosY)
			}
		}
		edits = edits[count:]
		d.run(before, after, old, now, depth, path)
	}
}

// run writes elements that stand between the same neighbours: old by their index before, now by that after.
func (d *differ) run(before, after *value, old, now []int, depth int, path string) {
	partner := map[int]int{} // of those after, by index
	taken := map[int]bool{}
	byName := map[string]int{}
	for _, i := range old {
		if name := named(before.elements[i]); name != "" {
			byName[name] = i
		}
	}
	for _, j := range now {
		if i, found := byName[named(after.elements[j])]; found && !taken[i] {
			partner[j], taken[i] = i, true
		}
	}
	if len(old) == len(now) {
		for place, j := range now {
			i := old[place]
			_, has := partner[j]
			alike := before.elements[i].kind == after.elements[j].kind && (before.elements[i].kind == object || before.elements[i].kind == list)
			if !has && !taken[i] && alike && named(before.elements[i]) == named(after.elements[j]) {
				partner[j], taken[i] = i, true
			}
		}
	}
	for _, i := range old {
		if !taken[i] {
			d.element(before.elements[i], nothing, depth, fmt.Sprintf("%s.%d", path, i))
		}
	}
	for _, j := range now {
		of := nothing
		if i, found := partner[j]; found {
			of = before.elements[i]
		}
		d.element(of, after.elements[j], depth, fmt.Sprintf("%s.%d", path, j))
	}
}

func (d *differ) element(before, after *value, depth int, path string) {
	note := ""
	if d.forced[path] {
		note = " # forces replacement"
	}
	switch {
	case before.kind == null && after.kind == null: // a null that comes or goes
		d.line(changed, depth, "null,")
	case before.kind == null:
		d.whole(added, "", after, note, ",", depth)
	case after.kind == null:
		d.whole(gone, "", before, note, ",", depth)
	default:
		d.attribute("", before, after, depth, path)
	}
}

// names are the members that tell an object from its neighbours.
var names = []string{"name", "Name", "id", "Id", "Sid", "key", "Key"}

// named is what an element of a list goes by, where it has something like that.
func named(v *value) string {
	for _, key := range names {
		if member := v.member(key); member.kind == text && member.raw != "" {
			return fmt.Sprint(key, "=", member.raw)
		}
	}
	return ""
}

// around is how many unchanged lines of a text are shown on either side of what changes.
const around = 3

func (d *differ) text(head, before, after, note string, depth int) {
	if before == after {
		d.line(changed, depth, "%s<<-EOT … EOT # another value, which is hidden%s", head, note)
		return
	}
	d.line(changed, depth, "%s<<-EOT%s", head, note)
	hunks := diff.Hunks(strings.Split(before, "\n"), strings.Split(after, "\n"), diff.Context(around))
	shownTo := 0
	for _, hunk := range hunks {
		d.unchanged(depth+1, hunk.PosX-shownTo, "line")
		for _, edit := range hunk.Edits {
			switch edit.Op {
			case diff.Match:
				d.line(none, depth+1, "%s", shortened(legible(edit.X)))
			case diff.Delete:
				d.line(gone, depth+1, "%s", shortened(legible(edit.X)))
			case diff.Insert:
				d.line(added, depth+1, "%s", shortened(legible(edit.Y)))
			}
		}
		shownTo = hunk.EndX
	}
	d.unchanged(depth+1, strings.Count(before, "\n")+1-shownTo, "line")
	d.line(none, depth, "EOT")
}

// simple says that a value stands in one line.
func simple(v *value) bool {
	return v.document == nil && !manyLines(v) && len(v.elements) == 0 && len(v.members) == 0
}

func manyLines(v *value) bool {
	return v.kind == text && strings.Contains(strings.TrimSuffix(v.shown, "\n"), "\n")
}

// cut is a simple value as it is shown, not longer than anybody reads.
func cut(v *value) string {
	switch v.kind {
	case null:
		return "null"
	case unknown:
		return "(known after apply)"
	case secret:
		return "(sensitive value)"
	case list:
		return "[]"
	case object:
		return "{}"
	case text:
		return shortened(quoted(v.shown))
	}
	return shortened(v.shown)
}

// quoted is a text in quotes. Stars for a secret need none.
func quoted(text string) string {
	if text == redact.Hidden {
		return text
	}
	return strconv.Quote(text)
}

func shortened(text string) string {
	if utf8.RuneCountInString(text) <= widest {
		return text
	}
	runes := []rune(text)
	return fmt.Sprintf("%s… (%d characters)", string(runes[:widest]), len(runes))
}

// apart shows two long texts from where they begin to differ.
func apart(before, after string) (string, string) {
	common := 0
	for common < min(len(before), len(after)) && before[common] == after[common] {
		common++
	}
	common = max(0, common-20)
	for common > 0 && !utf8.RuneStart(before[common]) {
		common--
	}
	return "…" + shortened(quoted(before[common:])), "…" + shortened(quoted(after[common:]))
}

// bare is a key without quotes, where it is a name as HCL knows them.
func bare(key string) string {
	if identifier.MatchString(key) {
		return key
	}
	return shortened(strconv.Quote(key))
}

var identifier = regexp.MustCompile(`^[\pL_][\pL\pN_-]*$`)
