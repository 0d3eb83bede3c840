package service

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	pulling  = "ResourceInitializationError: unable to pull secrets or registry auth: "
	retrieve = pulling + "execution resource retrieval failed: "
	secret   = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:blog/dev/app-AbCdEf"
	checked  = "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-central-1:111111111111:targetgroup/blog-dev-web/6d0ecf831eec9f09)"
)

func codes(list string) signs {
	return signs{
		reason: checked,
		events: []string{"(service blog-dev-web) (port 8000) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-central-1:111111111111:targetgroup/blog-dev-web/6d0ecf831eec9f09) due to (reason Health checks failed with these codes: [" + list + "])."},
		check:  healthCheck{path: "/readyz", port: "8000"},
	}
}

func reason(text string) signs { return signs{reason: text} }

func logs(lines ...string) signs {
	return signs{reason: "Essential container in task exited", stop: types.TaskStopCodeEssentialContainerExited, code: aws.Int32(1), lines: lines}
}

func event(text string) signs { return signs{events: []string{text}} }

// The messages are AWS's, from the page that the cause names or from tasks of its users, and the emulator's.
var examples = map[string]struct {
	signs signs
	want  string
}{
	// Starting the task.
	"the log group is missing": {
		reason("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1"),
		"the log group of the template does not exist"},
	"no route to CloudWatch": {
		reason("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: RequestError: send request failed caused by: Post \"https://logs.eu-central-1.amazonaws.com/\": dial tcp 52.94.177.1:443: i/o timeout : exit status 1"),
		"the tasks can't reach CloudWatch Logs from their subnet"},
	"no route to CloudWatch, as newer agents say it": {
		reason("ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check your network configuration. : signal: killed"),
		"the tasks can't reach CloudWatch Logs from their subnet"},
	"no route to Parameter Store": {
		reason(pulling + "unable to retrieve secrets from ssm: The task cannot pull secrets from AWS Systems Manager. There is a connection issue between the task and AWS Systems Manager Parameter Store. Check your task network configuration. RequestCanceled: request context canceled caused by: context deadline exceeded"),
		"the tasks can't reach Parameter Store from their subnet"},
	"no route to Secrets Manager": {
		reason(pulling + "unable to retrieve secret from asm: There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration. failed to fetch secret " + secret + " from secrets manager: operation error Secrets Manager: GetSecretValue, https response error StatusCode: 0, RequestID: , canceled, context deadline exceeded."),
		"the tasks can't reach Secrets Manager from their subnet"},
	"no route to ECR for the authorisation": {
		reason(pulling + "The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. operation error ECR: GetAuthorizationToken, exceeded maximum number of attempts, 3, https response error StatusCode: 0, RequestID: , request send failed, Post \"https://api.ecr.eu-central-1.amazonaws.com/\": dial tcp 13.53.180.123:443: i/o timeout."),
		"the tasks can't reach ECR from their subnet"},
	"no route to ECR for the image": {
		reason("CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref 111111111111.dkr.ecr.eu-central-1.amazonaws.com/blog-dev@sha256:43ba9e3d: failed to do request: Head \"https://111111111111.dkr.ecr.eu-central-1.amazonaws.com/v2/blog-dev/manifests/sha256:43ba9e3d\": dial tcp 10.0.3.17:443: i/o timeout"),
		"the tasks can't reach ECR from their subnet"},
	"no route to S3 for the layers": {
		reason("CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com/abc\": dial tcp 52.219.170.1:443: i/o timeout"),
		"the tasks can't reach S3, where ECR keeps the image's layers, from their subnet"},
	"no route, and nobody says to what": {
		reason(pulling + "pull command failed: : signal: killed"),
		"the tasks can't reach one of ECR, Secrets Manager and Parameter Store from their subnet"},
	"a secret may not be read": {
		reason(retrieve + "unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret " + secret + " from secrets manager: AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/blog-dev-execution/0f9d is not authorized to perform: secretsmanager:GetSecretValue on resource: " + secret + " because no identity-based policy allows the secretsmanager:GetSecretValue action status code: 400"),
		"the execution role may not read a secret of the template: secretsmanager:GetSecretValue is denied"},
	"a parameter may not be read, and the message is cut off": {
		reason(retrieve + "unable to retrieve secrets from ssm: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::1111111111"),
		"the execution role may not read a secret of the template"},
	"a secret's JSON has no such key": {
		reason(retrieve + "unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets Manager did not contain json key SECRET_KEY"),
		"a secret of the template has no key SECRET_KEY in its JSON"},
	"a secret's JSON has no such key, on the emulator": {
		reason(retrieve + "unable to retrieve json key 'SECRET_KEY' from secret " + secret + ":SECRET_KEY:: for environment variable SECRET_KEY"),
		"a secret of the template has no key SECRET_KEY in its JSON"},
	"a secret does not exist": {
		reason(retrieve + "unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret " + secret + " from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret. status code: 400"),
		"a secret of the template does not exist or has no value: " + secret},
	"a secret does not exist, on the emulator": {
		reason(retrieve + "unable to retrieve secret " + secret + ":SECRET_KEY:: for environment variable SECRET_KEY"),
		"the secret for SECRET_KEY does not exist or has no value"},
	"a parameter does not exist": {
		reason(retrieve + "unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: /blog/dev/secret-key"),
		"a parameter of the template does not exist in Parameter Store"},
	"the image is for another platform": {
		reason("CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'"),
		"the image is not built for the platform that the template wants"},
	"the image is for another platform, as Docker says it": {
		reason("CannotPullContainerError: no matching manifest for linux/arm64/v8 in the manifest list entries"),
		"the image is not built for the platform that the template wants"},
	"the program is for another platform, and the runtime says so": {
		reason("CannotStartContainerError: Error response from daemon: failed to create task for container: OCI runtime create failed: exec /app/entrypoint: exec format error"),
		"the image's program is for another platform than the one it runs on"},
	"the image may not be pulled": {
		reason("CannotPullContainerError: ref pull has been retried 1 time(s): failed to resolve reference: unexpected status from HEAD request to https://111111111111.dkr.ecr.eu-central-1.amazonaws.com/v2/blog-dev/manifests/sha256:43ba: 403 Forbidden"),
		"the execution role may not pull the image"},
	"the image is not found": {
		reason("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 111111111111.dkr.ecr.eu-central-1.amazonaws.com/blog-dev@sha256:43ba9e3d: 111111111111.dkr.ecr.eu-central-1.amazonaws.com/blog-dev@sha256:43ba9e3d: not found"),
		"the image is not in the repository"},
	"the repository is not found": {
		reason("CannotPullContainerError: API error (404): repository 111111111111.dkr.ecr.eu-central-1.amazonaws.com/blog not found"),
		"the image is not in the repository"},
	"the image is not found, on the emulator": {
		reason("CannotPullContainerError: 404 Client Error for http+docker://localhost/v1.41/images/create?tag=sha256%3A43ba&fromImage=000000000000.dkr.ecr.eu-central-1.amazonaws.com%2Fblog: Not Found (\"manifest for 000000000000.dkr.ecr.eu-central-1.amazonaws.com/blog@sha256:43ba not found: manifest unknown: manifest unknown\")"),
		"the image is not in the repository"},
	"the image is too large": {
		reason("CannotPullContainerError: write /var/lib/docker/tmp/GetImageBlob111111111: no space left on device"),
		"the image does not fit on the task's disk"},
	"the command is not in the image": {
		reason("CannotStartContainerError: Error response from daemon: OCI runtime create failed: container_linux.go:370: starting container process caused: exec: \"wbe\": executable file not found in $PATH: unknown"),
		"the image has no program of the name that the template or its entry point wants"},
	"no network interface": {
		reason("Timeout waiting for network interface provisioning to complete."),
		"the task got no network interface"},
	"out of memory": {
		signs{reason: "Essential container in task exited: OutOfMemoryError: Container killed due to memory usage", code: aws.Int32(137)},
		"the container needs more memory than the template gives it"},
	"killed, and nobody says why": {
		signs{reason: "Essential container exited", stop: types.TaskStopCodeEssentialContainerExited, code: aws.Int32(137), lines: []string{"[2026-01-01 00:00:00 +0000] [1] [INFO] Listening at: http://0.0.0.0:8000 (1)"}},
		"the container was killed with SIGKILL (137), which is how an out-of-memory kill looks; ECS gives no reason"},

	// What the program says.
	"out of memory in the program's own words": {
		logs("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"), "the application ran out of memory"},
	"gunicorn's worker was killed": {
		logs("[2026-01-01 00:00:00 +0000] [7] [ERROR] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?"), "the application ran out of memory"},
	"the program is for another platform": {
		logs("exec /app/entrypoint: exec format error"), "the image's program is for another platform than the one it runs on"},
	"MySQL's host is unknown": {
		logs(`django.db.utils.OperationalError: (2005, "Unknown MySQL server host 'blog-dev.cx.rds.amazonaws.com' (-2)")`),
		"the database's host name blog-dev.cx.rds.amazonaws.com is unknown to the tasks"},
	"MySQL's host is unknown, as MariaDB's library says it": {
		logs(`MySQLdb.OperationalError: (2005, "Unknown server host 'nowhere' (-2)")`), "the database's host name nowhere is unknown to the tasks"},
	"PostgreSQL's host is unknown": {
		logs(`psycopg2.OperationalError: could not translate host name "nowhere" to address: Name or service not known`), "the database's host name nowhere is unknown to the tasks"},
	"a host is unknown to Node": {
		logs("Error: getaddrinfo ENOTFOUND nowhere"), "the database's host name nowhere is unknown to the tasks"},
	"MySQL refuses": {
		logs(`django.db.utils.OperationalError: (2003, "Can't connect to MySQL server on 'db.internal:3306' (111)")`), "the database does not take connections from the tasks"},
	"MySQL refuses, as MariaDB's library says it": {
		logs(`django.db.utils.OperationalError: (2002, "Can't connect to server on '172.17.0.1' (115)")`), "the database does not take connections from the tasks"},
	"PostgreSQL refuses": {
		logs(`psycopg.OperationalError: connection failed: connection to server at "10.0.3.4", port 5432 failed: Connection refused`), "the database does not take connections from the tasks"},
	"a database refuses Node": {
		logs("Error: connect ECONNREFUSED 10.0.3.4:5432"), "the database does not take connections from the tasks"},
	"MySQL denies access": {
		logs(`django.db.utils.OperationalError: (1045, "Access denied for user 'blog'@'10.0.1.9' (using password: YES)")`), "the database refuses the user blog"},
	"PostgreSQL denies access": {
		logs(`psycopg2.OperationalError: FATAL:  password authentication failed for user "blog"`), "the database refuses the user blog"},
	"the database is unknown": {
		logs(`django.db.utils.OperationalError: (1049, "Unknown database 'blog'")`), "the database server has no database blog"},
	"a variable is missing": {
		logs("blog: SECRET_KEY is not set"), "the application wants SECRET_KEY, and does not get it"},
	"two variables are missing": {
		logs("django.core.exceptions.ImproperlyConfigured: SECRET_KEY, DATABASE_HOST are not set"), "the application wants SECRET_KEY, DATABASE_HOST, and does not get it"},
	"a variable is missing for django-environ": {
		logs("django.core.exceptions.ImproperlyConfigured: Set the SECRET_KEY environment variable"), "the application wants SECRET_KEY, and does not get it"},
	"a variable is missing for Django": {
		logs("django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty."), "the application wants SECRET_KEY, and does not get it"},
	"a variable is missing in os.environ": {
		logs("Traceback (most recent call last):", `  File "<frozen os>", line 709, in __getitem__`, "KeyError: 'DATABASE_HOST'"), "the application wants DATABASE_HOST, and does not get it"},
	"a variable is missing for Ruby":  {logs(`key not found: "SECRET_KEY_BASE" (KeyError)`), "the application wants SECRET_KEY_BASE, and does not get it"},
	"a variable is missing for Node":  {logs(`Error: Missing required environment variable: DATABASE_URL`), "the application wants DATABASE_URL, and does not get it"},
	"a variable is missing for Go":    {logs(`panic: required key DATABASE_URL missing value`), "the application wants DATABASE_URL, and does not get it"},
	"a variable is missing for shell": {logs(`/entrypoint.sh: line 3: DATABASE_URL: unbound variable`), "the application wants DATABASE_URL, and does not get it"},
	"Python can't import":             {logs("ModuleNotFoundError: No module named 'blog.wsgi'"), "the program ends while it loads its parts, at blog.wsgi"},
	"Python can't import a name": {
		logs("ImportError: cannot import name 'Post' from 'posts.models' (/app/posts/models.py)"), "the program ends while it loads its parts, at cannot import name 'Post' from 'posts.models' (/app/posts/models.py)"},
	"Node can't find a module": {
		logs("Error: Cannot find module '/app/server.js'", "    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15)", "  code: 'MODULE_NOT_FOUND',"),
		"the program ends while it loads its parts, at /app/server.js"},
	"a library is missing": {
		logs("/app/server: error while loading shared libraries: libmysqlclient.so.21: cannot open shared object file: No such file or directory"),
		"the program ends while it loads its parts, at libmysqlclient.so.21"},
	"the port is taken":        {logs("[ERROR] Connection in use: ('0.0.0.0', 8000)", "OSError: [Errno 98] Address already in use"), "the port that the program wants is taken by another container of the task"},
	"the port is not for all":  {logs("Error: listen EACCES: permission denied 0.0.0.0:80"), "the program may not listen on the port that it wants"},
	"the last of two is taken": {logs("KeyError: 'X_OPTION'", "During handling of the above exception, another exception occurred:", `OperationalError: (2005, "Unknown server host 'db' (-2)")`), "the database's host name db is unknown to the tasks"},
	"what the program says goes before what the health check says": {
		signs{reason: checked, lines: []string{`django.db.utils.OperationalError: (1045, "Access denied for user 'blog'@'10.0.1.9' (using password: YES)")`}, events: codes("503").events},
		"the database refuses the user blog"},

	// Health checks.
	"the application listens on itself only": {
		signs{reason: checked, lines: []string{"INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)"}, check: healthCheck{port: "8000"}},
		"the application listens on 127.0.0.1:8000 only, which the load balancer does not reach"},
	"the application listens on another port": {
		signs{health: []string{"target 10.0.1.9:8000 is unhealthy: Target.FailedHealthChecks, Health checks failed"}, lines: []string{"Server listening on port 3000"}, check: healthCheck{port: "8000"}},
		"the application listens on port 3000, and the load balancer asks port 8000"},
	"the health check's page is not found": {codes("404"), "the application has no page at the health check's path /readyz: it answers 404"},
	"the health check is redirected":       {codes("301"), "the application redirects the health check /readyz: it answers 301"},
	"the application is not ready":         {codes("503"), "the application says on the health check /readyz that it is not ready: it answers 503"},
	"the application fails":                {codes("500"), "the application fails on the health check /readyz: it answers 500"},
	"the health check is refused":          {codes("401"), "the application refuses the health check /readyz: it answers 401"},
	"the health check's host is refused":   {codes("400"), "the application does not take the health check /readyz: it answers 400"},
	"the load balancer says it itself": {
		signs{health: []string{"target 10.0.1.9:8000 (task 6e0d2a5c) is unhealthy: Target.ResponseCodeMismatch, Health checks failed with these codes: [500]"}},
		"the application fails on the health check: it answers 500"},
	"the container's own health check": {reason("Task failed container health checks"), "the container's own health check fails"},
	"the health check times out": {
		signs{health: []string{"target 10.0.1.9:8000 is unhealthy: Target.Timeout, Request timed out"}, check: healthCheck{path: "/readyz", port: "8000"}},
		"the health check /readyz gets no answer in time"},
	"nothing listens": {
		signs{health: []string{"target 10.0.1.9:8000 is unhealthy: Target.FailedHealthChecks, Health checks failed"}, check: healthCheck{path: "/readyz", port: "8000"}},
		"nothing answers the health check on port 8000"},
	"nothing listens, in an event": {
		event("(service blog-dev-web) (port 8000) is unhealthy in (target-group arn:aws:elasticloadbalancing:eu-central-1:111111111111:targetgroup/x/6d) due to (reason Health checks failed)"),
		"nothing answers the health check on its port"},
	"the health check fails, and nobody says how": {reason(checked), "the tasks fail the load balancer's health check"},

	// Placing tasks.
	"the quota of vCPUs": {
		event("(service blog-dev-web) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently."),
		"the account's quota of vCPUs that run at a time is used up"},
	"the quota of tasks, with a typographer's apostrophe": {
		event("(service blog-dev-web) was unable to place a task. Reason: You’ve reached the limit on the number of tasks you can run concurrently."),
		"the account's quota of tasks that run at a time is used up"},
	"the quota of memory": {
		event("(service blog-dev-web) was unable to place a task. Reason: The requested MEMORY configuration is above your limit."),
		"the template wants more MEMORY than the account may have"},
	"no capacity": {
		event("(service blog-dev-web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone."),
		"AWS has no Fargate capacity in the tasks' zones at this time"},
	"no instance": {
		event("(service blog-dev-web) was unable to place a task because no container instance met all of its requirements. The closest matching container-instance 1f has insufficient CPU units available."),
		"no instance of the cluster has room for the task"},
	"the deployment's own limits": {
		event("(service blog-dev-web) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again."),
		"the service's own limits leave no room to replace a task"},
}

