package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type diagnoseAPI interface {
	describeAPI
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

type balancerAPI interface {
	DescribeTargetHealth(context.Context, *elasticloadbalancingv2.DescribeTargetHealthInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error)
	DescribeTargetGroups(context.Context, *elasticloadbalancingv2.DescribeTargetGroupsInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetGroupsOutput, error)
}

// Diagnoser finds out why deployments failed.
type Diagnoser struct {
	ecs      diagnoseAPI
	logs     logsAPI
	balancer balancerAPI
	redactor *redactor
	contract contract.Contract
	// limit is how long it may take in all. What can't be read by then is left out, and a line says so.
	limit time.Duration
	// interval is the time between two looks at a log whose last lines may not have arrived.
	interval time.Duration
}

// NewDiagnoser returns a Diagnoser for the environment that the contract describes.
func NewDiagnoser(cfg aws.Config, c contract.Contract) *Diagnoser {
	return &Diagnoser{
		ecs:      ecs.NewFromConfig(cfg),
		logs:     cloudwatchlogs.NewFromConfig(cfg),
		balancer: elasticloadbalancingv2.NewFromConfig(cfg),
		redactor: newRedactor(cfg),
		contract: c,
		limit:    9 * time.Second,
		interval: 500 * time.Millisecond,
	}
}

// Diagnose says why the deployments failed, within ten seconds. It reads their stopped tasks with the ends of their logs,
// the load balancer's view of them and the services' events, and looks in all that for a known cause.
func (d *Diagnoser) Diagnose(ctx context.Context, deployments []Deployment) report.Diagnosis {
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()

	var notes notes
	patients := make([]*patient, len(deployments))
	turn := make(chan struct{}, 5) // more at the same time would run into the API's rate limit
	var examining sync.WaitGroup
	var services map[string]types.Service
	examining.Go(func() {
		var err error
		if services, err = describe(ctx, d.ecs, d.contract); err != nil {
			notes.add("the services' events", err)
		}
	})
	for i, deployment := range deployments {
		patients[i] = &patient{Deployment: deployment}
		examining.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			d.examine(ctx, patients[i], &notes)
		})
	}
	examining.Wait()
	for _, p := range patients {
		p.events = eventsOf(services[p.Service.Service], p.Deployment)
	}
	diagnosis := conclude(patients, notes.lines)
	// All that was found goes through here, and nothing was shown before: causes are looked for in what was really said.
	return report.Diagnosis{
		Sentence: d.redactor.redact(diagnosis.Sentence),
		Evidence: d.redactor.redactAll(diagnosis.Evidence),
		Detail:   d.redactor.redactAll(diagnosis.Detail),
		Next:     d.redactor.redact(diagnosis.Next),
		Lasting:  diagnosis.Lasting,
	}
}

// notes are lines on what could not be read, each once.
type notes struct {
	mutex sync.Mutex
	lines []string
}

func (n *notes) add(what string, err error) {
	why := err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		why = "no answer in time"
	} else if api, ok := errors.AsType[smithy.APIError](err); ok {
		why = fmt.Sprintf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	}
	n.say(fmt.Sprintf("not read: %s: %s", what, why))
}

func (n *notes) say(lines ...string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for _, line := range lines {
		if !slices.Contains(n.lines, line) {
			n.lines = append(n.lines, line)
		}
	}
}

// patient is one deployment and what was found about it.
type patient struct {
	Deployment
	template *types.TaskDefinition
	// groups are its tasks that failed in the same way, the largest first.
	groups []*group
	health []string
	events []string
	check  healthCheck
}

// group are tasks of one deployment that ended in the same way, or, where none failed, that run.
type group struct {
	tasks []types.Task
	// of is how many tasks there are in all the groups of the deployment.
	of int
	// container is the one that was the reason for the end.
	container types.Container
	running   bool
	log       string
	lines     []string
}

