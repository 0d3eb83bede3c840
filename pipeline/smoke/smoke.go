// Package smoke proves that the new release answers, with a request that takes the way every visitor's takes.
package smoke

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// Test asks the health path through the load balancer which release answers.
type Test struct {
	client   *http.Client
	interval time.Duration
	timeout  time.Duration
}

// New returns a test that sends its requests to where AWS is, or to the endpoint that stands for it.
func New(to endpoint.Endpoint) Test {
	return Test{
		client:   &http.Client{Transport: to.Transport(), Timeout: 10 * time.Second},
		interval: 500 * time.Millisecond,
		timeout:  time.Minute,
	}
}

// inARow is how many answers one after another must be the new release's: with two tasks behind the load balancer, the
// first answer may come from either.
const inARow = 3

// answer is what a health path returns: {"release": "COMMIT", …}.
type answer struct {
	Release string `json:"release"`
}

// Run asks until the release answers several times in a row, for a minute at most. The failure holds what answered last.
func (t Test) Run(ctx context.Context, url, path, release string) error {
	address := join(url, path)
	deadline := time.Now().Add(t.timeout)
	for good := 0; good < inARow; {
		last := t.ask(ctx, address, release)
		if last == nil {
			good++
			continue
		}
		good = 0
		if time.Now().After(deadline) {
			return (&report.Failure{
				Reason: fmt.Sprintf("%s does not answer with the new release within %s", address, t.timeout),
				Effect: "the services run the new release as far as ECS knows; nothing was rolled back",
				Next:   "look at the application's log",
			}).Because(last)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ask %s: %w", address, context.Cause(ctx))
		case <-time.After(t.interval):
		}
	}
	return nil
}

// Page asks for a page once and checks that it holds a text.
func (t Test) Page(ctx context.Context, url, path, text string) error {
	address := join(url, path)
	body, err := t.get(ctx, address)
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	if !strings.Contains(string(body), text) {
		return &report.Failure{
			Reason: fmt.Sprintf("%s does not hold %q", address, text),
			Next:   "look at the page",
		}
	}
	return nil
}

func join(url, path string) string {
	return strings.TrimRight(url, "/") + "/" + strings.TrimLeft(path, "/")
}

// ask makes one request and returns what is wrong with the answer.
func (t Test) ask(ctx context.Context, address, release string) error {
	body, err := t.get(ctx, address)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return fmt.Errorf(`it answers with something else than JSON with a "release": %s`, firstLine(body))
	}
	if a.Release != release {
		return fmt.Errorf("release %q answers, not %q", a.Release, release)
	}
	return nil
}

// get returns the body of a page that answers with 200, a mebibyte of it at most.
func (t Test) get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "slipway")
	response, err := t.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s: %s", response.Status, firstLine(body))
	}
	return body, nil
}

func firstLine(body []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	if len(line) > 200 {
		line = line[:200] + "…"
	}
	return line
}
