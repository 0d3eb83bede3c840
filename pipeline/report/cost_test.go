package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCentsAreWrittenAsPeopleWriteThem(t *testing.T) {
	for want, cents := range map[string]Cents{
		"0.00": 0, "0.05": 5, "3.65": 365, "-3.65": -365, "999.99": 99999, "1,000.00": 100000, "-12,345,678.90": -1234567890,
	} {
		if got := cents.String(); got != want {
			t.Errorf("%d is written %s, want %s", int64(cents), got, want)
		}
	}
}

var example = Cost{
	Region: "eu-central-1", Now: 3796, After: 2701, Free: 37, Oldest: "2026-03-26", Newest: "2026-09-28",
	Resources: []ResourceCost{
		{Address: `aws_nat_gateway.this["a|b"]`, Now: 3796, Parts: []CostPart{{"NAT gateway", 3796}}},
		{Address: "aws_lb.this", After: 2701, Parts: []CostPart{{"load balancer", 1971}, {"2 public IPv4 addresses", 730}}},
	},
	Usage: []UsageCost{
		{What: "CloudWatch Logs, ingested", Price: "0.63", Unit: "GB", Resources: []string{"a", "b", "c", "d", "e"}},
		{What: "RDS, backups", Resources: []string{"aws_db_instance.this"}},
	},
	Unknown:     []UnknownCost{{"aws_a.this", "Slipway has no prices for aws_a"}, {"aws_db_instance.this", "its provisioned IOPS"}, {"aws_db_instance.that", "its provisioned IOPS"}},
	Assumptions: []string{"aws_ecs_service.this has 1 task, as the contract asks for"},
}

func TestCostAsMarkdown(t *testing.T) {
	want := `### Cost: 27.01 USD a month after the plan, -10.95

| resource | now | after | change | made of |
| --- | ---: | ---: | ---: | --- |
| ` + "`aws_nat_gateway.this[\"a\\|b\"]`" + ` | 37.96 | 0.00 | -37.96 | NAT gateway 37.96 |
| ` + "`aws_lb.this`" + ` | 0.00 | 27.01 | +27.01 | load balancer 19.71, 2 public IPv4 addresses 7.30 |
| **sum by the month** | 37.96 | 27.01 | -10.95 |  |

**Not priced, and in no sum:**

- aws_a.this: Slipway has no prices for aws_a
- aws_db_instance.this, aws_db_instance.that: its provisioned IOPS

<details><summary>Charged by use, and in no sum: 2 things</summary>

| charged by use | price | resources |
| --- | --- | --- |
| CloudWatch Logs, ingested | 0.63 per GB | a, b, c and 2 more |
| RDS, backups | no price at hand | aws_db_instance.this |

</details>

- aws_ecs_service.this has 1 task, as the contract asks for

On-demand prices of eu-central-1, known for 2026-03-26 to 2026-09-28; US dollars without tax, 730 hours a month. Traffic to the internet and between zones isn't in a plan. 37 resources of the plan cost nothing.
`
	if diff := cmp.Diff(want, example.Markdown()); diff != "" {
		t.Errorf("Markdown (-want +got):\n%s", diff)
	}
}

func TestCostOnATerminal(t *testing.T) {
	result := Result{Operation: "cost", Outcome: Succeeded, Cost: &example}
	var b strings.Builder
	if err := WriteTerminal(&b, result); err != nil {
		t.Fatal(err)
	}
	want := `resource                     now    after  change  made of
aws_nat_gateway.this["a|b"]  37.96  0.00   -37.96  NAT gateway 37.96
aws_lb.this                  0.00   27.01  +27.01  load balancer 19.71, 2 public IPv4 addresses 7.30
sum by the month             37.96  27.01  -10.95

not priced, and in no sum:
  aws_a.this: Slipway has no prices for aws_a
  aws_db_instance.this, aws_db_instance.that: its provisioned IOPS

charged by use             price             resources
CloudWatch Logs, ingested  0.63 per GB       a, b, c and 2 more
RDS, backups               no price at hand  aws_db_instance.this

aws_ecs_service.this has 1 task, as the contract asks for
On-demand prices of eu-central-1, known for 2026-03-26 to 2026-09-28; US dollars without tax, 730 hours a month. Traffic to the internet and between zones isn't in a plan. 37 resources of the plan cost nothing.
37.96 USD a month now, 27.01 after (-10.95); 3 things not priced
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("terminal (-want +got):\n%s", diff)
	}

	b.Reset()
	if err := WriteTerminal(&b, Result{Operation: "plan", Outcome: Succeeded, Plan: &Plan{Add: 1}, Cost: &example}); err != nil {
		t.Fatal(err)
	}
	if want := "cost: 37.96 USD a month now, 27.01 after (-10.95); 3 things not priced\nplan succeeded: 1 to add, 0 to change, 0 to destroy\n"; b.String() != want {
		t.Errorf("with a plan:\n%swant:\n%s", b.String(), want)
	}
}

func TestTheCostOfALargePlanFitsAComment(t *testing.T) {
	var large Cost
	for i := range 5000 {
		address := fmt.Sprintf("module.%s.aws_eip.this[%d]", strings.Repeat("a", 40), i)
		large.Resources = append(large.Resources, ResourceCost{Address: address, After: 365, Parts: []CostPart{{"public IPv4 address", 365}}})
		large.After += 365
		large.Usage = append(large.Usage, UsageCost{What: fmt.Sprint("use ", i), Resources: []string{address, address, address, address}})
		large.Unknown = append(large.Unknown, UnknownCost{address, fmt.Sprint("reason ", i%100)})
		large.Assumptions = append(large.Assumptions, address)
	}
	markdown := large.Markdown()
	// https://github.com/orgs/community/discussions/27190
	if limit := 65536; len(markdown) > limit {
		t.Errorf("%d bytes, and a comment takes %d", len(markdown), limit)
	}
	for _, want := range []string{"| **4950 more** | 0.00 | 18,067.50 | +18,067.50 |", "| 4950 more |", "- 50 more reasons", "- 4950 more of this kind", "| **sum by the month** | 0.00 | 18,250.00 |"} {
		if !strings.Contains(markdown, want) {
			t.Errorf("%q isn't in it", want)
		}
	}
}
