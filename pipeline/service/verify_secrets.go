package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

type verifySecrets interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetResourcePolicy(context.Context, *secretsmanager.GetResourcePolicyInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

type verifyParameters interface {
	DescribeParameters(context.Context, *ssm.DescribeParametersInput, ...func(*ssm.Options)) (*ssm.DescribeParametersOutput, error)
}

// secretRows check each secret and parameter that ECS reads to start a task of the template.
func (l *look) secretRows(t *template) []check {
	role := aws.ToString(t.definition.ExecutionRoleArn)
	var rows []check
	for _, container := range t.definition.ContainerDefinitions {
		of := t.name()
		if len(t.definition.ContainerDefinitions) > 1 {
			of += "/" + aws.ToString(container.Name)
		}
		add := func(what, from string) {
			kind := "secret"
			if !isSecret(from) {
				kind = "parameter"
			}
			rows = append(rows, check{fmt.Sprintf("%s %s of %s", kind, what, of), func(ctx context.Context) finding {
				if role == "" {
					return fails("the template names no execution role that could read it")
				}
				if isSecret(from) {
					return l.checkSecret(ctx, role, from)
				}
				return l.checkParameter(ctx, role, from)
			}})
		}
		for _, secret := range container.Secrets {
			add(aws.ToString(secret.Name), aws.ToString(secret.ValueFrom))
		}
		if container.LogConfiguration != nil {
			for _, option := range container.LogConfiguration.SecretOptions {
				add("log option "+aws.ToString(option.Name), aws.ToString(option.ValueFrom))
			}
		}
		if credentials := container.RepositoryCredentials; credentials != nil {
			add("registry credentials", aws.ToString(credentials.CredentialsParameter))
		}
	}
	return rows
}

// isSecret tells a secret from a parameter, which may be an ARN too or a bare name.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html
func isSecret(from string) bool {
	parsed, err := awsarn.Parse(from)
	return err == nil && parsed.Service == "secretsmanager"
}

// reference is what a template's valueFrom says of a secret: "ARN:JSON-KEY:VERSION-STAGE:VERSION-ID", all but the first
// optional.
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
type reference struct{ arn, key, stage, version string }

func parseReference(from string) (reference, error) {
	parts := strings.Split(from, ":")
	if len(parts) < 7 || len(parts) > 10 {
		return reference{}, fmt.Errorf("%s is not of the form ARN:JSON-KEY:VERSION-STAGE:VERSION-ID", from)
	}
	parts = append(parts, "", "", "")
	return reference{strings.Join(parts[:7], ":"), parts[7], parts[8], parts[9]}, nil
}

// checkSecret checks that a secret has the value that the template wants and that the role may read it. The value is read only
// to look for a JSON key, and only the names of the keys are kept.
func (l *look) checkSecret(ctx context.Context, role, from string) finding {
	ref, err := parseReference(from)
	if err != nil {
		return fails("%v", err)
	}
	region, account, partition := ownerOf(ref.arn)
	in := func(o *secretsmanager.Options) { o.Region = cmp.Or(region, o.Region) }
	described, err := l.secret.get(ref.arn, func() (*secretsmanager.DescribeSecretOutput, error) {
		return l.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &ref.arn}, in)
	})
	if _, absent := errors.AsType[*secretstypes.ResourceNotFoundException](err); absent {
		return fails("there is no secret %s", ref.arn)
	}
	var findings []finding
	arn := ref.arn
	if err != nil {
		findings = append(findings, fault("secretsmanager:DescribeSecret", err))
	} else {
		arn = cmp.Or(aws.ToString(described.ARN), arn)
		if problem := unreadable(described, ref); problem != nil {
			return *problem
		}
		findings = append(findings, l.mayDecrypt(ctx, role, kmsKey{
			id: aws.ToString(described.KmsKeyId), ours: "alias/aws/secretsmanager", via: "secretsmanager",
			context: "SecretARN", resource: arn, region: region, account: account, partition: partition,
		}))
	}
	others, problem := l.secretPolicy(ctx, arn, in)
	if problem != nil {
		findings = append(findings, *problem)
	}
	findings = append(findings, l.may(ctx, role, "secretsmanager:GetSecretValue", arn, map[string]string{
		"secretsmanager:SecretId": arn, "secretsmanager:VersionStage": cmp.Or(ref.stage, "AWSCURRENT"),
	}, others))
	if ref.key != "" {
		findings = append(findings, l.hasKey(ctx, ref, in))
	}
	return worst(findings...)
}

