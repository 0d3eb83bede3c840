package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

const (
	create  = `"create"`
	update  = `"update"`
	destroy = `"delete"`
	replace = `"delete", "create"`
	before  = `"create", "delete"` // create_before_destroy
	read_   = `"read"`
	noOp    = `"no-op"`
	forget  = `"forget"`
)

var kindOf = regexp.MustCompile(`aws_\w+`)

// resource is one resource of a plan as terraform show -json writes it. Further fields are JSON of the resource, or, beginning
// with "change.", of its change.
func resource(address, actions string, fields ...string) string {
	kind := kindOf.FindString(address)
	mode := "managed"
	if strings.HasPrefix(address, "data.") {
		mode = "data"
	}
	var outer, inner strings.Builder
	for _, field := range fields {
		if change, ok := strings.CutPrefix(field, "change."); ok {
			fmt.Fprintf(&inner, ", %s", change)
		} else {
			fmt.Fprintf(&outer, ", %s", field)
		}
	}
	quoted, err := json.Marshal(address)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"address": %s, "mode": %q, "type": %q, "name": "this"%s, "change": {"actions": [%s]%s}}`, quoted, mode, kind, &outer, actions, &inner)
}

// values are a change's before, after and, where it is given, after_unknown.
func values(before, after string, unknown ...string) string {
	text := `change."before": ` + before + `, "after": ` + after
	for _, mask := range unknown {
		text += `, "after_unknown": ` + mask
	}
	return text
}

func decode(t *testing.T, resources ...string) *tfjson.Plan {
	t.Helper()
	var plan tfjson.Plan
	document := `{"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [` + strings.Join(resources, ",") + `]}`
	if err := json.Unmarshal([]byte(document), &plan); err != nil {
		t.Fatal(err)
	}
	return &plan
}

// told are findings as lines: verdict, rule, address and sentence.
func told(findings []report.Finding) []string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, fmt.Sprintf("%s [%s] %s: %s", f.Verdict, f.Rule, f.Address, f.Sentence()))
	}
	return lines
}

// judged is a table of plans and what the guard finds in them.
type judged map[string]struct {
	resources []string
	want      []string
}

