package main

import (
	"strings"
	"testing"
)

func TestAFaultIsRefused(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"at AWS":                    {[]string{"crash"}, "at an emulator only"},
		"at an endpoint of AWS":     {[]string{"zero-tasks", "--endpoint", "http://ecs.eu-central-1.amazonaws.com"}, "at an emulator only"},
		"at what is no URL":         {[]string{"crash", "--endpoint", "emulator"}, "is not a URL"},
		"of a name that isn't one":  {[]string{"meteor", "--endpoint", "http://127.0.0.1:9"}, "there is no fault \"meteor\"; there are: missing-image, "},
		"where nothing is deployed": {[]string{"crash", "--endpoint", "http://127.0.0.1:9"}, "AWS does not answer"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bare(t)
			t.Setenv("AWS_ACCESS_KEY_ID", "test")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
			args := append([]string{"fault", "--name", "blog", "--environment", "dev", "--region", "eu-central-1", "--archive", "image.tar", "--commit", "6fc2d10"}, test.args...)
			status, _, progress := slipway(t, args...)
			if status != 1 || !strings.Contains(progress, test.want) {
				t.Errorf("exit status %d, message %q, want 1 and %q", status, progress, test.want)
			}
		})
	}
}
