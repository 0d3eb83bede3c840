package service

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
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

	mutex    sync.Mutex
	seen     map[string]bool // by what a task definition calls them, valueFrom
	forms    []string
	replacer *strings.Replacer
}

func newRedactor(cfg aws.Config) *redactor {
	return &redactor{secrets: secretsmanager.NewFromConfig(cfg), parameters: ssm.NewFromConfig(cfg)}
}

// hidden stands where a secret stood.
const hidden = "***"

// shortest is the length below which a value is left alone. A secret "on" or "1" would put stars into every other word and
// tell by them what it is.
const shortest = 4

// redact hides what is known to be secret and what looks like it.
func (r *redactor) redact(text string) string {
	if r != nil {
		r.mutex.Lock()
		replacer := r.replacer
		r.mutex.Unlock()
		if replacer != nil {
			text = replacer.Replace(text)
		}
	}
	return redactPatterns(text)
}

// redactAll is redact for lines.
func (r *redactor) redactAll(lines []string) []string {
	var redacted []string
	for _, line := range lines {
		redacted = append(redacted, r.redact(line))
	}
	return redacted
}

// What gives a secret away without its value being known. A name and a value behind it is a secret where the name says so;
// with a colon only in quotes or behind a space, which keeps ARNs ("…:secret:blog/dev/app") and prose ("secret: not found")
// as they are.
var (
	credentials = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+@`)
	assignment  = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:password|passwd|pwd|secret|token|credential|api_?key|access_?key|private_?key)[a-z0-9_]*["']?\s?=\s?)("[^"]*"|'[^']*'|[^\s,;&"']+)`)
	member      = regexp.MustCompile(`(?i)(["'][a-z0-9_.-]*(?:password|passwd|pwd|secret|token|credential|api_?key|access_?key|private_?key)[a-z0-9_-]*["']\s?:\s?)("[^"]*"|'[^']*'|[^\s,;&"'}]+)`)
	field       = regexp.MustCompile(`(?i)(\b[a-z0-9_.-]*(?:password|passwd|pwd|token|api_?key|secret_?access_?key|private_?key): )("[^"]*"|'[^']*'|[^\s,;&"')]+)`)
	header      = regexp.MustCompile(`(?i)(\bauthorization["']?\s?[:=]\s?["']?(?:[a-z]+ )?)[a-z0-9._~+/*-]{3,}=*`)
	// The ids of AWS keys have a form of their own; the secret half is known by what stands before it.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
	awsKey = regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)
)

// said is what MySQL says of a password in place of the password: "(using password: YES)".
var said = regexp.MustCompile(`(?i)^(yes|no|none|null|true|false|\*+)$`)

func redactPatterns(text string) string {
	text = credentials.ReplaceAllString(text, "${1}"+hidden+"@")
	for _, pattern := range []*regexp.Regexp{assignment, member, field} {
		text = pattern.ReplaceAllStringFunc(text, func(found string) string {
			parts := pattern.FindStringSubmatch(found)
			if said.MatchString(strings.Trim(parts[2], `"'`)) {
				return found
			}
			return parts[1] + hidden
		})
	}
	text = header.ReplaceAllString(text, "${1}"+hidden)
	return awsKey.ReplaceAllString(text, hidden)
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
	r.know(inPlain(definition)...)
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
		r.know(string(output.SecretBinary))
	}
	var members map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // a number is shown as it is written, not as 1e+06
	decoder.Decode(&members)
	for _, key := range keys {
		switch value := members[key].(type) {
		case nil: // the secret as a whole: an application shows the values that it finds in it
			r.know(text)
			for _, member := range members {
				r.know(leaves(member)...)
			}
		default:
			r.know(leaves(value)...)
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
		r.know(aws.ToString(parameter.Value))
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

// know adds values to what is hidden, in each form in which a program may print them.
func (r *redactor) know(values ...string) {
	for _, value := range values {
		r.forms = append(r.forms, formsOf(value)...)
		if strings.Contains(value, "\n") { // a private key: log lines come one by one
			for line := range strings.Lines(value) {
				r.forms = append(r.forms, formsOf(line)...)
			}
		}
	}
	// At one place the first that fits is taken: the longest has to come first, or it would be replaced in part.
	slices.SortFunc(r.forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	r.forms = slices.Compact(r.forms)
	var pairs []string
	for _, form := range r.forms {
		pairs = append(pairs, form, hidden)
	}
	r.replacer = strings.NewReplacer(pairs...)
}

func formsOf(value string) []string {
	value = strings.TrimSpace(value)
	if len(value) < shortest {
		return nil
	}
	quoted := strconv.Quote(value)
	forms := []string{
		value, html.EscapeString(value), quoted[1 : len(quoted)-1],
		url.QueryEscape(value), url.PathEscape(value), strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
	}
	if document, err := json.Marshal(value); err == nil {
		forms = append(forms, string(document[1:len(document)-1]))
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		forms = append(forms, encoding.EncodeToString([]byte(value)))
		// Behind something else, as in "user:password", the value's bytes fall on the characters in one of three ways. Those
		// of the characters at either end that hold bits of the neighbours are left: nobody knows them beforehand.
		for before := range 3 {
			text := encoding.EncodeToString(append(make([]byte, before), value...))
			first, last := (before*8+5)/6, (before+len(value))*8/6
			if last-first >= 6 {
				forms = append(forms, text[first:last])
			}
		}
	}
	return forms
}