func (table judged) test(t *testing.T) {
	t.Helper()
	for sentence, test := range table {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(test.want, told(Check(decode(t, test.resources...)))); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatHoldsData(t *testing.T) {
	const (
		database = "module.database.aws_db_instance.this"
		lost     = "a database: its data goes, except for what a snapshot keeps"
	)
	noBlock := `"action_reason": "delete_because_no_resource_config"`
	judged{
		"a database that leaves the configuration": {
			[]string{resource(database, destroy, noBlock)},
			[]string{"stops [data] " + database + ": destroy: " + lost + "; the configuration has no resource block for it any more"},
		},
		"a database that is replaced, with what forces it": {
			[]string{resource(database, replace, `"action_reason": "replace_because_cannot_update"`,
				values(`{"username": "blog", "port": 3306}`, `{"username": "app"}`, `{"port": true}`), `change."replace_paths": [["username"], ["port"]]`)},
			[]string{"stops [data] " + database + ": replace: " + lost + "; username, port can't be changed in place " +
				`(username: "blog" → "app", port: 3306 → (known after apply))`},
		},
		"a database whose successor is made first": {
			[]string{resource(database, before, `"action_reason": "replace_because_tainted"`)},
			[]string{"stops [data] " + database + ": replace: " + lost + "; it is marked as tainted, by hand or because its creation failed half-way"},
		},
		"a replacement that somebody asks for": {
			[]string{resource(database, replace, `"action_reason": "replace_by_request"`)},
			[]string{"stops [data] " + database + ": replace: " + lost + "; the option -replace names it"},
		},
		"a replacement that another change triggers": {
			[]string{resource(database, replace, `"action_reason": "replace_by_triggers"`)},
			[]string{"stops [data] " + database + ": replace: " + lost + "; something that its replace_triggered_by names changes"},
		},
		"a replacement without paths": {
			[]string{resource(database, replace, `"action_reason": "replace_because_cannot_update"`)},
			[]string{"stops [data] " + database + ": replace: " + lost + "; what changes can't be changed in place"},
		},
		"a count that shrinks": {
			[]string{resource("aws_s3_bucket.this[2]", destroy, `"index": 2, "action_reason": "delete_because_count_index"`)},
			[]string{"stops [data] aws_s3_bucket.this[2]: destroy: a bucket: its objects go, and its name is free for anybody; " +
				"its index 2 is beyond the count of its resource block"},
		},
		"a key that leaves for_each, in nested modules with keys": {
			[]string{resource(`module.site["eu"].module.data.aws_s3_bucket.this["a b"]`, destroy, `"index": "a b", "action_reason": "delete_because_each_key"`)},
			[]string{`stops [data] module.site["eu"].module.data.aws_s3_bucket.this["a b"]: destroy: a bucket: its objects go, and its name is free for anybody; ` +
				`its key "a b" is no longer in for_each`},
		},
		"a resource that gets count without moving": {
			[]string{resource("aws_efs_file_system.this", destroy, `"action_reason": "delete_because_wrong_repetition"`)},
			[]string{"stops [data] aws_efs_file_system.this: destroy: a file system: its files go, except for what a backup keeps; " +
				"it has no key, and its resource block has count or for_each now"},
		},
		"a resource that goes from count to for_each": {
			[]string{resource("aws_efs_file_system.this[0]", destroy, `"index": 0, "action_reason": "delete_because_wrong_repetition"`)},
			[]string{"stops [data] aws_efs_file_system.this[0]: destroy: a file system: its files go, except for what a backup keeps; " +
				"its key 0 isn't one that its resource block could have now"},
		},
		"a module that is gone": {
			[]string{resource(database, destroy, `"module_address": "module.database", "action_reason": "delete_because_no_module"`)},
			[]string{"stops [data] " + database + ": destroy: " + lost + "; its module module.database is no longer declared"},
		},
		"a move to where nothing is": {
			[]string{resource("aws_kms_key.new", destroy, `"previous_address": "aws_kms_key.old", "action_reason": "delete_because_no_move_target"`)},
			[]string{"stops [data] aws_kms_key.new: destroy: a key: its deletion is scheduled, and then nothing that it encrypted can be read; " +
				"a moved block leads to an address that has no resource block, after its move from aws_kms_key.old"},
		},
		"a move that also replaces": {
			[]string{resource("aws_kms_key.new", replace, `"previous_address": "aws_kms_key.old", "action_reason": "replace_because_tainted"`)},
			[]string{"stops [data] aws_kms_key.new: replace: a key: its deletion is scheduled, and then nothing that it encrypted can be read; " +
				"it is marked as tainted, by hand or because its creation failed half-way, after its move from aws_kms_key.old"},
		},
		"a reason that a newer Terraform may have": {
			[]string{resource(database, destroy, `"action_reason": "delete_because_of_the_moon"`)},
			[]string{"stops [data] " + database + ": destroy: " + lost + "; Terraform's reason is delete_because_of_the_moon"},
		},
		"everything is destroyed": {
			[]string{resource(database, destroy)},
			[]string{"stops [data] " + database + ": destroy: " + lost + "; the plan gives no reason, as where everything is destroyed"},
		},
		"an object that an earlier replacement left behind": {
			[]string{resource(database, noOp), resource(database, destroy, `"deposed": "0a1b2c3d"`)},
			[]string{"stops [data] " + database + ": destroy: " + lost + "; an earlier replacement left it behind as deposed object 0a1b2c3d"},
		},
		"a cache that keeps snapshots": {
			[]string{resource("aws_elasticache_replication_group.this", destroy, noBlock, values(`{"snapshot_retention_limit": 5}`, `null`))},
			[]string{"stops [data] aws_elasticache_replication_group.this: destroy: a cache that keeps snapshots: what it holds goes, except for a final snapshot; " +
				"the configuration has no resource block for it any more"},
		},
		"a cache that is only a cache": {
			[]string{resource("aws_elasticache_replication_group.this", destroy, noBlock, values(`{"snapshot_retention_limit": 0}`, `null`))}, nil,
		},
		"a secret parameter": {
			[]string{resource("aws_ssm_parameter.this", destroy, noBlock, values(`{"type": "SecureString", "value": "hunter2"}`, `null`))},
			[]string{"stops [data] aws_ssm_parameter.this: destroy: a SecureString parameter: its value and its history go; " +
				"the configuration has no resource block for it any more"},
		},
		"a plain parameter": {[]string{resource("aws_ssm_parameter.this", destroy, noBlock, values(`{"type": "String"}`, `null`))}, nil},
		"a removed block that keeps what is there": {
			[]string{resource("aws_s3_bucket.old", forget, noBlock)},
			[]string{"noted [data] aws_s3_bucket.old: forget: a bucket: it stays in AWS, and Terraform no longer looks after it; a removed block tells Terraform to forget it"},
		},
		"a removed block for what holds nothing": {[]string{resource("aws_vpc.old", forget)}, nil},
		"logs that stay when Terraform lets go of them": {
			[]string{resource("aws_cloudwatch_log_group.this", destroy, noBlock, values(`{"skip_destroy": true}`, `null`))},
			[]string{"noted [data] aws_cloudwatch_log_group.this: destroy: logs: it stays in AWS, and Terraform no longer looks after it; " +
				"the configuration has no resource block for it any more"},
		},
		"a move and nothing else":            {[]string{resource("aws_s3_bucket.new", noOp, `"previous_address": "aws_s3_bucket.old"`)}, nil},
		"a database that is made":            {[]string{resource(database, create)}, nil},
		"a database that is updated":         {[]string{resource(database, update)}, nil},
		"a database that is imported":        {[]string{resource(database, noOp, `change."importing": {"id": "blog-dev"}`)}, nil},
		"a data source, only read":           {[]string{resource("data.aws_db_instance.this", read_)}, nil},
		"a data source that goes":            {[]string{resource("data.aws_db_instance.this", destroy)}, nil},
		"what can be made again, replaced":   {[]string{resource("aws_vpc_security_group_egress_rule.this", replace)}, nil},
		"an object that Terraform wrote":     {[]string{resource("aws_s3_object.index", destroy)}, nil},
		"a secret's version, drawn anew":     {[]string{resource("aws_secretsmanager_secret_version.this", replace)}, nil},
		"an instance, which can be replaced": {[]string{resource("aws_instance.this", replace)}, nil},
	}.test(t)
}

// Each type in the list is looked for once, and nothing is in it twice.
func TestEveryKindStops(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range kinds {
		for _, name := range kind.types {
			if seen[name] {
				t.Errorf("%s is in the list twice", name)
			}
			seen[name] = true
			values := values(`{"snapshot_retention_limit": 1, "type": "SecureString"}`, `null`)
			found := Check(decode(t, resource(name+".this", destroy, values)))
			if len(found) != 1 || found[0].Verdict != report.Stops || found[0].Rule != Data || !strings.HasPrefix(found[0].What, kind.noun+": ") {
				t.Errorf("%s: found %v", name, told(found))
			}
		}
	}
	for _, name := range []string{ // by the list
		"aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance", "aws_s3_bucket", "aws_efs_file_system", "aws_dynamodb_table", "aws_kms_key",
		"aws_secretsmanager_secret", "aws_ecr_repository", "aws_cloudwatch_log_group", "aws_eip", "aws_route53_zone",
	} {
		if !seen[name] {
			t.Errorf("%s is not in the list", name)
		}
	}
}

func TestSensitiveValuesAreNeverShown(t *testing.T) {
	const address = "aws_db_instance.this"
	forced := func(path, masks string) string {
		return resource(address, replace, `"action_reason": "replace_because_cannot_update"`,
			values(`{"username": "canary", "password": "canary", "restore": [{"token_of": "canary", "size": "canary"}], "tags": {"a.b": "canary"}}`, `{"username": "canary2"}`),
			`change."replace_paths": [`+path+`]`+masks)
	}
	tests := map[string]string{
		"sensitive before":                            forced(`["username"]`, `, "before_sensitive": {"username": true}`),
		"sensitive after":                             forced(`["username"]`, `, "after_sensitive": {"username": true}`),
		"sensitive as a whole":                        forced(`["username"]`, `, "before_sensitive": true`),
		"sensitive around it":                         forced(`["restore", 0, "size"]`, `, "before_sensitive": {"restore": true}`),
		"sensitive deep in it":                        forced(`["restore", 0, "size"]`, `, "before_sensitive": {"restore": [{"size": true}]}`),
		"sensitive within it":                         forced(`["restore"]`, `, "before_sensitive": {"restore": [{"size": true}]}`),
		"a list is not shown":                         forced(`["restore"]`, ``),
		"a name that says it":                         forced(`["password"]`, ``),
		"an element of a set, which the path spells":  forced(`["restore", {"size": "canary"}]`, ``),
		"a key with a dot, whose mask is to be found": forced(`["tags", "a.b"]`, `, "before_sensitive": {"tags": {"a.b": true}}`),
	}
	for sentence, document := range tests {
		t.Run(sentence, func(t *testing.T) {
			findings := Check(decode(t, document))
			if len(findings) == 0 || len(findings[0].Values) == 0 {
				t.Fatalf("no values to hide: %v", told(findings))
			}
			all, err := json.Marshal(findings)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(all), "canary") {
				t.Errorf("the value is shown: %s", all)
			}
		})
	}
	shown := Check(decode(t, forced(`["username"]`, ``)))
	if want := []report.FindingValue{{Attribute: "username", Before: `"canary"`, After: `"canary2"`}}; !cmp.Equal(want, shown[0].Values) {
		t.Errorf("what isn't sensitive isn't shown: %v", shown[0].Values)
	}
}

func TestWhatATerminalWouldObeyIsTakenOut(t *testing.T) {
	document := strings.ReplaceAll(resource("aws_kms_key.this[ESC]", destroy, `"deposed": "ESC", "action_reason": "ESC"`, `"previous_address": "ESC"`), "ESC", `\u001b[2J`)
	findings := Check(decode(t, document))
	all, err := json.Marshal(findings)
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) != 1 || strings.Contains(string(all), `\u001b`) {
		t.Errorf("findings %s", all)
	}
}

