package image

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
)

const url = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/team/blog-dev"

// fakeECR knows images by digest, with their tags.
type fakeECR struct {
	images        map[string][]string
	token         string
	describe, err error // of DescribeImages and GetAuthorizationToken
	noData        bool
	logins        int
}

func (f *fakeECR) DescribeImages(_ context.Context, input *ecr.DescribeImagesInput, _ ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error) {
	if f.describe != nil {
		return nil, f.describe
	}
	if got := aws.ToString(input.RepositoryName); got != "team/blog-dev" {
		return nil, errors.New("unexpected repository " + got)
	}
	for digest, tags := range f.images {
		for _, id := range input.ImageIds {
			byTag := false
			for _, tag := range tags {
				byTag = byTag || tag == aws.ToString(id.ImageTag)
			}
			if digest == aws.ToString(id.ImageDigest) || byTag {
				return &ecr.DescribeImagesOutput{ImageDetails: []types.ImageDetail{{ImageDigest: &digest, ImageTags: tags}}}, nil
			}
		}
	}
	return nil, &types.ImageNotFoundException{}
}

func (f *fakeECR) GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error) {
	f.logins++
	if f.err != nil {
		return nil, f.err
	}
	output := &ecr.GetAuthorizationTokenOutput{}
	if !f.noData {
		output.AuthorizationData = []types.AuthorizationData{{AuthorizationToken: &f.token}}
	}
	return output, nil
}

var token = base64.StdEncoding.EncodeToString([]byte("AWS:the-password"))