// examine finds out what there is to know of one deployment, but for its service's events. What does not answer keeps
// nothing waiting that does not need it.
func (d *Diagnoser) examine(ctx context.Context, p *patient, notes *notes) {
	name := p.Service.Service
	var (
		tasks       []types.Task
		targets     []balancertypes.TargetHealthDescription
		first, rest sync.WaitGroup
	)
	if p.Service.TargetGroupARN != "" {
		rest.Go(func() {
			var err error
			if targets, p.check, err = d.targets(ctx, p.Service.TargetGroupARN); err != nil {
				notes.add("target health of "+name, err)
			}
		})
	}
	first.Go(func() {
		output, err := d.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &p.Revision})
		if err != nil {
			notes.add("task definition "+revisionName(p.Revision)+", and so the logs of its tasks", err)
			return
		}
		p.template = output.TaskDefinition
	})
	first.Go(func() {
		var err error
		if tasks, err = d.tasks(ctx, p.Deployment); err != nil {
			notes.add("tasks of "+name, err)
		}
	})
	first.Wait()
	p.groups = groupsOf(tasks, p.Deployment)
	if p.template != nil {
		rest.Go(func() { notes.say(d.redactor.learn(ctx, p.template)...) })
		for _, g := range p.groups[:min(len(p.groups), 5)] { // more ways to fail than that tell no more
			rest.Go(func() {
				if err := d.log(ctx, p.template, g); err != nil {
					notes.add("log "+g.log, err)
				}
			})
		}
	}
	rest.Wait()
	p.health = unhealthyOf(targets, tasks, p.Deployment)
}

// tasks returns the tasks of a deployment: those that stopped, which ECS remembers for about an hour, and those that run.
// A call describes a hundred: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
func (d *Diagnoser) tasks(ctx context.Context, deployment Deployment) ([]types.Task, error) {
	var arns []string
	for _, status := range []types.DesiredStatus{types.DesiredStatusStopped, types.DesiredStatusRunning} {
		pages := ecs.NewListTasksPaginator(d.ecs, &ecs.ListTasksInput{
			Cluster: &d.contract.Cluster, ServiceName: &deployment.Service.Service, DesiredStatus: status,
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			arns = append(arns, page.TaskArns...)
		}
	}
	var tasks []types.Task
	for chunk := range slices.Chunk(arns, 100) {
		output, err := d.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.contract.Cluster, Tasks: chunk})
		if err != nil {
			return tasks, err
		}
		tasks = append(tasks, output.Tasks...)
	}
	return tasks, nil
}

// startedBy says whether a task belongs to the deployment. ECS writes the deployment's id into its tasks; where something
// else stands there, the revision and the time have to do.
func startedBy(task types.Task, deployment Deployment) bool {
	if by := aws.ToString(task.StartedBy); deployment.ID != "" && strings.HasPrefix(by, "ecs-svc/") {
		return by == deployment.ID
	}
	return aws.ToString(task.TaskDefinitionArn) == deployment.Revision && !aws.ToTime(task.CreatedAt).Before(deployment.Since)
}

// changing is what differs between two tasks that failed for the same reason: ids, addresses, times.
var changing = regexp.MustCompile(`[0-9a-f]{8}[0-9a-f-]{4,}|\d+`)

// groupsOf puts together the tasks that failed in the same way. Tasks that ECS stopped because it wanted fewer are left out.
// Where none failed, those that run make a group: what they say in their log may be all that there is.
func groupsOf(tasks []types.Task, deployment Deployment) []*group {
	var groups []*group
	byKey := map[string]*group{}
	total := 0
	latestFirst := slices.SortedFunc(slices.Values(tasks), func(a, b types.Task) int {
		return aws.ToTime(b.CreatedAt).Compare(aws.ToTime(a.CreatedAt))
	})
	for _, failing := range []bool{true, false} {
		for _, task := range latestFirst {
			stopped := aws.ToString(task.DesiredStatus) == string(types.DesiredStatusStopped) || aws.ToString(task.LastStatus) == "STOPPED"
			if !startedBy(task, deployment) || failing != stopped || stopped && !taskFailed(task) {
				continue
			}
			container := culprit(task, deployment.Service.Container)
			key := "running"
			if stopped {
				exit := "none"
				if container.ExitCode != nil {
					exit = strconv.Itoa(int(*container.ExitCode))
				}
				why := changing.ReplaceAllString(aws.ToString(task.StoppedReason)+"\n"+aws.ToString(container.Reason), "#")
				key = strings.Join([]string{string(task.StopCode), aws.ToString(container.Name), exit, why}, "\n")
			}
			if byKey[key] == nil {
				byKey[key] = &group{container: container, running: !stopped}
				groups = append(groups, byKey[key])
			}
			byKey[key].tasks = append(byKey[key].tasks, task)
			total++
		}
		if total > 0 {
			break
		}
	}
	for _, g := range groups {
		g.of = total
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return len(b.tasks) - len(a.tasks) })
	return groups
}

