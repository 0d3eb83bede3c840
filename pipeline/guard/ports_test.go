package guard

import (
	"fmt"
	"testing"
)

func TestPortsOpenedToTheWorld(t *testing.T) {
	const (
		group    = "aws_security_group.this"
		oldRule  = "aws_security_group_rule.this"
		rule     = "aws_vpc_security_group_ingress_rule.this"
		ssh      = "it opens port 22 (SSH) to the world (0.0.0.0/0)"
		everyone = `"cidr_ipv4": "0.0.0.0/0"`
	)
	inline := func(from, to int, protocol, networks string) string {
		return fmt.Sprintf(`{"from_port": %d, "to_port": %d, "protocol": %q, %s}`, from, to, protocol, networks)
	}
	ingress := func(rules string) string {
		return `{"ingress": [` + rules + `], "egress": [` + inline(0, 0, "-1", `"cidr_blocks": ["0.0.0.0/0"]`) + `]}`
	}
	world := `"cidr_blocks": ["0.0.0.0/0"]`
	made := func(address, after string) []string {
		return []string{resource(address, create, values(`null`, after))}
	}
	found := func(address, what string) []string { return []string{"stops [port] " + address + ": create: " + what} }

	judged{
		"SSH, in a group's own block":     {made(group, ingress(inline(22, 22, "tcp", world))), found(group, ssh)},
		"SSH, in the default group":       {made("aws_default_security_group.this", ingress(inline(22, 22, "tcp", world))), found("aws_default_security_group.this", ssh)},
		"MySQL to all of IPv6":            {made(group, ingress(inline(3306, 3306, "tcp", `"cidr_blocks": [], "ipv6_cidr_blocks": ["::/0"]`))), found(group, "it opens port 3306 (MySQL) to the world (::/0)")},
		"a range that holds some":         {made(group, ingress(inline(3300, 5500, "tcp", world))), found(group, "it opens ports 3306 (MySQL), 3389 (RDP), 5432 (PostgreSQL), 5439 (Redshift) to the world (0.0.0.0/0)")},
		"a range that holds many":         {made(group, ingress(inline(0, 65535, "tcp", world))), found(group, "it opens ports 22 (SSH), 23 (Telnet), 135 (RPC), 139 (NetBIOS) and 34 more to the world (0.0.0.0/0)")},
		"every protocol":                  {made(group, ingress(inline(0, 0, "-1", world))), found(group, "it opens ports 22 (SSH), 23 (Telnet), 135 (RPC), 139 (NetBIOS) and 34 more to the world (0.0.0.0/0)")},
		"TCP by its number":               {made(group, ingress(inline(22, 22, "6", world))), found(group, ssh)},
		"both at once":                    {made(group, ingress(inline(22, 22, "tcp", `"cidr_blocks": ["10.0.0.0/8", "0.0.0.0/0"], "ipv6_cidr_blocks": ["::/0"]`))), found(group, "it opens port 22 (SSH) to the world (0.0.0.0/0, ::/0)")},
		"half of the world":               {made(group, ingress(inline(22, 22, "tcp", `"cidr_blocks": ["128.0.0.0/1"]`))), found(group, ssh)},
		"all of IPv6 that is routed":      {made(group, ingress(inline(22, 22, "tcp", `"ipv6_cidr_blocks": ["2000::/3"]`))), found(group, "it opens port 22 (SSH) to the world (::/0)")},
		"a rule of its own":               {made(oldRule, `{"type": "ingress", "from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}`), found(oldRule, ssh)},
		"a rule of its own, outwards":     {made(oldRule, `{"type": "egress", "from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}`), nil},
		"a rule of the newer kind":        {made(rule, `{"from_port": 22, "to_port": 22, "ip_protocol": "tcp", `+everyone+`}`), found(rule, ssh)},
		"that of all protocols":           {made(rule, `{"from_port": null, "to_port": null, "ip_protocol": "-1", "cidr_ipv6": "::/0"}`), found(rule, "it opens ports 22 (SSH), 23 (Telnet), 135 (RPC), 139 (NetBIOS) and 34 more to the world (::/0)")},
		"the newer kind, outwards":        {made("aws_vpc_security_group_egress_rule.this", `{"from_port": 22, "to_port": 22, "ip_protocol": "tcp", `+everyone+`}`), nil},
		"a port that isn't known":         {made(rule, `{"ip_protocol": "tcp", `+everyone+`}`), found(rule, "it opens a port that isn't known before the apply to the world (0.0.0.0/0)")},
		"a network that isn't known":      {made(rule, `{"from_port": 22, "to_port": 22, "ip_protocol": "tcp"}`), nil},
		"HTTP and HTTPS":                  {made(group, ingress(inline(80, 80, "tcp", world)+","+inline(443, 443, "tcp", world))), nil},
		"a range between":                 {made(group, ingress(inline(8000, 8100, "tcp", world))), nil},
		"UDP":                             {made(group, ingress(inline(0, 65535, "udp", world))), nil},
		"ping":                            {made(group, ingress(inline(-1, -1, "icmp", world))), nil},
		"a private network":               {made(group, ingress(inline(22, 22, "tcp", `"cidr_blocks": ["10.0.0.0/8"]`))), nil},
		"an office":                       {made(rule, `{"from_port": 22, "to_port": 22, "ip_protocol": "tcp", "cidr_ipv4": "203.0.113.7/32"}`), nil},
		"another group":                   {made(rule, `{"from_port": 3306, "to_port": 3306, "ip_protocol": "tcp", "referenced_security_group_id": "sg-1"}`), nil},
		"values of wrong types":           {made(group, `{"ingress": [1, {"cidr_blocks": "0.0.0.0/0", "from_port": "22", "protocol": {}}, null], "egress": 1}`), nil},
		"a network that is none":          {made(rule, `{"from_port": 22, "to_port": 22, "ip_protocol": "tcp", "cidr_ipv4": "everywhere/0"}`), nil},
		"a rule that goes":                {[]string{resource(rule, destroy, values(`{"from_port": 22, "to_port": 22, "ip_protocol": "tcp", `+everyone+`}`, `null`))}, nil},
		"one that was open and is edited": {[]string{resource(group, update, values(ingress(inline(22, 22, "tcp", world)), ingress(inline(22, 22, "tcp", world+`, "description": "x"`))))}, nil},
		"one that is open and is replaced": {[]string{resource(oldRule, replace, values(`{"type": "ingress", "from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}`,
			`{"type": "ingress", "from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"], "description": "x"}`))}, nil},
		"one that is closed": {[]string{resource(group, update, values(ingress(inline(22, 22, "tcp", world)), ingress("")))}, nil},
		"a second port": {
			[]string{resource(group, update, values(ingress(inline(22, 22, "tcp", world)), ingress(inline(22, 22, "tcp", world)+","+inline(5432, 5432, "tcp", world))))},
			[]string{"stops [port] " + group + ": update: it opens port 5432 (PostgreSQL) to the world (0.0.0.0/0)"},
		},
		"IPv6 after IPv4": {
			[]string{resource(group, update, values(ingress(inline(22, 22, "tcp", world)), ingress(inline(22, 22, "tcp", world+`, "ipv6_cidr_blocks": ["::/0"]`))))},
			[]string{"stops [port] " + group + ": update: it opens port 22 (SSH) to the world (::/0)"},
		},
		"an office that becomes the world": {
			[]string{resource(rule, update, values(`{"from_port": 22, "to_port": 22, "ip_protocol": "tcp", "cidr_ipv4": "203.0.113.7/32"}`,
				`{"from_port": 22, "to_port": 22, "ip_protocol": "tcp", `+everyone+`}`))},
			[]string{"stops [port] " + rule + ": update: " + ssh},
		},
	}.test(t)
}
