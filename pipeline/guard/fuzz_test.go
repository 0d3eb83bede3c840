package guard

import (
	"encoding/json"
	"slices"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// judgedTypes are the resource types that some rule looks at.
func judgedTypes() []string {
	types := []string{
		"aws_security_group", "aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "aws_ecs_service",
		"aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block", "aws_s3_bucket_acl", "aws_s3_bucket_policy", "aws_db_snapshot",
	}
	for _, kind := range kinds {
		types = append(types, kind.types...)
	}
	for _, s := range changes {
		types = append(types, s.types...)
	}
	for _, s := range safeguards {
		types = append(types, s.kind)
	}
	for _, v := range engines {
		types = append(types, v.types...)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// No values that a file can hold make the guard panic, and every finding can be allowed or refused.
func FuzzValues(f *testing.F) {
	types := judgedTypes()
	seeds := []struct {
		kind          string
		before, after string
	}{
		{"aws_db_instance", `{"engine": "mysql", "engine_version": "8.0", "deletion_protection": true}`, `{"engine": "mysql", "engine_version": "8.4"}`},
		{"aws_security_group", `{}`, `{"ingress": [{"cidr_blocks": ["0.0.0.0/0"], "from_port": 22, "to_port": 22, "protocol": "tcp"}]}`},
		{"aws_s3_bucket_policy", `{}`, `{"policy": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Condition\": {\"IpAddress\": {\"aws:SourceIp\": \"::/0\"}}}]}"}`},
		{"aws_s3_bucket_acl", `null`, `{"access_control_policy": [{"grant": [{"permission": "READ", "grantee": [{"uri": "/global/AllUsers"}]}]}]}`},
		{"aws_dynamodb_table", `{"point_in_time_recovery": [{"enabled": true}]}`, `{"point_in_time_recovery": {"0": []}}`},
		{"aws_s3_bucket_public_access_block", `[]`, `{"block_public_acls": {}}`},
	}
	for _, seed := range seeds {
		for actions := range uint8(32) {
			f.Add(uint16(slices.Index(types, seed.kind)), actions, []byte(seed.before), []byte(seed.after), []byte(`{"engine_version": true}`), []byte(`[["engine"], [{}], 1, [0, "a"]]`))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint16, actions uint8, before, after, mask, paths []byte) {
		change := &tfjson.Change{}
		for i, action := range []tfjson.Action{tfjson.ActionCreate, tfjson.ActionUpdate, tfjson.ActionDelete, tfjson.ActionForget, "else"} {
			if actions&(1<<i) != 0 {
				change.Actions = append(change.Actions, action)
			}
		}
		for text, into := range map[*[]byte]any{&before: &change.Before, &after: &change.After, &mask: &change.AfterUnknown, &paths: &change.ReplacePaths} {
			if json.Unmarshal(*text, into) != nil {
				return
			}
		}
		change.BeforeSensitive, change.AfterSensitive = change.AfterUnknown, change.Before
		resource := &tfjson.ResourceChange{Type: types[int(kind)%len(types)], Change: change, Index: change.Before}
		resource.Address = resource.Type + ".this"
		findings := Check(&tfjson.Plan{ResourceChanges: []*tfjson.ResourceChange{resource, nil}})
		never := slices.ContainsFunc(findings, func(f report.Finding) bool { return f.Verdict == report.Never })
		if err := Refuse(findings, []string{resource.Address}); (err != nil) != never {
			t.Errorf("all is allowed by name, and the guard says %v", err)
		}
		if len(Addresses(findings)) > 1 {
			t.Errorf("addresses %v of one resource", Addresses(findings))
		}
	})
}

// A plan of any JSON is judged without a panic.
func FuzzPlan(f *testing.F) {
	for _, document := range []string{
		`{"format_version": "1.2", "resource_changes": [null, {}, {"change": null}, {"type": "aws_s3_bucket", "change": {"actions": ["delete"]}}]}`,
		`{"format_version": "1.2", "resource_changes": [{"address": "aws_ecs_service.a", "type": "aws_ecs_service", "change": {"actions": ["update"], "before": [], "after": 1}}]}`,
		`{"format_version": "1.2", "resource_changes": [{"type": "aws_kms_key", "index": {"a": 1}, "action_reason": "delete_because_each_key", "change": {"actions": ["delete", "delete"]}}]}`,
	} {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		var plan tfjson.Plan
		if json.Unmarshal(document, &plan) != nil {
			return
		}
		findings := Check(&plan)
		_ = Refuse(findings, Addresses(findings))
	})
}
