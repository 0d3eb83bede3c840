package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

const (
	verifyRepository = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/blog-dev"
	verifyDigest     = "sha256:43ba9e3d8f1c5a6b7c8d9e0f112233445566778899aabbccddeeff0011223344"
	executionRole    = "arn:aws:iam::111111111111:role/blog-dev-execution"
	taskRole         = "arn:aws:iam::111111111111:role/blog-dev-task"
	appSecret        = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:blog/dev/app-AbCdEf"
	customerKey      = "arn:aws:kms:eu-central-1:111111111111:key/1234"
	webTargets       = "arn:aws:elasticloadbalancing:eu-central-1:111111111111:targetgroup/blog-dev-8000/73e2d6bc24d8a067"
	secretValue      = "s3cr3t-v4lue"
)

// verifyCloud is an environment that every check finds in order, for a test to spoil.
type verifyCloud struct {
	mutex sync.Mutex
	calls map[string]int
	fails map[string]error // by the name of the call

	contract   contract.Contract
	clusters   []types.Cluster
	services   []types.Service
	templates  map[string]*types.TaskDefinition
	platforms  map[string][]string // by digest
	roles      map[string]*iamtypes.Role
	decisions  map[string]iamtypes.EvaluationResult // by action; allowed without one
	secret     *secretsmanager.DescribeSecretOutput
	policy     string
	value      *string
	parameters []ssmtypes.ParameterMetadata
	groups     []string
	target     *elbtypes.TargetGroup
	subnets    []ec2types.Subnet
	security   []ec2types.SecurityGroup

	simulated []*iam.SimulatePrincipalPolicyInput
}

func trustPolicy(statement string) *string {
	return aws.String(url.QueryEscape(`{"Version": "2012-10-17", "Statement": [` + statement + `]}`))
}

const trusting = `{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
	"Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}}}`

func inOrder() *verifyCloud {
	role := func(arn string) *iamtypes.Role {
		return &iamtypes.Role{Arn: &arn, AssumeRolePolicyDocument: trustPolicy(trusting)}
	}
	return &verifyCloud{
		calls: map[string]int{}, fails: map[string]error{},
		contract: contract.Contract{
			Name: "blog", Environment: "dev", Account: "111111111111", Cluster: "blog-dev", RepositoryURL: verifyRepository,
			ExecutionRoleARN: executionRole,
			Tasks:            contract.Tasks{Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroups: []string{"sg-1"}},
			Services:         []contract.Service{{Name: "web", Service: "blog-dev-web", Template: webTemplate, Container: "app", TargetGroupARN: webTargets}},
		},
		clusters: []types.Cluster{{ClusterName: aws.String("blog-dev"), Status: aws.String("ACTIVE")}},
		services: []types.Service{{
			ServiceName: aws.String("blog-dev-web"), Status: aws.String("ACTIVE"),
			LoadBalancers: []types.LoadBalancer{{TargetGroupArn: aws.String(webTargets), ContainerName: aws.String("app"), ContainerPort: aws.Int32(8000)}},
		}},
		templates: map[string]*types.TaskDefinition{webTemplate: {
			Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: types.NetworkModeAwsvpc,
			ExecutionRoleArn: aws.String(executionRole), TaskRoleArn: aws.String(taskRole),
			RuntimePlatform: &types.RuntimePlatform{CpuArchitecture: types.CPUArchitectureX8664, OperatingSystemFamily: types.OSFamilyLinux},
			ContainerDefinitions: []types.ContainerDefinition{{
				Name:         aws.String("app"),
				PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(8000), Protocol: types.TransportProtocolTcp}},
				Secrets: []types.Secret{
					{Name: aws.String("SECRET_KEY"), ValueFrom: aws.String(appSecret + ":SECRET_KEY::")},
					{Name: aws.String("TOKEN"), ValueFrom: aws.String("/blog/dev/token")},
				},
				LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "/slipway/blog/dev"}},
			}},
		}},
		platforms: map[string][]string{verifyDigest: {"linux/amd64"}},
		roles:     map[string]*iamtypes.Role{"blog-dev-execution": role(executionRole), "blog-dev-task": role(taskRole)},
		decisions: map[string]iamtypes.EvaluationResult{},
		secret: &secretsmanager.DescribeSecretOutput{
			ARN: aws.String(appSecret), VersionIdsToStages: map[string][]string{"v1": {"AWSPREVIOUS"}, "v2": {"AWSCURRENT"}},
		},
		value:      aws.String(`{"SECRET_KEY": "` + secretValue + `"}`),
		parameters: []ssmtypes.ParameterMetadata{{Name: aws.String("/blog/dev/token"), Type: ssmtypes.ParameterTypeSecureString, KeyId: aws.String("alias/aws/ssm")}},
		groups:     []string{"/slipway/blog/dev-old", "/slipway/blog/dev"},
		target: &elbtypes.TargetGroup{
			Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), TargetType: elbtypes.TargetTypeEnumIp, LoadBalancerArns: []string{"arn"},
		},
		subnets:  []ec2types.Subnet{{VpcId: aws.String("vpc-1")}, {VpcId: aws.String("vpc-1")}},
		security: []ec2types.SecurityGroup{{GroupId: aws.String("sg-1"), VpcId: aws.String("vpc-1")}},
	}
}

// web is the template's one container.
func (c *verifyCloud) web() *types.ContainerDefinition {
	return &c.templates[webTemplate].ContainerDefinitions[0]
}

