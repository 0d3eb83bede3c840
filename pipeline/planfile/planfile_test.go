package planfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"
)

func key(t testing.TB) Key {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sample() File {
	return File{
		Binding: Binding{
			Commit: "6fc2d10", Source: "ab", Name: "blog", Environment: "dev", Region: "eu-central-1", Account: "111122223333",
			State:     State{Bucket: "slipway-state", Key: "blog/dev/terraform.tfstate", Lineage: "6f1a2b3c-0000", Serial: 7},
			Terraform: "1.11.4", Providers: map[string]string{"registry.terraform.io/hashicorp/aws": "6.34.0"},
			Variables: map[string]string{"name": `"blog"`}, Salt: "salt", Made: time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC), By: "somebody",
		},
		Plan: []byte("PK\x03\x04 what Terraform saved"), JSON: []byte(`{"format_version":"1.2"}`),
	}
}

func sealed(t testing.TB, f File, k Key) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Seal(&b, f, k); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatIsSealedIsOpened(t *testing.T) {
	k := key(t)
	want := sample()
	file := sealed(t, want, k)
	want.Binding.PlanSHA256, want.Binding.JSONSHA256 = digest(want.Plan), digest(want.JSON)
	got, err := Open(bytes.NewReader(file), k)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	for _, text := range []string{"blog", "6fc2d10", "what Terraform saved", "format_version"} {
		if bytes.Contains(file, []byte(text)) {
			t.Errorf("the file shows %q to everybody", text)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	k := key(t)
	file := sealed(t, sample(), k)
	head := len(magic + version + "\n")
	tests := map[string]struct {
		file []byte
		key  Key
		want error
	}{
		"an empty file":                          {nil, k, ErrForeign},
		"some text":                              {[]byte("a letter to somebody, long enough"), k, ErrForeign},
		"a plan of Terraform's":                  {[]byte("PK\x03\x04and the rest of the archive"), k, ErrTerraform},
		"a file of a later version":              {append([]byte("slipway-plan/2\n"), file[head:]...), k, ErrVersion},
		"another key":                            {file, key(t), ErrKey},
		"a file that breaks off in its head":     {file[:head-3], k, ErrDamaged},
		"a file that breaks off behind its head": {file[:head], k, ErrDamaged},
		"a file that breaks off in the middle":   {file[:len(file)/2], k, ErrDamaged},
		"a file that lacks its last byte":        {file[:len(file)-1], k, ErrDamaged},
		"something behind the end":               {append(bytes.Clone(file), 'x'), k, ErrDamaged},
		"another byte in the middle":             {flip(file, len(file)-40), k, ErrDamaged},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if _, err := Open(bytes.NewReader(test.file), test.key); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func flip(file []byte, at int) []byte {
	changed := bytes.Clone(file)
	changed[at] ^= 1
	return changed
}

// Every place where a file can break off and every byte that can be another.
func TestNoDamageGoesUnnoticed(t *testing.T) {
	k := key(t)
	file := sealed(t, sample(), k)
	for i := range file {
		if _, err := Open(bytes.NewReader(file[:i]), k); err == nil {
			t.Errorf("the first %d of %d bytes were opened", i, len(file))
		}
		if _, err := Open(bytes.NewReader(flip(file, i)), k); err == nil {
			t.Errorf("with byte %d changed it was opened", i)
		}
	}
}

// Whoever has the key can write a file with a plan in it that isn't the one that was bound.
func TestAPlanThatIsNotTheBoundOneIsDamage(t *testing.T) {
	k := key(t)
	f := sample()
	plain := unsealed(t, sealed(t, f, k), k)
	forged := bytes.Replace(plain, []byte("what Terraform saved"), []byte("what somebody forged"), 1)
	var b bytes.Buffer
	b.WriteString(magic + version + "\n")
	w, err := age.Encrypt(&b, k.identity.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(forged)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(&b, k); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("error %v, want one about the SHA-256", err)
	}
}

func unsealed(t *testing.T, file []byte, k Key) []byte {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(file[len(magic+version+"\n"):]), k.identity)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestParseKey(t *testing.T) {
	k := key(t)
	text := k.Reveal()
	tests := map[string]struct{ text, want string }{
		"a key":                       {text, ""},
		"a key as age-keygen writes":  {"# created: 2026-11-24\n# public key: age1…\n" + text + "\n", ""},
		"nothing":                     {"  \n", "empty"},
		"comments only":               {"# created\n", "empty"},
		"a password":                  {"correct horse battery staple", "AGE-SECRET-KEY-1"},
		"a key with a typing mistake": {text[:len(text)-1] + "?", "AGE-SECRET-KEY-1"},
		"two keys":                    {text + "\n" + text, "more than one"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got, err := ParseKey(test.text)
			switch {
			case test.want == "":
				if err != nil || got.Reveal() != text {
					t.Errorf("key %v, error %v", got, err)
				}
			case err == nil || !strings.Contains(err.Error(), test.want):
				t.Errorf("error %v, want one with %q", err, test.want)
			case strings.Contains(err.Error(), strings.Fields(test.text + " .")[0]):
				t.Errorf("the error shows what was given: %v", err)
			}
		})
	}
	if printed := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); strings.Contains(printed, "AGE-SECRET") {
		t.Errorf("a key prints as %s", printed)
	}
}

func TestVariablesKeepTheValuesOfSensitiveOnesToThemselves(t *testing.T) {
	plan := &tfjson.Plan{
		Variables: map[string]*tfjson.PlanVariable{"name": {Value: "blog"}, "token": {Value: "canary-7f3a"}, "undeclared": {Value: "canary-8b1c"}},
		Config: &tfjson.Config{RootModule: &tfjson.ConfigModule{Variables: map[string]*tfjson.ConfigVariable{
			"name": {}, "token": {Sensitive: true},
		}}},
	}
	var one, two Binding
	for _, b := range []*Binding{&one, &two} {
		if err := b.SetVariables(plan); err != nil {
			t.Fatal(err)
		}
	}
	if got := one.Variables["name"]; got != `"blog"` {
		t.Errorf("name is %s", got)
	}
	for _, name := range []string{"token", "undeclared"} {
		if got := one.Variables[name]; !strings.HasPrefix(got, "sha256:") || len(got) != len("sha256:")+64 {
			t.Errorf("%s is kept as %q", name, got)
		}
		if one.Variables[name] == two.Variables[name] {
			t.Errorf("%s has the same digest in two plans: it can be looked up", name)
		}
	}
}

func TestMatches(t *testing.T) {
	tests := map[string]struct {
		here  func(*Binding)
		want  []string
		moved bool
	}{
		"the same":                       {func(*Binding) {}, nil, false},
		"another person at another time": {func(b *Binding) { b.By, b.Made = "somebody else", time.Now() }, nil, false},
		"another commit": {func(b *Binding) { b.Commit, b.Source = "7ad3e21", "cd" },
			[]string{"the plan is of commit 6fc2d10, and this is 7ad3e21"}, false},
		"other files at the same commit": {func(b *Binding) { b.Source = "cd" },
			[]string{"the Terraform files are not those that were planned, though the commit is the same"}, false},
		"another environment": {func(b *Binding) { b.Environment, b.State.Key = "prod", "blog/prod/terraform.tfstate" },
			[]string{"the plan is of environment blog-dev, and this is blog-prod",
				"the plan is of the state slipway-state/blog/dev/terraform.tfstate, and this is slipway-state/blog/prod/terraform.tfstate"}, false},
		"another account and region": {func(b *Binding) { b.Account, b.Region = "444455556666", "us-east-1" },
			[]string{"the plan is of account 111122223333, and this is 444455556666", "the plan is of region eu-central-1, and this is us-east-1"}, false},
		"an apply that did not end well": {func(b *Binding) { b.State.Journal = "1a2b" },
			[]string{"the plan does not know of an apply that did not end well, and may create again what that one created"}, true},
		"a state that has moved": {func(b *Binding) { b.State.Serial = 8 },
			[]string{"the state has moved: the plan is of serial 7 of lineage 6f1a2b3c…, and now there is serial 8 of lineage 6f1a2b3c…"}, true},
		"a state that is gone": {func(b *Binding) { b.State.Lineage, b.State.Serial = "", 0 },
			[]string{"the state has moved: the plan is of serial 7 of lineage 6f1a2b3c…, and now there is no state"}, true},
		"another state with the same serial": {func(b *Binding) { b.State.Lineage = "99999999-0000" },
			[]string{"the state has moved: the plan is of serial 7 of lineage 6f1a2b3c…, and now there is serial 7 of lineage 99999999…"}, true},
		"an older Terraform": {func(b *Binding) { b.Terraform = "1.11.3" },
			[]string{"the plan is of Terraform 1.11.4, and this is 1.11.3"}, false},
		"other providers": {func(b *Binding) { b.Providers = map[string]string{"registry.terraform.io/hashicorp/random": "3.7.2"} },
			[]string{"the plan is of provider registry.terraform.io/hashicorp/aws 6.34.0, and this is none",
				"the plan was made without provider registry.terraform.io/hashicorp/random"}, false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			here := sample().Binding
			test.here(&here)
			var got Refusal
			if err := sample().Binding.Matches(here); err != nil && !errors.As(err, new(*Refusal)) {
				t.Fatalf("error %v is no refusal", err)
			} else if refusal, ok := errors.AsType[*Refusal](err); ok {
				got = *refusal
			}
			if diff := cmp.Diff(Refusal{test.want, test.moved}, got); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	k := key(f)
	file := sealed(f, sample(), k)
	for _, seed := range [][]byte{nil, file, file[:40], []byte("PK\x03\x04"), []byte(magic), []byte("slipway-plan/1\nage-encryption.org/v1\n")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if _, err := Open(bytes.NewReader(content), k); err == nil && !bytes.Equal(content, file) {
			t.Error("something else than the sealed file was opened")
		}
	})
}
