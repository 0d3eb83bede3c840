//go:build rehearsal

package rehearsal

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// trouble is what becomes of one call.
type trouble int

const (
	none trouble = iota
	// throttled is refused for its rate.
	throttled
	// broken is answered with HTTP 500.
	broken
	// reset has its connection closed before it arrives.
	reset
	// silent arrives nowhere and is never answered.
	silent
	// lost takes effect, and its reply is not delivered.
	lost
	// denied is refused for good.
	denied
)

func (k trouble) String() string {
	return [...]string{"none", "throttled", "broken", "reset", "silent", "lost", "denied"}[k]
}

// proxy stands between the program and the emulator, and makes trouble for calls to AWS. Requests to the application pass
// as they come.
type proxy struct {
	endpoint string

	mutex  sync.Mutex
	counts map[string]int
	made   []string
	// plan decides on the n-th call (from 1 on) of an operation.
	plan func(operation string, n int) trouble
}

// newProxy returns a proxy that makes trouble as planned.
func (r *rig) newProxy(t testing.TB, plan func(operation string, n int) trouble) *proxy {
	t.Helper()
	p := &proxy{counts: map[string]int{}, plan: plan}
	target := must(url.Parse(string(r.emulator.Endpoint())))(t)
	forward := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(target)
			// By it the emulator tells registry, load balancers and APIs apart.
			request.Out.Host = request.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		operation, err := operationOf(request)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		switch kind := p.decide(operation); kind {
		case none:
			forward.ServeHTTP(w, request)
		case throttled, broken, denied:
			refuse(w, request, kind)
		case lost:
			forward.ServeHTTP(httptest.NewRecorder(), request)
			hangUp(w)
		case silent:
			_, _ = io.Copy(io.Discard, request.Body) // else nobody notices when the program hangs up
			<-request.Context().Done()
		case reset:
			hangUp(w)
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	p.endpoint = server.URL
	return p
}

func (p *proxy) decide(operation string) trouble {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if operation == "" {
		return none
	}
	p.counts[operation]++
	if p.counts[operation] == 1 {
		p.made = append(p.made, operation)
	}
	return p.plan(operation, p.counts[operation])
}

// operations are those that were called, in the order of their first calls.
func (p *proxy) operations() []string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return slices.Clone(p.made)
}

var (
	// The service in "Credential=AKIA…/20261124/eu-central-1/ecs/aws4_request".
	scope  = regexp.MustCompile(`Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request`)
	digest = regexp.MustCompile(`(sha256:)?[0-9a-f]{12,}|[0-9a-f-]{36}`)
)

// operationOf names the call to AWS that a request is, "ecs:UpdateService"; nothing for a visitor's request.
func operationOf(request *http.Request) (string, error) {
	if strings.Contains(request.Host, ".dkr.ecr.") {
		return fmt.Sprintf("registry:%s %s", request.Method, digest.ReplaceAllString(request.URL.Path, "*")), nil
	}
	signed := scope.FindStringSubmatch(request.Header.Get("Authorization"))
	if signed == nil {
		return "", nil
	}
	service := strings.Replace(signed[1], "monitoring", "cloudwatch", 1)
	if _, name, found := strings.Cut(request.Header.Get("X-Amz-Target"), "."); found {
		return service + ":" + name, nil
	}
	if _, name, found := strings.Cut(request.URL.Path, "/operation/"); found { // Smithy's RPC protocols
		return service + ":" + name, nil
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return "", err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		return service + ":" + form.Get("Action"), nil
	}
	return fmt.Sprintf("%s:%s %s", service, request.Method, request.URL.Path), nil
}

// refuse answers with an error in the form in which AWS would.
func refuse(w http.ResponseWriter, request *http.Request, kind trouble) {
	status, code, message := http.StatusBadRequest, "ThrottlingException", "Rate exceeded"
	switch kind {
	case broken:
		status, code, message = http.StatusInternalServerError, "InternalFailure", "something broke at AWS"
	case denied:
		code, message = "AccessDeniedException", "User: arn:aws:iam::000000000000:user/test is not authorized"
	}
	switch {
	case strings.Contains(request.Host, ".dkr.ecr."):
		statuses := map[trouble]int{throttled: http.StatusTooManyRequests, broken: http.StatusInternalServerError, denied: http.StatusForbidden}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(statuses[kind])
		fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, strings.ToUpper(kind.String()), message)
	case strings.HasPrefix(request.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`,
			code, message, code, message)
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("X-Amzn-ErrorType", code)
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":%q,"message":%q}`, code, message)
	}
}

// hangUp resets the connection.
func hangUp(w http.ResponseWriter) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}