func TestAPlanThatHoldsNothing(t *testing.T) {
	for sentence, plan := range map[string]*tfjson.Plan{
		"none":                       nil,
		"an empty one":               {},
		"a change that is missing":   {ResourceChanges: []*tfjson.ResourceChange{nil, {Type: "aws_s3_bucket"}}},
		"a change without an action": {ResourceChanges: []*tfjson.ResourceChange{{Type: "aws_s3_bucket", Change: &tfjson.Change{}}}},
	} {
		if got := Check(plan); got != nil {
			t.Errorf("%s: found %v", sentence, told(got))
		}
	}
}

func TestRunningTaskDefinition(t *testing.T) {
	const service = "aws_ecs_service.this"
	never := "never [running task definition] " + service + ": update: the service would run what Terraform says, and not what was deployed "
	judged{
		"another task definition": {
			[]string{resource(service, update, values(`{"task_definition": "blog:41"}`, `{"task_definition": "blog:42"}`))},
			[]string{never + `(task_definition: "blog:41" → "blog:42")`},
		},
		"one that isn't there yet": {
			[]string{resource(service, update, values(`{"task_definition": "blog:41"}`, `{}`, `{"task_definition": true}`))},
			[]string{never + `(task_definition: "blog:41" → (known after apply))`},
		},
		"the same": {[]string{resource(service, update, values(`{"task_definition": "blog:41"}`, `{"task_definition": "blog:41", "desired_count": 2}`))}, nil},
		"new":      {[]string{resource(service, create, values(`null`, `{"task_definition": "blog:41"}`))}, nil},
		"of values that are none": {
			[]string{resource(service, update, values(`{"task_definition": {"a": 1}}`, `{"task_definition": [1]}`))},
			[]string{never + `(task_definition: (object) → (list of 1))`},
		},
	}.test(t)
}

