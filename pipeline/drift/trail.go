package drift

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type trailAPI interface {
	LookupEvents(context.Context, *cloudtrail.LookupEventsInput, ...func(*cloudtrail.Options)) (*cloudtrail.LookupEventsOutput, error)
}

// Trail asks CloudTrail's event history, which every account has without setting anything up, who changed a resource. It
// holds management events of the last 90 days, some minutes after they happened.
//
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
type Trail struct {
	api func(region string) trailAPI
	// region is the environment's, and caller the ARN of whoever runs this.
	region, caller string
	// interval is the time between two requests: two a second are allowed for an account and region.
	//
	// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
	interval time.Duration
	// pages is how many pages of 50 events are read for one question.
	pages int

	asked   bool
	sources map[string][]event // what was read of a service's events
}

// NewTrail returns a Trail for the region of cfg. Caller is the ARN of the credentials' identity: what it did with Terraform
// or with this program is no change from outside.
func NewTrail(cfg aws.Config, caller string) *Trail {
	return &Trail{
		api: func(region string) trailAPI {
			return cloudtrail.NewFromConfig(cfg, func(o *cloudtrail.Options) { o.Region = region })
		},
		region: cfg.Region, caller: caller, interval: 500 * time.Millisecond, pages: 4, sources: map[string][]event{},
	}
}

const (
	// kept is how long CloudTrail keeps events.
	kept = 90 * 24 * time.Hour
	// planned is how old a plan may be when it is applied. What happened in between is not in the state, though it happened
	// before the state was written.
	planned = 24 * time.Hour
	// mostAsked is of how many resources events are looked up, since each takes seconds; mostEvents how many are told.
	mostAsked  = 25
	mostEvents = 3
	// globalHome is the region that has the events of global services.
	globalHome = "us-east-1"
)

// service is where CloudTrail has the events of a kind of resource.
type service struct {
	// source is the service's name in the events.
	source string
	// global is a service whose events are recorded in us-east-1 wherever they happen:
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
	global bool
}

// services are the services by the beginning of Terraform's type, the longer one first.
var services = []struct {
	prefix string
	service
}{
	{"aws_acm_", service{source: "acm.amazonaws.com"}},
	{"aws_appautoscaling_", service{source: "autoscaling.amazonaws.com"}},
	{"aws_cloudwatch_event_", service{source: "events.amazonaws.com"}},
	{"aws_cloudwatch_log_", service{source: "logs.amazonaws.com"}},
	{"aws_cloudwatch_", service{source: "monitoring.amazonaws.com"}},
	{"aws_db_", service{source: "rds.amazonaws.com"}},
	{"aws_dynamodb_", service{source: "dynamodb.amazonaws.com"}},
	{"aws_ecr_", service{source: "ecr.amazonaws.com"}},
	{"aws_ecs_", service{source: "ecs.amazonaws.com"}},
	{"aws_efs_", service{source: "elasticfilesystem.amazonaws.com"}},
	{"aws_elasticache_", service{source: "elasticache.amazonaws.com"}},
	{"aws_alb", service{source: "elasticloadbalancing.amazonaws.com"}},
	{"aws_lb", service{source: "elasticloadbalancing.amazonaws.com"}},
	{"aws_iam_", service{source: "iam.amazonaws.com", global: true}},
	{"aws_kms_", service{source: "kms.amazonaws.com"}},
	{"aws_lambda_", service{source: "lambda.amazonaws.com"}},
	{"aws_rds_", service{source: "rds.amazonaws.com"}},
	{"aws_route53_", service{source: "route53.amazonaws.com", global: true}},
	{"aws_cloudfront_", service{source: "cloudfront.amazonaws.com", global: true}},
	{"aws_s3_", service{source: "s3.amazonaws.com"}},
	{"aws_secretsmanager_", service{source: "secretsmanager.amazonaws.com"}},
	{"aws_sns_", service{source: "sns.amazonaws.com"}},
	{"aws_sqs_", service{source: "sqs.amazonaws.com"}},
	{"aws_ssm_", service{source: "ssm.amazonaws.com"}},
	// EC2's own types have no prefix in common.
	{"aws_default_", ec2}, {"aws_ebs_", ec2}, {"aws_ec2_", ec2}, {"aws_eip", ec2}, {"aws_flow_log", ec2}, {"aws_instance", ec2},
	{"aws_internet_gateway", ec2}, {"aws_launch_template", ec2}, {"aws_main_route_table", ec2}, {"aws_nat_gateway", ec2},
	{"aws_network_", ec2}, {"aws_route", ec2}, {"aws_security_group", ec2}, {"aws_subnet", ec2}, {"aws_vpc", ec2},
}

