package service

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-ci/slipway/pipeline/redact"
)

// vault is Secrets Manager and Parameter Store, by what a task definition calls a secret without key and version.
type vault struct {
	values map[string]string
	fails  map[string]error
	hangs  bool
	asked  []string
}

func (v *vault) GetSecretValue(ctx context.Context, input *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	id := aws.ToString(input.SecretId)
	v.asked = append(v.asked, strings.Trim(fmt.Sprint(id, " ", aws.ToString(input.VersionStage), " ", aws.ToString(input.VersionId)), " "))
	if v.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	value, found := v.values[id]
	if err := v.fails[id]; err != nil || !found {
		return nil, err
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: &value}, nil
}

func (v *vault) GetParameters(_ context.Context, input *ssm.GetParametersInput, _ ...func(*ssm.Options)) (*ssm.GetParametersOutput, error) {
	v.asked = append(v.asked, strings.Join(input.Names, " "))
	if len(input.Names) > 10 || !aws.ToBool(input.WithDecryption) {
		return nil, errors.New("ValidationException")
	}
	output := &ssm.GetParametersOutput{}
	for _, name := range input.Names {
		if err := v.fails[name]; err != nil {
			return nil, err
		}
		if value, found := v.values[name]; found {
			output.Parameters = append(output.Parameters, ssmtypes.Parameter{Value: &value})
		} else {
			output.InvalidParameters = append(output.InvalidParameters, name)
		}
	}
	return output, nil
}

var mayNot = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "User: arn:aws:sts::1:me is not authorized to perform: it"}

// taking is a template that takes these.
func taking(from ...string) *types.TaskDefinition {
	c := types.ContainerDefinition{Name: aws.String("app")}
	for i, from := range from {
		c.Secrets = append(c.Secrets, types.Secret{Name: aws.String(fmt.Sprintf("V%d", i)), ValueFrom: &from})
	}
	return &types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{c}}
}

func knowing(t *testing.T, v *vault, definition *types.TaskDefinition) *redactor {
	t.Helper()
	r := &redactor{secrets: v, parameters: v}
	if notes := r.learn(t.Context(), definition); notes != nil {
		t.Fatalf("notes %q", notes)
	}
	return r
}

func TestNoValueOfASecretIsShown(t *testing.T) {
	const value = `s3c"ret/ü+&=pass word`
	document, _ := json.Marshal(map[string]any{"KEY": value, "OTHER": "correct horse", "PIN": 4711, "ON": true, "LIST": []string{"battery"}})
	r := knowing(t, &vault{values: map[string]string{secret: string(document), "/blog/dev/token": "staple-value"}},
		taking(secret+":KEY::", "/blog/dev/token"))
	quoted, _ := json.Marshal(value)
	tests := map[string]string{
		"the value in a sentence":       "connecting with " + value + " now",
		"the value as a line's prefix":  value + " [INFO] started",
		"the value in an error's text":  "OperationalError: can't log in as blog/" + value,
		"in JSON":                       fmt.Sprintf(`{"level":"error","key":%s}`, quoted),
		"as Go quotes it":               fmt.Sprintf("%q", value),
		"in a URL's query":              "GET /?key=" + url.QueryEscape(value),
		"in a URL's path":               "GET /" + url.PathEscape(value) + "/x",
		"as Python's quote makes it":    "key " + strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
		"in base64":                     "x " + base64.StdEncoding.EncodeToString([]byte(value)),
		"in base64 for URLs":            "x " + base64.URLEncoding.EncodeToString([]byte(value)),
		"in base64 without padding":     "x " + base64.RawStdEncoding.EncodeToString([]byte(value)),
		"in basic authentication":       "x " + base64.StdEncoding.EncodeToString([]byte("u:"+value)),
		"in base64 between other bytes": "x " + base64.StdEncoding.EncodeToString([]byte("user:"+value+":more")),
		"in base64 behind one byte":     "x " + base64.StdEncoding.EncodeToString([]byte(":"+value)),
		"twice":                         value + value,
		"a parameter's value in a path": "/srv/staple-value/x",
	}
	for sentence, line := range tests {
		t.Run(sentence, func(t *testing.T) {
			got := r.redact(line)
			for _, form := range []string{value, "s3c", "pass word", "pass+word", "pass%20word", "staple", base64.StdEncoding.EncodeToString([]byte(value))[3:20]} {
				if strings.Contains(got, form) {
					t.Errorf("%q shows %q", got, form)
				}
			}
			if !strings.Contains(got, redact.Hidden) {
				t.Errorf("%q hides nothing", got)
			}
		})
	}
	same(t, "what is no secret of the template", "correct horse battery 4711", r.redact("correct horse battery 4711"))
}

