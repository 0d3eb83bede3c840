//go:build rehearsal

package rehearsal

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// What lies between ECS's decision, as the emulator records it, and the program's exit: the next look at ECS, the smoke test,
// and the mark for the history. Fresh rollouts of one release, without a migration, are the shortest deployments that there are.
func TestADeploymentEndsWithinASecondOfECSsDecision(t *testing.T) {
	environmentOf(t)
	q := shared.deployQuickly(t)
	digest := must(shared.slipway(t.Context(), "history", "--last", "1"))(t).result.Releases[0].Digest
	unmigrated := shared.publish(t, "without-a-migration", shared.without(t, "migration"))
	var delays []time.Duration
	for range 20 {
		ended := must(shared.slipway(t.Context(), "redeploy", "--environment", unmigrated, "--digest", digest, "--commit", q.commit, "--force", "--source", shared.dir))(t)
		exit := time.Now()
		if ended.status != 0 {
			t.Fatalf("it ended with status %d:\n%s", ended.status, ended.output)
		}
		last := shared.deployments(t)[0]
		if last.RolloutState != types.DeploymentRolloutStateCompleted {
			t.Fatalf("the newest deployment is %s", last.RolloutState)
		}
		delays = append(delays, exit.Sub(aws.ToTime(last.UpdatedAt)).Round(time.Millisecond))
	}
	t.Logf("from the decision to the exit: %v", delays)
	slices.Sort(delays)
	median := (delays[9] + delays[10]) / 2
	t.Logf("median %s, from %s to %s", median, delays[0], delays[19])
	if median > time.Second {
		t.Errorf("the median is %s, and a second is the most", report.Seconds(median))
	}
}

// deployments are the service's, the newest first.
func (r *rig) deployments(t testing.TB) []types.Deployment {
	t.Helper()
	cluster, service := name+"-"+environment, name+"-"+environment+"-web"
	output := must(ecs.NewFromConfig(r.aws).DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{service}}))(t)
	if len(output.Services) != 1 {
		t.Fatalf("there are %d services %s", len(output.Services), service)
	}
	return slices.SortedFunc(slices.Values(output.Services[0].Deployments), func(a, b types.Deployment) int {
		return aws.ToTime(b.CreatedAt).Compare(aws.ToTime(a.CreatedAt))
	})
}