var ec2 = service{source: "ec2.amazonaws.com"}

// serviceOf is the service of a resource's type. Without a source the type is none that is known here.
func serviceOf(kind string) service {
	for _, known := range services {
		if strings.HasPrefix(kind, known.prefix) {
			return known.service
		}
	}
	return service{}
}

// event is one recorded call that changed something.
type event struct {
	report.TrailEvent
	id, source string
	// names are all texts in the call's parameters and its resources, in which a resource's own name is looked for.
	names []string
	// own is what the caller itself did with Terraform, which is no change from outside.
	terraform, own bool
}

// Name says of each resource who changed it since Terraform last wrote the state, as far as the event history tells, and
// returns notes on what it doesn't tell. That the history can't be read is a note too.
func (t *Trail) Name(ctx context.Context, resources []report.DriftedResource, written time.Time) []string {
	for i := range resources {
		if i == mostAsked {
			return []string{fmt.Sprintf("CloudTrail was asked who changed the first %d resources, and not of the other %d", mostAsked, len(resources)-mostAsked)}
		}
		events, err := t.find(ctx, resources[i], written)
		if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "AccessDeniedException" {
			return []string{"nobody is named: these credentials may not read CloudTrail's event history (cloudtrail:LookupEvents)"}
		}
		if err != nil {
			return []string{"nobody is named from " + resources[i].Address + " on: CloudTrail's event history could not be read: " + err.Error()}
		}
		for _, event := range events[:min(len(events), mostEvents)] {
			resources[i].By = append(resources[i].By, event.TrailEvent)
		}
	}
	return nil
}

// find looks a resource's changes up by its names. Not every service tells CloudTrail which resource a call was about; then
// they are looked for among all that happened in the service.
func (t *Trail) find(ctx context.Context, resource report.DriftedResource, written time.Time) ([]event, error) {
	of := serviceOf(kind(resource.Address))
	var found []event
	for _, name := range resource.Identifiers {
		events, err := t.lookup(ctx, of, types.LookupAttributeKeyResourceName, name, written)
		if err != nil {
			return nil, err
		}
		found = append(found, events...)
	}
	if len(found) == 0 && of.source != "" {
		events, read := t.sources[of.source]
		if !read {
			var err error
			if events, err = t.lookup(ctx, of, types.LookupAttributeKeyEventSource, of.source, written); err != nil {
				return nil, err
			}
			t.sources[of.source] = events
		}
		for _, event := range events {
			if slices.ContainsFunc(event.names, func(name string) bool { return slices.Contains(resource.Identifiers, name) }) {
				found = append(found, event)
			}
		}
	}
	slices.SortFunc(found, func(a, b event) int { return cmp.Or(b.Time.Compare(a.Time), strings.Compare(a.id, b.id)) })
	return slices.CompactFunc(found, func(a, b event) bool { return a.id == b.id }), nil
}

// lookup returns what changed something, by others. LookupEvents takes one condition; the rest is picked here.
func (t *Trail) lookup(ctx context.Context, of service, key types.LookupAttributeKey, value string, written time.Time) ([]event, error) {
	since := written.Add(-planned)
	if oldest := time.Now().Add(-kept); since.Before(oldest) {
		since = oldest
	}
	region := t.region
	if of.global {
		region = globalHome
	}
	client := t.api(region)
	input := &cloudtrail.LookupEventsInput{
		LookupAttributes: []types.LookupAttribute{{AttributeKey: key, AttributeValue: &value}},
		StartTime:        &since,
		MaxResults:       aws.Int32(50),
	}
	var found []event
	for range t.pages {
		if err := t.pace(ctx); err != nil {
			return nil, err
		}
		output, err := client.LookupEvents(ctx, input)
		if err != nil {
			return nil, err
		}
		for _, recorded := range output.Events {
			event, ok := parseEvent(recorded, t.caller)
			if event.terraform && event.Time.Before(written) {
				continue // what made the state what it is
			}
			if ok && !event.own && (of.source == "" || event.source == of.source) {
				found = append(found, event)
			}
		}
		if input.NextToken = output.NextToken; input.NextToken == nil {
			break
		}
	}
	return found, nil
}