// taskFailed says whether a stopped task is one that failed. ECS stops tasks as well when it wants fewer of them, as in a
// rollback, and people do.
func taskFailed(task types.Task) bool {
	switch task.StopCode {
	case types.TaskStopCodeServiceSchedulerInitiated, types.TaskStopCodeUserInitiated:
		return strings.Contains(aws.ToString(task.StoppedReason), "health checks")
	}
	return true
}

// culprit is the container for which the task ended: one for which ECS gives a reason, else one that exited by itself, the
// application's before the others. Those that ECS ended because another one did exit with SIGTERM or SIGKILL.
func culprit(task types.Task, application string) types.Container {
	var best types.Container
	score := -1
	for _, c := range task.Containers {
		points := 0
		if aws.ToString(c.Reason) != "" {
			points += 8
		}
		if c.ExitCode != nil && *c.ExitCode != 0 {
			points += 1
			if *c.ExitCode != 128+15 && *c.ExitCode != 128+9 {
				points += 4
			}
		}
		if aws.ToString(c.Name) == application {
			points += 2
		}
		if points > score {
			best, score = c, points
		}
	}
	return best
}

// log reads the last lines of one task of the group. A container's last lines may arrive after its end, so a log that is
// still empty or still grows shortly after that is looked at again.
func (d *Diagnoser) log(ctx context.Context, template *types.TaskDefinition, g *group) error {
	task := g.tasks[0]
	name := aws.ToString(g.container.Name)
	logGroup, stream := streamOf(template, name, aws.ToString(task.TaskArn))
	if logGroup == "" || g.container.ExitCode == nil && !g.running && aws.ToTime(task.StartedAt).IsZero() {
		return nil // it writes no log, or never ran
	}
	g.log = stream
	for look := 0; ; look++ {
		lines, err := lastOf(ctx, d.logs, logGroup, stream, lastLines)
		if err != nil {
			return err
		}
		complete := g.running || len(lines) > 0 && (slices.Equal(lines, g.lines) || time.Since(aws.ToTime(task.StoppedAt)) > 5*time.Second)
		g.lines = lines
		if complete || look == 2*settle {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d.interval):
		}
	}
}

// lastOf returns the last lines of a log stream, none where it does not exist: it appears with the first line.
func lastOf(ctx context.Context, logs logsAPI, group, stream string, n int) ([]string, error) {
	var lines []string
	var token *string
	for len(lines) < n {
		output, err := logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &group, LogStreamName: &stream, StartFromHead: aws.Bool(false), Limit: aws.Int32(int32(n)), NextToken: token,
		})
		if _, absent := errors.AsType[*logstypes.ResourceNotFoundException](err); absent {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		var page []string
		for _, event := range output.Events {
			page = append(page, strings.TrimRight(aws.ToString(event.Message), "\r\n"))
		}
		lines = append(page, lines...)
		// A page may be empty though older lines exist; at the stream's beginning the token stays the same.
		if output.NextBackwardToken == nil || aws.ToString(token) == *output.NextBackwardToken {
			break
		}
		token = output.NextBackwardToken
	}
	return lines[max(0, len(lines)-n):], nil
}

