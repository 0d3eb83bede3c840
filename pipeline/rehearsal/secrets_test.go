//go:build rehearsal

package rehearsal

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/sethvargo/go-githubactions"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/planfile"
	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestGeneratedSecretsAppearNowhere(t *testing.T) {
	environmentOf(t)
	r := shared
	s := &search{values: r.secrets(t)}

	// What the application gets is where they have to be. It also shows that the search finds them.
	containers := r.taskContainers(t)
	if len(containers) == 0 {
		t.Fatal("no task is running")
	}
	for _, container := range containers {
		control := &search{values: s.values}
		control.text("environment", strings.Join(container.Config.Env, "\n"))
		if len(control.found) != len(s.values) {
			t.Errorf("the search finds %q in the environment of %s, which holds all of %d", control.found, container.Name, len(s.values))
		}
		s.text("arguments of container "+container.Name, strings.Join(slices.Concat(container.Args, container.Config.Cmd, container.Config.Entrypoint), " "))
	}

	t.Run("the Terraform state, in all of its versions", func(t *testing.T) { s.expect(t, 2, r.searchState) })
	t.Run("plans, results, reports and all that was printed", func(t *testing.T) { s.expect(t, 30, r.searchFiles) })
	t.Run("the log of the tasks", func(t *testing.T) { s.expect(t, 2, r.searchLogs) })
	t.Run("image layers", func(t *testing.T) { s.expect(t, 1, r.searchImages) })
	t.Run("argument lists of processes", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("SKIPPED: no /proc here, so nothing shows the argument lists of processes")
		}
		s.expect(t, 20, r.searchArguments)
	})
	t.Run("the emulator's log", func(t *testing.T) {
		s.expect(t, 1, func(t *testing.T, s *search) { s.text("log", must(r.emulator.Logs(t.Context()))(t)) })
	})
}

func TestTheSearchFindsASecretInWhateverHoldsIt(t *testing.T) {
	const secret = "0a1b2c3d4e5f6a7b8c9d"
	var inner, middle, outer bytes.Buffer
	z := zip.NewWriter(&inner)
	_, err := must(z.Create("tfstate"))(t).Write([]byte("{" + secret + "}"))
	check(t, err, z.Close())
	g := gzip.NewWriter(&middle)
	_, err = g.Write(inner.Bytes())
	check(t, err, g.Close())
	a := tar.NewWriter(&outer)
	check(t, a.WriteHeader(&tar.Header{Name: "layer", Mode: 0o600, Size: int64(middle.Len())}))
	_, err = a.Write(middle.Bytes())
	check(t, err, a.Close())
	// Across the borders of what is read at once.
	long := strings.Repeat("x", 1<<20-7) + secret
	for name, content := range map[string]string{"as it is": secret, "far in": long, "in a zip in a gzip in a tar": outer.String()} {
		t.Run(name, func(t *testing.T) {
			s := &search{values: map[string]string{"SECRET_KEY": secret}}
			s.read("here", strings.NewReader(content))
			if len(s.found) != 1 || len(s.broken) != 0 {
				t.Errorf("found %q, could not read %q", s.found, s.broken)
			}
		})
	}
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// secrets returns the generated values by their names.
func (r *rig) secrets(t *testing.T) map[string]string {
	t.Helper()
	output := must(secretsmanager.NewFromConfig(r.aws).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(name + "/" + environment + "/app"),
	}))(t)
	values := map[string]string{}
	if err := json.Unmarshal([]byte(aws.ToString(output.SecretString)), &values); err != nil {
		t.Fatal("the secret is not an object of strings") // not the error, which would hold a part of it
	}
	for _, name := range []string{"SECRET_KEY", "DATABASE_PASSWORD", "ADMIN_PASSWORD"} {
		if len(values[name]) < 32 {
			t.Errorf("%s has %d characters", name, len(values[name]))
		}
	}
	return values
}

// container is what docker inspect says of a container.
type container struct {
	Name   string
	Args   []string
	Config struct {
		Env, Cmd, Entrypoint []string
	}
}

// taskContainers returns the containers of the nested engine that are ECS tasks.
func (r *rig) taskContainers(t *testing.T) []container {
	t.Helper()
	ids := strings.Fields(string(must(r.emulator.Exec(t.Context(), "docker", "ps", "--quiet", "--filter", "name=ministack-ecs"))(t)))
	if len(ids) == 0 {
		return nil
	}
	var containers []container
	document := must(r.emulator.Exec(t.Context(), append([]string{"docker", "inspect"}, ids...)...))(t)
	if err := json.Unmarshal(document, &containers); err != nil {
		t.Fatal(err)
	}
	return containers
}

func (r *rig) searchState(t *testing.T, s *search) {
	client := backend.Client(r.aws, r.emulator.Endpoint())
	versions := must(client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucket)}))(t)
	for _, version := range versions.Versions {
		object := must(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: version.Key, VersionId: version.VersionId}))(t)
		s.read(aws.ToString(version.Key)+" "+aws.ToString(version.VersionId), object.Body)
		object.Body.Close()
	}
}

