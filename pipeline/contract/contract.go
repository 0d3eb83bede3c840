// Package contract reads what infrastructure publishes for the pipeline: one JSON document in SSM Parameter Store, and all
// that the application side knows of the infrastructure.
package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Version is the only version of the contract that this pipeline reads.
const Version = 1

// Contract is the document that terraform/ writes. Fields it does not know are left alone.
type Contract struct {
	Version     int    `json:"version"`
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Region      string `json:"region"`
	Account     string `json:"account"`
	// Cluster is the ECS cluster's name.
	Cluster string `json:"cluster"`
	// RepositoryURL is the ECR repository without a tag: "ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME".
	RepositoryURL    string `json:"repository_url"`
	LogGroup         string `json:"log_group"`
	ExecutionRoleARN string `json:"execution_role_arn"`
	// URL is where the application answers; HealthPath, below it, answers with the release it runs.
	URL        string    `json:"url"`
	HealthPath string    `json:"health_path"`
	Tasks      Tasks     `json:"tasks"`
	Migration  Migration `json:"migration"`
	// Services run the same image. One release goes to all of them or to none.
	Services []Service `json:"services"`
}

// Tasks is the network of one-off tasks.
type Tasks struct {
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"security_groups"`
	AssignPublicIP bool     `json:"assign_public_ip"`
}

// Migration is the one-off task that runs before any service is updated. No command means that there is none.
type Migration struct {
	// Service names the entry of Services whose template and container the task uses.
	Service string   `json:"service"`
	Command []string `json:"command"`
}

// Service is one ECS service of the release.
type Service struct {
	Name string `json:"name"`
	// Service is the ECS service's name.
	Service string `json:"service"`
	// Template is the ARN of the task-definition revision that Terraform owns.
	Template string `json:"template"`
	// Container is the name of the container in the template whose image the pipeline sets.
	Container string `json:"container"`
	// DesiredCount is the number of tasks a service without any is brought to. A service that has tasks keeps its count.
	DesiredCount   int    `json:"desired_count"`
	TargetGroupARN string `json:"target_group_arn,omitempty"`
}

// ServiceNamed returns the service with this name in the contract.
func (c Contract) ServiceNamed(name string) (Service, error) {
	for _, service := range c.Services {
		if service.Name == name {
			return service, nil
		}
	}
	return Service{}, fmt.Errorf("the contract has no service %q", name)
}

// Parse reads a contract and checks it. Its errors say which field is wrong; the caller knows the parameter.
func Parse(document []byte) (Contract, error) {
	var head struct {
		Version *int `json:"version"`
	}
	err := json.Unmarshal(document, &head)
	if _, typed := errors.AsType[*json.UnmarshalTypeError](err); typed {
		return Contract{}, errors.New("it is no JSON object with a version that is a number")
	}
	if err != nil {
		return Contract{}, fmt.Errorf("it is not JSON: %w", err)
	}
	if head.Version == nil {
		return Contract{}, errors.New(`it has no "version"`)
	}
	if *head.Version != Version {
		return Contract{}, fmt.Errorf("it has version %d, and this Slipway reads version %d", *head.Version, Version)
	}
	var c Contract
	if err := json.Unmarshal(document, &c); err != nil {
		return Contract{}, fmt.Errorf("a field has another type than version %d of the contract wants: %w", Version, err)
	}
	if missing := c.missing(); len(missing) > 0 {
		return Contract{}, fmt.Errorf("it lacks %s", strings.Join(missing, ", "))
	}
	// A release keeps its revisions by these names: of two services with one name, one would get the other's.
	seen := map[string]bool{}
	for _, service := range c.Services {
		if seen[service.Name] {
			return Contract{}, fmt.Errorf("two of its services are named %q", service.Name)
		}
		seen[service.Name] = true
	}
	if len(c.Migration.Command) > 0 {
		if _, err := c.ServiceNamed(c.Migration.Service); err != nil {
			return Contract{}, fmt.Errorf("its migration.service is %q, which is none of its services", c.Migration.Service)
		}
	}
	return c, nil
}

// missing lists the fields without which nothing can be deployed.
func (c Contract) missing() []string {
	var missing []string
	need := func(field string, present bool) {
		if !present {
			missing = append(missing, field)
		}
	}
	need("name", c.Name != "")
	need("environment", c.Environment != "")
	need("region", c.Region != "")
	need("cluster", c.Cluster != "")
	need("repository_url", c.RepositoryURL != "")
	need("log_group", c.LogGroup != "")
	need("execution_role_arn", c.ExecutionRoleARN != "")
	need("url", c.URL != "")
	need("health_path", c.HealthPath != "")
	need("tasks.subnets", len(c.Tasks.Subnets) > 0)
	need("tasks.security_groups", len(c.Tasks.SecurityGroups) > 0)
	need("services", len(c.Services) > 0)
	for i, service := range c.Services {
		at := fmt.Sprintf("services[%d].", i)
		need(at+"name", service.Name != "")
		need(at+"service", service.Service != "")
		need(at+"template", service.Template != "")
		need(at+"container", service.Container != "")
	}
	return missing
}