func TestRefuse(t *testing.T) {
	bucket, database, lb := `aws_s3_bucket.this["it's"]`, "module.database.aws_db_instance.this", "aws_lb.this"
	lostBucket := resource(bucket, destroy, `"index": "it's", "action_reason": "delete_because_each_key"`)
	lostDatabase := resource(database, replace, `"action_reason": "replace_because_tainted"`)
	weaker := resource(lb, update, values(`{"enable_deletion_protection": true}`, `{"enable_deletion_protection": false}`))
	twice := resource(database, update, values(`{"deletion_protection": true, "backup_retention_period": 7}`, `{"deletion_protection": false, "backup_retention_period": 0}`))
	task := resource("aws_ecs_service.this", update, values(`{"task_definition": "blog:41"}`, `{"task_definition": "blog:42"}`))

	ofBucket := bucket + `: destroy: a bucket: its objects go, and its name is free for anybody; its key "it's" is no longer in for_each`
	ofDatabase := database + ": replace: a database: its data goes, except for what a snapshot keeps; it is marked as tainted, by hand or because its creation failed half-way"
	ofLB := lb + ": update: deletion protection is switched off (enable_deletion_protection: true → false)"
	moves := &report.Failure{
		Reason:   "the guard refuses the plan: it would change the task definition that a service runs",
		Evidence: []string{"aws_ecs_service.this"},
		Effect:   "nothing was applied",
		Next:     "put lifecycle { ignore_changes = [task_definition, desired_count] } into the aws_ecs_service: the pipeline sets both",
	}
	pattern := func(address string) *report.Failure {
		return &report.Failure{Reason: "--allow-destroy " + address + " is a pattern; every address has to be named", Effect: "nothing was changed"}
	}
	unclear := func(address string) *report.Failure {
		return &report.Failure{
			Reason: "--allow-destroy " + address + " is not the address of one resource", Effect: "nothing was changed",
			Next: `give the whole address, as the guard prints it, in quotes: --allow-destroy "module.data.aws_s3_bucket.this['a']"`,
		}
	}
	tests := map[string]struct {
		resources []string
		allowed   []string
		want      *report.Failure
	}{
		"nothing is lost": {resources: []string{resource(database, create)}},
		"all are named":   {resources: []string{lostBucket, lostDatabase, weaker}, allowed: []string{database, lb, bucket}},
		"none is named": {resources: []string{lostBucket, lostDatabase, weaker}, want: &report.Failure{
			Reason:   "the guard refuses the plan: it destroys or replaces 2 resources that hold data, and makes 1 resource less safe",
			Evidence: []string{ofBucket, ofDatabase, ofLB},
			Effect:   "nothing was applied",
			Next: `if that is meant, name each one: --allow-destroy 'aws_s3_bucket.this["it'\''s"]' ` +
				`--allow-destroy 'module.database.aws_db_instance.this' --allow-destroy 'aws_lb.this'`,
		}},
		"one is named, the other is refused": {resources: []string{lostBucket, lostDatabase}, allowed: []string{bucket}, want: &report.Failure{
			Reason:   "the guard refuses the plan: it destroys or replaces 1 resource that holds data",
			Evidence: []string{ofDatabase},
			Effect:   "nothing was applied",
			Next:     "if that is meant, name each one: --allow-destroy 'module.database.aws_db_instance.this'",
		}},
		"only less safe": {resources: []string{weaker, twice}, want: &report.Failure{
			Reason: "the guard refuses the plan: it makes 2 resources less safe",
			Evidence: []string{
				ofLB,
				database + ": update: deletion protection is switched off (deletion_protection: true → false)",
				database + ": update: automated backups end, and those that there are go (backup_retention_period: 7 → 0)",
			},
			Effect: "nothing was applied",
			Next:   "if that is meant, name each one: --allow-destroy 'aws_lb.this' --allow-destroy 'module.database.aws_db_instance.this'",
		}},
		"a name allows all at its address":      {resources: []string{twice}, allowed: []string{database}},
		"a deposed object goes by the same one": {resources: []string{resource(database, destroy, `"deposed": "0a1b2c3d"`)}, allowed: []string{database}},
		"a slip of the pen is told": {resources: []string{weaker}, allowed: []string{"aws_lb.that"}, want: &report.Failure{
			Reason:   "the guard refuses the plan: it makes 1 resource less safe",
			Evidence: []string{ofLB, "--allow-destroy aws_lb.that allows nothing: the guard stops at no such address; leave it out, or correct it"},
			Effect:   "nothing was applied",
			Next:     "if that is meant, name each one: --allow-destroy 'aws_lb.this'",
		}},
		"the module around it is no name of it": {
			resources: []string{lostDatabase}, allowed: []string{"module.database"},
			want: &report.Failure{
				Reason:   "the guard refuses the plan: it destroys or replaces 1 resource that holds data",
				Evidence: []string{ofDatabase, "--allow-destroy module.database allows nothing: the guard stops at no such address; leave it out, or correct it"},
				Effect:   "nothing was applied",
				Next:     "if that is meant, name each one: --allow-destroy 'module.database.aws_db_instance.this'",
			},
		},
		"the resource without its key is no name of it": {
			resources: []string{lostBucket}, allowed: []string{"aws_s3_bucket.this"},
			want: &report.Failure{
				Reason:   "the guard refuses the plan: it destroys or replaces 1 resource that holds data",
				Evidence: []string{ofBucket, "--allow-destroy aws_s3_bucket.this allows nothing: the guard stops at no such address; leave it out, or correct it"},
				Effect:   "nothing was applied",
				Next:     `if that is meant, name each one: --allow-destroy 'aws_s3_bucket.this["it'\''s"]'`,
			},
		},
		"a name at which nothing happens":         {allowed: []string{database}},
		"a service would run the template":        {resources: []string{task}, want: moves},
		"and no name allows that":                 {resources: []string{task, lostBucket}, allowed: []string{"aws_ecs_service.this", bucket}, want: moves},
		"a pattern, even where nothing is lost":   {allowed: []string{"aws_db_instance.*"}, want: pattern("aws_db_instance.*")},
		"a pattern for all keys":                  {resources: []string{lostBucket}, allowed: []string{"aws_s3_bucket.this[*]"}, want: pattern("aws_s3_bucket.this[*]")},
		"everything":                              {resources: []string{lostBucket}, allowed: []string{"*"}, want: pattern("*")},
		"a pattern of one character":              {allowed: []string{"aws_db_instance.?"}, want: pattern("aws_db_instance.?")},
		"a pattern behind a name that is one":     {resources: []string{lostBucket}, allowed: []string{bucket, "module.*.aws_s3_bucket.this"}, want: pattern("module.*.aws_s3_bucket.this")},
		"a type":                                  {allowed: []string{"aws_db_instance"}, want: unclear("aws_db_instance")},
		"nothing at all":                          {allowed: []string{""}, want: unclear("")},
		"a key whose quotes the shell took":       {allowed: []string{"aws_s3_bucket.this[a]"}, want: unclear("aws_s3_bucket.this[a]")},
		"two at once":                             {allowed: []string{"aws_s3_bucket.a,aws_s3_bucket.b"}, want: unclear("aws_s3_bucket.a,aws_s3_bucket.b")},
		"a regular expression":                    {allowed: []string{"aws_s3_bucket.a|aws_s3_bucket.b"}, want: unclear("aws_s3_bucket.a|aws_s3_bucket.b")},
		"a star in a key is a key":                {resources: []string{resource(`aws_route53_zone.this["*.example.com"]`, destroy)}, allowed: []string{`aws_route53_zone.this["*.example.com"]`}},
		"a key with a quote, a dot and a bracket": {resources: []string{resource(`aws_kms_key.this["a\"].b["]`, destroy)}, allowed: []string{`aws_kms_key.this["a\"].b["]`}},
		"a number as key, in modules with keys":   {resources: []string{resource(`module.a[0].module.b["x.y"].aws_kms_key.this[12]`, destroy)}, allowed: []string{`module.a[0].module.b["x.y"].aws_kms_key.this[12]`}},
		"a star in a key names no other key by itself": {resources: []string{resource(`aws_route53_zone.this["a"]`, destroy)}, allowed: []string{`aws_route53_zone.this["*"]`}, want: &report.Failure{
			Reason: "the guard refuses the plan: it destroys or replaces 1 resource that holds data",
			Evidence: []string{
				`aws_route53_zone.this["a"]: destroy: a DNS zone or domain: a new one has other name servers, so the domain is dark until the registrar's are changed; ` +
					"the plan gives no reason, as where everything is destroyed",
				`--allow-destroy aws_route53_zone.this["*"] allows nothing: the guard stops at no such address; leave it out, or correct it`,
			},
			Effect: "nothing was applied",
			Next:   `if that is meant, name each one: --allow-destroy "aws_route53_zone.this['a']"`,
		}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			findings := Check(decode(t, test.resources...))
			err := Refuse(findings, test.allowed)
			failure, _ := errors.AsType[*report.Failure](err)
			if diff := cmp.Diff(test.want, failure, cmp.AllowUnexported(report.Failure{})); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
			if err != nil && failure == nil {
				t.Errorf("error %v is no failure", err)
			}
			if len(findings) == 0 && len(test.resources) > 0 && test.resources[0] != resource(database, create) {
				t.Error("nothing was found, so nothing was allowed")
			}
			for _, finding := range findings {
				named := slices.Contains(test.allowed, finding.Address) && finding.Rule != RunningTaskDefinition
				if refused := failure != nil && strings.Contains(failure.Reason, "pattern"); !refused && named != (finding.Verdict == report.Allowed) {
					t.Errorf("%s: named %t, verdict %s", finding.Address, named, finding.Verdict)
				}
			}
		})
	}
}