func (c *verifyCloud) verifier() *Verifier {
	return &Verifier{
		contract: c.contract, region: "eu-central-1",
		ecs: c, images: c, iam: c, secrets: c, parameters: c, logs: c, targets: c,
		network: verifyNetwork{c.DescribeSubnets, c.DescribeSecurityGroups},
	}
}

func (c *verifyCloud) verify(t *testing.T) []report.Check {
	t.Helper()
	return c.verifier().Verify(t.Context(), verifyRepository+"@"+verifyDigest)
}

func (c *verifyCloud) called(name string) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.calls[name]++
	return c.fails[name]
}

func (c *verifyCloud) DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	return &ecs.DescribeClustersOutput{Clusters: c.clusters}, c.called("DescribeClusters")
}

func (c *verifyCloud) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	return &ecs.DescribeServicesOutput{Services: c.services}, c.called("DescribeServices")
}

func (c *verifyCloud) DescribeTaskDefinition(_ context.Context, input *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	if err := c.called("DescribeTaskDefinition"); err != nil {
		return nil, err
	}
	definition, found := c.templates[*input.TaskDefinition]
	if !found {
		return nil, api("ClientException", "Unable to describe task definition.")
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: definition}, nil
}

func (c *verifyCloud) Platforms(_ context.Context, digest string) ([]string, bool, error) {
	platforms, found := c.platforms[digest]
	return platforms, found, c.called("Platforms")
}

func (c *verifyCloud) GetRole(_ context.Context, input *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	if err := c.called("GetRole"); err != nil {
		return nil, err
	}
	role, found := c.roles[*input.RoleName]
	if !found {
		return nil, &iamtypes.NoSuchEntityException{}
	}
	return &iam.GetRoleOutput{Role: role}, nil
}

func (c *verifyCloud) SimulatePrincipalPolicy(_ context.Context, input *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	if err := c.called("SimulatePrincipalPolicy"); err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.simulated = append(c.simulated, input)
	result, found := c.decisions[input.ActionNames[0]]
	if !found {
		result.EvalDecision = iamtypes.PolicyEvaluationDecisionTypeAllowed
	}
	return &iam.SimulatePrincipalPolicyOutput{EvaluationResults: []iamtypes.EvaluationResult{result}}, nil
}

func (c *verifyCloud) DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	return c.secret, c.called("DescribeSecret")
}

func (c *verifyCloud) GetResourcePolicy(context.Context, *secretsmanager.GetResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error) {
	return &secretsmanager.GetResourcePolicyOutput{ResourcePolicy: &c.policy}, c.called("GetResourcePolicy")
}

func (c *verifyCloud) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	return &secretsmanager.GetSecretValueOutput{SecretString: c.value}, c.called("GetSecretValue")
}

// DescribeParameters answers with an empty page first, as SSM may.
func (c *verifyCloud) DescribeParameters(_ context.Context, input *ssm.DescribeParametersInput, _ ...func(*ssm.Options)) (*ssm.DescribeParametersOutput, error) {
	if input.NextToken == nil {
		return &ssm.DescribeParametersOutput{NextToken: aws.String("2")}, c.called("DescribeParameters")
	}
	var found []ssmtypes.ParameterMetadata
	for _, p := range c.parameters {
		if slices.Contains(input.ParameterFilters[0].Values, *p.Name) {
			found = append(found, p)
		}
	}
	return &ssm.DescribeParametersOutput{Parameters: found}, nil
}

// DescribeLogGroups answers with a group a page.
func (c *verifyCloud) DescribeLogGroups(_ context.Context, input *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	if err := c.called("DescribeLogGroups"); err != nil {
		return nil, err
	}
	output := &cloudwatchlogs.DescribeLogGroupsOutput{}
	at := slices.Index(c.groups, aws.ToString(input.NextToken)) + 1
	if at < len(c.groups) {
		output.LogGroups = []logstypes.LogGroup{{LogGroupName: &c.groups[at]}}
	}
	if at+1 < len(c.groups) {
		output.NextToken = &c.groups[at]
	}
	return output, nil
}

func (c *verifyCloud) DescribeTargetGroups(context.Context, *elasticloadbalancingv2.DescribeTargetGroupsInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetGroupsOutput, error) {
	if err := c.called("DescribeTargetGroups"); err != nil {
		return nil, err
	}
	if c.target == nil {
		return nil, &elbtypes.TargetGroupNotFoundException{}
	}
	return &elasticloadbalancingv2.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{*c.target}}, nil
}

func (c *verifyCloud) DescribeSubnets(context.Context, *ec2.DescribeSubnetsInput, ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error) {
	return &ec2.DescribeSubnetsOutput{Subnets: c.subnets}, c.called("DescribeSubnets")
}

func (c *verifyCloud) DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: c.security}, c.called("DescribeSecurityGroups")
}

func api(code, message string) error {
	return fmt.Errorf("operation error: %w", &smithy.GenericAPIError{Code: code, Message: message})
}

