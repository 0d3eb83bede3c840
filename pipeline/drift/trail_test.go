package drift

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

var written = time.Now().Add(-time.Hour).Truncate(time.Second).UTC()

// fakeTrail is an event history. It gives two events a page, the newest first, as CloudTrail does.
type fakeTrail struct {
	events []types.Event
	err    error
	asked  []string
}

func (f *fakeTrail) LookupEvents(_ context.Context, input *cloudtrail.LookupEventsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.LookupEventsOutput, error) {
	attribute := input.LookupAttributes[0]
	f.asked = append(f.asked, fmt.Sprintf("%s=%s", attribute.AttributeKey, aws.ToString(attribute.AttributeValue)))
	if f.err != nil {
		return nil, f.err
	}
	var matching []types.Event
	for _, event := range f.events {
		named := slices.ContainsFunc(event.Resources, func(r types.Resource) bool { return *r.ResourceName == *attribute.AttributeValue })
		bySource := attribute.AttributeKey == types.LookupAttributeKeyEventSource && *event.EventSource == *attribute.AttributeValue
		if (named && attribute.AttributeKey == types.LookupAttributeKeyResourceName || bySource) && !event.EventTime.Before(*input.StartTime) {
			matching = append(matching, event)
		}
	}
	start := 0
	if input.NextToken != nil {
		fmt.Sscan(*input.NextToken, &start)
	}
	output := &cloudtrail.LookupEventsOutput{Events: matching[start:min(start+2, len(matching))]}
	if start+2 < len(matching) {
		output.NextToken = aws.String(fmt.Sprint(start + 2))
	}
	return output, nil
}

// recorded is an event of a log group's service, a minute apart for every number.
func recorded(minute int, name string, more func(e *types.Event, record map[string]any)) types.Event {
	e := types.Event{
		EventId: aws.String(fmt.Sprint(name, minute)), EventName: &name, EventSource: aws.String("logs.amazonaws.com"),
		EventTime: aws.Time(written.Add(time.Duration(minute) * time.Minute)),
	}
	record := map[string]any{
		"userIdentity":      map[string]any{"type": "IAMUser", "userName": "jane", "arn": "arn:aws:iam::111122223333:user/jane"},
		"userAgent":         "aws-cli/2.31.0 md/awscrt",
		"requestParameters": map[string]any{"logGroupName": "/slipway/blog/dev"},
	}
	if more != nil {
		more(&e, record)
	}
	document, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	e.CloudTrailEvent = aws.String(string(document))
	return e
}

func about(name string) func(*types.Event, map[string]any) {
	return func(e *types.Event, _ map[string]any) { e.Resources = []types.Resource{{ResourceName: &name}} }
}

const caller = "arn:aws:sts::111122223333:assumed-role/slipway/run-7"

