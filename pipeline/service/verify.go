package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/image"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type verifyECS interface {
	describeAPI
	DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error)
}

// Verifier finds what would make a deployment fail, before anything is touched. It only reads.
type Verifier struct {
	contract   contract.Contract
	region     string
	ecs        verifyECS
	images     verifyImages
	iam        verifyIAM
	secrets    verifySecrets
	parameters verifyParameters
	logs       verifyLogs
	targets    verifyTargets
	network    verifyNetwork
}

// NewVerifier returns a Verifier of the environment that the contract describes.
func NewVerifier(cfg aws.Config, c contract.Contract) *Verifier {
	return &Verifier{
		contract:   c,
		region:     cfg.Region,
		ecs:        ecs.NewFromConfig(cfg),
		images:     image.NewRepository(ecr.NewFromConfig(cfg), c.RepositoryURL, endpoint.Endpoint(aws.ToString(cfg.BaseEndpoint))),
		iam:        iam.NewFromConfig(cfg),
		secrets:    secretsmanager.NewFromConfig(cfg),
		parameters: ssm.NewFromConfig(cfg),
		logs:       cloudwatchlogs.NewFromConfig(cfg),
		targets:    elasticloadbalancingv2.NewFromConfig(cfg),
		network:    newVerifyNetwork(cfg),
	}
}

// Verify makes every check, at the same time where they don't need each other, and returns them in an order that is always
// the same. The image is named by digest, "REPOSITORY@sha256:…"; without one, the checks of the image are skipped.
func (v *Verifier) Verify(ctx context.Context, image string) []report.Check {
	return concurrently(ctx, v.begin(ctx).table(image))
}

// lastChecks is how many failed checks the failure repeats. All are in the table, and the reason stays on the screen.
const lastChecks = 9

// Refusal is the failure of a deployment whose checks failed, and nil where none did: a check that was skipped stops nothing.
func Refusal(checks []report.Check) error {
	var evidence []string
	for _, check := range checks {
		if check.Outcome == report.Refused {
			evidence = append(evidence, check.Subject+": "+check.Reason)
		}
	}
	if len(evidence) == 0 {
		return nil
	}
	count := len(evidence)
	if count > lastChecks {
		evidence = append(evidence[:lastChecks], fmt.Sprintf("and %d more, in the table", count-lastChecks))
	}
	return &report.Failure{
		Reason:   fmt.Sprintf("%d of %d checks failed", count, len(checks)),
		Evidence: evidence,
		Effect:   "nothing was registered and no service was touched",
		Next:     "mend what they name: in the Terraform, and apply, where it is infrastructure; then verify again",
	}
}

// look is one verification: what it has read is read once.
type look struct {
	*Verifier
	services    map[string]types.Service
	servicesErr error
	templates   []*template

	roles     memo[*iam.GetRoleOutput]
	permits   memo[permit]
	secret    memo[*secretsmanager.DescribeSecretOutput]
	policy    memo[*secretsmanager.GetResourcePolicyOutput]
	keys      memo[secretKeys]
	parameter memo[*parameter]
	subnetIn  memo[[]string]
}

// template is a task definition of the contract and the services that use it.
type template struct {
	arn        string
	entries    []contract.Service
	definition *types.TaskDefinition
	err        error
}

func (t *template) name() string { return revisionName(t.arn) }

// begin reads what says which checks there are: the services and their templates.
func (v *Verifier) begin(ctx context.Context) *look {
	l := &look{Verifier: v}
	for _, entry := range v.contract.Services {
		i := slices.IndexFunc(l.templates, func(t *template) bool { return t.arn == entry.Template })
		if i < 0 {
			i = len(l.templates)
			l.templates = append(l.templates, &template{arn: entry.Template})
		}
		l.templates[i].entries = append(l.templates[i].entries, entry)
	}
	tasks := []func(){func() { l.services, l.servicesErr = describe(ctx, v.ecs, v.contract) }}
	for _, t := range l.templates {
		tasks = append(tasks, func() {
			output, err := v.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &t.arn})
			if t.err = err; err == nil {
				t.definition = output.TaskDefinition
			}
		})
	}
	inParallel(tasks)
	return l
}