func TestVerifyOfAnEnvironmentInOrder(t *testing.T) {
	want := []report.Check{
		{Subject: "cluster blog-dev", Outcome: report.OK, Reason: "ACTIVE"},
		{Subject: "service blog-dev-web", Outcome: report.OK, Reason: "ACTIVE"},
		{Subject: "template blog-dev-web-template:7", Outcome: report.OK, Reason: `has the container "app"`},
		{Subject: "CPU and memory of blog-dev-web-template:7", Outcome: report.OK, Reason: "256 CPU units, 512 MiB"},
		{Subject: "image sha256:43ba9e3d8f1c…", Outcome: report.OK, Reason: "linux/amd64"},
		{Subject: "execution role blog-dev-execution", Outcome: report.OK, Reason: "trusts ecs-tasks.amazonaws.com"},
		{Subject: "task role blog-dev-task", Outcome: report.OK, Reason: "trusts ecs-tasks.amazonaws.com"},
		{Subject: "secret SECRET_KEY of blog-dev-web-template:7", Outcome: report.OK,
			Reason: `secretsmanager:GetSecretValue is allowed to blog-dev-execution; JSON key "SECRET_KEY"`},
		{Subject: "parameter TOKEN of blog-dev-web-template:7", Outcome: report.OK, Reason: "ssm:GetParameters is allowed to blog-dev-execution"},
		{Subject: "log group /slipway/blog/dev", Outcome: report.OK, Reason: "is there"},
		{Subject: "target group blog-dev-8000 of blog-dev-web", Outcome: report.OK, Reason: `HTTP to port 8000 of container "app"`},
		{Subject: "subnets of one-off tasks", Outcome: report.OK, Reason: "subnet-1, subnet-2 in vpc-1"},
		{Subject: "security groups of one-off tasks", Outcome: report.OK, Reason: "sg-1 in vpc-1"},
	}
	for range 20 { // the order does not depend on which call is answered first
		checks := inOrder().verify(t)
		same(t, "checks", want, checks)
		if err := Refusal(checks); err != nil {
			t.Fatal(err)
		}
	}
}

const (
	secretRow    = "secret SECRET_KEY of blog-dev-web-template:7"
	parameterRow = "parameter TOKEN of blog-dev-web-template:7"
	templateRow  = "template blog-dev-web-template:7"
	sizeRow      = "CPU and memory of blog-dev-web-template:7"
	imageRow     = "image sha256:43ba9e3d8f1c…"
	executionRow = "execution role blog-dev-execution"
	targetRow    = "target group blog-dev-8000 of blog-dev-web"
	logRow       = "log group /slipway/blog/dev"
	subnetRow    = "subnets of one-off tasks"
	groupRow     = "security groups of one-off tasks"
)

