package image

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
)

type repositoryAPI interface {
	GetAuthorizationToken(context.Context, *ecr.GetAuthorizationTokenInput, ...func(*ecr.Options)) (*ecr.GetAuthorizationTokenOutput, error)
	DescribeImages(context.Context, *ecr.DescribeImagesInput, ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error)
}

// Repository is one ECR repository.
type Repository struct {
	ecr repositoryAPI
	// url is without a scheme and a tag: "ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME".
	url string
	to  endpoint.Endpoint
	// within is how long the registry may take to begin its answer to a request, before it is sent again.
	within time.Duration
}

// NewRepository returns the repository with this URL.
func NewRepository(client repositoryAPI, url string, to endpoint.Endpoint) Repository {
	return Repository{ecr: client, url: url, to: to, within: time.Minute}
}

// Pushed is what Push did.
type Pushed struct {
	// Reference names the image by digest: "REPOSITORY@sha256:…".
	Reference string
	Digest    string
	// Present says that the repository had the image already and nothing travelled.
	Present bool
	// Tag is the tag under which the image is kept.
	Tag string
}

// Push brings the image into the repository and tags it with the commit. Tags can't be changed once set, so where the
// commit's tag names another image (a second build of the same commit came out different) the tag gets the digest behind
// it.
func (r Repository) Push(ctx context.Context, image v1.Image, commit string) (Pushed, error) {
	hash, err := image.Digest()
	if err != nil {
		return Pushed{}, fmt.Errorf("read the image's digest: %w", err)
	}
	pushed := Pushed{Reference: r.url + "@" + hash.String(), Digest: hash.String()}

	byDigest, err := r.find(ctx, types.ImageIdentifier{ImageDigest: aws.String(pushed.Digest)})
	if err != nil {
		return Pushed{}, err
	}
	if byDigest != nil && len(byDigest.ImageTags) > 0 {
		pushed.Present, pushed.Tag = true, byDigest.ImageTags[0]
		return pushed, nil
	}
	pushed.Tag = commit
	if byTag, err := r.find(ctx, types.ImageIdentifier{ImageTag: aws.String(commit)}); err != nil {
		return Pushed{}, err
	} else if byTag != nil {
		pushed.Tag = commit + "-" + hash.Hex[:12]
	}
	if err := r.write(ctx, image, pushed.Tag); err != nil {
		return Pushed{}, fmt.Errorf("push %s: %w", pushed.Reference, err)
	}
	return pushed, nil
}

// Find returns the reference by digest of the image with this digest, and false where the repository does not have it.
func (r Repository) Find(ctx context.Context, digest string) (string, bool, error) {
	found, err := r.find(ctx, types.ImageIdentifier{ImageDigest: &digest})
	if err != nil || found == nil {
		return "", false, err
	}
	return r.url + "@" + digest, true, nil
}

func (r Repository) find(ctx context.Context, id types.ImageIdentifier) (*types.ImageDetail, error) {
	_, repository, _ := strings.Cut(r.url, "/")
	output, err := r.ecr.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &repository, ImageIds: []types.ImageIdentifier{id}})
	if _, absent := errors.AsType[*types.ImageNotFoundException](err); absent {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for an image in repository %s: %w", repository, err)
	}
	if len(output.ImageDetails) == 0 {
		return nil, nil
	}
	return &output.ImageDetails[0], nil
}

func (r Repository) write(ctx context.Context, image v1.Image, tag string) error {
	var options []name.Option
	if r.to != "" {
		options = append(options, name.Insecure) // the emulator's registry speaks plain HTTP
	}
	reference, err := name.NewTag(r.url+":"+tag, options...)
	if err != nil {
		return err
	}
	auth, err := r.authenticate(ctx)
	if err != nil {
		return err
	}
	return remote.Write(reference, image, r.options(ctx, auth)...)
}

// again are the answers of the registry after which a request is sent again. 429 is how ECR throttles:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors-docker.html
var again = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
	http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// passing says of an error that another attempt may help: a throttled request, an error of the registry's own, a connection
// that broke.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		return slices.Contains(again, answer.StatusCode)
	}
	_, ok := errors.AsType[net.Error](err)
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// attempts is how often a request is sent, or, as it takes several requests, the upload of a layer begun.
const attempts = 6

func (r Repository) options(ctx context.Context, auth authn.Authenticator) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithAuth(auth), remote.WithTransport(r.transport()),
		remote.WithRetryStatusCodes(again...), remote.WithRetryPredicate(passing),
		remote.WithRetryBackoff(remote.Backoff{Duration: 300 * time.Millisecond, Factor: 2, Jitter: 0.3, Steps: attempts}),
	}
}

// transport is the one that go-containerregistry would use, or the endpoint's, with a limit to the registry's silence.
func (r Repository) transport() http.RoundTripper {
	base := remote.DefaultTransport
	if r.to != "" {
		base = r.to.Transport()
	}
	limited, ok := base.(*http.Transport)
	if !ok {
		return base
	}
	limited = limited.Clone()
	limited.ResponseHeaderTimeout = r.within
	return limited
}

// authenticate exchanges the AWS credentials for the registry's, which hold for twelve hours:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
func (r Repository) authenticate(ctx context.Context) (authn.Authenticator, error) {
	output, err := r.ecr.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return nil, fmt.Errorf("log in to ECR: %w", err)
	}
	if len(output.AuthorizationData) == 0 {
		return nil, errors.New("log in to ECR: the answer holds no token")
	}
	token, err := base64.StdEncoding.DecodeString(aws.ToString(output.AuthorizationData[0].AuthorizationToken))
	if err != nil {
		return nil, errors.New("log in to ECR: the token is not base64") // the error would hold a part of it
	}
	user, password, found := strings.Cut(string(token), ":")
	if !found {
		return nil, errors.New("log in to ECR: the token is not USER:PASSWORD")
	}
	return &authn.Basic{Username: user, Password: password}, nil
}
