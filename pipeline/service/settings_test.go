package service

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// settled is a task definition in which much is set.
func settled() *types.TaskDefinition {
	return &types.TaskDefinition{
		Family: aws.String("blog-dev-web"), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: types.NetworkModeAwsvpc,
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		Volumes:                 []types.Volume{{Name: aws.String("tmp")}},
		ContainerDefinitions: []types.ContainerDefinition{
			{
				Name: aws.String("app"), Image: aws.String("r@sha256:1"), Command: []string{"web"},
				Environment:  []types.KeyValuePair{{Name: aws.String("LEVEL"), Value: aws.String("info")}, {Name: aws.String("TOKEN"), Value: aws.String("one")}},
				Secrets:      []types.Secret{{Name: aws.String("SECRET_KEY"), ValueFrom: aws.String("arn:aws:secretsmanager:r:1:secret:a:SECRET_KEY::")}},
				PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(8000)}, {ContainerPort: aws.Int32(9000), Name: aws.String("metrics")}},
				LogConfiguration: &types.LogConfiguration{
					LogDriver: types.LogDriverSplunk, Options: map[string]string{"splunk-token": "one", "splunk-url": "https://s"},
					SecretOptions: []types.Secret{{Name: aws.String("x"), ValueFrom: aws.String("arn:a")}},
				},
				MountPoints: []types.MountPoint{{SourceVolume: aws.String("tmp"), ContainerPath: aws.String("/tmp")}},
			},
			{Name: aws.String("proxy"), Image: aws.String("nginx:1"), Essential: aws.Bool(true), Environment: []types.KeyValuePair{{Name: aws.String("A"), Value: aws.String("b")}}},
		},
	}
}

func TestCompareSettings(t *testing.T) {
	app := func(d *types.TaskDefinition) *types.ContainerDefinition { return &d.ContainerDefinitions[0] }
	change := func(field, before, after string) report.Change {
		return report.Change{Service: "s", Field: field, Old: before, New: after}
	}
	hiddenChange := func(field, shown string) report.Change {
		return report.Change{Service: "s", Field: field, Old: shown, New: shown, Note: "another value, which is hidden"}
	}
	tests := map[string]struct {
		edit func(*types.TaskDefinition)
		want []report.Change
	}{
		"nothing": {func(*types.TaskDefinition) {}, nil},
		"what ECS assumes anyway is no change": {func(d *types.TaskDefinition) {
			app(d).Essential, app(d).PortMappings[0].Protocol, app(d).PortMappings[0].HostPort = aws.Bool(true), "tcp", aws.Int32(8000)
			app(d).ReadonlyRootFilesystem, app(d).VersionConsistency, app(d).DependsOn = aws.Bool(false), "enabled", []types.ContainerDependency{}
			d.PlacementConstraints, d.Volumes[0].ConfiguredAtLaunch, d.Volumes[0].Host = []types.TaskDefinitionPlacementConstraint{}, aws.Bool(false), &types.HostVolumeProperties{}
		}, nil},
		"order where it means nothing is no change": {func(d *types.TaskDefinition) {
			e := app(d).Environment
			e[0], e[1] = e[1], e[0]
			c := d.ContainerDefinitions
			c[0], c[1] = c[1], c[0]
		}, nil},
		"what ECS makes, and the application's image, are no settings": {func(d *types.TaskDefinition) {
			d.Revision, d.Status, d.RegisteredBy, app(d).Image = 7, "ACTIVE", aws.String("me"), aws.String("r@sha256:2")
		}, nil},
		"what a release is about stands first, then the rest by name": {func(d *types.TaskDefinition) {
			d.Memory, d.Cpu, app(d).Command = aws.String("1024"), aws.String("512"), []string{"web", "--token", "abc"}
			app(d).Environment = []types.KeyValuePair{{Name: aws.String("LEVEL"), Value: aws.String("")}, {Name: aws.String("NEW"), Value: aws.String("1")}}
			app(d).Secrets = []types.Secret{{Name: aws.String("TOKEN"), ValueFrom: aws.String("/blog/token")}}
			app(d).ReadonlyRootFilesystem, app(d).User = aws.Bool(true), aws.String("1000")
			d.TaskRoleArn = aws.String("arn:role")
		}, []report.Change{
			change("environment LEVEL", "info", `""`), change("environment NEW", "", "1"), change("environment TOKEN", "***", ""),
			change("secret SECRET_KEY", "arn:aws:secretsmanager:r:1:secret:a:SECRET_KEY::", ""), change("secret TOKEN", "", "/blog/token"),
			change("command", `["web"]`, `["web","--token","***"]`), change("cpu", "256", "512"), change("memory", "512", "1024"),
			change("container app: readonlyRootFilesystem", "", "true"), change("container app: user", "", "1000"), change("taskRoleArn", "", "arn:role"),
		}},
		"a credential that changes is said to, and hidden": {func(d *types.TaskDefinition) {
			app(d).Environment[1].Value = aws.String("two")
			app(d).LogConfiguration.Options = map[string]string{"splunk-token": "two", "splunk-url": "https://s"}
		}, []report.Change{hiddenChange("environment TOKEN", "***"), hiddenChange("container app: logConfiguration.options.splunk-token", "***")}},
		"a sidecar": {func(d *types.TaskDefinition) {
			d.ContainerDefinitions[1].Image, d.ContainerDefinitions[1].Environment, d.ContainerDefinitions[1].Essential = aws.String("nginx:2"), nil, aws.Bool(false)
		}, []report.Change{
			change("container proxy: environment A", "b", ""), change("container proxy: essential", "", "false"), change("container proxy: image", "nginx:1", "nginx:2"),
		}},
		"lists of things": {func(d *types.TaskDefinition) {
			app(d).PortMappings[0].ContainerPort = aws.Int32(8080)
			app(d).MountPoints = nil
			d.Volumes = append(d.Volumes, types.Volume{Name: aws.String("data")})
			app(d).LogConfiguration.SecretOptions = nil
		}, []report.Change{
			change("container app: logConfiguration.secretOptions x", "arn:a", ""),
			change("container app: mountPoints", "containerPath /tmp, sourceVolume tmp", ""),
			change("container app: portMappings", "containerPort 8000, protocol tcp", "containerPort 8080, protocol tcp"),
			change("volumes data", "", "(there)"),
		}},
		"nothing that a terminal would obey gets there": {func(d *types.TaskDefinition) {
			app(d).Environment[0].Value = aws.String("a\x1b[2J\nb")
		}, []report.Change{change("environment LEVEL", "info", `"a\x1b[2J\nb"`)}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			edited := settled()
			test.edit(edited)
			same(t, "changes", test.want, compare("s", settings(settled(), "app"), settings(edited, "app")))
		})
	}
}