func TestVerifyFindsWhatWouldFail(t *testing.T) {
	deny := func(decision iamtypes.PolicyEvaluationDecisionType, missing ...string) iamtypes.EvaluationResult {
		return iamtypes.EvaluationResult{EvalDecision: decision, MissingContextValues: missing}
	}
	implicit, explicit := iamtypes.PolicyEvaluationDecisionTypeImplicitDeny, iamtypes.PolicyEvaluationDecisionTypeExplicitDeny
	trusts := func(statements string) func(*verifyCloud) {
		return func(c *verifyCloud) { c.roles["blog-dev-execution"].AssumeRolePolicyDocument = trustPolicy(statements) }
	}
	lacks := func(call string) func(*verifyCloud) {
		return func(c *verifyCloud) { c.fails[call] = api("AccessDeniedException", "no") }
	}
	tests := map[string]struct {
		spoil func(*verifyCloud)
		row   string
		want  report.CheckOutcome
		why   string
	}{
		"no cluster":                        {func(c *verifyCloud) { c.clusters = nil }, "cluster blog-dev", report.Refused, "there is none in eu-central-1"},
		"a cluster that was deleted":        {func(c *verifyCloud) { c.clusters[0].Status = aws.String("INACTIVE") }, "cluster blog-dev", report.Refused, "it is INACTIVE, not ACTIVE"},
		"no right to describe the cluster":  {lacks("DescribeClusters"), "cluster blog-dev", report.Skipped, "the caller lacks ecs:DescribeClusters"},
		"an error of the API fails a check": {func(c *verifyCloud) { c.fails["DescribeClusters"] = api("ServerException", "later") }, "cluster blog-dev", report.Refused, "ecs:DescribeClusters failed: ServerException: later"},
		"an error that is not the API's":    {func(c *verifyCloud) { c.fails["DescribeClusters"] = errors.New("connection reset") }, "cluster blog-dev", report.Refused, "connection reset"},
		"an emulator without the API":       {func(c *verifyCloud) { c.fails["DescribeClusters"] = api("InvalidAction", "") }, "cluster blog-dev", report.Skipped, "there is no ecs:DescribeClusters at this endpoint"},

		"no service":                         {func(c *verifyCloud) { c.services = nil }, "service blog-dev-web", report.Refused, "there is none in cluster blog-dev"},
		"a service that is being deleted":    {func(c *verifyCloud) { c.services[0].Status = aws.String("DRAINING") }, "service blog-dev-web", report.Refused, "it is DRAINING, not ACTIVE"},
		"no right to describe the service":   {lacks("DescribeServices"), "service blog-dev-web", report.Skipped, "the caller lacks ecs:DescribeServices"},
		"no template":                        {func(c *verifyCloud) { c.templates = nil }, templateRow, report.Refused, "ecs:DescribeTaskDefinition failed: ClientException: Unable to describe task definition.; so nothing that it names was checked"},
		"no right to read the template":      {lacks("DescribeTaskDefinition"), templateRow, report.Skipped, "the caller lacks ecs:DescribeTaskDefinition; so nothing that it names was checked"},
		"a template without the container":   {func(c *verifyCloud) { c.contract.Services[0].Container = "gone" }, templateRow, report.Refused, `has no container "gone", which the contract names for service blog-dev-web`},
		"a template that is being deleted":   {func(c *verifyCloud) { c.templates[webTemplate].Status = types.TaskDefinitionStatusDeleteInProgress }, templateRow, report.Refused, "is being deleted"},
		"memory that Fargate doesn't have":   {func(c *verifyCloud) { c.templates[webTemplate].Memory = aws.String("4096") }, sizeRow, report.Refused, "Fargate has no tasks of 256 CPU units with 4096 MiB, only with 512, 1024 or 2048"},
		"no size for the task":               {func(c *verifyCloud) { c.templates[webTemplate].Cpu = nil }, sizeRow, report.Refused, `Fargate wants both for the whole task, and the template has CPU "" and memory "512"`},
		"an image that isn't there":          {func(c *verifyCloud) { c.platforms = nil }, imageRow, report.Refused, "the repository " + verifyRepository + " has no " + verifyDigest},
		"an image of another repository":     {func(c *verifyCloud) { c.contract.RepositoryURL = "other" }, imageRow, report.Refused, "it is in " + verifyRepository + ", and the contract's repository is other"},
		"an image for the wrong platform":    {func(c *verifyCloud) { c.platforms[verifyDigest] = []string{"linux/arm64", "windows/amd64"} }, imageRow, report.Refused, "blog-dev-web-template:7 wants linux/amd64, and the image is for linux/arm64, windows/amd64"},
		"an index with the platform":         {func(c *verifyCloud) { c.platforms[verifyDigest] = []string{"linux/arm64", "linux/amd64"} }, imageRow, report.OK, "linux/amd64"},
		"no template to ask for a platform":  {func(c *verifyCloud) { c.templates = nil }, imageRow, report.Skipped, "it is there for linux/amd64; which platform blog-dev-web-template:7 wants is not known"},
		"no right to look into the registry": {func(c *verifyCloud) { c.fails["Platforms"] = &transport.Error{StatusCode: http.StatusForbidden} }, imageRow, report.Skipped, "the caller lacks ecr:GetAuthorizationToken, ecr:BatchGetImage or ecr:GetDownloadUrlForLayer"},
		"a registry that names the right": {
			func(c *verifyCloud) {
				c.fails["Platforms"] = api("AccessDeniedException", "User: u is not authorized to perform: ecr:GetAuthorizationToken on resource: *")
			},
			imageRow, report.Skipped, "the caller lacks ecr:GetAuthorizationToken",
		},

		"no execution role":              {func(c *verifyCloud) { c.templates[webTemplate].ExecutionRoleArn = nil }, "execution role of blog-dev-web-template:7", report.Refused, "the template names none, and ECS needs one to pull from ECR"},
		"an execution role that is gone": {func(c *verifyCloud) { delete(c.roles, "blog-dev-execution") }, executionRow, report.Refused, "there is no such role"},
		"a task role that is gone":       {func(c *verifyCloud) { delete(c.roles, "blog-dev-task") }, "task role blog-dev-task", report.Refused, "there is no such role"},
		"a role of the same name with another path": {func(c *verifyCloud) {
			c.roles["blog-dev-task"].Arn = aws.String("arn:aws:iam::111111111111:role/x/blog-dev-task")
		}, "task role blog-dev-task", report.Refused, "the template names " + taskRole + ", and the role is arn:aws:iam::111111111111:role/x/blog-dev-task"},
		"no right to read a role": {lacks("GetRole"), executionRow, report.Skipped, "the caller lacks iam:GetRole"},
		"a role for EC2":          {trusts(strings.ReplaceAll(trusting, "ecs-tasks", "ec2")), executionRow, report.Refused, "it does not trust ecs-tasks.amazonaws.com"},
		"a role for tasks of another account": {
			trusts(strings.ReplaceAll(trusting, "111111111111", "222222222222")), executionRow, report.Refused,
			"it trusts ecs-tasks.amazonaws.com only under conditions that don't hold for account 111111111111 in eu-central-1",
		},
		"a role under a condition nobody knows": {
			trusts(strings.ReplaceAll(trusting, "aws:SourceAccount", "aws:SourceOrgID")), executionRow, report.Skipped,
			"it trusts ecs-tasks.amazonaws.com under conditions that are not evaluated here: aws:SourceOrgID",
		},

		"no secret":                     {func(c *verifyCloud) { c.fails["DescribeSecret"] = &secretstypes.ResourceNotFoundException{} }, secretRow, report.Refused, "there is no secret " + appSecret},
		"a secret marked for deletion":  {func(c *verifyCloud) { c.secret.DeletedDate = aws.Time(time.Unix(1, 0)) }, secretRow, report.Refused, "the secret is marked for deletion"},
		"a secret without a value":      {func(c *verifyCloud) { c.secret.VersionIdsToStages = nil }, secretRow, report.Refused, "the secret has no value: no version of it is AWSCURRENT"},
		"a version that isn't there":    {func(c *verifyCloud) { c.web().Secrets[0].ValueFrom = aws.String(appSecret + ":::v9") }, secretRow, report.Refused, "the secret has no version v9"},
		"a reference of too many parts": {func(c *verifyCloud) { c.web().Secrets[0].ValueFrom = aws.String(appSecret + "::::") }, secretRow, report.Refused, appSecret + ":::: is not of the form ARN:JSON-KEY:VERSION-STAGE:VERSION-ID"},
		"no JSON key":                   {func(c *verifyCloud) { c.value = aws.String(`{"OTHER": "` + secretValue + `"}`) }, secretRow, report.Refused, `the secret has no JSON key "SECRET_KEY"`},
		"a value that is not JSON":      {func(c *verifyCloud) { c.value = aws.String(secretValue) }, secretRow, report.Refused, `the template wants its JSON key "SECRET_KEY", but its value is not a JSON object`},
		"a value that is null":          {func(c *verifyCloud) { c.value = aws.String("null") }, secretRow, report.Refused, `the template wants its JSON key "SECRET_KEY", but its value is not a JSON object`},
		"a value that is binary":        {func(c *verifyCloud) { c.value = nil }, secretRow, report.Refused, `the template wants its JSON key "SECRET_KEY", but its value is binary, and ECS takes text`},
		"a reply that can't be read":    {func(c *verifyCloud) { c.fails["GetSecretValue"] = errors.New("unexpected " + secretValue) }, secretRow, report.Refused, "secretsmanager:GetSecretValue failed before its reply could be read"},
		"no right to read the value":    {lacks("GetSecretValue"), secretRow, report.Skipped, `the caller lacks secretsmanager:GetSecretValue, so whether the secret has the JSON key "SECRET_KEY" is not known`},
		"no right to the secret's key": {func(c *verifyCloud) {
			c.fails["GetSecretValue"] = api("AccessDeniedException", "Access to KMS is not allowed")
		}, secretRow, report.Skipped, `the caller lacks kms:Decrypt for the secret's key, so whether it has the JSON key "SECRET_KEY" is not known`},
		"no right to describe the secret": {lacks("DescribeSecret"), secretRow, report.Skipped, "the caller lacks secretsmanager:DescribeSecret"},
		"no right to simulate":            {lacks("SimulatePrincipalPolicy"), secretRow, report.Skipped, "the caller lacks iam:SimulatePrincipalPolicy"},
		"a role that may not read the secret": {
			func(c *verifyCloud) { c.decisions["secretsmanager:GetSecretValue"] = deny(implicit) }, secretRow, report.Refused,
			"no policy allows secretsmanager:GetSecretValue to blog-dev-execution",
		},
		"a role that is denied the secret": {
			func(c *verifyCloud) { c.decisions["secretsmanager:GetSecretValue"] = deny(explicit) }, secretRow, report.Refused,
			"a policy denies secretsmanager:GetSecretValue to blog-dev-execution",
		},
		"a condition that a simulation lacks": {
			func(c *verifyCloud) { c.decisions["secretsmanager:GetSecretValue"] = deny(implicit, "aws:SourceVpce") }, secretRow, report.Skipped,
			"whether secretsmanager:GetSecretValue is allowed to blog-dev-execution depends on conditions that a simulation lacks: aws:SourceVpce",
		},
		"a secret's own policy that might allow": {
			func(c *verifyCloud) {
				c.decisions["secretsmanager:GetSecretValue"] = deny(implicit)
				c.policy = `{"Statement": {"Effect": "Allow"}}`
			}, secretRow, report.Skipped,
			"no policy of blog-dev-execution allows secretsmanager:GetSecretValue, but the secret's own policy, which a simulation leaves out, might",
		},
		"a secret's own policy that denies": {
			func(c *verifyCloud) { c.policy = `{"Statement": [{"Effect": "Deny"}]}` }, secretRow, report.Skipped,
			"policies of blog-dev-execution allow secretsmanager:GetSecretValue, but the secret's own policy, which a simulation leaves out, denies something",
		},
		"no right to read the secret's own policy": {lacks("GetResourcePolicy"), secretRow, report.Skipped, "the caller lacks secretsmanager:GetResourcePolicy"},
		"a customer's key that the role is denied": {
			func(c *verifyCloud) {
				c.secret.KmsKeyId = aws.String(customerKey)
				c.decisions["kms:Decrypt"] = deny(explicit)
			}, secretRow, report.Refused, "a policy denies kms:Decrypt to blog-dev-execution",
		},
		"a customer's key that only its own policy could allow": {
			func(c *verifyCloud) {
				c.secret.KmsKeyId = aws.String("1234")
				c.decisions["kms:Decrypt"] = deny(implicit)
			}, secretRow, report.Skipped,
			"no policy of blog-dev-execution allows kms:Decrypt, but the policy of the key " + customerKey + ", which a simulation leaves out, might",
		},
		"a customer's key that the role may use": {
			func(c *verifyCloud) { c.secret.KmsKeyId = aws.String(customerKey) }, secretRow, report.OK,
			`kms:Decrypt is allowed to blog-dev-execution; secretsmanager:GetSecretValue is allowed to blog-dev-execution; JSON key "SECRET_KEY"`,
		},
		"a customer's key by its alias": {
			func(c *verifyCloud) { c.parameters[0].KeyId = aws.String("alias/blog") }, parameterRow, report.Skipped,
			"it is encrypted with alias/blog, and which key that is takes kms:DescribeKey, which is not asked for",
		},

		"no parameter":                           {func(c *verifyCloud) { c.parameters = nil }, parameterRow, report.Refused, "there is no parameter /blog/dev/token in eu-central-1"},
		"no right to describe parameters":        {lacks("DescribeParameters"), parameterRow, report.Skipped, "the caller lacks ssm:DescribeParameters"},
		"a role that may not read the parameter": {func(c *verifyCloud) { c.decisions["ssm:GetParameters"] = deny(implicit) }, parameterRow, report.Refused, "no policy allows ssm:GetParameters to blog-dev-execution"},
		"a parameter by its ARN": {func(c *verifyCloud) {
			c.web().Secrets[1].ValueFrom = aws.String("arn:aws:ssm:eu-central-1:111111111111:parameter/blog/dev/token")
		}, parameterRow, report.OK, "ssm:GetParameters is allowed to blog-dev-execution"},
		"a parameter of another account": {func(c *verifyCloud) {
			c.web().Secrets[1].ValueFrom = aws.String("arn:aws:ssm:eu-central-1:222222222222:parameter/token")
		}, parameterRow, report.Skipped, "it is of account 222222222222, whose parameters can't be described from here"},
		"a secret of no service that ECS knows": {func(c *verifyCloud) {
			c.web().Secrets[1].ValueFrom = aws.String("arn:aws:s3:::bucket")
		}, parameterRow, report.Refused, "arn:aws:s3:::bucket is neither a secret nor a parameter"},
		"a secret and no role to read it": {func(c *verifyCloud) { c.templates[webTemplate].ExecutionRoleArn = nil }, secretRow, report.Refused, "the template names no execution role that could read it"},

		"no log group":                    {func(c *verifyCloud) { c.groups = c.groups[:1] }, logRow, report.Refused, "there is none in eu-central-1, and without it no task starts"},
		"no right to describe log groups": {lacks("DescribeLogGroups"), logRow, report.Skipped, "the caller lacks logs:DescribeLogGroups"},
		"a log group that a task makes": {func(c *verifyCloud) {
			c.groups = nil
			c.web().LogConfiguration.Options["awslogs-create-group"] = "true"
		}, logRow, report.OK, "is made by the first task (awslogs-create-group): logs:CreateLogGroup is allowed to blog-dev-execution"},
		"a log group that no task can make": {func(c *verifyCloud) {
			c.groups = nil
			c.web().LogConfiguration.Options["awslogs-create-group"] = "true"
			c.decisions["logs:CreateLogGroup"] = deny(implicit)
		}, logRow, report.Refused, "is made by the first task (awslogs-create-group): no policy allows logs:CreateLogGroup to blog-dev-execution"},
		"a log configuration of no group":    {func(c *verifyCloud) { delete(c.web().LogConfiguration.Options, "awslogs-group") }, "log group ", report.Refused, "the template's log configuration names none"},
		"no target group":                    {func(c *verifyCloud) { c.target = nil }, targetRow, report.Refused, "there is no such target group"},
		"no right to describe target groups": {lacks("DescribeTargetGroups"), targetRow, report.Skipped, "the caller lacks elasticloadbalancing:DescribeTargetGroups"},
		"targets of another type":            {func(c *verifyCloud) { c.target.TargetType = elbtypes.TargetTypeEnumInstance }, targetRow, report.Refused, "its targets are of type instance, and tasks in network mode awsvpc are of type ip"},
		"another protocol":                   {func(c *verifyCloud) { c.target.Protocol = elbtypes.ProtocolEnumUdp }, targetRow, report.Refused, `it speaks UDP, and port 8000 of container "app" is mapped for tcp`},
		"a target group of no load balancer": {func(c *verifyCloud) { c.target.LoadBalancerArns = nil }, targetRow, report.Refused, "no load balancer uses it, so no request would reach a task"},
		"a port that isn't mapped":           {func(c *verifyCloud) { c.web().PortMappings[0].ContainerPort = aws.Int32(8080) }, targetRow, report.Refused, `the service registers port 8000 of container "app" in it, which the template does not map`},
		"a container that isn't there":       {func(c *verifyCloud) { c.services[0].LoadBalancers[0].ContainerName = aws.String("web") }, targetRow, report.Refused, `the service registers container "web" in it, which the template does not have`},
		"a target group of another service":  {func(c *verifyCloud) { c.services[0].LoadBalancers = nil }, targetRow, report.Refused, "the contract names it, but the service registers no tasks in it"},
		"no subnet": {func(c *verifyCloud) {
			c.fails["DescribeSubnets"] = api("InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist")
		}, subnetRow, report.Refused, "The subnet ID 'subnet-1' does not exist"},
		"subnets of two VPCs":          {func(c *verifyCloud) { c.subnets[0].VpcId = aws.String("vpc-2") }, subnetRow, report.Refused, "they are not in one VPC: vpc-1, vpc-2"},
		"no right to describe subnets": {func(c *verifyCloud) { c.fails["DescribeSubnets"] = api("UnauthorizedOperation", "") }, subnetRow, report.Skipped, "the caller lacks ec2:DescribeSubnets"},
		"no security group": {func(c *verifyCloud) {
			c.fails["DescribeSecurityGroups"] = api("InvalidGroup.NotFound", "The security group 'sg-1' does not exist")
		}, groupRow, report.Refused, "The security group 'sg-1' does not exist"},
		"a security group of another VPC": {func(c *verifyCloud) { c.security[0].VpcId = aws.String("vpc-2") }, groupRow, report.Refused, "sg-1 is in vpc-2, and the subnets are in vpc-1"},
		"no right to describe groups":     {func(c *verifyCloud) { c.fails["DescribeSecurityGroups"] = api("UnauthorizedOperation", "") }, groupRow, report.Skipped, "the caller lacks ec2:DescribeSecurityGroups"},
		"groups without the subnets":      {func(c *verifyCloud) { c.fails["DescribeSubnets"] = api("UnauthorizedOperation", "") }, groupRow, report.Skipped, "they are there; whether they are in the subnets' VPC is not known, see the subnets"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			cloud := inOrder()
			test.spoil(cloud)
			checks := cloud.verify(t)
			i := slices.IndexFunc(checks, func(c report.Check) bool { return c.Subject == test.row })
			if i < 0 {
				t.Fatalf("no row %q in\n%s", test.row, report.ChecksText(checks))
			}
			same(t, "check", report.Check{Subject: test.row, Outcome: test.want, Reason: test.why}, checks[i])
			if strings.Contains(report.ChecksText(checks), secretValue) {
				t.Errorf("the secret's value is shown:\n%s", report.ChecksText(checks))
			}
			if (Refusal(checks) != nil) != slices.ContainsFunc(checks, func(c report.Check) bool { return c.Outcome == report.Refused }) {
				t.Error("the failure does not go by the checks")
			}
		})
	}
}

