package contract

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

const document = `{
  "version": 1,
  "name": "blog",
  "environment": "dev",
  "region": "eu-central-1",
  "account": "111111111111",
  "cluster": "blog-dev",
  "repository_url": "111111111111.dkr.ecr.eu-central-1.amazonaws.com/blog-dev",
  "log_group": "/slipway/blog/dev",
  "execution_role_arn": "arn:aws:iam::111111111111:role/blog-dev-execution",
  "url": "http://blog.example.com",
  "health_path": "/readyz",
  "tasks": {"subnets": ["subnet-1", "subnet-2"], "security_groups": ["sg-1"], "assign_public_ip": true},
  "migration": {"service": "web", "command": ["release"]},
  "services": [
    {"name": "web", "service": "blog-dev-web", "template": "arn:aws:ecs:eu-central-1:111111111111:task-definition/blog-dev-web:1",
     "container": "app", "desired_count": 2, "target_group_arn": "arn:aws:elasticloadbalancing:eu-central-1:111111111111:targetgroup/blog-dev/1"},
    {"name": "worker", "service": "blog-dev-worker", "template": "arn:aws:ecs:eu-central-1:111111111111:task-definition/blog-dev-worker:1",
     "container": "app", "desired_count": 1}
  ]
}`

func parsed() Contract {
	return Contract{
		Version: 1, Name: "blog", Environment: "dev", Region: "eu-central-1", Account: "111111111111", Cluster: "blog-dev",
		RepositoryURL:    "111111111111.dkr.ecr.eu-central-1.amazonaws.com/blog-dev",
		LogGroup:         "/slipway/blog/dev",
		ExecutionRoleARN: "arn:aws:iam::111111111111:role/blog-dev-execution",
		URL:              "http://blog.example.com",
		HealthPath:       "/readyz",
		Tasks:            Tasks{Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroups: []string{"sg-1"}, AssignPublicIP: true},
		Migration:        Migration{Service: "web", Command: []string{"release"}},
		Services: []Service{
			{
				Name: "web", Service: "blog-dev-web", Template: "arn:aws:ecs:eu-central-1:111111111111:task-definition/blog-dev-web:1",
				Container: "app", DesiredCount: 2, TargetGroupARN: "arn:aws:elasticloadbalancing:eu-central-1:111111111111:targetgroup/blog-dev/1",
			},
			{
				Name: "worker", Service: "blog-dev-worker", Template: "arn:aws:ecs:eu-central-1:111111111111:task-definition/blog-dev-worker:1",
				Container: "app", DesiredCount: 1,
			},
		},
	}
}

