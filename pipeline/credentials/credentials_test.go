package credentials

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// bare takes away every credential that the machine of the tests may have.
func bare(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
}

// given sets a key pair, as the Dagger functions do.
func given(t *testing.T) {
	t.Helper()
	bare(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "the-secret-key")
	t.Setenv("AWS_SESSION_TOKEN", "the-session-token")
}

// answering is an endpoint that answers as it is told.
func answering(t *testing.T, status int, answer string) endpoint.Endpoint {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); !strings.Contains(string(body), "Action=GetCallerIdentity") {
			t.Errorf("request %s %s: %s", r.Method, r.URL, body)
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return endpoint.Endpoint(server.URL)
}

func TestLoadWantsARegion(t *testing.T) {
	given(t)
	for in, good := range map[string]bool{
		"eu-central-1": true, "us-east-1": true, "ap-southeast-5": true, "us-gov-west-1": true, "cn-north-1": true, "us-iso-east-1": true,
		"": false, "eu-central": false, "eu_central_1": false, "EU-CENTRAL-1": false, "europe-west-1": false, "eu-central-1a": false,
		"eu-central-1\n": false, "eu-central-1.evil.example.com": false, "frankfurt": false,
	} {
		t.Run(in, func(t *testing.T) {
			cfg, err := Load(t.Context(), in, "")
			if good {
				if err != nil || cfg.Region != in {
					t.Errorf("region %q, error %v", cfg.Region, err)
				}
				return
			}
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok || !strings.HasSuffix(failure.Reason, "is not an AWS region") || failure.Effect != "nothing was changed" {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestLoadPointsEveryClientAtTheEndpoint(t *testing.T) {
	given(t)
	cfg, err := Load(t.Context(), "eu-central-1", "http://emulator:4566")
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(cfg.BaseEndpoint); got != "http://emulator:4566" {
		t.Errorf("endpoint %q", got)
	}
	if cfg, err = Load(t.Context(), "eu-central-1", ""); err != nil || cfg.BaseEndpoint != nil {
		t.Errorf("endpoint %v, error %v, want AWS itself", cfg.BaseEndpoint, err)
	}
	if _, err := Load(t.Context(), "eu-central-1", "emulator"); err == nil {
		t.Error("an endpoint that is no URL is taken")
	}
}

func TestLoadOfAProfileThatIsNotThere(t *testing.T) {
	bare(t)
	t.Setenv("AWS_PROFILE", "gone")
	_, err := Load(t.Context(), "eu-central-1", "")
	if err == nil || !strings.Contains(err.Error(), "load the AWS configuration: ") || !strings.Contains(err.Error(), "gone") {
		t.Errorf("error %v", err)
	}
}

func TestAccount(t *testing.T) {
	given(t)
	cfg, err := Load(t.Context(), "eu-central-1", answering(t, 200, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:user/ci</Arn><UserId>AIDA</UserId><Account>111111111111</Account></GetCallerIdentityResult>
</GetCallerIdentityResponse>`))
	if err != nil {
		t.Fatal(err)
	}
	account, err := Account(t.Context(), cfg)
	if err != nil || account != "111111111111" {
		t.Errorf("account %q, error %v", account, err)
	}
}

func TestCredentialsThatAWSRefuses(t *testing.T) {
	given(t)
	for code, message := range map[string]string{
		"InvalidClientTokenId":  "The security token included in the request is invalid.",
		"ExpiredToken":          "The security token included in the request is expired",
		"SignatureDoesNotMatch": "The request signature we calculated does not match the signature you provided.",
	} {
		t.Run(code, func(t *testing.T) {
			cfg, err := Load(t.Context(), "eu-central-1", answering(t, 403,
				`<ErrorResponse><Error><Type>Sender</Type><Code>`+code+`</Code><Message>`+message+`</Message></Error><RequestId>1</RequestId></ErrorResponse>`))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Account(t.Context(), cfg)
			want := &report.Failure{
				Reason: "AWS refuses the credentials: " + code + ": " + message,
				Effect: "nothing was changed",
				Next:   "check that the access key belongs to the account and that a session token is given with a temporary one and hasn't expired",
			}
			failure, _ := errors.AsType[*report.Failure](err)
			if diff := cmp.Diff(want, failure, cmpopts.IgnoreUnexported(report.Failure{})); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
			for _, secret := range []string{"the-secret-key", "the-session-token"} {
				if strings.Contains(failure.Text("plan"), secret) {
					t.Errorf("the failure holds a credential:\n%s", failure.Text("plan"))
				}
			}
		})
	}
}

func TestNoCredentials(t *testing.T) {
	const reason = "there are no AWS credentials"
	tests := map[string]func(*testing.T) aws.Config{
		"none anywhere": func(t *testing.T) aws.Config {
			bare(t)
			cfg, err := Load(t.Context(), "eu-central-1", answering(t, 200, ""))
			if err != nil {
				t.Fatal(err)
			}
			return cfg
		},
		"a key without its secret": func(t *testing.T) aws.Config {
			bare(t)
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
			cfg, err := Load(t.Context(), "eu-central-1", answering(t, 200, ""))
			if err != nil {
				t.Fatal(err)
			}
			return cfg
		},
		"a web identity whose token file is gone": func(t *testing.T) aws.Config {
			bare(t)
			t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", filepath.Join(t.TempDir(), "token"))
			t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/ci")
			cfg, err := Load(t.Context(), "eu-central-1", answering(t, 200, ""))
			if err != nil {
				t.Fatal(err)
			}
			return cfg
		},
		"a configuration without a provider": func(*testing.T) aws.Config { return aws.Config{Region: "eu-central-1"} },
	}
	for sentence, config := range tests {
		t.Run(sentence, func(t *testing.T) {
			_, err := Account(t.Context(), config(t))
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok || failure.Reason != reason || failure.Effect != "nothing was changed" || !strings.Contains(failure.Next, "env://AWS_ACCESS_KEY_ID") {
				t.Errorf("error %v, want %q and what to do", err, reason)
			}
		})
	}
}

func TestAnAWSThatCanNotBeReached(t *testing.T) {
	given(t)
	tests := map[string]struct {
		dial error
		want string
	}{
		"a region that DNS does not know": {
			&net.DNSError{Err: "no such host", Name: "sts.eu-nowhere-1.amazonaws.com", IsNotFound: true},
			"the host sts.eu-nowhere-1.amazonaws.com can't be found: is eu-nowhere-1 a region of AWS, and is there a way to the network?",
		},
		"an endpoint where nothing listens": {errors.New("connection refused"), "AWS does not answer who the credentials belong to"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			cfg, err := Load(t.Context(), "eu-nowhere-1", "")
			if err != nil {
				t.Fatal(err)
			}
			cfg.RetryMaxAttempts = 1
			cfg.HTTPClient = &http.Client{Transport: &http.Transport{
				DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, test.dial },
			}}
			_, err = Account(t.Context(), cfg)
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok || failure.Reason != test.want || failure.Effect != "nothing was changed" {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