func TestEveryKnownCauseIsRecognisedByItsOwnMessage(t *testing.T) {
	seen := map[int]bool{}
	for sentence, example := range examples {
		t.Run(sentence, func(t *testing.T) {
			k, sure := recognise(example.signs)
			if !sure {
				t.Fatal("not recognised")
			}
			same(t, "sentence", example.want, k.say())
			if next := k.advise(Deployment{Service: web}, nil); len(next) < 40 || strings.Contains(next, "${") || strings.Contains(next, "  ") {
				t.Errorf("what to do: %q", next)
			}
			seen[k.rank] = true
		})
	}
	for rank, c := range causes {
		if !seen[rank] {
			t.Errorf("no example for %q, or another cause takes it", c.sentence)
		}
	}
}

func TestWhatIsNoCause(t *testing.T) {
	tests := map[string]signs{
		"nothing at all":                        {},
		"an exit that says nothing":             logs("starting", "bye"),
		"a warning about a variable":            logs("WARNING: SENTRY_DSN is not set, errors stay here"),
		"a note in JSON":                        logs(`{"level":"info","message":"CACHE_URL is not set"}`),
		"a key that is no variable":             logs("KeyError: 'title'"),
		"SIGKILL from ECS itself":               {reason: "Scaling activity initiated by (deployment ecs-svc/1)", stop: types.TaskStopCodeServiceSchedulerInitiated, code: aws.Int32(137)},
		"a steady state":                        event("(service blog-dev-web) has reached a steady state."),
		"a port in a healthy task's log":        logs("[INFO] Listening at: http://127.0.0.1:3000 (1)"),
		"a connection that is not a database's": logs("Error: connect ECONNREFUSED 10.0.3.4:8080"),
	}
	for sentence, s := range tests {
		t.Run(sentence, func(t *testing.T) {
			if k, sure := recognise(s); sure {
				t.Errorf("recognised as %q", k.say())
			}
		})
	}
}

