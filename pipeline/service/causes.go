package service

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// signs are what is known of tasks that failed in the same way, and of the service that they belong to.
type signs struct {
	// reason is what ECS says of the task's end, and of its container's.
	reason string
	stop   types.TaskStopCode
	// code is what the container exited with; nil where it never ran or still does.
	code  *int32
	lines []string
	// health is why targets are unhealthy: "Target.ResponseCodeMismatch: Health checks failed with these codes: [500]".
	health []string
	events []string
	check  healthCheck
}

// healthCheck is what the load balancer asks of the tasks.
type healthCheck struct {
	path, port string
}

// place is where a cause shows.
type place int

const (
	// inReason is what ECS says when it stops a task.
	inReason place = iota
	// inLog is what the container said itself.
	inLog
	// inHealth is what ECS and the load balancer say of the tasks' health.
	inHealth
	// inPlacement is what ECS says when it places tasks.
	inPlacement
)

func (s signs) at(p place) []string {
	switch p {
	case inLog:
		return s.lines
	case inHealth:
		return slices.Concat([]string{s.reason}, s.events, s.health)
	case inPlacement:
		return slices.Concat([]string{s.reason}, s.events)
	}
	return []string{s.reason}
}

// course is what becomes of a cause when the tasks are started once more.
type course bool

const (
	// mayPass is a cause that may be gone by then: it lies outside of the release, where something is made, allowed or mended.
	mayPass course = false
	// lasts is one that lies in the image or in what its revision gives it, which never change: every task ends in the same way.
	lasts course = true
)

// cause is a known reason for which a deployment fails, and what to do about it. In its sentences ${name} stands for what
// the group of that name matched.
type cause struct {
	where  place
	course course
	// patterns of which one has to be found.
	patterns []*regexp.Regexp
	// also says more than a pattern can; what it finds is added to what the pattern matched.
	also     func(s signs, found map[string]string) bool
	sentence string
	// next is what to do. A missing variable has none here: it depends on the template.
	next string
	// page of AWS's documentation.
	page string
}

const (
	guide        = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"
	initPage     = guide + "resource-initialization-error.html"
	pullPage     = guide + "task_cannot_pull_image.html"
	memoryPage   = guide + "out-of-memory.html"
	eventsPage   = guide + "service-event-messages-list.html"
	balancerPage = guide + "troubleshoot-service-load-balancers.html"
	startPage    = guide + "cannot-start-container.html"
	stoppedPage  = guide + "stopped-task-error-codes.html"
	secretsPage  = guide + "secrets-envvar-secrets-manager.html"
	templatePage = guide + "task_definition_parameters.html"
	platformPage = "https://repost.aws/knowledge-center/ecs-task-exec-format-error"
	healthPage   = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"
	databasePage = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Troubleshooting.html"
	route        = "give the tasks' subnets a way to it, a NAT gateway or a VPC endpoint, and let the security group of the tasks out to port 443 and that of the endpoint in"
	quote        = "[\"'`]?"
	variable     = `\b(?P<variable>[A-Z][A-Z0-9_]{2,}(?:(?:, | and )[A-Z][A-Z0-9_]{2,})*)`
	noAnswer     = `i/o timeout|context deadline exceeded|request canceled|RequestCanceled|connection issue between the task|signal: killed|no such host|connection refused`
)

