//go:build rehearsal

package rehearsal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	registry "github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// standIn is an application that takes the blog's place where a test is about what surrounds it, and deploys often: it is up
// in a fraction of a second, and its migration only takes as long as it is told to.
const standIn = `import http.server, json, os, signal, sys, time

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"release": os.environ["RELEASE"]}).encode())

    def log_message(self, *_):
        pass


match sys.argv[1:]:
    case ["release"]:
        print("migrating", flush=True)
        time.sleep(float(os.environ.get("MIGRATION_TAKES", 0)))
        print("migrated", flush=True)
    case ["web"] if "WEB_FAILS" in os.environ:
        time.sleep(float(os.environ["WEB_FAILS"]))
        sys.exit(os.environ.get("WEB_SAYS", "the stand-in ends, as it was told to"))
    case ["web"]:
        http.server.ThreadingHTTPServer(("", int(os.environ.get("PORT", 8000))), Handler).serve_forever()
    case other:
        sys.exit(f"unknown command {other}")
`

var standInTag = registry.MustParseReference("slipway/stand-in:latest").(registry.Tag)

// standInArchive builds the stand-in, once in a run.
var standInArchive = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(shared.dir, "stand-in")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	dockerfile := "FROM python:3.13-slim\nCOPY app.py /app.py\nENTRYPOINT [\"python3\", \"-u\", \"/app.py\"]\nCMD [\"web\"]\n"
	for file, content := range map[string]string{"Dockerfile": dockerfile, "app.py": standIn} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
			return "", err
		}
	}
	tag, archive := shared.id+":stand-in", filepath.Join(dir, "image.tar")
	if _, err := shared.buildImage(shared.ctx, tag, dir); err != nil {
		return "", err
	}
	if _, err := shared.dockerRun(shared.ctx, "save", "--output", archive, tag); err != nil {
		return "", err
	}
	// Docker's layers are not compressed: that is done here once, and not for every release.
	built, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		return "", err
	}
	compressed := filepath.Join(dir, "compressed.tar")
	return compressed, tarball.WriteToFile(compressed, standInTag, built)
})

// quickRelease is a release of the stand-in: an image of its own for each, which differs in nothing but its variables.
type quickRelease struct{ archive, commit string }

// quickly makes a release of the stand-in with these variables, "NAME=value".
func (r *rig) quickly(t testing.TB, variables ...string) quickRelease {
	t.Helper()
	q := quickRelease{commit: commit(fmt.Sprintf("quick %s %d", r.id, r.number("quick"))), archive: r.file("quick", ".tar")}
	built := must(tarball.ImageFromPath(must(standInArchive())(t), nil))(t)
	config := must(built.ConfigFile())(t).DeepCopy()
	config.Config.Env = slices.Concat(config.Config.Env, []string{"RELEASE=" + q.commit}, variables)
	image := must(mutate.ConfigFile(built, config))(t)
	if err := tarball.WriteToFile(q.archive, standInTag, image); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(q.archive) })
	return q
}

// deployQuickly brings a release of the stand-in into service, for the time of one test. After it the blog is back.
func (r *rig) deployQuickly(t testing.TB, variables ...string) quickRelease {
	t.Helper()
	blog := environmentOf(t)
	t.Cleanup(func() {
		back, err := r.slipway(r.ctx, "redeploy", "--archive", blog.archive, "--commit", blog.commit, "--source", r.dir)
		if err != nil || back.status != 0 {
			t.Errorf("the blog could not be deployed again: %v\n%s", err, back.output)
		}
	})
	q := r.quickly(t, variables...)
	ended := must(r.slipway(t.Context(), "redeploy", "--archive", q.archive, "--commit", q.commit, "--source", r.dir))(t)
	if ended.status != 0 {
		t.Fatalf("the release to begin with was not deployed:\n%s", ended.output)
	}
	return q
}