func TestListens(t *testing.T) {
	tests := map[string][2]string{
		"[2026-01-01 00:00:00 +0000] [1] [INFO] Listening at: http://0.0.0.0:8000 (1)": {"0.0.0.0", "8000"},
		"INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)":    {"127.0.0.1", "8000"},
		" * Running on http://172.17.0.3:5000":                                         {"172.17.0.3", "5000"},
		"Server listening on port 3000":                                                {"", "3000"},
		"Tomcat started on port 8080 (http) with context path '/'":                     {"", "8080"},
		"listening on :8080":         {"", "8080"},
		"* Listening on [::1]:3000":  {"::1", "3000"},
		"started at 12:30:45":        {"", ""},
		"Booting worker with pid: 7": {"", ""},
	}
	for line, want := range tests {
		address, port := listens(signs{lines: []string{line}})
		same(t, line, want, [2]string{address, port})
	}
}

func TestWhatToDoAboutAMissingVariable(t *testing.T) {
	template := &types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{{
		Name:        aws.String("app"),
		Secrets:     []types.Secret{{Name: aws.String("ADMIN_PASSWORD"), ValueFrom: aws.String(secret + ":ADMIN_PASSWORD::")}},
		Environment: []types.KeyValuePair{{Name: aws.String("SITE_URL"), Value: aws.String("")}, {Name: aws.String("PORT"), Value: aws.String("8000")}},
	}}}
	tests := map[string]struct{ variables, want string }{
		"the template has no such secret":   {"SECRET_KEY", "the template blog-dev-web-template:7 lists no secret SECRET_KEY: add it in terraform/ and apply"},
		"the template has no such variable": {"DATABASE_HOST", "the template blog-dev-web-template:7 lists no variable or secret DATABASE_HOST: add it in terraform/ and apply"},
		"it lacks two of three": {"SECRET_KEY, PORT, DATABASE_HOST", "the template blog-dev-web-template:7 sets PORT: look at how the application reads it; " +
			"the template blog-dev-web-template:7 lists no variables or secrets SECRET_KEY, DATABASE_HOST: add them in terraform/ and apply"},
		"it names an empty secret": {"ADMIN_PASSWORD", "the template blog-dev-web-template:7 takes ADMIN_PASSWORD from blog/dev/app-AbCdEf:ADMIN_PASSWORD: give that a value, and see that the application reads it"},
		"it sets it to nothing":    {"SITE_URL", "the template blog-dev-web-template:7 sets SITE_URL to nothing: give it a value in terraform/ and apply"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			same(t, "advice", test.want, supply(test.variables, Deployment{Service: web}, template))
		})
	}
}

func TestTheDocumentationNamesEveryPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range causes {
		if !strings.Contains(string(page), c.page) {
			t.Errorf("docs/failures.md lacks %s, of %q", c.page, c.sentence)
		}
	}
}
