package cost

import (
	"fmt"
	"math/big"
	"path"
	"slices"
	"strings"
)

// freeStorage is what every task has without a further charge, in GB.
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-storage.html
const freeStorage = 20

// service counts the tasks of an ECS service on Fargate: by vCPU and by memory of its task definition.
//
// https://aws.amazon.com/fargate/pricing/
func service(r *resource) {
	spot, fargate := r.launch()
	if !fargate {
		return // the instances that its tasks run on cost
	}
	if spot {
		r.use("Fargate Spot, tasks of "+r.text("name")+": the price follows supply and demand", "fargate.spot")
		return
	}
	definition := r.taskDefinition()
	if definition == nil {
		r.doubt("its tasks: the task definition isn't in the plan")
		return
	}
	cpu, cpuInVCPU, ok1 := decimal(definition.text("cpu"), "vcpu")
	memory, memoryInGB, ok2 := decimal(definition.text("memory"), "gb")
	if !ok1 || !ok2 {
		r.doubt("its tasks: cpu and memory of the task definition are known only after apply")
		return
	}
	if !cpuInVCPU {
		cpu.Quo(cpu, big.NewRat(1024, 1))
	}
	if !memoryInGB {
		memory.Quo(memory, big.NewRat(1024, 1))
	}
	architecture := "x86_64"
	for _, platform := range definition.blocks("runtime_platform") {
		if chosen, _ := platform["cpu_architecture"].(string); chosen != "" {
			architecture = strings.ToLower(chosen)
		}
		if system, _ := platform["operating_system_family"].(string); strings.HasPrefix(system, "WINDOWS") {
			r.doubt("its tasks: Windows is charged with a licence")
			return
		}
	}
	tasks := r.tasks()
	if tasks == 0 {
		return
	}
	times := func(each *big.Rat) *big.Rat { return new(big.Rat).Mul(each, big.NewRat(tasks, 1)) }
	head := count(tasks, "task", "tasks")
	r.fixed(fmt.Sprintf("%s of %s vCPU (%s)", head, trim(cpu), architecture), "fargate."+architecture+".vcpu-hour", times(cpu))
	r.fixed(trim(memory)+" GB of memory each", "fargate."+architecture+".gb-hour", times(memory))
	for _, disk := range definition.blocks("ephemeral_storage") {
		if extra := number(disk["size_in_gib"]) - freeStorage; extra > 0 {
			r.fixed(fmt.Sprintf("%d GB of ephemeral storage beyond %d each", extra, freeStorage), "fargate.ephemeral-storage.gb-hour", times(big.NewRat(extra, 1)))
		}
	}
	for _, network := range r.blocks("network_configuration") {
		if public, _ := network["assign_public_ip"].(bool); public {
			r.fixed(count(tasks, "public IPv4 address", "public IPv4 addresses"), "public-ipv4.hour", big.NewRat(tasks, 1))
		}
	}
}

// launch says whether the tasks run on Fargate, and whether any of them on its spare capacity.
func (r *resource) launch() (spot, fargate bool) {
	fargate = r.text("launch_type") == "FARGATE"
	for _, strategy := range r.blocks("capacity_provider_strategy") {
		switch strategy["capacity_provider"] {
		case "FARGATE_SPOT":
			spot, fargate = true, true
		case "FARGATE":
			fargate = true
		}
	}
	return spot, fargate
}

// taskDefinition is the template of the service, on the same side of the plan. What the service runs is a copy of it with an
// image set, in the same family.
func (r *resource) taskDefinition() *resource {
	if arn := r.text("task_definition"); arn != "" {
		family, _, _ := strings.Cut(path.Base(arn), ":")
		return r.find("aws_ecs_task_definition", func(definition *resource) bool { return definition.text("family") == family })
	}
	targets := r.targets("task_definition", "aws_ecs_task_definition")
	if len(targets) != 1 {
		return nil
	}
	return r.find("aws_ecs_task_definition", func(definition *resource) bool { return configured(definition.change) == targets[0].address })
}

// find returns the resource of a type that fits, on the same side of the plan. Of several it is the one in the same copy of the
// module, or with the same key; nil where that leaves none or more than one.
func (r *resource) find(kind string, fits func(*resource) bool) *resource {
	var found []*resource
	for _, change := range r.types[kind] {
		side, unknown := change.Change.Before, any(nil)
		if r.after {
			side, unknown = change.Change.After, change.Change.AfterUnknown
		}
		values, ok := side.(map[string]any)
		if !ok || change.DeposedKey != "" {
			continue
		}
		notYet, _ := unknown.(map[string]any)
		if candidate := r.estimate.resource(change.Address, change, values, notYet); fits(candidate) {
			found = append(found, candidate)
		}
	}
	for _, nearer := range []func(*resource) bool{
		func(c *resource) bool { return c.change.ModuleAddress == r.change.ModuleAddress },
		func(c *resource) bool { return fmt.Sprint(c.change.Index) == fmt.Sprint(r.change.Index) },
	} {
		if len(found) > 1 {
			found = slices.DeleteFunc(found, func(c *resource) bool { return !nearer(c) })
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// tasks is how many tasks the service has: as many as the contract asks for at a deployment, else as many as run. Terraform
// doesn't say: it ignores the number that the pipeline and scaling set.
func (r *resource) tasks() int64 {
	if tasks, found := r.contracted(); found {
		if r.after || r.change.Change.After == nil {
			r.assume("%s has %s, as the contract asks for", r.address, count(tasks, "task", "tasks"))
		}
		return tasks
	}
	if tasks := r.number("desired_count"); tasks > 0 {
		return tasks
	}
	r.assume("%s has 1 task: neither the plan nor a contract says how many", r.address)
	return 1
}

// contracted is the desired count in the output `contract` for the service of this name.
func (r *resource) contracted() (int64, bool) {
	change := r.plan.OutputChanges["contract"]
	if change == nil {
		return 0, false
	}
	side := change.Before
	if r.after {
		side = change.After
	}
	contract, _ := side.(map[string]any)
	for _, service := range blocks(contract["services"]) {
		if tasks := number(service["desired_count"]); tasks > 0 && service["service"] == r.text("name") {
			return tasks, true
		}
	}
	return 0, false
}

// trim writes a size without needless zeros: "0.25", "2".
func trim(n *big.Rat) string {
	precision, _ := n.FloatPrec()
	return n.FloatString(precision)
}
