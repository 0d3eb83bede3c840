package cost

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func saved(t testing.TB, name string) *tfjson.Plan {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, string(content))
}

func read(t testing.TB, document string) *tfjson.Plan {
	t.Helper()
	var plan tfjson.Plan
	if err := json.Unmarshal([]byte(document), &plan); err != nil {
		t.Fatal(err)
	}
	return &plan
}

func of(t testing.TB, plan *tfjson.Plan) *report.Cost {
	t.Helper()
	cost, err := Of(plan, "")
	if err != nil {
		t.Fatal(err)
	}
	return cost
}

// The hand calculation in docs/cost.md adds up, and is what Of says of plans that Terraform made.
func TestOurEnvironmentsCostWhatTheDocumentationCalculates(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "cost.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, environment := range []string{"dev", "prod"} {
		t.Run(environment, func(t *testing.T) {
			_, section, found := strings.Cut(string(content), "\n### "+environment+"\n")
			if !found {
				t.Fatal("docs/cost.md has no such section")
			}
			section, _, _ = strings.Cut(section, "\n### ")
			want := map[string]string{}
			for _, row := range regexp.MustCompile("(?m)^\\| `(.+)` \\| (.+) \\| ([0-9.]+) \\|$").FindAllStringSubmatch(section, -1) {
				want[row[1]] = row[3]
				if got := calculate(t, row[2]); got.String() != row[3] {
					t.Errorf("%s = %s, and the table says %s", row[2], got, row[3])
				}
			}
			sum := regexp.MustCompile(`(?m)^\| sum \| \| ([0-9.]+) \|$`).FindStringSubmatch(section)
			if sum == nil || len(want) < 6 {
				t.Fatalf("read %d rows and the sum %v", len(want), sum)
			}
			cost := of(t, saved(t, environment))
			got := map[string]string{}
			for _, resource := range cost.Resources {
				got[resource.Address] = resource.After.String()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("resources (-documentation +got):\n%s", diff)
			}
			if cost.After.String() != sum[1] || cost.Now != 0 {
				t.Errorf("now %s, after %s, want 0.00 and %s", cost.Now, cost.After, sum[1])
			}
			if len(cost.Unknown) > 0 {
				t.Errorf("not priced: %v", cost.Unknown)
			}
		})
	}
}

// calculate does a sum as docs/cost.md writes it: "730 h × 0.027 + 2 addresses × 730 h × 0.005".
func calculate(t *testing.T, sum string) report.Cents {
	t.Helper()
	var cents report.Cents
	for _, term := range strings.Split(sum, " + ") {
		product := big.NewRat(1, 1)
		for _, factor := range strings.Split(term, " × ") {
			number, _, _ := strings.Cut(factor, " ")
			n, ok := new(big.Rat).SetString(number)
			if !ok {
				t.Fatalf("%q is no number", number)
			}
			product.Mul(product, n)
		}
		cents += price{usd: product}.monthly(one)
	}
	return cents
}

func TestAChangeOfAnEnvironment(t *testing.T) {
	cost := of(t, saved(t, "change"))
	type row struct{ now, after string }
	got := map[string]row{"sum": {cost.Now.String(), cost.After.String()}}
	for _, resource := range cost.Resources {
		got[resource.Address] = row{resource.Now.String(), resource.After.String()}
	}
	want := map[string]row{
		"sum":                              {"96.00", "208.30"},
		"module.load_balancer.aws_lb.this": {"27.01", "27.01"},
		`module.network.aws_nat_gateway.this["eu-central-1a"]`: {"37.96", "0.00"},
		`module.network.aws_eip.nat["eu-central-1a"]`:          {"3.65", "0.00"},
		// The standing template was replaced, and the contract asks for three of the new one.
		"module.service.aws_ecs_service.this":           {"10.37", "62.17"},
		"module.database.aws_db_instance.this":          {"16.61", "31.12"},
		"module.secrets.aws_secretsmanager_secret.this": {"0.40", "0.40"},
	}
	for _, service := range []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm"} {
		want[`module.network.aws_vpc_endpoint.interface["`+service+`"]`] = row{"0.00", "17.52"} // 2 zones × 730 h × 0.012
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("costs (-want +got):\n%s", diff)
	}
	if first := cost.Resources[0].Address; first != "module.service.aws_ecs_service.this" {
		t.Errorf("the first row is %s, want the largest change", first)
	}
	for _, use := range cost.Usage {
		if strings.HasPrefix(use.What, "NAT gateway") {
			t.Errorf("%s is charged for a gateway that goes away", use.What)
		}
	}
}