// causes are looked for in this order, save that of those in the log the one whose line came last is taken: what a program
// says last is nearest to its end.
var causes = []cause{
	// What ECS says of a task that it could not start. An answer that never came stands before all else: the same message
	// also names the secret or the image that was asked for.
	{inReason, mayPass, re(`log group does not exist`), nil,
		"the log group of the template does not exist",
		"apply the infrastructure, which makes it, or correct awslogs-group in the template", initPage},
	{inReason, mayPass, re(`(?:logger args|logging driver|logs\.[a-z0-9-]+\.amazonaws).*(?:` + noAnswer + `)`), nil,
		"the tasks can't reach CloudWatch Logs from their subnet", route, initPage},
	{inReason, mayPass, re(`(?:retrieve secrets? from ssm|Parameter Store|ssm\.[a-z0-9-]+\.amazonaws).*(?:` + noAnswer + `)`), nil,
		"the tasks can't reach Parameter Store from their subnet", route, initPage},
	{inReason, mayPass, re(`(?:retrieve secret from asm|Secrets Manager|secretsmanager\.[a-z0-9-]+\.amazonaws).*(?:` + noAnswer + `)`), nil,
		"the tasks can't reach Secrets Manager from their subnet", route, initPage},
	{inReason, mayPass, re(`CannotPullContainer.*(?:layer-bucket|s3[.a-z0-9-]*\.amazonaws).*(?:` + noAnswer + `)`), nil,
		"the tasks can't reach S3, where ECR keeps the image's layers, from their subnet",
		"give the tasks' subnets a way to it, a NAT gateway or a gateway endpoint for S3, and let the security group of the tasks out to port 443", pullPage},
	{inReason, mayPass, re(`pull command failed: : signal: killed`), nil,
		"the tasks can't reach one of ECR, Secrets Manager and Parameter Store from their subnet", strings.Replace(route, "a way to it", "a way to them", 1), initPage},
	{inReason, mayPass, re(`(?:CannotPullContainer|registry auth|ecr\.[a-z0-9-]+\.amazonaws).*(?:` + noAnswer + `)`), nil,
		"the tasks can't reach ECR from their subnet", route, pullPage},
	{inReason, mayPass, re(`not authorized to perform: (?P<action>(?:secretsmanager|ssm|kms):\w+)(?: on resource: (?P<resource>\S+))?`), nil,
		"the execution role may not read a secret of the template: ${action} is denied",
		"allow the execution role ${action} on ${resource}", secretsPage},
	{inReason, mayPass, re(`(?:from asm|from ssm|Secrets Manager|Parameter Store|secretsmanager).*(?:AccessDenied|Access to KMS is not allowed)`), nil,
		"the execution role may not read a secret of the template",
		"allow the execution role secretsmanager:GetSecretValue or ssm:GetParameters on it, and kms:Decrypt where it has a key of its own", secretsPage},
	{inReason, mayPass, re(`(?:did not contain json key|unable to retrieve json key) '?(?P<key>[^\s',;]+)`), nil,
		"a secret of the template has no key ${key} in its JSON",
		"put ${key} into the secret's value, or correct the key behind the secret's ARN in the template", secretsPage},
	{inReason, mayPass, re(`unable to retrieve secret (?P<secret>\S+) for environment variable (?P<variable>\w+)`), nil,
		"the secret for ${variable} does not exist or has no value",
		"make ${secret} and give it a value, or correct the reference in the template", secretsPage},
	{inReason, mayPass, re(`fetch(?:ing)? secret (?P<secret>arn:\S+).*(?:ResourceNotFound|can't find the specified secret)`, `can't find the specified secret`), nil,
		"a secret of the template does not exist or has no value: ${secret}",
		"make the secret and give it a value, or correct the reference in the template", secretsPage},
	{inReason, mayPass, re(`(?i:invalid (?:ssm )?parameters?\b)`, `ParameterNotFound`), nil,
		"a parameter of the template does not exist in Parameter Store",
		"make the parameter, or correct the reference in the template", guide + "secrets-envvar-ssm-paramstore.html"},
	{inReason, lasts, re(`(?i:does not contain descriptor matching platform)`, `(?i:no matching manifest for)`), nil,
		"the image is not built for the platform that the template wants",
		"build the image for the template's platform (docker build --platform), or set runtime_platform in the template to the image's", platformPage},
	{inReason, lasts, re(`exec format error`), nil,
		"the image's program is for another platform than the one it runs on",
		"build the image for the template's platform (docker build --platform), or set runtime_platform in the template to the image's", platformPage},
	{inReason, mayPass, re(`CannotPullContainer.*(?:403 Forbidden|no basic auth credentials|not authorized to perform: ecr|pull access denied|denied)`), nil,
		"the execution role may not pull the image",
		"allow the execution role ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer, and look at the repository's own policy", pullPage},
	{inReason, mayPass, re(`CannotPullContainer.*(?i:not found|manifest unknown|does not exist|\b404\b)`), nil,
		"the image is not in the repository",
		"push it and deploy again; a lifecycle policy or a person may have deleted it", pullPage},
	{inReason, mayPass, re(`CannotPullContainer.*no space left on device`), nil,
		"the image does not fit on the task's disk",
		"raise ephemeral_storage in the template, or make the image smaller", pullPage},
	{inReason, lasts, re(`(?:exec|stat|entrypoint):? .*(?:executable file not found|no such file or directory)`), nil,
		"the image has no program of the name that the template or its entry point wants",
		"look at command and entryPoint of the template, at the image's ENTRYPOINT, and at the first line of a script", startPage},
	{inReason, mayPass, re(`(?i:timeout waiting for network interface|insufficient free addresses|not have enough free (?:ip )?addresses|InsufficientFreeAddresses)`), nil,
		"the task got no network interface",
		"look whether the subnets have free addresses and the account free network interfaces", stoppedPage},
	{inReason, mayPass, re(`OutOfMemory`), nil,
		"the container needs more memory than the template gives it",
		"raise memory in the template, or lower what the application takes (fewer workers)", memoryPage},

	// What the program says of its own end.
	{inLog, mayPass, re(`JavaScript heap out of memory|\bMemoryError\b|java\.lang\.OutOfMemoryError|fatal error: runtime: out of memory|Cannot allocate memory|Out of memory|SIGKILL! Perhaps out of memory`), nil,
		"the application ran out of memory",
		"raise memory in the template and the limit of the application's own runtime, or lower what it takes (fewer workers)", memoryPage},
	{inLog, lasts, re(`exec format error`), nil,
		"the image's program is for another platform than the one it runs on",
		"build the image for the template's platform (docker build --platform), or set runtime_platform in the template to the image's", platformPage},
	{inLog, mayPass, re(
		`\(2005, .Unknown (?:MySQL )?server host '(?P<host>[^']+)'`,
		`could not translate host name "(?P<host>[^"]+)"`,
		`failed to resolve host '(?P<host>[^']+)'`,
		`getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (?P<host>[^\s:]+)`,
		`getaddrinfo for (?P<host>\S+) failed`), nil,
		"the database's host name ${host} is unknown to the tasks",
		"look at the variable with the database's host in the template, and whether DNS is on in the VPC", databasePage},
	{inLog, mayPass, re(
		`\(200[23], .Can't connect to (?:local )?(?:MySQL )?server[^']*(?:'(?P<host>[^']+)')?`,
		`connection to server at "(?P<host>[^"]+)".* failed: (?:Connection refused|timeout expired|Connection timed out)`,
		`could not connect to server: (?:Connection refused|Connection timed out)`,
		`(?:ECONNREFUSED|ETIMEDOUT) (?P<host>\S+:(?:3306|5432|6379|27017|1433))\b`,
		`dial tcp (?P<host>\S+:(?:3306|5432|6379|27017|1433)): (?:connect: connection refused|i/o timeout|connect: connection timed out)`,
		`SQLSTATE\[HY000\] \[2002\]`), nil,
		"the database does not take connections from the tasks",
		"look at the database's address and port in the template, whether it runs, and whether its security group lets that of the tasks in: ${host}", databasePage},
	{inLog, mayPass, re(
		`Access denied for user '(?P<user>[^']*)'`,
		`password authentication failed for user "(?P<user>[^"]*)"`,
		`no pg_hba\.conf entry for host .*user "(?P<user>[^"]*)"`,
		`FATAL: +role "(?P<user>[^"]*)" does not exist`), nil,
		"the database refuses the user ${user}",
		"compare user, password and grants in the database with the template's variable and secret: a secret that was drawn anew reaches the database with the next apply", databasePage},
	{inLog, mayPass, re(
		`\(1049, .Unknown database '(?P<database>[^']*)'`,
		`FATAL: +database "(?P<database>[^"]*)" does not exist`), nil,
		"the database server has no database ${database}",
		"make it, or correct its name in the template", databasePage},
	{inLog, lasts, re(
		`KeyError: '`+variable+`'$`,
		`key not found: "`+variable+`"`,
		`required key `+variable+` missing value`,
		quote+variable+quote+` (?:is|are|was|were) (?:not set|not defined|required|missing|unset|undefined|empty)\b`,
		quote+variable+quote+` (?:setting |environment variable )?must (?:be set|be defined|be provided|not be empty)`,
		quote+variable+quote+` environment variable (?:is )?(?:required|not set|missing|undefined)`,
		`(?i:set|missing|undefined|requires?|expected) (?i:the )?(?i:required )?`+quote+variable+quote+` (?i:environment variable|env var)`,
		`(?i:missing|required|undefined|unset) (?i:required )?(?i:environment variables?|env vars?)[: ]+`+quote+variable+quote,
		variable+`: (?:unbound variable|parameter not set|parameter null or not set)`), nil,
		"the application wants ${variable}, and does not get it",
		"", templatePage},
	{inLog, lasts, re(
		`ModuleNotFoundError: No module named '(?P<module>[^']+)'`,
		`ImportError: (?P<module>.+)`,
		`Cannot find (?:module|package) '(?P<module>[^']+)'`,
		`cannot load such file -- (?P<module>\S+)`,
		`error while loading shared libraries: (?P<module>[^:\s]+)`,
		`Could not find or load main class (?P<module>\S+)`,
		`(?:ClassNotFoundException|NoClassDefFoundError): (?P<module>\S+)`), nil,
		"the program ends while it loads its parts, at ${module}",
		"look whether that is among the requirements that go into the image, and start the image on a laptop", stoppedPage},
	{inLog, lasts, re(`(?i:address already in use|EADDRINUSE)`), nil,
		"the port that the program wants is taken by another container of the task",
		"give each container of the template its own port", templatePage},
	{inLog, lasts, re(`(?i:permission denied.*(?:bind|port)|listen.*EACCES)`), nil,
		"the program may not listen on the port that it wants",
		"let it listen on a port above 1023, and say so in the template", templatePage},

	// How the container ended, where it did not say why.
	{inReason, mayPass, re(`^`), killed,
		"the container was killed with SIGKILL (137), which is how an out-of-memory kill looks; ECS gives no reason",
		"look at the task's memory in CloudWatch; raise memory in the template, or lower what the application takes (fewer workers)", memoryPage},

	// The load balancer's and the container's health checks.
	{inHealth, mayPass, re(`(?i:health check|Target\.)`), loopback,
		"the application listens on ${address} only, which the load balancer does not reach",
		"let it listen on 0.0.0.0", balancerPage},
	{inHealth, mayPass, re(`(?i:health check|Target\.)`), otherPort,
		"the application listens on port ${listens}, and the load balancer asks port ${port}",
		"make containerPort in the template, the service's load balancer and the port that the application listens on the same", balancerPage},
	{inHealth, mayPass, re(`these codes: \[(?P<codes>[^\]]*\b404\b[^\]]*)\]`), nil,
		"the application has no page at the health check's path${path}: it answers ${codes}",
		"correct the path of the target group's health check, or serve it", healthPage},
	{inHealth, mayPass, re(`these codes: \[(?P<codes>[^\]]*\b3\d\d\b[^\]]*)\]`), nil,
		"the application redirects the health check${path}: it answers ${codes}",
		"answer the health check before any redirect to HTTPS, to a login or to another host, or correct its path", healthPage},
	{inHealth, mayPass, re(`these codes: \[(?P<codes>[^\]]*\b(?:502|503|504)\b[^\]]*)\]`), nil,
		"the application says on the health check${path} that it is not ready: it answers ${codes}",
		"look in its log for what it waits for, most often the database; give it time with health_check_grace_period_seconds if it is only slow", balancerPage},
	{inHealth, mayPass, re(`these codes: \[(?P<codes>[^\]]*\b5\d\d\b[^\]]*)\]`), nil,
		"the application fails on the health check${path}: it answers ${codes}",
		"look in its log for the error", healthPage},
	{inHealth, mayPass, re(`these codes: \[(?P<codes>[^\]]*\b(?:401|403)\b[^\]]*)\]`), nil,
		"the application refuses the health check${path}: it answers ${codes}",
		"serve the health check's path without a login", healthPage},
	{inHealth, mayPass, re(`these codes: \[(?P<codes>[^\]]*\b4\d\d\b[^\]]*)\]`), nil,
		"the application does not take the health check${path}: it answers ${codes}",
		"the load balancer asks with the task's address as the host: allow it (Django: ALLOWED_HOSTS), or answer the health check before the host is checked", healthPage},
	{inHealth, mayPass, re(`(?i:failed container health checks)`), nil,
		"the container's own health check fails",
		"run the command of healthCheck in the template inside the image; give it time with startPeriod if the application is only slow", guide + "healthcheck.html"},
	{inHealth, mayPass, re(`Request timed out|Target\.Timeout`), nil,
		"the health check${path} gets no answer in time",
		"look whether the security group of the tasks lets that of the load balancer in on ${at}, and whether the application is that slow; give it time with health_check_grace_period_seconds", balancerPage},
	{inHealth, mayPass, re(`Target\.FailedHealthChecks|\(reason Health checks failed\)`), nil,
		"nothing answers the health check on ${at}",
		"make containerPort in the template and the port that the application listens on the same, and let it listen on 0.0.0.0", balancerPage},
	{inHealth, mayPass, re(`failed ELB health checks`), nil,
		"the tasks fail the load balancer's health check${path}",
		"ask for the path from inside the image; look whether the application's port is the template's and answers in time", balancerPage},

	// Placing tasks.
	{inPlacement, mayPass, re(`You.ve reached the limit on the number of (?P<what>[A-Za-z]+)`), nil,
		"the account's quota of ${what} that run at a time is used up",
		"ask for more in Service Quotas (AWS Fargate), or stop what is not needed: a deployment runs old and new tasks side by side", guide + "service-quotas.html"},
	{inPlacement, mayPass, re(`The requested (?P<what>CPU|MEMORY) configuration is above your limit`), nil,
		"the template wants more ${what} than the account may have",
		"ask for more in Service Quotas (AWS Fargate), or lower it in the template", guide + "service-quotas.html"},
	{inPlacement, mayPass, re(`(?i:capacity is unavailable at this time)`), nil,
		"AWS has no Fargate capacity in the tasks' zones at this time",
		"deploy again later; more zones or another size of task help", "https://repost.aws/knowledge-center/ecs-fargate-runtask-capacity"},
	{inPlacement, mayPass, re(`no container instance met all of its requirements`), nil,
		"no instance of the cluster has room for the task",
		"add instances or a capacity provider, or lower cpu and memory in the template", eventsPage},
	{inPlacement, mayPass, re(`because of the service deployment configuration`), nil,
		"the service's own limits leave no room to replace a task",
		"raise deployment_maximum_percent or lower deployment_minimum_healthy_percent in the service", eventsPage},
}

