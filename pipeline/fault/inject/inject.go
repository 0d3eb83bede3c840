// Package inject makes the faults that come from an environment, and takes them back. It is for emulators: its effects are
// what nobody wants on AWS.
package inject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/fault"
	"github.com/slipway-ci/slipway/pipeline/service"
)

type ecsAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
	RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error)
	DeregisterTaskDefinition(context.Context, *ecs.DeregisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error)
	UpdateService(context.Context, *ecs.UpdateServiceInput, ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error)
}

type parameterAPI interface {
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
}

// Injector makes faults in one environment.
type Injector struct {
	ecs        ecsAPI
	parameters parameterAPI
	contract   contract.Contract
	// document is the contract as it was published.
	document []byte
	interval time.Duration
	say      func(string)
}

// New returns an Injector for the environment with this contract.
func New(cfg aws.Config, c contract.Contract, document []byte, say func(string)) *Injector {
	return &Injector{
		ecs: ecs.NewFromConfig(cfg), parameters: ssm.NewFromConfig(cfg), contract: c, document: document,
		interval: 200 * time.Millisecond, say: say,
	}
}

// patience is how long a service may take to get rid of its tasks, or to have them.
const patience = time.Minute

// Undo takes a fault back. It is called whether the deployment succeeded or not.
type Undo func(context.Context) error

// Prepare makes the environment as the fault has it before the deployment. Most faults need nothing.
func (i *Injector) Prepare(ctx context.Context, f fault.Fault) (Undo, error) {
	switch f.Name {
	case fault.MissingSecret:
		return i.missSecret(ctx)
	case fault.ZeroTasks:
		return i.scaleToZero(ctx)
	}
	return i.settle, nil
}

// missSecret points the contract at templates that want a key which their secret doesn't have.
func (i *Injector) missSecret(ctx context.Context) (Undo, error) {
	var registered []string
	undo := func(ctx context.Context) error {
		err := i.publish(ctx, i.document)
		for _, arn := range registered {
			_, e := i.ecs.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &arn})
			err = errors.Join(err, e)
		}
		return err
	}
	templates := map[string]string{}
	for _, entry := range i.contract.Services {
		copied, err := i.read(ctx, entry.Template)
		if err == nil {
			err = addSecret(copied, entry.Container)
		}
		var output *ecs.RegisterTaskDefinitionOutput
		if err == nil {
			output, err = i.ecs.RegisterTaskDefinition(ctx, copied)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make a template without its secret of %s: %w", entry.Template, err), undo(ctx))
		}
		templates[entry.Name] = aws.ToString(output.TaskDefinition.TaskDefinitionArn)
		registered = append(registered, templates[entry.Name])
		i.say(fmt.Sprintf("%s wants the key %s", lastPart(templates[entry.Name]), fault.MissingKey))
	}
	document, err := withTemplates(i.document, templates)
	if err == nil {
		err = i.publish(ctx, document)
	}
	if err != nil {
		return nil, errors.Join(err, undo(ctx))
	}
	return undo, nil
}

// addSecret adds a secret to the container: of one that it names, a key that isn't there.
func addSecret(definition *ecs.RegisterTaskDefinitionInput, container string) error {
	for c := range definition.ContainerDefinitions {
		d := &definition.ContainerDefinitions[c]
		if aws.ToString(d.Name) != container {
			continue
		}
		for _, secret := range d.Secrets {
			// arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, then :KEY:STAGE:VERSION.
			parts := strings.Split(aws.ToString(secret.ValueFrom), ":")
			if len(parts) < 7 || parts[2] != "secretsmanager" {
				continue
			}
			d.Secrets = append(slices.Clone(d.Secrets), types.Secret{
				Name: aws.String(fault.MissingKey), ValueFrom: aws.String(strings.Join(parts[:7], ":") + ":" + fault.MissingKey + "::"),
			})
			return nil
		}
	}
	return fmt.Errorf("container %s names no secret of Secrets Manager", container)
}

// withTemplates returns the contract with other templates, and everything else as it is.
func withTemplates(document []byte, templates map[string]string) ([]byte, error) {
	var all map[string]any
	if err := json.Unmarshal(document, &all); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	services, _ := all["services"].([]any)
	for _, entry := range services {
		if entry, ok := entry.(map[string]any); ok {
			name, _ := entry["name"].(string)
			entry["template"] = templates[name]
		}
	}
	return json.Marshal(all)
}

func (i *Injector) publish(ctx context.Context, document []byte) error {
	parameter := contract.Parameter(i.contract.Name, i.contract.Environment)
	_, err := i.parameters.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &parameter, Value: aws.String(string(document)), Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("write contract %s: %w", parameter, err)
	}
	return nil
}