// Whoever may do nothing gets no row that says OK.
func TestVerifyWithoutAnyRight(t *testing.T) {
	cloud := inOrder()
	for _, call := range []string{
		"DescribeClusters", "DescribeServices", "Platforms", "GetRole", "SimulatePrincipalPolicy", "DescribeSecret", "GetResourcePolicy",
		"GetSecretValue", "DescribeParameters", "DescribeLogGroups", "DescribeTargetGroups", "DescribeSubnets", "DescribeSecurityGroups",
	} {
		cloud.fails[call] = api("AccessDenied", "no")
	}
	for _, check := range cloud.verify(t) {
		readable := check.Subject == templateRow || check.Subject == sizeRow
		if !readable && (check.Outcome != report.Skipped || check.Reason == "") {
			t.Errorf("%s is %s: %q", check.Subject, check.Outcome, check.Reason)
		}
	}
}

func TestVerifyWithoutAnImage(t *testing.T) {
	checks := inOrder().verifier().Verify(t.Context(), "")
	want := report.Check{Subject: "image", Outcome: report.Skipped, Reason: "no image was given that the repository has"}
	if !slices.Contains(checks, want) {
		t.Errorf("checks:\n%s", report.ChecksText(checks))
	}
}

// Fifty services that share a secret, a role and a template ask for each of them once.
func TestVerifyAsksOnce(t *testing.T) {
	cloud := inOrder()
	entry, service := cloud.contract.Services[0], cloud.services[0]
	cloud.contract.Services, cloud.services = nil, nil
	for i := range 50 {
		entry.Name, entry.Service = fmt.Sprint("s", i), fmt.Sprint("blog-dev-s", i)
		entry.Template = fmt.Sprint(webTemplate, i)
		service.ServiceName = aws.String(entry.Service)
		cloud.contract.Services, cloud.services = append(cloud.contract.Services, entry), append(cloud.services, service)
		cloud.templates[entry.Template] = cloud.templates[webTemplate]
	}
	if err := Refusal(cloud.verify(t)); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"DescribeClusters": 1, "DescribeServices": 5, "DescribeTaskDefinition": 50, "Platforms": 1, "GetRole": 2,
		"SimulatePrincipalPolicy": 2, "DescribeSecret": 1, "GetResourcePolicy": 1, "GetSecretValue": 1, "DescribeParameters": 1,
		"DescribeLogGroups": 2, "DescribeTargetGroups": 50, "DescribeSubnets": 1, "DescribeSecurityGroups": 1,
	}
	same(t, "calls", want, cloud.calls)
}

