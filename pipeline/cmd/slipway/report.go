package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/sethvargo/go-githubactions"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type reportCommand struct {
	File   string `arg:"" type:"path" help:"Result file that another command wrote."`
	Format string `enum:"terminal,markdown,json,github" default:"terminal" help:"One of ${enum}."`
}

func (c *reportCommand) Run(s streams) error {
	content, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the result: %w", err)
	}
	var result report.Result
	if err := json.Unmarshal(content, &result); err != nil {
		return fmt.Errorf("read the result %s: it is not a result of slipway: %w", c.File, err)
	}
	switch c.Format {
	case "markdown":
		_, err = fmt.Fprint(s.out, report.Markdown(result))
	case "json":
		_, err = s.out.Write(content)
	case "github":
		report.WriteGitHub(githubactions.New(githubactions.WithWriter(s.out)), result)
	default:
		err = report.Terminal{Colour: colours(s.out)}.Write(s.out, result)
	}
	return err
}
