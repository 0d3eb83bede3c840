package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// deployed stands for an AWS where the blog was deployed. It answers each call by its name, and refuses what changes things.
func deployed(t *testing.T) (url string) {
	t.Helper()
	const (
		arn        = "arn:aws:ecs:eu-central-1:111111111111:task-definition/blog-dev-web:"
		definition = `"family": "blog-dev-web", "registeredAt": 1772366400, "cpu": "256", "containerDefinitions": [{"name": "app", "image": "r.example.com/blog`
	)
	answers := map[string]string{
		"GetParameter": `{"Parameter": {"Value": "{\"version\": 1, \"name\": \"blog\", \"environment\": \"dev\", \"region\": \"eu-central-1\", \"cluster\": \"c\", \"repository_url\": \"r.example.com/blog\", \"log_group\": \"l\", \"execution_role_arn\": \"e\", \"url\": \"http://blog.example.com\", \"health_path\": \"/readyz\", \"tasks\": {\"subnets\": [\"s\"], \"security_groups\": [\"g\"]}, \"services\": [{\"name\": \"web\", \"service\": \"blog-dev-web\", \"template\": \"` + arn + `1\", \"container\": \"app\"}]}"}}`,
		"DescribeServices": `{"services": [{"serviceName": "blog-dev-web", "status": "ACTIVE", "taskDefinition": "` + arn + `2", "desiredCount": 1, "runningCount": 1,
			"deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED", "runningCount": 1, "createdAt": 1772366400}]}]}`,
		arn + "1": `{"taskDefinition": {"taskDefinitionArn": "` + arn + `1", ` + definition + `:template"}]}}`,
		arn + "2": `{"taskDefinition": {"taskDefinitionArn": "` + arn + `2", ` + definition + `@sha256:01d"}]},
			"tags": [{"key": "slipway:template", "value": "blog-dev-web:1"}, {"key": "slipway:digest", "value": "sha256:01d"}, {"key": "slipway:commit", "value": "1111111"}, {"key": "slipway:outcome", "value": "complete"}]}`,
		"ListTaskDefinitions": `{"taskDefinitionArns": ["` + arn + `2", "` + arn + `1"]}`,
		"DescribeImages":      `{"imageDetails": [{"imageDigest": "sha256:new"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "Action=GetCallerIdentity") {
			io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
			return
		}
		_, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if call == "DescribeTaskDefinition" {
			for key := range answers {
				if strings.Contains(string(body), `"`+key+`"`) {
					call = key
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		answer, known := answers[call]
		if !known {
			t.Errorf("call %s %s", call, body)
			w.WriteHeader(http.StatusBadRequest)
		}
		io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return server.URL
}

func TestInspection(t *testing.T) {
	tests := map[string]struct{ args, want string }{
		"status": {"status", `
blog-dev, http://blog.example.com
service       health   tasks   targets  revision        commit   image       since
blog-dev-web  healthy  1 of 1  -        blog-dev-web:2  1111111  sha256:01d  2026-03-01 12:00 UTC
`},
		"history": {"history", `
blog-dev, http://blog.example.com
   registered            outcome   commit   image       revisions       by
→  2026-03-01 12:00 UTC  complete  1111111  sha256:01d  blog-dev-web:2  -
`},
		"diff": {"diff --digest sha256:new --commit 2222222 --source gone", `
blog-dev-web
  ~ image   sha256:01d → sha256:new
  ~ commit  1111111 → 2222222
diff succeeded: blog-dev, commit 2222222, sha256:new…, http://blog.example.com
`},
		"diff with what runs": {"diff --digest sha256:01d --commit 1111111", `
nothing changes: this release is in service
diff succeeded: blog-dev, commit 1111111, sha256:01d…, http://blog.example.com
`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			bare(t)
			url := deployed(t)
			file := filepath.Join(t.TempDir(), "result.json")
			args := append(strings.Fields(test.args), "--name=blog", "--environment=dev", "--region=eu-central-1", "--endpoint", url, "--result", file)
			status, out, progress := slipway(t, args...)
			if status != 0 || progress != "" {
				t.Errorf("exit status %d, on standard error:\n%s", status, progress)
			}
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), out); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			// The result alone says the same.
			var again strings.Builder
			if err := report.WriteTerminal(&again, readResult(t, file)); err != nil || again.String() != out {
				t.Errorf("from the result file, %v:\n%s", err, &again)
			}
		})
	}
}

func TestAnInspectionThatFailsSaysSoOnStandardError(t *testing.T) {
	bare(t)
	url, _ := cloud(t, "")
	for _, command := range []string{"status", "history", "diff --digest sha256:1 --commit 1"} {
		file := filepath.Join(t.TempDir(), "result.json")
		args := append(strings.Fields(command), "--name=blog", "--environment=dev", "--region=eu-central-1", "--endpoint", url, "--result", file)
		status, out, progress := slipway(t, args...)
		name := args[0]
		if status != 1 || out != "" || !strings.Contains(progress, name+" failed: there is no contract /slipway/blog/dev/contract in eu-central-1") {
			t.Errorf("%s: exit status %d, output %q, message:\n%s", name, status, out, progress)
		}
		if got := readResult(t, file); got.Outcome != report.Failed || got.Failure == nil {
			t.Errorf("%s: result %+v", name, got)
		}
	}
}