// pace keeps requests apart, after the first.
func (t *Trail) pace(ctx context.Context) error {
	if !t.asked {
		t.asked = true
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(t.interval):
		return nil
	}
}

// record is what is read of an event:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
type record struct {
	UserIdentity struct {
		Type        string `json:"type"`
		ARN         string `json:"arn"`
		UserName    string `json:"userName"`
		AccountID   string `json:"accountId"`
		PrincipalID string `json:"principalId"`
		InvokedBy   string `json:"invokedBy"`
	} `json:"userIdentity"`
	UserAgent         string `json:"userAgent"`
	ErrorCode         string `json:"errorCode"`
	ReadOnly          any    `json:"readOnly"` // true, or "true"
	RequestParameters any    `json:"requestParameters"`
	FromConsole       string `json:"sessionCredentialFromConsole"`
}

// parseEvent returns the event unless it failed or only read.
func parseEvent(recorded types.Event, caller string) (event, bool) {
	var r record
	if json.Unmarshal([]byte(aws.ToString(recorded.CloudTrailEvent)), &r) != nil {
		return event{}, false
	}
	name := aws.ToString(recorded.EventName)
	// The emulator has the names of EC2's, RDS's and IAM's calls only in the form that they post.
	if parameters, ok := r.RequestParameters.(map[string]any); ok && strings.HasPrefix(name, "POST.") {
		name = cmp.Or(text(parameters, "Action"), name)
	}
	if r.ErrorCode != "" || fmt.Sprint(r.ReadOnly) == "true" || reads.MatchString(name) {
		return event{}, false
	}
	e := event{id: aws.ToString(recorded.EventId), source: aws.ToString(recorded.EventSource)}
	e.Time, e.Name, e.By, e.With = aws.ToTime(recorded.EventTime), name, who(r, aws.ToString(recorded.Username)), tool(r)
	e.names = texts(r.RequestParameters)
	for _, resource := range recorded.Resources {
		e.names = append(e.names, aws.ToString(resource.ResourceName))
	}
	e.terraform = strings.Contains(r.UserAgent, "Terraform/")
	e.own = e.terraform && principal(r.UserIdentity.ARN) == principal(caller)
	return e, true
}

var reads = regexp.MustCompile(`^(Get|List|Describe|Head|Lookup|BatchGet|BatchCheck|Search|Simulate)`)

// principal is an identity's ARN without the name of the session, which every run of a role has another of.
func principal(arn string) string {
	if role, _, ok := cutLast(arn, "/"); ok && strings.Contains(arn, ":assumed-role/") {
		return role
	}
	return arn
}

// who names an identity: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
func who(r record, username string) string {
	identity := r.UserIdentity
	switch identity.Type {
	case "Root":
		return "the root user"
	case "IAMUser":
		return "user " + cmp.Or(identity.UserName, username, identity.ARN)
	case "AssumedRole", "FederatedUser":
		if _, role, ok := strings.Cut(identity.ARN, ":assumed-role/"); ok {
			if role, session, ok := cutLast(role, "/"); ok {
				return "role " + role + ", session " + session
			}
		}
	case "AWSService":
		return cmp.Or(identity.InvokedBy, "an AWS service")
	case "AWSAccount":
		return "account " + identity.AccountID
	}
	return cmp.Or(identity.ARN, identity.InvokedBy, username, identity.PrincipalID, "somebody whom the event doesn't name")
}

// tool is what the call was made with.
func tool(r record) string {
	agent := r.UserAgent
	switch {
	case r.FromConsole == "true" || strings.Contains(agent, "console.amazonaws.com") || strings.HasPrefix(agent, "Mozilla/"):
		return "the console"
	case strings.Contains(agent, "Terraform/"):
		return "Terraform"
	}
	product, _, _ := strings.Cut(strings.Trim(agent, "[]"), " ")
	return product
}

// texts are all strings in a value.
func texts(value any) []string {
	var found []string
	switch value := value.(type) {
	case string:
		found = append(found, value)
	case []any:
		for _, inner := range value {
			found = append(found, texts(inner)...)
		}
	case map[string]any:
		for _, inner := range value {
			found = append(found, texts(inner)...)
		}
	}
	return found
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}
