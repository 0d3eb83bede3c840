package smoke

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// reply is one answer of the application: a status and a body.
type reply struct {
	status int
	body   string
}

func release(id string) reply {
	return reply{http.StatusOK, fmt.Sprintf(`{"release": %q, "database": "ok"}`, id)}
}

// application answers with one reply after the other, and then with the last one for ever.
func application(t *testing.T, replies ...reply) (Test, string, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/readyz" || r.Host != "blog.example.com" {
			t.Errorf("request %s %s of %s, want GET /readyz of blog.example.com", r.Method, r.URL, r.Host)
		}
		reply := replies[min(int(asked.Add(1)), len(replies))-1]
		w.WriteHeader(reply.status)
		io.WriteString(w, reply.body)
	}))
	t.Cleanup(server.Close)
	test := New(endpoint.Endpoint(server.URL))
	test.interval, test.timeout = time.Millisecond, 50*time.Millisecond
	return test, "http://blog.example.com", &asked
}

func TestRun(t *testing.T) {
	good := release("6fc2d10")
	old := release("0000000")
	broken := reply{http.StatusInternalServerError, "<h1>Server Error (500)</h1>\nand more"}
	tests := map[string]struct {
		replies   []reply
		wantAsked int32
		wantCause string // of the failure, where one is wanted
	}{
		"the new release three times in a row":              {[]reply{good}, 3, ""},
		"the old release first, then the new one":           {[]reply{old, old, good}, 5, ""},
		"two tasks: a row that is broken starts again":      {[]reply{good, good, old, good}, 6, ""},
		"an error first, then the new release":              {[]reply{broken, good}, 4, ""},
		"no task behind the load balancer yet":              {[]reply{{http.StatusServiceUnavailable, ""}, good}, 4, ""},
		"the old release for ever":                          {[]reply{old}, 0, `release "0000000" answers, not "6fc2d10"`},
		"an application that answers 500":                   {[]reply{broken}, 0, "it answers 500 Internal Server Error: <h1>Server Error (500)</h1>"},
		"the right id with another status":                  {[]reply{{http.StatusServiceUnavailable, good.body}}, 0, `it answers 503 Service Unavailable: {"release": "6fc2d10", "database": "ok"}`},
		"a page that is no JSON":                            {[]reply{{http.StatusOK, "<html>\n"}}, 0, `it answers with something else than JSON with a "release": <html>`},
		"JSON without a release":                            {[]reply{{http.StatusOK, `{"status": "ok"}`}}, 0, `release "" answers, not "6fc2d10"`},
		"a long line is cut":                                {[]reply{{http.StatusBadGateway, strings.Repeat("x", 500)}}, 0, "it answers 502 Bad Gateway: " + strings.Repeat("x", 200) + "…"},
		"a release whose id only begins like the new one's": {[]reply{release("6fc2d10a")}, 0, `release "6fc2d10a" answers, not "6fc2d10"`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			smoke, url, asked := application(t, test.replies...)
			if test.wantCause == "" {
				smoke.timeout = time.Minute
			}
			err := smoke.Run(t.Context(), url, "/readyz", "6fc2d10")
			if test.wantCause == "" {
				if err != nil {
					t.Error(err)
				}
				if got := asked.Load(); got != test.wantAsked {
					t.Errorf("%d requests, want %d", got, test.wantAsked)
				}
				return
			}
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok {
				t.Fatalf("error %v, want a failure", err)
			}
			if want := "http://blog.example.com/readyz does not answer with the new release within 50ms"; failure.Reason != want {
				t.Errorf("reason %q, want %q", failure.Reason, want)
			}
			if diff := cmp.Diff(test.wantCause, failure.Cause); diff != "" {
				t.Errorf("cause (-want +got):\n%s", diff)
			}
			if asked.Load() < 2 {
				t.Error("it asked only once")
			}
		})
	}
}

func TestAnApplicationThatHangs(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	test := New(endpoint.Endpoint(server.URL))
	test.client.Timeout, test.interval, test.timeout = 5*time.Millisecond, time.Millisecond, 20*time.Millisecond
	err := test.Run(t.Context(), "http://blog.example.com", "/readyz", "6fc2d10")
	if failure, ok := errors.AsType[*report.Failure](err); !ok || !strings.Contains(failure.Cause, "Client.Timeout exceeded") {
		t.Errorf("error %v", err)
	}
}

func TestACancelledRunEnds(t *testing.T) {
	test, url, _ := application(t, release("0000000"))
	test.interval, test.timeout = time.Hour, time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stop := errors.New("somebody pressed Ctrl-C")
	time.AfterFunc(10*time.Millisecond, func() { cancel(stop) })
	if err := test.Run(ctx, url, "readyz", "6fc2d10"); !errors.Is(err, stop) {
		t.Errorf("error %v, want one because of %v", err, stop)
	}
}

func TestSlashesBetweenURLAndPath(t *testing.T) {
	for _, url := range []string{"http://blog.example.com", "http://blog.example.com/"} {
		for _, path := range []string{"readyz", "/readyz"} {
			test, _, _ := application(t, release("6fc2d10"))
			if err := test.Run(t.Context(), url, path, "6fc2d10"); err != nil {
				t.Errorf("%s and %s: %v", url, path, err)
			}
		}
	}
}

func TestPage(t *testing.T) {
	tests := map[string]struct {
		reply reply
		want  string
	}{
		"the text is there":  {reply{http.StatusOK, "<h1>A first post</h1>"}, ""},
		"another page":       {reply{http.StatusOK, "<h1>Nothing here</h1>"}, `http://blog.example.com/readyz does not hold "A first post"`},
		"the text in a 404":  {reply{http.StatusNotFound, "A first post is gone"}, "ask http://blog.example.com/readyz: it answers 404 Not Found: A first post is gone"},
		"the text far below": {reply{http.StatusOK, strings.Repeat(" ", 512<<10) + "A first post"}, ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			smoke, url, _ := application(t, test.reply)
			err := smoke.Page(t.Context(), url, "/readyz", "A first post")
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