func TestName(t *testing.T) {
	terraform := func(arn string) func(*types.Event, map[string]any) {
		return func(_ *types.Event, record map[string]any) {
			record["userAgent"] = "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 (+https://www.terraform.io) terraform-provider-aws/6.34.0"
			record["userIdentity"] = map[string]any{"type": "AssumedRole", "arn": arn}
		}
	}
	set := func(key string, value any) func(*types.Event, map[string]any) {
		return func(_ *types.Event, record map[string]any) { record[key] = value }
	}
	tests := map[string]struct {
		events []types.Event // the newest first
		want   []string
	}{
		"nothing happened": {nil, nil},
		"a service that tells CloudTrail which resource it was": {
			[]types.Event{recorded(5, "PutRetentionPolicy", about("/slipway/blog/dev")), recorded(4, "PutRetentionPolicy", nil)},
			[]string{"5 PutRetentionPolicy user jane aws-cli/2.31.0"},
		},
		"one that doesn't": {
			[]types.Event{
				recorded(5, "PutRetentionPolicy", set("requestParameters", map[string]any{"logGroupName": "/slipway/blog/prod"})),
				recorded(4, "PutRetentionPolicy", nil),
			},
			[]string{"4 PutRetentionPolicy user jane aws-cli/2.31.0"},
		},
		"several, of which the newest three are told": {
			[]types.Event{recorded(5, "A", nil), recorded(4, "B", nil), recorded(3, "C", nil), recorded(2, "D", nil)},
			[]string{"5 A user jane aws-cli/2.31.0", "4 B user jane aws-cli/2.31.0", "3 C user jane aws-cli/2.31.0"},
		},
		"calls that only read, and one that failed": {
			[]types.Event{
				recorded(5, "DescribeLogGroups", nil), recorded(4, "Custom", set("readOnly", true)), recorded(3, "Custom", set("readOnly", "true")),
				recorded(2, "DeleteLogGroup", set("errorCode", "AccessDenied")),
			}, nil,
		},
		"what we did with Terraform, in another session of the role": {
			[]types.Event{recorded(5, "PutRetentionPolicy", terraform("arn:aws:sts::111122223333:assumed-role/slipway/run-6"))}, nil,
		},
		"what somebody else did with Terraform": {
			[]types.Event{recorded(5, "PutRetentionPolicy", terraform("arn:aws:sts::111122223333:assumed-role/admin/jane"))},
			[]string{"5 PutRetentionPolicy role admin, session jane Terraform"},
		},
		"what Terraform did before it wrote the state, and somebody between plan and apply": {
			[]types.Event{recorded(-1, "PutRetentionPolicy", terraform("arn:aws:iam::111122223333:user/ci")), recorded(-2, "PutRetentionPolicy", nil)},
			[]string{"-2 PutRetentionPolicy user jane aws-cli/2.31.0"},
		},
		"what happened long before the state was written": {[]types.Event{recorded(-3000, "PutRetentionPolicy", nil)}, nil},
		"the console": {
			[]types.Event{recorded(5, "PutRetentionPolicy", set("userAgent", "Mozilla/5.0"))},
			[]string{"5 PutRetentionPolicy user jane the console"},
		},
		"the root user, through a session of the console": {
			[]types.Event{recorded(5, "PutRetentionPolicy", func(_ *types.Event, record map[string]any) {
				record["userIdentity"] = map[string]any{"type": "Root"}
				record["sessionCredentialFromConsole"] = "true"
			})},
			[]string{"5 PutRetentionPolicy the root user the console"},
		},
		"a service of AWS": {
			[]types.Event{recorded(5, "PutRetentionPolicy", func(_ *types.Event, record map[string]any) {
				record["userIdentity"] = map[string]any{"type": "AWSService", "invokedBy": "rds.amazonaws.com"}
				record["userAgent"] = "rds.amazonaws.com"
			})},
			[]string{"5 PutRetentionPolicy rds.amazonaws.com rds.amazonaws.com"},
		},
		"an event of another service that names the same": {
			[]types.Event{recorded(5, "CreateRepository", func(e *types.Event, r map[string]any) {
				about("/slipway/blog/dev")(e, r)
				e.EventSource = aws.String("ecr.amazonaws.com")
			})}, nil,
		},
		"an event that is no JSON": {[]types.Event{{EventId: aws.String("x"), EventName: aws.String("x"), EventSource: aws.String("logs.amazonaws.com"), EventTime: aws.Time(written), CloudTrailEvent: aws.String("no JSON")}}, nil},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			trail := &Trail{api: func(string) trailAPI { return &fakeTrail{events: test.events} }, region: "eu-central-1", caller: caller, pages: 4, sources: map[string][]event{}}
			resources := []report.DriftedResource{{Address: group, Identifiers: []string{"/slipway/blog/dev", "arn:aws:logs:group"}}}
			if notes := trail.Name(t.Context(), resources, written); notes != nil {
				t.Errorf("notes %q", notes)
			}
			var got []string
			for _, event := range resources[0].By {
				got = append(got, fmt.Sprintf("%.0f %s %s %s", event.Time.Sub(written).Minutes(), event.Name, event.By, event.With))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNameSaysWhatItDoesNotTell(t *testing.T) {
	trail := func(fake *fakeTrail) *Trail {
		return &Trail{api: func(string) trailAPI { return fake }, region: "eu-central-1", caller: caller, pages: 4, sources: map[string][]event{}}
	}
	many := func(n int) []report.DriftedResource {
		var resources []report.DriftedResource
		for range n {
			resources = append(resources, report.DriftedResource{Address: group, Identifiers: []string{"g"}})
		}
		return resources
	}
	tests := map[string]struct {
		err       error
		resources int
		want      string
	}{
		"a permission that is missing":    {&smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}, 2, "nobody is named: these credentials may not read CloudTrail's event history (cloudtrail:LookupEvents)"},
		"an API that doesn't answer":      {fmt.Errorf("no route"), 2, "nobody is named from module.service.aws_cloudwatch_log_group.this on: CloudTrail's event history could not be read: no route"},
		"more resources than it asks for": {nil, 30, "CloudTrail was asked who changed the first 25 resources, and not of the other 5"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got := trail(&fakeTrail{err: test.err}).Name(t.Context(), many(test.resources), written)
			if diff := cmp.Diff([]string{test.want}, got); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAServicesEventsAreReadOnceAndInPages(t *testing.T) {
	fake := &fakeTrail{}
	for minute := 9; minute > 0; minute-- {
		fake.events = append(fake.events, recorded(minute, "PutRetentionPolicy", func(_ *types.Event, record map[string]any) {
			record["requestParameters"] = map[string]any{"names": []any{map[string]any{"name": fmt.Sprint("group-", minute)}}}
		}))
	}
	trail := &Trail{api: func(string) trailAPI { return fake }, region: "eu-central-1", pages: 4, sources: map[string][]event{}}
	resources := []report.DriftedResource{{Address: group, Identifiers: []string{"group-3"}}, {Address: group, Identifiers: []string{"group-1"}}}
	trail.Name(t.Context(), resources, written)
	if len(resources[0].By) != 1 || len(resources[1].By) != 0 {
		t.Errorf("of the fourth page %v, of the fifth, which is not read, %v", resources[0].By, resources[1].By)
	}
	want := []string{"ResourceName=group-3"}
	want = append(want, slices.Repeat([]string{"EventSource=logs.amazonaws.com"}, 4)...)
	want = append(want, "ResourceName=group-1")
	if diff := cmp.Diff(want, fake.asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

func TestEventsOfGlobalServicesAreInOneRegion(t *testing.T) {
	for address, want := range map[string]string{"aws_iam_role.task": "us-east-1", "aws_route53_record.this": "us-east-1", "aws_route_table.this": "eu-central-1", "aws_lb.this": "eu-central-1"} {
		var asked []string
		trail := &Trail{region: "eu-central-1", pages: 1, sources: map[string][]event{}, api: func(region string) trailAPI { asked = append(asked, region); return &fakeTrail{} }}
		trail.Name(t.Context(), []report.DriftedResource{{Address: address, Identifiers: []string{"x"}}}, written)
		if !slices.Contains(asked, want) || len(slices.Compact(asked)) != 1 {
			t.Errorf("%s: asked in %v, want %s", address, asked, want)
		}
	}
}

func TestServiceOfEveryTypeThatOurTerraformHas(t *testing.T) {
	for kind, want := range map[string]string{
		"aws_cloudwatch_log_group": "logs", "aws_cloudwatch_metric_alarm": "monitoring", "aws_db_instance": "rds", "aws_ecr_repository": "ecr", "aws_ecs_service": "ecs",
		"aws_eip": "ec2", "aws_vpc_endpoint": "ec2", "aws_vpc_security_group_ingress_rule": "ec2", "aws_default_security_group": "ec2", "aws_nat_gateway": "ec2",
		"aws_lb_target_group": "elasticloadbalancing", "aws_secretsmanager_secret": "secretsmanager", "aws_ssm_parameter": "ssm", "aws_iam_role_policy": "iam",
		"aws_route": "ec2", "aws_route53_zone": "route53", "aws_route_table_association": "ec2", "random_id": "",
	} {
		if got := strings.TrimSuffix(serviceOf(kind).source, ".amazonaws.com"); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}