func TestUnused(t *testing.T) {
	findings := Check(decode(t, resource("aws_kms_key.this", destroy), resource("aws_s3_bucket.old", forget)))
	if err := Refuse(findings, []string{"aws_kms_key.this"}); err != nil {
		t.Fatal(err)
	}
	got := Unused(findings, []string{"aws_kms_key.this", "aws_kms_key.that", "aws_s3_bucket.old"})
	want := []string{
		"--allow-destroy aws_kms_key.that allows nothing: the guard stops at no such address; leave it out, or correct it",
		"--allow-destroy aws_s3_bucket.old allows nothing: the guard stops at no such address; leave it out, or correct it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sentences (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"aws_kms_key.this"}, Addresses(findings)); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestALongListIsCut(t *testing.T) {
	var resources []string
	for i := range 70 {
		resources = append(resources, resource(fmt.Sprintf("aws_kms_key.this[%d]", i), destroy))
	}
	failure := report.AsFailure(Refuse(Check(decode(t, resources...)), nil))
	if got := len(failure.Evidence); got != 51 || failure.Evidence[50] != "and 20 more" {
		t.Errorf("%d lines, the last %q", got, failure.Evidence[got-1])
	}
	if !strings.HasSuffix(failure.Next, "'aws_kms_key.this[49]' and 20 more") || !strings.Contains(failure.Reason, "70 resources") {
		t.Errorf("reason %q, next %q", failure.Reason, failure.Next)
	}
}

func TestAnAddressAsAnArgument(t *testing.T) {
	tests := map[string]struct{ address, want, named string }{
		"no key":                    {`aws_lb.this`, `'aws_lb.this'`, `aws_lb.this`},
		"a number":                  {`aws_lb.this[0]`, `'aws_lb.this[0]'`, `aws_lb.this[0]`},
		"keys":                      {`module.m["a.b"].aws_eip.nat["x y"]`, `"module.m['a.b'].aws_eip.nat['x y']"`, `module.m['a.b'].aws_eip.nat['x y']`},
		"a key that ends a list":    {`aws_eip.nat["a,b"]`, `'aws_eip.nat["a,b"]'`, `aws_eip.nat["a,b"]`},
		"a key that a shell reads":  {`aws_eip.nat["$HOME"]`, `'aws_eip.nat["$HOME"]'`, `aws_eip.nat["$HOME"]`},
		"a key that ends in quotes": {`aws_eip.nat["it's"]`, `'aws_eip.nat["it'\''s"]'`, `aws_eip.nat["it's"]`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if got := Argument(test.address); got != test.want {
				t.Errorf("the argument is %s, not %s", got, test.want)
			}
			if got := Named([]string{test.named}); got[0] != test.address {
				t.Errorf("%s names %s", test.named, got[0])
			}
		})
	}
}
