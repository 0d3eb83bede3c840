package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sethvargo/go-githubactions"
)

// WriteGitHub writes the result as GitHub's workflow commands: one error annotation where it failed, one notice where it
// did not, and the Markdown into the job's summary, where there is one: a container doesn't see the runner's file, and
// whoever started it appends the Markdown.
//
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
func WriteGitHub(action *githubactions.Action, r Result) {
	title := strings.TrimSpace(r.Operation + " " + r.subject())
	switch {
	case r.Failure != nil:
		action.WithFieldsMap(map[string]string{"title": title + " " + string(cmp.Or(r.Outcome, Failed))}).
			Errorf("%s", strings.TrimRight(r.FailureText(), "\n"))
	case r.Outcome == Drifted:
		action.WithFieldsMap(map[string]string{"title": title}).Warningf("%s", r.headline())
	default:
		action.WithFieldsMap(map[string]string{"title": title}).Noticef("%s", cmp.Or(r.headline(), string(r.Outcome)))
	}
	if action.Getenv("GITHUB_STEP_SUMMARY") != "" {
		action.AddStepSummary(Markdown(r))
	}
}

// Run says on whose behalf an operation runs, as far as the workflow's context tells: "https://github.com/o/r/actions/runs/1
// by octocat". It is empty outside GitHub Actions.
func Run(action *githubactions.Action) string {
	context, err := action.Context()
	if err != nil || context.RunID == 0 {
		return ""
	}
	server := cmp.Or(context.ServerURL, "https://github.com")
	return fmt.Sprintf("%s/%s/actions/runs/%d by %s", server, context.Repository, context.RunID, context.Actor)
}
