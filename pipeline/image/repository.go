package image

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

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
}

// NewRepository returns the repository with this URL.
func NewRepository(client repositoryAPI, url string, to endpoint.Endpoint) Repository {
	return Repository{ecr: client, url: url, to: to}
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
	return remote.Write(reference, image,
		remote.WithContext(ctx),
		remote.WithAuth(auth),
		remote.WithTransport(r.transport()),
	)
}

func (r Repository) transport() http.RoundTripper {
	if r.to == "" {
		return remote.DefaultTransport
	}
	return r.to.Transport()
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
