package infra

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSourceDigest(t *testing.T) {
	digest := func(change func(dir string)) string {
		t.Helper()
		dir := t.TempDir()
		put(t, dir, "main.tf", "# main")
		put(t, dir, "modules/network/main.tf", "# network")
		if change != nil {
			change(dir)
		}
		sum, err := (&Terraform{dir: dir}).SourceDigest()
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	same := digest(nil)
	tests := map[string]struct {
		change func(dir string)
		same   bool
	}{
		"the same files elsewhere": {func(string) {}, true},
		"what Terraform leaves": {func(dir string) {
			for _, name := range []string{".terraform/modules/modules.json", ".terraform.lock.hcl", "errored.tfstate", "saved.tfplan", "crash.log"} {
				put(t, dir, name, "left")
			}
		}, true},
		"another line in a module":  {func(dir string) { put(t, dir, "modules/network/main.tf", "# network, changed") }, false},
		"another environment":       {func(dir string) { put(t, dir, "environments/dev.tfvars", "") }, false},
		"a file under another name": {func(dir string) { rename(t, dir, "main.tf", "network.tf") }, false},
		"content that changed places": {func(dir string) {
			put(t, dir, "main.tf", "# network")
			put(t, dir, "modules/network/main.tf", "# main")
		}, false},
		"a file that is there no more": {func(dir string) { rename(t, dir, "main.tf", "../elsewhere.tf") }, false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if got := digest(test.change); (got == same) != test.same {
				t.Errorf("digest %s, and that of the first is %s", got, same)
			}
		})
	}
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, dir, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		t.Fatal(err)
	}
}