// unreadable finds what keeps a secret that exists from being read.
func unreadable(described *secretsmanager.DescribeSecretOutput, ref reference) *finding {
	problem := func(f finding) *finding { return &f }
	if described.DeletedDate != nil {
		return problem(fails("the secret is marked for deletion"))
	}
	if ref.version != "" {
		if _, found := described.VersionIdsToStages[ref.version]; !found {
			return problem(fails("the secret has no version %s", ref.version))
		}
		return nil
	}
	stage := cmp.Or(ref.stage, "AWSCURRENT")
	for _, stages := range described.VersionIdsToStages {
		if slices.Contains(stages, stage) {
			return nil
		}
	}
	return problem(fails("the secret has no value: no version of it is %s", stage))
}

// secretPolicy reads what the secret's own policy may still change. Which of its statements are on the role is left open: a
// person has to look where there are any.
func (l *look) secretPolicy(ctx context.Context, arn string, in func(*secretsmanager.Options)) (resourcePolicy, *finding) {
	output, err := l.policy.get(arn, func() (*secretsmanager.GetResourcePolicyOutput, error) {
		return l.secrets.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &arn}, in)
	})
	if err != nil {
		unread := fault("secretsmanager:GetResourcePolicy", err)
		return resourcePolicy{allows: "the secret's own policy, which can't be read, might"}, &unread
	}
	if aws.ToString(output.ResourcePolicy) == "" {
		return resourcePolicy{}, nil
	}
	var document policyDocument
	if err := json.Unmarshal([]byte(*output.ResourcePolicy), &document); err != nil {
		unread := fails("the secret's own policy is not JSON as IAM's are")
		return resourcePolicy{}, &unread
	}
	var others resourcePolicy
	for _, s := range document.Statement {
		if s.Effect == "Deny" {
			others.denies = "the secret's own policy, which a simulation leaves out, denies something"
		} else {
			others.allows = "the secret's own policy, which a simulation leaves out, might"
		}
	}
	return others, nil
}

// secretKeys is what is kept of a secret's value.
type secretKeys struct {
	names map[string]bool
	// problem says why the value has no keys.
	problem string
}

// hasKey checks that the secret's value is a JSON object with the key. Neither the value nor an error of the JSON parser, which
// quotes from it, may get any further than this function.
func (l *look) hasKey(ctx context.Context, ref reference, in func(*secretsmanager.Options)) finding {
	keys, err := l.keys.get(strings.Join([]string{ref.arn, ref.stage, ref.version}, " "), func() (secretKeys, error) {
		input := &secretsmanager.GetSecretValueInput{SecretId: &ref.arn}
		if ref.stage != "" {
			input.VersionStage = &ref.stage
		}
		if ref.version != "" {
			input.VersionId = &ref.version
		}
		output, err := l.secrets.GetSecretValue(ctx, input, in)
		if err != nil {
			return secretKeys{}, err
		}
		if output.SecretString == nil {
			return secretKeys{problem: "its value is binary, and ECS takes text"}, nil
		}
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(*output.SecretString), &object) != nil || object == nil {
			return secretKeys{problem: "its value is not a JSON object"}, nil
		}
		names := map[string]bool{}
		for name := range object {
			names[name] = true
		}
		return secretKeys{names: names}, nil
	})
	switch {
	case err != nil && apiCode(err) == "" && !lacksRight(err):
		// An error that is not the API's may quote from the reply.
		return fails("secretsmanager:GetSecretValue failed before its reply could be read")
	case err != nil && lacksRight(err) && strings.Contains(err.Error(), "KMS"):
		// Secrets Manager says "Access to KMS is not allowed" and names no action.
		return skips("the caller lacks kms:Decrypt for the secret's key, so whether it has the JSON key %q is not known", ref.key)
	case err != nil:
		unread := fault("secretsmanager:GetSecretValue", err)
		unread.reason += fmt.Sprintf(", so whether the secret has the JSON key %q is not known", ref.key)
		return unread
	case keys.problem != "":
		return fails("the template wants its JSON key %q, but %s", ref.key, keys.problem)
	case !keys.names[ref.key]:
		return fails("the secret has no JSON key %q", ref.key)
	}
	return passes("JSON key %q", ref.key)
}