func TestWhatIsHiddenOfASecret(t *testing.T) {
	tests := map[string]struct {
		vault      *vault
		definition *types.TaskDefinition
		line, want string
	}{
		"a secret as a whole: all values in it": {
			&vault{values: map[string]string{secret: `{"username":"admin","password":"hunter22","pin":4711,"more":{"list":["battery"]},"on":true}`}}, taking(secret),
			"admin hunter22 4711 battery true", "*** *** *** *** true"},
		"a secret that is no JSON": {&vault{values: map[string]string{secret: "hunter22"}}, taking(secret), "is hunter22!", "is ***!"},
		"short values are left, or every other word would have stars": {
			&vault{values: map[string]string{secret: `{"A":"on","B":"abc","C":"abcd"}`}}, taking(secret+":A::", secret+":B::", secret+":C::"), "on abc abcd", "on abc ***"},
		"a private key, of which the log has a line": {
			&vault{values: map[string]string{"key": "-----BEGIN KEY-----\nMIIEvQIBADAN\nqwertyuiop==\n-----END KEY-----\n"}}, taking("key"), "  qwertyuiop==", "  ***"},
		"of two values the longer": {&vault{values: map[string]string{"a": "pass", "b": "password1"}}, taking("a", "b"), "password1 pass", "*** ***"},
		"a secret that the template holds itself": {
			&vault{}, &types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{{Environment: []types.KeyValuePair{
				{Name: aws.String("SMTP_PASSWORD"), Value: aws.String("letmein99")}, {Name: aws.String("SITE"), Value: aws.String("example")},
			}}}}, "letmein99 at example", "*** at example"},
		"the secrets of the log driver and of the registry": {
			&vault{values: map[string]string{"splunk": "token-of-splunk", secret: `{"username":"u","password":"registry1"}`}},
			&types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{{
				LogConfiguration:      &types.LogConfiguration{SecretOptions: []types.Secret{{ValueFrom: aws.String("splunk")}}},
				RepositoryCredentials: &types.RepositoryCredentials{CredentialsParameter: aws.String(secret)},
			}}}, "token-of-splunk registry1", "*** ***"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			same(t, "line", test.want, knowing(t, test.vault, test.definition).redact(test.line))
		})
	}
}

func TestASecretIsReadOnce(t *testing.T) {
	v := &vault{values: map[string]string{secret: `{"A":"aaaa","B":"bbbb"}`, "p": "pppp"}}
	r := knowing(t, v, taking(secret+":A::", secret+":B::", secret+":A:AWSPREVIOUS:", secret+":A::f00", "p"))
	r.learn(t.Context(), taking(secret+":A::", "p"))
	slices.Sort(v.asked)
	same(t, "calls", []string{secret, secret + "  f00", secret + " AWSPREVIOUS", "p"}, v.asked)
}

func TestWhatCanNotBeReadIsSaidOnce(t *testing.T) {
	v := &vault{
		values: map[string]string{"good": "parameter-value"},
		fails:  map[string]error{secret: mayNot, "bad": mayNot, secret + "2": &smithy.GenericAPIError{Code: "ResourceNotFoundException", Message: "no such secret"}},
	}
	r := &redactor{secrets: v, parameters: v}
	definition := taking(secret+":A::", secret+":B::", secret+"2", "good", "bad", "absent")
	same(t, "notes", []string{
		"log lines are shown as they are, but for what looks like a secret: the caller may not read secret blog/dev/app-AbCdEf (secretsmanager:GetSecretValue)",
		"log lines are shown as they are, but for what looks like a secret: secret blog/dev/app-AbCdEf2 could not be read: ResourceNotFoundException: no such secret",
		"log lines are shown as they are, but for what looks like a secret: the caller may not read parameter bad (ssm:GetParameters)",
		"parameter absent does not exist, so its value can't be hidden in log lines",
	}, r.learn(t.Context(), definition))
	same(t, "notes the second time", []string(nil), r.learn(t.Context(), definition))
	same(t, "what could be read is hidden", "***", r.redact("parameter-value"))
}

