package service

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

type verifyImages interface {
	Platforms(ctx context.Context, digest string) (platforms []string, found bool, err error)
}

// image checks that the release's image is in the repository, for the platform of every template. Nothing else notices the
// wrong platform before the first task has tried to start.
func (l *look) image(ctx context.Context, reference string) finding {
	if reference == "" {
		return skips("no image was given that the repository has")
	}
	repository, digest, found := strings.Cut(reference, "@")
	if !found {
		return fails("%s does not name it by digest", reference)
	}
	if repository != l.contract.RepositoryURL {
		return fails("it is in %s, and the contract's repository is %s", repository, l.contract.RepositoryURL)
	}
	platforms, found, err := l.images.Platforms(ctx, digest)
	if err != nil {
		return fault("ecr:GetAuthorizationToken, ecr:BatchGetImage or ecr:GetDownloadUrlForLayer", err)
	}
	if !found {
		return fails("the repository %s has no %s", repository, digest)
	}
	has := strings.Join(platforms, ", ")
	var findings []finding
	for _, t := range l.templates {
		switch {
		case t.definition == nil:
			findings = append(findings, skips("it is there for %s; which platform %s wants is not known", has, t.name()))
		case !slices.Contains(platforms, platform(t.definition)):
			findings = append(findings, fails("%s wants %s, and the image is for %s", t.name(), platform(t.definition), has))
		default:
			findings = append(findings, passes("%s", platform(t.definition)))
		}
	}
	return worst(findings...)
}

// platform is what the template runs on, in the words of an image. The default is Fargate's:
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
func platform(definition *types.TaskDefinition) string {
	system, architecture := "linux", "amd64"
	if runtime := definition.RuntimePlatform; runtime != nil {
		if strings.HasPrefix(string(runtime.OperatingSystemFamily), "WINDOWS") {
			system = "windows"
		}
		if runtime.CpuArchitecture == types.CPUArchitectureArm64 {
			architecture = "arm64"
		}
	}
	return system + "/" + architecture
}

// sizes are the amounts of memory in MiB that Fargate has for an amount of CPU: from, to, in steps of.
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
var sizes = map[int]struct{ from, to, step int }{
	256:   {512, 2048, 512}, // and not 1536, see fargate
	512:   {1024, 4096, 1024},
	1024:  {2048, 8192, 1024},
	2048:  {4096, 16384, 1024},
	4096:  {8192, 30720, 1024},
	8192:  {16384, 61440, 4096},
	16384: {32768, 122880, 8192},
}

// fargate checks that Fargate has tasks of the template's size. ECS refuses the others when they are registered, but only
// where the template says that it wants Fargate.
func fargate(definition *types.TaskDefinition) finding {
	cpu, cpuErr := strconv.Atoi(aws.ToString(definition.Cpu))
	memory, memoryErr := strconv.Atoi(aws.ToString(definition.Memory))
	if cpuErr != nil || memoryErr != nil {
		return fails("Fargate wants both for the whole task, and the template has CPU %q and memory %q",
			aws.ToString(definition.Cpu), aws.ToString(definition.Memory))
	}
	size, found := sizes[cpu]
	if !found {
		return fails("Fargate has no tasks of %d CPU units", cpu)
	}
	if memory < size.from || memory > size.to || memory%size.step != 0 || (cpu == 256 && memory == 1536) {
		choice := fmt.Sprintf("%d to %d in steps of %d", size.from, size.to, size.step)
		if cpu == 256 {
			choice = "512, 1024 or 2048"
		}
		return fails("Fargate has no tasks of %d CPU units with %d MiB, only with %s", cpu, memory, choice)
	}
	return passes("%d CPU units, %d MiB", cpu, memory)
}