// edited is the document with one field set to another value, or taken out where the value is nil. The path is of keys,
// "services" being followed by the first entry.
func edited(t *testing.T, path string, value any) string {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(document), &root); err != nil {
		t.Fatal(err)
	}
	keys := strings.Split(path, ".")
	at := root
	for _, key := range keys[:len(keys)-1] {
		switch inner := at[key].(type) {
		case map[string]any:
			at = inner
		case []any:
			at = inner[0].(map[string]any)
		}
	}
	if last := keys[len(keys)-1]; value == nil {
		delete(at, last)
	} else {
		at[last] = value
	}
	text, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestParse(t *testing.T) {
	without := func(path string) string { return edited(t, path, nil) }
	tests := map[string]struct {
		document string
		want     func(*Contract) // what differs from parsed; nil where an error is wanted
		wantErr  string
	}{
		"as Terraform writes it":                {document: document, want: func(*Contract) {}},
		"unknown fields are left alone":         {document: edited(t, "later", map[string]any{"version": 2}), want: func(*Contract) {}},
		"unknown fields of a service, too":      {document: edited(t, "services.later", "x"), want: func(*Contract) {}},
		"no target group":                       {document: without("services.target_group_arn"), want: func(c *Contract) { c.Services[0].TargetGroupARN = "" }},
		"no migration":                          {document: without("migration"), want: func(c *Contract) { c.Migration = Migration{} }},
		"a migration without a command is none": {document: edited(t, "migration", map[string]any{"service": "gone", "command": []string{}}), want: func(c *Contract) { c.Migration = Migration{Service: "gone", Command: []string{}} }},

		"nothing":                           {document: ``, wantErr: "it is not JSON"},
		"half of it":                        {document: document[:200], wantErr: "it is not JSON"},
		"a placeholder":                     {document: `to be written`, wantErr: "it is not JSON"},
		"null":                              {document: `null`, wantErr: `it has no "version"`},
		"a list":                            {document: `[]`, wantErr: "it is no JSON object with a version that is a number"},
		"a later version":                   {document: edited(t, "version", 2), wantErr: "it has version 2, and this Slipway reads version 1"},
		"an earlier version":                {document: edited(t, "version", 0), wantErr: "it has version 0, and this Slipway reads version 1"},
		"no version":                        {document: without("version"), wantErr: `it has no "version"`},
		"a version in words":                {document: edited(t, "version", "1"), wantErr: "it is no JSON object with a version that is a number"},
		"a later version of another shape":  {document: `{"version": 2, "services": "web"}`, wantErr: "it has version 2"},
		"a text where a list should be":     {document: edited(t, "tasks.subnets", "subnet-1"), wantErr: "a field has another type than version 1 of the contract wants: json: cannot unmarshal string into Go struct field"},
		"a text where a number should be":   {document: edited(t, "services.desired_count", "2"), wantErr: "services.desired_count"},
		"no name":                           {document: without("name"), wantErr: "it lacks name"},
		"no environment":                    {document: without("environment"), wantErr: "it lacks environment"},
		"no region":                         {document: without("region"), wantErr: "it lacks region"},
		"no cluster":                        {document: without("cluster"), wantErr: "it lacks cluster"},
		"no repository":                     {document: without("repository_url"), wantErr: "it lacks repository_url"},
		"no log group":                      {document: without("log_group"), wantErr: "it lacks log_group"},
		"no execution role":                 {document: without("execution_role_arn"), wantErr: "it lacks execution_role_arn"},
		"no URL":                            {document: without("url"), wantErr: "it lacks url"},
		"no health path":                    {document: without("health_path"), wantErr: "it lacks health_path"},
		"no subnets":                        {document: without("tasks.subnets"), wantErr: "it lacks tasks.subnets"},
		"no security groups":                {document: edited(t, "tasks.security_groups", []string{}), wantErr: "it lacks tasks.security_groups"},
		"no network at all":                 {document: without("tasks"), wantErr: "it lacks tasks.subnets, tasks.security_groups"},
		"no services":                       {document: edited(t, "services", []any{}), wantErr: "it lacks services"},
		"a service without a name":          {document: without("services.name"), wantErr: "it lacks services[0].name"},
		"a service without an ECS service":  {document: without("services.service"), wantErr: "it lacks services[0].service"},
		"a service without a template":      {document: without("services.template"), wantErr: "it lacks services[0].template"},
		"a service without a container":     {document: without("services.container"), wantErr: "it lacks services[0].container"},
		"the second service without a name": {document: strings.Replace(document, `"name": "worker", `, ``, 1), wantErr: "it lacks services[1].name"},
		"two services with one name":        {document: strings.Replace(document, `"name": "worker"`, `"name": "web"`, 1), wantErr: `two of its services are named "web"`},
		"an empty name":                     {document: edited(t, "name", ""), wantErr: "it lacks name"},
		"several fields missing, all named": {document: `{"version":1,"name":"blog","environment":"dev","region":"r","services":[{}]}`, wantErr: "it lacks cluster, repository_url, log_group, execution_role_arn, url, health_path, tasks.subnets, tasks.security_groups, services[0].name, services[0].service, services[0].template, services[0].container"},
		"a migration of an unknown service": {document: edited(t, "migration.service", "gone"), wantErr: `its migration.service is "gone", which is none of its services`},
		"a migration of no service":         {document: without("migration.service"), wantErr: `its migration.service is "", which is none of its services`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got, err := Parse([]byte(test.document))
			if test.want == nil {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Errorf("error %v, want %q", err, test.wantErr)
				}
				if diff := cmp.Diff(Contract{}, got); diff != "" {
					t.Errorf("contract beside an error (-want +got):\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := parsed()
			test.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("contract (-want +got):\n%s", diff)
			}
		})
	}
}

