package cost

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// priced says what a resource of each type costs by the month, what it costs by use, and what can't be told.
var priced = map[string]func(*resource){
	"aws_nat_gateway": natGateway,
	"aws_eip":         elasticIP,
	"aws_lb":          loadBalancer,
	"aws_alb":         loadBalancer,
	"aws_ecs_service": service,
	"aws_ecs_cluster": cluster,
	"aws_db_instance": database,
	"aws_vpc_endpoint": func(r *resource) {
		// A gateway endpoint costs nothing: https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
		switch kind := r.text("vpc_endpoint_type"); kind {
		case "", "Gateway":
		case "Interface":
			interfaceEndpoint(r)
		default:
			r.doubt("a VPC endpoint of type " + kind)
		}
	},
	"aws_secretsmanager_secret": func(r *resource) {
		// Every replica is charged as a secret: https://aws.amazon.com/secrets-manager/pricing/
		r.fixed("secret", "secrets-manager.secret-month", big.NewRat(int64(1+len(r.blocks("replica"))), 1))
		r.use("Secrets Manager, requests", "secrets-manager.requests")
	},
	"aws_kms_key":         key,
	"aws_kms_replica_key": key,
	"aws_cloudwatch_log_group": func(r *resource) {
		r.use("CloudWatch Logs, ingested", "logs.ingested.gb")
		r.use("CloudWatch Logs, stored", "logs.stored.gb-month")
	},
	"aws_cloudwatch_metric_alarm": alarm,
	"aws_s3_bucket": func(r *resource) {
		r.use("S3, stored", "s3.standard.gb-month")
		r.use("S3, PUT, COPY, POST and LIST requests", "s3.standard.writes")
		r.use("S3, other requests", "s3.standard.reads")
	},
	"aws_dynamodb_table": table,
	"aws_route53_zone": func(r *resource) {
		r.fixed("hosted zone", "route53.zone-month", one)
	},
	"aws_ecr_repository": func(r *resource) {
		r.use("ECR, images stored", "ecr.gb-month")
	},
	"aws_ssm_parameter": func(r *resource) {
		// Standard parameters, which are the default, cost nothing: https://aws.amazon.com/systems-manager/pricing/
		if tier := r.text("tier"); tier != "" && tier != "Standard" {
			r.doubt("a parameter of tier " + tier)
		}
	},
}

var one = big.NewRat(1, 1)

// fixed counts a quantity that is there all month.
func (r *resource) fixed(what, item string, quantity *big.Rat) {
	found, ok := r.look(item)
	if !ok {
		r.doubt(fmt.Sprintf("%s: the prices of %s have none for %s", what, r.region, item))
		return
	}
	r.parts = append(r.parts, report.CostPart{What: what, Monthly: found.monthly(quantity)})
}

// use names what depends on use, with the price of its unit where the table has one.
func (r *resource) use(what, item string) {
	use := use{what: what}
	if found, ok := r.look(item); ok {
		use.price, use.unit = found.usd.FloatString(decimals(found.usd)), found.unit
	}
	r.uses = append(r.uses, use)
}

// decimals is how many it takes to write a price in full, and two at least.
func decimals(usd *big.Rat) int {
	n, exact := usd.FloatPrec()
	if !exact {
		return 9
	}
	return max(n, 2)
}

// A NAT gateway, by the hour and by the gigabyte. Its public address is an aws_eip of its own.
//
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-pricing.html
func natGateway(r *resource) {
	if r.text("availability_mode") == "regional" {
		r.doubt("a regional NAT gateway: the number of zones that it is charged for follows the traffic")
		return
	}
	r.fixed("NAT gateway", "nat-gateway.hour", one)
	r.use("NAT gateway, processed", "nat-gateway.gb")
}

// A public IPv4 address costs the same whether it is in use or not, unless it is the account's own.
//
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html#vpc-public-ipv4-addresses
func elasticIP(r *resource) {
	if pool := r.text("public_ipv4_pool"); pool != "" && pool != "amazon" {
		return
	}
	r.fixed("public IPv4 address", "public-ipv4.hour", one)
}

// The least number of zones that an Application Load Balancer takes.
//
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#availability-zones
const fewestZones = 2