func re(patterns ...string) []*regexp.Regexp {
	var compiled []*regexp.Regexp
	for _, pattern := range patterns {
		compiled = append(compiled, regexp.MustCompile(pattern))
	}
	return compiled
}

// killed is for a container that somebody or something else ended. One that ECS stopped gets SIGKILL as well where it does
// not heed SIGTERM, and then that says nothing.
func killed(s signs, _ map[string]string) bool {
	return s.code != nil && *s.code == 128+9 && s.stop != types.TaskStopCodeServiceSchedulerInitiated && s.stop != types.TaskStopCodeUserInitiated
}

// listening is how servers say where they listen: "Listening at: http://0.0.0.0:8000", "Uvicorn running on
// http://127.0.0.1:8000", "Server listening on port 3000".
var listening = regexp.MustCompile(`(?i)\b(?:listen(?:ing|s)?|running|serving|started|bound)\b[^:\d\n]{0,40}?:?\s*(?:(?:https?|tcp)://)?(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]*\]|localhost|\*)?(?::| port:? )(\d{2,5})\b`)

func listens(s signs) (address, port string) {
	for _, line := range s.lines {
		if found := listening.FindStringSubmatch(line); found != nil {
			address, port = strings.Trim(found[1], "[]"), found[2]
		}
	}
	return address, port
}