// A contract that Parse returns can be deployed from without a look at what it holds.
func FuzzParse(f *testing.F) {
	f.Add(document)
	for _, seed := range []string{``, `null`, `[]`, `{}`, `{"version":1}`, `{"version":1e0}`, `{"version":2}`, `{"version":1,"services":[{}]}`, document[:300], "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		c, err := Parse([]byte(document))
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error without a word")
			}
			return
		}
		if c.Version != Version {
			t.Errorf("version %d", c.Version)
		}
		if missing := c.missing(); len(missing) > 0 {
			t.Errorf("it lacks %v", missing)
		}
		for _, service := range c.Services {
			if found, err := c.ServiceNamed(service.Name); err != nil || found != service {
				t.Errorf("ServiceNamed(%q) = %v, %v", service.Name, found, err)
			}
		}
		if len(c.Migration.Command) > 0 {
			if _, err := c.ServiceNamed(c.Migration.Service); err != nil {
				t.Error(err)
			}
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(again); err != nil {
			t.Errorf("what it writes it can't read: %v", err)
		}
	})
}

func TestServiceNamed(t *testing.T) {
	c := parsed()
	got, err := c.ServiceNamed("worker")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Services[1], got); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	if _, err := c.ServiceNamed("gone"); err == nil || err.Error() != `the contract has no service "gone"` {
		t.Errorf("error %v", err)
	}
}

// parameters stands for SSM.
type parameters struct {
	asked string
	value string
	err   error
}

func (p *parameters) GetParameter(_ context.Context, input *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	p.asked = aws.ToString(input.Name)
	if p.err != nil {
		return nil, p.err
	}
	return &ssm.GetParameterOutput{Parameter: &types.Parameter{Value: &p.value}}, nil
}

func TestRead(t *testing.T) {
	refused := errors.New("AccessDeniedException: not you")
	tests := map[string]struct {
		ssm         parameters
		wantFailure *report.Failure
		wantErr     string
	}{
		"a good contract": {ssm: parameters{value: document}},
		"no parameter": {
			ssm: parameters{err: &types.ParameterNotFound{}},
			wantFailure: &report.Failure{
				Reason: "there is no contract /slipway/blog/dev/contract in eu-central-1: no infrastructure was applied for blog-dev there",
				Effect: "nothing was changed",
				Next:   "apply the infrastructure first (plan, apply), or check name, environment and region",
			},
		},
		"a contract of another version": {
			ssm: parameters{value: `{"version": 7}`},
			wantFailure: &report.Failure{
				Reason: "the contract /slipway/blog/dev/contract can't be used: it has version 7, and this Slipway reads version 1",
				Effect: "nothing was changed",
				Next:   "apply the infrastructure with the version of Slipway that deploys, or change the Terraform that writes the parameter",
			},
		},
		"AWS refuses": {
			ssm:     parameters{err: refused},
			wantErr: "read contract /slipway/blog/dev/contract in eu-central-1: AccessDeniedException: not you",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got, raw, err := Read(t.Context(), &test.ssm, "blog", "dev", "eu-central-1")
			if test.ssm.asked != "/slipway/blog/dev/contract" {
				t.Errorf("asked for %q", test.ssm.asked)
			}
			switch {
			case test.wantFailure != nil:
				failure, _ := errors.AsType[*report.Failure](err)
				if diff := cmp.Diff(test.wantFailure, failure, cmp.AllowUnexported(report.Failure{})); diff != "" {
					t.Errorf("failure (-want +got):\n%s", diff)
				}
			case test.wantErr != "":
				if err == nil || err.Error() != test.wantErr || !errors.Is(err, refused) {
					t.Errorf("error %v, want %q", err, test.wantErr)
				}
			case err != nil:
				t.Error(err)
			default:
				if diff := cmp.Diff(parsed(), got); diff != "" {
					t.Errorf("contract (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(document, string(raw)); diff != "" {
					t.Errorf("document (-want +got):\n%s", diff)
				}
			}
		})
	}
}