// check is one row of the table, still to be made.
type check struct {
	subject string
	make    func(context.Context) finding
}

// table is the order of the rows. What a template that can't be read would name has none.
func (l *look) table(image string) []check {
	rows := []check{{"cluster " + l.contract.Cluster, l.cluster}}
	add := func(subject string, make func(context.Context) finding) { rows = append(rows, check{subject, make}) }
	for _, entry := range l.contract.Services {
		add("service "+entry.Service, func(context.Context) finding { return l.service(entry) })
	}
	for _, t := range l.templates {
		add("template "+t.name(), func(context.Context) finding { return l.template(t) })
		if t.definition != nil {
			add("CPU and memory of "+t.name(), func(context.Context) finding { return fargate(t.definition) })
		}
	}
	subject := "image"
	if _, digest, found := strings.Cut(image, "@"); found {
		subject += " " + report.ShortDigest(digest)
	}
	add(subject, func(ctx context.Context) finding { return l.image(ctx, image) })
	rows = append(rows, l.roleRows()...)
	for _, t := range l.templates {
		if t.definition != nil {
			rows = append(rows, l.secretRows(t)...)
		}
	}
	rows = append(rows, l.logRows()...)
	rows = append(rows, l.targetRows()...)
	add("subnets of one-off tasks", l.subnets)
	add("security groups of one-off tasks", l.securityGroups)
	return rows
}

func (l *look) cluster(ctx context.Context) finding {
	output, err := l.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{l.contract.Cluster}})
	if err != nil {
		return fault("ecs:DescribeClusters", err)
	}
	if len(output.Clusters) == 0 {
		return fails("there is none in %s", l.region)
	}
	if status := aws.ToString(output.Clusters[0].Status); status != "ACTIVE" {
		return fails("it is %s, not ACTIVE", status)
	}
	return passes("ACTIVE")
}

func (l *look) service(entry contract.Service) finding {
	if l.servicesErr != nil {
		return fault("ecs:DescribeServices", l.servicesErr)
	}
	service, found := l.services[entry.Service]
	if !found {
		return fails("there is none in cluster %s", l.contract.Cluster)
	}
	if status := aws.ToString(service.Status); status != "ACTIVE" {
		return fails("it is %s, not ACTIVE", status)
	}
	return passes("ACTIVE")
}

func (l *look) template(t *template) finding {
	if t.err != nil {
		finding := fault("ecs:DescribeTaskDefinition", t.err)
		finding.reason += "; so nothing that it names was checked"
		return finding
	}
	var findings []finding
	for _, entry := range t.entries {
		if slices.ContainsFunc(t.definition.ContainerDefinitions, named(entry.Container)) {
			findings = append(findings, passes("has the container %q", entry.Container))
		} else {
			findings = append(findings, fails("has no container %q, which the contract names for service %s", entry.Container, entry.Service))
		}
	}
	// It can still be read, and even run by what runs already, but ECS starts nothing new from it.
	if t.definition.Status == types.TaskDefinitionStatusDeleteInProgress {
		findings = append(findings, fails("is being deleted"))
	}
	return worst(findings...)
}

// finding is what a check found.
type finding struct {
	outcome report.CheckOutcome
	reason  string
}

func passes(format string, args ...any) finding {
	return finding{report.OK, fmt.Sprintf(format, args...)}
}

func fails(format string, args ...any) finding {
	return finding{report.Refused, fmt.Sprintf(format, args...)}
}

func skips(format string, args ...any) finding {
	return finding{report.Skipped, fmt.Sprintf(format, args...)}
}

