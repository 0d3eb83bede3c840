package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type verifyIAM interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	SimulatePrincipalPolicy(context.Context, *iam.SimulatePrincipalPolicyInput, ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error)
}

// roleRows check each role of the templates once.
func (l *look) roleRows() []check {
	var rows []check
	seen := map[string]bool{}
	add := func(kind, role string) {
		subject := kind + " " + roleName(role)
		if !seen[subject] {
			seen[subject] = true
			rows = append(rows, check{subject, func(ctx context.Context) finding { return l.role(ctx, role) }})
		}
	}
	for _, t := range l.templates {
		if t.definition == nil {
			continue
		}
		if role := aws.ToString(t.definition.ExecutionRoleArn); role != "" {
			add("execution role", role)
		} else {
			// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
			rows = append(rows, check{"execution role of " + t.name(), func(context.Context) finding {
				return fails("the template names none, and ECS needs one to pull from ECR")
			}})
		}
	}
	for _, t := range l.templates {
		// A template without a task role is one of an application that calls no AWS service.
		if t.definition != nil && aws.ToString(t.definition.TaskRoleArn) != "" {
			add("task role", aws.ToString(t.definition.TaskRoleArn))
		}
	}
	return rows
}

// roleName is the last part of a role's ARN, behind its path.
func roleName(arn string) string {
	return arn[strings.LastIndexByte(arn, '/')+1:]
}

// role checks that a role exists and that ECS may take it for tasks.
func (l *look) role(ctx context.Context, arn string) finding {
	output, err := l.roles.get(arn, func() (*iam.GetRoleOutput, error) {
		return l.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleName(arn))})
	})
	if _, absent := errors.AsType[*iamtypes.NoSuchEntityException](err); absent {
		return fails("there is no such role")
	}
	if err != nil {
		return fault("iam:GetRole", err)
	}
	// Another path makes another role, and ECS takes the template's word for it until the first task starts.
	if actual := aws.ToString(output.Role.Arn); actual != arn {
		return fails("the template names %s, and the role is %s", arn, actual)
	}
	document, err := url.QueryUnescape(aws.ToString(output.Role.AssumeRolePolicyDocument))
	if err != nil {
		return fails("its trust policy is not URL-encoded as IAM's are")
	}
	return trust(document, l.region, l.account())
}

// ecsTasks is whom a role of tasks has to trust: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
const ecsTasks = "ecs-tasks.amazonaws.com"

// policyDocument is as much of a policy as decides here.
type policyDocument struct {
	Statement oneOrMany[statement]
}

type statement struct {
	Effect    string
	Action    oneOrMany[string]
	NotAction oneOrMany[string]
	Principal json.RawMessage
	// Condition is by operator, then by key.
	Condition map[string]map[string]oneOrMany[string]
}

// oneOrMany is what policies write as a list, or without one.
type oneOrMany[T any] []T

func (o *oneOrMany[T]) UnmarshalJSON(document []byte) error {
	if strings.HasPrefix(strings.TrimSpace(string(document)), "[") {
		return json.Unmarshal(document, (*[]T)(o))
	}
	var one T
	if err := json.Unmarshal(document, &one); err != nil {
		return err
	}
	*o = oneOrMany[T]{one}
	return nil
}

// trust reads whether a role's trust policy lets ECS take the role for tasks of this account and region.
func trust(document, region, account string) finding {
	var policy policyDocument
	if err := json.Unmarshal([]byte(document), &policy); err != nil {
		return fails("its trust policy is not JSON as IAM's are")
	}
	best := fails("it does not trust %s", ecsTasks)
	for _, s := range policy.Statement {
		if !s.concernsTasks() {
			continue
		}
		holds, known := s.holds(region, account)
		switch {
		case known && !holds && s.Effect == "Allow":
			best = better(best, fails("it trusts %s only under conditions that don't hold for account %s in %s", ecsTasks, account, region))
		case known && !holds:
		case s.Effect == "Deny" && known:
			return fails("its trust policy denies %s", ecsTasks)
		case !known && s.Effect == "Deny":
			return skips("its trust policy denies %s under conditions that are not evaluated here: %s", ecsTasks, s.keys())
		case !known:
			best = better(best, skips("it trusts %s under conditions that are not evaluated here: %s", ecsTasks, s.keys()))
		default:
			best = passes("trusts %s", ecsTasks)
		}
	}
	return best
}

// better is the second finding, unless the first was skipped or OK: one statement that allows is enough.
func better(now, then finding) finding {
	if now.outcome == report.Refused {
		return then
	}
	return now
}

// concernsTasks says whether the statement is on ECS's taking the role.
func (s statement) concernsTasks() bool {
	action := slices.ContainsFunc(s.Action, func(a string) bool {
		matched, err := path.Match(strings.ToLower(a), "sts:assumerole")
		return err == nil && matched
	})
	var principal struct{ Service oneOrMany[string] }
	if err := json.Unmarshal(s.Principal, &principal); err != nil {
		return false // "*", which is for AWS principals
	}
	return action && slices.Contains(principal.Service, ecsTasks)
}