// The policy that Terraform gives the execution role has the condition kms:ViaService.
func TestSimulationOfAKeyGetsWhatTheServiceSends(t *testing.T) {
	cloud := inOrder()
	cloud.secret.KmsKeyId = aws.String(customerKey)
	cloud.verify(t)
	i := slices.IndexFunc(cloud.simulated, func(i *iam.SimulatePrincipalPolicyInput) bool { return i.ActionNames[0] == "kms:Decrypt" })
	if i < 0 {
		t.Fatal("kms:Decrypt was not simulated")
	}
	got := map[string]string{}
	for _, entry := range cloud.simulated[i].ContextEntries {
		got[*entry.ContextKeyName] = strings.Join(entry.ContextKeyValues, ",")
	}
	same(t, "context", map[string]string{
		"aws:SecureTransport": "true", "kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com",
		"kms:CallerAccount": "111111111111", "kms:EncryptionContext:SecretARN": appSecret,
	}, got)
	same(t, "role", executionRole, *cloud.simulated[i].PolicySourceArn)
	same(t, "resource", []string{customerKey}, cloud.simulated[i].ResourceArns)
}

func TestRefusal(t *testing.T) {
	var checks []report.Check
	for i := range 11 {
		checks = append(checks, report.Check{Subject: fmt.Sprint("service ", i), Outcome: report.Refused, Reason: "gone"})
	}
	checks = append(checks, report.Check{Subject: "image", Outcome: report.Skipped}, report.Check{Subject: "cluster", Outcome: report.OK})
	failure, isFailure := errors.AsType[*report.Failure](Refusal(checks))
	if !isFailure {
		t.Fatal("no failure")
	}
	same(t, "reason", "11 of 13 checks failed", failure.Reason)
	same(t, "effect", "nothing was registered and no service was touched", failure.Effect)
	same(t, "first and last line", []string{"service 0: gone", "and 2 more, in the table"}, []string{failure.Evidence[0], failure.Evidence[len(failure.Evidence)-1]})
	if err := Refusal(checks[11:]); err != nil {
		t.Errorf("a skipped check stops the deployment: %v", err)
	}
}