// registryOf is a registry in memory that wants ECR's user and password, and counts its requests.
func registryOf(t *testing.T) (endpoint.Endpoint, *atomic.Int32) {
	t.Helper()
	var requests atomic.Int32
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if want, _, _ := strings.Cut(url, "/"); r.Host != want {
			t.Errorf("Host %s, want %s", r.Host, want)
		}
		if user, password, _ := r.BasicAuth(); user != "AWS" || password != "the-password" {
			w.Header().Set("WWW-Authenticate", `Basic realm="ecr"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return endpoint.Endpoint(server.URL), &requests
}

// pushed is the digest that the registry has under a tag.
func pushed(t *testing.T, to endpoint.Endpoint, tag string) string {
	t.Helper()
	reference, err := name.ParseReference(url+":"+tag, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := Repository{ecr: &fakeECR{token: token}}.authenticate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(reference, remote.WithTransport(to.Transport()), remote.WithAuth(auth))
	if err != nil {
		t.Fatal(err)
	}
	if err := sameDiffIDs(image); err != nil {
		t.Error(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func digestOf(t *testing.T, image v1.Image) string {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func TestPush(t *testing.T) {
	image, other := randomImage(t), randomImage(t)
	digest := digestOf(t, image)
	suffixed := "6fc2d10-" + strings.TrimPrefix(digest, "sha256:")[:12]
	tests := map[string]struct {
		images map[string][]string
		want   Pushed
	}{
		"into an empty repository, tagged with the commit": {nil, Pushed{Tag: "6fc2d10"}},
		"beside other commits":                             {map[string][]string{digestOf(t, other): {"0000000"}}, Pushed{Tag: "6fc2d10"}},
		"present: nothing travels":                         {map[string][]string{digest: {"6fc2d10"}}, Pushed{Tag: "6fc2d10", Present: true}},
		"present under another commit's tag, which stays":  {map[string][]string{digest: {"0000000"}}, Pushed{Tag: "0000000", Present: true}},
		"the tag is another image's: it gets the digest":   {map[string][]string{digestOf(t, other): {"6fc2d10"}}, Pushed{Tag: suffixed}},
		"present without a tag, so that it would be swept": {map[string][]string{digest: nil}, Pushed{Tag: "6fc2d10"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			to, requests := registryOf(t)
			fake := &fakeECR{images: test.images, token: token}
			got, err := NewRepository(fake, url, to).Push(t.Context(), image, "6fc2d10")
			if err != nil {
				t.Fatal(err)
			}
			want := test.want
			want.Digest, want.Reference = digest, url+"@"+digest
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pushed (-want +got):\n%s", diff)
			}
			if want.Present {
				if requests.Load() != 0 || fake.logins != 0 {
					t.Errorf("%d requests and %d logins, want none", requests.Load(), fake.logins)
				}
				return
			}
			if diff := cmp.Diff(digest, pushed(t, to, want.Tag)); diff != "" {
				t.Errorf("digest in the registry (-want +got):\n%s", diff)
			}
		})
	}
}

// What is pushed from an archive must be what the archive holds, whichever form it has.
func TestPushOfAnOpenedArchive(t *testing.T) {
	image := randomImage(t)
	for sentence, archive := range map[string]files{
		"a layout": laidOut(t, indexOf(image)), "docker save": saved(t, image), "docker save, layers as they are": plain(t, saved(t, image)),
	} {
		t.Run(sentence, func(t *testing.T) {
			opened, err := Open(write(t, archive.bytes(t)), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			to, _ := registryOf(t)
			got, err := NewRepository(&fakeECR{token: token}, url, to).Push(t.Context(), opened, "6fc2d10")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got.Digest, pushed(t, to, "6fc2d10")); diff != "" {
				t.Errorf("digest in the registry (-said +has):\n%s", diff)
			}
		})
	}
}

func TestPushesThatFail(t *testing.T) {
	const secret = "c2VjcmV0LXBhc3N3b3Jk"
	refused := errors.New("AccessDeniedException: not you")
	tests := map[string]struct {
		ecr  *fakeECR
		want string
	}{
		"ECR refuses the look-up":           {&fakeECR{describe: refused}, "look for an image in repository team/blog-dev: AccessDeniedException: not you"},
		"no repository":                     {&fakeECR{describe: &types.RepositoryNotFoundException{}}, "look for an image in repository team/blog-dev: RepositoryNotFoundException"},
		"ECR refuses the login":             {&fakeECR{err: refused}, "log in to ECR: AccessDeniedException: not you"},
		"no token":                          {&fakeECR{noData: true}, "log in to ECR: the answer holds no token"},
		"a token that is not base64":        {&fakeECR{token: secret + "*"}, "log in to ECR: the token is not base64"},
		"a token without a user":            {&fakeECR{token: secret}, "log in to ECR: the token is not USER:PASSWORD"},
		"a token that the registry refuses": {&fakeECR{token: base64.StdEncoding.EncodeToString([]byte("AWS:secret-password"))}, "401"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			to, _ := registryOf(t)
			image := randomImage(t)
			got, err := NewRepository(test.ecr, url, to).Push(t.Context(), image, "6fc2d10")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			if diff := cmp.Diff(Pushed{}, got); diff != "" {
				t.Errorf("pushed beside an error (-want +got):\n%s", diff)
			}
			for _, word := range []string{secret, "secret-password", test.ecr.token} {
				if word != "" && strings.Contains(err.Error(), word) {
					t.Errorf("the error holds the token: %v", err)
				}
			}
			if test.ecr.describe == nil && !strings.HasPrefix(err.Error(), "push "+url+"@"+digestOf(t, image)+": ") {
				t.Errorf("error %v, which does not name the image", err)
			}
		})
	}
}

func TestATagThatNoRegistryTakesIsAnError(t *testing.T) {
	to, requests := registryOf(t)
	_, err := NewRepository(&fakeECR{token: token}, url, to).Push(t.Context(), randomImage(t), "not a tag")
	if err == nil || requests.Load() != 0 {
		t.Errorf("error %v after %d requests", err, requests.Load())
	}
}

func TestFind(t *testing.T) {
	refused := errors.New("AccessDeniedException")
	const digest = "sha256:43ba9e3d8f1c5a6b7c8d9e0f112233445566778899aabbccddeeff0011223344"
	tests := map[string]struct {
		ecr       fakeECR
		want      string
		wantFound bool
		wantErr   error
	}{
		"the repository has it":         {ecr: fakeECR{images: map[string][]string{digest: {"6fc2d10"}}}, want: url + "@" + digest, wantFound: true},
		"the repository has others":     {ecr: fakeECR{images: map[string][]string{"sha256:00": {"6fc2d10"}}}},
		"the repository can't be asked": {ecr: fakeECR{describe: refused}, wantErr: refused},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got, found, err := NewRepository(&test.ecr, url, "").Find(t.Context(), digest)
			if got != test.want || found != test.wantFound || !errors.Is(err, test.wantErr) {
				t.Errorf("Find = %q, %t, %v; want %q, %t, %v", got, found, err, test.want, test.wantFound, test.wantErr)
			}
		})
	}
}

func TestOnlyAnEndpointGoesWithoutTLS(t *testing.T) {
	got, want := NewRepository(nil, url, "").transport().(*http.Transport), remote.DefaultTransport.(*http.Transport)
	if reflect.ValueOf(got.DialContext).Pointer() != reflect.ValueOf(want.DialContext).Pointer() {
		t.Error("AWS is reached in another way than go-containerregistry's own")
	}
}

// A registry that fails each kind of request once: the push comes through, since an upload is begun anew.
func TestAPushThroughTrouble(t *testing.T) {
	troubles := map[string]func(w http.ResponseWriter, r *http.Request){
		"throttled": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"broken":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"cut off":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"silent":    func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	}
	for sentence, trouble := range troubles {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			store := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
			var mutex sync.Mutex
			met := map[string]bool{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				kind := r.Method + " " + regexp.MustCompile(`[0-9a-f]{8,}|[0-9]+$`).ReplaceAllString(r.URL.Path, "*")
				mutex.Lock()
				first := !met[kind]
				met[kind] = true
				mutex.Unlock()
				if first {
					_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client has gone
					trouble(w, r)
					return
				}
				store.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			repository := NewRepository(&fakeECR{token: token}, url, endpoint.Endpoint(server.URL))
			repository.within = 300 * time.Millisecond
			image := randomImage(t)
			pushed, err := repository.Push(t.Context(), image, "6fc2d10")
			if err != nil {
				t.Fatal(err)
			}
			if len(met) < 5 {
				t.Errorf("only %d kinds of requests were made: %v", len(met), met)
			}
			if digest, err := image.Digest(); err != nil || pushed.Digest != digest.String() {
				t.Errorf("pushed %+v, error %v", pushed, err)
			}
		})
	}
}
