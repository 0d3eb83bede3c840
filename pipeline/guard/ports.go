package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// service is what listens at a port.
type service struct {
	port float64
	name string
}

// services are those that administrators and programs use, and nobody's visitors.
var services = []service{
	{22, "SSH"}, {23, "Telnet"}, {135, "RPC"}, {139, "NetBIOS"}, {445, "SMB"}, {873, "rsync"}, {1433, "SQL Server"}, {1521, "Oracle"},
	{2049, "NFS"}, {2181, "ZooKeeper"}, {2375, "Docker"}, {2376, "Docker"}, {2379, "etcd"}, {2380, "etcd"}, {3306, "MySQL"}, {3389, "RDP"},
	{5432, "PostgreSQL"}, {5439, "Redshift"}, {5601, "Kibana"}, {5900, "VNC"}, {5984, "CouchDB"}, {5985, "WinRM"}, {5986, "WinRM"},
	{6379, "Redis"}, {8182, "Neptune"}, {9042, "Cassandra"}, {9092, "Kafka"}, {9094, "Kafka"}, {9096, "Kafka"}, {9098, "Kafka"},
	{9200, "OpenSearch"}, {9300, "OpenSearch"}, {10250, "kubelet"}, {11211, "Memcached"}, {27017, "MongoDB"}, {27018, "MongoDB"},
	{27019, "MongoDB"}, {50000, "Db2"},
}

// ingress is one rule of a security group.
type ingress struct {
	protocol, from, to any // nil where it isn't known
	networks           []string
}

// ingresses are the rules of a resource as it is before or after the change.
func ingresses(kind string, values map[string]any) []ingress {
	switch kind {
	case "aws_security_group", "aws_default_security_group":
		var rules []ingress
		for _, block := range blocks(values["ingress"]) {
			rules = append(rules, inline(block))
		}
		return rules
	case "aws_security_group_rule":
		if values["type"] == "ingress" {
			return []ingress{inline(values)}
		}
	case "aws_vpc_security_group_ingress_rule":
		return []ingress{{
			protocol: values["ip_protocol"], from: values["from_port"], to: values["to_port"],
			networks: append(texts(values["cidr_ipv4"]), texts(values["cidr_ipv6"])...),
		}}
	}
	return nil
}

func inline(values map[string]any) ingress {
	return ingress{
		protocol: values["protocol"], from: values["from_port"], to: values["to_port"],
		networks: append(texts(values["cidr_blocks"]), texts(values["ipv6_cidr_blocks"])...),
	}
}

// everybody says that a network is the whole internet. Half of it counts: two rules would make the whole. So does 2000::/3,
// which is all of IPv6 that is routed: https://www.iana.org/assignments/ipv6-address-space
func everybody(network string) bool {
	prefix, err := netip.ParsePrefix(strings.TrimSpace(network))
	if err != nil {
		return false
	}
	if prefix.Addr().Is4() {
		return prefix.Bits() <= 1
	}
	return prefix.Bits() <= 3
}

// opening is a port and to which kind of addresses it is open.
type opening struct {
	port float64
	ipv6 bool
}

// unknownPort is the port of a rule that will be known only after the apply, such as a database's that isn't made yet.
const unknownPort = -1

// openings are the ports of the list that the rules open to everybody.
func openings(rules []ingress) map[opening]bool {
	open := map[opening]bool{}
	for _, rule := range rules {
		for _, network := range rule.networks {
			if !everybody(network) {
				continue
			}
			ipv6 := strings.Contains(network, ":")
			for _, port := range rule.ports() {
				open[opening{port, ipv6}] = true
			}
		}
	}
	return open
}

// ports are the listed ones within the rule. Protocols are as
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html has them: -1 is all, on all ports.
func (r ingress) ports() []float64 {
	from, known := number(r.from)
	to, bounded := number(r.to)
	switch protocol := strings.ToLower(fmt.Sprint(r.protocol)); {
	case protocol == "-1" || protocol == "all":
		from, to = 0, 65535
	case protocol != "tcp" && protocol != "6" && r.protocol != nil: // what is listed speaks TCP
		return nil
	case !known || !bounded:
		return []float64{unknownPort}
	}
	var within []float64
	for _, service := range services {
		if from <= service.port && service.port <= to {
			within = append(within, service.port)
		}
	}
	return within
}

// openedPorts finds ports of the list that weren't open to everybody before.
func openedPorts(_ planned, c change) []report.Finding {
	if !c.makes() && !c.updates() {
		return nil
	}
	before := openings(ingresses(c.Type, c.before))
	var opened []float64
	var to []string
	for open := range openings(ingresses(c.Type, c.after)) {
		if before[open] {
			continue
		}
		world := "0.0.0.0/0"
		if open.ipv6 {
			world = "::/0"
		}
		if !slices.Contains(opened, open.port) {
			opened = append(opened, open.port)
		}
		if !slices.Contains(to, world) {
			to = append(to, world)
		}
	}
	if len(opened) == 0 {
		return nil
	}
	slices.Sort(opened)
	slices.Sort(to)
	return []report.Finding{{Rule: Port, What: fmt.Sprintf("it opens %s to the world (%s)", named(opened), strings.Join(to, ", "))}}
}

// named lists ports with what listens there, the first few where a range holds many.
func named(opened []float64) string {
	const few = 4
	if len(opened) == 1 && opened[0] == unknownPort {
		return "a port that isn't known before the apply"
	}
	var names []string
	for i, port := range opened {
		if i == few {
			return fmt.Sprintf("ports %s and %d more", strings.Join(names, ", "), len(opened)-i)
		}
		if port == unknownPort {
			names = append(names, "one that isn't known before the apply")
			continue
		}
		at := slices.IndexFunc(services, func(s service) bool { return s.port == port })
		names = append(names, fmt.Sprintf("%.0f (%s)", port, services[at].name))
	}
	if len(names) == 1 {
		return "port " + names[0]
	}
	return "ports " + strings.Join(names, ", ")
}
