package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

// What every case deploys to.
const (
	region      = "eu-central-1"
	environment = "rehearsal"
)

// rig is an emulator and the environment that cases make in it.
type rig struct {
	*Tests
	emulator *dagger.Service
	url      string // of the emulator
	// host is the load balancer's, once infrastructure was applied.
	host    string
	commits int
	// released is the commit that was deployed last.
	released string
}

// rig starts an emulator.
func (t *Tests) rig(ctx context.Context) (*rig, error) {
	// By its id from here on: every evaluation of a function that is never cached is another call of it, and would be
	// another emulator.
	id, err := dag.Slipway().Emulator().ID(ctx)
	if err != nil {
		return nil, err
	}
	r := &rig{Tests: t, emulator: dag.LoadServiceFromID(dagger.ServiceID(id))}
	if _, err := r.emulator.Start(ctx); err != nil {
		return nil, fmt.Errorf("start the emulator: %w", err)
	}
	if r.url, err = r.emulator.Endpoint(ctx, dagger.ServiceEndpointOpts{Scheme: "http"}); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *rig) stop() {
	// The case's context may be what ended it.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := r.emulator.Stop(ctx, dagger.ServiceStopOpts{Kill: true}); err != nil {
		fmt.Printf("stop the emulator: %v\n", err)
	}
}

// options are a caller's, for a commit of this repository.
func (r *rig) options(commit string) dagger.SlipwayOpts {
	credential := dag.SetSecret("emulator-credential", "test") // it takes any
	return dagger.SlipwayOpts{
		Source:          r.Source,
		Environment:     environment,
		Region:          region,
		AccessKeyID:     credential,
		SecretAccessKey: credential,
		Emulator:        r.emulator,
		ProviderMirror:  r.ProviderMirror,
		Commit:          commit,
	}
}

// commit returns a release id that was not deployed yet.
func (r *rig) commit() string {
	r.commits++
	return fmt.Sprintf("%040x", r.commits)
}

// infrastructure returns the environment without a release, applying it first where no case has.
func (r *rig) infrastructure(ctx context.Context) (*dagger.SlipwayEnvironment, error) {
	slipway := dag.Slipway(r.options(r.commit()))
	if r.host != "" {
		return slipway.Environment(), nil
	}
	if _, err := slipway.Bootstrap(ctx); err != nil {
		return nil, err
	}
	id, err := slipway.Plan().Apply().ID(ctx) // once, see rig
	if err != nil {
		return nil, err
	}
	applied := dag.LoadSlipwayEnvironmentFromID(dagger.SlipwayEnvironmentID(id))
	url, err := applied.URL(ctx)
	if err != nil {
		return nil, err
	}
	r.host = strings.TrimPrefix(url, "http://")
	return applied, nil
}

// calls is how many calls of this name AWS received, from the emulator's own record: not from what Slipway says it did.
func (r *rig) calls(ctx context.Context, name string) (int, error) {
	const query = `{"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": %q}]}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, strings.NewReader(fmt.Sprintf(query, name)))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents")
	// Says whose record; the emulator checks no signature.
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/"+region+"/cloudtrail/aws4_request, SignedHeaders=host, Signature=none")
	body, err := send(request)
	if err != nil {
		return 0, fmt.Errorf("read the emulator's record: %w", err)
	}
	var found struct{ Events []struct{} }
	if err := json.Unmarshal(body, &found); err != nil {
		return 0, fmt.Errorf("read the emulator's record: %w", err)
	}
	return len(found.Events), nil
}

// visit asks for a page as a visitor does.
func (r *rig) visit(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+path, nil)
	if err != nil {
		return "", err
	}
	request.Host = r.host
	body, err := send(request)
	if err != nil {
		return "", fmt.Errorf("visit %s: %w", path, err)
	}
	return string(body), nil
}

// answers returns an error unless it is this release that visitors reach.
func (r *rig) answers(ctx context.Context, commit string) error {
	body, err := r.visit(ctx, "/readyz")
	if err != nil {
		return err
	}
	return contains(body, fmt.Sprintf(`"release": %q`, commit))
}

func send(request *http.Request) ([]byte, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answers %s: %s", response.Status, body)
	}
	return body, err
}

// contains returns an error that shows the text, unless it holds all parts.
func contains(text string, parts ...string) error {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("%q is not in:\n%s", part, text)
		}
	}
	return nil
}

// fails returns an error unless err is one with all parts in it.
func fails(err error, parts ...string) error {
	if err == nil {
		return fmt.Errorf("it succeeded, and should have failed with %q", parts)
	}
	return contains(err.Error(), parts...)
}
