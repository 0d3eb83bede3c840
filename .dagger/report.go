package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// Print the report of this engine's last deployment of the environment, failed or not.
//
// A call that failed can't return a report itself, so every deployment leaves its result behind for this one.
//
// +cache="never"
func (s *Slipway) Report(
	ctx context.Context,

	// terminal, markdown, json or github.
	// +default="markdown"
	format string,
) (string, error) {
	kept := s.kept(dag.Container().From(debianImage)).
		WithEnvVariable("SLIPWAY_NOW", time.Now().Format(time.RFC3339Nano)).
		WithExec([]string{"cat", reportFile}, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
	status, err := kept.ExitCode(ctx)
	if err != nil {
		return "", err
	}
	if status != 0 {
		return "", fmt.Errorf("this engine remembers no deployment of %s-%s", s.Name, s.EnvironmentName)
	}
	document, err := kept.Stdout(ctx)
	if err != nil {
		return "", err
	}
	return render(ctx, document, format)
}

// reportFile is where the last result lies in the environment's cache volume.
const reportFile = "/report/result.json"

func (s *Slipway) kept(c *dagger.Container) *dagger.Container {
	return c.WithMountedCache("/report", dag.CacheVolume(fmt.Sprintf("slipway-report-%s-%s-%s", s.Name, s.EnvironmentName, s.Region)))
}

// keep leaves the result where Report finds it, and returns it as JSON.
func (s *Slipway) keep(ctx context.Context, result report.Result) (string, error) {
	document, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return "", err
	}
	_, err = s.kept(dag.Container().From(debianImage)).
		WithEnvVariable("SLIPWAY_NOW", time.Now().Format(time.RFC3339Nano)).
		WithNewFile("/tmp/result.json", string(document)).
		WithExec([]string{"cp", "/tmp/result.json", reportFile}).
		Sync(ctx)
	return string(document), err
}

// render has the program write a result in one of its formats.
func render(ctx context.Context, document, format string) (string, error) {
	c, err := tool(debianImage)
	if err != nil {
		return "", err
	}
	return c.
		WithNewFile(resultFile, document).
		WithExec([]string{"slipway", "report", "--format", format, resultFile}).
		Stdout(ctx)
}
