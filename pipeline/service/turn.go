package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type turnAPI interface {
	GetParametersByPath(context.Context, *ssm.GetParametersByPathInput, ...func(*ssm.Options)) (*ssm.GetParametersByPathOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	DeleteParameters(context.Context, *ssm.DeleteParametersInput, ...func(*ssm.Options)) (*ssm.DeleteParametersOutput, error)
}

const (
	// turnLimit is how long a migration waits for those before it.
	turnLimit = TaskTimeout + 5*time.Minute
	// unseenLimit is how long the holder of a turn, of whose migration no task is to be seen, is waited for. It is that much
	// longer than startLimit because ECS's lists lag behind.
	unseenLimit = 3 * startLimit
	// turnPolls is the number of poll intervals between two looks at somebody else's migration. Parameter Store takes 40
	// reads a second of all callers together: https://docs.aws.amazon.com/general/latest/gr/ssm.html
	turnPolls = 4
	// turnsKept are the newest turns, which are not tidied up. Of old ones only the number matters: who has looked a long
	// time ago must not be able to take one again.
	turnsKept = 10
)

// turn is the right to run a migration in an environment. Turns are numbered; each is a parameter of its own, which only one
// can create, and the highest number is the one that counts. So there is no lock to be broken: a turn whose holder is gone is
// followed by the next, which again only one can create.
//
// A holder shows that it is gone by the migration itself: the task carries the turn's mark, ECS knows whether it has
// stopped, and a holder has to start it soon or not at all.
type turn struct {
	number int
	turnRecord
	// taken is when, by the wall clock: a machine that slept in between has to notice.
	taken time.Time
}

// turnRecord is the value of a turn's parameter.
type turnRecord struct {
	// By is on whose behalf the migration runs, and Commit the release that it is of.
	By     string    `json:"by"`
	Commit string    `json:"commit"`
	Since  time.Time `json:"since"`
	// Mark is the task's startedBy.
	Mark  string `json:"startedBy"`
	Ended bool   `json:"ended"`
}

func (r turnRecord) String() string {
	by := r.By
	if by == "" {
		by = "somebody"
	}
	return fmt.Sprintf("the migration of commit %s by %s, since %s", r.Commit, by, r.Since.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// TurnsPath is the parameters' path in Parameter Store; the number follows.
func TurnsPath(name, environment string) string {
	return fmt.Sprintf("/slipway/%s/%s/migration", name, environment)
}

func (d *Deployer) turnsPath() string { return TurnsPath(d.contract.Name, d.contract.Environment) }

// takeTurn returns once no other migration runs in the environment, and none can begin.
func (d *Deployer) takeTurn(ctx context.Context, release Release) (*turn, error) {
	var (
		began    = time.Now()
		said     int
		unseen   int // the turn of which no task is to be seen
		unseenAt time.Time
	)
	for {
		last, err := d.lastTurn(ctx)
		if err != nil {
			return nil, err
		}
		over := last.number == 0 || last.Ended
		if !over {
			tasks, err := d.marked(ctx, last.Mark)
			if err != nil {
				return nil, fmt.Errorf("see whether %s still runs: %w", last.turnRecord, err)
			}
			switch {
			case len(tasks) > 0:
				over = !slices.ContainsFunc(tasks, func(t types.Task) bool { return aws.ToString(t.LastStatus) != "STOPPED" })
			case unseen != last.number:
				unseen, unseenAt = last.number, time.Now()
			default:
				over = time.Since(unseenAt) > unseenLimit
			}
		}
		if over {
			taken, err := d.createTurn(ctx, last.number+1, release)
			if taken != nil || err != nil {
				return taken, err
			}
			continue // somebody else was faster
		}
		if said != last.number {
			said = last.number
			d.say("waiting for " + last.turnRecord.String())
		}
		if time.Since(began) > turnLimit {
			return nil, &report.Failure{
				Reason: fmt.Sprintf("another migration has not ended within %s: %s", turnLimit, last.turnRecord),
				Effect: "no migration was run and no service was updated",
				Next:   "see in ECS whether its task still does something; when it has stopped, deploy again",
			}
		}
		if err := d.sleep(ctx, turnPolls); err != nil {
			return nil, err
		}
	}
}

// lastTurn returns the turn that counts; its number is 0 where there never was one.
func (d *Deployer) lastTurn(ctx context.Context) (turn, error) {
	turns, err := d.turns(ctx)
	if err != nil || len(turns) == 0 {
		return turn{}, err
	}
	return slices.MaxFunc(turns, func(a, b turn) int { return a.number - b.number }), nil
}

func (d *Deployer) turns(ctx context.Context) ([]turn, error) {
	var turns []turn
	pages := ssm.NewGetParametersByPathPaginator(d.parameters, &ssm.GetParametersByPathInput{Path: aws.String(d.turnsPath())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read which migrations there were (%s): %w", d.turnsPath(), err)
		}
		for _, parameter := range page.Parameters {
			number, err := strconv.Atoi(path.Base(aws.ToString(parameter.Name)))
			if err != nil {
				continue // not ours
			}
			t := turn{number: number}
			if err := json.Unmarshal([]byte(aws.ToString(parameter.Value)), &t.turnRecord); err != nil {
				return nil, fmt.Errorf("read the migration %s: %w", aws.ToString(parameter.Name), err)
			}
			turns = append(turns, t)
		}
	}
	return turns, nil
}

// createTurn creates the turn with this number. It returns nil where somebody else has.
func (d *Deployer) createTurn(ctx context.Context, number int, release Release) (*turn, error) {
	t := &turn{number: number, turnRecord: turnRecord{
		By: release.Run, Commit: release.Commit, Since: time.Now().UTC().Truncate(time.Second), Mark: newMark(),
	}, taken: time.Now().Round(0)}
	err := d.writeTurn(ctx, t, false)
	_, exists := errors.AsType[*ssmtypes.ParameterAlreadyExists](err)
	if err != nil && !exists && !passing(err) {
		return nil, err
	}
	turns, unseen := d.turns(ctx)
	if unseen != nil {
		return nil, errors.Join(err, unseen)
	}
	// The SDK repeats a request whose reply is lost: what exists, or was created in spite of an error, may be ours.
	if err != nil && !slices.ContainsFunc(turns, func(o turn) bool { return o.Mark == t.Mark }) {
		if exists {
			return nil, d.sleep(ctx, 1)
		}
		return nil, err
	}
	var old []string
	for _, other := range turns {
		if other.number > number {
			// What this was based on was read so long ago that the number had been tidied up.
			_, err := d.parameters.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: []string{d.turnName(number)}})
			return nil, err
		}
		if other.number <= number-turnsKept {
			old = append(old, d.turnName(other.number))
		}
	}
	for names := range slices.Chunk(old, 10) { // a call takes ten
		if _, err := d.parameters.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: names}); err != nil {
			d.say(fmt.Sprintf("%d old migrations are still in %s: %v", len(old), d.turnsPath(), err))
			break
		}
	}
	return t, nil
}

// endTurn gives a turn back.
func (d *Deployer) endTurn(ctx context.Context, t *turn) error {
	t.Ended = true
	return d.writeTurn(ctx, t, true)
}

func (d *Deployer) turnName(number int) string {
	return d.turnsPath() + "/" + strconv.Itoa(number)
}

func (d *Deployer) writeTurn(ctx context.Context, t *turn, overwrite bool) error {
	value, err := json.Marshal(t.turnRecord)
	if err != nil {
		return err
	}
	name := d.turnName(t.number)
	_, err = d.parameters.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Value: aws.String(string(value)), Type: ssmtypes.ParameterTypeString, Overwrite: &overwrite,
	})
	if err != nil {
		return fmt.Errorf("write the migration %s: %w", name, err)
	}
	return nil
}