func TestTrust(t *testing.T) {
	const allow, deny = `"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}`, `"Effect": "Deny", "Action": "sts:*", "Principal": {"Service": ["ecs-tasks.amazonaws.com"]}`
	tests := map[string]struct {
		statements string
		want       report.CheckOutcome
	}{
		"a statement alone, without a list":            {`{` + allow + `}`, report.OK},
		"lists of actions and of services":             {`[{"Effect": "Allow", "Action": ["sts:TagSession", "sts:AssumeRole"], "Principal": {"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]}}]`, report.OK},
		"what AWS recommends":                          {`[{` + allow + `, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:ecs:eu-central-1:111111111111:*"}, "StringEquals": {"aws:SourceAccount": "111111111111"}}}]`, report.OK},
		"another region":                               {`[{` + allow + `, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:111111111111:*"}}}]`, report.Refused},
		"one cluster, which may be ours":               {`[{` + allow + `, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:ecs:eu-central-1:111111111111:cluster/blog"}}}]`, report.Skipped},
		"a condition that fails beside an unknown one": {`[{` + allow + `, "Condition": {"StringEquals": {"aws:SourceAccount": "2", "aws:SourceOrgID": "o"}}}]`, report.Refused},
		"a list of accounts with ours":                 {`[{` + allow + `, "Condition": {"StringEquals": {"AWS:SourceAccount": ["2", "111111111111"]}}}]`, report.OK},
		"an operator that negates":                     {`[{` + allow + `, "Condition": {"StringNotEquals": {"aws:SourceAccount": "2"}}}]`, report.Skipped},
		"another action":                               {`[{"Effect": "Allow", "Action": "sts:TagSession", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]`, report.Refused},
		"an AWS principal":                             {`[{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}}]`, report.Refused},
		"everyone, who are AWS principals":             {`[{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]`, report.Refused},
		"a denial behind a permission":                 {`[{` + allow + `}, {` + deny + `}]`, report.Refused},
		"a denial under a condition that fails":        {`[{` + allow + `}, {` + deny + `, "Condition": {"StringEquals": {"aws:SourceAccount": "2"}}}]`, report.OK},
		"a denial under a condition nobody knows":      {`[{` + allow + `}, {` + deny + `, "Condition": {"Bool": {"aws:ViaAWSService": "false"}}}]`, report.Skipped},
		"a permission behind an unknown one":           {`[{` + allow + `, "Condition": {"StringEquals": {"aws:SourceOrgID": "o"}}}, {` + allow + `}]`, report.OK},
		"no policy":                                    {`[`, report.Refused},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got := trust(`{"Statement": `+test.statements+`}`, "eu-central-1", "111111111111")
			if got.outcome != test.want {
				t.Errorf("%s: %q, want %s", got.outcome, got.reason, test.want)
			}
		})
	}
}