func loadBalancer(r *resource) {
	if kind := r.text("load_balancer_type"); kind != "" && kind != "application" {
		r.doubt("a load balancer of type " + kind)
		return
	}
	r.fixed("load balancer", "alb.hour", one)
	r.use("Application Load Balancer, capacity units", "alb.lcu-hour")
	if r.flag("internal") || r.text("ip_address_type") == "dualstack-without-public-ipv4" {
		return
	}
	if r.isUnknown("internal") {
		r.doubt("whether it has public addresses is known only after apply")
		return
	}
	zones := int64(len(list(r.values["subnets"])))
	if zones == 0 {
		zones = int64(len(r.blocks("subnet_mapping")))
	}
	if zones == 0 {
		zones = r.referenced("subnets", "aws_subnet")
	}
	if zones == 0 {
		zones = fewestZones
		r.assume("%s stands in %d zones, which is the fewest; its subnets are known only after apply", r.address, fewestZones)
	}
	r.fixed(count(zones, "public IPv4 address", "public IPv4 addresses"), "public-ipv4.hour", big.NewRat(zones, 1))
}

func interfaceEndpoint(r *resource) {
	zones := int64(len(list(r.values["subnet_ids"])))
	if zones == 0 {
		zones = r.referenced("subnet_ids", "aws_subnet")
	}
	if zones == 0 {
		r.doubt("in how many zones the endpoint stands is known only after apply")
		return
	}
	r.fixed(count(zones, "zone", "zones"), "vpc-endpoint.hour", big.NewRat(zones, 1))
	r.use("VPC endpoint, processed", "vpc-endpoint.gb")
}

func key(r *resource) {
	r.fixed("key", "kms.key-month", one)
	r.use("KMS, requests", "kms.requests")
}

// An alarm is charged by the metrics that it looks at, and more for those of less than a minute.
//
// https://aws.amazon.com/cloudwatch/pricing/
func alarm(r *resource) {
	metrics, shortest := int64(0), r.number("period")
	for _, query := range r.blocks("metric_query") {
		for _, metric := range blocks(query["metric"]) {
			metrics++
			if period := number(metric["period"]); shortest == 0 || period < shortest {
				shortest = period
			}
		}
	}
	item := "cloudwatch.alarm-month"
	if shortest > 0 && shortest < 60 {
		item = "cloudwatch.alarm-month.high-resolution"
	}
	metrics = max(metrics, 1)
	r.fixed("alarm on "+count(metrics, "metric", "metrics"), item, big.NewRat(metrics, 1))
}

func table(r *resource) {
	r.use("DynamoDB, stored", "dynamodb.gb-month")
	if r.text("billing_mode") == "PAY_PER_REQUEST" {
		r.use("DynamoDB, write request units", "dynamodb.write-units")
		r.use("DynamoDB, read request units", "dynamodb.read-units")
	} else {
		writes, reads := r.number("write_capacity"), r.number("read_capacity")
		r.fixed(count(writes, "write capacity unit", "write capacity units"), "dynamodb.wcu-hour", big.NewRat(writes, 1))
		r.fixed(count(reads, "read capacity unit", "read capacity units"), "dynamodb.rcu-hour", big.NewRat(reads, 1))
		if len(r.blocks("global_secondary_index")) > 0 {
			r.doubt("the capacity of its indexes")
		}
	}
	if len(r.blocks("replica")) > 0 {
		r.doubt("its replicas in other regions")
	}
}

func cluster(r *resource) {
	for _, setting := range r.blocks("setting") {
		if setting["name"] == "containerInsights" && setting["value"] != "disabled" {
			r.use("Container Insights, custom metrics", "cloudwatch.metric-month")
		}
	}
}

// number is a number of a plan, which may also be written as text.
func number(value any) int64 {
	switch n := value.(type) {
	case float64:
		return int64(n)
	case json.Number:
		whole, _ := n.Int64()
		return whole
	}
	return 0
}

func list(value any) []any {
	items, _ := value.([]any)
	return items
}

func count(n int64, singular, plural string) string {
	if n == 1 {
		return "1 " + singular
	}
	return fmt.Sprintf("%d %s", n, plural)
}

// decimal is a number as ECS takes it: "1024", "1 vCPU", "0.5 GB". The scale applies to one with a unit.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
func decimal(s, unit string) (value *big.Rat, withUnit, ok bool) {
	s = strings.TrimSpace(s)
	bare, withUnit := strings.CutSuffix(strings.ToLower(s), strings.ToLower(unit))
	value, ok = new(big.Rat).SetString(strings.TrimSpace(bare))
	return value, withUnit, ok && value.Sign() > 0
}
