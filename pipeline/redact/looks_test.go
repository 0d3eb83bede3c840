package redact

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValue(t *testing.T) {
	tests := map[string]struct{ name, value, want string }{
		"a password":                                 {"DATABASE_PASSWORD", "correct horse", "***"},
		"a password in an older style":               {"MYSQL_PWD", "x", "***"},
		"a short name for one":                       {"DB_PASS", "x", "***"},
		"a key":                                      {"SECRET_KEY", "x", "***"},
		"a key without a line between the words":     {"STRIPE_APIKEY", "x", "***"},
		"a token in camel case":                      {"githubToken", "x", "***"},
		"a data source with credentials":             {"SENTRY_DSN", "https://abc@o1.ingest.sentry.io/1", "***"},
		"a password in a URL":                        {"DATABASE_URL", "mysql://app:hunter2@db:3306/app", "mysql://app:***@db:3306/app"},
		"a token alone in a URL":                     {"SOURCE", "https://ghp_x1@github.com/a/b.git", "https://***@github.com/a/b.git"},
		"a user of ssh":                              {"SOURCE", "ssh://git@github.com/a/b.git", "ssh://git@github.com/a/b.git"},
		"a bearer token":                             {"HEADER", "Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"},
		"the id of an AWS key":                       {"WHO", "AKIAIOSFODNN7EXAMPLE", "***"},
		"a private key":                              {"TLS", "-----BEGIN RSA PRIVATE KEY-----\nMIIE", "***"},
		"a web token":                                {"SESSION", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "***"},
		"what can only be a key":                     {"EXTRA", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLE", "***"},
		"hexadecimal material":                       {"EXTRA", "9f86d081884c7d659a2feaa0c55ad015", "***"},
		"a commit is shown":                          {"GIT_COMMIT", "189f5f3f937a01d74a7b2bffd498e7f15e6eb37b", "189f5f3f937a01d74a7b2bffd498e7f15e6eb37b"},
		"where a secret lies is no secret":           {"SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:1:secret:a", "arn:aws:secretsmanager:eu-central-1:1:secret:a"},
		"a host name":                                {"ALLOWED_HOSTS", "blog-dev-0yfdk23o.eu-central-1.elb.amazonaws.com", "blog-dev-0yfdk23o.eu-central-1.elb.amazonaws.com"},
		"a database's name":                          {"DATABASE_NAME", "app", "app"},
		"a word that only begins like one":           {"KEYBOARD_LAYOUT", "de", "de"},
		"a subnet":                                   {"SUBNET", "subnet-6d386cbdc86dda8ba", "subnet-6d386cbdc86dda8ba"},
		"an empty value hides nothing":               {"PASSWORD", "", ""},
		"a part of a longer text that holds a token": {"OPTIONS", "-Dapi.token=abcdef -Xmx1g", "-Dapi.token=*** -Xmx1g"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if got := Value(test.name, test.value); got != test.want {
				t.Errorf("Value(%q, %q) = %q, want %q", test.name, test.value, got, test.want)
			}
		})
	}
}

func TestWords(t *testing.T) {
	words := []string{"serve", "--password", "hunter2", "--api-key=abc", "-v", "token", "mysql://a:b@h"}
	want := []string{"serve", "--password", "***", "--api-key=***", "-v", "token", "mysql://a:***@h"}
	if diff := cmp.Diff(want, Words(words)); diff != "" {
		t.Errorf("words (-want +got):\n%s", diff)
	}
}

func TestAttribute(t *testing.T) {
	tests := map[string]struct{ name, value, want string }{
		"a password":                          {"master_password", "correct horse", "***"},
		"a token":                             {"auth_token", "x", "***"},
		"the key of a table is a column":      {"hash_key", "id", "id"},
		"the name of a key":                   {"key_name", "laptop", "laptop"},
		"where a secret lies is no secret":    {"secret", "arn:aws:secretsmanager:eu-central-1:1:secret:a", "arn:aws:secretsmanager:eu-central-1:1:secret:a"},
		"a password in a URL":                 {"endpoint", "mysql://app:hunter2@db:3306/app", "mysql://app:***@db:3306/app"},
		"a private key":                       {"body", "-----BEGIN RSA PRIVATE KEY-----\nMIIE", "***"},
		"a web token":                         {"header", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "***"},
		"a checksum looks random and is none": {"etag", "9f86d081884c7d659a2feaa0c55ad015", "9f86d081884c7d659a2feaa0c55ad015"},
		"an empty value hides nothing":        {"password", "", ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if got := Attribute(test.name, test.value); got != test.want {
				t.Errorf("Attribute(%q, %q) = %q, want %q", test.name, test.value, got, test.want)
			}
		})
	}
}
