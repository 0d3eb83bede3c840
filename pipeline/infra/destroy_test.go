package infra

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadState(t *testing.T) {
	tests := map[string]struct {
		document string
		want     []string
		fails    bool
	}{
		"no state yet":      {"", nil, false},
		"an empty state":    {`{"version": 4, "resources": []}`, nil, false},
		"what is no state":  {"<html>", nil, true},
		"a version to come": {`{"version": 5}`, nil, true},
		"a data source":     {`{"version": 4, "resources": [{"mode": "data", "type": "aws_x", "name": "this", "instances": [{}]}]}`, nil, false},
		"modules and keys": {`{"version": 4, "resources": [
			{"mode": "managed", "type": "aws_x", "name": "this", "instances": [{"attributes": {"arn": "a"}}]},
			{"module": "module.m[\"k\"]", "mode": "managed", "type": "aws_y", "name": "b", "instances": [{"index_key": 0}, {"index_key": 1}]},
			{"mode": "managed", "type": "aws_z", "name": "c", "instances": [{"index_key": "a \"b\""}, {"deposed": "01234567"}]}]}`,
			[]string{"aws_x.this", `module.m["k"].aws_y.b[0]`, `module.m["k"].aws_y.b[1]`, `aws_z.c["a \"b\""]`, "aws_z.c (deposed 01234567)"}, false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			resources, err := readState([]byte(test.document))
			var got []string
			for _, resource := range resources {
				got = append(got, resource.Address)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != test.fails {
				t.Errorf("%v, addresses (-want +got):\n%s", err, diff)
			}
		})
	}
}
