package service

import (
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

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
