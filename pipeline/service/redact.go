package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"github.com/slipway-ci/slipway/pipeline/redact"
)

type secretsAPI interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

type parametersAPI interface {
	GetParameters(context.Context, *ssm.GetParametersInput, ...func(*ssm.Options)) (*ssm.GetParametersOutput, error)
}

// redactor hides secrets in what is shown: the values of those that a task definition names, as far as the caller may read
// them, and whatever looks like one. The values stay in memory. A nil redactor knows no value and hides what looks like one.
type redactor struct {
	secrets    secretsAPI
	parameters parametersAPI

	mutex sync.Mutex
	seen  map[string]bool // by what a task definition calls them, valueFrom
	known redact.Values
}

func newRedactor(cfg aws.Config) *redactor {
	return &redactor{secrets: secretsmanager.NewFromConfig(cfg), parameters: ssm.NewFromConfig(cfg)}
}

// redact hides what is known to be secret and what looks like it.
func (r *redactor) redact(text string) string {
	if r != nil {
		text = r.known.Replace(text)
	}
	return redact.Patterns(text)
}

// redactAll is redact for lines.
func (r *redactor) redactAll(lines []string) []string {
	var redacted []string
	for _, line := range lines {
		redacted = append(redacted, r.redact(line))
	}
	return redacted
}

// learn reads the values of the secrets that a task definition names. It returns a line for each that can't be read, once.
func (r *redactor) learn(ctx context.Context, definition *types.TaskDefinition) []string {
	if r == nil || definition == nil {
		return nil
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	var notes, parameters []string
	documents := map[string][]string{} // the keys wanted, by the secret: it often has one for each variable, and is read once
	for _, from := range secretsOf(definition) {
		if r.seen[from] {
			continue
		}
		r.seen[from] = true
		if secret, key, is := secretOf(from); is {
			documents[secret] = append(documents[secret], key)
		} else {
			parameters = append(parameters, from)
		}
	}
	for _, secret := range slices.Sorted(maps.Keys(documents)) {
		notes = append(notes, r.learnSecret(ctx, secret, documents[secret])...)
	}
	for names := range slices.Chunk(parameters, 10) { // as many as a call takes
		notes = append(notes, r.learnParameters(ctx, names)...)
	}
	r.known.Add(inPlain(definition)...)
	return notes
}

// secretsOf lists what a task definition takes from Secrets Manager and Parameter Store, as it writes it.
func secretsOf(definition *types.TaskDefinition) []string {
	var from []string
	for _, container := range definition.ContainerDefinitions {
		secrets := container.Secrets
		if container.LogConfiguration != nil {
			secrets = slices.Concat(secrets, container.LogConfiguration.SecretOptions)
		}
		for _, secret := range secrets {
			from = append(from, aws.ToString(secret.ValueFrom))
		}
		if container.RepositoryCredentials != nil {
			from = append(from, aws.ToString(container.RepositoryCredentials.CredentialsParameter))
		}
	}
	return from
}

// inPlain lists the values of variables that a task definition holds itself although they are secrets by their name.
func inPlain(definition *types.TaskDefinition) []string {
	var values []string
	for _, container := range definition.ContainerDefinitions {
		for _, variable := range container.Environment {
			if secretName.MatchString(aws.ToString(variable.Name)) {
				values = append(values, aws.ToString(variable.Value))
			}
		}
	}
	return values
}

var secretName = regexp.MustCompile(`(?i)(password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|secret_?key)$`)

// secretOf takes a valueFrom apart: the secret with its version, and the key in its JSON that is meant, if one is.
// "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME:KEY:STAGE:VERSION", the last three of which may be empty or absent.
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
func secretOf(from string) (secret, key string, is bool) {
	parts := strings.Split(from, ":")
	if len(parts) < 7 || parts[2] != "secretsmanager" {
		return "", "", false
	}
	arn := strings.Join(parts[:7], ":")
	parts = append(parts[7:], "", "", "")
	return strings.Join([]string{arn, parts[1], parts[2]}, "\n"), parts[0], true
}

func (r *redactor) learnSecret(ctx context.Context, secret string, keys []string) []string {
	parts := strings.Split(secret, "\n")
	input := &secretsmanager.GetSecretValueInput{SecretId: &parts[0]}
	if parts[1] != "" {
		input.VersionStage = &parts[1]
	}
	if parts[2] != "" {
		input.VersionId = &parts[2]
	}
	output, err := r.secrets.GetSecretValue(ctx, input)
	if err != nil {
		return []string{unread("secret "+nameOf(parts[0]), "secretsmanager:GetSecretValue", err)}
	}
	text := aws.ToString(output.SecretString)
	if len(output.SecretBinary) > 0 {
		r.known.Add(string(output.SecretBinary))
	}
	var members map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // a number is shown as it is written, not as 1e+06
	decoder.Decode(&members)
	for _, key := range keys {
		switch value := members[key].(type) {
		case nil: // the secret as a whole: an application shows the values that it finds in it
			r.known.Add(text)
			for _, member := range members {
				r.known.Add(leaves(member)...)
			}
		default:
			r.known.Add(leaves(value)...)
		}
	}
	return nil
}

// leaves are the values in a JSON document.
func leaves(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case json.Number:
		return []string{value.String()}
	case []any:
		var found []string
		for _, member := range value {
			found = append(found, leaves(member)...)
		}
		return found
	case map[string]any:
		var found []string
		for _, member := range value {
			found = append(found, leaves(member)...)
		}
		return found
	}
	return nil // true, false and null are no secrets
}

func (r *redactor) learnParameters(ctx context.Context, names []string) []string {
	output, err := r.parameters.GetParameters(ctx, &ssm.GetParametersInput{Names: names, WithDecryption: aws.Bool(true)})
	if err != nil && len(names) > 1 && lacksRight(err) {
		// One that may not be read fails the call for all.
		var notes []string
		for _, name := range names {
			notes = append(notes, r.learnParameters(ctx, []string{name})...)
		}
		return notes
	}
	if err != nil {
		var notes []string
		for _, name := range names {
			notes = append(notes, unread("parameter "+nameOf(name), "ssm:GetParameters", err))
		}
		return notes
	}
	var notes []string
	for _, parameter := range output.Parameters {
		r.known.Add(aws.ToString(parameter.Value))
	}
	for _, name := range output.InvalidParameters {
		notes = append(notes, fmt.Sprintf("parameter %s does not exist, so its value can't be hidden in log lines", nameOf(name)))
	}
	return notes
}

// nameOf is what people call a secret or a parameter, from its ARN.
func nameOf(from string) string {
	if parts := strings.SplitN(from, ":", 7); len(parts) == 7 {
		return strings.TrimRight(parts[6], ":")
	}
	if _, name, found := strings.Cut(from, ":parameter"); found {
		return name
	}
	return from
}

func unread(what, permission string, err error) string {
	if lacksRight(err) {
		return fmt.Sprintf("log lines are shown as they are, but for what looks like a secret: the caller may not read %s (%s)", what, permission)
	}
	why := err.Error()
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		why = api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return fmt.Sprintf("log lines are shown as they are, but for what looks like a secret: %s could not be read: %s", what, why)
}