// kmsKey is a KMS key and how the value that it encrypts is decrypted.
type kmsKey struct {
	id        string // a key's id, its ARN, an alias or an alias's ARN
	ours      string // the alias of the key that AWS manages, which every principal of the account may use through the service
	via       string // the service
	context   string // the encryption context that the service gives
	resource  string // and its value
	region    string
	account   string
	partition string
}

// mayDecrypt checks that the role may use a customer's key. The key's own policy is not read: it may allow what the role's
// policies don't, and it has to let the account's policies count, as the one that AWS proposes does.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
func (l *look) mayDecrypt(ctx context.Context, role string, k kmsKey) finding {
	if k.id == "" || strings.HasSuffix(k.id, k.ours) {
		return passes("")
	}
	if strings.HasPrefix(k.id, "alias/") || strings.Contains(k.id, ":alias/") {
		return skips("it is encrypted with %s, and which key that is takes kms:DescribeKey, which is not asked for", k.id)
	}
	arn := k.id
	if !strings.HasPrefix(arn, "arn:") {
		arn = fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", k.partition, k.region, k.account, k.id)
	}
	return l.may(ctx, role, "kms:Decrypt", arn, map[string]string{
		"kms:ViaService":                     k.via + "." + k.region + ".amazonaws.com",
		"kms:CallerAccount":                  l.account(),
		"kms:EncryptionContext:" + k.context: k.resource,
	}, resourcePolicy{allows: "the policy of the key " + arn + ", which a simulation leaves out, might"})
}

// parameter is what is known of one; nil where there is none.
type parameter struct {
	arn, key string
	secure   bool
}

// checkParameter checks that a parameter exists and that the role may read it. Its value is never asked for.
func (l *look) checkParameter(ctx context.Context, role, from string) finding {
	region, account := l.region, l.account()
	_, _, partition := ownerOf(role)
	names := []string{from}
	if parsed, err := awsarn.Parse(from); err == nil {
		rest, found := strings.CutPrefix(parsed.Resource, "parameter/")
		if parsed.Service != "ssm" || !found {
			return fails("%s is neither a secret nor a parameter", from)
		}
		if account != "" && parsed.AccountID != account {
			return skips("it is of account %s, whose parameters can't be described from here", parsed.AccountID)
		}
		// The ARN of "/path/name" and that of "name" have the same single slash.
		region, names = parsed.Region, []string{"/" + rest}
		if !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	found, err := l.parameter.get(from, func() (*parameter, error) { return l.describeParameter(ctx, region, names) })
	if err == nil && found == nil {
		return fails("there is no parameter %s in %s", strings.Join(names, " or "), region)
	}
	var findings []finding
	arn := fmt.Sprintf("arn:%s:ssm:%s:%s:parameter/%s", partition, region, account, strings.TrimPrefix(names[0], "/"))
	if err != nil {
		findings = append(findings, fault("ssm:DescribeParameters", err))
	} else {
		arn = cmp.Or(found.arn, arn)
		if found.secure {
			findings = append(findings, l.mayDecrypt(ctx, role, kmsKey{
				id: found.key, ours: "alias/aws/ssm", via: "ssm", context: "PARAMETER_ARN", resource: arn,
				region: region, account: account, partition: partition,
			}))
		}
	}
	return worst(append(findings, l.may(ctx, role, "ssm:GetParameters", arn, nil, resourcePolicy{}))...)
}

func (l *look) describeParameter(ctx context.Context, region string, names []string) (*parameter, error) {
	input := &ssm.DescribeParametersInput{ParameterFilters: []ssmtypes.ParameterStringFilter{
		{Key: aws.String("Name"), Option: aws.String("Equals"), Values: names},
	}}
	for {
		output, err := l.parameters.DescribeParameters(ctx, input, func(o *ssm.Options) { o.Region = cmp.Or(region, o.Region) })
		if err != nil {
			return nil, err
		}
		for _, p := range output.Parameters {
			return &parameter{arn: aws.ToString(p.ARN), key: aws.ToString(p.KeyId), secure: p.Type == ssmtypes.ParameterTypeSecureString}, nil
		}
		// A page without the parameter may still not be the last.
		if input.NextToken = output.NextToken; aws.ToString(input.NextToken) == "" {
			return nil, nil
		}
	}
}
