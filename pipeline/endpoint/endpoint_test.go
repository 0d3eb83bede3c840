package endpoint

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		endpoint Endpoint
		good     bool
	}{
		"AWS itself":                    {"", true},
		"a host":                        {"http://emulator", true},
		"a host and a port":             {"http://emulator:4566", true},
		"a slash behind it":             {"http://emulator:4566/", true},
		"an address":                    {"http://172.17.0.2:80", true},
		"an address of IPv6":            {"http://[::1]:80", true},
		"no scheme":                     {"emulator:80", false},
		"no scheme and no port":         {"emulator", false},
		"TLS, which the emulator lacks": {"https://emulator", false},
		"a path":                        {"http://emulator/aws", false},
		"no host":                       {"http://", false},
		"a port alone":                  {"http://:80", false},
		"a port that is none":           {"http://emulator:eighty", false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			err := test.endpoint.Check()
			if (err == nil) != test.good {
				t.Errorf("Check(%q) = %v", test.endpoint, err)
			}
			if want := `endpoint "` + string(test.endpoint) + `" is not a URL of the form http://HOST[:PORT]`; err != nil && err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
		})
	}
}

func TestTransportDialsTheEndpointAndKeepsTheHost(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // a proxy that would be asked for the host of the request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Host)
	}))
	defer server.Close()
	client := http.Client{Transport: Endpoint(server.URL).Transport()}
	for sentence, host := range map[string]string{
		"a load balancer":           "blog-dev-1.eu-central-1.elb.amazonaws.com",
		"a load balancer's port":    "blog-dev-1.eu-central-1.elb.amazonaws.com:8080",
		"a registry":                "111111111111.dkr.ecr.eu-central-1.amazonaws.com",
		"a name that is not in DNS": "blog.invalid",
	} {
		t.Run(sentence, func(t *testing.T) {
			response, err := client.Get("http://" + host + "/")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			got, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(host, string(got)); diff != "" {
				t.Errorf("Host header (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTransportToAWSIsTheDefaultOne(t *testing.T) {
	if got := Endpoint("").Transport(); got != http.DefaultTransport {
		t.Errorf("transport %v", got)
	}
	if http.DefaultTransport.(*http.Transport).Proxy == nil {
		t.Error("the default transport lost its proxy")
	}
}

func TestAddress(t *testing.T) {
	for endpoint, want := range map[Endpoint]string{
		"http://emulator":      "emulator:80",
		"http://emulator/":     "emulator:80",
		"http://emulator:4566": "emulator:4566",
		"http://[::1]":         "[::1]:80",
		"http://[::1]:4566":    "[::1]:4566",
	} {
		if got := endpoint.address(); got != want {
			t.Errorf("address of %s is %q, want %q", endpoint, got, want)
		}
	}
}
