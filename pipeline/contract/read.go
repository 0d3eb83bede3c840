package contract

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type parameterAPI interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

// Parameter is the name of the SSM parameter that holds an environment's contract.
func Parameter(name, environment string) string {
	return fmt.Sprintf("/slipway/%s/%s/contract", name, environment)
}

// Read returns the contract of an environment, and the document that it was read from, which may hold more. A parameter
// that isn't there, and a contract that can't be used, are failures that name the parameter and what to run.
func Read(ctx context.Context, client parameterAPI, name, environment, region string) (Contract, []byte, error) {
	parameter := Parameter(name, environment)
	untouched := "nothing was changed"
	output, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &parameter})
	if _, ok := errors.AsType[*types.ParameterNotFound](err); ok {
		return Contract{}, nil, &report.Failure{
			Reason: fmt.Sprintf("there is no contract %s in %s: no infrastructure was applied for %s-%s there", parameter, region, name, environment),
			Effect: untouched,
			Next:   "apply the infrastructure first (plan, apply), or check name, environment and region",
		}
	}
	if err != nil {
		return Contract{}, nil, fmt.Errorf("read contract %s in %s: %w", parameter, region, err)
	}
	document := []byte(aws.ToString(output.Parameter.Value))
	contract, err := Parse(document)
	if err != nil {
		return Contract{}, nil, &report.Failure{
			Reason: fmt.Sprintf("the contract %s can't be used: %v", parameter, err),
			Effect: untouched,
			Next:   "apply the infrastructure with the version of Slipway that deploys, or change the Terraform that writes the parameter",
		}
	}
	return contract, document, nil
}