func loopback(s signs, found map[string]string) bool {
	address, port := listens(s)
	found["address"] = address + ":" + port
	return address == "127.0.0.1" || address == "localhost" || address == "::1"
}

func otherPort(s signs, found map[string]string) bool {
	_, port := listens(s)
	found["listens"] = port
	return port != "" && s.check.port != "" && port != s.check.port
}

// harmless are log lines that report no failure, whatever they mention: "WARNING: X is not set, using the default".
var harmless = regexp.MustCompile(`(?:^|[\s\["=(])(?:WARN|WARNING|INFO|DEBUG|NOTICE|warn|warning|info|debug|notice)(?:$|[\s\]":)])`)

// known is a cause that was recognised.
type known struct {
	cause
	rank  int // in the table
	found map[string]string
	// line is where in the log it was found, -1 where elsewhere.
	line int
}

// recognise looks for the cause behind the signs.
func recognise(s signs) (known, bool) {
	best := known{line: -1}
	for rank, c := range causes {
		if best.line >= 0 && c.where != inLog {
			break // nothing that stands behind the log's causes is more certain than one of them
		}
		for i, text := range slices.Backward(s.at(c.where)) {
			if c.where == inLog && (i <= best.line || harmless.MatchString(text)) {
				continue
			}
			found, matched := c.match(s, text)
			if !matched {
				continue
			}
			k := known{cause: c, rank: rank, found: found, line: -1}
			if c.where != inLog {
				return k, true
			}
			k.line = i
			best = k
			break
		}
	}
	return best, best.line >= 0
}

