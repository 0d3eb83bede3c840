package destroy

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

type parametersAPI interface {
	GetParametersByPath(context.Context, *ssm.GetParametersByPathInput, ...func(*ssm.Options)) (*ssm.GetParametersByPathOutput, error)
	DeleteParameters(context.Context, *ssm.DeleteParametersInput, ...func(*ssm.Options)) (*ssm.DeleteParametersOutput, error)
}

// Migrations takes away what the pipeline writes down of an environment's migrations.
type Migrations struct{ parameters parametersAPI }

// NewMigrations returns a Migrations.
func NewMigrations(cfg aws.Config) *Migrations { return &Migrations{ssm.NewFromConfig(cfg)} }

// Delete deletes the parameters below the path, of which a request takes ten:
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteParameters.html
func (m *Migrations) Delete(ctx context.Context, path string) error {
	var names []string
	pages := ssm.NewGetParametersByPathPaginator(m.parameters, &ssm.GetParametersByPathInput{Path: &path})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the parameters below %s: %w", path, err)
		}
		for _, parameter := range page.Parameters {
			names = append(names, aws.ToString(parameter.Name))
		}
	}
	for batch := range slices.Chunk(names, 10) {
		if _, err := m.parameters.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: batch}); err != nil {
			return fmt.Errorf("delete the parameters below %s: %w", path, err)
		}
	}
	return nil
}