// scaleToZero takes every service's tasks away. A deployment brings them back; where it did not, undo does.
func (i *Injector) scaleToZero(ctx context.Context) (Undo, error) {
	counts := map[string]int32{}
	for _, entry := range i.contract.Services {
		now, err := i.describe(ctx, entry)
		if err != nil {
			return nil, err
		}
		counts[entry.Service] = now.DesiredCount
	}
	undo := func(ctx context.Context) error {
		for _, entry := range i.contract.Services {
			now, err := i.describe(ctx, entry)
			if err == nil && now.DesiredCount == 0 {
				err = i.scale(ctx, entry, counts[entry.Service])
			}
			if err != nil {
				return err
			}
		}
		return i.settle(ctx)
	}
	for _, entry := range i.contract.Services {
		if err := i.scale(ctx, entry, 0); err != nil {
			return nil, errors.Join(err, undo(ctx))
		}
		i.say(fmt.Sprintf("%s was scaled to 0 tasks by %s", entry.Service, fault.Other))
	}
	err := i.until(ctx, "to end its tasks", func(s types.Service) bool { return s.RunningCount+s.PendingCount == 0 })
	if err != nil {
		return nil, errors.Join(err, undo(ctx))
	}
	return undo, nil
}

func (i *Injector) scale(ctx context.Context, entry contract.Service, count int32) error {
	_, err := i.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &i.contract.Cluster, Service: &entry.Service, DesiredCount: &count})
	if err != nil {
		return fmt.Errorf("scale service %s to %d tasks: %w", entry.Service, count, err)
	}
	return nil
}

// Supersede deploys as somebody else what every service ran before the deployments, while they are under way: the same
// image in a revision of its own.
func (i *Injector) Supersede(ctx context.Context, deployments []service.Deployment) error {
	for _, deployment := range deployments {
		copied, err := i.read(ctx, deployment.Before.Revision)
		if err != nil {
			return err
		}
		copied.Tags = slices.DeleteFunc(copied.Tags, func(tag types.Tag) bool {
			return slices.Contains([]string{service.TagRun, service.TagOutcome, service.TagRegistration}, aws.ToString(tag.Key))
		})
		copied.Tags = append(copied.Tags, types.Tag{Key: aws.String(service.TagRun), Value: aws.String(fault.Other)})
		output, err := i.ecs.RegisterTaskDefinition(ctx, copied)
		if err != nil {
			return fmt.Errorf("register a revision as %s: %w", fault.Other, err)
		}
		arn := output.TaskDefinition.TaskDefinitionArn
		_, err = i.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{
			Cluster: &i.contract.Cluster, Service: &deployment.Service.Service, TaskDefinition: arn,
		})
		if err != nil {
			return fmt.Errorf("update service %s as %s: %w", deployment.Service.Service, fault.Other, err)
		}
		i.say(fmt.Sprintf("%s: %s deploys %s", deployment.Service.Service, fault.Other, lastPart(aws.ToString(arn))))
	}
	return nil
}

// settle waits until every service runs what it should, so that the next deployment finds a good release.
func (i *Injector) settle(ctx context.Context) error {
	return i.until(ctx, "to be stable", func(s types.Service) bool {
		for _, deployment := range s.Deployments {
			if aws.ToString(deployment.Status) == "PRIMARY" {
				return deployment.RolloutState == types.DeploymentRolloutStateCompleted && deployment.RunningCount >= s.DesiredCount
			}
		}
		return false
	})
}

func (i *Injector) until(ctx context.Context, what string, is func(types.Service) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("gave up after %s", patience))
	defer cancel()
	for _, entry := range i.contract.Services {
		for {
			now, err := i.describe(ctx, entry)
			if err != nil {
				return err
			}
			if is(now) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for service %s %s: %w", entry.Service, what, context.Cause(ctx))
			case <-time.After(i.interval):
			}
		}
	}
	return nil
}

func (i *Injector) describe(ctx context.Context, entry contract.Service) (types.Service, error) {
	output, err := i.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &i.contract.Cluster, Services: []string{entry.Service}})
	if err != nil {
		return types.Service{}, fmt.Errorf("describe service %s: %w", entry.Service, err)
	}
	if len(output.Services) == 0 {
		return types.Service{}, fmt.Errorf("describe service %s: there is none in cluster %s", entry.Service, i.contract.Cluster)
	}
	return output.Services[0], nil
}

// read returns a revision as it would be registered again. It has what the module's templates have, and no more.
func (i *Injector) read(ctx context.Context, arn string) (*ecs.RegisterTaskDefinitionInput, error) {
	output, err := i.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &arn, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	if err != nil {
		return nil, fmt.Errorf("read task definition %s: %w", lastPart(arn), err)
	}
	d := output.TaskDefinition
	return &ecs.RegisterTaskDefinitionInput{
		Family: d.Family, ContainerDefinitions: slices.Clone(d.ContainerDefinitions), Cpu: d.Cpu, Memory: d.Memory,
		EphemeralStorage: d.EphemeralStorage, ExecutionRoleArn: d.ExecutionRoleArn, NetworkMode: d.NetworkMode,
		RequiresCompatibilities: d.RequiresCompatibilities, RuntimePlatform: d.RuntimePlatform, Tags: output.Tags,
		TaskRoleArn: d.TaskRoleArn, Volumes: d.Volumes,
	}, nil
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