// targets returns the targets of a group, and what the load balancer asks of them.
func (d *Diagnoser) targets(ctx context.Context, arn string) ([]balancertypes.TargetHealthDescription, healthCheck, error) {
	var check healthCheck
	health, err := d.balancer.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: &arn})
	if err != nil {
		return nil, check, err
	}
	groups, err := d.balancer.DescribeTargetGroups(ctx, &elasticloadbalancingv2.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}})
	if err != nil {
		return health.TargetHealthDescriptions, check, err
	}
	for _, g := range groups.TargetGroups {
		check.path = aws.ToString(g.HealthCheckPath)
		if check.port = aws.ToString(g.HealthCheckPort); check.port == "traffic-port" && g.Port != nil {
			check.port = strconv.Itoa(int(*g.Port))
		}
	}
	return health.TargetHealthDescriptions, check, nil
}

// unhealthyOf lists the unhealthy targets with the reason, but for those that are tasks of another deployment.
func unhealthyOf(targets []balancertypes.TargetHealthDescription, tasks []types.Task, deployment Deployment) []string {
	owner := map[string]types.Task{} // by address
	for _, task := range tasks {
		for _, attachment := range task.Attachments {
			for _, detail := range attachment.Details {
				if aws.ToString(detail.Name) == "privateIPv4Address" {
					owner[aws.ToString(detail.Value)] = task
				}
			}
		}
	}
	var lines []string
	for _, target := range targets {
		if target.Target == nil || target.TargetHealth == nil {
			continue
		}
		switch target.TargetHealth.State {
		case balancertypes.TargetHealthStateEnumUnhealthy, balancertypes.TargetHealthStateEnumUnused, balancertypes.TargetHealthStateEnumUnavailable:
		default:
			continue
		}
		address := aws.ToString(target.Target.Id)
		task, mine := owner[address]
		if mine && !startedBy(task, deployment) {
			continue
		}
		line := "target " + net.JoinHostPort(address, strconv.Itoa(int(aws.ToInt32(target.Target.Port))))
		if mine {
			line += fmt.Sprintf(" (task %s)", taskID(aws.ToString(task.TaskArn)))
		}
		line += fmt.Sprintf(" is %s: %s", target.TargetHealth.State, target.TargetHealth.Reason)
		if description := aws.ToString(target.TargetHealth.Description); description != "" {
			line += ", " + description
		}
		lines = append(lines, line)
	}
	return lines
}

// telling are the words in those events of a service that report trouble.
var telling = regexp.MustCompile(`(?i)\b(?:unable|unhealthy|fail(?:ed|s|ing|ure)?|errors?|throttled|limit|unavailable|insufficient|missing|alarm|rolled back|rolling back)\b`)

// consequence are events that only report that ECS gave up.
var consequence = regexp.MustCompile(`(?i)deployment failed|rolled back|rolling back`)

// otherDeployment finds the deployment of which an event speaks: "(service web) (deployment ecs-svc/123) …".
var otherDeployment = regexp.MustCompile(`\(deployment (ecs-svc/\w+)\)`)

// eventsOf are the messages of the service's events since the deployment began that report trouble, in order of time.
func eventsOf(service types.Service, deployment Deployment) []string {
	since := deployment.Since
	if since.IsZero() {
		for _, d := range service.Deployments {
			if aws.ToString(d.Id) == deployment.ID {
				since = aws.ToTime(d.CreatedAt)
			}
		}
	}
	var messages []string
	for _, event := range slices.Backward(service.Events) { // ECS gives the latest first
		message := aws.ToString(event.Message)
		of := otherDeployment.FindStringSubmatch(message)
		if aws.ToTime(event.CreatedAt).Before(since) || !telling.MatchString(message) || of != nil && of[1] != deployment.ID {
			continue
		}
		if !slices.Contains(messages, message) {
			messages = append(messages, message)
		}
	}
	return messages
}

// suspect is a way in which tasks of a deployment failed, or the deployment without any task, with its cause, if known.
type suspect struct {
	*patient
	*group
	known
	sure bool
}

// brief is how many lines of evidence there are at most: with the reason and ECS's decision before them and what was done
// and is to do behind them they are within the last fifteen lines of a terminal.
const brief = 10