func TestWhatLooksLikeASecretIsHiddenWithoutKnowingIt(t *testing.T) {
	tests := map[string]string{
		"DATABASE_PASSWORD=hunter2 PORT=8000":                       "DATABASE_PASSWORD=*** PORT=8000",
		`password = "two words" and on`:                             "password = *** and on",
		`{"apiKey": "abc", "user": "me"}`:                           `{"apiKey": ***, "user": "me"}`,
		"{'SECRET_KEY': 'abc', 'DEBUG': False}":                     "{'SECRET_KEY': ***, 'DEBUG': False}",
		"token: abcdef":                                             "token: ***",
		"mysql://blog:hunter2@db:3306/blog":                         "mysql://blog:***@db:3306/blog",
		"redis://:hunter2@cache:6379":                               "redis://:***@cache:6379",
		"Authorization: Bearer abc.def-ghi":                         "Authorization: Bearer ***",
		`"authorization": "Basic dXNlcjpwYXNz"`:                     `"authorization": "Basic ***"`,
		"key AKIAIOSFODNN7EXAMPLE here":                             "key *** here",
		"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYKEY": "aws_secret_access_key = ***",
		// Words that only speak of secrets stay.
		`(1045, "Access denied for user 'blog'@'10.0.1.9' (using password: YES)")`: `(1045, "Access denied for user 'blog'@'10.0.1.9' (using password: YES)")`,
		"SECRET_KEY is not set":            "SECRET_KEY is not set",
		"KeyError: 'SECRET_KEY'":           "KeyError: 'SECRET_KEY'",
		"failed to fetch secret " + secret: "failed to fetch secret " + secret,
		retrieve + "unable to retrieve secret from asm: service call has been retried": retrieve + "unable to retrieve secret from asm: service call has been retried",
		"Basic functionality works, see http://example.com:8000/a@b":                   "Basic functionality works, see http://example.com:8000/a@b",
	}
	var unknowing *redactor
	for line, want := range tests {
		same(t, line, want, unknowing.redact(line))
		same(t, line+", twice", want, unknowing.redact(unknowing.redact(line)))
	}
}

func TestTheLogOfAOneOffTaskShowsNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := stoppedTask("EssentialContainerExited", "exited with hunter22", exited("app", 1))
		fake := started(running(), failing)
		definition := fake.definitions[webNew]
		definition.ContainerDefinitions[1].Secrets = []types.Secret{{ValueFrom: aws.String(secret + ":PASSWORD::")}, {ValueFrom: aws.String("unreadable")}}
		logs := &fakeLogs{pages: []page{{lines: []string{"hunter22| starting with hunter22"}}, {lines: []string{"Error: hunter22 is wrong"}}}}
		d, said := newDeployer(fake, logs, one())
		v := &vault{values: map[string]string{secret: `{"PASSWORD":"hunter22"}`}, fails: map[string]error{"unreadable": mayNot}}
		d.redactor = &redactor{secrets: v, parameters: v}
		err := d.RunTask(t.Context(), web, webNew, []string{"release", "--password", "hunter22"})
		if err == nil {
			t.Fatal("no failure")
		}
		all := fmt.Sprintf("%s\n%+v", strings.Join(said.lines, "\n"), err)
		document, _ := json.Marshal(err)
		if strings.Contains(all+string(document), "hunter22") {
			t.Errorf("the secret is shown:\n%s\n%s", all, document)
		}
		for _, want := range []string{"***| starting with ***", "may not read parameter unreadable"} {
			if strings.Count(all, want) != 1 {
				t.Errorf("%q is not said once:\n%s", want, all)
			}
		}
	})
}