// keys are the keys of the statement's conditions.
func (s statement) keys() string {
	var keys []string
	for _, condition := range s.Condition {
		for key := range condition {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return strings.Join(slices.Compact(keys), ", ")
}

// holds evaluates the two conditions that AWS recommends for these roles; of others it says that it does not know.
func (s statement) holds(region, account string) (holds, known bool) {
	known = true
	for operator, condition := range s.Condition {
		operator = strings.TrimSuffix(strings.ToLower(operator), "ifexists")
		for key, values := range condition {
			var matches func(string) (bool, bool)
			switch strings.ToLower(key) {
			case "aws:sourceaccount":
				matches = func(value string) (bool, bool) { return glob(value, account), true }
			case "aws:sourcearn":
				matches = func(value string) (bool, bool) { return sourceARN(value, region, account) }
			}
			if matches == nil || !slices.Contains([]string{"stringequals", "stringlike", "arnequals", "arnlike"}, operator) {
				known = false
				continue
			}
			one, sure := false, true
			for _, value := range values {
				matched, certain := matches(value)
				one, sure = one || (matched && certain), sure && certain
			}
			switch {
			case one:
			case !sure:
				known = false
			default:
				return false, true // all conditions have to hold, and this one does not
			}
		}
	}
	return known, known
}

// sourceARN says whether a pattern for aws:SourceArn admits what ECS sends for tasks, "arn:aws:ecs:REGION:ACCOUNT:…". What
// stands behind the account is not known here, so only a star there is certain.
func sourceARN(pattern, region, account string) (matches, certain bool) {
	if pattern == "*" {
		return true, true
	}
	parts := strings.SplitN(pattern, ":", 6)
	if len(parts) < 6 {
		return false, false
	}
	if !glob(parts[2], "ecs") || !glob(parts[3], region) || !glob(parts[4], account) {
		return false, true
	}
	return parts[5] == "*", parts[5] == "*"
}

func glob(pattern, value string) bool {
	matched, err := path.Match(pattern, value)
	return err == nil && matched
}

// permit is what the simulation of one action on one resource says.
type permit struct {
	decision iamtypes.PolicyEvaluationDecisionType
	// missing are keys of conditions that the simulation was not given, and that only the real request has.
	missing []string
}

// simulate asks what a role's own policies, its boundary and those of the organization say of an action. Policies of the
// resource are not in it: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
func (l *look) simulate(ctx context.Context, role, action, resource string, conditions map[string]string) (permit, error) {
	return l.permits.get(fmt.Sprint(role, " ", action, " ", resource, " ", conditions), func() (permit, error) {
		input := &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: &role, ActionNames: []string{action}, ResourceArns: []string{resource},
			ContextEntries: []iamtypes.ContextEntry{
				{ContextKeyName: aws.String("aws:SecureTransport"), ContextKeyType: iamtypes.ContextKeyTypeEnumBoolean, ContextKeyValues: []string{"true"}},
			},
		}
		for key, value := range conditions {
			input.ContextEntries = append(input.ContextEntries, iamtypes.ContextEntry{
				ContextKeyName: aws.String(key), ContextKeyType: iamtypes.ContextKeyTypeEnumString, ContextKeyValues: []string{value},
			})
		}
		output, err := l.iam.SimulatePrincipalPolicy(ctx, input)
		if err != nil {
			return permit{}, err
		}
		if len(output.EvaluationResults) != 1 {
			return permit{}, fmt.Errorf("simulate %s for %s: %d results of one", action, roleName(role), len(output.EvaluationResults))
		}
		result := output.EvaluationResults[0]
		p := permit{decision: result.EvalDecision, missing: slices.Clone(result.MissingContextValues)}
		for _, specific := range result.ResourceSpecificResults {
			p.missing = append(p.missing, specific.MissingContextValues...)
		}
		slices.Sort(p.missing)
		p.missing = slices.Compact(p.missing)
		return p, nil
	})
}

// may checks that a role may do something to a resource. What a policy of the resource itself could still allow or deny is
// told by others: allows says that it may allow, denies that it may deny.
func (l *look) may(ctx context.Context, role, action, resource string, conditions map[string]string, others resourcePolicy) finding {
	permit, err := l.simulate(ctx, role, action, resource, conditions)
	if _, absent := errors.AsType[*iamtypes.NoSuchEntityException](err); absent {
		return fails("there is no role %s", roleName(role))
	}
	if err != nil {
		return fault("iam:SimulatePrincipalPolicy", err)
	}
	name := roleName(role)
	switch {
	case len(permit.missing) > 0:
		return skips("whether %s is allowed to %s depends on conditions that a simulation lacks: %s", action, name, strings.Join(permit.missing, ", "))
	case permit.decision == iamtypes.PolicyEvaluationDecisionTypeExplicitDeny:
		return fails("a policy denies %s to %s", action, name)
	case permit.decision == iamtypes.PolicyEvaluationDecisionTypeAllowed && others.denies != "":
		return skips("policies of %s allow %s, but %s", name, action, others.denies)
	case permit.decision == iamtypes.PolicyEvaluationDecisionTypeAllowed:
		return passes("%s is allowed to %s", action, name)
	case others.allows != "":
		return skips("no policy of %s allows %s, but %s", name, action, others.allows)
	}
	return fails("no policy allows %s to %s", action, name)
}

// resourcePolicy says in what way the policy of a resource itself may still change what a simulation found. Empty means that it
// does not.
type resourcePolicy struct{ allows, denies string }

// ownerOf is the region and account of an ARN.
func ownerOf(arn string) (region, account, partition string) {
	parsed, err := awsarn.Parse(arn)
	if err != nil {
		return "", "", ""
	}
	return parsed.Region, parsed.AccountID, parsed.Partition
}