func TestFargate(t *testing.T) {
	tests := map[string]struct {
		cpu    string
		memory []string
		want   report.CheckOutcome
	}{
		"a quarter":                {"256", []string{"512", "1024", "2048"}, report.OK},
		"a quarter with too much":  {"256", []string{"1536", "3072", "256", "0"}, report.Refused},
		"a half":                   {"512", []string{"1024", "4096"}, report.OK},
		"a half with the wrong":    {"512", []string{"512", "1536", "5120"}, report.Refused},
		"one":                      {"1024", []string{"2048", "8192"}, report.OK},
		"one with the wrong":       {"1024", []string{"1024", "9216"}, report.Refused},
		"two":                      {"2048", []string{"4096", "5120", "16384"}, report.OK},
		"two with the wrong":       {"2048", []string{"3072", "17408"}, report.Refused},
		"four":                     {"4096", []string{"8192", "30720"}, report.OK},
		"four with the wrong":      {"4096", []string{"7168", "31744"}, report.Refused},
		"eight":                    {"8192", []string{"16384", "20480", "61440"}, report.OK},
		"eight between the steps":  {"8192", []string{"17408", "65536"}, report.Refused},
		"sixteen":                  {"16384", []string{"32768", "40960", "122880"}, report.OK},
		"sixteen, wrong":           {"16384", []string{"36864", "131072"}, report.Refused},
		"three":                    {"3072", []string{"8192"}, report.Refused},
		"none, or not as a number": {"1 vCPU", []string{"2048", ""}, report.Refused},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			for _, memory := range test.memory {
				if got := fargate(&types.TaskDefinition{Cpu: &test.cpu, Memory: &memory}); got.outcome != test.want {
					t.Errorf("%s with %s: %s, %q", test.cpu, memory, got.outcome, got.reason)
				}
			}
		})
	}
}

// A value that ECS adds has to be put into one of these tables.
func TestVerifyKnowsEveryProtocolAndPlatform(t *testing.T) {
	for _, protocol := range elbtypes.ProtocolEnum("").Values() {
		if _, known := transports[protocol]; !known && protocol != elbtypes.ProtocolEnumGeneve { // gateways', never a service's
			t.Errorf("protocol %s", protocol)
		}
	}
	same(t, "architectures", []types.CPUArchitecture{types.CPUArchitectureX8664, types.CPUArchitectureArm64}, types.CPUArchitecture("").Values())
	for _, family := range types.OSFamily("").Values() {
		want := "linux/amd64"
		if family != types.OSFamilyLinux {
			want = "windows/amd64"
		}
		same(t, string(family), want, platform(&types.TaskDefinition{RuntimePlatform: &types.RuntimePlatform{OperatingSystemFamily: family}}))
	}
	same(t, "default", "linux/amd64", platform(&types.TaskDefinition{}))
}