// worst is the one finding of many on the same thing: failed if one is, else skipped if one is, with the reasons of those.
func worst(findings ...finding) finding {
	for _, outcome := range []report.CheckOutcome{report.Refused, report.Skipped, report.OK} {
		var reasons []string
		found := false
		for _, f := range findings {
			if f.outcome != outcome {
				continue
			}
			found = true
			if f.reason != "" && !slices.Contains(reasons, f.reason) {
				reasons = append(reasons, f.reason)
			}
		}
		if found {
			return finding{outcome, strings.Join(reasons, "; ")}
		}
	}
	return passes("")
}

// fault is what a call that failed makes of a check. Only a missing right, which someone can grant, skips it, and an API that
// the emulator lacks. Every other error fails it, after the SDK has tried again what can pass: the deployment is about to need
// the same APIs, and to stop costs nothing as long as nothing is touched.
func fault(permission string, err error) finding {
	if lacksRight(err) {
		// A call can be refused for want of another right than its own: a secret, for that of its key.
		if other := performed.FindStringSubmatch(err.Error()); other != nil {
			permission = other[1]
		}
		return skips("the caller lacks %s", permission)
	}
	api, isAPI := errors.AsType[smithy.APIError](err)
	switch {
	case !isAPI:
		return fails("%v", err)
	case slices.Contains([]string{"InvalidAction", "UnknownOperationException", "NotImplemented"}, api.ErrorCode()):
		return skips("there is no %s at this endpoint", permission)
	}
	return fails("%s failed: %s: %s", permission, api.ErrorCode(), api.ErrorMessage())
}

// performed finds the action in "User: … is not authorized to perform: iam:GetRole on resource: …".
var performed = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)`)

func lacksRight(err error) bool {
	if api, isAPI := errors.AsType[smithy.APIError](err); isAPI {
		return strings.HasPrefix(api.ErrorCode(), "AccessDenied") || api.ErrorCode() == "UnauthorizedOperation" // the latter is EC2's
	}
	registry, isRegistry := errors.AsType[*transport.Error](err)
	return isRegistry && (registry.StatusCode == http.StatusForbidden || registry.StatusCode == http.StatusUnauthorized)
}

// apiMessage is what an API says of its error, and apiCode how it names it; both are empty for any other error.
func apiMessage(err error) string {
	if api, isAPI := errors.AsType[smithy.APIError](err); isAPI {
		return api.ErrorMessage()
	}
	return ""
}

func apiCode(err error) string {
	if api, isAPI := errors.AsType[smithy.APIError](err); isAPI {
		return api.ErrorCode()
	}
	return ""
}

// account is the environment's, which an older contract may not name.
func (l *look) account() string {
	if l.contract.Account != "" {
		return l.contract.Account
	}
	parsed, err := awsarn.Parse(l.contract.ExecutionRoleARN)
	if err != nil {
		return ""
	}
	return parsed.AccountID
}

// checksAtOnce bounds the calls that are under way together. IAM's are throttled the soonest, and the SDK waits for those.
const checksAtOnce = 16

func inParallel(tasks []func()) {
	slots := make(chan struct{}, checksAtOnce)
	var group sync.WaitGroup
	for _, task := range tasks {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			task()
		})
	}
	group.Wait()
}

func concurrently(ctx context.Context, rows []check) []report.Check {
	checks := make([]report.Check, len(rows))
	var tasks []func()
	for i, row := range rows {
		tasks = append(tasks, func() {
			found := row.make(ctx)
			checks[i] = report.Check{Subject: row.subject, Outcome: found.outcome, Reason: found.reason}
		})
	}
	inParallel(tasks)
	return checks
}

// memo makes a call once for each key; who asks meanwhile waits for it.
type memo[V any] struct {
	mutex sync.Mutex
	calls map[string]func() (V, error)
}

func (m *memo[V]) get(key string, call func() (V, error)) (V, error) {
	m.mutex.Lock()
	if m.calls == nil {
		m.calls = map[string]func() (V, error){}
	}
	once, found := m.calls[key]
	if !found {
		once = sync.OnceValues(call)
		m.calls[key] = once
	}
	m.mutex.Unlock()
	return once()
}