// match looks for the cause in one text.
func (c cause) match(s signs, text string) (map[string]string, bool) {
	for _, pattern := range c.patterns {
		match := pattern.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		found := map[string]string{"port": s.check.port, "at": "its port", "resource": "the secret"}
		if s.check.port != "" {
			found["at"] = "port " + s.check.port
		}
		if s.check.path != "" {
			found["path"] = " " + s.check.path
		}
		for group, name := range pattern.SubexpNames() {
			if match[group] != "" {
				found[name] = strings.TrimSpace(match[group])
			}
		}
		if c.also == nil || c.also(s, found) {
			return found, true
		}
	}
	return nil, false
}

// say is the cause in a sentence.
func (k known) say() string { return k.expand(k.sentence) }

// advise says what to do about it, with the page that says more.
func (k known) advise(deployment Deployment, template *types.TaskDefinition) string {
	next := k.expand(k.next)
	if k.next == "" {
		next = supply(k.found["variable"], deployment, template)
	}
	return fmt.Sprintf("%s (%s)", next, k.page)
}

func (k known) expand(sentence string) string {
	return strings.TrimRight(os.Expand(sentence, func(name string) string { return k.found[name] }), ": ")
}

// supply says how the application gets the variables that it misses, by what the template does about them.
func supply(variables string, deployment Deployment, template *types.TaskDefinition) string {
	called := revisionName(deployment.Service.Template)
	var absent, parts []string
	for _, name := range strings.FieldsFunc(strings.ReplaceAll(variables, " and ", ","), func(r rune) bool { return r == ',' || r == ' ' }) {
		from, value, listed := listing(name, deployment.Service.Container, template)
		switch {
		case template == nil:
			parts = append(parts, fmt.Sprintf("see in terraform/ that the template %s gives %s", called, name))
		case !listed:
			absent = append(absent, name)
		case from != "":
			parts = append(parts, fmt.Sprintf("the template %s takes %s from %s: give that a value, and see that the application reads it", called, name, nameOf(from)))
		case value == "":
			parts = append(parts, fmt.Sprintf("the template %s sets %s to nothing: give it a value in terraform/ and apply", called, name))
		default:
			parts = append(parts, fmt.Sprintf("the template %s sets %s: look at how the application reads it", called, name))
		}
	}
	if len(absent) > 0 {
		what, it := "variable or secret", "it"
		if len(absent) > 1 {
			what, it = "variables or secrets", "them"
		} else if secretName.MatchString(absent[0]) {
			what = "secret"
		}
		parts = append(parts, fmt.Sprintf("the template %s lists no %s %s: add %s in terraform/ and apply", called, what, strings.Join(absent, ", "), it))
	}
	return strings.Join(parts, "; ")
}

// listing finds a variable in a container of a template: as a secret, and where that is taken from, or as a value.
func listing(name, container string, template *types.TaskDefinition) (from, value string, listed bool) {
	if template == nil {
		return "", "", false
	}
	i := slices.IndexFunc(template.ContainerDefinitions, named(container))
	if i < 0 {
		return "", "", false
	}
	for _, secret := range template.ContainerDefinitions[i].Secrets {
		if aws.ToString(secret.Name) == name {
			return aws.ToString(secret.ValueFrom), "", true
		}
	}
	for _, pair := range template.ContainerDefinitions[i].Environment {
		if aws.ToString(pair.Name) == name {
			return "", aws.ToString(pair.Value), true
		}
	}
	return "", "", false
}