// resourceChange is one resource of a plan as terraform show -json writes it.
func resourceChange(address, kind, actions, before, after, unknown string) string {
	return fmt.Sprintf(`{"address": %q, "mode": "managed", "type": %q, "name": "this", "change": {"actions": [%s], "before": %s, "after": %s, "after_unknown": %s}}`,
		address, kind, actions, before, after, unknown)
}

func made(kind, values string) string { return notYet(kind, values, "{}") }

func notYet(kind, values, unknown string) string {
	return resourceChange(kind+".this", kind, `"create"`, "null", values, unknown)
}

// document is a plan in us-east-1.
func document(changes ...string) string {
	return `{"format_version": "1.2", "variables": {"region": {"value": "us-east-1"}}, "resource_changes": [` + strings.Join(changes, ",") + `]}`
}

func TestWhatAResourceCosts(t *testing.T) {
	task := func(more string) string {
		return made("aws_ecs_task_definition", `{"family": "web", "cpu": "1024", "memory": "2048"`+more+`}`)
	}
	web := func(more string) string {
		return made("aws_ecs_service", `{"name": "web", "launch_type": "FARGATE", "task_definition": "arn:aws:ecs:us-east-1:000000000000:task-definition/web:41", "desired_count": 2`+more+`}`)
	}
	mysql := func(more string) string {
		return made("aws_db_instance", `{"engine": "mysql", "engine_version": "8.4", "instance_class": "db.t4g.small", "allocated_storage": 20, "storage_type": "gp3"`+more+`}`)
	}
	tests := map[string]struct {
		changes []string
		parts   []string // "what: amount", of every resource in turn
		unknown []string // reasons
	}{
		"a NAT gateway":                              {changes: []string{made("aws_nat_gateway", `{}`)}, parts: []string{"NAT gateway: 32.85"}},
		"a regional one":                             {changes: []string{made("aws_nat_gateway", `{"availability_mode": "regional"}`)}, unknown: []string{"a regional NAT gateway: the number of zones that it is charged for follows the traffic"}},
		"an address that nothing uses":               {changes: []string{made("aws_eip", `{}`)}, parts: []string{"public IPv4 address: 3.65"}},
		"an address of the account's own":            {changes: []string{made("aws_eip", `{"public_ipv4_pool": "ipv4pool-ec2-0123"}`)}},
		"a load balancer in three zones":             {changes: []string{made("aws_lb", `{"load_balancer_type": "application", "internal": false, "subnets": ["a", "b", "c"]}`)}, parts: []string{"load balancer: 16.43", "3 public IPv4 addresses: 10.95"}},
		"one with subnet mappings":                   {changes: []string{made("aws_lb", `{"subnet_mapping": [{"subnet_id": "a"}, {"subnet_id": "b"}, {"subnet_id": "c"}]}`)}, parts: []string{"load balancer: 16.43", "3 public IPv4 addresses: 10.95"}},
		"one whose subnets aren't known":             {changes: []string{notYet("aws_lb", `{}`, `{"subnets": true}`)}, parts: []string{"load balancer: 16.43", "2 public IPv4 addresses: 7.30"}},
		"an internal one has no public addresses":    {changes: []string{made("aws_lb", `{"internal": true, "subnets": ["a", "b"]}`)}, parts: []string{"load balancer: 16.43"}},
		"one that may be internal":                   {changes: []string{notYet("aws_lb", `{"subnets": ["a", "b"]}`, `{"internal": true}`)}, parts: []string{"load balancer: 16.43"}, unknown: []string{"whether it has public addresses is known only after apply"}},
		"a network load balancer isn't in the table": {changes: []string{made("aws_lb", `{"load_balancer_type": "network"}`)}, unknown: []string{"a load balancer of type network"}},

		"tasks by their template's size": {changes: []string{task(""), web("")}, parts: []string{"2 tasks of 1 vCPU (x86_64): 59.10", "2 GB of memory each: 12.98"}},
		"tasks on ARM":                   {changes: []string{task(`, "runtime_platform": [{"cpu_architecture": "ARM64"}]`), web("")}, parts: []string{"2 tasks of 1 vCPU (arm64): 47.27", "2 GB of memory each: 10.40"}},
		"tasks on Windows":               {changes: []string{task(`, "runtime_platform": [{"operating_system_family": "WINDOWS_SERVER_2022_CORE"}]`), web("")}, unknown: []string{"its tasks: Windows is charged with a licence"}},
		"tasks with public addresses":    {changes: []string{task(""), web(`, "network_configuration": [{"assign_public_ip": true}]`)}, parts: []string{"2 tasks of 1 vCPU (x86_64): 59.10", "2 GB of memory each: 12.98", "2 public IPv4 addresses: 7.30"}},
		"tasks with a larger disk":       {changes: []string{task(`, "ephemeral_storage": [{"size_in_gib": 100}]`), web("")}, parts: []string{"2 tasks of 1 vCPU (x86_64): 59.10", "2 GB of memory each: 12.98", "80 GB of ephemeral storage beyond 20 each: 12.96"}},
		"sizes with units": {
			changes: []string{made("aws_ecs_task_definition", `{"family": "web", "cpu": ".5 vCPU", "memory": "1 GB"}`), web("")},
			parts:   []string{"2 tasks of 0.5 vCPU (x86_64): 29.55", "1 GB of memory each: 6.49"},
		},
		"a size that isn't known":        {changes: []string{notYet("aws_ecs_task_definition", `{"family": "web"}`, `{"cpu": true}`), web("")}, unknown: []string{"its tasks: cpu and memory of the task definition are known only after apply"}},
		"a service without its template": {changes: []string{web("")}, unknown: []string{"its tasks: the task definition isn't in the plan"}},
		"a service on instances":         {changes: []string{task(""), made("aws_ecs_service", `{"launch_type": "EC2", "desired_count": 2}`)}},
		"a service on spare capacity":    {changes: []string{task(""), made("aws_ecs_service", `{"name": "web", "desired_count": 2, "capacity_provider_strategy": [{"capacity_provider": "FARGATE_SPOT", "weight": 1}]}`)}},

		"a database":                              {changes: []string{mysql("")}, parts: []string{"db.t4g.small: 23.36", "20 GB gp3: 2.30"}},
		"a database with a standby":               {changes: []string{mysql(`, "multi_az": true`)}, parts: []string{"db.t4g.small with a standby: 47.45", "20 GB gp3: 4.60"}},
		"a database on the internet":              {changes: []string{mysql(`, "publicly_accessible": true`)}, parts: []string{"db.t4g.small: 23.36", "20 GB gp3: 2.30", "public IPv4 address: 3.65"}},
		"a database with as many IOPS as gp3 has": {changes: []string{mysql(`, "iops": 3000`)}, parts: []string{"db.t4g.small: 23.36", "20 GB gp3: 2.30"}},
		"a database with more":                    {changes: []string{mysql(`, "iops": 4000`)}, parts: []string{"db.t4g.small: 23.36", "20 GB gp3: 2.30"}, unknown: []string{"its provisioned IOPS"}},
		"a database of a version that RDS no longer supports": {
			changes: []string{made("aws_db_instance", `{"engine": "mysql", "engine_version": "8.0.36", "instance_class": "db.t3.micro", "allocated_storage": 20, "storage_type": "gp2"}`)},
			parts:   []string{"db.t3.micro: 12.41", "20 GB gp2: 2.30"},
			unknown: []string{"Extended Support of mysql 8.0, which is charged by the vCPU-hour: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support-charges.html"},
		},
		"a class that isn't known": {changes: []string{notYet("aws_db_instance", `{"engine": "mysql"}`, `{"instance_class": true}`)}, unknown: []string{"the instance: its instance_class is known only after apply"}},
		"a class without a price": {
			changes: []string{made("aws_db_instance", `{"engine": "mysql", "instance_class": "db.x2g.large", "allocated_storage": 20, "storage_type": "gp3"}`)},
			parts:   []string{"20 GB gp3: 2.30"},
			unknown: []string{"db.x2g.large: the prices of us-east-1 have none for rds.mysql.db.x2g.large.hour"},
		},
		"storage that isn't known": {
			changes: []string{notYet("aws_db_instance", `{"engine": "mysql", "instance_class": "db.t4g.small"}`, `{"allocated_storage": true}`)},
			parts:   []string{"db.t4g.small: 23.36"}, unknown: []string{"the storage: allocated_storage is known only after apply"},
		},

		"a secret with a replica":                   {changes: []string{made("aws_secretsmanager_secret", `{"replica": [{"region": "us-west-2"}]}`)}, parts: []string{"secret: 0.80"}},
		"a key":                                     {changes: []string{made("aws_kms_key", `{}`)}, parts: []string{"key: 1.00"}},
		"a hosted zone":                             {changes: []string{made("aws_route53_zone", `{}`)}, parts: []string{"hosted zone: 0.50"}},
		"an alarm":                                  {changes: []string{made("aws_cloudwatch_metric_alarm", `{"period": 60}`)}, parts: []string{"alarm on 1 metric: 0.10"}},
		"an alarm that looks every ten seconds":     {changes: []string{made("aws_cloudwatch_metric_alarm", `{"period": 10}`)}, parts: []string{"alarm on 1 metric: 0.30"}},
		"an alarm on two metrics":                   {changes: []string{made("aws_cloudwatch_metric_alarm", `{"metric_query": [{"metric": [{"period": 300}]}, {"metric": [{"period": 300}]}, {"expression": "a/b"}]}`)}, parts: []string{"alarm on 2 metrics: 0.20"}},
		"an endpoint in two zones":                  {changes: []string{made("aws_vpc_endpoint", `{"vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b"]}`)}, parts: []string{"2 zones: 14.60"}},
		"an endpoint in zones that aren't known":    {changes: []string{notYet("aws_vpc_endpoint", `{"vpc_endpoint_type": "Interface"}`, `{"subnet_ids": true}`)}, unknown: []string{"in how many zones the endpoint stands is known only after apply"}},
		"a gateway endpoint":                        {changes: []string{made("aws_vpc_endpoint", `{"vpc_endpoint_type": "Gateway"}`)}},
		"a table with provisioned capacity":         {changes: []string{made("aws_dynamodb_table", `{"billing_mode": "PROVISIONED", "read_capacity": 30, "write_capacity": 20}`)}, parts: []string{"20 write capacity units: 9.49", "30 read capacity units: 2.85"}},
		"a standard parameter":                      {changes: []string{made("aws_ssm_parameter", `{"tier": "Standard"}`), notYet("aws_ssm_parameter", `{}`, `{"tier": true}`)}},
		"an advanced parameter":                     {changes: []string{made("aws_ssm_parameter", `{"tier": "Advanced"}`)}, unknown: []string{"a parameter of tier Advanced"}},
		"a type that nobody priced":                 {changes: []string{made("aws_redshift_cluster", `{}`)}, unknown: []string{"Slipway has no prices for aws_redshift_cluster"}},
		"a resource in a region without a table":    {changes: []string{made("aws_eip", `{"region": "eu-north-1"}`)}, unknown: []string{"public IPv4 address: the prices of eu-north-1 have none for public-ipv4.hour"}},
		"a resource in another region with a table": {changes: []string{made("aws_nat_gateway", `{"region": "eu-central-1"}`)}, parts: []string{"NAT gateway: 37.96"}},
		"what is known to cost nothing":             {changes: []string{made("aws_iam_role", `{}`), made("random_password", `{}`), made("terraform_data", `{}`)}},
		"a data source, which Terraform only reads": {changes: []string{strings.Replace(made("aws_eip", `{}`), "managed", "data", 1)}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			cost := of(t, read(t, document(test.changes...)))
			var parts, unknown []string
			for _, resource := range cost.Resources {
				for _, part := range resource.Parts {
					parts = append(parts, part.What+": "+part.Monthly.String())
				}
			}
			for _, u := range cost.Unknown {
				unknown = append(unknown, u.Reason)
			}
			if diff := cmp.Diff(test.parts, parts); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.unknown, unknown); diff != "" {
				t.Errorf("not priced (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNowAndAfter(t *testing.T) {
	const gateway = "32.85"
	tests := map[string]struct{ actions, before, after, now, then string }{
		"made":                       {`"create"`, `null`, `{}`, "0.00", gateway},
		"destroyed":                  {`"delete"`, `{}`, `null`, gateway, "0.00"},
		"untouched":                  {`"no-op"`, `{}`, `{}`, gateway, gateway},
		"replaced":                   {`"delete", "create"`, `{}`, `{}`, gateway, gateway},
		"let go of, and so it stays": {`"forget"`, `{}`, `null`, gateway, gateway},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			cost := of(t, read(t, document(resourceChange("aws_nat_gateway.this", "aws_nat_gateway", test.actions, test.before, test.after, "{}"))))
			if cost.Now.String() != test.now || cost.After.String() != test.then {
				t.Errorf("now %s, after %s, want %s and %s", cost.Now, cost.After, test.now, test.then)
			}
		})
	}
}

func TestADeposedObjectIsARowOfItsOwn(t *testing.T) {
	old := strings.Replace(resourceChange("aws_eip.this", "aws_eip", `"delete"`, `{}`, `null`, `{}`), `"mode"`, `"deposed": "0a1b2c3d", "mode"`, 1)
	cost := of(t, read(t, document(old, resourceChange("aws_eip.this", "aws_eip", `"no-op"`, `{}`, `{}`, `{}`))))
	var rows []string
	for _, r := range cost.Resources {
		rows = append(rows, fmt.Sprint(r.Address, " ", r.Now, " ", r.After))
	}
	if diff := cmp.Diff([]string{"aws_eip.this (deposed) 3.65 0.00", "aws_eip.this 3.65 3.65"}, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// The load balancer's subnets are known only after apply. They are followed through a variable and a module's output.
func TestTheZonesOfALoadBalancerAreFoundThroughTheConfiguration(t *testing.T) {
	plan := saved(t, "dev")
	for _, change := range plan.ResourceChanges {
		if change.Address == `module.network.aws_subnet.public["eu-central-1a"]` {
			third := *change
			plan.ResourceChanges = append(plan.ResourceChanges, &third)
			break
		}
	}
	var got []string
	for _, resource := range of(t, plan).Resources {
		if resource.Address == "module.load_balancer.aws_lb.this" {
			for _, part := range resource.Parts {
				got = append(got, part.What)
			}
		}
	}
	if diff := cmp.Diff([]string{"load balancer", "3 public IPv4 addresses"}, got); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	plan.Config = nil
	if assumed := strings.Join(of(t, plan).Assumptions, "\n"); !strings.Contains(assumed, "module.load_balancer.aws_lb.this stands in 2 zones, which is the fewest") {
		t.Errorf("without the configuration the assumptions are\n%s", assumed)
	}
}

// What Terraform knows only after apply is followed through the configuration.
func TestASizeIsFoundThroughTheConfiguration(t *testing.T) {
	copyOf := func(module, key, cpu string) string {
		where := fmt.Sprintf(`"module_address": "module.%s", "mode": "managed", "name": "this", "index": %q`, module, key)
		return fmt.Sprintf(`{"address": "module.%[1]s.aws_ecs_service.this[\"%[2]s\"]", "type": "aws_ecs_service", %[3]s, "change": {"actions": ["create"], "before": null,
				"after": {"name": "web", "launch_type": "FARGATE", "desired_count": 1}, "after_unknown": {"task_definition": true}}},
			{"address": "module.%[1]s.aws_ecs_task_definition.this[\"%[2]s\"]", "type": "aws_ecs_task_definition", %[3]s, "change": {"actions": ["create"], "before": null,
				"after": {"family": "web", "cpu": "%[4]s", "memory": "2048"}, "after_unknown": {}}}`, module, key, where, cpu)
	}
	plan := strings.TrimSuffix(document(copyOf("m[0]", "a", "256"), copyOf("m[0]", "b", "512"), copyOf("m[1]", "a", "1024")), "}") + `, "configuration": {"root_module": {"module_calls": {"m": {"module": {"resources": [
		{"address": "aws_ecs_service.this", "mode": "managed", "type": "aws_ecs_service", "name": "this",
			"expressions": {"task_definition": {"references": ["aws_ecs_task_definition.this", "each.key"]}}}]}}}}}}`
	got := map[string]string{}
	cost := of(t, read(t, plan))
	for _, resource := range cost.Resources {
		got[resource.Address] = resource.Parts[0].What
	}
	want := map[string]string{
		`module.m[0].aws_ecs_service.this["a"]`: "1 task of 0.25 vCPU (x86_64)",
		`module.m[0].aws_ecs_service.this["b"]`: "1 task of 0.5 vCPU (x86_64)",
		`module.m[1].aws_ecs_service.this["a"]`: "1 task of 1 vCPU (x86_64)",
	}
	if diff := cmp.Diff(want, got); diff != "" || len(cost.Unknown) > 0 {
		t.Errorf("sizes (-want +got):\n%s\nnot priced: %v", diff, cost.Unknown)
	}
}

func TestAServiceWithoutAContractHasTheTasksThatRun(t *testing.T) {
	cost := of(t, read(t, document(
		made("aws_ecs_task_definition", `{"family": "web", "cpu": "256", "memory": "512"}`),
		made("aws_ecs_service", `{"name": "web", "launch_type": "FARGATE", "task_definition": "web:1", "desired_count": 0}`),
	)))
	if diff := cmp.Diff([]string{"aws_ecs_service.this has 1 task: neither the plan nor a contract says how many"}, cost.Assumptions); diff != "" {
		t.Errorf("assumptions (-want +got):\n%s", diff)
	}
	if cost.After.String() != "9.01" {
		t.Errorf("after %s", cost.After)
	}
}

func TestUseIsNamedWithItsPriceAndNeverCounted(t *testing.T) {
	cost := of(t, read(t, document(
		made("aws_s3_bucket", `{}`), made("aws_ecr_repository", `{}`), made("aws_cloudwatch_log_group", `{}`), made("aws_dynamodb_table", `{"billing_mode": "PAY_PER_REQUEST"}`),
		made("aws_ecs_service", `{"name": "web", "capacity_provider_strategy": [{"capacity_provider": "FARGATE_SPOT"}]}`),
	)))
	if cost.After != 0 || len(cost.Unknown) > 0 {
		t.Errorf("after %s, not priced %v", cost.After, cost.Unknown)
	}
	var got []string
	for _, use := range cost.Usage {
		got = append(got, fmt.Sprintf("%s: %s %s", use.What, use.Price, use.Unit))
	}
	want := []string{
		"CloudWatch Logs, ingested: 0.50 GB",
		"CloudWatch Logs, stored: 0.03 GB-month",
		"DynamoDB, read request units: 0.125 million units",
		"DynamoDB, stored: 0.25 GB-month",
		"DynamoDB, write request units: 0.625 million units",
		"ECR, images stored: 0.10 GB-month",
		"Fargate Spot, tasks of web: the price follows supply and demand:  ",
		"S3, PUT, COPY, POST and LIST requests: 0.005 1,000 requests",
		"S3, other requests: 0.0004 1,000 requests",
		"S3, stored: 0.023 GB-month",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
}

func TestTheRegion(t *testing.T) {
	gateway := made("aws_nat_gateway", `{"region": "eu-central-1"}`)
	without := `{"format_version": "1.2", "resource_changes": [` + gateway + `]}`
	tests := map[string]struct{ plan, given, want, after, failure string }{
		"the plan's variable":                       {document(gateway), "", "us-east-1", "37.96", ""},
		"the resources' own":                        {without, "", "eu-central-1", "37.96", ""},
		"the one that is asked for, for everything": {document(gateway), "us-east-1", "us-east-1", "32.85", ""},
		"one without prices":                        {document(gateway), "eu-north-1", "", "", `there are no prices for the region "eu-north-1"; there are for eu-central-1, us-east-1`},
		"none at all":                               {`{"format_version": "1.2", "resource_changes": [` + made("aws_eip", `{}`) + `]}`, "", "", "", "the plan doesn't say which region it is for"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			cost, err := Of(read(t, test.plan), test.given)
			if test.failure != "" {
				failure, ok := errors.AsType[*report.Failure](err)
				if !ok || failure.Reason != test.failure || errors.Is(err, ErrNoPrices) != strings.Contains(test.failure, "prices") {
					t.Errorf("error %v, want %q", err, test.failure)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if cost.Region != test.want || cost.After.String() != test.after {
				t.Errorf("%s in %s, want %s in %s", cost.After, cost.Region, test.after, test.want)
			}
		})
	}
}

func TestEveryPriceIsComplete(t *testing.T) {
	names, err := files.ReadDir("prices")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := files.ReadFile("prices/" + name.Name())
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"item", "usd", "unit", "as_of", "page", "seen_in", "note"}, lines[0]); diff != "" {
			t.Fatalf("%s: columns (-want +got):\n%s", name.Name(), diff)
		}
		for i, line := range lines[1:] {
			if usd, ok := new(big.Rat).SetString(line[1]); !ok || usd.Sign() <= 0 {
				t.Errorf("%s: %s costs %q", name.Name(), line[0], line[1])
			}
			if _, err := time.Parse(time.DateOnly, line[3]); err != nil {
				t.Errorf("%s: %s: %v", name.Name(), line[0], err)
			}
			if page, err := url.Parse(line[4]); err != nil || page.Host != "aws.amazon.com" || !strings.Contains(page.Path, "/pricing/") {
				t.Errorf("%s: %s: the page is %q", name.Name(), line[0], line[4])
			}
			if line[2] == "" || line[5] == "" {
				t.Errorf("%s: %s lacks a unit or where it was read", name.Name(), line[0])
			}
			if i > 0 && line[0] <= lines[i][0] {
				t.Errorf("%s: %s stands behind %s", name.Name(), line[0], lines[i][0])
			}
		}
	}
}

func TestNoTypeIsBothPricedAndFree(t *testing.T) {
	for kind := range priced {
		if freeOfCharge(kind) {
			t.Errorf("%s is priced and free", kind)
		}
	}
}

// Whatever stands in a plan, there is an answer, the same each time, and the rows add up.
func FuzzOf(f *testing.F) {
	f.Add([]byte(document(made("aws_lb", `{"subnets": {"a": 1}, "internal": 3}`))))
	f.Add([]byte(document(`null`, `{"mode": "managed"}`, notYet("aws_ecs_service", `{"launch_type": "FARGATE"}`, `{"task_definition": true}`))))
	f.Add([]byte(`{"format_version": "1.2", "variables": {"region": null}, "output_changes": {"contract": null}, "configuration": {"root_module": {"module_calls": {"a": null}, "resources": [null]}}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		var plan tfjson.Plan
		if json.Unmarshal(content, &plan) != nil {
			t.Skip()
		}
		cost, err := Of(&plan, "us-east-1")
		if err != nil {
			t.Fatal(err)
		}
		var now, after report.Cents
		for _, r := range cost.Resources {
			now, after = now+r.Now, after+r.After
		}
		if now != cost.Now || after != cost.After {
			t.Errorf("the rows come to %s and %s, the sums are %s and %s", now, after, cost.Now, cost.After)
		}
		again, err := Of(&plan, "us-east-1")
		if err != nil || cost.Markdown() != again.Markdown() {
			t.Errorf("another answer the second time, %v", err)
		}
	})
}
