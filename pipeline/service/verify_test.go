package service

import (
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestVerify(t *testing.T) {
	other := func(edit func(*contract.Service)) contract.Contract {
		c := one()
		edit(&c.Services[0])
		return c
	}
	draining := active(web)
	draining[0].Status = aws.String("DRAINING")
	tests := map[string]struct {
		contract contract.Contract
		services []types.Service
		want     []string // the problems
	}{
		"an environment as its contract says": {one(), active(web), nil},
		"no service":                          {one(), nil, []string{"service blog-dev-web: there is none in cluster blog-dev"}},
		"a service that is being deleted":     {one(), draining, []string{"service blog-dev-web: it is DRAINING, not ACTIVE"}},
		"no template": {
			other(func(s *contract.Service) { s.Template = "x/gone:1" }), active(web),
			[]string{"service blog-dev-web: read template gone:1: ClientException: Unable to describe task definition."},
		},
		"a template without the container": {
			other(func(s *contract.Service) { s.Container = "gone" }), active(web),
			[]string{`service blog-dev-web: template blog-dev-web-template:7 has no container "gone"`},
		},
		"everything at once": {
			func() contract.Contract {
				c := many(2)
				c.Services[0].Container = "gone"
				c.Services[1].Template = "x/gone:1"
				return c
			}(), nil,
			[]string{
				"service blog-dev-s00: there is none in cluster blog-dev",
				`service blog-dev-s00: template blog-dev-web-template:7 has no container "gone"`,
				"service blog-dev-s01: there is none in cluster blog-dev",
				"service blog-dev-s01: read template gone:1: ClientException: Unable to describe task definition.",
			},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			fake := &fakeECS{definitions: definitions(webTemplate), services: [][]types.Service{test.services}}
			d, _ := newDeployer(fake, nil, test.contract)
			err := d.Verify(t.Context())
			if test.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok {
				t.Fatalf("error %v, want a failure", err)
			}
			same(t, "problems", test.want, failure.Evidence)
			same(t, "reason", "the environment blog-dev is not as its contract says", failure.Reason)
			same(t, "effect", "nothing was registered and no service was touched", failure.Effect)
		})
	}
}

func TestVerifyWhenECSCanNotBeAsked(t *testing.T) {
	d, _ := newDeployer(&fakeECS{fails: map[string]error{"DescribeServices": errRefused}}, nil, one())
	err := d.Verify(t.Context())
	if _, claims := errors.AsType[*report.Failure](err); claims || !errors.Is(err, errRefused) {
		t.Errorf("error %v, want one that claims nothing about the environment", err)
	}
}

// ECS refuses a call for more than ten.
func TestServicesAreDescribedInTens(t *testing.T) {
	for n, want := range map[int][]int{1: {1}, 10: {10}, 11: {10, 1}, 23: {10, 10, 3}} {
		c := many(n)
		fake := &fakeECS{services: [][]types.Service{active(c.Services...)}}
		d, _ := newDeployer(fake, nil, c)
		found, err := d.describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int
		for _, names := range fake.described {
			sizes = append(sizes, len(names))
		}
		same(t, "calls", want, sizes)
		if len(found) != n {
			t.Errorf("%d services, want %d", len(found), n)
		}
		all := slices.Concat(fake.described...)
		for _, entry := range c.Services {
			if _, ok := found[entry.Service]; !ok || !slices.Contains(all, entry.Service) {
				t.Errorf("%s is lost", entry.Service)
			}
		}
	}
}

func TestRunning(t *testing.T) {
	services := active(web)
	services[0].TaskDefinition = aws.String(webOld)
	d, _ := newDeployer(&fakeECS{services: [][]types.Service{services}}, nil, one())
	got, err := d.Running(t.Context(), web)
	if err != nil || got != webOld {
		t.Errorf("revision %q, error %v, want %q", got, err, webOld)
	}
	d, _ = newDeployer(&fakeECS{}, nil, one())
	if _, err := d.Running(t.Context(), web); err == nil || err.Error() != "find what service blog-dev-web runs: there is none in cluster blog-dev" {
		t.Errorf("error %v", err)
	}
	d, _ = newDeployer(&fakeECS{fails: map[string]error{"DescribeServices": errRefused}}, nil, one())
	if _, err := d.Running(t.Context(), web); !errors.Is(err, errRefused) {
		t.Errorf("error %v", err)
	}
}
