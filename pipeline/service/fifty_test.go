package service

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// paced is an ECS whose services complete one second after another, and that takes a while to answer.
type paced struct {
	*fakeECS
	names []string
	begin time.Time
}

func (p *paced) DescribeServices(_ context.Context, input *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	p.described = append(p.described, input.Services)
	time.Sleep(30 * time.Millisecond)
	var found []types.Service
	for _, name := range input.Services {
		service := deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 1, 0, 1, 0))
		if time.Since(p.begin) >= time.Duration(slices.Index(p.names, name)+1)*time.Second {
			service = deploymentsOf(ours("PRIMARY", "COMPLETED", 1, 1, 0, 0))
		}
		service.ServiceName = aws.String(name)
		found = append(found, service)
	}
	return &ecs.DescribeServicesOutput{Services: found}, nil
}

// Fifty services are followed at once: the wait lasts hardly longer than the slowest, and stays below the rate at which ECS
// begins to refuse calls.
func TestFiftyServicesInOneRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := many(50)
		fake := &paced{fakeECS: &fakeECS{}, begin: time.Now()}
		var deployments []Deployment
		for _, entry := range c.Services {
			fake.names = append(fake.names, entry.Service)
			deployments = append(deployments, Deployment{Service: entry, ID: "ecs-svc/1"})
		}
		d, _ := newDeployer(fake.fakeECS, nil, c)
		d.ecs, d.interval, d.eager, d.jitter, d.attempts = fake, interval, eager, jitter, attempts
		if err := d.Wait(t.Context(), deployments); err != nil {
			t.Fatal(err)
		}
		took, slowest := time.Since(fake.begin), 50*time.Second
		if took < slowest || took > slowest*12/10 {
			t.Errorf("it took %s, and the slowest service %s", took, slowest)
		}
		if rate := float64(len(fake.described)) / took.Seconds(); rate > 20 {
			t.Errorf("%.1f DescribeServices calls a second, and 20 are allowed", rate)
		}
		for _, names := range fake.described {
			if len(names) != 10 {
				t.Fatalf("a call asked for %d services, want 10", len(names))
			}
		}
	})
}
