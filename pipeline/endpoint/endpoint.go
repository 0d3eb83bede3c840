// Package endpoint points everything at one address that stands for AWS: the SDKs, the registry behind an ECR host name
// and the request to a load balancer's DNS name.
package endpoint

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// Endpoint is the URL of an AWS emulator, "http://emulator:80"; empty means AWS itself.
type Endpoint string

// Check returns an error for what is neither empty nor an http URL without a path.
func (e Endpoint) Check() error {
	if e == "" {
		return nil
	}
	u, err := url.Parse(string(e))
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") {
		return fmt.Errorf("endpoint %q is not a URL of the form http://HOST[:PORT]", string(e))
	}
	return nil
}

// Transport is http.DefaultTransport, or one that dials the endpoint whatever host a request names. The request keeps its
// Host header, by which the emulator knows whether a load balancer, a registry or an API is meant.
func (e Endpoint) Transport() http.RoundTripper {
	if e == "" {
		return http.DefaultTransport
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	dialer := &net.Dialer{}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, e.address())
	}
	return transport
}

func (e Endpoint) address() string {
	u, err := url.Parse(string(e))
	if err != nil {
		return string(e)
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "80")
	}
	return u.Host
}