// conclude makes the diagnosis of what was found.
func conclude(patients []*patient, notes []string) report.Diagnosis {
	var suspects []suspect
	for _, p := range patients {
		for _, g := range p.groups {
			f := suspect{patient: p, group: g}
			f.known, f.sure = recognise(f.signs())
			suspects = append(suspects, f)
		}
		if len(p.groups) == 0 && (len(p.events) > 0 || len(p.health) > 0) {
			f := suspect{patient: p}
			f.known, f.sure = recognise(f.signs())
			suspects = append(suspects, f)
		}
	}
	// The cause that is known goes before others, then what failed before what runs, then the most frequent. Services keep
	// the contract's order.
	slices.SortStableFunc(suspects, func(a, b suspect) int {
		return cmp.Or(compareBool(b.sure, a.sure), compareBool(b.failing(), a.failing()), b.count()-a.count())
	})
	var diagnosis report.Diagnosis
	if len(suspects) == 0 {
		diagnosis.Sentence = "nothing that could be read says why"
		diagnosis.Next = "look at the service's events and at the application's log"
		diagnosis.Evidence = notes[:min(len(notes), brief)]
		return diagnosis
	}
	first := suspects[0]
	diagnosis.Sentence = first.sentence(len(patients) > 1)
	diagnosis.Evidence = evidence(suspects, notes)
	all := detail(suspects, patients, notes)
	if slices.ContainsFunc(all, func(line string) bool { return !slices.Contains(diagnosis.Evidence, line) }) {
		diagnosis.Detail = all
	}
	diagnosis.Next = "mend what the lines above show and deploy again"
	if first.sure {
		diagnosis.Next = first.advise(first.Deployment, first.template)
		diagnosis.Lasting = first.failing() && first.course == lasts
	}
	return diagnosis
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (f suspect) failing() bool { return f.group == nil || !f.running }

func (f suspect) count() int {
	if f.group == nil {
		return 0
	}
	return len(f.tasks)
}

func (f suspect) signs() signs {
	s := signs{health: f.health, events: f.events, check: f.check}
	if f.group != nil {
		s.reason, s.stop, s.code, s.lines = f.reason(), f.tasks[0].StopCode, f.container.ExitCode, f.lines
	}
	return s
}

// reason is what ECS says of the end of the task and of its container.
func (g *group) reason() string {
	parts := []string{aws.ToString(g.tasks[0].StoppedReason)}
	if reason := aws.ToString(g.container.Reason); reason != "" && !strings.Contains(parts[0], reason) {
		parts = append(parts, reason)
	}
	return strings.TrimPrefix(strings.Join(parts, ": "), ": ")
}

// signals by number, as a shell counts them behind 128.
var signals = map[int32]string{1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM"}

// exit says what the container exited with: "exit status 3", "SIGKILL (137)".
func (g *group) exit() string {
	switch code := g.container.ExitCode; {
	case code == nil:
		return ""
	case signals[*code-128] != "":
		return fmt.Sprintf("%s (%d)", signals[*code-128], *code)
	default:
		return fmt.Sprintf("exit status %d", *code)
	}
}

// sentence is the reason for the failure.
func (f suspect) sentence(named bool) string {
	var sentence string
	switch {
	case f.sure:
		sentence = f.say()
	case f.group == nil:
		sentence = "no task could be started or kept: " + cmp.Or(last(f.events), last(f.health))
	default:
		sentence = f.end()
	}
	var parts []string
	if named {
		parts = append(parts, f.Service.Service)
	}
	if f.group != nil && !f.running {
		parts = append(parts, fmt.Sprintf("%d of %d tasks", len(f.tasks), f.of))
		if exit := f.exit(); exit != "" && !strings.Contains(sentence, exit) {
			parts = append(parts, exit)
		}
	}
	if len(parts) > 0 {
		sentence += fmt.Sprintf(" (%s)", strings.Join(parts, ", "))
	}
	return cut(sentence)
}

// end says how the tasks ended, without knowing the cause.
func (g *group) end() string {
	task := g.tasks[0]
	switch {
	case g.running:
		return "the new tasks run, and nothing tells what is wrong with them"
	case task.StopCode == types.TaskStopCodeTaskFailedToStart:
		return "the new task can't start: " + g.reason()
	case g.container.ExitCode == nil:
		return "the new task ended: " + cmp.Or(g.reason(), "ECS gives no reason")
	case !taskFailed(task) || task.StopCode == types.TaskStopCodeServiceSchedulerInitiated:
		return g.reason()
	}
	when := ""
	if started, ended := aws.ToTime(task.StartedAt), aws.ToTime(task.StoppedAt); !started.IsZero() && !ended.IsZero() {
		when = " right after it starts"
		if ran := ended.Sub(started); ran > 30*time.Second {
			when = fmt.Sprintf(" %s after it starts", ran.Round(time.Second))
		}
	}
	switch code := *g.container.ExitCode; {
	case code == 0:
		return fmt.Sprintf("the new task ends%s, with exit status 0: its command is no server", when)
	case signals[code-128] != "":
		return fmt.Sprintf("the new task is ended by %s%s", g.exit(), when)
	default:
		return fmt.Sprintf("the new task exits%s", when)
	}
}

// summary is one line on the tasks of a group.
func (f suspect) summary() string {
	line := fmt.Sprintf("%s: %d of %d tasks", f.Service.Service, len(f.tasks), f.of)
	if f.running {
		return line + " run"
	}
	for _, part := range []string{f.exit(), string(f.tasks[0].StopCode), f.reason()} {
		if part != "" {
			line += ", " + part
		}
	}
	return line
}

// evidence is what the reason rests on, in few lines. The log comes last: it tells most, and what it ends with stands
// next to what is to do.
func evidence(suspects []suspect, notes []string) []string {
	var above []string
	add := func(most int, lines ...string) {
		if len(lines) > most {
			more := fmt.Sprintf("… and %d more like this", len(lines)-most)
			lines = append(slices.Clone(lines[:most]), more)
		}
		above = append(above, lines...)
	}
	var groups []string
	for _, f := range suspects {
		if f.group != nil {
			groups = append(groups, f.summary())
		}
	}
	first := suspects[0]
	add(2, groups...)
	if first.group == nil || len(first.lines) == 0 {
		add(3, first.health...)
		add(3, first.events...)
	} else {
		add(1, first.health...)
		for _, event := range slices.Backward(first.events) {
			if !consequence.MatchString(event) {
				above = append(above, event)
				break
			}
		}
	}
	if len(notes) > 0 {
		above = append(above, notes[0])
	}
	above = above[:min(len(above), brief)]
	if first.group != nil && len(first.lines) > 0 && len(above) < brief-1 {
		above = append(above, fmt.Sprintf("last lines of %s:", first.log))
		above = append(above, around(first.lines, first.line, brief-len(above))...)
	}
	for i := range above {
		above[i] = cut(above[i])
	}
	return above
}

// around returns the last lines, and, where the one that tells the cause is not among them, that one before them.
func around(lines []string, cause, n int) []string {
	var kept []string
	first := max(0, len(lines)-n)
	if cause >= 0 && cause < first && n > 2 {
		kept = append(kept, lines[cause], "…")
		first += 2
	}
	kept = append(kept, lines[first:]...)
	for i := range kept {
		kept[i] = "  " + kept[i]
	}
	return kept
}

// longest line that a terminal shows of a log; the detail has all of it.
const widest = 300

func cut(line string) string {
	if characters := []rune(line); len(characters) > widest {
		return string(characters[:widest]) + "…"
	}
	return line
}

func last(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// detail is all that was found.
func detail(suspects []suspect, patients []*patient, notes []string) []string {
	var lines []string
	for _, p := range patients {
		lines = append(lines, p.events...)
		lines = append(lines, p.health...)
	}
	for _, f := range suspects {
		if f.group == nil {
			continue
		}
		lines = append(lines, f.summary())
		if len(f.lines) > 0 {
			lines = append(lines, fmt.Sprintf("last lines of %s:", f.log))
			lines = append(lines, around(f.lines, -1, len(f.lines))...)
		}
	}
	return append(lines, notes...)
}