// searchFiles looks through all that this run has written, and through every result in every format.
func (r *rig) searchFiles(t *testing.T, s *search) {
	for _, file := range must(filepath.Glob(filepath.Join(r.dir, "result-*.json")))(t) {
		var result report.Result
		if err := json.Unmarshal(must(os.ReadFile(file))(t), &result); err != nil {
			t.Fatal(err)
		}
		var terminal, github bytes.Buffer
		check(t, report.WriteTerminal(&terminal, result))
		report.WriteGitHub(githubactions.New(githubactions.WithWriter(&github)), result)
		s.text(file+" on a terminal", terminal.String())
		s.text(file+" as Markdown", report.Markdown(result))
		s.text(file+" as GitHub's commands", github.String())
	}
	kinds := map[string]int{}
	err := filepath.WalkDir(r.dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == filepath.Join(r.terraform, ".terraform", "providers"), path == r.program:
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular(), strings.HasPrefix(entry.Name(), "image-"): // images have a test of their own
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		kind, name := filepath.Ext(path), strings.TrimPrefix(path, r.dir)
		kinds[kind]++
		if kind == ".plan" { // encrypted, so that nothing would be found in it
			opened, err := planfile.Open(file, r.key)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			s.read(name+": plan", bytes.NewReader(opened.Plan))
			s.read(name+": JSON", bytes.NewReader(opened.JSON))
			return nil
		}
		s.read(name, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{".plan", ".json", ".log"} {
		if kinds[kind] == 0 {
			t.Errorf("there was no %s file to look through", kind)
		}
	}
}

func (r *rig) searchLogs(t *testing.T, s *search) {
	logs := cloudwatchlogs.NewFromConfig(r.aws)
	group := aws.String("/slipway/" + name + "/" + environment)
	streams := must(logs.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group}))(t)
	for _, stream := range streams.LogStreams {
		events := must(logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: group, LogStreamName: stream.LogStreamName, StartFromHead: aws.Bool(true),
		}))(t)
		var text strings.Builder
		for _, event := range events.Events {
			text.WriteString(aws.ToString(event.Message) + "\n")
		}
		s.text("log "+aws.ToString(stream.LogStreamName), text.String())
	}
}

// searchImages looks through the image of the first deployment; all others are made of its layers, and of files that the
// tests wrote.
func (r *rig) searchImages(t *testing.T, s *search) {
	file := must(os.Open(environmentOf(t).archive))(t)
	defer file.Close()
	before := s.looked
	s.read("image", file)
	if s.looked-before < 500 {
		t.Errorf("the image held %d files only: its layers were not read", s.looked-before)
	}
}

func (r *rig) searchArguments(t *testing.T, s *search) {
	lines := r.arguments.lines()
	for _, wanted := range []string{"slipway redeploy ", "terraform apply ", "gunicorn"} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, wanted) }) {
			t.Errorf("no argument list with %q was seen", wanted)
		}
	}
	for _, line := range lines {
		program, _, _ := strings.Cut(line, " ")
		s.text("arguments of "+program, line)
	}
}

// search looks for values and keeps where it found one; what it found is never printed.
type search struct {
	values map[string]string
	// looked is how many pieces it looked through; those that could not be read are broken.
	looked        int
	found, broken []string
	piece         []byte // what scan reads into
}

// expect fails the test for each value that look finds, and where it had less than least pieces to look through.
func (s *search) expect(t *testing.T, least int, look func(*testing.T, *search)) {
	t.Helper()
	part := &search{values: s.values}
	look(t, part)
	t.Logf("looked through %d pieces", part.looked)
	if part.looked < least {
		t.Errorf("there were %d pieces to look through, and at least %d were expected", part.looked, least)
	}
	for _, place := range part.found {
		t.Errorf("it is here: %s", place)
	}
	for _, place := range part.broken {
		t.Errorf("can't be read: %s", place)
	}
}

func (s *search) text(place, text string) { s.read(place, strings.NewReader(text)) }

// read looks through a file, and through what it holds if it is an archive or compressed.
func (s *search) read(place string, from io.Reader) {
	reader := bufio.NewReader(from)
	head, err := reader.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		s.broken = append(s.broken, fmt.Sprintf("%s: %v", place, err))
		return
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		err = s.readGzip(place, reader)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		err = s.readZip(place, reader)
	case len(head) == 512 && string(head[257:262]) == "ustar":
		err = s.readTar(place, reader)
	default:
		err = s.scan(place, reader)
	}
	if err != nil {
		s.broken = append(s.broken, fmt.Sprintf("%s: %v", place, err))
	}
}

func (s *search) readGzip(place string, from io.Reader) error {
	reader, err := gzip.NewReader(from)
	if err != nil {
		return err
	}
	s.read(place, reader)
	return nil
}

func (s *search) readZip(place string, from io.Reader) error {
	content, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	for _, file := range archive.File {
		member, err := file.Open()
		if err != nil {
			return err
		}
		s.read(place+"/"+file.Name, member)
		member.Close()
	}
	return nil
}

func (s *search) readTar(place string, from io.Reader) error {
	archive := tar.NewReader(from)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s.text(place+"/name", header.Name+" "+header.Linkname)
		if header.Typeflag == tar.TypeReg {
			s.read(place+"/"+header.Name, archive)
		}
	}
}

// scan reads in pieces that overlap by more than a value is long.
func (s *search) scan(place string, from io.Reader) error {
	s.looked++
	const overlap = 256
	hit := map[string]bool{}
	if s.piece == nil {
		s.piece = make([]byte, 0, 1<<20)
	}
	piece := s.piece[:0]
	for {
		n, err := io.ReadFull(from, piece[len(piece):cap(piece)])
		piece = piece[:len(piece)+n]
		for name, value := range s.values {
			if !hit[name] && bytes.Contains(piece, []byte(value)) {
				hit[name] = true
				s.found = append(s.found, name+" in "+place)
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		piece = piece[:copy(piece, piece[len(piece)-overlap:])]
	}
}
